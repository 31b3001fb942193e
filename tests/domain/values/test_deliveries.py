"""What tills took from cards and accounts: it happened, so it is booked, and flagged where it did not hold."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.core.ids import new_id
from primepos.domain.sales.schemas import LineDetails, SalePayment
from primepos.domain.sales.service import deliver_sale
from primepos.domain.tenancy.service import update_settings
from primepos.domain.values.service import allot, authorise, block_card, list_allotments, tell_code
from tests.conftest import NOON
from tests.domain.values.test_in_sales import sound
from tests.domain.values.value_world import POINTS, a_card, a_customer, balance, entries, some_points
from tests.factories import TillSeries, a_shift, rows

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.operations import App
    from tests.factories import Shop


def _till(app: App, shop: Shop) -> TillSeries:
    return TillSeries(shop, a_shift(app, shop), NOON)


def _by_card(account: UUID, kept: UUID | None = None, kind: Any = "gift_card") -> list[SalePayment]:
    return [SalePayment(kind=kind, amount=450, account_id=account, authorisation_id=kept)]


def _allotted(app: App, shop: Shop, amount: int, **more: Any) -> None:
    asked = {"id": new_id(), "register_id": shop.till_id, "kind": "gift_card", "amount": amount}
    app.run(allot, shop.manager, {**asked, "expires_at": NOON + timedelta(days=1), **more})


def test_what_was_authorised_is_captured_by_the_delivery(app: App, shop: Shop) -> None:
    card, till, kept = a_card(app, shop, 450), _till(app, shop), new_id()
    app.run(authorise, shop.cashier, {"id": kept, "code": card.code, "amount": 450})
    sale = till.sell(payments=_by_card(card.account_id, kept))
    booked, again = (app.run(deliver_sale, shop.device, sale) for _ in range(2))
    assert (booked, booked.flags, balance(app, card.account_id)) == (again, [], (0, 0))
    assert rows(app, "SELECT state FROM authorisations WHERE id = %s", (kept,)) == [{"state": "captured"}]
    sound(app, shop)


def test_an_allotment_is_drawn_on_and_what_is_beyond_it_is_flagged(app: App, shop: Shop) -> None:
    card, till = a_card(app, shop, 2000), _till(app, shop)
    _allotted(app, shop, 500)
    flags = [app.run(deliver_sale, shop.device, till.sell(payments=_by_card(card.account_id))).flags for _ in range(2)]
    assert flags == [[], ["ALLOTMENT_EXCEEDED"]]
    drawn = app.run(list_allotments, shop.owner, {}).items[0]
    assert (drawn.amount, drawn.used, balance(app, card.account_id)) == (500, 900, (1100, 0))
    sound(app, shop)


def test_what_did_not_hold_is_booked_all_the_same(app: App, shop: Shop) -> None:
    card, lost, till = a_card(app, shop, 100), a_card(app, shop, 1000), _till(app, shop)
    _allotted(app, shop, 10_000)
    app.run(block_card, shop.owner, {"account_id": lost.account_id, "reason": "lost"})
    short = app.run(deliver_sale, shop.device, till.sell(payments=_by_card(card.account_id)))
    assert (short.flags, balance(app, card.account_id)) == (["VALUE_SHORT"], (-350, 0))
    blocked = app.run(deliver_sale, shop.device, till.sell(payments=_by_card(lost.account_id)))
    assert (blocked.flags, balance(app, lost.account_id)) == (["VALUE_SHORT"], (550, 0))
    unknown = app.run(deliver_sale, shop.device, till.sell(payments=_by_card(new_id())))
    assert unknown.flags == ["VALUE_UNKNOWN"]
    sound(app, shop)


def test_another_tenants_card_is_unknown_to_a_till(app: App, shop: Shop, other_shop: Shop) -> None:
    theirs, till = a_card(app, other_shop, 1000), _till(app, shop)
    sale = app.run(deliver_sale, shop.device, till.sell(payments=_by_card(theirs.account_id)))
    assert (sale.flags, balance(app, theirs.account_id)) == (["VALUE_UNKNOWN"], (1000, 0))


def test_a_tills_void_gives_back_and_takes_points_back(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"points": {**POINTS, "earn": 100, "per_minor": 100}}})
    ada, card, till = a_customer(app, shop), a_card(app, shop, 450), _till(app, shop)
    points = some_points(app, shop, ada, 10)
    _allotted(app, shop, 10_000)
    sale = till.sell(payments=_by_card(card.account_id), customer_id=ada)
    app.run(deliver_sale, shop.device, sale)
    assert (balance(app, card.account_id)[0], balance(app, points)[0]) == (0, 460)
    app.run(deliver_sale, shop.device, till.void(sale))
    assert (balance(app, card.account_id)[0], balance(app, points)[0]) == (450, 10)
    assert [each[0] for each in entries(app, card.account_id)] == ["issue", "sale", "void"]
    sound(app, shop)


def test_a_card_sold_at_a_till_begins_with_its_record(app: App, shop: Shop) -> None:
    till, card = _till(app, shop), new_id()
    plain = till.sell()
    app.run(deliver_sale, shop.device, plain)
    line = msgspec.structs.replace(
        plain.lines[0],
        product_id=None,
        sku="",
        name="Gift card",
        kind="gift_card",
        base=2000,
        tax=0,
        total=2000,
        taxes=[],
        details=LineDetails(account_id=card),
    )
    sale = till.sell(
        lines=[line], taxes=[], base=0, tax=0, value=2000, total=2000, payments=[SalePayment(kind="cash", amount=2000)]
    )
    booked = app.run(deliver_sale, shop.device, sale)
    assert (booked.flags, booked.value, balance(app, card)) == ([], 2000, (2000, 0))
    told = app.run(tell_code, shop.cashier, {"account_id": card})
    assert told.tail == (told.code or "")[-4:]
    sound(app, shop)
