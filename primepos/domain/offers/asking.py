"""What a cart needs to know of the offers of its shop: one statement, whatever the cart.

Offers come as text that the pure pricing functions' own dataclasses are read from, so nothing is mapped twice; a text
that was read before is not read again.
"""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from primepos.domain.offers.errors import CouponNotFound, CouponRefused
from primepos.pricing.occasions import Occasion
from primepos.pricing.offers import Offers
from primepos.pricing.pricelists import PriceList, Ware
from primepos.pricing.promotions import Promotion
from primepos.pricing.tax_mapping import TaxMapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from primepos.core.db import Pipeline

_AUDIENCE: Final = """
    'outlets', coalesce((SELECT jsonb_agg(a.outlet_id) FROM offer_audiences a WHERE a.tenant_id = o.tenant_id
                            AND a.{owner} = o.id AND a.outlet_id IS NOT NULL), '[]'),
    'groups', coalesce((SELECT jsonb_agg(a.group_id) FROM offer_audiences a WHERE a.tenant_id = o.tenant_id
                            AND a.{owner} = o.id AND a.group_id IS NOT NULL), '[]'),
    'customers', coalesce((SELECT jsonb_agg(a.customer_id) FROM offer_audiences a WHERE a.tenant_id = o.tenant_id
                            AND a.{owner} = o.id AND a.customer_id IS NOT NULL), '[]')
"""
_TERMS: Final = (
    "jsonb_build_object('valid_from', o.valid_from, 'valid_to', o.valid_to, 'days', to_jsonb(o.days),"
    f" 'from_time', o.from_time, 'to_time', o.to_time, {_AUDIENCE})"
)
_GOODS: Final = """
    jsonb_build_object(
        'products', coalesce((SELECT jsonb_agg(g.product_id) FROM promotion_goods g WHERE g.tenant_id = o.tenant_id
                                 AND g.promotion_id = o.id AND g.slot = {slot} AND g.product_id IS NOT NULL), '[]'),
        'categories', coalesce((SELECT jsonb_agg(g.category_id) FROM promotion_goods g WHERE g.tenant_id = o.tenant_id
                                 AND g.promotion_id = o.id AND g.slot = {slot} AND g.category_id IS NOT NULL), '[]'))
"""
PROMOTION: Final = f"""
    jsonb_build_object('code', o.code, 'name', o.name, 'kind', o.kind, 'priority', o.priority,
        'stackable', o.is_stackable, 'needs_coupon', o.needs_coupon, 'most', o.most_per_ticket,
        'terms', {_TERMS.format(owner="promotion_id")}, 'goods', {_GOODS.format(slot="0")},
        'parts', coalesce((SELECT jsonb_agg(jsonb_build_object('goods', {_GOODS.format(slot="part.slot")},
                                                               'count', part.count) ORDER BY part.slot)
                             FROM jsonb_array_elements(o.rule -> 'parts') WITH ORDINALITY AS part(count, slot)), '[]'))
        || (o.rule - 'parts')
"""
_LIST: Final = f"""
    jsonb_build_object('code', o.code, 'name', o.name, 'priority', o.priority, 'step', o.step::text,
        'terms', {_TERMS.format(owner="price_list_id")}, 'prices', coalesce(({{prices}}), '[]'))
"""
_ITEM: Final = (
    "SELECT jsonb_agg(jsonb_build_object('kind', {kind}, 'amount', {amount}::text, 'product', {product},"
    " 'category', i.category_id, 'from_quantity', i.from_quantity::text) ORDER BY i.id{more}) FROM price_list_items i"
)
_NOW: Final = (
    " i.tenant_id = o.tenant_id AND i.price_list_id = o.id AND i.since <= %(at)s::timestamptz"
    " AND (i.until IS NULL OR i.until > %(at)s::timestamptz)"
)
_MAPPING: Final = f"""
    jsonb_build_object('code', o.code, 'name', o.name, 'others', o.others,
        'terms', jsonb_build_object({_AUDIENCE.format(owner="tax_mapping_id")}),
        'classes', coalesce((SELECT jsonb_object_agg(r.from_class_id, r.to_class_id) FROM tax_mapping_rules r
                              WHERE r.tenant_id = o.tenant_id AND r.tax_mapping_id = o.id), '{{}}'))
"""
_OF: Final = (
    "SELECT jsonb_agg({what} ORDER BY o.code)::text FROM {table} o"
    " WHERE o.tenant_id = %(tenant)s AND o.archived_at IS NULL"
)

_PROMOTIONS: Final = _OF.format(what=PROMOTION, table="promotions")
_MAPPINGS: Final = _OF.format(what=_MAPPING, table="tax_mappings")
_LISTS: Final = _OF.format(
    table="price_lists",
    what=_LIST.format(
        prices=_ITEM.format(kind="i.kind", amount="i.amount", product="i.product_id", more="")
        + f" WHERE {_NOW} AND ((i.product_id IS NULL AND i.category_id IS NULL)"
        " OR i.product_id IN (SELECT w.id FROM ware w UNION ALL SELECT w.parent_id FROM ware w)"
        " OR i.category_id IN (SELECT w.category_id FROM ware w))"
    ),
)
# A till never learns what goods cost the shop: what is on top of the cost is worked out for it, product by product.
_COSTED: Final = """
    SELECT jsonb_agg(jsonb_build_object('kind', 'price', 'product', p.id, 'category', NULL,
                     'amount', round(s.average_cost / %(scale)s * (100 + i.amount) / 100, %(exponent)s)::text,
                     'from_quantity', i.from_quantity::text)
                     ORDER BY p.id, i.from_quantity, i.product_id, i.category_id)
      FROM price_list_items i
      JOIN products p ON p.tenant_id = i.tenant_id AND p.archived_at IS NULL
       AND (p.id = i.product_id OR p.category_id = i.category_id OR (i.product_id IS NULL AND i.category_id IS NULL))
      JOIN stock_levels s ON s.tenant_id = p.tenant_id AND s.product_id = p.id AND s.outlet_id = %(outlet)s
       AND s.average_cost IS NOT NULL
     WHERE i.kind = 'cost_plus' AND
"""
SNAPSHOT: Final = f"""
SELECT coalesce((SELECT v.version FROM offer_versions v WHERE v.tenant_id = %(tenant)s), 0) AS version,
       ({
    _OF.format(
        table="price_lists",
        what=_LIST.format(
            prices="SELECT coalesce(plain.rows, '[]') || coalesce(costed.rows, '[]') FROM ("
            + _ITEM.format(kind="i.kind", amount="i.amount", product="i.product_id", more="")
            + f" WHERE i.kind <> 'cost_plus' AND {_NOW}) AS plain(rows), ({_COSTED} {_NOW}) AS costed(rows)"
        ),
    )
}),
       ({_PROMOTIONS}), ({_MAPPINGS})
"""

_CUSTOMER: Final = """
    SELECT jsonb_build_object(
        'price_list', c.price_list,
        'exempt', c.tax_exempt AND (c.exempt_until IS NULL OR c.exempt_until >= (
                      (%(at)s::timestamptz AT TIME ZONE t.zone) - make_interval(hours => t.day_starts_hour))::date),
        'customers', (SELECT jsonb_agg(m.id) FROM customers m WHERE m.tenant_id = c.tenant_id
                         AND (m.id = c.id OR m.merged_into = c.id)),
        'groups', coalesce((SELECT jsonb_agg(g.group_id) FROM customer_group_members g
                     JOIN customer_groups n ON n.tenant_id = g.tenant_id AND n.id = g.group_id AND n.archived_at IS NULL
                    WHERE g.tenant_id = c.tenant_id AND g.customer_id = c.id), '[]'))::text
      FROM customers c JOIN tenants t ON t.id = c.tenant_id
     WHERE c.tenant_id = %(tenant)s AND c.id = (SELECT coalesce(n.merged_into, n.id) FROM customers n
                                                 WHERE n.tenant_id = %(tenant)s AND n.id = %(customer)s::uuid)
"""
COUPON: Final = """
    jsonb_build_object('id', k.id, 'code', k.code, 'promotion', p.code, 'promotion_id', p.id, 'customer', k.customer_id,
        'most_uses', k.most_uses, 'used', k.used, 'valid_from', k.valid_from, 'valid_to', k.valid_to,
        'blocked', k.blocked_at IS NOT NULL, 'promotion_over', p.archived_at IS NOT NULL,
        'held', (SELECT count(*) FROM coupon_holds h WHERE h.tenant_id = k.tenant_id AND h.coupon_id = k.id
                    AND h.state = 'held' AND h.expires_at > %(at)s::timestamptz AND h.id <> ALL (%(holds)s::uuid[])))
"""
ASK: Final = f"""
WITH ware AS MATERIALIZED (
    SELECT p.id, p.category_id, p.sold_by, v.parent_id, s.average_cost
      FROM products p
      LEFT JOIN product_variants v ON v.tenant_id = p.tenant_id AND v.product_id = p.id
      LEFT JOIN stock_levels s ON s.tenant_id = p.tenant_id AND s.outlet_id = %(outlet)s AND s.product_id = p.id
     WHERE p.tenant_id = %(tenant)s AND (p.id = ANY(%(ids)s::uuid[]) OR p.sku = ANY(%(skus)s::text[]))
)
SELECT (SELECT jsonb_agg(jsonb_build_array(w.id, w.category_id, w.parent_id, w.average_cost::text, w.sold_by))::text
          FROM ware w),
       ({_LISTS}), ({_PROMOTIONS}), ({_MAPPINGS}), ({_CUSTOMER}),
       (SELECT jsonb_agg({COUPON} ORDER BY k.code)::text FROM coupons k
          JOIN promotions p ON p.tenant_id = k.tenant_id AND p.id = k.promotion_id
         WHERE k.tenant_id = %(tenant)s AND k.code = ANY(%(coupons)s::text[]))
"""


class CouponState(msgspec.Struct, frozen=True):
    """A coupon as it stands at a moment; ``held`` are uses held by others."""

    id: UUID
    code: str
    promotion: str
    promotion_id: UUID
    customer: UUID | None
    most_uses: int | None
    used: int
    held: int
    valid_from: datetime | None
    valid_to: datetime | None
    blocked: bool
    promotion_over: bool


class _Customer(msgspec.Struct, frozen=True):
    price_list: str | None
    exempt: bool
    customers: frozenset[UUID]
    groups: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Question:
    """What offers are asked for: where, when, for whom, which goods. ``holds`` are uses of coupons held for them."""

    outlet: UUID
    at: datetime
    ids: Sequence[UUID] = ()
    skus: Sequence[str] = ()
    customer: UUID | None = None
    coupons: Sequence[str] = ()
    holds: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The offers that may matter, the occasion, the goods as price lists see them, and the coupons that were named."""

    offers: Offers
    occasion: Occasion
    categories: dict[UUID, tuple[UUID | None, UUID | None]]
    costs: dict[UUID, Decimal | None]
    by_piece: dict[UUID, bool]
    coupons: tuple[CouponState, ...]

    def ware(self, product: UUID, price: Decimal, exponent: int) -> Ware:
        """Return a product as price lists see it, at the catalogue's price."""
        category, parent = self.categories.get(product, (None, None))
        cost = self.costs.get(product)
        # Kept in minor units of one piece.
        return Ware(product, price, category, parent, None if cost is None else cost.scaleb(-exponent))

    def couponed(self, codes: Sequence[str], at: datetime) -> frozenset[str]:
        """Return the promotions that these coupons call.

        Raises: :class:`CouponNotFound`, :class:`CouponRefused`.
        """
        by_code = {each.code: each for each in self.coupons}
        for code in codes:
            found = by_code.get(code)
            if found is None:
                raise CouponNotFound(coupon=code)
            reason = why_not(found, self.occasion, at)
            if reason is not None:
                raise CouponRefused(coupon=code, reason=reason, problem=PROBLEMS[reason])
        return frozenset(by_code[code].promotion for code in codes)


PROBLEMS: Final = {
    "used_up": "it is used up, or held for another ticket",
    "not_yet": "it does not hold yet",
    "over": "it does not hold any more",
    "blocked": "it is blocked",
    "other_customer": "it is another customer's",
    "promotion_over": "its promotion is over",
}


def why_not(coupon: CouponState, occasion: Occasion, at: datetime) -> str | None:
    """Return why a coupon cannot be used, None if it can as far as anybody can see."""
    if coupon.blocked:
        return "blocked"
    if coupon.promotion_over:
        return "promotion_over"
    if coupon.valid_from is not None and at < coupon.valid_from:
        return "not_yet"
    if coupon.valid_to is not None and at >= coupon.valid_to:
        return "over"
    if coupon.customer is not None and coupon.customer not in occasion.customers:
        return "other_customer"
    if coupon.most_uses is not None and coupon.used + coupon.held >= coupon.most_uses:
        return "used_up"
    return None


def typed_code(text: str) -> str:
    """Return a coupon's code as it is stored, from what was printed, scanned or typed."""
    return text.strip().upper()


def parameters(tenant_id: int, asked: Question) -> dict[str, Any]:
    """Return the parameters of :data:`ASK`."""
    return {
        "tenant": tenant_id,
        "outlet": asked.outlet,
        "at": asked.at,
        "ids": list(asked.ids),
        "skus": list(asked.skus),
        "customer": asked.customer,
        "coupons": list(asked.coupons),
        "holds": list(asked.holds),
    }


def ask_offers(pipe: Pipeline, tenant_id: int, asked: Question) -> psycopg.Cursor[Any]:
    """Ask for the offers that may matter to a cart."""
    return pipe.execute(ASK, parameters(tenant_id, asked))


def offers_from(cursor: psycopg.Cursor[Any], asked: Question, zone: str) -> Answer:
    """Read the answer of :func:`ask_offers`; ``zone`` is the shop's."""
    wares, lists, promotions, mappings, customer, coupons = cursor.fetchone() or (None,) * 6
    who = None if customer is None else msgspec.json.decode(customer, type=_Customer)
    rows = [] if wares is None else msgspec.json.decode(wares, type=list[_WareRow])
    return Answer(
        offers=Offers(_lists(lists), _promotions(promotions), _mappings(mappings)),
        occasion=Occasion(
            at=asked.at.astimezone(ZoneInfo(zone)),
            outlet=asked.outlet,
            customers=frozenset() if who is None else who.customers,
            groups=frozenset() if who is None else who.groups,
            price_list=None if who is None else who.price_list,
            exempt=who is not None and who.exempt,
        ),
        categories={row[0]: (row[1], row[2]) for row in rows},
        costs={row[0]: row[3] for row in rows},
        by_piece={row[0]: row[4] == "each" for row in rows},
        coupons=() if coupons is None else tuple(msgspec.json.decode(coupons, type=list[CouponState])),
    )


_WareRow = tuple[UUID, UUID | None, UUID | None, Decimal | None, str]


@lru_cache(maxsize=1024)
def _lists(text: str | None) -> tuple[PriceList, ...]:
    return () if text is None else msgspec.json.decode(text, type=tuple[PriceList, ...])


@lru_cache(maxsize=1024)
def _promotions(text: str | None) -> tuple[Promotion, ...]:
    return () if text is None else msgspec.json.decode(text, type=tuple[Promotion, ...])


@lru_cache(maxsize=1024)
def _mappings(text: str | None) -> tuple[TaxMapping, ...]:
    return () if text is None else msgspec.json.decode(text, type=tuple[TaxMapping, ...])


def snapshot_offers(lists: str | None, promotions: str | None, mappings: str | None) -> str:
    """Return the offers as a till keeps them: the text of :class:`primepos.pricing.offers.Offers`."""
    offers = Offers(_lists(lists), _promotions(promotions), _mappings(mappings))
    return msgspec.json.Encoder(decimal_format="string").encode(offers).decode()
