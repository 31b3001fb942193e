"""What the till does when things are odd: refusals, approvals, queued scans, restarts, a server that is away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.till.engine import Command
from primepos.till.errors import JournalInUse, SeriesLost
from primepos.till.keys import Mode
from tests.factories import rows
from tests.till.test_scenarios import BREAD, sold
from tests.till.world import CASHIER, CASHIER_PIN, MANAGER, MANAGER_PIN


def test_nobody_sells_before_signing_in(world):
    world.scan("A-1")
    assert world.view.prompt == "PIN"
    assert world.view.lines == ()
    world.press("f12")
    assert world.till.journal.entries() == []


def test_a_wrong_pin_is_refused_and_begins_again_at_the_code(world):
    world.sign_in(pin="5309")
    assert world.error.startswith("Code and PIN are not accepted here")
    assert world.view.mode is Mode.SIGNED_OUT
    world.press("escape")
    assert world.view.prompt == "Staff code"
    world.sign_in()
    assert world.view.mode is Mode.NO_SHIFT


def test_the_pin_is_never_shown_nor_kept(world):
    world.press(CASHIER, "enter", CASHIER_PIN)
    assert world.view.is_secret
    world.press("enter", "100", "enter")
    stored = (world.data_dir / "till" / str(world.shop.till_id) / "journal.sqlite3").read_bytes()
    assert CASHIER_PIN.encode() not in stored


def test_an_unknown_code_stays_until_escape_and_scans_behind_it_wait(till):
    till.scan("0000000999999")
    assert till.error == "No product 0000000999999 The check digit is wrong: scan it again."
    assert till.view.bell
    till.scan("A-1")
    till.scan(BREAD)
    till.press("enter")
    assert till.error != ""
    assert till.lines == []
    assert till.view.queued == 2
    till.press("escape")
    assert till.lines == [("Apple", "1", "1,00"), ("Bread", "1", "2,50")]


def test_queued_scans_stop_at_the_next_unknown_code(till):
    till.scan("nope")
    for code in ("A-1", "also-nope", "C-3"):
        till.scan(code)
    till.press("escape")
    assert till.error == "No product also-nope"
    assert till.lines == [("Apple", "1", "1,00")]
    till.press("escape")
    assert till.lines == [("Apple", "1", "1,00"), ("Cheese", "1", "9,99")]


def test_a_scan_while_a_box_is_open_is_queued_and_not_typed_into_it(till):
    till.scan("A-1")
    till.press("f5")
    till.scan(BREAD)
    assert till.view.queued == 1
    assert till.till.engine.box.title == "Another price"
    till.press("escape")
    assert till.lines == [("Apple", "1", "1,00"), ("Bread", "1", "2,50")]


def test_a_scan_on_the_pay_screen_is_no_amount_of_cash(till):
    till.scan("A-1")
    till.press("enter")
    till.scan(BREAD)
    assert till.view.mode is Mode.PAYING
    assert till.till.desk.sale.tenders == []
    assert till.view.queued == 1
    till.press("enter")
    assert till.lines == [("Bread", "1", "2,50")]


def test_an_absurd_amount_of_cash_is_refused(till):
    till.scan("A-1")
    till.press("enter")
    till.press("40063813339", "enter")
    assert till.error == "40.063.813.339,00 € in cash cannot be right"
    assert till.till.desk.sale.tenders == []


def test_cards_give_no_change(till):
    till.scan("A-1")
    till.press("enter", "2c")
    assert till.error == "only cash gives change: the other tenders are more than the total"
    assert till.till.desk.sale.tenders == []
    assert sold(till) == []


@pytest.mark.parametrize("key", ["g", "a", "l"])
def test_other_tenders_are_refused_by_name(till, key):
    till.scan("A-1")
    till.press("enter", "1" + key)
    assert till.error.startswith("This shop does not")
    assert till.till.desk.sale.tenders == []


def test_backspace_takes_the_last_tender_back_and_escape_goes_back_to_the_sale(till):
    till.scan("C-3")
    till.press("enter", "5c")
    till.press("escape")
    assert till.error == "Take the payments back first, with Backspace"
    till.press("escape", "backspace", "escape")
    assert till.view.mode is Mode.SELLING
    assert till.till.desk.sale.tenders == []


def test_finishing_without_the_receipt_goes_straight_on(till):
    till.scan("C-3")
    till.press("enter", "f12")
    assert till.view.mode is Mode.SELLING
    assert till.view.notice == f"{till.shop.till_prefix}-000001 done"
    assert [each["total"] for each in sold(till)] == [999]


def test_more_of_the_last_product_is_counted_onto_its_line(till):
    for code in ("A-1", "A-1", BREAD, "A-1"):
        till.scan(code)
    assert till.lines == [("Apple", "2", "2,00"), ("Bread", "1", "2,50"), ("Apple", "1", "1,00")]


def test_plus_minus_and_quantity_work_on_the_selected_line(till):
    till.scan("A-1")
    till.scan(BREAD)
    till.press("up", "+", "+", "-")
    assert till.lines == [("Apple", "2", "2,00"), ("Bread", "1", "2,50")]
    till.press("5*", "enter")
    assert till.lines[0] == ("Apple", "5", "5,00")
    till.press("down", "-")
    assert till.lines == [("Apple", "5", "5,00")]


def test_pieces_are_not_cut(till):
    till.press("2.5*A-1", "enter")
    assert till.error == "'2.5' is not understood here: Apple is sold by the piece"
    assert till.lines == []


def test_a_cashier_cannot_approve_for_themselves(till):
    till.scan("A-1")
    till.press("f6", "10", "enter")
    till.approve(CASHIER, CASHIER_PIN)
    assert till.error == "Anna cannot approve this"
    assert till.total == "1,00 €"


def test_an_approval_is_for_one_act_only(till):
    till.scan("A-1")
    till.press("f6", "10", "enter")
    till.approve()
    till.press("f6", "20", "enter")
    assert till.till.engine.box.title == "Manager's approval"
    till.press("escape")
    assert till.total == "0,90 €"


def test_a_wrong_managers_pin_asks_again_and_changes_nothing(till):
    till.scan("A-1")
    till.press("f5", "0.10", "enter")
    till.approve(MANAGER, "5309")
    assert till.error.startswith("Code and PIN are not accepted here")
    till.press("escape")
    assert till.view.prompt == "Manager code"
    till.approve()
    assert till.total == "0,10 €"


def test_both_people_are_in_the_log_of_an_approved_act(till):
    till.scan("A-1")
    till.press("f5", "0.10", "enter")
    till.approve()
    (event,) = till.till.journal.reductions()
    assert (event.who, event.approver) == ("7", "1")


def test_a_manager_needs_no_approval(world):
    world.sign_in(MANAGER, MANAGER_PIN)
    world.press("50", "enter")
    world.scan("C-3")
    world.press("f6", "-2.50", "enter")
    assert world.total == "7,49 €"


def test_a_discount_beyond_the_ticket_is_refused_before_anybody_is_asked(till):
    till.scan("A-1")
    till.press("f6", "-2.50", "enter")
    assert till.error == "A discount of 250 is more than 100"
    assert till.total == "1,00 €"


def test_giving_a_sale_up_needs_consent_and_stays_on_record(till):
    till.scan("A-1")
    till.press("ctrl+k", "enter")
    till.approve()
    assert till.lines == []
    assert [each.reduces for each in till.till.journal.reductions()] == [True]
    assert sold(till) == []


def test_search_finds_by_words_and_enter_sells_the_chosen_one(till):
    till.press("f2", "ch")
    assert [each.name for each in till.till.engine.box.hits] == ["Cheese"]
    till.press("enter")
    assert till.lines == [("Cheese", "1", "9,99")]


def test_price_check_sells_nothing(till):
    till.press("f3")
    till.scan(BREAD)
    assert till.till.engine.box.lines[:2] == ["Bread", "2,50 EUR"]
    till.press("escape")
    assert till.lines == []


def test_a_line_explains_its_total(till):
    till.press("3*" + BREAD, "enter", "?")
    assert "VAT 19% 19 % included on 6.302521...: 1.197479... -> 1.20" in till.till.engine.box.lines


def test_help_names_every_key(till):
    till.press("f1")
    text = "\n".join(till.till.engine.box.lines)
    for shown in ("F2", "F5", "F6", "F12", "Ctrl+E", "n c", "Del", "Esc"):
        assert shown in text


def test_a_killed_till_goes_on_with_its_lines_and_tenders(till):
    till.press("3*" + BREAD, "enter")
    till.scan("C-3")
    till.press("delete")
    till.scan("A-1")
    till.press("enter", "2c")
    before = (till.lines, till.total)
    till.restart()
    till.sign_in()
    assert till.till.engine.box.title == "The open sale is back"
    till.press("escape")
    assert (till.lines, till.total) == before
    assert till.view.mode is Mode.PAYING
    assert till.view.pay.tenders == (("Card", "2,00"),)
    till.press("enter")
    assert [(each["number"], each["total"]) for each in sold(till)] == [(1, 850)]


def test_a_till_killed_between_the_last_tender_and_the_journal_finishes_by_enter(till, monkeypatch):
    till.scan("A-1")
    monkeypatch.setattr(till.till.journal, "append_sale", _fails)
    with pytest.raises(ZeroDivisionError):
        till.press("f12")
    till.restart()
    till.sign_in()
    till.press("escape")
    assert till.view.pay.is_complete
    till.press("enter")
    assert [each["total"] for each in sold(till)] == [100]


def _fails(*_args, **_kwargs):
    raise ZeroDivisionError


def test_locking_keeps_the_sale_for_whoever_signs_in(till):
    till.scan("A-1")
    till.press("ctrl+l")
    assert till.view.mode is Mode.SIGNED_OUT
    till.sign_in(MANAGER, MANAGER_PIN)
    assert till.lines == [("Apple", "1", "1,00")]
    till.press("f12")
    assert [each["cashier"] for each in sold(till)] == ["Mo"]


def test_a_shift_cannot_be_closed_with_an_open_sale(till):
    till.scan("A-1")
    till.press("ctrl+e")
    assert till.error == "The shift cannot be closed yet: a sale with 1 lines is open"


def test_a_manager_sees_the_difference_before_closing(world):
    world.sign_in(MANAGER, MANAGER_PIN)
    world.press("100", "enter")
    world.scan("A-1")
    world.press("f12", "ctrl+e", "99.50", "enter")
    assert "Difference: -1,50 €" in world.till.engine.box.lines
    world.press("enter")
    assert any("Difference" in line and "-1,50" in line for line in world.till.engine.box.lines)


def test_offline_a_shift_opens_sells_and_closes_and_all_arrives_in_order(world):
    world.sign_in()
    world.line.down = True
    world.press("100", "enter")
    world.scan("A-1")
    world.press("f12")
    world.scan(BREAD)
    world.press("f12")
    assert world.view.status.connection == "offline · not sent: 3"
    world.press("ctrl+e", "103.50", "enter")
    assert "Not sent yet: 3. They will be delivered when the server answers." in world.till.engine.box.lines
    world.press("enter")
    text = "\n".join(world.till.engine.box.lines)
    assert "Z REPORT (to be numbered)" in text
    assert "Not sent yet" in text
    world.line.down = False
    assert world.till.delivery.flush()
    assert [(each["number"], each["flags"]) for each in sold(world)] == [(1, []), (2, [])]
    (shift,) = rows(
        world.app,
        "SELECT expected, counted, z_number, opened_by FROM shifts WHERE tenant_id = %s AND closed_at IS NOT NULL",
        (world.shop.tenant_id,),
    )
    assert shift == {"expected": 10350, "counted": 10350, "z_number": 1, "opened_by": "Anna"}


def test_the_local_figures_equal_the_servers(till):
    for codes, keys in ((("A-1", BREAD), ("f12",)), (("C-3",), ("enter", "4c", "enter"))):
        for code in codes:
            till.scan(code)
        till.press(*keys)
    till.press("ctrl+t")
    from_server = till.till.engine.box.lines
    till.press("escape")
    till.line.down = True
    till.scan("A-1")
    till.press("f12", "ctrl+x", "test", "enter")
    till.line.down = False
    till.approve()
    till.line.down = True
    till.press("ctrl+t")
    local = till.till.engine.box.lines
    till.press("escape")
    till.line.down = False
    till.press("ctrl+t")
    again = till.till.engine.box.lines
    assert local[-1].split() == ["Not", "sent", "yet", "2"]
    assert local[:-1] == again
    assert from_server != again


def test_a_shift_the_server_opened_before_the_till_was_killed_is_taken_over(world):
    world.sign_in()
    world.line.lose_answers_of = {"cash.open_shift"}
    world.till.journal.append_shift = _fails
    with pytest.raises(ZeroDivisionError):
        world.press("100", "enter")
    world.line.lose_answers_of = set()
    world.restart()
    world.sign_in()
    assert world.view.mode is Mode.SELLING
    world.scan("A-1")
    world.press("f12")
    assert [each["flags"] for each in sold(world)] == [[]]


def test_a_shift_the_server_closed_before_the_till_was_killed_is_closed_here_too(till, monkeypatch):
    monkeypatch.setattr(till.till.journal, "append_shift", _fails)
    with pytest.raises(ZeroDivisionError):
        till.press("ctrl+e", "100", "enter", "enter")
    till.restart()
    till.sign_in()
    assert till.view.mode is Mode.NO_SHIFT
    assert till.till.journal.open_shift() is None


def test_a_second_till_on_the_register_is_refused(till):
    with pytest.raises(JournalInUse, match="Another till is running on this register"):
        till.open()


def test_a_lost_disk_does_not_print_numbers_a_second_time(till):
    till.scan("A-1")
    till.press("f12")
    till.till.delivery.flush()
    till.till.close()
    till.data_dir = till.data_dir / "new-disk"
    with pytest.raises(SeriesLost, match="went up to 1"):
        till.open()


def test_a_new_series_begins_at_one_after_a_lost_disk(till):
    from primepos.core.operations import OPERATIONS

    till.scan("A-1")
    till.press("f12")
    till.till.delivery.flush()
    shop = till.shop
    till.press("ctrl+e", "101", "enter", "enter")
    till.till.close()
    till.app.run(OPERATIONS["registers.new_epoch"], shop.owner, {"id": shop.till_id, "reason": "disk lost"})
    till.data_dir = till.data_dir / "new-disk"
    till.till = till.open()
    till.ready()
    till.scan(BREAD)
    till.press("f12")
    till.till.delivery.flush()
    found = rows(
        till.app,
        "SELECT epoch, number, total, flags FROM sales WHERE tenant_id = %s ORDER BY epoch, number",
        (shop.tenant_id,),
    )
    assert [(each["epoch"], each["number"], each["flags"]) for each in found] == [(1, 1, []), (2, 1, [])]


def test_a_sale_without_a_server_is_sold_and_counted_as_not_sent(till):
    till.line.down = True
    till.scan("A-1")
    till.press("f12")
    till.till.delivery.flush()
    assert till.view.status.connection == "offline · not sent: 1"
    assert not till.view.status.is_online
    till.line.down = False
    till.till.delivery.flush()
    assert till.view.status.connection == "online"


def test_a_full_disk_refuses_the_next_sale_and_keeps_the_open_one(till):
    till.scan("A-1")
    till.till.journal._free = lambda _path: 1024 * 1024
    till.scan(BREAD)
    assert till.error.startswith("The till cannot write to its disk (only 1 MiB are free). Nothing was sold")
    assert till.lines == [("Apple", "1", "1,00")]
    till.press("escape", "f12")
    assert till.error.startswith("The till cannot write to its disk")
    till.till.journal._free = lambda _path: 10**9
    till.press("escape", "f12")
    assert [each["total"] for each in sold(till)] == [100]


def test_a_disk_that_fails_at_the_last_moment_sells_nothing_and_keeps_the_tenders(till):
    till.scan("A-1")
    till.press("enter")
    db = till.till.journal._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    refused = 0
    for _ in range(200):
        till.press("1c") if not till.till.desk.sale.tenders else till.press("backspace")
        if till.error:
            refused += 1
            break
        if till.view.mode is not Mode.PAYING:
            till.scan("A-1")
            till.press("enter")
    assert refused == 1
    assert "database or disk is full" in till.error
    numbers = [each.number for each in till.till.journal.entries() if each.number]
    db.execute(f"PRAGMA max_page_count = {pages + 1000}")
    till.press("escape")
    if not till.till.desk.sale.lines:
        till.scan("A-1")
    till.press("escape") if till.view.mode is Mode.RECEIPT else None
    till.press("enter", "enter") if till.view.mode is Mode.SELLING else till.press("enter")
    assert len([each for each in till.till.journal.entries() if each.number]) == len(numbers) + 1
    assert till.till.journal.verify() == len(numbers) + 1


def test_a_sale_that_the_server_refuses_is_set_aside_and_named(till):
    till.line.refuse = lambda name, data: InvalidInput("no") if name == "sales.deliver" and data.number == 1 else None
    for _ in range(3):
        till.scan("A-1")
        till.press("f12")
    till.till.delivery.flush()
    assert till.view.status.connection == "set aside: 1"
    till.press("ctrl+e", "103", "enter")
    assert "Set aside by the server: 1. Somebody has to look at them." in till.till.engine.box.lines


def test_names_cannot_steer_the_terminal_or_the_receipt(app, shop, world):
    def rename(uow):
        uow.run(
            "UPDATE products SET name = %s WHERE tenant_id = %s AND sku = 'A-1'",
            ("Ap\x1b[31mple\x07 \u202egnp\x9b2J", shop.tenant_id),
        )
        uow.commit()

    from primepos.core.db import run_in_transaction

    run_in_transaction(app.database.system_session, rename)
    world.restart()
    world.ready()
    world.scan("A-1")
    world.press("f12")
    shown = "\n".join(world.till.desk.shown_receipt)
    assert "Ap[31mple gnp2J" in shown
    assert not set(shown) & set("\x1b\x07\x9b\u202e")
    assert [each["flags"] for each in sold(world)] == [[]]


def test_the_receipt_is_written_as_a_text_file(till):
    till.scan("A-1")
    till.press("f12")
    (file,) = till.till.desk.receipts.iterdir()
    assert file.name == f"{till.shop.till_prefix}-000001.txt"
    assert file.read_text().splitlines() == till.till.desk.shown_receipt


def test_reprinting_marks_a_copy_and_books_nothing(till):
    till.scan("A-1")
    till.press("f12", "ctrl+r")
    assert "*** COPY ***" in "\n".join(till.till.engine.box.lines)
    assert len(sold(till)) == 1


def test_the_business_day_is_the_shifts_past_midnight(till, clock):
    clock.advance(timedelta(hours=14))
    till.scan("A-1")
    till.press("f12")
    till.till.delivery.flush()
    (sale,) = rows(till.app, "SELECT business_date FROM sales WHERE tenant_id = %s", (till.shop.tenant_id,))
    assert sale["business_date"].isoformat() == "2026-03-02"


def test_commands_that_do_not_exist_change_nothing(till):
    till.till.engine.handle(Command(str(new_id())))
    assert till.view.mode is Mode.SELLING
    assert till.error == ""


def test_who_may_not_sell_does_not_get_to_the_till(world):
    with_role(world, "7", "stock_clerk")
    world.sign_in()
    assert world.error == "You may not do this: it needs sale:create"
    assert world.view.mode is Mode.SIGNED_OUT
    assert world.till.desk.session.person is None


def with_role(world, code, role):
    from primepos.core.db import run_in_transaction

    def work(uow):
        uow.run("UPDATE staff SET role = %s WHERE tenant_id = %s AND code = %s", (role, world.shop.tenant_id, code))
        uow.commit()

    run_in_transaction(world.app.database.system_session, work)


def test_anothers_shift_is_closed_by_a_manager_only(world):
    world.sign_in(MANAGER, MANAGER_PIN)
    world.press("100", "enter", "ctrl+l")
    world.sign_in()
    world.press("ctrl+e", "100", "enter", "enter")
    assert world.error == "Only who opened this shift, or a manager, may close it"
    assert world.till.journal.open_shift() is not None
    world.press("escape")
    assert world.view.mode is Mode.SELLING


def test_a_sale_that_costs_nothing_is_finished_without_money(till):
    till.scan("A-1")
    till.press("f6", "100", "enter")
    till.approve()
    assert till.total == "0,00 €"
    till.press("enter", "enter")
    assert [(each["number"], each["total"]) for each in sold(till)] == [(1, 0)]


def test_a_receipt_that_cannot_be_filed_does_not_undo_the_sale(till):
    till.till.desk.receipts.parent.mkdir(parents=True, exist_ok=True)
    till.till.desk.receipts.write_text("a file where the directory should be")
    till.scan("A-1")
    till.press("f12")
    assert till.view.notice.startswith("The receipt could not be written to a file")
    assert till.view.mode is Mode.RECEIPT
    assert len(sold(till)) == 1


def test_the_entry_line_is_edited_by_backspace_escape_and_control_u(till):
    till.press("12x", "backspace")
    assert till.till.keyboard.buffer == "12"
    till.till.keyboard.press("ctrl+u")
    assert till.till.keyboard.buffer == ""
    till.press("99", "escape")
    assert till.till.keyboard.buffer == ""
    till.press("x" * 500)
    assert len(till.till.keyboard.buffer) == 64


def test_act_keys_inside_a_code_are_letters(till):
    till.press("A-1", "enter")
    assert till.lines == [("Apple", "1", "1,00")]
    assert till.till.keyboard.buffer == ""


def test_keys_that_need_a_line_say_so_where_there_is_none(till):
    for key in ("+", "-", "delete", "f5", "f6", "?", "ctrl+k", "5%"):
        till.press(key)
        assert till.view.notice == "There is no line yet: scan or type a code", key
        assert till.till.engine.box is None
    till.press("enter")
    assert till.view.notice == "Nothing to pay yet: scan or type a code"


def test_wrong_numbers_in_boxes_are_refused_and_the_box_stays(till):
    till.scan("A-1")
    till.press("f5", "1.23456", "enter")
    assert "is not understood here" in till.error
    till.press("escape")
    assert till.till.engine.box.title == "Another price"
    till.press("escape", "f6", "110", "enter")
    assert till.error == "'110' is not understood here: a discount is at most 100 %"
    till.press("escape", "escape")
    assert till.total == "1,00 €"


def test_a_void_needs_a_reason(till):
    till.scan("A-1")
    till.press("f12", "ctrl+x", "enter")
    assert till.error == "A void needs a reason"
    assert len(sold(till)) == 1


def test_leaving_asks_first(till):
    till.press("ctrl+q")
    assert not till.till.desk.leaving
    till.press("enter")
    assert till.till.desk.leaving


def test_prices_of_an_open_sale_stay_as_they_were_shown(app, shop, till):
    from primepos.core.operations import OPERATIONS

    till.scan("A-1")
    app.run(OPERATIONS["catalog.update_product"], shop.owner, {"id": shop.products[0], "unit_price": "7.00"})
    till.till.catalogue.pull(till.line)
    assert till.total == "1,00 €"
    till.scan("A-1")
    assert till.lines == [("Apple", "1", "1,00"), ("Apple", "1", "7,00")]
    till.press("f12")
    assert [(each["total"], each["flags"]) for each in sold(till)] == [(800, ["PRICE_DIFFERS"])]
