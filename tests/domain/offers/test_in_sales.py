"""Offers in booked sales: what is charged, sealed and explained; coupons used, held, raced for and given back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.offers import ledger
from primepos.domain.offers.errors import (
    CouponConflict,
    CouponGivesNothing,
    CouponHoldNotFound,
    CouponNotFound,
    CouponRefused,
    DuplicateCoupon,
    PromotionNotFound,
    TaxMappingNotFound,
)
from primepos.domain.offers.service import (
    archive_promotion,
    block_coupon,
    check_coupon,
    create_coupons,
    create_tax_mapping,
    hold_coupon,
    list_coupons,
    release_coupon,
)
from primepos.domain.ops.service import verify_own_books
from primepos.domain.outlets.errors import OutletNotFound
from primepos.domain.returns.service import exchange_goods, refund_sale
from primepos.domain.sales.errors import TotalDiffers
from primepos.domain.sales.schemas import AppliedOffer, LineDetails
from primepos.domain.sales.service import book_sale, deliver_sale, get_sale, void_sale
from tests.conftest import NOON
from tests.domain.offers.making import a_coupon, a_customer, a_list, a_promotion
from tests.domain.sales.test_races import at_once
from tests.factories import TillSeries, a_shift, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from primepos.domain.offers.schemas import CouponOut
    from tests.factories import Shop

APPLE = {"sku": "A-1", "amount": "0.90"}


def book(app: App, shop: Shop, **changes: Any) -> Any:
    return app.run(book_sale, shop.cashier, basket(shop, **changes))


def with_coupon(coupon: CouponOut, **more: Any) -> dict[str, Any]:
    return {"coupons": [{"code": coupon.code, **more}]}


def coupon_of(app: App, shop: Shop, code: str) -> CouponOut:
    found: CouponOut = app.run(check_coupon, shop.cashier, {"code": code}).coupon
    return found


def test_a_sale_is_charged_by_list_and_promotion_and_says_so(app: App, shop: Shop) -> None:
    a_list(app, shop, "trade", APPLE)
    a_promotion(app, shop, goods={"skus": ["B-2"]})
    sale = book(app, shop)
    apple, bread = sale.lines
    assert (apple.unit_price, apple.total, apple.discount) == (Decimal("0.9000"), 180, 0)
    assert (apple.details.rule, apple.details.list_price, apple.details.offers) == ("list:trade", Decimal(1), [])
    assert (bread.unit_price, bread.total, bread.discount) == (Decimal("2.5000"), 225, 25)
    assert bread.details.offers == [AppliedOffer(code="ten", name="Ten", amount=25)]
    assert "promotions 0.25, off the line rounded to the cent" in bread.details.explain
    assert (sale.total, sale.base + sale.tax) == (405, 405)
    assert app.run(get_sale, shop.owner, {"id": sale.id}) == sale
    assert_books_hold(app, shop)


def test_a_line_at_the_catalogues_price_carries_nothing(app: App, shop: Shop) -> None:
    a_list(app, shop, "trade", APPLE)
    assert [each.details is None for each in book(app, shop).lines] == [False, True]


def test_a_typed_price_is_no_lists(app: App, shop: Shop) -> None:
    a_list(app, shop, "trade", APPLE)
    a_promotion(app, shop)
    lines = [{"product_id": shop.products[0], "unit_price": "0.95", "discount_percent": "0"}]
    sale = app.run(book_sale, shop.manager, basket(shop, lines=lines))
    assert (sale.total, sale.lines[0].details.rule, sale.lines[0].details.offers) == (95, "override", [])


def test_a_total_of_before_the_promotion_is_refused_with_both(app: App, shop: Shop) -> None:
    a_promotion(app, shop)
    with pytest.raises(TotalDiffers) as refused:
        book(app, shop, total=450)
    assert refused.value.data == {"total": 405, "given": 450}


def test_a_refund_of_part_gives_back_what_that_part_paid(app: App, shop: Shop) -> None:
    a_promotion(app, shop, "3for2", kind="n_for_m", percent="0", count=3, pay=2)
    lines = [{"product_id": shop.products[0], "quantity": "3"}]
    sale = book(app, shop, lines=lines)
    assert (sale.total, sale.lines[0].discount) == (200, 100)
    back = [
        app.run(
            refund_sale,
            shop.manager,
            {"id": new_id(), "sale_id": sale.id, "reason": "back", "lines": [{"line_no": 1, "quantity": "1"}]},
        ).total
        for _ in range(3)
    ]
    assert (back, sum(back)) == ([-67, -66, -67], -200)
    assert_books_hold(app, shop)


def test_an_exempt_customer_is_booked_without_tax(app: App, shop: Shop) -> None:
    anna = a_customer(app, shop, tax_exempt=True, exemption_number="EX-1")
    sale = book(app, shop, customer_id=anna, lines=[{"product_id": shop.products[2]}])
    assert (sale.base, sale.tax, sale.total, sale.taxes) == (839, 0, 839, [])
    assert sale.lines[0].details.tax_mapping == "exempt"
    void = {"id": new_id(), "sale_id": sale.id, "reason": "wrong"}
    assert app.run(void_sale, shop.manager, void).total == -839
    assert_books_hold(app, shop)


def test_who_may_choose_other_taxes_for_a_ticket(app: App, shop: Shop) -> None:
    rule = {"from_class_id": shop.tax_class_id}
    app.run(create_tax_mapping, shop.owner, {"code": "export", "name": "Export", "rules": [rule]})
    asked = basket(shop, tax_mapping="export")
    with pytest.raises(PermissionDenied):
        app.run(book_sale, shop.cashier, asked)
    with pytest.raises(ApprovalRequired):
        app.run(book_sale, shop.manager, asked)
    with pytest.raises(TaxMappingNotFound):
        app.run(book_sale, shop.owner, basket(shop, tax_mapping="none"))
    sale = app.run(book_sale, shop.owner, asked)
    assert (sale.total, sale.tax) == (378, 0)
    assert_books_hold(app, shop)


def test_an_exchange_sells_at_the_offers_of_now(app: App, shop: Shop) -> None:
    sale = book(app, shop)
    a_list(app, shop, "trade", APPLE)
    done = app.run(
        exchange_goods,
        shop.manager,
        {
            "id": new_id(),
            "sale_id": sale.id,
            "returns": [{"line_no": 2}],
            "lines": [{"product_id": shop.products[0]}],
            "reason": "other",
        },
    )
    assert [each.total for each in done.lines] == [90, -250]


# --- coupons ----------------------------------------------------------------------------------------------------------


def test_a_single_use_coupon_is_used_once(app: App, shop: Shop) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True))
    assert book(app, shop).total == 450
    sale = book(app, shop, coupons=[{"code": f" {coupon.code.lower()} "}])
    assert sale.total == 405
    assert {each.coupon for line in sale.lines for each in line.details.offers} == {coupon.code}
    before = counts(app, shop)
    with pytest.raises(CouponRefused) as refused:
        book(app, shop, **with_coupon(coupon))
    assert refused.value.data["reason"] == "used_up"
    assert counts(app, shop) == before
    assert (coupon_of(app, shop, coupon.code).used, coupon_of(app, shop, coupon.code).left) == (1, 0)
    assert_books_hold(app, shop)


def test_a_repeated_sale_uses_its_coupon_once(app: App, shop: Shop) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True), most_uses=2)
    asked = basket(shop, **with_coupon(coupon))
    first = app.run(book_sale, shop.cashier, asked)
    assert app.run(book_sale, shop.cashier, asked) == first
    assert coupon_of(app, shop, coupon.code).used == 1


def test_a_coupon_that_gives_nothing_is_left_out_and_kept(app: App, shop: Shop) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True, goods={"skus": ["C-3"]}))
    with pytest.raises(CouponGivesNothing):
        book(app, shop, **with_coupon(coupon))
    assert coupon_of(app, shop, coupon.code).used == 0


def test_a_coupon_without_end_keeps_no_balance(app: App, shop: Shop) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True), codes=["SUMMER"], most_uses=None)
    for _ in range(3):
        assert book(app, shop, **with_coupon(coupon)).total == 405
    stored = rows(app, "SELECT used, held FROM coupons WHERE id = %s", (coupon.id,))
    assert stored == [{"used": 0, "held": 0}]
    assert (coupon_of(app, shop, "summer").used, coupon_of(app, shop, "summer").left) == (3, None)
    assert_books_hold(app, shop)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"valid_from": "2026-03-03T00:00:00Z"}, "not_yet"),
        ({"valid_to": "2026-03-02T12:00:00Z"}, "over"),
        ({"customer": True}, "other_customer"),
        ({"block": True}, "blocked"),
        ({"archive": True}, "promotion_over"),
    ],
)
def test_a_coupon_that_does_not_hold_is_refused(app: App, shop: Shop, made: dict[str, Any], reason: str) -> None:
    promotion = a_promotion(app, shop, needs_coupon=True)
    customer = a_customer(app, shop) if made.pop("customer", False) else None
    block, archive = made.pop("block", False), made.pop("archive", False)
    coupon = a_coupon(app, shop, promotion, customer_id=customer, **made)
    if block:
        app.run(block_coupon, shop.manager, {"code": coupon.code, "reason": "copied"})
    if archive:
        app.run(archive_promotion, shop.manager, {"id": promotion.id})
    with pytest.raises(CouponRefused) as refused:
        book(app, shop, **with_coupon(coupon))
    assert refused.value.data["reason"] == reason
    checked = app.run(check_coupon, shop.cashier, {"code": coupon.code})
    assert (checked.usable, checked.reason) == (False, reason)
    with pytest.raises(CouponRefused):
        app.run(hold_coupon, shop.cashier, {"id": new_id(), "outlet_id": shop.outlet_id, "code": coupon.code})
    if customer is not None:
        assert book(app, shop, customer_id=customer, **with_coupon(coupon)).total == 405
    if block:
        app.run(block_coupon, shop.manager, {"code": coupon.code, "reason": "found", "blocked": False})
        assert book(app, shop, **with_coupon(coupon)).total == 405
    assert_books_hold(app, shop)


def test_a_void_gives_the_coupon_back(app: App, shop: Shop) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True))
    sale = book(app, shop, **with_coupon(coupon))
    void = {"id": new_id(), "sale_id": sale.id, "reason": "wrong"}
    app.run(void_sale, shop.manager, void)
    app.run(void_sale, shop.manager, void)
    assert coupon_of(app, shop, coupon.code).used == 0
    assert book(app, shop, **with_coupon(coupon)).total == 405
    assert_books_hold(app, shop)


def test_a_refund_gives_the_coupon_back_when_everything_came_back(app: App, shop: Shop) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True))
    sale = book(app, shop, **with_coupon(coupon))

    def refund(**line: Any) -> None:
        app.run(refund_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "back", "lines": [line]})

    refund(line_no=1, quantity="1")
    refund(line_no=2)
    assert coupon_of(app, shop, coupon.code).used == 1
    refund(line_no=1)
    assert coupon_of(app, shop, coupon.code).used == 0
    assert_books_hold(app, shop)


def test_two_who_refund_the_halves_at_once_give_the_coupon_back_once(
    make_app: Callable[..., App], database_url: str, shop: Shop
) -> None:
    wide = make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")
    promotion = a_promotion(wide, shop, needs_coupon=True)
    for _ in range(3):
        coupon = a_coupon(wide, shop, promotion)
        sale = book(wide, shop, **with_coupon(coupon))

        def refund(line: int, sale_id: Any = sale.id) -> Any:
            data = {"id": new_id(), "sale_id": sale_id, "reason": "back", "lines": [{"line_no": line}]}
            return wide.run(refund_sale, shop.manager, data)

        at_once([lambda: refund(1), lambda: refund(2)])
        assert coupon_of(wide, shop, coupon.code).used == 0
    assert_books_hold(wide, shop)


def test_eight_who_want_the_last_use_of_a_coupon_and_one_gets_it(
    make_app: Callable[..., App], database_url: str, shop: Shop
) -> None:
    wide = make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")
    coupon = a_coupon(wide, shop, a_promotion(wide, shop, needs_coupon=True), most_uses=2)
    book(wide, shop, **with_coupon(coupon))
    answers = at_once([lambda: book(wide, shop, **with_coupon(coupon)) for _ in range(8)])
    lost = [each for each in answers if isinstance(each, CouponRefused)]
    assert (len(lost), len([each for each in answers if not isinstance(each, Exception)])) == (7, 1)
    assert coupon_of(wide, shop, coupon.code).used == 2
    assert_books_hold(wide, shop)


def test_sales_and_holds_that_want_two_coupons_crosswise_all_end(
    make_app: Callable[..., App], database_url: str, shop: Shop
) -> None:
    wide = make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")
    first = a_coupon(wide, shop, a_promotion(wide, shop, "a", needs_coupon=True, stackable=True), most_uses=6)
    second = a_coupon(wide, shop, a_promotion(wide, shop, "b", needs_coupon=True, stackable=True), most_uses=6)

    def sell(*codes: str) -> Any:
        return book(wide, shop, coupons=[{"code": code} for code in codes])

    def hold(code: str) -> Any:
        return wide.run(hold_coupon, shop.cashier, {"id": new_id(), "outlet_id": shop.outlet_id, "code": code})

    answers = at_once(
        [lambda: sell(first.code, second.code), lambda: sell(second.code, first.code)] * 3
        + [lambda: hold(first.code), lambda: hold(second.code)]
    )
    refused = [each for each in answers if isinstance(each, Exception)]
    assert all(isinstance(each, CouponRefused) for each in refused)
    for code in (first.code, second.code):
        found = coupon_of(wide, shop, code)
        assert found.used + found.held <= 6
    assert_books_hold(wide, shop)


def test_a_held_coupon_is_its_tickets_until_it_is_released_or_too_late(
    app: App, shop: Shop, clock: FrozenClock
) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True))
    asked = {"id": new_id(), "outlet_id": shop.outlet_id, "code": coupon.code}
    held = app.run(hold_coupon, shop.cashier, asked)
    assert (held.state, held.promotion, held.expires_at) == ("held", "ten", clock.now() + timedelta(minutes=15))
    assert app.run(hold_coupon, shop.cashier, asked) == held
    with pytest.raises(CouponConflict):
        app.run(hold_coupon, shop.cashier, {**asked, "customer_id": a_customer(app, shop)})
    with pytest.raises(CouponRefused):
        app.run(hold_coupon, shop.cashier, {**asked, "id": new_id()})
    with pytest.raises(CouponRefused):
        book(app, shop, **with_coupon(coupon))
    assert app.run(release_coupon, shop.cashier, {"id": asked["id"]}).state == "released"
    assert app.run(release_coupon, shop.cashier, {"id": asked["id"]}).state == "released"
    second = {**asked, "id": new_id()}
    app.run(hold_coupon, shop.cashier, second)
    clock.advance(timedelta(minutes=15))
    third = app.run(hold_coupon, shop.cashier, {**asked, "id": new_id()})
    assert_books_hold(app, shop)
    sale = book(app, shop, **with_coupon(coupon, hold_id=third.id))
    assert sale.total == 405
    assert app.run(release_coupon, shop.cashier, {"id": third.id}).state == "captured"
    assert app.run(release_coupon, shop.cashier, {"id": second["id"]}).state == "expired"
    stored = rows(app, "SELECT used, held FROM coupons WHERE id = %s", (coupon.id,))
    assert stored == [{"used": 1, "held": 0}]
    with pytest.raises(CouponHoldNotFound):
        app.run(release_coupon, shop.cashier, {"id": new_id()})
    assert_books_hold(app, shop)


def test_holds_that_nobody_asks_for_are_swept(app: App, shop: Shop, clock: FrozenClock) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True))
    app.run(hold_coupon, shop.cashier, {"id": new_id(), "outlet_id": shop.outlet_id, "code": coupon.code})
    clock.advance(timedelta(minutes=16))
    assert coupon_of(app, shop, coupon.code).left == 1
    unit = app.database.system_session()
    assert ledger.sweep(unit, clock.now()) >= 1
    unit.commit()
    unit.close()
    assert rows(app, "SELECT used, held FROM coupons WHERE id = %s", (coupon.id,)) == [{"used": 0, "held": 0}]


@pytest.mark.parametrize(
    ("edit", "check"),
    [
        ("UPDATE coupons SET used = 0 WHERE id = %s", "a coupon's uses are those of sales"),
        ("UPDATE coupons SET held = 1 WHERE id = %s", "what is held of a coupon is held by somebody"),
        (
            (
                "INSERT INTO coupon_uses SELECT tenant_id, coupon_id, sale_id, -1, sale_id, NULL, at"
                " FROM coupon_uses WHERE coupon_id = %s"
            ),
            "a coupon that was given back was used, and its sale undone",
        ),
        ("UPDATE coupons SET code = 'OTHER' WHERE id = %s", "a coupon that a sale names was used by it"),
    ],
)
def test_whoever_edits_the_balance_of_a_coupon_is_found(app: App, shop: Shop, edit: str, check: str) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, needs_coupon=True), most_uses=3)
    book(app, shop, **with_coupon(coupon))
    unit = app.database.system_session()
    unit.run(edit, (coupon.id,))
    unit.commit()
    unit.close()
    found = app.run(verify_own_books, shop.owner, {})
    assert check in {each.check for each in found.problems}


def test_coupons_are_made_once_and_listed_in_pages(app: App, shop: Shop) -> None:
    promotion = a_promotion(app, shop, needs_coupon=True)
    data = {"id": new_id(), "promotion_id": promotion.id, "count": 5, "prefix": "MAY"}
    made = app.run(create_coupons, shop.manager, data)
    assert (len(made.items), {each.code[:4] for each in made.items}) == (5, {"MAY-"})
    assert app.run(create_coupons, shop.manager, data) == made
    with pytest.raises(CouponConflict):
        app.run(create_coupons, shop.manager, {**data, "count": 6})
    with pytest.raises(DuplicateCoupon):
        app.run(
            create_coupons,
            shop.manager,
            {"id": new_id(), "promotion_id": promotion.id, "codes": [made.items[0].code]},
        )
    first = app.run(list_coupons, shop.manager, {"promotion_id": promotion.id, "limit": 3})
    rest = app.run(list_coupons, shop.manager, {"promotion_id": promotion.id, "limit": 3, "after": first.next})
    assert [each.code for each in first.items + rest.items] == [each.code for each in made.items]
    for wrong, error in (
        ({"promotion_id": new_id()}, PromotionNotFound),
        ({"customer_id": new_id()}, CustomerNotFound),
        ({"codes": ["lower"], "count": 0}, InvalidInput),
        ({"count": 0}, InvalidInput),
    ):
        with pytest.raises(error):
            app.run(create_coupons, shop.manager, {**data, "id": new_id(), **wrong})
    assert len(rows(app, "SELECT 1 AS n FROM coupons WHERE tenant_id = %s", (shop.tenant_id,))) == 5


def test_what_is_no_coupon_is_not_found(app: App, shop: Shop) -> None:
    for operation, data in (
        (check_coupon, {"code": "NONE"}),
        (block_coupon, {"code": "NONE", "reason": "x"}),
        (hold_coupon, {"id": new_id(), "outlet_id": shop.outlet_id, "code": "NONE"}),
        (book_sale, basket(shop, coupons=[{"code": "NONE"}])),
    ):
        with pytest.raises(CouponNotFound):
            app.run(operation, shop.manager, data)
    with pytest.raises(OutletNotFound):
        app.run(hold_coupon, shop.manager, {"id": new_id(), "outlet_id": new_id(), "code": "NONE"})
    for operation, person, data in (
        (create_coupons, shop.cashier, {"id": new_id(), "promotion_id": new_id(), "count": 1}),
        (list_coupons, shop.cashier, {}),
        (block_coupon, shop.cashier, {"code": "NONE", "reason": "x"}),
        (check_coupon, shop.accountant, {"code": "NONE"}),
        (hold_coupon, shop.clerk, {"id": new_id(), "outlet_id": shop.outlet_id, "code": "NONE"}),
        (release_coupon, shop.clerk, {"id": new_id()}),
    ):
        with pytest.raises(PermissionDenied):
            app.run(operation, person, data)


# --- tills ------------------------------------------------------------------------------------------------------------


def test_a_tills_sale_by_the_offers_is_not_odd_and_another_is_flagged(app: App, shop: Shop) -> None:
    coupon = a_coupon(app, shop, a_promotion(app, shop, goods={"skus": ["B-2"]}, needs_coupon=True))
    held = app.run(hold_coupon, shop.cashier, {"id": new_id(), "outlet_id": shop.outlet_id, "code": coupon.code})
    till = TillSeries(shop, a_shift(app, shop), NOON)
    plain = till.sell()
    apple, bread = plain.lines
    offer = AppliedOffer(code="ten", name="Ten", amount=25, coupon=coupon.code, hold_id=held.id)
    cheaper = msgspec.structs.replace(
        bread,
        discount=25,
        base=189,
        tax=36,
        total=225,
        taxes=[msgspec.structs.replace(bread.taxes[0], amount=36)],
        details=LineDetails(offers=[offer]),
    )
    figures = {
        "lines": [apple, cheaper],
        "taxes": [msgspec.structs.replace(plain.taxes[0], base=357, amount=68)],
        "payments": [msgspec.structs.replace(plain.payments[0], amount=425)],
        "base": 357,
        "tax": 68,
        "total": 425,
    }
    assert app.run(deliver_sale, shop.device, plain).flags == []
    good = till.sell(**figures)
    booked = app.run(deliver_sale, shop.device, good)
    assert (booked.flags, booked.total) == ([], 425)
    assert app.run(deliver_sale, shop.device, good) == booked
    assert app.run(release_coupon, shop.cashier, {"id": held.id}).state == "captured"
    again = till.sell(**figures)
    assert app.run(deliver_sale, shop.device, again).flags == ["COUPON_OVERUSED"]
    app.run(deliver_sale, shop.device, till.void(again))
    assert coupon_of(app, shop, coupon.code).used == 1
    wrong = msgspec.structs.replace(cheaper, details=None)
    odd = app.run(deliver_sale, shop.device, till.sell(**{**figures, "lines": [apple, wrong]}))
    assert odd.flags == []
    a_promotion(app, shop, "five", percent="5", goods={"skus": ["A-1"]})
    a_list(app, shop, "trade", {"sku": "B-2", "amount": "2.40"})
    odd = app.run(deliver_sale, shop.device, till.sell())
    assert odd.flags == ["PRICE_DIFFERS", "PROMOTION_DIFFERS"]
    assert_books_hold(app, shop)


def test_a_shop_with_offers_is_asked_one_statement_more_and_no_round_trip(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_list(app, shop, "trade", APPLE)
    a_promotion(app, shop)
    book(app, shop)
    executed: list[str] = []
    syncs: list[int] = []
    execute, end = psycopg.Cursor.execute, psycopg.Pipeline.__exit__

    def counting_execute(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        executed.append(str(query))
        return execute(self, query, *args, **kwargs)

    def counting_end(self: Any, *args: Any) -> Any:
        syncs.append(1)
        return end(self, *args)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting_execute)
    monkeypatch.setattr(psycopg.Pipeline, "__exit__", counting_end)
    assert book(app, shop).total == 387
    # The booking itself is sent another way, as in a sale without offers.
    assert (sum("price_list_items" in each for each in executed), len(syncs)) == (1, 3)
