"""Offers in a sale: list prices, promotions, coupons and the customer's taxes, and what is kept of why.

A shop without offers is asked nothing: the question goes out with the others where this process has seen offers of the
tenant, or the sale names a customer, a coupon or a mapping of taxes; else only after the register's row has said that
there are some, which this process remembers from then on.

Coupons are taken before the goods (lock order: value accounts, coupons by id, lots, stock levels, the register's row)
and written down after the sale that they name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from primepos.core.amounts import currency
from primepos.core.permissions import Act, Permission
from primepos.domain.offers.asking import PROBLEMS, Answer, Question, ask_offers, offers_from, typed_code
from primepos.domain.offers.errors import CouponGivesNothing, CouponNotFound, CouponRefused, TaxMappingNotFound
from primepos.domain.offers.ledger import CouponUse, send_give_back, send_log, send_take
from primepos.domain.sales.chain import TEN_THOUSANDTH
from primepos.domain.sales.packing import catalogue_price
from primepos.domain.sales.schemas import AppliedOffer, LineDetails
from primepos.pricing.offers import Offered, OfferedCart, Wanted, offer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    import psycopg

    from primepos.core.context import Context
    from primepos.core.db import Pipeline
    from primepos.domain.sales.posting import Posting
    from primepos.domain.sales.queries import Goods, Place
    from primepos.domain.sales.schemas import CouponIn, DeliverSale, ReturnLine, SaleLine, SellLine
    from primepos.pricing.cart import PricedLine
    from primepos.pricing.taxes import TaxRule

#: How a sale can be refused for the offers it asks for.
OFFER_REFUSALS = (CouponNotFound, CouponRefused, CouponGivesNothing, TaxMappingNotFound)

# Tenants whose offers this process has seen: a hint that saves a round trip, never a truth.
_seen: set[int] = set()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks of the offers: for whom, by which coupons, under which mapping of taxes."""

    customer_id: UUID | None = None
    coupons: Sequence[CouponIn] = ()
    tax_mapping: str | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked, even of a shop without offers."""
        return bool(self.customer_id or self.coupons or self.tax_mapping)

    @property
    def codes(self) -> list[str]:
        """The codes of the coupons as they are stored, each once."""
        return list(dict.fromkeys(typed_code(each.code) for each in self.coupons))


NO_WISH = Wish()


@dataclass(frozen=True, slots=True)
class Deal:
    """The offers that a cart is priced by."""

    answer: Answer
    wish: Wish
    at: datetime

    def applied(
        self,
        lines: Sequence[SellLine | ReturnLine],
        found: Sequence[Goods],
        taxes: Mapping[UUID, tuple[TaxRule, ...]],
        prices: Sequence[tuple[Decimal, Decimal]],
        *,
        exponent: int,
    ) -> OfferedCart:
        """Return the lines with list prices, promotions and taxes; ``prices`` are of one of each, and of one piece.

        Raises: ``COUPON_NOT_FOUND``, ``COUPON_REFUSED``, ``TAX_MAPPING_NOT_FOUND``, ``COUPON_GIVES_NOTHING``.
        """
        wish, answer = self.wish, self.answer
        if wish.tax_mapping not in {None, "exempt", *(each.code for each in answer.offers.mappings)}:
            raise TaxMappingNotFound(tax_mapping=str(wish.tax_mapping))
        couponed = answer.couponed(wish.codes, self.at)
        wanted = []
        for line, product, (unit, piece) in zip(lines, found, prices, strict=True):
            own = None if unit == (piece * product.factor).quantize(TEN_THOUSANDTH) else unit
            wanted.append(
                Wanted(
                    answer.ware(product.id, piece, exponent),
                    line.quantity,
                    product.tax_class_id,
                    typed=line.unit_price,
                    discount_percent=line.discount_percent,
                    discount_minor=line.discount,
                    by_piece=answer.by_piece.get(product.id, True),
                    factor=product.factor,
                    unit_price=own,
                )
            )
        offered = offer(
            wanted,
            answer.offers,
            taxes,
            answer.occasion,
            exponent=exponent,
            couponed=couponed,
            tax_mapping=wish.tax_mapping,
        )
        for each in answer.coupons:
            if each.promotion not in offered.codes:
                raise CouponGivesNothing(coupon=each.code)
        return offered

    @property
    def uses(self) -> list[CouponUse]:
        """The uses of coupons that the sale takes."""
        holds = {typed_code(each.code): each.hold_id for each in self.wish.coupons}
        return [CouponUse(each.id, holds.get(each.code)) for each in self.answer.coupons]

    def details(self, line: Offered, product: Goods, priced: PricedLine) -> dict[str, Any]:
        """Return why a line costs what it does, as :class:`LineDetails` takes it; nothing of an ordinary line."""
        resolved = line.resolved
        plain = resolved is not None and resolved.listed is None
        if plain and not line.reductions and line.mapping is None:
            return {}
        by_promotion = {each.promotion: each for each in self.answer.coupons}
        holds = {typed_code(each.code): each.hold_id for each in self.wish.coupons}
        offers = []
        for each in line.reductions:
            coupon = by_promotion.get(each.code)
            offers.append(
                AppliedOffer(
                    code=each.code,
                    name=each.name,
                    amount=each.minor,
                    coupon="" if coupon is None else coupon.code,
                    hold_id=None if coupon is None else holds.get(coupon.code),
                )
            )
        listed = None if resolved is None else resolved.listed
        return {
            "list_price": (product.unit_price if resolved is None else resolved.catalogue).quantize(TEN_THOUSANDTH),
            "rule": "override" if resolved is None else "" if listed is None else f"list:{listed.code}",
            "offers": offers,
            "tax_mapping": "" if line.mapping is None else line.mapping.code,
            "explain": [each[:200] for each in priced.explain()[:50]],
        }


def question_of(
    ctx: Context, outlet_id: UUID, lines: Sequence[SellLine | ReturnLine], wish: Wish, at: datetime
) -> Question:
    """Return what to ask of the offers for these lines."""
    del ctx
    return Question(
        outlet=outlet_id,
        at=at,
        ids=[line.product_id for line in lines if line.product_id is not None],
        skus=[line.sku for line in lines if line.sku is not None],
        customer=wish.customer_id,
        coupons=wish.codes,
        holds=[each.hold_id for each in wish.coupons if each.hold_id is not None],
    )


def ask_early(
    pipe: Pipeline, ctx: Context, outlet_id: UUID, lines: Sequence[SellLine | ReturnLine], wish: Wish
) -> psycopg.Cursor[Any] | None:
    """Ask along with the other questions where there may be something to hear; None where nothing was asked."""
    if not lines or not (wish or ctx.tenant_id in _seen):
        return None
    return ask_offers(pipe, ctx.tenant_id, question_of(ctx, outlet_id, lines, wish, ctx.clock.now()))


def deal_of(
    ctx: Context,
    place: Place,
    lines: Sequence[SellLine | ReturnLine],
    wish: Wish,
    asked: psycopg.Cursor[Any] | None,
) -> Deal | None:
    """Return the offers that these lines are priced by, None for the catalogue's prices alone."""
    if asked is None:
        if place.offers_version is None or not lines:
            return None
        if len(_seen) > _MOST_SEEN:
            _seen.clear()
        _seen.add(ctx.tenant_id)
        with ctx.uow.pipeline() as pipe:
            asked = ask_offers(pipe, ctx.tenant_id, question_of(ctx, place.outlet_id, lines, wish, ctx.clock.now()))
    answer = offers_from(asked, question_of(ctx, place.outlet_id, lines, wish, ctx.clock.now()), place.zone)
    return Deal(answer, wish, ctx.clock.now()) if answer.offers or answer.occasion.exempt or wish else None


_MOST_SEEN = 100_000


def offer_acts(wish: Wish, *, outlet_id: UUID, subject: str) -> list[Act]:
    """Return what must be authorised before a person chooses other taxes for a ticket."""
    if wish.tax_mapping is None:
        return []
    return [Act(permission=Permission.SALE_TAX_OVERRIDE, outlet_id=outlet_id, subject=subject)]


def with_offer(details: LineDetails | None, said: dict[str, Any]) -> LineDetails | None:
    """Return what is sealed with a line, with why it costs what it does."""
    if not said:
        return details
    if details is None:
        return LineDetails(**said)
    return LineDetails(**said, components=details.components, checked=details.checked)


# --- coupons ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CouponPart:
    """The coupons of a record: what is taken, for whom."""

    uses: Sequence[CouponUse] = ()
    customer_id: UUID | None = None
    codes: Sequence[str] = ()


NO_COUPONS = CouponPart()


def coupons_of(deal: Deal | None) -> CouponPart:
    """Return the coupons that a sale takes."""
    if deal is None or not deal.answer.coupons:
        return NO_COUPONS
    return CouponPart(deal.uses, deal.wish.customer_id, [each.code for each in deal.answer.coupons])


def ask_coupons(pipe: Pipeline, part: CouponPart, entry: Posting) -> psycopg.Cursor[Any] | None:
    """Take the coupons of a sale, or give back those of what a void or refund undoes; before its goods."""
    if entry.void_of is not None and _coupons_on(entry.lines):
        _give_back(pipe, entry, [entry.void_of], whole=True)
    elif entry.returns:
        _give_back(pipe, entry, list({each.of_sale_id for each in entry.returns}), whole=False)
    if not part.uses:
        return None
    return send_take(pipe, entry.tenant_id, entry.sale_id, part.uses, entry.sold_at)


def keep_coupons(pipe: Pipeline, part: CouponPart, entry: Posting) -> None:
    """Write down the coupons of a sale; after it."""
    if part.uses:
        send_log(pipe, entry.tenant_id, entry.sale_id, part.uses, part.customer_id, entry.sold_at)


def require_coupons(part: CouponPart, taken: psycopg.Cursor[Any] | None) -> None:
    """See that every coupon was to be had. Raises ``COUPON_REFUSED``: somebody was faster."""
    if taken is not None:
        had = {coupon for coupon, _ in taken.fetchall()}
        for use, code in zip(part.uses, part.codes, strict=True):
            if use.coupon not in had:
                raise CouponRefused(coupon=code, reason="used_up", problem=PROBLEMS["used_up"])


def _coupons_on(lines: Sequence[SaleLine]) -> dict[str, UUID | None]:
    """Return the codes of the coupons that lines name, with the use that was held for each."""
    return {
        each.coupon: each.hold_id
        for line in lines
        if line.details is not None
        for each in line.details.offers
        if each.coupon
    }


def _give_back(pipe: Pipeline, entry: Posting, sales: list[UUID], *, whole: bool) -> None:
    send_give_back(
        pipe,
        entry.tenant_id,
        by=entry.sale_id,
        sales=sales,
        returns=[(each.of_sale_id, each.of_line_no, str(each.quantity)) for each in entry.returns],
        at=entry.sold_at,
        whole=whole,
    )


def delivered_coupons(ctx: Context, entry: Posting) -> CouponPart:
    """Count the coupons that a till has taken or undone already, and flag the record for what is odd about them.

    ``COUPON_UNKNOWN``: no coupon has the code. ``COUPON_OVERUSED``: it was used up, which a till finds out too late.
    """
    if (entry.void_of is not None and _coupons_on(entry.lines)) or entry.returns:
        with ctx.uow.pipeline() as pipe:
            ask_coupons(pipe, NO_COUPONS, entry)
    codes = _coupons_on(entry.lines) if entry.kind == "sale" else {}
    if not codes:
        return NO_COUPONS
    rows = ctx.uow.rows(
        "SELECT id, code FROM coupons WHERE tenant_id = %s AND code = ANY(%s)", (ctx.tenant_id, list(codes))
    )
    uses = [CouponUse(row["id"], codes[row["code"]]) for row in rows]
    if len(uses) < len(codes):
        entry.flags.append("COUPON_UNKNOWN")
    if not uses:
        return NO_COUPONS
    with ctx.uow.pipeline() as pipe:
        taken = send_take(pipe, entry.tenant_id, entry.sale_id, uses, entry.sold_at, happened=True)
    if any(is_over for _, is_over in taken.fetchall()):
        entry.flags.append("COUPON_OVERUSED")
    return CouponPart(uses, entry.customer_id, list(codes))


# --- what a till has charged ------------------------------------------------------------------------------------------


def delivered_deal(ctx: Context, place: Place, sale: DeliverSale) -> Deal | None:
    """Return the offers that held when a till sold, None where the shop has none and no customer is named."""
    wish = Wish(sale.customer_id)
    if sale.kind != "sale" or (place.offers_version is None and not wish):
        return None
    ids = list({line.product_id for line in sale.lines if line.product_id is not None})
    codes = [typed_code(each) for each in _coupons_on(sale.lines)]
    asked = Question(place.outlet_id, sale.sold_at, ids, (), wish.customer_id, codes)
    with ctx.uow.pipeline() as pipe:
        cursor = ask_offers(pipe, ctx.tenant_id, asked)
    answer = offers_from(cursor, asked, place.zone)
    return Deal(answer, wish, sale.sold_at) if answer.offers or answer.occasion.exempt else None


def offer_flags(
    deal: Deal, sale: DeliverSale, goods: Sequence[Goods], taxes: Mapping[UUID, tuple[TaxRule, ...]]
) -> list[str]:
    """Return what a till charged otherwise than the offers of that moment say.

    ``PRICE_DIFFERS``, ``TAX_DIFFERS``; ``PROMOTION_DIFFERS``: other promotions, or another amount of one.
    """
    by_id = {each.id: each for each in goods}
    sold = [(line, by_id[line.product_id]) for line in sale.lines if line.product_id in by_id and line.quantity > 0]
    exponent = currency(sale.currency).exponent
    wanted = [
        Wanted(
            deal.answer.ware(product.id, product.unit_price, exponent),
            line.quantity,
            product.tax_class_id,
            typed=line.unit_price if line.details is not None and line.details.rule == "override" else None,
            by_piece=deal.answer.by_piece.get(product.id, True),
            factor=line.factor,
            unit_price=None if (own := catalogue_price(line, product)) == _of_pieces(line, product) else own,
        )
        for line, product in sold
    ]
    named = {each.tax_mapping for each in (line.details for line, _ in sold) if each is not None and each.tax_mapping}
    offered = offer(
        wanted,
        deal.answer.offers,
        taxes,
        deal.answer.occasion,
        exponent=exponent,
        couponed=frozenset(each.promotion for each in deal.answer.coupons),
        tax_mapping=next(iter(named), None),
    )
    flags = set()
    for (line, product), due in zip(sold, offered.lines, strict=True):
        price = catalogue_price(line, product) if due.resolved is None else due.resolved.price
        if line.unit_price != price:
            flags.add("PRICE_DIFFERS")
        if [(each.code, each.rate) for each in line.taxes] != [(rule.id, rule.amount) for rule in due.line.taxes]:
            flags.add("TAX_DIFFERS")
        given = [] if line.details is None else [(each.code, each.amount) for each in line.details.offers]
        if sorted(given) != sorted((each.code, each.minor) for each in due.reductions):
            flags.add("PROMOTION_DIFFERS")
    return sorted(flags)


def _of_pieces(line: SaleLine, product: Goods) -> Decimal:
    """What a pack comes to at the price of its pieces."""
    return (product.unit_price * line.factor).quantize(TEN_THOUSANDTH)
