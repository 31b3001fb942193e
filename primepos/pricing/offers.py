"""From what is asked for to cart lines: list prices, promotions and the customer's taxes, and why. Pure.

The till and the server call this with the same offers, so offline and online a cart costs the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from primepos.pricing.granting import Item, Reduction, grant
from primepos.pricing.lines import CartLine
from primepos.pricing.pricelists import PriceList, Resolved, Ware, lists_that_hold, resolve
from primepos.pricing.promotions import Promotion, promotions_that_hold
from primepos.pricing.tax_mapping import TaxMapping, mapped_taxes, mapping_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primepos.pricing.occasions import Occasion
    from primepos.pricing.taxes import TaxRule

ONE = Decimal(1)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of a shop, or those of them that may matter for one cart."""

    lists: tuple[PriceList, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    mappings: tuple[TaxMapping, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lists or self.promotions or self.mappings)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line that is asked for.

    ``typed`` is a unit price given by a person: such a line asks no list and takes part in no promotion. ``factor`` is
    how many pieces the unit sold holds, ``unit_price`` the catalogue's price of one such unit where it has one of its
    own. ``in_promotions`` false is a line that takes part in none, as goods that come back.
    """

    ware: Ware
    quantity: Decimal
    tax_class: UUID
    typed: Decimal | None = None
    discount_percent: Decimal = ZERO
    discount_minor: int = 0
    by_piece: bool = True
    factor: Decimal = ONE
    unit_price: Decimal | None = None
    in_promotions: bool = True


@dataclass(frozen=True, slots=True)
class Offered:
    """A line as the engine takes it, and why: ``resolved`` None is a price that a person has typed."""

    line: CartLine
    resolved: Resolved | None
    reductions: tuple[Reduction, ...] = ()
    mapping: TaxMapping | None = None


@dataclass(frozen=True, slots=True)
class OfferedCart:
    """Every line offered; ``codes``: the promotions that took something off, ``is_exact``: how they were chosen."""

    lines: tuple[Offered, ...]
    codes: frozenset[str] = frozenset()
    is_exact: bool = True
    mapping: TaxMapping | None = field(default=None)


def offer(
    wanted: Sequence[Wanted],
    offers: Offers,
    taxes: Mapping[UUID, tuple[TaxRule, ...]],
    occasion: Occasion,
    *,
    exponent: int,
    couponed: frozenset[str] = frozenset(),
    tax_mapping: str | None = None,
) -> OfferedCart:
    """Turn what is asked for into lines for the engine: each with its list price, what promotions take off, its taxes.

    ``couponed`` are the codes of promotions that coupons call, ``tax_mapping`` the code of one that a person chose,
    ``exponent`` the decimals of the currency.
    """
    lists = lists_that_hold(offers.lists, occasion)
    pieces: dict[UUID, Decimal] = {}
    for each in wanted:
        if each.typed is None:
            pieces[each.ware.product] = pieces.get(each.ware.product, ZERO) + abs(each.quantity) * each.factor
    prices = [None if each.typed is not None else _price(each, pieces, lists, exponent) for each in wanted]
    units = [ZERO if typed is None else typed for typed in (each.typed for each in wanted)]
    units = [unit if price is None else price.price for unit, price in zip(units, prices, strict=True)]
    items = [
        Item(
            product=each.ware.product,
            unit_price=unit,
            quantity=each.quantity,
            category=each.ware.category,
            parent=each.ware.parent,
            # A pack is counted as no piece: three packs are neither three bottles nor eighteen of a promotion's.
            by_piece=each.by_piece and each.factor == 1,
            is_open=price is not None and each.in_promotions,
            rank=(each.discount_percent, each.discount_minor, each.factor, str(each.tax_class)),
        )
        for each, price, unit in zip(wanted, prices, units, strict=True)
    ]
    granted = grant(items, promotions_that_hold(offers.promotions, occasion, couponed), exponent)
    mapping = mapping_for(offers.mappings, occasion, tax_mapping)
    lines = []
    for each, item, price, reductions in zip(wanted, items, prices, granted.lines, strict=True):
        borne, tagged = mapped_taxes(mapping, each.tax_class, taxes)
        line = CartLine(
            item.unit_price,
            each.quantity,
            borne,
            each.discount_percent,
            each.discount_minor,
            promotion_minor=sum(reduction.minor for reduction in reductions),
            tag_taxes=tagged,
        )
        lines.append(Offered(line, price, reductions, None if tagged is None else mapping))
    return OfferedCart(tuple(lines), granted.codes, granted.is_exact, mapping)


def _price(each: Wanted, pieces: Mapping[UUID, Decimal], lists: Sequence[PriceList], exponent: int) -> Resolved:
    """What one unit sold costs.

    A pack with a price of its own keeps it unless a list takes percent off: a price of one piece says nothing of it.
    """
    if each.unit_price is not None:
        pack = Ware(each.ware.product, each.unit_price, each.ware.category, each.ware.parent)
        percents = [
            PriceList(
                of.code, of.name, of.terms, of.priority, of.step, tuple(p for p in of.prices if p.kind == "percent_off")
            )
            for of in lists
        ]
        return resolve(pack, pieces[each.ware.product], percents, exponent)
    found = resolve(each.ware, pieces[each.ware.product], lists, exponent)
    if each.factor == 1:
        return found
    return Resolved(found.price * each.factor, found.catalogue * each.factor, found.listed, found.row)


def details_of(offered: Offered) -> dict[str, Any] | None:
    """Return why a line costs what it does, as it is frozen with the sale; None where it is the catalogue's price.

    ``price``: ``rule`` (list or typed), the list's code and name, the catalogue's price. ``promotions``: code, name and
    minor units of each. ``tax_mapping``: code and name.
    """
    said: dict[str, Any] = {}
    if offered.resolved is None:
        said["price"] = {"rule": "typed"}
    elif offered.resolved.listed is not None:
        said["price"] = {
            "rule": "list",
            "code": offered.resolved.listed.code,
            "name": offered.resolved.listed.name,
            "catalogue": f"{offered.resolved.catalogue:.4f}",
        }
    if offered.reductions:
        said["promotions"] = [
            {"code": each.code, "name": each.name, "minor": each.minor} for each in offered.reductions
        ]
    if offered.mapping is not None:
        said["tax_mapping"] = {"code": offered.mapping.code, "name": offered.mapping.name}
    return said or None
