"""Closing: limits, reasons, the safe, other currencies and tenders, the Z that never changes, other counts by two."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.cash.errors import (
    AdjustmentDecided,
    AdjustmentNotFound,
    AdjustmentPending,
    CashConflict,
    CloseBlocked,
    CountMismatch,
    DifferenceUnexplained,
    NoSuchSafe,
    NothingToAdjust,
    NotYourShift,
    SecondPersonNeeded,
    ShiftClosed,
    ShiftNotFound,
    ShiftStillOpen,
    TooMuchTakenOut,
)
from primepos.domain.cash.service import (
    close_shift,
    count_safe,
    decide_adjustment,
    deliver_closing,
    end_shift,
    force_close_shift,
    join_shift,
    list_adjustments,
    list_safe_entries,
    list_safes,
    list_variances,
    open_shift,
    preflight,
    propose_adjustment,
    shift_figures,
)
from primepos.domain.orders.service import save_order
from primepos.domain.sales.schemas import SalePayment
from primepos.domain.sales.service import deliver_sale
from primepos.domain.tenancy.service import update_settings
from tests.conftest import NOON
from tests.domain.cash.conftest import at_the_till, counts, moved
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, rows

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.clock import FrozenClock
    from primepos.core.context import Approval
    from primepos.core.operations import App
    from tests.factories import Shop


def close(app: App, shop: Shop, shift: UUID, counted: int, who: Any = None, **more: Any) -> Any:
    """Close as the manager, or as somebody else."""
    return app.run(close_shift, who or shop.manager, {"shift_id": shift, "counted": counted, **more})


@pytest.fixture
def limited(app: App, shop: Shop) -> UUID:
    """An open shift whose drawer may be off by 5.00."""
    app.run(update_settings, shop.owner, {"settings": {"difference_limit": 500}})
    return a_shift(app, shop)


def test_what_a_shift_starts_with_is_counted_and_its_difference_a_record_of_its_own(app: App, shop: Shop) -> None:
    first = a_shift(app, shop)
    close(app, shop, first, 10_000, to_safe=4_000)
    asked = {"register_id": shop.till_id, "opening_float": 5_900, "reason": "a note was torn"}
    pieces = {"5000": 1, "500": 1, "200": 2}
    with pytest.raises(CountMismatch):
        app.run(open_shift, shop.manager, {"id": new_id(), **asked, "denominations": {"5000": 1}})
    second = app.run(open_shift, shop.manager, {"id": new_id(), **asked, "denominations": pieces})
    assert (second.expected_float, second.opening_difference, second.opening_float) == (6_000, -100, 5_900)
    closed = close(app, shop, second.id, 5_900)
    assert (closed.expected, closed.difference) == (5_900, 0)
    booked = app.run(list_variances, shop.manager, {}).items
    assert [(each.kind, each.amount, each.reason) for each in booked] == [("opening", -100, "a note was torn")]
    assert_books_hold(app, shop)


def test_a_difference_beyond_the_limit_needs_a_manager_and_a_reason(
    app: App, shop: Shop, limited: UUID, consent: Approval
) -> None:
    before = counts(app, shop)
    with pytest.raises(ApprovalRequired) as refused:
        close(app, shop, limited, 9_499, shop.cashier, reason="lost")
    assert "amount" not in refused.value.data["acts"][0]
    with pytest.raises(DifferenceUnexplained):
        close(app, shop, limited, 9_499)
    assert counts(app, shop) == before
    closed = app.run(
        close_shift,
        at_the_till(shop),
        {"shift_id": limited, "counted": 9_499, "reason": "lost"},
        approval=consent,
    )
    assert (closed.approved_by, closed.reason, closed.expected) == ("Mo", "lost", None)
    (booked,) = app.run(list_variances, shop.manager, {"shift_id": limited}).items
    assert (booked.kind, booked.tender, booked.amount, booked.reason, booked.approved_by) == (
        "closing",
        "cash",
        -501,
        "lost",
        "Mo",
    )
    assert_books_hold(app, shop)


def test_the_limit_is_the_one_that_stood_at_the_opening(app: App, shop: Shop, limited: UUID) -> None:
    app.run(update_settings, shop.owner, {"settings": {"difference_limit": 0, "held_at_close": "block"}})
    assert close(app, shop, limited, 9_500, shop.cashier, held=3).counted == 9_500


def test_sales_on_hold_block_where_the_shop_says_so(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"held_at_close": "block"}})
    shift = a_shift(app, shop)
    with pytest.raises(CloseBlocked, match="2 sale"):
        close(app, shop, shift, 10_000, held=2)
    told = app.run(preflight, shop.manager, {"shift_id": shift, "held": 2, "counted": True})
    assert [each.code for each in told.blockers] == ["HELD_SALES"]
    assert close(app, shop, shift, 10_000).z_number == 1


def test_sales_on_hold_that_the_server_knows_of_block_without_being_told(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"held_at_close": "block"}})
    shift = a_shift(app, shop)
    held = {"id": new_id(), "outlet_id": shop.outlet_id, "lines": [{"product_id": shop.products[0]}], "label": "Mia"}
    order = app.run(save_order, at_the_till(shop), held)
    (blocker,) = app.run(preflight, shop.manager, {"shift_id": shift, "held": 1, "counted": True}).blockers
    assert (blocker.code, blocker.items) == ("HELD_SALES", [f"{order.number}: Mia, 100"])
    with pytest.raises(CloseBlocked, match="1 sale"):
        close(app, shop, shift, 10_000)
    assert rows(app, "SELECT state FROM orders WHERE id = %s", (order.id,)) == [{"state": "open"}]


def test_foreign_cash_that_paid_for_a_sale_is_counted_in_its_own_currency(app: App, shop: Shop, shift: UUID) -> None:
    till = TillSeries(shop, shift, NOON)
    paid = SalePayment(kind="cash", amount=460, currency="USD", foreign_amount=500, rate=Decimal("0.92"))
    change = SalePayment(kind="change", amount=-10)
    app.run(deliver_sale, shop.device, till.sell(payments=[paid, change]))
    close(app, shop, shift, 9_990, foreign=[{"currency": "USD", "counted": 500}])
    z = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert [(each.currency, each.expected, each.difference) for each in z.tallies] == [
        ("EUR", 9_990, 0),
        ("USD", 500, 0),
    ]
    assert_books_hold(app, shop)


def test_everything_in_the_way_is_listed_at_once(app: App, shop: Shop) -> None:
    close(app, shop, a_shift(app, shop), 10_000)
    shift = a_shift(app, shop, opening_float=9_000)
    till = TillSeries(shop, shift, NOON)
    app.run(deliver_sale, shop.device, till.sell())
    till.sell()
    app.run(deliver_sale, shop.device, till.sell())
    moved(app, shop, shift, "pickup", 20_000)
    asked = {"shift_id": shift, "held": 1, "unsent": 2, "set_aside": 1, "epoch": 1, "number": 4}
    told = app.run(preflight, shop.manager, asked)
    assert [each.code for each in told.blockers] == ["UNCOUNTED"]
    assert [each.code for each in told.warnings] == [
        "HELD_SALES",
        "UNSENT",
        "SET_ASIDE",
        "MISSING_RECEIPTS",
        "NEGATIVE_EXPECTED",
        "OPENING_DIFFERENCE",
    ]
    missing = [f"{shop.till_prefix}-00000{number}" for number in (2, 4)]
    assert told.warnings[3].items == missing
    assert told.warnings[4].items == ["EUR -10100"]
    blind = app.run(preflight, shop.cashier, asked)
    assert blind.warnings[4].items == ["EUR"]
    close(app, shop, shift, 0, printed={"epoch": 1, "number": 4}, unsent=2)
    z = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert (z.missing, z.unsent) == (missing, 2)
    assert [each.code for each in app.run(preflight, shop.manager, {"shift_id": shift}).blockers] == ["ALREADY_CLOSED"]


def test_another_persons_shift_has_no_preflight_for_a_cashier(
    app: App, shop: Shop, other_shop: Shop, shift: UUID
) -> None:
    with pytest.raises(ShiftNotFound):
        app.run(preflight, replace(shop.cashier, actor_id=new_id()), {"shift_id": shift})
    with pytest.raises(PermissionDenied):
        app.run(preflight, shop.accountant, {"shift_id": shift})
    with pytest.raises(ShiftNotFound):
        app.run(preflight, other_shop.owner, {"shift_id": shift})


def test_other_currencies_and_tenders_have_a_count_and_a_difference_of_their_own(
    app: App, shop: Shop, shift: UUID
) -> None:
    till = TillSeries(shop, shift, NOON)
    app.run(deliver_sale, shop.device, till.sell(payments=[SalePayment(kind="card", amount=450, reference="1")]))
    moved(app, shop, shift, "paid_in", 2_000, currency="USD")
    with pytest.raises(CloseBlocked, match="USD was not counted"):
        close(app, shop, shift, 10_000)
    dollars = {"currency": "USD", "counted": 1_900, "denominations": {"1000": 1, "500": 1, "100": 4}, "to_safe": 1_900}
    for wrong in ({"foreign": [dollars, dollars]}, {"foreign": [{"currency": "EUR", "counted": 0}]}):
        with pytest.raises(InvalidInput):
            close(app, shop, shift, 10_000, **wrong)
    with pytest.raises(InvalidInput):
        close(app, shop, shift, 10_000, foreign=[dollars], tenders=[{"kind": "cash", "counted": 1}])
    with pytest.raises(TooMuchTakenOut):
        close(app, shop, shift, 10_000, foreign=[{**dollars, "to_safe": 1_901}])
    with pytest.raises(TooMuchTakenOut):
        close(app, shop, shift, 10_000, foreign=[dollars], to_safe=10_001)
    close(app, shop, shift, 10_000, foreign=[dollars], tenders=[{"kind": "card", "counted": 400}], to_safe=9_000)
    z = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert [(each.kind, each.currency, each.expected, each.difference) for each in z.tallies] == [
        ("cash", "EUR", 10_000, 0),
        ("cash", "USD", 2_000, -100),
        ("card", "EUR", 450, -50),
    ]
    assert {(each.tender, each.currency, each.amount) for each in app.run(list_variances, shop.manager, {}).items} == {
        ("cash", "USD", -100),
        ("card", "EUR", -50),
    }
    assert {each.currency: each.balance for each in app.run(list_safes, shop.owner, {}).items} == {
        "EUR": 9_000,
        "USD": 1_900,
    }
    assert_books_hold(app, shop)


def test_the_z_is_what_it_was_and_what_comes_after_it_is_its_supplement(
    app: App, shop: Shop, shift: UUID, clock: FrozenClock
) -> None:
    till = TillSeries(shop, shift, NOON)
    app.run(deliver_sale, shop.device, till.sell())
    late = till.sell()
    close(app, shop, shift, 10_450)
    z = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert (z.sales, z.total, z.late, z.supplement, z.shift.z_number) == (1, 450, 0, None, 1)
    clock.advance(timedelta(days=1))
    app.run(deliver_sale, shop.device, late)
    again = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert (again.late, again.supplement.sales, again.supplement.total) == (1, 1, 450)
    assert replace_late(again) == z
    for number in (2, 3):
        following = a_shift(app, shop)
        assert close(app, shop, following, 10_000).z_number == number
    stored = rows(app, "SELECT z_number FROM shift_reports WHERE tenant_id = %s ORDER BY z_number", (shop.tenant_id,))
    assert [each["z_number"] for each in stored] == [1, 2, 3]
    assert_books_hold(app, shop)


def replace_late(figures: Any) -> Any:
    """The figures without what came late."""
    import msgspec

    return msgspec.structs.replace(figures, late=0, supplement=None)


def test_a_blind_z_says_nothing_of_what_there_should_have_been(app: App, shop: Shop, shift: UUID) -> None:
    close(app, shop, shift, 9_000, shop.cashier)
    z = app.run(shift_figures, shop.cashier, {"shift_id": shift})
    assert (z.shift.expected, z.shift.difference, z.tallies, z.shift.counted) == (None, None, [], 9_000)


def test_ended_is_no_more_sales_and_closed_is_counted_by_whoever_counts(app: App, shop: Shop, shift: UUID) -> None:
    other = replace(shop.cashier, actor_id=new_id(), name="Other")
    app.run(join_shift, other, {"shift_id": shift})
    app.run(join_shift, other, {"shift_id": shift})
    with pytest.raises(NotYourShift):
        app.run(end_shift, other, {"shift_id": shift})
    ended = app.run(end_shift, shop.cashier, {"shift_id": shift})
    assert (ended.ended_by, ended.closed_at) == ("Cashier", None)
    assert app.run(end_shift, shop.manager, {"shift_id": shift}).ended_by == "Cashier"
    closed = close(app, shop, shift, 10_000)
    assert (closed.opened_by, closed.ended_by, closed.closed_by) == ("Cashier", "Cashier", "Manager")
    assert app.run(shift_figures, shop.manager, {"shift_id": shift}).people == ["Cashier", "Other"]
    for operation in (join_shift, end_shift):
        with pytest.raises(ShiftClosed):
            app.run(operation, shop.manager, {"shift_id": shift})
    assert_books_hold(app, shop)


def test_a_shift_left_open_is_closed_by_a_manager_and_its_own_count_waits_for_two(
    app: App, shop: Shop, shift: UUID
) -> None:
    asked = {"shift_id": shift, "reason": "till is at the repair shop"}
    with pytest.raises(PermissionDenied):
        app.run(force_close_shift, shop.cashier, asked)
    closed = app.run(force_close_shift, shop.manager, asked)
    assert (closed.forced, closed.counted, closed.difference, closed.z_number) == (True, None, 0, 1)
    assert app.run(force_close_shift, shop.manager, asked) == closed
    with pytest.raises(ShiftClosed):
        app.run(force_close_shift, shop.manager, {**asked, "counted": 5})
    own = {"shift_id": shift, "counted": 9_900, "actor_id": shop.cashier.actor_id, "actor": "Cashier"}
    for _ in range(2):
        app.run(deliver_closing, shop.device, own)
    (waiting,) = app.run(list_adjustments, shop.manager, {"waiting": True}).items
    assert (waiting.counted_before, waiting.counted_after, waiting.proposed_by) == (10_000, 9_900, "Cashier")
    app.run(decide_adjustment, shop.manager, {"id": waiting.id, "confirm": True})
    assert [each.amount for each in app.run(list_variances, shop.manager, {}).items] == [-100]
    assert_books_hold(app, shop)


def test_a_closing_that_happened_at_a_till_is_taken_whatever_the_limit(app: App, shop: Shop, limited: UUID) -> None:
    closed_at = NOON + timedelta(minutes=5)
    told = {
        "shift_id": limited,
        "counted": 1,
        "actor_id": shop.cashier.actor_id,
        "actor": "Cashier",
        "closed_at": closed_at,
    }
    with pytest.raises(PermissionDenied):
        app.run(deliver_closing, shop.manager, told)
    closed = app.run(deliver_closing, shop.device, told)
    assert (closed.closed_by, closed.closed_at, closed.z_number) == ("Cashier", closed_at, 1)
    assert app.run(deliver_closing, shop.device, told) == closed
    with pytest.raises(ShiftClosed):
        app.run(deliver_closing, shop.device, {**told, "counted": 2})
    trail = rows(
        app,
        "SELECT data->'over_limit' AS over FROM audit_events WHERE tenant_id = %s AND data ? 'closed_at'"
        " AND operation = 'cash.deliver_closing'",
        (shop.tenant_id,),
    )
    assert trail == [{"over": True}]
    assert_books_hold(app, shop)


def test_another_count_is_confirmed_by_another_person_and_the_z_stays(app: App, shop: Shop, shift: UUID) -> None:
    asked = {"id": new_id(), "shift_id": shift, "counted": 9_800, "reason": "one note stuck"}
    with pytest.raises(ShiftStillOpen):
        app.run(propose_adjustment, shop.cashier, asked)
    close(app, shop, shift, 9_700)
    z = app.run(shift_figures, shop.manager, {"shift_id": shift})
    with pytest.raises(NotYourShift):
        app.run(propose_adjustment, replace(shop.cashier, actor_id=new_id()), asked)
    with pytest.raises(NothingToAdjust):
        app.run(propose_adjustment, shop.cashier, {**asked, "counted": 9_700})
    proposed = app.run(propose_adjustment, shop.manager, asked)
    assert app.run(propose_adjustment, shop.manager, asked) == proposed
    with pytest.raises(CashConflict):
        app.run(propose_adjustment, shop.manager, {**asked, "counted": 1})
    with pytest.raises(AdjustmentPending):
        app.run(propose_adjustment, shop.manager, {**asked, "id": new_id()})
    with pytest.raises(SecondPersonNeeded):
        app.run(decide_adjustment, shop.manager, {"id": asked["id"], "confirm": True})
    with pytest.raises(AdjustmentNotFound):
        app.run(decide_adjustment, shop.owner, {"id": new_id(), "confirm": True})
    decided = app.run(decide_adjustment, shop.owner, {"id": asked["id"], "confirm": True})
    assert (decided.confirmed, decided.decided_by, decided.counted_before) == (True, "Owner", 9_700)
    assert app.run(decide_adjustment, shop.owner, {"id": asked["id"], "confirm": True}) == decided
    with pytest.raises(AdjustmentDecided):
        app.run(decide_adjustment, shop.owner, {"id": asked["id"], "confirm": False})
    refused = app.run(propose_adjustment, shop.manager, {**asked, "id": new_id(), "counted": 1}).id
    app.run(decide_adjustment, shop.owner, {"id": refused, "confirm": False})
    after = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert [each.confirmed for each in after.supplement.adjustments] == [True, False]
    assert replace_late(after) == z
    booked = [(each.kind, each.amount) for each in app.run(list_variances, shop.manager, {}).items]
    assert sorted(booked) == [("adjustment", 100), ("closing", -300)]
    assert (
        app.run(
            open_shift, shop.manager, {"id": new_id(), "register_id": shop.till_id, "opening_float": 9_800}
        ).opening_difference
        == 0
    )
    assert_books_hold(app, shop)


def test_a_safe_is_counted_and_its_entries_explain_it(app: App, shop: Shop, other_shop: Shop, shift: UUID) -> None:
    moved(app, shop, shift, "drop", 700)
    asked = {"id": new_id(), "outlet_id": shop.outlet_id, "counted": 650, "reason": "monthly count"}
    with pytest.raises(ApprovalRequired):
        app.run(count_safe, shop.cashier, asked)
    entry = app.run(count_safe, shop.manager, asked)
    assert (entry.amount, entry.balance, entry.kind) == (-50, 650, "count")
    assert app.run(count_safe, shop.manager, asked) == entry
    with pytest.raises(CashConflict):
        app.run(count_safe, shop.manager, {**asked, "counted": 1})
    first = app.run(list_safe_entries, shop.accountant, {"outlet_id": shop.outlet_id, "limit": 1})
    second = app.run(list_safe_entries, shop.accountant, {"outlet_id": shop.outlet_id, "before": first.next})
    assert [each.entry_no for each in (*first.items, *second.items)] == [2, 1]
    for operation in (count_safe, list_safe_entries):
        given = asked if operation is count_safe else {"outlet_id": shop.outlet_id}
        with pytest.raises(NoSuchSafe):
            app.run(operation, other_shop.owner, given)
    assert_books_hold(app, shop)


def test_money_without_decimals_is_counted_in_its_own_coins(app: App) -> None:
    shop = a_shop(app, currency="JPY", zone="Asia/Tokyo", settings={"difference_limit": 100})
    shift = a_shift(app, shop, opening_float=30_000)
    pieces = {"10000": 2, "5000": 1, "1000": 4, "500": 1, "100": 4}
    closed = close(app, shop, shift, 29_900, denominations=pieces)
    assert (closed.difference, closed.expected) == (-100, 30_000)
