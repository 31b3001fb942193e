"""Price lists and promotions as they are kept and asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.amounts import InvalidAmount
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.catalog.errors import CategoryNotFound, ProductNotFound
from primepos.domain.catalog.service import create_category, update_product
from primepos.domain.customers.errors import CustomerGroupNotFound, CustomerNotFound
from primepos.domain.offers.errors import (
    DuplicatePriceList,
    DuplicatePromotion,
    PriceListNotFound,
    PromotionNotFound,
    TaxMappingNotFound,
)
from primepos.domain.offers.service import (
    archive_price_list,
    archive_promotion,
    ask_price,
    create_price_list,
    create_promotion,
    create_tax_mapping,
    list_price_lists,
    list_promotions,
    list_tax_mappings,
    pull_offers,
    set_list_prices,
    show_price_list,
    show_promotion,
    try_promotions,
    update_price_list,
    update_promotion,
    update_tax_mapping,
)
from primepos.domain.outlets.errors import OutletNotFound
from primepos.pricing.errors import InvalidPromotion
from tests.domain.inner_room import count
from tests.domain.offers.making import a_coupon, a_customer, a_group, a_list, a_promotion, tried
from tests.factories import rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop

APPLE = {"sku": "A-1", "amount": "0.90"}


def test_a_list_sells_for_its_price_to_whom_it_is_for(app: App, shop: Shop) -> None:
    club = a_group(app, shop)
    anna = a_customer(app, shop, groups=["club"])
    a_list(
        app, shop, "club", APPLE, {"sku": "A-1", "amount": "0.80", "from_quantity": "10"}, terms={"group_ids": [club]}
    )

    assert tried(app, shop, ("A-1", "1")).total == 100
    got = tried(app, shop, ("A-1", "1"), ("B-2", "1"), customer_id=anna)
    assert [(each.unit_price, each.rule) for each in got.lines] == [
        (Decimal("0.90"), "list:club"),
        (Decimal("2.50"), "catalogue"),
    ]
    assert tried(app, shop, ("A-1", "10"), customer_id=anna).total == 800


def test_a_customers_own_list_is_asked_by_its_code(app: App, shop: Shop) -> None:
    a_list(app, shop, "trade", APPLE, terms={"group_ids": [a_group(app, shop)]})
    anna = a_customer(app, shop, price_list="trade")
    assert tried(app, shop, ("A-1", "1"), customer_id=anna).total == 90


def test_hours_are_those_of_the_shop(app: App, shop: Shop, clock: FrozenClock) -> None:
    a_promotion(app, shop, "happy", terms={"days": ["mon"], "from_time": "17:00", "to_time": "19:00"})
    # Monday noon in UTC is one o'clock in Berlin.
    assert tried(app, shop, ("C-3", "1")).total == 999
    clock.advance(timedelta(hours=4, minutes=30))
    got = tried(app, shop, ("C-3", "1"))
    assert (got.total, got.promotions[0].code, got.promotions[0].amount) == (899, "happy", 100)
    assert tried(app, shop, ("C-3", "1"), at="2026-03-03T16:30:00Z").total == 999


def test_prices_are_kept_and_known_for_any_moment(app: App, shop: Shop, clock: FrozenClock) -> None:
    made = a_list(app, shop, "trade", APPLE)
    start = clock.now()
    clock.advance(timedelta(days=1))
    again = {"price_list_id": made.id, "prices": [APPLE]}
    app.run(set_list_prices, shop.manager, again)
    assert count(app, "price_list_items", shop.tenant_id) == 1
    app.run(set_list_prices, shop.manager, {**again, "prices": [{**APPLE, "amount": "0.85"}]})
    app.run(update_product, shop.manager, {"id": shop.products[0], "unit_price": "1.10"})
    clock.advance(timedelta(days=1))
    app.run(set_list_prices, shop.manager, {**again, "prices": [{**APPLE, "amount": None}]})

    def cost(at: datetime | None) -> tuple[Decimal, str]:
        asked = {"outlet_id": shop.outlet_id, "sku": "A-1", "at": at}
        found = app.run(ask_price, shop.cashier, asked)
        return found.unit_price, found.rule

    assert cost(start) == (Decimal("0.90"), "list:trade")
    assert cost(start + timedelta(days=1)) == (Decimal("0.85"), "list:trade")
    assert cost(start + timedelta(days=2))[1] == "catalogue"
    found = app.run(ask_price, shop.cashier, {"outlet_id": shop.outlet_id, "product_id": shop.products[0]})
    lists = [(each.price_list, each.amount) for each in found.changes if each.price_list]
    assert lists == [("trade", None), ("trade", Decimal("0.85")), ("trade", Decimal("0.90"))]
    before = app.run(show_price_list, shop.owner, {"id": made.id, "at": start}).prices
    assert [(each.sku, each.amount, each.set_by) for each in before] == [("A-1", Decimal("0.90"), "Manager")]
    assert app.run(show_price_list, shop.owner, {"id": made.id}).prices == []


def test_the_prices_of_a_list_come_in_pages(app: App, shop: Shop) -> None:
    made = a_list(app, shop, "l", *({"sku": sku, "amount": "1"} for sku in ("A-1", "B-2", "C-3")))
    first = app.run(show_price_list, shop.clerk, {"id": made.id, "limit": 2})
    rest = app.run(show_price_list, shop.clerk, {"id": made.id, "limit": 2, "after": first.next})
    assert ([each.sku for each in first.prices + rest.prices], rest.next) == (["A-1", "B-2", "C-3"], None)


def test_a_category_costs_percent_less_or_percent_on_top_of_the_cost(app: App, shop: Shop) -> None:
    fruit = app.run(create_category, shop.owner, {"name": "Fruit"})
    app.run(update_product, shop.owner, {"id": shop.products[0], "category_id": fruit.id})
    made = a_list(app, shop, "l", {"category": "Fruit", "kind": "percent_off", "amount": "25"})
    assert tried(app, shop, ("A-1", "1"), ("B-2", "1")).total == 75 + 250
    plus = {"category_id": fruit.id, "kind": "cost_plus", "amount": "50"}
    app.run(set_list_prices, shop.manager, {"price_list_id": made.id, "prices": [plus]})
    assert tried(app, shop, ("A-1", "1")).total == 100


def test_a_list_can_be_changed_and_put_away(app: App, shop: Shop) -> None:
    made = a_list(app, shop, "trade", APPLE, priority=3, step="0.05")
    assert (made.priority, made.step, made.terms.days) == (3, Decimal("0.0500"), [])
    changed = app.run(
        update_price_list,
        shop.manager,
        {"id": made.id, "name": "Trade prices", "terms": {"outlet_ids": [shop.outlet_id], "days": ["sat", "sun"]}},
    )
    assert (changed.name, changed.priority, changed.terms.outlet_ids) == ("Trade prices", 3, [shop.outlet_id])
    put_away = app.run(archive_price_list, shop.manager, {"id": made.id})
    assert app.run(archive_price_list, shop.manager, {"id": made.id}) == put_away
    assert app.run(list_price_lists, shop.cashier, {}).items == []
    assert [each.id for each in app.run(list_price_lists, shop.cashier, {"archived": True}).items] == [made.id]
    back = app.run(update_price_list, shop.manager, {"id": made.id, "archived": False, "step": None})
    assert (back.archived_at, back.step) == (None, None)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"code": "trade"}, DuplicatePriceList),
        ({"step": "0"}, InvalidAmount),
        ({"step": "0.00001"}, InvalidAmount),
        ({"terms": {"outlet_ids": [new_id()]}}, OutletNotFound),
        ({"terms": {"group_ids": [new_id()]}}, CustomerGroupNotFound),
        ({"terms": {"customer_ids": [new_id()]}}, CustomerNotFound),
        ({"terms": {"from_time": "17:00"}}, InvalidInput),
        ({"terms": {"valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}}, InvalidInput),
    ],
)
def test_what_makes_no_list_is_refused(app: App, shop: Shop, data: dict[str, Any], error: type[Exception]) -> None:
    a_list(app, shop, "trade")
    with pytest.raises(error):
        app.run(create_price_list, shop.manager, {"code": "other", "name": "Other", **data})
    assert count(app, "price_lists", shop.tenant_id) == 1


@pytest.mark.parametrize(
    ("price", "error"),
    [
        ({"sku": "none", "amount": "1"}, ProductNotFound),
        ({"category": "none", "kind": "percent_off", "amount": "1"}, CategoryNotFound),
        ({"sku": "A-1", "amount": "-1"}, InvalidAmount),
        ({"sku": "A-1", "kind": "percent_off", "amount": "100.5"}, InvalidAmount),
        ({"kind": "price", "amount": "1"}, InvalidInput),
        ({"sku": "A-1", "category": "Fruit", "amount": "1"}, InvalidInput),
        ({"sku": "A-1", "amount": "1", "from_quantity": "0"}, InvalidInput),
    ],
)
def test_what_makes_no_price_is_refused(app: App, shop: Shop, price: dict[str, Any], error: type[Exception]) -> None:
    made = a_list(app, shop, "trade")
    with pytest.raises(error):
        app.run(set_list_prices, shop.manager, {"price_list_id": made.id, "prices": [APPLE, price]})
    assert count(app, "price_list_items", shop.tenant_id) == 0


def test_every_kind_of_promotion_is_kept_as_it_was_given(app: App, shop: Shop) -> None:
    fruit = app.run(create_category, shop.owner, {"name": "Fruit"})
    app.run(update_product, shop.owner, {"id": shop.products[0], "category_id": fruit.id})
    a_promotion(app, shop, "3for2", kind="n_for_m", percent="0", count=3, pay=2, goods={"categories": ["Fruit"]})
    assert tried(app, shop, ("A-1", "3")).total == 200
    parts = [{"skus": ["B-2"]}, {"skus": ["C-3"], "count": 2}]
    made = a_promotion(app, shop, "snack", kind="bundle", percent="0", parts=parts, amount=2000, most_per_ticket=1)
    assert [(each.product_ids, each.count) for each in made.parts] == [([shop.products[1]], 1), ([shop.products[2]], 2)]
    got = tried(app, shop, ("B-2", "2"), ("C-3", "4"))
    assert [(each.code, each.amount) for each in got.promotions] == [("snack", 248)]
    assert got.total == 500 + 4 * 999 - 248
    assert "promotions" in " ".join(got.lines[0].explain)
    changed = app.run(
        update_promotion, shop.manager, {"id": made.id, "amount": 1000, "parts": [{"skus": ["B-2"]}, {"skus": ["A-1"]}]}
    )
    assert (changed.amount, [each.count for each in changed.parts]) == (1000, [1, 1])
    assert count(app, "promotion_goods", shop.tenant_id) == 3
    for more in (
        {"code": "nth", "kind": "nth", "count": 2},
        {"code": "mix", "kind": "mix", "count": 3, "amount": 500, "percent": "0"},
        {"code": "spend", "kind": "spend", "threshold": 5000, "stackable": True},
        {"code": "less", "kind": "amount", "amount": 10, "percent": "0", "priority": 2},
    ):
        assert a_promotion(app, shop, **more).kind == more["kind"]
    assert [each.code for each in app.run(list_promotions, shop.clerk, {}).items] == [
        "less", "3for2", "mix", "nth", "snack", "spend",
    ]  # fmt: skip
    assert app.run(show_promotion, shop.clerk, {"id": made.id}) == changed


def test_a_promotion_is_for_whom_it_says(app: App, shop: Shop) -> None:
    club = a_group(app, shop)
    anna = a_customer(app, shop, groups=["club"])
    a_promotion(app, shop, terms={"group_ids": [club], "outlet_ids": [shop.outlet_id]})
    assert tried(app, shop, ("B-2", "1")).total == 250
    assert tried(app, shop, ("B-2", "1"), customer_id=anna).total == 225


def test_a_promotion_that_ended_gives_nothing(app: App, shop: Shop) -> None:
    made = a_promotion(app, shop)
    ended = app.run(archive_promotion, shop.manager, {"id": made.id})
    assert app.run(archive_promotion, shop.manager, {"id": made.id}) == ended
    assert tried(app, shop, ("B-2", "1")).total == 250
    assert [each.code for each in app.run(list_promotions, shop.clerk, {"archived": True}).items] == ["ten"]
    app.run(update_promotion, shop.manager, {"id": made.id, "archived": False})
    assert tried(app, shop, ("B-2", "1")).total == 225


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"code": "ten"}, DuplicatePromotion),
        ({"percent": "101"}, InvalidPromotion),
        ({"percent": "-1"}, InvalidAmount),
        ({"kind": "n_for_m"}, InvalidPromotion),
        ({"parts": [{}]}, InvalidPromotion),
        ({"goods": {"skus": ["none"]}}, ProductNotFound),
        ({"goods": {"categories": ["none"]}}, CategoryNotFound),
        ({"terms": {"outlet_ids": [new_id()]}}, OutletNotFound),
        ({"terms": {"from_time": "25:00", "to_time": "26:00"}}, InvalidInput),
    ],
)
def test_what_makes_no_promotion_is_refused(app: App, shop: Shop, data: dict[str, Any], error: type[Exception]) -> None:
    a_promotion(app, shop)
    base = {"code": "x", "name": "X", "kind": "percent", "percent": "10"}
    with pytest.raises(error):
        app.run(create_promotion, shop.manager, {**base, **data})
    assert count(app, "promotions", shop.tenant_id) == 1


def test_an_exempt_customer_pays_the_price_without_tax(app: App, shop: Shop) -> None:
    anna = a_customer(app, shop, tax_exempt=True, exemption_number="EX-1", exempt_until="2026-03-02")
    got = tried(app, shop, ("C-3", "1"), customer_id=anna)
    assert (got.base, got.tax, got.total, got.tax_mapping) == (839, 0, 839, "exempt")
    assert any("without VAT 19%" in each for each in got.lines[0].explain)
    assert tried(app, shop, ("C-3", "1"), customer_id=anna, at="2026-03-03T12:00:00Z").total == 999


def test_a_mapping_of_taxes_is_for_an_outlet_a_group_or_a_person_to_choose(app: App, shop: Shop) -> None:
    rule = {"from_class_id": shop.tax_class_id, "to_class_id": None}
    made = app.run(create_tax_mapping, shop.owner, {"code": "export", "name": "Export", "rules": [rule]})
    assert tried(app, shop, ("C-3", "1")).total == 999
    assert tried(app, shop, ("C-3", "1"), tax_mapping="export").total == 839
    assert tried(app, shop, ("C-3", "1"), tax_mapping="exempt").total == 839
    with pytest.raises(TaxMappingNotFound):
        tried(app, shop, ("C-3", "1"), tax_mapping="none")
    changed = app.run(update_tax_mapping, shop.owner, {"id": made.id, "outlet_ids": [shop.outlet_id]})
    assert (changed.outlet_ids, changed.rules) == ([shop.outlet_id], made.rules)
    assert tried(app, shop, ("C-3", "1")).total == 839
    app.run(update_tax_mapping, shop.owner, {"id": made.id, "rules": [], "others": "none", "name": "All"})
    assert tried(app, shop, ("C-3", "1")).tax_mapping == "export"
    app.run(update_tax_mapping, shop.owner, {"id": made.id, "archived": True})
    assert app.run(list_tax_mappings, shop.owner, {}).items == []
    assert tried(app, shop, ("C-3", "1")).total == 999


def test_a_till_pulls_what_changed_and_learns_no_cost(app: App, shop: Shop) -> None:
    empty = app.run(pull_offers, shop.device, {"outlet_id": shop.outlet_id})
    assert (empty.version, empty.offers) == (0, '{"lists":[],"promotions":[],"mappings":[]}')
    fruit = app.run(create_category, shop.owner, {"name": "Fruit"})
    app.run(update_product, shop.owner, {"id": shop.products[0], "category_id": fruit.id})
    rows_before = rows(app, "SELECT version AS v FROM offer_versions WHERE tenant_id = %s", (shop.tenant_id,))
    assert rows_before == []
    a_list(app, shop, "l", APPLE, {"category": "Fruit", "kind": "cost_plus", "amount": "50"})
    a_promotion(app, shop)
    pulled = app.run(pull_offers, shop.device, {"outlet_id": shop.outlet_id, "known": 0})
    assert pulled.version == 3
    assert "cost" not in pulled.offers
    same = app.run(pull_offers, shop.device, {"outlet_id": shop.outlet_id, "known": pulled.version})
    assert (same.version, same.offers) == (3, None)
    with pytest.raises(OutletNotFound):
        app.run(pull_offers, shop.device, {"outlet_id": new_id()})


def test_what_is_not_there_is_not_found(app: App, shop: Shop) -> None:
    nobody = {"id": new_id()}
    for operation, data, error in (
        (show_price_list, nobody, PriceListNotFound),
        (update_price_list, nobody, PriceListNotFound),
        (archive_price_list, nobody, PriceListNotFound),
        (set_list_prices, {"price_list_id": new_id(), "prices": [APPLE]}, PriceListNotFound),
        (show_promotion, nobody, PromotionNotFound),
        (update_promotion, nobody, PromotionNotFound),
        (archive_promotion, nobody, PromotionNotFound),
        (update_tax_mapping, nobody, TaxMappingNotFound),
        (ask_price, {"outlet_id": shop.outlet_id, "sku": "none"}, ProductNotFound),
        (ask_price, {"outlet_id": new_id(), "sku": "A-1"}, OutletNotFound),
        (ask_price, {"outlet_id": shop.outlet_id, "sku": "A-1", "customer_id": new_id()}, CustomerNotFound),
        (ask_price, {"outlet_id": shop.outlet_id, "sku": "A-1", "quantity": "0"}, InvalidInput),
        (try_promotions, {"outlet_id": new_id(), "lines": [{"sku": "A-1"}]}, OutletNotFound),
    ):
        with pytest.raises(error):
            app.run(operation, shop.owner, data)


def test_who_may_not_is_refused(app: App, shop: Shop) -> None:
    promotion = a_promotion(app, shop)
    for operation, person, data in (
        (create_price_list, shop.cashier, {"code": "x", "name": "X"}),
        (set_list_prices, shop.clerk, {"price_list_id": new_id(), "prices": [APPLE]}),
        (create_promotion, shop.cashier, {"code": "x", "name": "X", "kind": "percent", "percent": "1"}),
        (archive_promotion, shop.accountant, {"id": promotion.id}),
        (create_tax_mapping, shop.manager, {"code": "x", "name": "X"}),
        (try_promotions, shop.accountant, {"outlet_id": shop.outlet_id, "lines": [{"sku": "A-1"}]}),
    ):
        with pytest.raises(PermissionDenied):
            app.run(operation, person, data)
    assert a_coupon(app, shop, promotion).left == 1
