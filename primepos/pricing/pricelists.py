"""What one of a thing costs, from the lists that hold: pure.

The order, from the first that answers:

1. a price typed by a person (not here: such a line asks no list);
2. the lists that hold on this occasion: the higher priority first, then the one that names the customer, then a group
   of theirs, then the outlet, then the rest, then by code;
3. within a list the row for the product itself, then for the product it is a variant of, then for its category, then
   for everything; of the rows of one of these the one with the highest quantity that is reached;
4. the catalogue's price.

So a list that says nothing of a product changes nothing for it. The quantity is what the whole ticket holds of the
product, on however many lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from primepos.core.amounts import MAX_UNIT_PRICE, PRICE_PLACES, divide_half_up, plain_amount, round_half_up
from primepos.pricing.occasions import Terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from primepos.pricing.occasions import Occasion

PriceKind = Literal["price", "percent_off", "cost_plus"]


@dataclass(frozen=True, slots=True)
class Ware:
    """A thing as the catalogue has it. ``cost`` is what one cost the shop, None where nobody knows or may know."""

    product: UUID
    price: Decimal
    category: UUID | None = None
    parent: UUID | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ListPrice:
    """One row of a list: ``amount`` is a price of one, percent off the catalogue's price, or percent on the cost.

    Without ``product`` and ``category`` it is for everything.
    """

    kind: PriceKind
    amount: Decimal
    product: UUID | None = None
    category: UUID | None = None
    from_quantity: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class PriceList:
    """A list with the rows that matter here; ``step`` in currency units is what a worked-out price is rounded to."""

    code: str
    name: str
    terms: Terms
    priority: int = 0
    step: Decimal | None = None
    prices: tuple[ListPrice, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one costs, and why: ``listed`` None is the catalogue's own price."""

    price: Decimal
    catalogue: Decimal
    listed: PriceList | None = None
    row: ListPrice | None = None


def lists_that_hold(lists: Iterable[PriceList], occasion: Occasion) -> list[PriceList]:
    """Return the lists that hold on an occasion in the order in which they are asked.

    The customer's own list is asked as one that names them, whomever else it is for.
    """

    def order(each: PriceList) -> tuple[int, int, str]:
        near = 3 if each.code == occasion.price_list else each.terms.nearness(occasion)
        return (-each.priority, -near, each.code)

    def holds(each: PriceList) -> bool:
        if each.code == occasion.price_list:
            return each.terms.hold_at(occasion.at)
        return each.terms.hold(occasion)

    return sorted((each for each in lists if holds(each)), key=order)


def resolve(ware: Ware, quantity: Decimal, lists: Sequence[PriceList], exponent: int) -> Resolved:
    """Return what one costs when the ticket holds ``quantity`` of it; ``lists`` stand in the order to ask them.

    ``exponent``: decimals of the currency. A worked-out price is rounded, a half up, to the list's step; without one to
    the decimals of the currency, or of the catalogue's price where that has more.
    """
    for each in lists:
        row = _row(ware, quantity, each.prices)
        if row is not None:
            return Resolved(_price(ware, row, each.step, exponent), ware.price, each, row)
    return Resolved(ware.price, ware.price)


def _row(ware: Ware, quantity: Decimal, prices: Sequence[ListPrice]) -> ListPrice | None:
    best: tuple[int, Decimal] | None = None
    found = None
    for row in prices:
        if row.product is not None:
            level = 3 if row.product == ware.product else 2 if row.product == ware.parent else None
        elif row.category is not None:
            level = 1 if row.category == ware.category else None
        else:
            level = 0
        if level is None or row.from_quantity > quantity or (row.kind == "cost_plus" and ware.cost is None):
            continue
        if best is None or (level, row.from_quantity) > best:
            best, found = (level, row.from_quantity), row
    return found


def _price(ware: Ware, row: ListPrice, step: Decimal | None, exponent: int) -> Decimal:
    if row.kind == "price":
        return row.amount
    if row.kind == "cost_plus" and ware.cost is not None:
        top, bottom = (ware.cost * (100 + row.amount)).as_integer_ratio()
    else:
        top, bottom = (ware.price * (100 - row.amount)).as_integer_ratio()
    if step is not None:
        # Rounded once, from the exact figure: steps are counted, then turned into money.
        step_top, step_bottom = step.as_integer_ratio()
        counted = divide_half_up(top * step_bottom, bottom * 100 * step_top)
        return round_half_up(min(counted * step, MAX_UNIT_PRICE), Decimal(1).scaleb(-PRICE_PLACES))
    places = max(exponent, _places(ware.price))
    return min(plain_amount(divide_half_up(top * 10**places, bottom * 100), places), MAX_UNIT_PRICE)


def _places(price: Decimal) -> int:
    """How many decimals of a price are not idle zeros, at most four."""
    bottom = price.as_integer_ratio()[1]
    return next((places for places in range(PRICE_PLACES) if not 10**places % bottom), PRICE_PLACES)
