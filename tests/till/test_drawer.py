"""The drawer at the till: cash in and out, no-sale, counts, the end of sales, the limit, with a server and without."""

from __future__ import annotations

from typing import Any

import pytest

from primepos.core.ids import new_id
from primepos.domain.cash.service import shift_figures
from primepos.domain.tenancy.service import update_settings
from primepos.till.drawer import look_before_closing
from primepos.till.engine import Command
from primepos.till.errors import NotUnderstood
from primepos.till.keys import Mode
from primepos.till.shift_report import report_lines
from tests.factories import assert_books_hold, rows
from tests.till.world import MANAGER, MANAGER_PIN


def act(world: Any, name: str, *answers: str) -> None:
    """Ask for an act, then type what it asks for."""
    world.till.engine.handle(Command(name))
    for answer in answers:
        world.press(answer, "enter") if answer else world.press("enter")


def kept(world: Any) -> list[dict[str, Any]]:
    """What the server has of the drawer, in the order it happened."""
    return rows(
        world.app,
        "SELECT kind, amount, reason, actor, approved_by, late FROM cash_movements WHERE tenant_id = %s"
        " ORDER BY moved_at, recorded_at, id",
        (world.shop.tenant_id,),
    )


def test_cash_paid_out_needs_a_manager_is_journaled_and_delivered(till):
    act(till, "paid_out", "12.40", "stamps")
    assert till.till.journal.drawer_events(till.till.desk.shift.id) == []
    till.approve()
    assert till.error == ""
    assert till.till.delivery.flush()
    (moved,) = kept(till)
    assert moved == {
        "kind": "paid_out",
        "amount": -1240,
        "reason": "stamps",
        "actor": "Anna",
        "approved_by": "Mo",
        "late": False,
    }
    till.press("ctrl+t")
    assert any(line.split() == ["Paid", "out", "(1)", "-12,40"] for line in till.till.engine.box.lines)
    assert_books_hold(till.app, till.shop)


def test_a_day_at_the_drawer_without_a_server_arrives_in_its_order(world):
    world.sign_in(MANAGER, MANAGER_PIN)
    world.press("2*20 6*10", "enter")
    world.line.down = True
    world.scan("A-1")
    world.press("f12")
    act(world, "paid_in", "50", "change")
    act(world, "drop", "60", "full")
    act(world, "pickup", "5", "van")
    act(world, "no_sale", "gave change")
    act(world, "spot_count", "1*50 3*10 6*1")
    blockers, warnings = look_before_closing(world.till.desk, world.till.desk.shift)
    assert [each.code for each in blockers] == ["UNCOUNTED"]
    assert [each.code for each in warnings] == ["UNSENT", "NO_SERVER"]
    act(world, "end_shift", "")
    world.scan("A-1")
    assert world.error == "This shift has ended: count the drawer and close it"
    world.press("escape", "ctrl+e", "1*50 3*10 6*1", "enter")
    assert "Difference: 0,00 €" in world.till.engine.box.lines
    world.press("enter")
    local = [line for line in world.till.engine.box.lines if "Not sent" not in line and "Z REPORT" not in line]
    world.line.down = False
    assert world.till.delivery.flush()
    assert [(each["kind"], each["amount"], each["late"]) for each in kept(world)] == [
        ("paid_in", 5000, False),
        ("drop", -6000, False),
        ("pickup", -500, False),
        ("no_sale", 0, False),
    ]
    (shift,) = rows(
        world.app,
        "SELECT id, expected, counted, ended_by, z_number FROM shifts WHERE tenant_id = %s",
        (world.shop.tenant_id,),
    )
    assert (shift["expected"], shift["counted"], shift["ended_by"], shift["z_number"]) == (8600, 8600, "Mo", 1)
    pieces = rows(
        world.app,
        "SELECT kind, denominations FROM cash_counts WHERE tenant_id = %s ORDER BY counted_at, kind",
        (world.shop.tenant_id,),
    )
    counted = {"5000": 1, "1000": 3, "100": 6}
    assert {each["kind"]: each["denominations"] for each in pieces} == {
        "opening": {"2000": 2, "1000": 6},
        "spot": counted,
        "closing": counted,
    }
    z = world.app.run(shift_figures, world.shop.manager, {"shift_id": shift["id"]})
    told = report_lines(z, world.till.place)
    assert sorted(local) == sorted(line for line in told if "Z REPORT" not in line and "Not sent" not in line)
    assert "*** COPY ***" in "\n".join(report_lines(z, world.till.place, copy=True))
    assert_books_hold(world.app, world.shop)


def test_a_lost_answer_moves_the_cash_once(world):
    world.sign_in(MANAGER, MANAGER_PIN)
    world.press("100", "enter")
    world.line.lose_answers_of = {"cash.deliver"}
    act(world, "drop", "40", "full")
    assert not world.till.delivery.flush()
    world.line.lose_answers_of = set()
    assert world.till.delivery.flush()
    assert [each["amount"] for each in kept(world)] == [-4000]


def test_beyond_the_limit_a_cashier_says_why_and_a_manager_agrees(world):
    world.app.run(update_settings, world.shop.owner, {"settings": {"difference_limit": 200}})
    world.restart()
    world.ready()
    world.press("ctrl+e", "97", "enter", "enter")
    assert world.till.engine.box.title == "Beyond the limit"
    world.press("escape", "ctrl+e", "97", "enter", "enter", "three euros lost", "enter")
    world.approve()
    assert world.view.mode is Mode.NO_SHIFT
    (shift,) = rows(
        world.app,
        "SELECT counted, difference, reason, closed_by, approved_by FROM shifts WHERE tenant_id = %s",
        (world.shop.tenant_id,),
    )
    assert shift == {
        "counted": 9700,
        "difference": -300,
        "reason": "three euros lost",
        "closed_by": "Anna",
        "approved_by": "Mo",
    }
    assert world.till.journal.unsent() == (0, 0)
    assert_books_hold(world.app, world.shop)


def test_without_a_server_the_till_holds_the_limit_itself(world):
    world.app.run(update_settings, world.shop.owner, {"settings": {"difference_limit": 200}})
    world.restart()
    world.sign_in(MANAGER, MANAGER_PIN)
    world.press("100", "enter")
    world.line.down = True
    world.press("ctrl+e", "97", "enter", "enter", "lost", "enter")
    assert world.view.mode is Mode.NO_SHIFT
    world.line.down = False
    assert world.till.delivery.flush()
    assert [
        (each["difference"], each["reason"])
        for each in rows(
            world.app, "SELECT difference, reason FROM shifts WHERE tenant_id = %s", (world.shop.tenant_id,)
        )
    ] == [(-300, "lost")]


def test_a_receipt_that_was_printed_and_is_not_at_the_server_is_named_before_closing(till):
    till.scan("A-1")
    till.press("f12")
    till.line.refuse = lambda name, _: RuntimeError("bug") if name == "sales.deliver" else None
    for _ in range(6):
        till.till.delivery.flush()
    assert till.till.journal.unsent() == (0, 1)
    _, warnings = look_before_closing(till.till.desk, till.till.desk.shift)
    named = {each.code: each.items for each in warnings}
    assert named["MISSING_RECEIPTS"] == [f"{till.shop.till_prefix}-000001"]
    till.press("ctrl+e", "101", "enter")
    assert f"  {till.shop.till_prefix}-000001" in till.till.engine.box.lines


def test_who_signs_in_later_is_on_the_report(till):
    till.press("ctrl+l")
    till.sign_in(MANAGER, MANAGER_PIN)
    till.press("ctrl+l")
    till.sign_in(MANAGER, MANAGER_PIN)
    till.press("ctrl+t")
    assert "Also here: Mo" in till.till.engine.box.lines


def test_held_sales_block_where_the_shop_says_so(world):
    world.app.run(update_settings, world.shop.owner, {"settings": {"held_at_close": "block"}})
    world.restart()
    world.ready()
    world.scan("A-1")
    world.press("f7", "ctrl+e")
    assert world.error == "The shift cannot be closed yet: 1 sale(s) are on hold"
    act(world, "escape")
    world.till.engine.handle(Command("preflight"))
    lines = world.till.engine.box.lines
    assert lines[0] == "In the way:"
    assert any("1 sale(s) are on hold" in line for line in lines)


def test_a_journal_of_the_version_before_is_read_and_goes_on(till):
    journal = till.till.journal
    with journal._transaction() as db:
        db.execute("DROP VIEW acts")
        db.execute("DROP TABLE drawer_events")
    till.restart()
    till.sign_in()
    act(till, "paid_in", "5", "change")
    till.approve()
    assert till.till.delivery.flush()
    assert [each["amount"] for each in kept(till)] == [500]


def test_what_is_written_about_the_drawer_is_never_changed(till):
    journal = till.till.journal
    journal.append_drawer("joined", event := new_id(), till.till.desk.shift.id, {}, actor=b"{}", at=till.clock.now())
    journal.append_drawer("ended", event, till.till.desk.shift.id, {}, actor=b"{}", at=till.clock.now())
    assert [each.kind for each in journal.drawer_events(till.till.desk.shift.id)] == ["joined"]
    for statement in ("UPDATE drawer_events SET body = ''", "DELETE FROM drawer_events"):
        with pytest.raises(Exception, match="never"), journal._transaction() as db:
            db.execute(statement)


@pytest.mark.parametrize("text", ["2*", "*5", "x*5", "2*0", "2**5", "1*5 3"])
def test_pieces_that_make_no_sense_are_not_counted(till, text):
    with pytest.raises(NotUnderstood):
        till.till.place.figures.read_count(text)
    assert till.till.place.figures.read_count("2*50 1*0.5 1*50") == (15050, {"5000": 3, "50": 1})
