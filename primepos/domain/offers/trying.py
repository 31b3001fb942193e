"""What a cart would cost, and what a product costs or cost: asked of the same pure functions that price a sale."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from primepos.core.amounts import parse_quantity
from primepos.core.errors import InvalidInput
from primepos.domain.catalog.queries.taxes import tax_rules_by_class
from primepos.domain.offers.asking import Question, ask_offers, offers_from, typed_code
from primepos.domain.offers.errors import TaxMappingNotFound
from primepos.domain.offers.queries import lists, shared
from primepos.domain.offers.schemas import PriceAt, ReductionOut, TriedCart, TriedLine
from primepos.pricing.cart import Cart, price_cart
from primepos.pricing.offers import Wanted, offer
from primepos.pricing.pricelists import lists_that_hold, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from primepos.core.context import Context
    from primepos.domain.offers.asking import Answer
    from primepos.domain.offers.schemas import AskPrice, TryCart
    from primepos.pricing.granting import Reduction
    from primepos.pricing.pricelists import Resolved


def try_cart(ctx: Context, data: TryCart) -> TriedCart:
    """Price a cart without storing anything.

    Raises: ``PRODUCT_NOT_FOUND``, ``OUTLET_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``, ``COUPON_NOT_FOUND``,
    ``COUPON_REFUSED``, ``TAX_MAPPING_NOT_FOUND``.
    """
    at, tenant = data.at or ctx.clock.now(), ctx.tenant
    shared.require_outlet(ctx, data.outlet_id)
    shared.require_customer(ctx, data.customer_id)
    ids = [each.product_id for each in data.lines if each.product_id is not None]
    skus = [each.sku for each in data.lines if each.sku is not None]
    goods = lists.products_at(ctx, ids, skus, at)
    codes = list(dict.fromkeys(typed_code(each) for each in data.coupons))
    found = _ask(ctx, Question(data.outlet_id, at, ids, skus, data.customer_id, codes))
    exponent = tenant.currency.exponent
    if data.tax_mapping not in {None, "exempt", *(each.code for each in found.offers.mappings)}:
        raise TaxMappingNotFound(tax_mapping=str(data.tax_mapping))
    named = [goods[each.product_id if each.product_id is not None else each.sku or ""] for each in data.lines]
    wanted = [
        Wanted(
            found.ware(product["id"], product["unit_price"], exponent),
            _above_zero(line.quantity),
            product["tax_class_id"],
            by_piece=product["sold_by"] == "each",
        )
        for line, product in zip(data.lines, named, strict=True)
    ]
    offered = offer(
        wanted,
        found.offers,
        tax_rules_by_class(ctx),
        found.occasion,
        exponent=exponent,
        couponed=found.couponed(codes, at),
        tax_mapping=data.tax_mapping,
    )
    priced = price_cart(
        Cart(
            tuple(each.line for each in offered.lines),
            exponent=exponent,
            rounding=tenant.settings.get("tax_rounding", "per_line"),
        )
    )
    return TriedCart(
        currency=tenant.currency.code,
        lines=[
            TriedLine(
                sku=product["sku"],
                name=product["name"],
                quantity=line.line.quantity,
                unit_price=line.line.unit_price,
                catalogue_price=product["unit_price"],
                rule=rule_of(why.resolved),
                promotions=_reductions(why.reductions),
                discount=line.discount,
                base=line.base,
                tax=line.total - line.base,
                total=line.total,
                explain=line.explain(),
            )
            for line, why, product in zip(priced.lines, offered.lines, named, strict=True)
        ],
        promotions=_reductions(each for line in offered.lines for each in line.reductions),
        tax_mapping=None if offered.mapping is None else offered.mapping.code,
        base=priced.base,
        tax=priced.tax,
        discount=priced.discount,
        total=priced.total,
        exact=offered.is_exact,
    )


def price_at(ctx: Context, data: AskPrice) -> PriceAt:
    """Say what one of a product costs at a moment.

    Raises: ``PRODUCT_NOT_FOUND``, ``OUTLET_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``.
    """
    at, tenant = data.at or ctx.clock.now(), ctx.tenant
    shared.require_outlet(ctx, data.outlet_id)
    shared.require_customer(ctx, data.customer_id)
    ids = [data.product_id] if data.product_id is not None else []
    skus = [data.sku] if data.sku is not None else []
    product = lists.products_at(ctx, ids, skus, at)[data.product_id if data.product_id is not None else data.sku or ""]
    quantity = _above_zero(data.quantity)
    found = _ask(ctx, Question(data.outlet_id, at, ids, skus, data.customer_id))
    exponent = tenant.currency.exponent
    ware = found.ware(product["id"], product["unit_price"], exponent)
    resolved = resolve(ware, quantity, lists_that_hold(found.offers.lists, found.occasion), exponent)
    return PriceAt(
        product_id=product["id"],
        sku=product["sku"],
        at=at,
        quantity=quantity,
        unit_price=resolved.price,
        catalogue_price=resolved.catalogue,
        rule=rule_of(resolved),
        kind=None if resolved.row is None else resolved.row.kind,
        amount=None if resolved.row is None else resolved.row.amount,
        changes=lists.price_changes(ctx, product["id"], at),
    )


def rule_of(resolved: Resolved | None) -> str:
    """Return where a unit price came from: ``catalogue``, ``list:CODE`` or ``override``."""
    if resolved is None:
        return "override"
    return "catalogue" if resolved.listed is None else f"list:{resolved.listed.code}"


def _ask(ctx: Context, asked: Question) -> Answer:
    with ctx.uow.pipeline() as pipe:
        cursor = ask_offers(pipe, ctx.tenant_id, asked)
    return offers_from(cursor, asked, ctx.tenant.zone)


def _above_zero(quantity: Decimal) -> Decimal:
    checked = parse_quantity(quantity)
    if checked <= 0:
        raise InvalidInput("quantity: must be above zero")
    return checked


def _reductions(given: Iterable[Reduction]) -> list[ReductionOut]:
    """Add up what each promotion takes off."""
    sums: dict[tuple[str, str], int] = {}
    for each in given:
        sums[each.code, each.name] = sums.get((each.code, each.name), 0) + each.minor
    return [ReductionOut(code=code, name=name, amount=minor) for (code, name), minor in sums.items()]
