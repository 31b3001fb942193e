"""What a line moves: packs, kits and lots, and what the goods require of whoever sells them.

Worked out from what the catalogue said when the cart was asked for. Lots are moved in one statement, before the stock
levels, in the order of product and lot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from primepos.core.clock import business_date
from primepos.core.errors import InvalidInput
from primepos.domain.catalog.errors import ComponentArchived, ParentNotSold, UnitNotFound
from primepos.domain.customers.standing import standing_of
from primepos.domain.inventory.lot_errors import LotNotHere
from primepos.domain.inventory.lots import LotStep, not_taken, send_put, send_take
from primepos.domain.sales.chain import TEN_THOUSANDTH, THOUSANDTH
from primepos.domain.sales.errors import UnknownProduct
from primepos.domain.sales.goods_errors import AgeNotConfirmed, LotExpired, LotRequired
from primepos.domain.sales.schemas import Component, LineDetails

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from primepos.core.context import Context
    from primepos.core.db import Pipeline
    from primepos.domain.sales.posting import Posting
    from primepos.domain.sales.queries import Goods, Place
    from primepos.domain.sales.schemas import DeliverSale, ReturnLine, SaleLine, SellLine

REFUSE = "refuse"
EXPIRED = "LOT_EXPIRED"
# How goods themselves can stand in the way of being sold.
GOODS_REFUSALS = (ParentNotSold, ComponentArchived, UnitNotFound, LotRequired, LotNotHere, LotExpired)


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a kit as the catalogue has it."""

    product_id: UUID
    sku: str
    quantity: Decimal
    track_stock: bool
    is_archived: bool


@dataclass(frozen=True, slots=True)
class LotsMoved:
    """What a booking asked of lots, and the answers that are still to come."""

    asked: list[tuple[psycopg.Cursor[Any], list[LotStep]]]

    def missing(self) -> list[str]:
        """Return the lots that had not as much as was sold of them, or that are in stock though they come back."""
        return [lot for cursor, steps in self.asked for lot in not_taken(cursor, steps)]


def packed(line: SellLine | ReturnLine, product: Goods) -> Goods:
    """Return a product as a line sells it: in its unit, at the price of one, with its factor.

    Raises:
        ParentNotSold: one of its variants is sold. ComponentArchived: a kit that cannot be made.
        UnitNotFound: it is not sold by this unit.
    """
    if product.kind == "parent":
        raise ParentNotSold(sku=product.sku)
    for part in parts_of(product):
        if part.is_archived:
            raise ComponentArchived(kit=product.sku, component=part.sku)
    if not line.unit or line.unit == product.base_unit:
        return product
    for code, factor, price in msgspec.json.decode(product.units or "[]"):
        if code == line.unit:
            times = Decimal(factor)
            own = (product.unit_price * times).quantize(TEN_THOUSANDTH) if price is None else Decimal(price)
            return replace(product, unit_price=own, unit=code, factor=times)
    raise UnitNotFound(sku=product.sku, unit=line.unit)


def parts_of(product: Goods) -> list[Part]:
    """Return the components of a kit, none of anything else."""
    if product.components is None:
        return []
    return [
        Part(UUID(product_id), sku, Decimal(quantity), track_stock, is_archived)
        for product_id, sku, quantity, track_stock, is_archived in msgspec.json.decode(product.components)
    ]


def details_of(product: Goods, checked: str = "") -> LineDetails | None:
    """Return what is sealed with a line: what a kit is made of, and who saw to what the goods require."""
    parts = parts_of(product)
    said = checked if product.minimum_age is not None else ""
    if not parts and not said:
        return None
    return LineDetails(
        components=[
            Component(product_id=each.product_id, sku=each.sku, quantity=each.quantity.quantize(THOUSANDTH))
            for each in parts
        ],
        checked=said,
    )


def moved_by(n: int, product: Goods, quantity: Decimal) -> list[tuple[int, UUID, Decimal]]:
    """Return the goods that leave the stock with so many of a product: of a pack its pieces, of a kit its components.

    Raises:
        InvalidInput: so small a part of a pack or kit that stock, counted in thousandths, cannot tell it.
    """
    pieces = quantity * product.factor
    if product.components is not None:
        moved = [(part.product_id, pieces * part.quantity) for part in parts_of(product) if part.track_stock]
    else:
        moved = [(product.id, pieces)] if product.track_stock else []
    if any(amount != amount.quantize(THOUSANDTH) for _, amount in moved):
        raise InvalidInput(f"lines: {quantity} of {product.sku} is less than stock can tell")
    return [(n, each, amount.quantize(THOUSANDTH)) for each, amount in moved]


def check_lots(
    lines: Sequence[SellLine], goods: Sequence[Goods], settings: Mapping[str, Any], today: date
) -> list[str]:
    """See that tracked goods name a lot that was received, and return the flags for what has expired.

    The tenant's setting ``expired_goods`` says what becomes of those: ``refuse``, ``flag`` or ``allow``.

    Raises:
        LotRequired: a line names none, or more than one piece by one serial number. LotNotHere: it never came in.
        LotExpired: the rule is not to sell it.
    """
    flags = []
    rule = settings.get("expired_goods", "flag")
    for line, product in zip(lines, goods, strict=True):
        if product.tracking == "none":
            if line.lot:
                raise LotRequired(sku=product.sku, problem="it is not tracked by lot or serial number")
            continue
        what = "serial number" if product.tracking == "serial" else "lot"
        if not line.lot:
            raise LotRequired(sku=product.sku, problem=f"say which {what}")
        if product.tracking == "serial" and line.quantity * product.factor != 1:
            raise LotRequired(sku=product.sku, problem="a serial number is of one piece, a line each")
        known: dict[str, str | None] = msgspec.json.decode(product.lots or "{}")
        if line.lot not in known:
            raise LotNotHere(lots=line.lot)
        expires_on = known[line.lot]
        if expires_on is not None and date.fromisoformat(expires_on) < today:
            if rule == REFUSE:
                raise LotExpired(sku=product.sku, lot=line.lot, expires_on=expires_on)
            if rule == "flag":
                flags.append(EXPIRED)
    return flags


def check_ages(
    ctx: Context, goods: Sequence[Goods], today: date, *, customer_id: UUID | None, age_confirmed: bool
) -> str:
    """See that the customer is as old as the goods require, and return who says so; empty where none requires it.

    Either whoever books confirms it, or the customer is known by day of birth.

    Raises:
        AgeNotConfirmed: neither.
    """
    ages = [product.minimum_age for product in goods if product.minimum_age is not None]
    if not ages:
        return ""
    if age_confirmed:
        return f"age {max(ages)} confirmed by {ctx.identity.name}"[:200]
    if customer_id is not None:
        age = standing_of(ctx.uow, ctx.tenant_id, customer_id).age(today)
        if age is not None and age >= max(ages):
            return f"age {max(ages)} by the customer's day of birth"
    restricted = [product.sku for product in goods if product.minimum_age is not None]
    raise AgeNotConfirmed(products=", ".join(dict.fromkeys(restricted)), age=max(ages))


def goods_flags(sale: DeliverSale, goods: Sequence[Goods]) -> list[str]:
    """Return what is odd about the goods of a till's sale: it happened, so a person is told.

    ``LOT_MISSING``: tracked goods that name no lot. ``LOT_EXPIRED``. ``AGE_NOT_CONFIRMED``: nobody says that the
    customer was old enough.
    """
    if sale.kind != "sale":
        return []
    by_id = {each.id: each for each in goods}
    flags = set()
    for line in sale.lines:
        product = None if line.product_id is None or line.quantity <= 0 else by_id.get(line.product_id)
        if product is None:
            continue
        if product.tracking != "none":
            known: dict[str, str | None] = msgspec.json.decode(product.lots or "{}")
            expires_on = known.get(line.lot)
            if not line.lot:
                flags.add("LOT_MISSING")
            elif expires_on is not None and date.fromisoformat(expires_on) < sale.business_date:
                flags.add(EXPIRED)
        if product.minimum_age is not None and (line.details is None or not line.details.checked):
            flags.add("AGE_NOT_CONFIRMED")
    return sorted(flags)


def catalogue_price(line: SaleLine, product: Goods) -> Decimal:
    """Return what the catalogue asks for one of what a line sold, a piece or a pack."""
    for code, factor, price in msgspec.json.decode(product.units or "[]") if line.unit else ():
        if code == line.unit:
            times = (product.unit_price * Decimal(factor)).quantize(TEN_THOUSANDTH)
            return times if price is None else Decimal(price)
    return product.unit_price


def check_goods(
    ctx: Context,
    lines: Sequence[SellLine],
    goods: Sequence[Goods],
    place: Place,
    *,
    customer_id: UUID | None,
    age_confirmed: bool,
) -> tuple[str, list[str]]:
    """See to what the goods of a cart require: an age, a lot that is still good; return who saw to it, and flags.

    Raises:
        AgeNotConfirmed, and see :func:`check_lots`.
    """
    if not any(each.tracking != "none" or each.minimum_age is not None for each in goods) and not any(
        line.lot for line in lines
    ):
        return "", []
    found = find_goods(lines, goods)
    today = business_date(ctx.clock.now(), place.zone, place.day_starts_hour)
    checked = check_ages(ctx, found, today, customer_id=customer_id, age_confirmed=age_confirmed)
    return checked, check_lots(lines, found, place.settings, today)


def find_goods(lines: Sequence[SellLine | ReturnLine], goods: Sequence[Goods]) -> list[Goods]:
    """Return the product of each line in the unit that it sells, in the order of the lines.

    Raises:
        UnknownProduct: a product is not there or archived.
        ParentNotSold, ComponentArchived, UnitNotFound: see :func:`packed`.
        InvalidInput: a line names neither or both of ``product_id`` and ``sku``.
    """
    by_id = {each.id: each for each in goods}
    by_sku = {each.sku: each for each in goods} if any(line.sku is not None for line in lines) else {}
    found = []
    for line in lines:
        if (line.product_id is None) == (line.sku is None):
            raise InvalidInput("a line names either product_id or sku")
        product = by_id.get(line.product_id) if line.product_id is not None else by_sku.get(line.sku or "")
        if product is None or product.is_archived:
            raise UnknownProduct(product=str(line.product_id or line.sku))
        found.append(packed(line, product))
    return found


def send_lots(pipe: Pipeline, entry: Posting, *, happened: bool = False) -> LotsMoved | None:
    """Send what moves the lots that a booking names, before its goods; None and nothing sent where it names none.

    What is sold is taken from its lot, what comes back is put into it again; goods that are not restocked do not come
    back. ``happened``: it was a till, and is not refused.
    """
    if not any(line.lot for line in entry.lines):
        return None
    out, back = _steps(entry)
    about: dict[str, Any] = {
        "tenant_id": entry.tenant_id,
        "outlet_id": entry.outlet_id,
        "kind": entry.kind,
        "at": entry.sold_at,
        "actor_id": entry.cashier_id,
        "actor": entry.cashier,
        "sale_id": entry.sale_id,
    }
    asked = []
    if out:
        asked.append((send_take(pipe, steps=out, **about), out))
    if back:
        asked.append((send_put(pipe, steps=back, happened=happened, **about), back))
    return LotsMoved(asked)


def delivered_lots(ctx: Context, entry: Posting) -> list[str]:
    """Move the lots that a till's record names, and return the flag where some were not there, or there already."""
    if not any(line.lot for line in entry.lines):
        return []
    with ctx.uow.pipeline() as pipe:
        moved = send_lots(pipe, entry, happened=True)
    return ["LOT_NOT_HERE"] if moved is not None and moved.missing() else []


def _steps(entry: Posting) -> tuple[list[LotStep], list[LotStep]]:
    out: list[LotStep] = []
    back: list[LotStep] = []
    lots = {n: line for n, line in enumerate(entry.lines, 1) if line.lot}
    for n, product_id, quantity in entry.quantities:
        line: SaleLine | None = lots.get(n)
        if line is None or line.product_id != product_id or not quantity:
            continue
        (out if quantity > 0 else back).append(LotStep(product_id, line.lot, abs(quantity), n))
    return out, back
