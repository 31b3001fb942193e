"""Say how a line's amounts were made, in sentences that a shopkeeper and an auditor can both follow."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from primepos.core.amounts import divide_half_up, plain_amount
from primepos.pricing.lines import OpenLine, open_line, scale_of
from primepos.pricing.taxes import as_if, plan_taxes, solve_exactly

if TYPE_CHECKING:
    from decimal import Decimal

    from primepos.pricing.cart import PricedLine

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
    """Write a fraction as a plain decimal, cut to ``max_places`` (half up), without idle zeros beyond ``min_places``."""
    scale = 10 ** max(max_places, min_places)
    digits = str(plain_amount(divide_half_up(value.numerator * scale, value.denominator), max(max_places, min_places)))
    whole, _, decimals = digits.partition(".")
    decimals = decimals.rstrip("0").ljust(min_places, "0")
    return f"{whole}.{decimals}" if decimals else whole


def explain_line(priced: PricedLine) -> list[str]:
    """Explain a priced line: how the price came about, each tax with what it was computed on, and who took the rest."""
    line, cart = priced.line, priced.cart
    scale = Fraction(*scale_of(cart.exponent, cart.step))

    def text(minor: int) -> str:
        return amount_text(minor, cart.exponent, cart.step)

    def exact(minor: Fraction) -> str:
        major = minor / scale
        written = exact_text(major)
        return written if Fraction(written) == major else f"{written}..."

    opened = open_line(line, scale.numerator, scale.denominator)
    said = [f"{line.quantity:f} x {line.unit_price:f} = {exact(Fraction(line.unit_price) * Fraction(line.quantity) * scale)}"]
    if opened.line_discount:
        said.append(f"line discount {text(opened.line_discount)}, leaving {exact(Fraction(opened.top, opened.bottom))}")
    if priced.ticket_discount:
        said.append(f"share of the ticket discount on the {cart.ticket_discount_on}: {text(priced.ticket_discount)}")
    start = _start(priced, opened)
    if cart.rounding == "per_line":
        start = Fraction(opened.price)
        said.append(f"rounded for this line: {text(opened.price)}")
    base, taxes = solve_exactly(opened.plan.rules, start, Fraction(opened.units_top, opened.units_bottom))
    for i, (rule, amount) in enumerate(zip(line.taxes, priced.taxes, strict=True)):
        seen = base + sum(taxes[j] for j in opened.plan.sees[i])
        on = "" if rule.kind == "fixed" else f" on {exact(seen)}"
        said.append(f"{rule}{on}: {exact(taxes[i])} -> {text(amount)}{_shared(taxes[i], amount)}")
    if any(opened.plan.included):
        said.append(f"base takes the rest of the price: {exact(base)} -> {text(priced.base)}")
    else:
        said.append(f"base: {exact(base)} -> {text(priced.base)}{_shared(base, priced.base)}")
    said.append(f"total: {text(priced.total)}")
    return said


def _start(priced: PricedLine, opened: OpenLine) -> Fraction:
    """Bring the line to where its taxes were computed from; gives the exact starting amount in minor units."""
    cart, line = priced.cart, priced.line
    if (cart.ticket_discount_percent or cart.ticket_discount_minor) and cart.ticket_discount_on != "price":
        on_total = cart.ticket_discount_on == "total"
        opened.restart(plan_taxes(as_if(line.taxes, included=on_total)), priced.total if on_total else priced.base)
    else:
        opened.take_ticket_discount(priced.ticket_discount)
    return Fraction(opened.top, opened.bottom)


def _shared(exact: Fraction, amount: int) -> str:
    """Say so where a figure is not its own nearest amount, but this line's part of a sum that was rounded once."""
    own = divide_half_up(exact.numerator, exact.denominator)
    return "" if own == amount else " (its part of the ticket's sum, which is rounded once)"
