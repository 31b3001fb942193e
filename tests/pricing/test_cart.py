"""A cart by hand: what each setting does to the cents, what is refused, and what a line says about itself."""

from __future__ import annotations

import dataclasses
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from primepos.core.amounts import MAX_MINOR
from primepos.core.errors import InvalidInput
from primepos.pricing.cart import Cart, CartLine, PricedTax, TaxRule, mirror, price_cart
from primepos.pricing.errors import DiscountTooLarge, InvalidCart, InvalidTax, InvalidTender, UnsolvableTaxes
from primepos.pricing.explain import amount_text, exact_text, step_places
from primepos.pricing.rounding import CashRule, cash_rounding
from primepos.pricing.taxes import plan_taxes, solve_exactly
from primepos.pricing.tender import Settlement, Tender, drawer_difference, refund_shares, settle

D = Decimal
IN_12 = TaxRule("in12", "VAT", "percent", D(12), included=True)
IN_21 = TaxRule("in21", "VAT", "percent", D(21), included=True)
ON_21 = TaxRule("on21", "VAT", "percent", D(21), included=False)
DEPOSIT = TaxRule("deposit", "Deposit", "fixed", D("0.25"), included=False, affects_base=True)


def one(price, taxes=(), quantity="1", **more):
    return CartLine(D(price), D(quantity), tuple(taxes), **more)


def priced(*lines, **settings):
    return price_cart(Cart(lines, **settings))


def amounts(cart):
    return cart.base, cart.tax, cart.total


def test_an_exact_half_cent_goes_to_the_tax_and_the_base_takes_the_rest():
    assert amounts(priced(one("52.50", [IN_12]))) == (4687, 563, 5250)


def test_an_empty_cart_is_nothing():
    assert amounts(priced()) == (0, 0, 0)
    assert amounts(priced(rounding="global")) == (0, 0, 0)
    assert priced().lines == priced().taxes == ()


def test_a_line_without_tax_is_its_price():
    assert amounts(priced(one("19.995", quantity="2"))) == (3999, 0, 3999)


def test_a_weighed_line_is_rounded_to_its_tag_before_tax():
    cart = priced(one("1.99", [ON_21], quantity="2.750"))
    assert amounts(cart) == (547, 115, 662)


def test_a_global_ticket_of_included_prices_costs_the_sum_of_its_tags():
    lines = [one("10.05", [IN_21])] * 3
    exact_tax = Fraction(3 * 1005 * 21, 121)
    cart = priced(*lines, rounding="global")
    assert cart.total == 3015
    assert cart.tax == round(exact_tax)
    assert cart.base == 3015 - cart.tax
    assert [line.total for line in cart.lines] == [1005] * 3


def test_a_global_ticket_with_a_tax_on_top_rounds_its_base_once():
    lines = [one("0.125", [ON_21])] * 3
    assert amounts(priced(*lines, rounding="global")) == (38, 8, 46)
    assert amounts(priced(*lines)) == (39, 9, 48)


def test_sale_and_return_lines_keep_their_taxes_apart():
    cart = priced(one("12.10", [IN_21]), one("6.05", [IN_21], quantity="-1"))
    assert cart.taxes == (PricedTax(IN_21, 1000, 210, 1), PricedTax(IN_21, -500, -105, -1))
    assert [line.sign for line in cart.lines] == [1, -1]
    assert amounts(cart) == (500, 105, 605)


def test_a_free_item_that_comes_back_is_a_return():
    cart = priced(one("0", [dataclasses.replace(DEPOSIT, amount=D(1))], quantity="-1"))
    assert (cart.lines[0].sign, amounts(cart)) == (-1, (0, -100, -100))


def test_a_fixed_tax_takes_the_sign_of_the_price():
    assert amounts(priced(one("-10", [DEPOSIT], quantity="-2"))) == (2000, 50, 2050)
    assert amounts(priced(one("-10", [DEPOSIT], quantity="2"))) == (-2000, -50, -2050)


def test_a_compound_tax_reports_the_base_it_was_computed_on():
    cart = priced(one("19.00", [DEPOSIT, ON_21], quantity="5"))
    assert cart.taxes == (PricedTax(DEPOSIT, 9500, 125, 1), PricedTax(ON_21, 9625, 2021, 1))


def test_taxes_stand_in_order_of_first_appearance():
    cart = priced(one("1", [ON_21]), one("1", [IN_12]), one("1", [DEPOSIT, ON_21]))
    assert [tax.rule.id for tax in cart.taxes] == ["on21", "in12", "deposit"]


def test_a_whole_division_tax_leaves_no_base():
    rule = TaxRule("all", "All", "division", D(100), included=True)
    assert amounts(priced(one("100", [rule]))) == (0, 10000, 10000)
    on_top = dataclasses.replace(rule, included=False)
    assert amounts(priced(one("100", [on_top]))) == (10000, 10000, 20000)


def test_a_whole_division_group_shares_the_price_beside_a_fixed_tax():
    halves = [TaxRule(f"h{i}", "Half", "division", D(50), included=True) for i in range(2)]
    deposit = TaxRule("d", "Deposit", "fixed", D(1), included=True)
    assert solve_exactly((*halves, deposit), Fraction(11), Fraction(1)) == (0, [5, 5, 1])


@pytest.mark.parametrize(
    "rules",
    [
        [TaxRule("a", "A", "percent", D(-100), included=True)],
        [
            TaxRule("f", "F", "fixed", D(1), included=True, affects_base=True),
            TaxRule("a", "A", "division", D(100), included=True),
        ],
        [
            TaxRule("a", "A", "division", D(100), included=True),
            TaxRule("p", "P", "percent", D(1), included=False),
            TaxRule("b", "B", "division", D(100), included=True),
        ],
    ],
)
def test_included_taxes_that_no_price_can_contain_are_refused(rules):
    with pytest.raises(UnsolvableTaxes):
        priced(one("10", rules))


def test_a_tax_twice_on_a_line_is_refused():
    with pytest.raises(InvalidTax):
        priced(one("10", [ON_21, ON_21]))


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("vat", D(1)),
        ("percent", 21.0),
        ("percent", 21),
        ("percent", D("NaN")),
        ("percent", D("Infinity")),
        ("fixed", D("1E-9")),
    ],
)
def test_a_tax_that_is_none_is_refused(kind, amount):
    with pytest.raises(InvalidInput):
        TaxRule("t", "T", kind, amount, included=True)


def test_equal_taxes_share_a_plan_and_different_ones_do_not():
    same = TaxRule("in12", "VAT", "percent", D("12.0"), included=True)
    assert plan_taxes((IN_12,)) is plan_taxes((same,))
    assert hash(same) == hash(IN_12)
    assert plan_taxes((IN_12,)) != plan_taxes((IN_21,))


def test_a_line_discount_takes_the_percentage_first():
    line = priced(one("10.00", [IN_21], quantity="3", discount_percent=D("12.5"), discount_minor=25)).lines[0]
    assert (line.total, line.discount, line.ticket_discount) == (2600, 400, 0)


def test_a_return_gives_its_discount_back():
    line = priced(one("10.00", [IN_21], quantity="-3", discount_percent=D("12.5"), discount_minor=25)).lines[0]
    assert (line.total, line.discount) == (-2600, -400)


def test_a_ticket_discount_is_shared_by_the_largest_first_and_leaves_returns_alone():
    cart = priced(
        one("10.00", [IN_21]), one("30.00", [IN_21]), one("5.00", [IN_21], quantity="-1"),
        ticket_discount_percent=D(10), ticket_discount_minor=1,
    )  # fmt: skip
    assert [line.ticket_discount for line in cart.lines] == [100, 301, 0]
    assert cart.total == 1000 + 3000 - 500 - 401
    assert cart.discount == 401


def test_a_ticket_discount_on_the_total_counts_taxes_on_top():
    cart = priced(one("10.00", [ON_21]), ticket_discount_minor=210, ticket_discount_on="total")
    assert amounts(cart) == (826, 174, 1000)


def test_a_ticket_discount_on_the_net_counts_no_taxes():
    cart = priced(one("12.10", [IN_21]), ticket_discount_minor=100, ticket_discount_on="net")
    assert amounts(cart) == (900, 189, 1089)


def test_a_percentage_of_nothing_is_nothing():
    assert amounts(priced(one("5", quantity="-1"), ticket_discount_percent=D(10))) == (-500, 0, -500)


@pytest.mark.parametrize(
    ("line", "ticket"),
    [
        ({"discount_minor": 1001}, {}),
        ({"discount_percent": D(50), "discount_minor": 501}, {}),
        ({}, {"ticket_discount_minor": 1001}),
        ({}, {"ticket_discount_percent": D(50), "ticket_discount_minor": 501}),
    ],
)
def test_a_discount_above_what_it_is_taken_from_is_refused(line, ticket):
    with pytest.raises(DiscountTooLarge):
        priced(one("10.00", **line), **ticket)


def test_a_discount_of_everything_leaves_zero():
    assert amounts(priced(one("10.00", [IN_21], discount_percent=D(100)))) == (0, 0, 0)
    assert amounts(priced(one("10.00", [IN_21]), ticket_discount_minor=1000)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("line", "cart"),
    [
        ({"unit_price": 1.5}, {}),
        ({"unit_price": 1}, {}),
        ({"unit_price": D("NaN")}, {}),
        ({"unit_price": D("sNaN")}, {}),
        ({"unit_price": D("Infinity")}, {}),
        ({"unit_price": D("1E+999999")}, {}),
        ({"unit_price": D("1E-999999")}, {}),
        ({"quantity": 1.0}, {}),
        ({"quantity": D("-Infinity")}, {}),
        ({"discount_percent": D("-1")}, {}),
        ({"discount_percent": D("100.01")}, {}),
        ({"discount_percent": 10.0}, {}),
        ({"discount_minor": -1}, {}),
        ({"discount_minor": 1.5}, {}),
        ({}, {"ticket_discount_percent": D(101)}),
        ({}, {"ticket_discount_minor": -1}),
        ({}, {"ticket_discount_minor": D(1)}),
        ({}, {"ticket_discount_minor": 1, "ticket_discount_on": "tag"}),
        ({}, {"rounding": "bankers"}),
        ({}, {"exponent": -1}),
        ({}, {"exponent": 7}),
        ({}, {"exponent": 2.0}),
        ({}, {"step": D(0)}),
        ({}, {"step": D("-0.05")}),
        ({}, {"step": 0.05}),
        ({"unit_price": D(10) ** 12, "quantity": D(10) ** 9}, {}),
    ],
)
def test_what_cannot_be_priced_is_refused(line, cart):
    base = {"unit_price": D(1), "quantity": D(1)}
    with pytest.raises(InvalidCart):
        price_cart(Cart((CartLine(**{**base, **line}),), **cart))


def test_numbers_are_taken_up_to_fifteen_digits_and_down_to_fourteen_places():
    assert priced(one("999999999999999", quantity="0.00000000000001")).total == 1000
    for price, quantity in (("1000000000000000", "0.1"), ("1", "0.000000000000001")):
        with pytest.raises(InvalidCart):
            priced(one(price, quantity=quantity))


def test_a_tax_has_at_most_six_places():
    assert TaxRule("t", "T", "fixed", D("0.000001"), included=False).amount == D("0.000001")
    with pytest.raises(InvalidInput):
        TaxRule("t", "T", "fixed", D("0.0000001"), included=False)


def test_the_largest_amount_is_still_an_amount():
    whole, minor = divmod(MAX_MINOR, 100)
    largest = one(f"{whole}.{minor:02}")
    assert priced(largest).total == MAX_MINOR
    assert priced(dataclasses.replace(largest, quantity=D(-1))).total == -MAX_MINOR
    for more in (one("0.01"), one("0.01", quantity="-1")):
        assert priced(dataclasses.replace(largest, quantity=D(-1)), largest, more).total in {1, -1}
    with pytest.raises(InvalidCart):
        priced(largest, one("0.01"))
    with pytest.raises(InvalidCart):
        priced(dataclasses.replace(largest, taxes=(ON_21,)))
    with pytest.raises(InvalidCart):
        priced(one("0", [TaxRule("f", "F", "fixed", D(10) ** 9, included=True)], quantity="1000000"))


def test_lines_that_are_each_small_enough_may_not_sum_beyond_the_largest_amount():
    half = one(str(MAX_MINOR // 200))
    assert priced(half, half).total <= MAX_MINOR
    with pytest.raises(InvalidCart):
        priced(half, half, half)
    with pytest.raises(InvalidCart):
        priced(one(str(MAX_MINOR)), one(str(MAX_MINOR), quantity="-1"))


def test_the_decimal_context_changes_nothing():
    lines = one("1234567.8912", [IN_12], quantity="3.125"), one("0.0001", [ON_21], quantity="99999.999")
    expected = priced(*lines, rounding="global", ticket_discount_percent=D("3.3333"))
    with localcontext(prec=2):
        assert priced(*lines, rounding="global", ticket_discount_percent=D("3.3333")) == expected


def test_results_cannot_be_changed():
    cart = priced(one("1"))
    for value, field in ((cart, "total"), (cart.lines[0], "total"), (IN_12, "amount"), (one("1"), "quantity")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field, 0)


def test_a_mirror_keeps_the_taxes_of_each_sign_apart():
    cart = mirror(priced(one("12.10", [IN_21]), one("6.05", [IN_21], quantity="-1")))
    assert cart.taxes == (PricedTax(IN_21, -1000, -210, -1), PricedTax(IN_21, 500, 105, 1))


def test_a_line_explains_an_included_tax():
    assert priced(one("52.50", [IN_12])).lines[0].explain() == [
        "1 x 52.50 = 52.5",
        "VAT 12 % included on 46.875: 5.625 -> 5.63",
        "base takes the rest of the price: 46.875 -> 46.87",
        "total: 52.50",
    ]


def test_a_line_explains_discounts_and_what_was_rounded():
    cart = priced(one("3.335", [ON_21], quantity="3", discount_percent=D(10)), ticket_discount_minor=100)
    assert cart.lines[0].explain() == [
        "3 x 3.335 = 10.005",
        "line discount 1.01, leaving 9.0045",
        "share of the ticket discount on the price: 1.00",
        "rounded for this line: 8.0045 -> 8.00",
        "VAT 21 % on top on 8: 1.68 -> 1.68",
        "base: 8 -> 8.00",
        "total: 9.68",
    ]


def test_a_line_explains_its_part_of_a_sum_that_was_rounded_once():
    cart = priced(*[one("0.125", [ON_21])] * 3, rounding="global")
    assert [line.explain() for line in cart.lines] == [
        ["1 x 0.125 = 0.125", "VAT 21 % on top on 0.125: 0.02625 -> 0.03", "base: 0.125 -> 0.13", "total: 0.16"],
        ["1 x 0.125 = 0.125", "VAT 21 % on top on 0.125: 0.02625 -> 0.03", "base: 0.125 -> 0.13", "total: 0.16"],
        [
            "1 x 0.125 = 0.125",
            "VAT 21 % on top on 0.125: 0.02625 -> 0.02 (its part of the ticket's sum, which is rounded once)",
            "base: 0.125 -> 0.12 (its part of the ticket's sum, which is rounded once)",
            "total: 0.14",
        ],
    ]


def test_a_line_explains_a_discount_on_net_and_on_total():
    net = priced(one("12.10", [IN_21]), ticket_discount_minor=100, ticket_discount_on="net")
    assert net.lines[0].explain() == [
        "1 x 12.10 = 12.1",
        "share of the ticket discount on the net: 1.00",
        "VAT 21 % included on 9: 1.89 -> 1.89",
        "base: 9 -> 9.00",
        "total: 10.89",
    ]
    total = priced(one("10.00", [ON_21]), ticket_discount_minor=210, ticket_discount_on="total")
    assert total.lines[0].explain() == [
        "1 x 10.00 = 10",
        "share of the ticket discount on the total: 2.10",
        "VAT 21 % on top on 8.264463...: 1.735537... -> 1.74",
        "base takes the rest of the price: 8.264463... -> 8.26",
        "total: 10.00",
    ]


def test_a_line_explains_fixed_and_division_taxes():
    group = TaxRule("g", "ICMS", "division", D(15), included=False)
    assert priced(one("10", [DEPOSIT, group], quantity="2")).lines[0].explain() == [
        "2 x 10 = 20",
        "Deposit 0.25 a unit on top: 0.5 -> 0.50",
        "ICMS 15 % of the gross on top on 20.5: 3.617647... -> 3.62",
        "base: 20 -> 20.00",
        "total: 24.12",
    ]


@pytest.mark.parametrize(
    ("minor", "exponent", "step", "text"),
    [
        (1245, 2, None, "12.45"),
        (-5, 2, None, "-0.05"),
        (7, 0, None, "7"),
        (95, 0, D("0.05"), "4.75"),
        (3, 0, D("1.0"), "3"),
    ],
)
def test_amounts_are_written_plainly(minor, exponent, step, text):
    assert amount_text(minor, exponent, step) == text


def test_fractions_are_written_without_idle_zeros():
    assert exact_text(Fraction(1, 3)) == "0.333333"
    assert exact_text(Fraction(-5, 2), min_places=2) == "-2.50"
    assert exact_text(Fraction(4), max_places=0) == "4"
    assert [step_places(D(step)) for step in ("1.0", "0.05", "1E-6", "5", "0.25")] == [0, 2, 6, 0, 2]


FIVE_CENTS = CashRule(5)


@pytest.mark.parametrize(
    ("method", "bank", "cash_due", "rounding"),
    [
        ("half_up", 0, 1570, -2),
        ("half_up", 68, 1505, 1),
        ("down", 68, 1500, -4),
        ("down", 67, 1505, 0),
        ("up", 69, 1505, 2),
    ],
)
@pytest.mark.parametrize("cash_only", [True, False])
def test_only_what_is_left_for_cash_is_rounded_to_coins(method, bank, cash_due, rounding, cash_only):
    rule = CashRule(5, method, cash_only)
    tenders = [Tender("bank", bank)] if bank else []
    assert settle(1572, tenders, rule).cash_due == cash_due
    done = settle(1572, [*tenders, Tender("cash", cash_due)], rule)
    assert done == Settlement(0, 0, 0, rounding, complete=True)


def test_change_is_given_in_cash():
    assert settle(10500, [Tender("bank", 5000), Tender("cash", 6000)]) == Settlement(0, 0, 500, 0, complete=True)


def test_a_card_pays_the_exact_total_where_only_cash_is_rounded():
    assert settle(1572, [Tender("card", 1572)], FIVE_CENTS) == Settlement(0, 0, 0, 0, complete=True)
    assert settle(1572, [Tender("card", 1570)], FIVE_CENTS) == Settlement(2, 0, 0, 0, complete=False)


def test_a_card_pays_the_rounded_total_where_everything_is_rounded():
    rule = CashRule(5, "half_up", cash_only=False)
    assert settle(1572, [Tender("card", 1570)], rule) == Settlement(0, 0, 0, -2, complete=True)
    assert settle(1572, [Tender("card", 1575)], CashRule(5, "up", cash_only=False)).rounding == 3
    assert settle(1573, [Tender("card", 1575)], rule) == Settlement(0, 0, 0, 2, complete=True)
    assert settle(1573, [Tender("card", 1573)], rule) == Settlement(0, 0, 0, 0, complete=True)


def test_a_card_never_pays_more_than_the_rounded_total():
    with pytest.raises(InvalidTender):
        settle(1572, [Tender("card", 1573)], CashRule(5, "down", cash_only=False))


def test_a_residue_smaller_than_a_coin_does_not_stop_a_sale():
    assert settle(1572, [Tender("card", 1570), Tender("cash", 1)], FIVE_CENTS).complete
    assert settle(3, [], CashRule(10, "half_up", cash_only=False)) == Settlement(0, 0, 0, -3, complete=True)


def test_a_sale_that_is_not_paid_says_what_is_left_by_card_and_in_coins():
    assert settle(1572, [Tender("cash", 1000)], FIVE_CENTS) == Settlement(572, 570, 0, 0, complete=False)


def test_nothing_to_pay_is_paid():
    assert settle(0, []) == Settlement(0, 0, 0, 0, complete=True)


@pytest.mark.parametrize(
    ("total", "tenders"),
    [
        (1000, [Tender("card", 1001)]),
        (1000, [Tender("card", 1001), Tender("cash", 5)]),
        (1000, [Tender("cash", 0)]),
        (1000, [Tender("cash", -5)]),
        (-1000, [Tender("cash", 1000)]),
        (0, [Tender("cash", 5), Tender("cash", -5)]),
    ],
)
def test_a_tender_that_cannot_be_taken_is_refused(total, tenders):
    with pytest.raises(InvalidTender):
        settle(total, tenders, FIVE_CENTS)


@pytest.mark.parametrize("total", [0, -5, 1001])
def test_a_refund_above_what_was_paid_is_refused(total):
    with pytest.raises(InvalidTender):
        refund_shares(total, [Tender("card", 400), Tender("cash", 600)])


def test_a_partial_refund_is_shared_and_leaves_out_tenders_that_get_nothing():
    assert refund_shares(1, [Tender("card", 400), Tender("cash", 600)]) == (Tender("cash", -1),)


def test_the_drawer_is_compared_with_its_own_opening_count():
    assert drawer_difference(10000, [1570, -30, 500, -200], 11835) == -5


def test_rounding_to_coins_is_a_difference_of_its_own():
    assert cash_rounding(1572, FIVE_CENTS) == -2
    assert cash_rounding(-1572, FIVE_CENTS) == 2
