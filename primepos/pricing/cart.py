"""From a cart to totals that explain themselves. Pure functions: the till, the API and the receipt all price here.

Every figure of the result is an ``int`` of minor units (of *steps*, if a cart names its own smallest amount), and
parts always sum to totals: base and taxes of a line to its total, lines to the cart, taxes per rule to the tax.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from primepos.core.amounts import MAX_MINOR
from primepos.pricing.discounts import share_ticket_discount
from primepos.pricing.errors import InvalidCart
from primepos.pricing.explain import explain_line
from primepos.pricing.lines import Amounts, Cart, CartLine, OpenLine, Rounding, open_line, ratio, scale_of
from primepos.pricing.rounding import round_globally, round_per_line
from primepos.pricing.taxes import TaxRule, as_if, plan_taxes

__all__ = ["Cart", "CartLine", "PricedCart", "PricedLine", "PricedTax", "TaxRule", "mirror", "price_cart"]


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with its amounts in minor units: ``base + sum(taxes) == total``.

    ``taxes`` stand in the order of ``line.taxes``. ``discount`` is all that was taken off, ``ticket_discount`` the
    part of it that came from the ticket; both have the sign of the line. ``sign`` is -1 for a return line, else 1.
    """

    line: CartLine
    base: int
    taxes: tuple[int, ...]
    total: int
    discount: int
    ticket_discount: int
    sign: int
    cart: Cart = field(repr=False, compare=False)

    def explain(self) -> list[str]:
        """Say how the amounts were made: rule, unrounded and rounded figure, who took the rest. Made when asked."""
        return explain_line(self.cart, self.line, self.base, self.taxes, self.ticket_discount)


@dataclass(frozen=True, slots=True)
class PricedTax:
    """One tax over all lines of one sign: the base it was computed on and its amount, in minor units."""

    rule: TaxRule
    base: int
    amount: int
    sign: int


@dataclass(frozen=True, slots=True)
class PricedCart:
    """The priced cart. ``taxes`` stand in order of first appearance, those of sale and of return lines kept apart."""

    lines: tuple[PricedLine, ...]
    taxes: tuple[PricedTax, ...]
    base: int
    tax: int
    total: int
    discount: int
    rounding: Rounding


def price_cart(cart: Cart) -> PricedCart:
    """Price a cart; amounts are minor units, a half is rounded away from zero.

    Raises:
        InvalidCart: a number is not a finite decimal, is absurdly large, or a setting is unknown.
        DiscountTooLarge: a discount is more than what it is taken from.
        InvalidTax, UnsolvableTaxes: the taxes of a line cannot be computed.
    """
    scale, scale_den = scale_of(cart.exponent, cart.step)
    work = [open_line(line, scale, scale_den) for line in cart.lines]
    discounted = bool(cart.ticket_discount_percent or cart.ticket_discount_minor)
    if not discounted and cart.rounding == "per_line":
        return _finish(cart, work, [round_per_line(each) for each in work])
    # Cents are shared among lines here, and ties are broken by position; in an order of our own, the same lines
    # scanned in another order cost the same.
    shared = sorted(work, key=_by_content)
    if discounted:
        _discount_ticket(cart, shared)
    for opened, amounts in zip(shared, _round(cart, shared), strict=True):
        opened.amounts = amounts
    return _finish(cart, work, [each.amounts for each in work])


def _by_content(opened: OpenLine) -> tuple[Any, ...]:
    line = opened.line
    return (
        [rule.id for rule in line.taxes],
        line.unit_price,
        line.quantity,
        line.discount_percent,
        line.discount_minor,
        line.promotion_minor,
        [rule.id for rule in line.tag_taxes or ()],
    )


def mirror(priced: PricedCart) -> PricedCart:
    """Give the full refund of a priced cart: every amount and quantity negated, to the minor unit."""
    return PricedCart(
        lines=tuple(
            PricedLine(
                line=replace(each.line, quantity=-each.line.quantity),
                base=-each.base,
                taxes=tuple(-tax for tax in each.taxes),
                total=-each.total,
                discount=-each.discount,
                ticket_discount=-each.ticket_discount,
                sign=-each.sign,
                cart=each.cart,
            )
            for each in priced.lines
        ),
        taxes=tuple(PricedTax(each.rule, -each.base, -each.amount, -each.sign) for each in priced.taxes),
        base=-priced.base,
        tax=-priced.tax,
        total=-priced.total,
        discount=-priced.discount,
        rounding=priced.rounding,
    )


def _round(cart: Cart, work: list[OpenLine]) -> list[Amounts]:
    if cart.rounding == "per_line":
        return [round_per_line(each) for each in work]
    if cart.rounding == "global":
        return round_globally(work)
    raise InvalidCart(what="rounding", problem=f"unknown rule {str(cart.rounding)[:20]!r}")


def _discount_ticket(cart: Cart, work: list[OpenLine]) -> None:
    """Take the ticket discount off the lines, which for ``net`` and ``total`` start again from what they came to."""
    percent = ratio(cart.ticket_discount_percent, "ticket discount")
    if cart.ticket_discount_on in ("net", "total"):
        on_total = cart.ticket_discount_on == "total"
        for each, (base, taxes) in zip(work, _round(cart, work), strict=True):
            plan = plan_taxes(as_if(each.line.taxes, included=on_total))
            each.restart(plan, base + sum(taxes) if on_total else base)
    elif cart.ticket_discount_on != "price":
        raise InvalidCart(what="ticket discount", problem=f"cannot be on {str(cart.ticket_discount_on)[:20]!r}")
    shares = share_ticket_discount([each.price for each in work], percent, cart.ticket_discount_minor)
    for each, share in zip(work, shares, strict=True):
        each.take_ticket_discount(share)


def _finish(cart: Cart, work: list[OpenLine], amounts: list[Amounts]) -> PricedCart:
    """Put the rounded lines together and add them up, per tax and per sign."""
    lines: list[PricedLine] = []
    sums: dict[tuple[TaxRule, int], list[int]] = {}
    base_sum = total_sum = discount_sum = 0
    for opened, (base, taxes) in zip(work, amounts, strict=True):
        total = base
        for rule, tax, sees in zip(opened.line.taxes, taxes, opened.plan.sees, strict=True):
            seen = base
            for j in sees:
                seen += taxes[j]
            total += tax
            entry = sums.get((rule, opened.sign))
            if entry is None:
                sums[rule, opened.sign] = [seen, tax]
            else:
                entry[0] += seen
                entry[1] += tax
        discount = opened.line_discount + opened.ticket_discount
        lines.append(PricedLine(opened.line, base, taxes, total, discount, opened.ticket_discount, opened.sign, cart))
        base_sum += base
        total_sum += total
        discount_sum += discount
    if any(abs(each.total) > MAX_MINOR or abs(each.base) > MAX_MINOR for each in lines) or abs(total_sum) > MAX_MINOR:
        raise InvalidCart(what="total", problem="too large")
    return PricedCart(
        lines=tuple(lines),
        taxes=tuple([PricedTax(rule, base, tax, sign) for (rule, sign), (base, tax) in sums.items()]),
        base=base_sum,
        tax=total_sum - base_sum,
        total=total_sum,
        discount=discount_sum,
        rounding=cart.rounding,
    )
