"""The till's screen at both sizes: exact words, exact figures, and nothing out of view."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets import Digits

from primepos.core.errors import Unavailable
from primepos.till.errors import JournalInUse
from primepos.till.keys import Mode
from primepos.tui.messages import Done, Refused
from primepos.tui.theme import PALETTES, contrast
from primepos.tui.till.app import TillApp
from primepos.tui.till.screens.base import TillScreen
from tests.factories import rows

SIZES = [(80, 24), (120, 40)]
BREAD = "4006381333931"

both = pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])


def sold(world):
    world.till.delivery.flush()
    return [
        (each["kind"], each["number"], each["total"])
        for each in rows(
            world.app,
            "SELECT kind, number, total FROM sales WHERE tenant_id = %s ORDER BY number",
            (world.shop.tenant_id,),
        )
    ]


@both
def test_from_signing_in_to_the_receipt(at_the_till, world, size):
    async def story(hands):
        await hands.settle()
        assert hands.text("#entry") == "Staff code ›  "
        await hands.press("7", "enter", "8264")
        assert hands.text("#entry") == "PIN › •••• "
        await hands.press("enter")
        assert hands.app.screen.MODE is Mode.NO_SHIFT
        assert "Hello, Anna" in hands.text("#entry")
        await hands.press("100", "enter")
        await hands.press("A-1", "enter", "6*" + BREAD, "enter")
        assert hands.app.screen.MODE is Mode.SELLING
        lines = hands.text("#lines").splitlines()
        assert lines[0].split()[:2] == ["Qty", "Price"]
        assert lines[1].split() == ["Apple", "1", "1,00", "1,00"]
        assert lines[2].split() == ["▸", "Bread", "6", "2,50", "15,00"]
        assert hands.app.screen.query_one("#total .large", Digits).value == "16,00"
        await hands.press("enter", "20", "enter")
        assert hands.app.screen.MODE is Mode.RECEIPT
        assert hands.app.screen.query_one("#change .large", Digits).value == "4,00"
        assert "TOTAL EUR" + "16,00".rjust(31) in hands.text("#receipt")
        await hands.press("C-3", "enter")
        assert hands.app.screen.MODE is Mode.SELLING

    at_the_till(story, size)
    world.till = world.open()
    assert sold(world) == [("sale", 1, 1600)]


@both
def test_the_last_line_the_total_and_the_status_are_always_in_view(at_the_till, world, size):
    async def story(hands):
        await hands.ready()
        for _ in range(18):
            world.scan("A-1")
            world.scan("C-3")
        hands.app._tick()
        await hands.settle()
        shown = hands.rows()
        assert len(shown) == size[1]
        assert all(len(row) == size[0] for row in shown)
        screen = "\n".join(shown)
        assert "▸ Cheese" in screen
        assert "Total EUR" in screen
        assert "↑ " in screen
        assert "Main street · Till 1 · Anna · 2026-03-02" in shown[-1]
        assert shown[-1].rstrip().endswith("13:00")
        for _ in range(35):
            world.press("up")
        hands.app._tick()
        await hands.settle()
        assert "▸ Apple" in "\n".join(hands.rows())

    at_the_till(story, size)


@both
def test_an_error_stays_until_escape_and_scans_wait_behind_it(at_the_till, world, size):
    async def story(hands):
        await hands.ready()
        await hands.press("nope", "enter", "A-1", "enter")
        assert hands.text("#box-title") == "Not done"
        assert hands.text("#box-text") == "No product nope"
        assert hands.text("#box-help") == "Esc puts this away   1 scans wait"
        assert hands.app.screen.query_one("#box").has_class("error")
        await hands.press("escape")
        assert not hands.app.screen.query_one("#box").display
        assert [line.name for line in world.till.engine.view().lines] == ["Apple"]

    at_the_till(story, size)


@both
def test_a_managers_approval_over_the_sale(at_the_till, world, size):
    async def story(hands):
        await hands.ready()
        await hands.press("C-3", "enter", "f6", "10", "enter")
        assert hands.text("#box-title") == "Manager's approval"
        assert hands.text("#box-text") == "10 % off the ticket"
        await hands.press("1", "enter", "9153")
        assert hands.text("#box-entry") == "PIN of 1 › •••• "
        await hands.press("enter")
        assert hands.app.screen.query_one("#total .large", Digits).value == "8,99"

    at_the_till(story, size)


@both
def test_search_shows_what_matches_as_one_types(at_the_till, world, size):
    async def story(hands):
        await hands.ready()
        await hands.press("f2", "br")
        assert hands.text("#box-text").split() == ["▸", "Bread", "B-2", "2,50"]
        await hands.press("enter")
        assert [line.name for line in world.till.engine.view().lines] == ["Bread"]

    at_the_till(story, size)


@both
def test_closing_the_shift_shows_the_z_report(at_the_till, size):
    async def story(hands):
        await hands.ready()
        await hands.press("A-1", "enter", "f12", "escape", "ctrl+e", "101", "enter")
        assert "Counted: 101,00 €" in hands.text("#box-text")
        assert "Expected" not in hands.text("#box-text")
        await hands.press("enter")
        assert "Z REPORT 1" in hands.text("#box-text")
        assert hands.app.screen.MODE is Mode.NO_SHIFT

    at_the_till(story, size)


def test_help_scrolls_and_its_way_out_stays_in_view(at_the_till):
    async def story(hands):
        await hands.ready()
        await hands.press("f1")
        assert "Esc or Enter: back   ↑ ↓ scroll" in "\n".join(hands.rows())
        assert "Ctrl+E" not in "\n".join(hands.rows())
        await hands.press(*["down"] * 30)
        assert "n c" in "\n".join(hands.rows())
        await hands.press("escape")
        assert not hands.app.screen.query_one("#box").display

    at_the_till(story)


def test_a_burst_of_scans_arrives_in_order_while_screens_change(at_the_till, world):
    async def story(hands):
        await hands.ready()
        burst = []
        for code in ("A-1", BREAD, "C-3"):
            burst += [*("minus" if sign == "-" else sign for sign in code), "enter"]
        await hands.pilot.press(*burst, "f12", *burst, "f12", *burst)
        await hands.settle()
        assert [line.name for line in world.till.engine.view().lines] == ["Apple", "Bread", "Cheese"]
        assert [each.sale.total for each in world.till.journal.entries() if each.number] == [1349, 1349]

    at_the_till(story)


def test_keys_typed_while_the_server_is_asked_are_taken_afterwards(at_the_till, world):
    async def story(hands):
        await hands.settle()
        await hands.pilot.press("7", "enter", "8", "2", "6", "4", "enter", "5", "0", "enter")
        await hands.settle()
        assert world.till.desk.shift.opening_float == 5000

    at_the_till(story)


def test_a_pasted_scan_is_sold(at_the_till, world):
    from textual.events import Paste

    async def story(hands):
        await hands.ready()
        hands.app.post_message(Paste(f"{BREAD}\r\nA-1\r\n\x1b[31m"))
        await hands.settle()
        assert [line.name for line in world.till.engine.view().lines] == ["Bread", "Apple"]

    at_the_till(story)


def test_a_server_that_goes_away_is_named_at_the_bottom(at_the_till, world):
    async def story(hands):
        await hands.ready()
        world.line.down = True
        await hands.press("A-1", "enter", "f12")
        world.till.delivery.flush()
        hands.app._tick()
        await hands.settle()
        assert "○ offline · not sent: 1" in hands.text("#status")

    at_the_till(story)


def test_control_keys_of_terminals_do_not_end_the_till(at_the_till, world):
    async def story(hands):
        await hands.ready()
        await hands.press("A-1", "enter")
        for key in ("ctrl+c", "ctrl+d", "ctrl+z", "ctrl+q", "f4", "tab"):
            await hands.press(key)
        assert hands.text("#box-title") == "Leave the till?"
        await hands.press("escape")
        assert len(world.till.engine.view().lines) == 1

    at_the_till(story)


def test_leaving_asks_and_gives_the_register_back(world):
    async def play():
        app = TillApp(lambda _progress: world.till)
        async with app.run_test() as pilot:
            from tests.tui.conftest import Hands

            hands = Hands(app, pilot)
            await hands.settle()
            await pilot.press("ctrl+q")
            await pilot.press("enter")
            await pilot.pause()
        return app.return_value

    assert asyncio.run(play()) is None
    world.till = world.open()


def test_an_idle_till_locks_itself_and_keeps_the_sale(at_the_till, world):
    async def story(hands):
        await hands.ready()
        await hands.press("A-1", "enter")
        hands.app._touched -= 301
        hands.app._tick()
        await hands.settle()
        assert hands.app.screen.MODE is Mode.SIGNED_OUT
        assert "A sale of 1,00 € is open." in hands.text("#words")

    at_the_till(story)


def test_a_bug_is_a_message_and_not_the_end(at_the_till, world, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    async def story(hands):
        await hands.ready()
        monkeypatch.setattr(world.till.catalogue, "look_up", broken)
        await hands.press("A-1", "enter")
        assert hands.text("#box-text") == "Internal server error"

    at_the_till(story)


def test_names_draw_no_markup_and_no_escapes(at_the_till, world):
    async def story(hands):
        await hands.ready()
        product = world.till.catalogue.look_up("A-1")
        odd = type(product.product)(
            **{
                **{name: getattr(product.product, name) for name in type(product.product).__slots__},
                "name": "[red]Äpfel[/] 苹果 \x1b[31m",
            }
        )
        found = type(product)(odd, product.quantity, product.unit_price)
        world.till.catalogue.look_up = lambda _code: found
        await hands.press("A-1", "enter")
        assert "[red]Äpfel[/]" in hands.text("#lines")
        await hands.press("f12")
        shown = hands.rows()
        assert "\x1b" not in "".join(shown)

    at_the_till(story)


def test_a_till_that_cannot_open_ends_with_the_reason():
    def opener(_progress):
        raise JournalInUse(path="x")

    async def play():
        app = TillApp(opener)
        async with app.run_test() as pilot:
            for _ in range(100):
                await pilot.pause()
                if not app.is_running or app.return_value is not None:
                    break
                await asyncio.sleep(0.01)
        return app.return_value

    assert isinstance(asyncio.run(play()), JournalInUse)


def test_work_apart_posts_exactly_one_message(at_the_till):
    def refuse():
        raise Unavailable

    async def story(hands):
        await hands.settle()
        hands.told.clear()
        for name, work in (("good", lambda: 7), ("refused", refuse), ("bug", lambda: 1 // 0)):
            hands.app.run_apart(name, work)
            await hands.app.workers.wait_for_complete()
            await hands.pilot.pause()
        told = {message.name: (type(message), getattr(message, "error", None)) for message in hands.told}
        assert [each.name for each in dict.fromkeys(hands.told)] == ["good", "refused", "bug"]
        assert told["good"] == (Done, None)
        assert (told["refused"][0], told["refused"][1].code) == (Refused, "UNAVAILABLE")
        assert (told["bug"][0], told["bug"][1].code) == (Refused, "INTERNAL_ERROR")

    at_the_till(story)


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.name)
def test_every_text_has_the_contrast_that_wcag_asks_for(palette):
    ratios = {name: round(contrast(text, ground), 2) for name, text, ground in palette.pairs()}
    weak = {name: ratio for name, ratio in ratios.items() if ratio < 4.5}
    assert weak == {}


@pytest.mark.parametrize("theme", ["primepos-light", "primepos-contrast"])
def test_other_themes_are_chosen_by_the_environment(at_the_till, monkeypatch, theme):
    monkeypatch.setenv("PRIMEPOS_THEME", theme)

    async def story(hands):
        await hands.ready()
        assert hands.app.theme == theme

    at_the_till(story)


def test_without_colour_the_marks_say_it_all(at_the_till, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def story(hands):
        await hands.ready()
        await hands.press("A-1", "enter", "nope", "enter")
        shown = "\n".join(hands.rows())
        assert "Not done" in shown
        assert "● online" in shown
        assert "▸" in shown

    at_the_till(story)


def test_every_mode_has_a_screen():
    from primepos.tui.till.app import _SCREENS

    assert set(_SCREENS) == set(Mode)
    assert all(issubclass(each, TillScreen) for each in _SCREENS.values())
