"""What holds for every cart: parts sum, tags stay, refunds mirror, order does not matter, and two solvers agree."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from primepos.core.amounts import allocate, divide_half_up
from primepos.pricing.cart import Cart, CartLine, TaxRule, mirror, price_cart
from primepos.pricing.errors import DiscountTooLarge, UnsolvableTaxes
from primepos.pricing.rounding import CashRule, cash_rounding, spread
from primepos.pricing.taxes import solve_exactly
from primepos.pricing.tender import Tender, mirror_tenders, refund_shares, settle

D = Decimal


def places(count, low, high):
    return st.integers(int(low * 10**count), int(high * 10**count)).map(lambda i: D(i).scaleb(-count))


prices = places(4, 0, 5000)
quantities = places(3, -50, 50)
rates = st.one_of(places(2, 0, 40), st.sampled_from([D(0), D(5), D("5.5"), D(10), D(20), D(21), D(-20)]))
percents = st.one_of(st.just(D(0)), places(2, 0, 100))


@st.composite
def tax_rules(draw, *, included=None, count=st.integers(0, 4)):
    """A sequence of taxes; division taxes are kept small, so that a group of them leaves something."""
    rules = []
    for i in range(draw(count)):
        kind = draw(st.sampled_from(["percent", "percent", "fixed", "division"]))
        amount = draw({"percent": rates, "fixed": places(3, 0, 3), "division": places(2, 0, 20)}[kind])
        within = draw(st.booleans()) if included is None else included
        flags = draw(st.booleans()), draw(st.booleans())
        rules.append(TaxRule(f"t{i}:{kind}:{amount}:{within}{flags}", f"T{i}", kind, amount, within, *flags))
    return tuple(rules)


@st.composite
def lines(draw, *, included=None, quantity=quantities, count=st.integers(0, 4)):
    return CartLine(draw(prices), draw(quantity), draw(tax_rules(included=included, count=count)), draw(percents))


@st.composite
def carts(draw, *, included=None, rounding=None, ticket=True, quantity=quantities):
    cart = Cart(
        lines=tuple(draw(st.lists(lines(included=included, quantity=quantity), max_size=6))),
        exponent=draw(st.sampled_from([0, 2, 3])),
        rounding=rounding or draw(st.sampled_from(["per_line", "global"])),
    )
    if ticket and draw(st.booleans()):
        cart = replace(
            cart,
            ticket_discount_percent=draw(percents),
            ticket_discount_minor=draw(st.integers(0, 500)),
            ticket_discount_on=draw(st.sampled_from(["price", "net", "total"])),
        )
    return cart


def priced_or_skip(cart):
    try:
        return price_cart(cart)
    except (DiscountTooLarge, UnsolvableTaxes):
        assume(condition=False)
        raise


def walk(rules, base, units):
    """The rule of the design, word for word: walk forward from a base, with plain fractions."""
    amounts: list[Fraction] = []
    for i, rule in enumerate(rules):
        seen = base + (sum(amounts[j] for j in range(i) if rules[j].affects_base) if rule.base_affected else 0)
        if rule.kind == "fixed":
            amounts.append(Fraction(rule.amount) * units)
        elif rule.kind == "percent":
            amounts.append(seen * Fraction(rule.amount) / 100)
        else:
            first = last = i
            same = lambda a, b: (
                rules[a].kind == rules[b].kind
                and rules[a].included == rules[b].included
                and sees(rules, a) == sees(rules, b)
            )
            while first > 0 and same(first - 1, first):
                first -= 1
            while last + 1 < len(rules) and same(last + 1, last):
                last += 1
            together = sum(Fraction(rules[j].amount) for j in range(first, last + 1)) / 100
            amounts.append(seen / (1 - together) * Fraction(rule.amount) / 100)
    return amounts


def sees(rules, i):
    return [j for j in range(i) if rules[j].affects_base] if rules[i].base_affected else []


def solve_by_two_points(rules, price, units):
    """Everything is linear in the base: evaluate at 0 and at 1, and solve for the price."""
    gap = [base + sum(a for a, r in zip(walk(rules, base, units), rules, strict=True) if r.included) for base in (0, 1)]
    base = (price - gap[0]) / (gap[1] - gap[0])
    return base, walk(rules, Fraction(base), units)


def half_up(value):
    return divide_half_up(value.numerator, value.denominator)


@given(tax_rules(), places(4, -500, 500), places(3, -20, 20))
def test_the_compiled_plan_gives_what_the_rule_says(rules, price, units):
    price, units = Fraction(price), Fraction(units)
    try:
        solved = solve_exactly(rules, price, units)
    except UnsolvableTaxes:
        with pytest.raises(ZeroDivisionError):
            solve_by_two_points(rules, price, units)
        return
    assert solved == solve_by_two_points(rules, price, units)


@given(prices, quantities, rates, st.booleans(), st.sampled_from([0, 2, 3]))
def test_the_fast_path_of_one_percentage_equals_the_general_solver(price, quantity, rate, included, exponent):
    assume(rate != -100)
    rule = TaxRule("v", "VAT", "percent", rate, included)
    line = price_cart(Cart((CartLine(price, quantity, (rule,)),), exponent=exponent)).lines[0]
    tag = half_up(Fraction(price) * Fraction(quantity) * 10**exponent)
    base, (tax,) = solve_by_two_points((rule,), Fraction(tag), Fraction(quantity))
    assert line.taxes == (half_up(tax),)
    assert line.base == (tag - half_up(tax) if included else tag)
    assert abs(line.base - base) <= Fraction(1, 2)


@given(lines(), st.sampled_from([0, 2, 3]))
def test_every_line_rounds_each_tax_of_the_general_solver(line, exponent):
    priced = priced_or_skip(Cart((line,), exponent=exponent)).lines[0]
    scale = 10**exponent
    tag = half_up(
        Fraction(line.unit_price) * Fraction(line.quantity) * (1 - Fraction(line.discount_percent) / 100) * scale
    )
    _, taxes = solve_by_two_points(line.taxes, Fraction(tag), Fraction(line.quantity) * scale)
    assert priced.taxes == tuple(half_up(tax) for tax in taxes)
    assert priced.base == tag - sum(tax for tax, rule in zip(priced.taxes, line.taxes, strict=True) if rule.included)


@given(carts())
def test_parts_sum_to_totals(cart):
    priced = priced_or_skip(cart)
    for line in priced.lines:
        assert line.total == line.base + sum(line.taxes)
        assert all(type(amount) is int for amount in (line.base, line.total, line.discount, *line.taxes))
    assert priced.base == sum(line.base for line in priced.lines)
    assert priced.tax == sum(sum(line.taxes) for line in priced.lines) == sum(tax.amount for tax in priced.taxes)
    assert priced.total == sum(line.total for line in priced.lines) == priced.base + priced.tax
    assert priced.discount == sum(line.discount for line in priced.lines)
    for tax in priced.taxes:
        bearing = [line for line in priced.lines if line.sign == tax.sign and tax.rule in line.line.taxes]
        assert tax.amount == sum(line.taxes[line.line.taxes.index(tax.rule)] for line in bearing)


def tag_of(line, exponent):
    """What the customer sees on the shelf, for this line."""
    exact = Fraction(line.unit_price) * Fraction(line.quantity) * (1 - Fraction(line.discount_percent) / 100)
    return half_up(exact * 10**exponent)


@given(carts(included=True, ticket=False))
def test_an_included_tag_price_never_moves_under_either_rounding(cart):
    priced = priced_or_skip(cart)
    tags = [tag_of(line, cart.exponent) for line in cart.lines]
    assert [line.total for line in priced.lines] == tags
    assert priced.total == sum(tags)


@given(carts(included=False, rounding="per_line", ticket=False))
def test_with_taxes_on_top_the_base_is_the_tag_price(cart):
    priced = priced_or_skip(cart)
    assert [line.base for line in priced.lines] == [tag_of(line, cart.exponent) for line in cart.lines]


@given(carts(rounding="global", ticket=False))
def test_global_rounding_rounds_the_sum_of_each_tax_and_sign_once(cart):
    priced = priced_or_skip(cart)
    exact: dict[object, Fraction] = {}
    for line, done in zip(cart.lines, priced.lines, strict=True):
        price = Fraction(line.unit_price) * Fraction(line.quantity) * (1 - Fraction(line.discount_percent) / 100)
        _, taxes = solve_by_two_points(line.taxes, price, Fraction(line.quantity))
        for rule, tax in zip(line.taxes, taxes, strict=True):
            exact[rule, done.sign] = exact.get((rule, done.sign), Fraction(0)) + tax * 10**cart.exponent
    assert {(tax.rule, tax.sign): tax.amount for tax in priced.taxes} == {
        key: half_up(sum_) for key, sum_ in exact.items()
    }


@given(carts(ticket=False))
def test_a_refund_mirrors_its_sale_to_the_minor_unit(cart):
    # A return of nothing has no sign of its own.
    assume(all(line.quantity for line in cart.lines))
    negated = replace(cart, lines=tuple(replace(line, quantity=-line.quantity) for line in cart.lines))
    priced = priced_or_skip(cart)
    assert mirror(priced) == price_cart(negated)
    assert mirror(mirror(priced)) == priced


@given(carts())
def test_a_mirror_negates_every_amount(cart):
    priced = priced_or_skip(cart)
    back = mirror(priced)
    assert (back.base, back.tax, back.total, back.discount) == (
        -priced.base,
        -priced.tax,
        -priced.total,
        -priced.discount,
    )
    for there, here in zip(priced.lines, back.lines, strict=True):
        assert here.total == -there.total == here.base + sum(here.taxes)
        assert here.line.quantity == -there.line.quantity


@given(carts(), st.randoms(use_true_random=False))
def test_order_of_lines_does_not_matter(cart, random):
    order = list(range(len(cart.lines)))
    random.shuffle(order)
    priced = priced_or_skip(cart)
    again = price_cart(replace(cart, lines=tuple(cart.lines[i] for i in order)))
    figures = lambda done: (done.base, done.tax, done.total, done.discount)
    assert figures(again) == figures(priced)
    assert set(again.taxes) == set(priced.taxes)
    key = lambda line: (repr(line.line), line.base, line.taxes, line.total)
    assert sorted(again.lines, key=key) == sorted(priced.lines, key=key)


@given(
    carts(ticket=False, quantity=places(3, 0, 50)),
    percents,
    st.integers(0, 2000),
    st.sampled_from(["price", "net", "total"]),
)
def test_a_ticket_discount_is_taken_off_exactly(cart, percent, minor, on):
    plain = priced_or_skip(cart)
    discounted = priced_or_skip(
        replace(cart, ticket_discount_percent=percent, ticket_discount_minor=minor, ticket_discount_on=on)
    )
    if not (percent or minor):
        assert discounted == plain
        return
    weights = {
        "price": [tag_of(line, cart.exponent) for line in cart.lines],
        "net": [line.base for line in plain.lines],
        "total": [line.total for line in plain.lines],
    }[on]
    available = sum(max(weight, 0) for weight in weights)
    expected = half_up(available * Fraction(percent) / 100) + minor
    assert sum(line.ticket_discount for line in discounted.lines) == expected
    assert all(
        0 <= line.ticket_discount <= max(weight, 0) for line, weight in zip(discounted.lines, weights, strict=True)
    )
    if on == "total":
        assert discounted.total == plain.total - expected
    if on == "net":
        assert discounted.base == plain.base - expected


@given(carts(included=True, quantity=places(3, 0, 50)))
def test_with_included_taxes_a_discount_on_price_lowers_the_total_by_itself(cart):
    cart = replace(cart, ticket_discount_on="price")
    tags = sum(tag_of(line, cart.exponent) for line in cart.lines)
    priced = priced_or_skip(cart)
    assert priced.total == tags - sum(line.ticket_discount for line in priced.lines)


@given(st.lists(st.fractions(-1000, 1000, max_denominator=1000), min_size=1, max_size=12))
def test_spread_parts_sum_to_the_sum_rounded_once(exact):
    shares = spread(exact)
    assert sum(shares) == half_up(sum(exact, Fraction(0)))
    assert all(abs(share - part) <= 1 for share, part in zip(shares, exact, strict=True))
    assert spread([-part for part in exact]) == [-share for share in shares]


rules_for_cash = st.one_of(
    st.none(),
    st.builds(
        CashRule,
        st.sampled_from([1, 5, 10, 100]),
        st.sampled_from(["half_up", "half_down", "half_even", "up", "down"]),
        st.booleans(),
    ),
)


@given(st.integers(-(10**6), 10**6), rules_for_cash)
def test_cash_pays_in_coins_and_the_difference_is_less_than_one_coin(total, rule):
    assume(rule is not None)
    difference = cash_rounding(total, rule)
    assert (total + difference) % rule.step == 0
    assert abs(difference) < rule.step
    assert cash_rounding(-total, rule) == -difference


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), rules_for_cash)
def test_what_is_handed_over_equals_total_rounding_and_change(total, card, cash, rule):
    assume(card <= total)
    tenders = [*([Tender("card", card)] if card else []), *([Tender("cash", cash)] if cash else [])]
    done = settle(total, tenders, rule)
    if done.complete:
        assert card + cash - done.change == total + done.rounding
        assert done.remaining == done.cash_due == 0
        assert 0 <= done.change <= cash
        assert done.rounding == 0 or (rule is not None and (cash or not rule.cash_only))
    else:
        assert (done.change, done.rounding) == (0, 0)
        assert done.remaining == total - card - cash
        finished = settle(total, [*tenders, *([Tender("cash", done.cash_due)] if done.cash_due else [])], rule)
        assert done.cash_due == 0 or (finished.complete and finished.change == 0)
    mirrored = settle(-total, mirror_tenders(tenders), rule)
    assert (mirrored.remaining, mirrored.cash_due) == (-done.remaining, -done.cash_due)
    assert (mirrored.change, mirrored.rounding, mirrored.complete) == (-done.change, -done.rounding, done.complete)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=5), st.data())
def test_a_partial_refund_goes_back_over_its_tenders_and_sums_exactly(amounts, data):
    tenders = [Tender(f"k{i}", amount) for i, amount in enumerate(amounts)]
    total = data.draw(st.integers(1, sum(amounts)))
    shares = {share.kind: share.amount for share in refund_shares(total, tenders)}
    assert sum(shares.values()) == -total
    assert all(0 < -shares.get(t.kind, -1) <= t.amount for t in tenders if t.kind in shares)
    assert [-shares.get(t.kind, 0) for t in tenders] == allocate(total, amounts)
