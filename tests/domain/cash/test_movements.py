"""Cash beside sales: signs, reasons, consent, what the drawer should hold, what a till delivers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.amounts import UnknownCurrency
from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.cash.errors import (
    CashConflict,
    CountMismatch,
    DenominationUnknown,
    NotYourShift,
    SafeShort,
    ShiftClosed,
    ShiftNotFound,
)
from primepos.domain.cash.moving import SIGNS
from primepos.domain.cash.service import (
    bank_deposit,
    close_shift,
    count_cash,
    deliver_cash,
    list_denominations,
    list_movements,
    list_safes,
    move_cash,
    open_drawer,
    set_denominations,
    shift_figures,
)
from primepos.domain.sales.service import deliver_sale
from tests.conftest import NOON
from tests.domain.cash.conftest import at_the_till, counts, moved
from tests.factories import TillSeries, a_shift, assert_books_hold, rows

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.context import Approval
    from primepos.core.operations import App
    from tests.factories import Shop


def expected(app: App, shop: Shop, shift: UUID) -> int:
    """What an X says there should be of the shop's own cash."""
    (cash,) = [
        each for each in app.run(shift_figures, shop.manager, {"shift_id": shift}).tallies if each.kind == "cash"
    ]
    return cash.expected


def test_movements_count_in_what_the_drawer_should_hold_and_stand_on_the_x(app: App, shop: Shop, shift: UUID) -> None:
    moved(app, shop, shift, "paid_in", 5_000)
    moved(app, shop, shift, "paid_out", 1_240, reference="R-1")
    moved(app, shop, shift, "drop", 6_000)
    moved(app, shop, shift, "loan", 2_000)
    moved(app, shop, shift, "pickup", 300)
    app.run(open_drawer, shop.manager, {"id": new_id(), "shift_id": shift, "reason": "gave change"})
    x = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert {each.kind: each.amount for each in x.movements} == {
        "paid_in": 5_000,
        "paid_out": -1_240,
        "drop": -6_000,
        "loan": 2_000,
        "pickup": -300,
    }
    assert (x.no_sales, [(each.name, each.no_sales) for each in x.persons]) == (1, [("Manager", 1)])
    assert expected(app, shop, shift) == 9_460
    (safe,) = app.run(list_safes, shop.manager, {}).items
    assert (safe.balance, safe.entries, safe.currency) == (4_000, 2, "EUR")
    closed = app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 9_460})
    assert (closed.expected, closed.difference) == (9_460, 0)
    assert_books_hold(app, shop)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["paid_in", "paid_out", "drop", "pickup"]), st.integers(1, 10**9)),
            st.just(("sale", 0)),
        ),
        max_size=8,
    )
)
def test_expected_is_the_float_and_all_movements_in_any_order(
    app: App, shop: Shop, acts: list[tuple[str, int]]
) -> None:
    shift = a_shift(app, shop, opening_float=777)
    till = TillSeries(shop, shift, NOON, epoch=1)
    before = rows(app, "SELECT max(number) AS n FROM sales WHERE register_id = %s", (shop.till_id,))[0]["n"] or 0
    if before:
        last = rows(
            app,
            "SELECT encode(hash, 'hex') AS h FROM sales WHERE register_id = %s AND number = %s",
            (shop.till_id, before),
        )
        till.number, till.head = before, last[0]["h"]
    for kind, amount in acts:
        if kind == "sale":
            app.run(deliver_sale, shop.device, till.sell())
        else:
            moved(app, shop, shift, kind, amount)
    wanted = 777 + sum(450 if kind == "sale" else SIGNS[kind] * amount for kind, amount in acts)
    assert expected(app, shop, shift) == wanted
    assert app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 0}).expected == wanted


def test_a_cashier_moves_cash_with_consent_only_and_both_are_kept(
    app: App, shop: Shop, shift: UUID, consent: Approval
) -> None:
    asked = {"id": new_id(), "shift_id": shift, "kind": "paid_out", "amount": 500, "reason": "stamps"}
    with pytest.raises(ApprovalRequired) as refused:
        app.run(move_cash, shop.cashier, asked)
    assert refused.value.data["acts"][0]["amount"] == 500
    with pytest.raises(PermissionDenied):
        app.run(move_cash, shop.clerk, asked)
    assert rows(app, "SELECT count(*) AS n FROM cash_movements WHERE tenant_id = %s", (shop.tenant_id,)) == [{"n": 0}]
    made = app.run(move_cash, at_the_till(shop), asked, approval=consent)
    assert (made.actor, made.approved_by, made.amount) == ("Cashier", "Mo", -500)
    with pytest.raises(ApprovalRequired):
        app.run(open_drawer, shop.cashier, {"id": new_id(), "shift_id": shift, "reason": "change"})


@pytest.mark.parametrize(
    ("field", "value"), [("amount", 0), ("amount", -5), ("reason", " "), ("kind", "gift"), ("currency", "eur")]
)
def test_what_is_no_movement_is_refused(app: App, shop: Shop, shift: UUID, field: str, value: object) -> None:
    asked = {"id": new_id(), "shift_id": shift, "kind": "paid_in", "amount": 5, "reason": "x", field: value}
    with pytest.raises(InvalidInput):
        app.run(move_cash, shop.manager, asked)


def test_the_same_movement_again_is_answered_and_another_under_its_id_refused(
    app: App, shop: Shop, shift: UUID
) -> None:
    asked = {"id": new_id(), "shift_id": shift, "kind": "drop", "amount": 900, "reason": "full"}
    first = app.run(move_cash, shop.manager, asked)
    assert app.run(move_cash, shop.manager, asked) == first
    for other in ({"amount": 901}, {"kind": "pickup"}, {"reason": "else"}):
        with pytest.raises(CashConflict):
            app.run(move_cash, shop.manager, {**asked, **other})
    with pytest.raises(CashConflict):
        app.run(move_cash, shop.owner, asked)
    (safe,) = app.run(list_safes, shop.manager, {}).items
    assert safe.balance == 900


def test_nothing_moves_in_a_closed_or_unknown_shift(app: App, shop: Shop, shift: UUID) -> None:
    app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 10_000})
    with pytest.raises(ShiftClosed):
        moved(app, shop, shift, "paid_in", 5)
    with pytest.raises(ShiftNotFound):
        moved(app, shop, new_id(), "paid_in", 5)
    with pytest.raises(UnknownCurrency):
        moved(app, shop, a_shift(app, shop), "paid_in", 5, currency="XXX")


def test_a_safe_gives_no_more_than_it_holds(app: App, shop: Shop, shift: UUID) -> None:
    moved(app, shop, shift, "drop", 1_000)
    before = counts(app, shop)
    with pytest.raises(SafeShort):
        moved(app, shop, shift, "loan", 1_001)
    deposit = {"id": new_id(), "outlet_id": shop.outlet_id, "amount": 1_001, "reason": "bank"}
    with pytest.raises(SafeShort):
        app.run(bank_deposit, shop.manager, deposit)
    assert counts(app, shop) == before
    taken = app.run(bank_deposit, shop.manager, {**deposit, "amount": 1_000})
    assert (taken.amount, taken.balance, taken.entry_no) == (-1_000, 0, 2)
    assert app.run(bank_deposit, shop.manager, {**deposit, "amount": 1_000}) == taken


def test_a_cashier_sees_the_movements_of_their_own_shifts(app: App, shop: Shop, shift: UUID) -> None:
    for amount in (1, 2, 3):
        moved(app, shop, shift, "paid_in", amount)
    first = app.run(list_movements, shop.cashier, {"limit": 2})
    second = app.run(list_movements, shop.cashier, {"limit": 2, "after": first.next})
    assert sorted(each.amount for each in (*first.items, *second.items)) == [1, 2, 3]
    stranger = shop.cashier.__class__(
        kind="user", tenant_id=shop.tenant_id, role="cashier", actor_id=new_id(), name="X"
    )
    assert app.run(list_movements, stranger, {}).items == []
    assert app.run(list_movements, shop.manager, {"kind": "drop"}).items == []


def test_coins_and_notes_come_to_the_total_that_was_given(app: App, shop: Shop, shift: UUID) -> None:
    asked = {"id": new_id(), "shift_id": shift, "counted": 9_050, "denominations": {"5000": 1, "2000": 2, "50": 1}}
    counted = app.run(count_cash, shop.manager, asked)
    assert (counted.expected, counted.difference, counted.denominations["2000"]) == (10_000, -950, 2)
    blind = app.run(count_cash, shop.cashier, {**asked, "id": new_id()})
    assert (blind.counted, blind.expected, blind.difference) == (9_050, None, None)
    with pytest.raises(CountMismatch):
        app.run(count_cash, shop.manager, {**asked, "id": new_id(), "counted": 9_000})
    with pytest.raises(DenominationUnknown):
        app.run(count_cash, shop.manager, {**asked, "id": new_id(), "counted": 300, "denominations": {"300": 1}})
    assert app.run(count_cash, shop.manager, asked) == counted
    with pytest.raises(CashConflict):
        app.run(count_cash, shop.manager, {"id": asked["id"], "shift_id": shift, "counted": 1})
    other = shop.cashier.__class__(kind="user", tenant_id=shop.tenant_id, role="cashier", actor_id=new_id(), name="X")
    with pytest.raises(NotYourShift):
        app.run(count_cash, other, {**asked, "id": new_id()})


def test_a_shop_sets_its_own_coins_and_notes(app: App, shop: Shop, shift: UUID) -> None:
    usual = app.run(list_denominations, shop.cashier, {})
    assert (usual.own, usual.items[0].value, usual.items[-1].value) == (False, 1, 50_000)
    with pytest.raises(PermissionDenied):
        app.run(set_denominations, shop.manager, {"currency": "EUR", "items": []})
    items = [{"value": 5, "kind": "coin"}, {"value": 500, "kind": "note"}]
    own = app.run(set_denominations, shop.owner, {"currency": "EUR", "items": items})
    assert (own.own, [each.value for each in own.items]) == (True, [5, 500])
    asked = {"id": new_id(), "shift_id": shift, "counted": 1, "denominations": {"1": 1}}
    with pytest.raises(DenominationUnknown):
        app.run(count_cash, shop.manager, asked)
    assert app.run(set_denominations, shop.owner, {"currency": "EUR", "items": []}).items == usual.items


def told(shop: Shop, shift: UUID, kind: str, **more: Any) -> dict[str, Any]:
    """What a till tells of its drawer."""
    who = {"actor_id": shop.cashier.actor_id, "actor": "Cashier", "at": NOON}
    return {"id": new_id(), "shift_id": shift, "kind": kind, **who, **more}


def test_what_a_till_delivers_is_taken_with_its_people_and_late_if_it_comes_late(
    app: App, shop: Shop, shift: UUID
) -> None:
    event = told(shop, shift, "paid_out", amount=700, reason="ice", approver_id=shop.manager.actor_id, approver="Mo")
    assert app.run(deliver_cash, shop.device, event).late is False
    assert app.run(deliver_cash, shop.device, event).late is False
    with pytest.raises(CashConflict):
        app.run(deliver_cash, shop.device, {**event, "amount": 701})
    for kind, more in (
        ("no_sale", {"reason": "change"}),
        ("joined", {}),
        ("counted", {"amount": 9_000}),
        ("ended", {}),
    ):
        app.run(deliver_cash, shop.device, told(shop, shift, kind, **more))
    closed = app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 9_300})
    assert (closed.expected, closed.ended_by, closed.ended_at) == (9_300, "Cashier", NOON)
    late = told(shop, shift, "drop", amount=100, reason="full", at=NOON + timedelta(minutes=1))
    assert app.run(deliver_cash, shop.device, late).late is True
    z = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert (z.shift.expected, z.no_sales, [each.kind for each in z.movements]) == (9_300, 1, ["paid_out"])
    assert [(each.kind, each.amount) for each in z.supplement.movements] == [("drop", -100)]
    assert rows(app, "SELECT approved_by FROM cash_movements WHERE id = %s", (event["id"],)) == [{"approved_by": "Mo"}]
    assert_books_hold(app, shop)


def test_a_till_tells_of_its_own_shifts_only(app: App, shop: Shop, other_shop: Shop, shift: UUID) -> None:
    with pytest.raises(PermissionDenied):
        app.run(deliver_cash, shop.owner, told(shop, shift, "joined"))
    stranger = shop.device.__class__(
        kind="device", tenant_id=shop.tenant_id, role="device", register_id=shop.server_id, name="Another till"
    )
    for who in (stranger, other_shop.device):
        with pytest.raises(ShiftNotFound):
            app.run(deliver_cash, who, told(shop, shift, "joined"))
    with pytest.raises(InvalidInput):
        app.run(deliver_cash, shop.device, told(shop, shift, "paid_in"))
    with pytest.raises(InvalidInput):
        app.run(deliver_cash, shop.device, told(shop, shift, "paid_in", amount=5))
