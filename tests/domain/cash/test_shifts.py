"""Shifts: counted in, counted out, and no figure carried over from the shift before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from primepos.core.context import Identity
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.cash.errors import NoSuchRegister, NotYourShift, ShiftAlreadyOpen, ShiftClosed, ShiftNotFound
from primepos.domain.cash.service import close_shift, list_shifts, open_shift, shift_figures, show_shift
from primepos.domain.sales.service import deliver_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop


def test_a_shift_opens_with_its_business_day(app: App, shop: Shop) -> None:
    shift = app.run(open_shift, shop.cashier, {"id": new_id(), "register_id": shop.till_id, "opening_float": 12_345})
    assert (shift.opening_float, shift.business_date.isoformat(), shift.opened_by) == (12_345, "2026-03-02", "Cashier")
    assert (shift.closed_at, shift.z_number, shift.counted) == (None, None, None)
    register = rows(app, "SELECT open_shift_id FROM registers WHERE id = %s", (shop.till_id,))
    assert register == [{"open_shift_id": shift.id}]


def test_the_business_day_is_the_shops_own(app: App, shop: Shop, clock: FrozenClock) -> None:
    clock.advance(timedelta(hours=11, minutes=30))
    shift = app.run(open_shift, shop.cashier, {"id": new_id(), "register_id": shop.till_id, "opening_float": 0})
    assert shift.business_date.isoformat() == "2026-03-03"


def test_opening_twice_is_one_opening(app: App, shop: Shop) -> None:
    asked = {"id": new_id(), "register_id": shop.till_id, "opening_float": 100}
    first = app.run(open_shift, shop.cashier, asked)
    assert app.run(open_shift, shop.cashier, asked) == first
    with pytest.raises(ShiftAlreadyOpen):
        app.run(open_shift, shop.cashier, {**asked, "id": new_id()})
    assert rows(app, "SELECT count(*) AS n FROM shifts WHERE tenant_id = %s", (shop.tenant_id,)) == [{"n": 1}]


@pytest.mark.parametrize("opening_float", [-1, 10**16, "much"])
def test_a_float_is_a_whole_amount(app: App, shop: Shop, opening_float: object) -> None:
    with pytest.raises(InvalidInput):
        app.run(open_shift, shop.cashier, {"id": new_id(), "register_id": shop.till_id, "opening_float": opening_float})
    assert rows(app, "SELECT count(*) AS n FROM shifts WHERE tenant_id = %s", (shop.tenant_id,)) == [{"n": 0}]


def test_only_a_till_of_this_tenant_has_shifts(app: App, shop: Shop, other_shop: Shop) -> None:
    for register in (shop.server_id, other_shop.till_id, new_id()):
        with pytest.raises(NoSuchRegister):
            app.run(open_shift, shop.cashier, {"id": new_id(), "register_id": register, "opening_float": 0})
    with pytest.raises(PermissionDenied):
        app.run(open_shift, shop.clerk, {"id": new_id(), "register_id": shop.till_id, "opening_float": 0})


def test_closing_counts_this_shift_only(app: App, shop: Shop) -> None:
    first = a_shift(app, shop, opening_float=0)
    till = TillSeries(shop, first, NOON)
    app.run(deliver_sale, shop.device, till.sell())
    closed = app.run(close_shift, shop.manager, {"shift_id": first, "counted": 450})
    assert (closed.expected, closed.difference, closed.z_number) == (450, 0, 1)

    till.shift_id = a_shift(app, shop, opening_float=0)
    for _ in range(2):
        app.run(deliver_sale, shop.device, till.sell())
    closed = app.run(close_shift, shop.manager, {"shift_id": till.shift_id, "counted": 850})
    assert (closed.expected, closed.difference, closed.z_number) == (900, -50, 2)
    jobs = "SELECT count(*) AS n FROM procrastinate_jobs WHERE args->>'tenant_id' = %s"
    queued = rows(app, jobs, (str(shop.tenant_id),))
    assert queued == [{"n": 2}]


def test_a_closing_is_final(app: App, shop: Shop) -> None:
    shift = a_shift(app, shop)
    app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 10_000})
    first = app.run(show_shift, shop.manager, {"shift_id": shift})
    with pytest.raises(ShiftClosed):
        app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 9_999})
    with pytest.raises(ShiftClosed):
        app.run(close_shift, shop.owner, {"shift_id": shift, "counted": 10_000})
    assert app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 10_000}) == first
    assert app.run(show_shift, shop.manager, {"shift_id": shift}).counted == 10_000


def test_a_cashier_closes_blind_and_only_their_own(app: App, shop: Shop) -> None:
    shift = a_shift(app, shop)
    other = Identity(kind="user", tenant_id=shop.tenant_id, role="cashier", actor_id=new_id(), name="Other")
    with pytest.raises(NotYourShift):
        app.run(close_shift, other, {"shift_id": shift, "counted": 1})
    closed = app.run(close_shift, shop.cashier, {"shift_id": shift, "counted": 9_000})
    assert (closed.counted, closed.expected, closed.difference) == (9_000, None, None)
    assert app.run(show_shift, shop.manager, {"shift_id": shift}).difference == -1_000


def test_the_figures_are_the_stored_rows(app: App, shop: Shop) -> None:
    shift = a_shift(app, shop)
    till = TillSeries(shop, shift, NOON)
    for _ in range(3):
        app.run(deliver_sale, shop.device, till.sell())
    x = app.run(shift_figures, shop.manager, {"shift_id": shift})
    assert (x.sales, x.voids, x.base, x.tax, x.total) == (3, 0, 1134, 216, 1350)
    assert [(each.kind, each.count, each.amount) for each in x.tenders] == [("cash", 3, 1350)]
    assert [(each.code, each.rate, each.base, each.amount) for each in x.taxes] == [("std", "19", 1134, 216)]
    assert (x.first_receipt, x.last_receipt) == (f"{shop.till_prefix}-000001", f"{shop.till_prefix}-000003")
    assert app.run(shift_figures, shop.manager, {"shift_id": shift}) == x
    blind = app.run(shift_figures, shop.cashier, {"shift_id": shift})
    assert (blind.sales, blind.tenders, blind.taxes) == (3, [], [])
    assert (blind.base, blind.tax, blind.rounding, blind.total) == (None, None, None, None)


def test_shifts_of_another_tenant_do_not_exist(app: App, shop: Shop, other_shop: Shop) -> None:
    shift = a_shift(app, shop)
    for operation in (show_shift, shift_figures):
        with pytest.raises(ShiftNotFound):
            app.run(operation, other_shop.manager, {"shift_id": shift})
    with pytest.raises(ShiftNotFound):
        app.run(close_shift, other_shop.manager, {"shift_id": shift, "counted": 0})
    assert app.run(list_shifts, other_shop.manager, {}).items == []


def test_pages_of_shifts_follow_each_other(app: App, shop: Shop, clock: FrozenClock) -> None:
    made = []
    for _ in range(5):
        shift = a_shift(app, shop)
        app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 0})
        made.append(shift)
        clock.advance(timedelta(hours=1))
    first = app.run(list_shifts, shop.manager, {"limit": 3})
    second = app.run(list_shifts, shop.manager, {"limit": 3, "after": first.next})
    assert [each.id for each in (*first.items, *second.items)] == made[::-1]
    assert second.next is None
    assert app.run(list_shifts, shop.manager, {"is_open": True}).items == []
    with pytest.raises(InvalidInput):
        app.run(list_shifts, shop.manager, {"after": "x"})
