"""Operations on promotions, and what a cart would get of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from primepos.core.amounts import InvalidAmount
from primepos.core.context import Context
from primepos.core.errors import InvalidInput
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import CategoryNotFound, ProductNotFound
from primepos.domain.customers.errors import CustomerGroupNotFound, CustomerNotFound
from primepos.domain.offers.errors import (
    CouponNotFound,
    CouponRefused,
    DuplicatePromotion,
    PromotionNotFound,
    TaxMappingNotFound,
)
from primepos.domain.offers.figures import parse_percent
from primepos.domain.offers.queries import promotions, shared
from primepos.domain.offers.schemas import (
    CreatePromotion,
    GoodsIn,
    ListPromotions,
    NamePromotion,
    PromotionList,
    PromotionOut,
    TermsIn,
    TriedCart,
    TryCart,
    UpdatePromotion,
)
from primepos.domain.offers.trying import try_cart
from primepos.domain.outlets.errors import OutletNotFound
from primepos.pricing.errors import InvalidCart, InvalidPromotion, UnsolvableTaxes
from primepos.pricing.promotions import Goods, Part, Promotion

if TYPE_CHECKING:
    from collections.abc import Sequence

_GOODS = (ProductNotFound, CategoryNotFound)
_AUDIENCE = (OutletNotFound, CustomerGroupNotFound, CustomerNotFound)


@operation(
    "promotions.create",
    permission=Permission.PROMOTION_WRITE,
    raises=(DuplicatePromotion, InvalidPromotion, InvalidAmount, InvalidInput, *_GOODS, *_AUDIENCE),
)
def create_promotion(ctx: Context, data: CreatePromotion) -> PromotionOut:
    """Add a promotion, in force from the moment its terms say, or at once.

    Raises: ``DUPLICATE_PROMOTION``, ``INVALID_PROMOTION``, ``PRODUCT_NOT_FOUND``, ``CATEGORY_NOT_FOUND``,
    ``OUTLET_NOT_FOUND``, ``CUSTOMER_GROUP_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``.
    """
    if data.parts and data.kind != "bundle":
        raise InvalidPromotion(promotion=data.code, problem="only a bundle has parts")
    _check(data.code, data.kind, data)
    shared.lock_offers(ctx)
    made = shared.insert(ctx, "promotion_id", {"code": data.code, "kind": data.kind, **_columns(data, data.terms)})
    promotions.set_goods(ctx, made, {0: data.goods, **dict(enumerate(data.parts, 1))})
    _set_audience(ctx, made, data.terms)
    ctx.note(f"promotion {data.code}", id=str(made), kind=data.kind)
    return promotions.get_promotion(ctx, made)


@operation(
    "promotions.update",
    permission=Permission.PROMOTION_WRITE,
    raises=(PromotionNotFound, InvalidPromotion, InvalidAmount, InvalidInput, *_GOODS, *_AUDIENCE),
)
def update_promotion(ctx: Context, data: UpdatePromotion) -> PromotionOut:
    """Change a promotion from now on; booked sales keep what they got. Code and kind never change.

    Raises: ``PROMOTION_NOT_FOUND``, ``INVALID_PROMOTION``, ``PRODUCT_NOT_FOUND``, ``CATEGORY_NOT_FOUND``,
    ``OUTLET_NOT_FOUND``, ``CUSTOMER_GROUP_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``.
    """
    shared.lock_offers(ctx)
    before = promotions.get_promotion(ctx, data.id)
    if data.parts is not UNSET and data.parts and before.kind != "bundle":
        raise InvalidPromotion(promotion=before.code, problem="only a bundle has parts")
    merged = _Merged(before, data)
    _check(before.code, before.kind, merged)
    values = _columns(merged, data.terms)
    if data.archived is not UNSET:
        values["archived_at"] = (before.archived_at or ctx.clock.now()) if data.archived else None
    shared.change(ctx, "promotion_id", data.id, values)
    slots: dict[int, GoodsIn] = {}
    if data.goods is not UNSET:
        slots[0] = data.goods
    if data.parts is not UNSET:
        slots |= dict(enumerate(data.parts, 1))
        promotions.drop_slots(ctx, data.id, len(data.parts))
    promotions.set_goods(ctx, data.id, slots)
    if data.terms is not UNSET:
        _set_audience(ctx, data.id, data.terms)
    ctx.note(f"promotion {before.code}", changed=sorted(values))
    return promotions.get_promotion(ctx, data.id)


@operation("promotions.archive", permission=Permission.PROMOTION_WRITE, raises=(PromotionNotFound,))
def archive_promotion(ctx: Context, data: NamePromotion) -> PromotionOut:
    """End a promotion; its coupons cannot be used any more. Again changes nothing. Raises: ``PROMOTION_NOT_FOUND``."""
    shared.lock_offers(ctx)
    found = promotions.get_promotion(ctx, data.id)
    ctx.note(f"promotion {found.code}")
    if found.archived_at is None:
        shared.change(ctx, "promotion_id", data.id, {"archived_at": ctx.clock.now()})
    return promotions.get_promotion(ctx, data.id)


@operation("promotions.show", permission=Permission.PRODUCT_READ, raises=(PromotionNotFound,), reads=True)
def show_promotion(ctx: Context, data: NamePromotion) -> PromotionOut:
    """Show a promotion. Raises: ``PROMOTION_NOT_FOUND``."""
    return promotions.get_promotion(ctx, data.id)


@operation("promotions.list", permission=Permission.PRODUCT_READ, reads=True)
def list_promotions(ctx: Context, data: ListPromotions) -> PromotionList:
    """List the promotions in use in the order in which they are applied; the archived ones instead if asked."""
    return PromotionList(items=promotions.list_promotions(ctx, archived=data.archived))


@operation(
    "promotions.try",
    permission=Permission.SALE_CREATE,
    raises=(
        ProductNotFound,
        OutletNotFound,
        CustomerNotFound,
        CouponNotFound,
        CouponRefused,
        TaxMappingNotFound,
        InvalidAmount,
        InvalidInput,
        InvalidCart,
        UnsolvableTaxes,
    ),
    reads=True,
)
def try_promotions(ctx: Context, data: TryCart) -> TriedCart:
    """Say what a cart would cost, now or at a moment: list prices, promotions, coupons and taxes, line by line.

    Nothing is stored and no coupon is used. Raises: ``PRODUCT_NOT_FOUND``, ``OUTLET_NOT_FOUND``,
    ``CUSTOMER_NOT_FOUND``, ``COUPON_NOT_FOUND``, ``COUPON_REFUSED``, ``TAX_MAPPING_NOT_FOUND``.
    """
    return try_cart(ctx, data)


class _Merged:
    """A promotion as it will be: what is given, else what there is."""

    def __init__(self, before: PromotionOut, data: UpdatePromotion) -> None:
        self._before, self._data = before, data

    def __getattr__(self, name: str) -> Any:
        given = getattr(self._data, name)
        return getattr(self._before, name) if given is UNSET else given


def _check(code: str, kind: Any, data: Any) -> None:
    """See that the figures make a promotion of its kind. Raises ``INVALID_PROMOTION``, ``INVALID_AMOUNT``."""
    counts: Sequence[int] = [each.count for each in data.parts]
    Promotion(
        code=code,
        name=data.name,
        kind=kind,
        parts=tuple(Part(Goods(), count) for count in counts),
        percent=parse_percent(data.percent),
        minor=data.amount,
        count=data.count,
        pay=data.pay,
        threshold=data.threshold,
        repeat=data.repeat,
        most=data.most_per_ticket,
    )


def _columns(data: Any, terms: TermsIn | UnsetType) -> dict[str, Any]:
    """Return a promotion as its columns; ``terms`` left out stay."""
    return {
        "name": data.name,
        "rule": promotions.rule_of(
            percent=data.percent,
            minor=data.amount,
            count=data.count,
            pay=data.pay,
            threshold=data.threshold,
            repeat=data.repeat,
            parts=[each.count for each in data.parts],
        ),
        "priority": data.priority,
        "is_stackable": data.stackable,
        "needs_coupon": data.needs_coupon,
        "most_per_ticket": data.most_per_ticket,
        **({} if isinstance(terms, UnsetType) else shared.terms_columns(terms)),
    }


def _set_audience(ctx: Context, promotion_id: UUID, terms: TermsIn) -> None:
    shared.set_audience(
        ctx,
        "promotion_id",
        promotion_id,
        outlets=terms.outlet_ids,
        groups=terms.group_ids,
        customers=terms.customer_ids,
    )
