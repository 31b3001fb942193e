"""Tips, which are nobody's revenue, and cash of other currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.domain.payments.foreign import CurrencyNotTaken, RateDiffers, converted
from primepos.domain.payments.settlement import NotPaid
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.service import book_sale, get_sale, void_sale
from primepos.domain.tenancy.service import current_tenant, update_settings
from tests.factories import assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from primepos.domain.sales.schemas import SaleOut
    from tests.factories import Shop

RATES = [{"currency": "USD", "rate": "0.92"}, {"currency": "JPY", "rate": "0.0061"}]


def paid(sale: SaleOut) -> list[tuple[str, int]]:
    return [(each.kind, each.amount) for each in sale.payments]


def accounts(app: App, sale: SaleOut) -> dict[str, int]:
    found = rows(app, "SELECT account, amount FROM ledger_entries WHERE sale_id = %s", (sale.id,))
    return {row["account"]: row["amount"] for row in found}


def dollars(cents: int, amount: int, **more: Any) -> dict[str, Any]:
    return {"kind": "cash", "amount": amount, "currency": "USD", "foreign_amount": cents, **more}


@pytest.fixture
def takes_dollars(app: App, shop: Shop) -> Shop:
    app.run(update_settings, shop.owner, {"settings": {"foreign_cash": RATES}})
    return shop


def test_a_tip_is_paid_beside_the_total_and_earned_by_nobody(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop, tip=50, tenders=[{"kind": "card", "amount": 500}]))

    assert (sale.total, sale.base, sale.tax) == (450, 378, 72)
    assert paid(sale) == [("card", 500), ("tip", -50)]
    assert accounts(app, sale) == {"card": 500, "tip": -50, "revenue": -378, "tax:std": -72}
    assert_books_hold(app, shop)


def test_cash_beyond_total_and_tip_is_change(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop, tip=50, tenders=[{"kind": "cash", "amount": 1000}]))

    assert paid(sale) == [("cash", 1000), ("change", -500), ("tip", -50)]


def test_a_tip_that_is_not_paid_is_owed(app: App, shop: Shop) -> None:
    before = counts(app, shop)

    with pytest.raises(NotPaid, match="50 is still to be paid"):
        app.run(book_sale, shop.cashier, basket(shop, tip=50, tenders=[{"kind": "card", "amount": 450}]))

    assert counts(app, shop) == before


def test_a_void_takes_the_tip_back(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop, tip=50, tenders=[{"kind": "card", "amount": 500}]))
    void = app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong"})

    assert paid(void) == [("card", -500), ("tip", 50)]
    assert_books_hold(app, shop)


def test_cash_of_another_currency_counts_at_the_shops_rate(app: App, takes_dollars: Shop) -> None:
    shop = takes_dollars
    asked = basket(shop, tenders=[dollars(1000, 920)])
    sale = app.run(book_sale, shop.cashier, asked)

    assert paid(sale) == [("cash", 920), ("change", -470)]
    dollar = sale.payments[0]
    assert (dollar.currency, dollar.foreign_amount, dollar.rate) == ("USD", 1000, Decimal("0.9200000000"))
    assert app.run(get_sale, shop.owner, {"id": sale.id}) == sale
    assert app.run(book_sale, shop.cashier, asked) == sale
    assert_books_hold(app, shop)

    back = app.run(refund_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "x"})
    assert [(each.kind, each.amount, each.currency) for each in back.payments] == [("cash", -450, None)]
    assert_books_hold(app, shop)


@pytest.mark.parametrize(
    ("tender", "error", "said"),
    [
        (dollars(1000, 919), RateDiffers, "At the shop's rate of 0.92 this comes to 920, not 919"),
        (dollars(1000, 920, currency="CHF"), CurrencyNotTaken, "takes no cash in CHF"),
        (dollars(1000, 920, kind="card"), InvalidInput, "cash of another currency says which"),
        ({"kind": "cash", "amount": 920, "currency": "USD"}, InvalidInput, "cash of another currency says which"),
    ],
)
def test_what_is_not_the_shops_rate_is_refused(
    app: App, takes_dollars: Shop, tender: dict[str, Any], error: type[Exception], said: str
) -> None:
    before = counts(app, takes_dollars)

    with pytest.raises(error, match=said):
        app.run(book_sale, takes_dollars.cashier, basket(takes_dollars, tenders=[tender]))

    assert counts(app, takes_dollars) == before


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "1000000001", "0.12345678901"])
def test_a_rate_that_is_none_is_refused(app: App, shop: Shop, rate: str) -> None:
    before = app.run(current_tenant, shop.owner, {})

    with pytest.raises(InvalidInput):
        app.run(update_settings, shop.owner, {"settings": {"foreign_cash": [{"currency": "USD", "rate": rate}]}})

    assert app.run(current_tenant, shop.owner, {}) == before


def test_a_currency_that_is_none_is_refused(app: App, shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="XXQ is no currency"):
        app.run(update_settings, shop.owner, {"settings": {"foreign_cash": [{"currency": "XXQ", "rate": "1"}]}})


@pytest.mark.parametrize(
    ("amount", "code", "rate", "own", "comes_to"),
    [
        (1000, "USD", "0.92", "EUR", 920),
        (1, "USD", "0.5", "EUR", 1),
        (1, "USD", "0.4", "EUR", 0),
        (5000, "JPY", "0.0061", "EUR", 3050),
        (1000, "EUR", "163.5", "JPY", 1635),
        (1500, "KWD", "3.01", "EUR", 452),
    ],
)
def test_minor_units_of_each_currency_are_its_own(amount: int, code: str, rate: str, own: str, comes_to: int) -> None:
    assert converted(amount, code, rate=Decimal(rate), own=own) == comes_to


@given(amount=st.integers(0, 10**9), rate=st.decimals("0.0001", "10000", places=4))
def test_more_money_never_comes_to_less(amount: int, rate: Decimal) -> None:
    less, more = (converted(each, "USD", rate=rate, own="EUR") for each in (amount, amount + 1))
    assert 0 <= less <= more
