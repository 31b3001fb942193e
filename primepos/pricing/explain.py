"""Say how a line's amounts were made, in sentences that a shopkeeper and an auditor can both follow."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from primepos.core.amounts import divide_half_up, plain_amount
from primepos.pricing.lines import Cart, CartLine, OpenLine, open_line, scale_of
from primepos.pricing.rounding import round_per_line
from primepos.pricing.taxes import as_if, plan_taxes, solve_exactly

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from primepos.pricing.taxes import TaxPlan

# Enough to see which way a figure was rounded; only a figure that goes on carries dots.
_PLACES = 6


def amount_text(minor: int, exponent: int, step: Decimal | None) -> str:
    """Write minor units (or steps) as a plain decimal of the currency's places (1245 with exponent 2: ``12.45``)."""
    if step is None:
        return str(plain_amount(minor, exponent))
    return exact_text(Fraction(step) * minor, min_places=step_places(step))


def step_places(step: Decimal) -> int:
    """How many decimals amounts of this step need (0.05: 2, 1.0: 0)."""
    bottom = step.as_integer_ratio()[1]
    places = 0
    while 10**places % bottom:
        places += 1
    return places


def exact_text(value: Fraction, *, min_places: int = 0, max_places: int = _PLACES) -> str:
    """Write a fraction as a plain decimal: at most ``max_places`` (half up), no idle zeros beyond ``min_places``."""
    scale = 10 ** max(max_places, min_places)
    digits = str(plain_amount(divide_half_up(value.numerator * scale, value.denominator), max(max_places, min_places)))
    whole, _, decimals = digits.partition(".")
    decimals = decimals.rstrip("0").ljust(min_places, "0")
    return f"{whole}.{decimals}" if decimals else whole


def explain_line(cart: Cart, line: CartLine, base: int, taxes: Sequence[int], ticket_discount: int) -> list[str]:
    """Explain a priced line: how the price came about, each tax with what it was computed on, and who took the rest.

    ``base``, ``taxes`` and ``ticket_discount`` are the line's priced amounts in minor units.
    """
    scale = Fraction(*scale_of(cart.exponent, cart.step))

    def text(minor: int) -> str:
        return amount_text(minor, cart.exponent, cart.step)

    def exact(minor: Fraction) -> str:
        major = minor / scale
        written = exact_text(major)
        return written if Fraction(written) == major else f"{written}..."

    opened = open_line(line, scale.numerator, scale.denominator)
    list_price = Fraction(line.unit_price) * Fraction(line.quantity) * scale
    said = [f"{line.quantity:f} x {line.unit_price:f} = {exact(list_price)}"]
    if line.promotion_minor:
        said.append(f"promotions {text(line.promotion_minor)}, off the line rounded to the cent")
    if opened.line_discount != line.promotion_minor:
        given = opened.line_discount - line.promotion_minor
        said.append(f"line discount {text(given)}, leaving {exact(Fraction(opened.top, opened.bottom))}")
    if ticket_discount:
        said.append(f"share of the ticket discount on the {cart.ticket_discount_on}: {text(ticket_discount)}")
    _bring_to_start(opened, cart, base, taxes, ticket_discount)
    start = Fraction(opened.top, opened.bottom)
    if cart.rounding == "per_line" and start != opened.price:
        said.append(f"rounded for this line: {exact(start)} -> {text(opened.price)}")
        start = Fraction(opened.price)
    if opened.tag is not None:
        start = _without(opened.tag, opened, cart, start)
        said.append(f"without {', '.join(str(rule) for rule in opened.tag.rules)}: {exact(start)}")
    exact_base, exact_taxes = solve_exactly(opened.plan.rules, start, Fraction(opened.units_top, opened.units_bottom))
    for rule, sees, unrounded, tax in zip(line.taxes, opened.plan.sees, exact_taxes, taxes, strict=True):
        on = "" if rule.kind == "fixed" else f" on {exact(exact_base + sum(exact_taxes[j] for j in sees))}"
        said.append(f"{rule}{on}: {exact(unrounded)} -> {text(tax)}{_shared(unrounded, tax)}")
    if any(opened.plan.included) and (cart.rounding == "per_line" or not opened.plan.has_excluded):
        said.append(f"base takes the rest of the price: {exact(exact_base)} -> {text(base)}")
    else:
        said.append(f"base: {exact(exact_base)} -> {text(base)}{_shared(exact_base, base)}")
    said.append(f"total: {text(base + sum(taxes))}")
    return said


def _bring_to_start(opened: OpenLine, cart: Cart, base: int, taxes: Sequence[int], ticket_discount: int) -> None:
    """Bring a line to where its taxes were computed from: its price, or the net or total a discount was taken off."""
    if not (cart.ticket_discount_percent or cart.ticket_discount_minor) or cart.ticket_discount_on == "price":
        opened.take_ticket_discount(ticket_discount)
    elif cart.ticket_discount_on == "total":
        opened.restart(plan_taxes(as_if(opened.line.taxes, included=True)), base + sum(taxes))
    else:
        opened.restart(plan_taxes(as_if(opened.line.taxes, included=False)), base)


def _without(tag: TaxPlan, opened: OpenLine, cart: Cart, start: Fraction) -> Fraction:
    """What the price comes to without the taxes it was tagged with: per line, the base as any receipt shows it."""
    if cart.rounding == "per_line":
        return Fraction(round_per_line(opened)[0])
    return solve_exactly(tag.rules, start, Fraction(opened.units_top, opened.units_bottom))[0]


def _shared(exact: Fraction, amount: int) -> str:
    """Say so where a figure is not its own nearest amount, but this line's part of a sum that was rounded once."""
    own = divide_half_up(exact.numerator, exact.denominator)
    return "" if own == amount else " (its part of the ticket's sum, which is rounded once)"


def explain_sold(
    *,
    quantity: Decimal,
    unit_price: Decimal,
    discount: int,
    base: int,
    taxes: Sequence[tuple[str, Decimal, int]],
    total: int,
    exponent: int,
) -> list[str]:
    """Explain a line that was sold at the catalogue's price, from what was frozen with it.

    ``taxes`` are (code, rate, minor units). Of a single percentage the unrounded figure is said too: it is in the price
    where the tag did not move, else on top of it.
    """
    scale = 10**exponent
    price = Fraction(unit_price) * Fraction(quantity) * scale

    def text(minor: int) -> str:
        return str(plain_amount(minor, exponent))

    def exact(minor: Fraction) -> str:
        return exact_text(minor / scale)

    said = [f"{quantity.normalize():f} x {unit_price.normalize():f} = {exact(price)}"]
    tag = divide_half_up(price.numerator, price.denominator) - discount
    if discount:
        said.append(f"discounts {text(discount)}, leaving {text(tag)}")
    elif price != tag:
        said.append(f"rounded for this line: {exact(price)} -> {text(tag)}")
    for code, rate, amount in taxes:
        share = Fraction(rate)
        inside = total == tag
        unrounded = tag * share / (100 + share if inside else 100)
        if len(taxes) == 1 and divide_half_up(unrounded.numerator, unrounded.denominator) == amount:
            where = "included" if inside else "on top"
            said.append(f"{code} {rate.normalize():f} % {where}: {exact(unrounded)} -> {text(amount)}")
        else:
            said.append(f"{code} {rate.normalize():f}: {text(amount)}")
    return [*said, f"base: {text(base)}", f"total: {text(total)}"]
