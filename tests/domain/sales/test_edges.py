"""What callers and tills send that nobody means to: each is answered cleanly, and never books what it must not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from primepos.core.context import Approval, Identity
from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.core.security import hash_pin
from primepos.domain.cash.errors import ShiftAlreadyOpen
from primepos.domain.cash.service import close_shift, open_shift
from primepos.domain.outlets.service import start_new_epoch
from primepos.domain.sales.errors import BrokenSale, ShiftUnknown
from primepos.domain.sales.schemas import LineTax, SalePayment, SaleTax
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from primepos.domain.staff.errors import PinRefused
from primepos.domain.staff.models import StaffMember
from tests.conftest import NOON
from tests.factories import TillSeries, _committed, a_shift, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from primepos.core.settings import Settings
    from tests.factories import Shop

PIN = "274951"


def a_person(app: App, shop: Shop, settings: Settings, role: str, code: str) -> Identity:
    """Return somebody with the PIN above, as signed in at the shop's till."""
    staff_id = new_id()

    def work(uow: Any) -> None:
        uow.session.add(
            StaffMember(
                tenant_id=shop.tenant_id,
                id=staff_id,
                code=code.upper(),
                name=code.title(),
                role=role,
                pin_hash=hash_pin(PIN, settings.pin_pepper),
            )
        )
        uow.flush()

    _committed(app, work)
    return Identity(
        kind="staff",
        tenant_id=shop.tenant_id,
        role=role,
        actor_id=staff_id,
        name=code.title(),
        register_id=shop.till_id,
        outlet_ids=frozenset({shop.outlet_id}),
    )


def a_second_till(app: App, shop: Shop) -> Any:
    """Add another till to the shop's outlet and return its id."""
    from primepos.domain.outlets.service import create_register

    return app.run(create_register, shop.owner, {"outlet_id": shop.outlet_id, "code": "till-2", "name": "Till 2"}).id


def test_a_managers_pin_lets_a_cashier_change_a_price_and_both_are_in_the_trail(
    app: App, shop: Shop, settings: Settings
) -> None:
    cashier = a_person(app, shop, settings, "cashier", "carl")
    manager = a_person(app, shop, settings, "manager", "mona")
    asked = basket(shop, lines=[{"product_id": shop.products[0], "quantity": "1", "unit_price": "0.50"}])

    with pytest.raises(ApprovalRequired):
        app.run(book_sale, cashier, asked)
    with pytest.raises(PinRefused):
        app.run(book_sale, cashier, asked, approval=Approval("mona", "111222"))
    assert counts(app, shop)["sales"] == 0
    sale = app.run(book_sale, cashier, asked, approval=Approval("mona", PIN))

    assert sale.total == 50
    trail = rows(
        app,
        "SELECT actor_id, approver_id, approver_name FROM audit_events WHERE outcome = 'done' AND subject = %s",
        (f"sale:{sale.id}",),
    )
    assert trail == [{"actor_id": cashier.actor_id, "approver_id": manager.actor_id, "approver_name": "Mona"}]


def test_nobody_approves_their_own_discount(app: App, shop: Shop, settings: Settings) -> None:
    cashier = a_person(app, shop, settings, "cashier", "carl")
    asked = basket(shop, ticket_discount_percent="10")
    for code in ("carl",):
        with pytest.raises(PermissionDenied):
            app.run(book_sale, cashier, asked, approval=Approval(code, PIN))
    manager = a_person(app, shop, settings, "manager", "mona")
    with pytest.raises(ApprovalRequired):
        app.run(book_sale, msgspec_replace(manager, role="cashier"), asked, approval=Approval("mona", PIN))
    assert counts(app, shop)["sales"] == 0


def msgspec_replace(identity: Identity, **changes: Any) -> Identity:
    """Return the identity with fields replaced."""
    from dataclasses import replace

    return replace(identity, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"ticket_discount_percent": "NaN"},
        {"ticket_discount_percent": "sNaN"},
        {"ticket_discount_percent": "Infinity"},
        {"ticket_discount_percent": "-1"},
        {"ticket_discount_percent": "1E+999999"},
        {"ticket_discount_percent": "1E-999999"},
        {"line": {"discount_percent": "NaN"}},
        {"line": {"discount_percent": "sNaN"}},
        {"line": {"discount_percent": "-Infinity"}},
        {"line": {"discount_percent": "-50"}},
        {"line": {"quantity": "NaN"}},
        {"line": {"quantity": "1E+999999"}},
        {"line": {"quantity": "0.0004"}},
        {"line": {"quantity": "-1"}},
        {"line": {"unit_price": "-100"}},
        {"line": {"unit_price": "sNaN"}},
        {"line": {"unit_price": "9999999999.9999", "quantity": "999999999.999"}},
        {"tenders": [{"kind": "cash", "amount": 10**30}]},
        {"tenders": [{"kind": "cash", "amount": 500, "reference": "a\x00b"}]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("who", ["owner", "cashier"])
def test_numbers_that_are_none_are_refused(app: App, shop: Shop, changes: dict[str, Any], who: str) -> None:
    asked = basket(shop)
    line = changes.pop("line", None) if "line" in (changes := dict(changes)) else None
    if line is not None:
        asked["lines"][0].update(line)
    before = counts(app, shop)
    with pytest.raises((InvalidInput, PermissionDenied)):
        app.run(book_sale, shop.people[who], {**asked, **changes})
    assert counts(app, shop) == before


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[2J", "x\ud800", "\u202egnp.exe", "a\u2066b", "\x9b1m"], ids=ascii)
def test_a_reason_is_text_that_can_be_shown(app: App, shop: Shop, text: str) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    with pytest.raises(InvalidInput):
        app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": text})
    assert counts(app, shop)["sales"] == 1


def test_data_nested_without_end_is_refused(app: App, shop: Shop) -> None:
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(InvalidInput):
        app.run(book_sale, shop.cashier, basket(shop, lines=deep))
    while deep:
        deep = deep[0]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
        datetime(1969, 1, 1, tzinfo=UTC),
        datetime(2400, 1, 1, tzinfo=UTC),
    ],
    ids=str,
)
def test_a_moment_outside_the_calendar_is_refused(app: App, shop: Shop, moment: datetime) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    sale = till.sell()
    with pytest.raises(InvalidInput):
        app.run(deliver_sale, shop.device, msgspec.structs.replace(sale, sold_at=moment))
    with pytest.raises(InvalidInput):
        app.run(deliver_sale, shop.device, msgspec.structs.replace(sale, business_date=moment.date()))
    assert counts(app, shop)["sales"] == 0
    app.run(close_shift, shop.manager, {"shift_id": till.shift_id, "counted": 0})
    with pytest.raises(InvalidInput):
        app.run(
            open_shift,
            shop.cashier,
            {"id": new_id(), "register_id": shop.till_id, "opening_float": 0, "opened_at": moment},
        )
    assert counts(app, shop)["shifts"] == 1


def test_a_clock_that_fell_back_to_1970_still_sells(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), datetime(1970, 1, 1, 0, 3, tzinfo=UTC))
    assert app.run(deliver_sale, shop.device, till.sell()).business_date == date(1970, 1, 1)
    assert_books_hold(app, shop)


def test_a_sale_of_the_series_before_leaves_the_new_series_alone(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    app.run(deliver_sale, shop.device, till.sell())
    waiting = till.sell()
    app.run(start_new_epoch, shop.owner, {"id": shop.till_id, "reason": "the disk is lost"})

    late = app.run(deliver_sale, shop.device, waiting)

    assert late.flags == ["OLD_EPOCH"]
    head = rows(app, "SELECT epoch, next_number, last_hash FROM registers WHERE id = %s", (shop.till_id,))
    assert head == [{"epoch": 2, "next_number": 1, "last_hash": bytes(32)}]
    fresh = TillSeries(shop, till.shift_id, NOON, epoch=2)
    assert app.run(deliver_sale, shop.device, fresh.sell()).flags == []
    assert_books_hold(app, shop)


def test_a_sale_cannot_be_put_into_another_tills_shift(app: App, shop: Shop) -> None:
    shift = a_shift(app, shop, opening_float=0)
    second = a_second_till(app, shop)
    other = app.run(open_shift, shop.cashier, {"id": new_id(), "register_id": second, "opening_float": 0}).id
    till = TillSeries(shop, other, NOON)
    with pytest.raises(ShiftUnknown):
        app.run(deliver_sale, shop.device, till.sell())
    assert counts(app, shop)["sales"] == 0
    assert app.run(close_shift, shop.manager, {"shift_id": other, "counted": 0}).expected == 0
    assert app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 0}).expected == 0


def test_a_fixed_tax_of_thousands_and_a_rate_of_six_places_are_delivered(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    plain = till.sell()
    line = msgspec.structs.replace(
        plain.lines[0],
        base=100_000,
        tax=5_000_00,
        total=600_000,
        taxes=[LineTax(code="plastic", rate=Decimal("123456789.123456"), amount=5_000_00)],
    )
    sale = till.seal(
        msgspec.structs.replace(
            plain,
            lines=[line],
            taxes=[
                SaleTax(code="plastic", name="Bag", rate=Decimal("123456789.123456"), base=100_000, amount=5_000_00)
            ],
            payments=[SalePayment(kind="cash", amount=600_000)],
            base=100_000,
            tax=5_000_00,
            total=600_000,
        )
    )
    booked = app.run(deliver_sale, shop.device, sale)
    assert booked.taxes[0].rate == Decimal("123456789.123456")
    assert app.run(deliver_sale, shop.device, sale) == booked
    assert_books_hold(app, shop)


def test_a_negative_line_of_a_till_is_booked_and_flagged(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    plain = till.sell()
    lines = [
        msgspec.structs.replace(
            each,
            quantity=-each.quantity,
            base=-each.base,
            tax=-each.tax,
            total=-each.total,
            taxes=[msgspec.structs.replace(t, amount=-t.amount) for t in each.taxes],
        )
        for each in plain.lines
    ]
    sale = till.seal(
        msgspec.structs.replace(
            plain,
            lines=lines,
            taxes=[msgspec.structs.replace(each, base=-each.base, amount=-each.amount) for each in plain.taxes],
            payments=[SalePayment(kind="cash", amount=-450)],
            base=-378,
            tax=-72,
            total=-450,
        )
    )
    assert app.run(deliver_sale, shop.device, sale).flags == ["NEGATIVE_LINE"]


def test_a_tills_void_of_something_else_is_booked_and_flagged(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    server_sale = app.run(book_sale, shop.cashier, basket(shop))
    plain = till.sell()
    void = till.seal(
        msgspec.structs.replace(
            plain,
            kind="void",
            void_of=server_sale.id,
            reason="not mine",
            lines=[
                msgspec.structs.replace(
                    each,
                    quantity=-each.quantity,
                    base=-each.base,
                    tax=-each.tax,
                    total=-each.total,
                    taxes=[msgspec.structs.replace(t, amount=-t.amount) for t in each.taxes],
                )
                for each in plain.lines
            ],
            taxes=[msgspec.structs.replace(each, base=-each.base, amount=-each.amount) for each in plain.taxes],
            payments=[SalePayment(kind="cash", amount=-450)],
            base=-378,
            tax=-72,
            total=-450,
        )
    )
    assert app.run(deliver_sale, shop.device, void).flags == ["VOID_DIFFERS"]


def test_a_sale_of_another_business_day_than_its_shifts_is_flagged(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    sale = till.sell(business_date=date(2026, 3, 1))
    assert app.run(deliver_sale, shop.device, sale).flags == ["DAY_DIFFERS"]


def test_opening_again_with_another_float_is_not_the_same_opening(app: App, shop: Shop) -> None:
    asked = {"id": new_id(), "register_id": shop.till_id, "opening_float": 100}
    app.run(open_shift, shop.cashier, asked)
    with pytest.raises(ShiftAlreadyOpen):
        app.run(open_shift, shop.cashier, {**asked, "opening_float": 999})


def test_a_sale_id_of_another_register_is_a_conflict(app: App, shop: Shop) -> None:
    booked = app.run(book_sale, shop.cashier, basket(shop))
    till = TillSeries(shop, a_shift(app, shop), NOON)
    with pytest.raises(Exception, match="another content") as refused:
        app.run(deliver_sale, shop.device, till.sell(id=booked.id))
    assert getattr(refused.value, "code", "") == "SALE_CONFLICT"


def test_a_broken_seal_is_refused_whatever_the_date(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    with pytest.raises(BrokenSale):
        app.run(deliver_sale, shop.device, msgspec.structs.replace(till.sell(), cashier="Somebody else"))
