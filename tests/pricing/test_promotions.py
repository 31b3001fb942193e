"""Promotions: cases as data, the best choice against an oracle that tries everything, and what holds for every cart."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primepos.pricing import best_choice
from primepos.pricing.case import answer
from primepos.pricing.errors import InvalidCart, InvalidPromotion
from primepos.pricing.granting import Item, grant
from primepos.pricing.promotions import Goods, Part, Promotion

D = Decimal
A, B, C, E = (UUID(int=n) for n in (1, 2, 3, 4))
FRUIT, BREAD = UUID(int=101), UUID(int=102)


def of(*products):
    return Goods(products=frozenset(products))


def item(product, price, quantity="1", **more):
    return Item(product, D(price), D(quantity), **more)


def promotion(code, kind, **figures):
    return Promotion(code=code, name=code.title(), kind=kind, **figures)


def off(items, *promotions, exponent=2):
    """What each line has taken off, in minor units."""
    granted = grant(items, promotions, exponent)
    return [sum(each.minor for each in line) for line in granted.lines]


CASES = {
    "three for two: the cheapest is free and all share it": (
        [item(A, "3.00"), item(B, "2.00"), item(C, "1.00")],
        [promotion("p", "n_for_m", count=3, pay=2)],
        [51, 33, 16],
    ),
    "three for two: six pieces of one line": (
        [item(A, "1.00", "6")],
        [promotion("p", "n_for_m", count=3, pay=2)],
        [200],
    ),
    "three for two: the dearest are grouped, so the cheapest of each three is free": (
        [item(A, "5.00", "3"), item(B, "1.00", "3")],
        [promotion("p", "n_for_m", count=3, pay=2)],
        [500, 100],
    ),
    "three for two: two are not enough": ([item(A, "1.00", "2")], [promotion("p", "n_for_m", count=3, pay=2)], [0]),
    "three for two at most once": (
        [item(A, "1.00", "6")],
        [promotion("p", "n_for_m", count=3, pay=2, most=1)],
        [100],
    ),
    "the second at half price": ([item(A, "9.99", "2")], [promotion("p", "nth", count=2, percent=D(50))], [500]),
    "the second at half price, of two prices the cheaper": (
        [item(A, "10.00"), item(B, "5.00")],
        [promotion("p", "nth", count=2, percent=D(50))],
        [167, 83],
    ),
    "bread and cheese for 10.00": (
        [item(A, "2.50"), item(B, "9.99"), item(C, "1.00")],
        [promotion("p", "bundle", parts=(Part(of(A)), Part(of(B))), minor=1000)],
        [49, 200, 0],
    ),
    "a bundle dearer than its parts is no bundle": (
        [item(A, "2.50"), item(B, "3.00")],
        [promotion("p", "bundle", parts=(Part(of(A)), Part(of(B))), minor=1000)],
        [0, 0],
    ),
    "any three of the shelf for 5.00": (
        [item(A, "2.00", "2", category=FRUIT), item(B, "3.00", category=FRUIT), item(C, "2.00", category=BREAD)],
        [promotion("p", "mix", goods=Goods(categories=frozenset({FRUIT})), count=3, minor=500)],
        [115, 85, 0],
    ),
    "ten percent off a category": (
        [item(A, "1.05", category=FRUIT), item(B, "9.99", category=BREAD)],
        [promotion("p", "percent", goods=Goods(categories=frozenset({FRUIT})), percent=D(10))],
        [11, 0],
    ),
    "ten percent off everything is rounded once": (
        [item(A, "1.05"), item(B, "1.05")],
        [promotion("p", "percent", percent=D(10))],
        [11, 10],
    ),
    "ten percent off what was weighed": ([item(A, "9.99", "0.532")], [promotion("p", "percent", percent=D(10))], [53]),
    "fifty cents off each piece": ([item(A, "2.00", "3")], [promotion("p", "amount", minor=50)], [150]),
    "an amount off a kilogram": (
        [item(A, "8.00", "0.250", by_piece=False)],
        [promotion("p", "amount", minor=100)],
        [25],
    ),
    "an amount off is never more than the price": ([item(A, "0.30")], [promotion("p", "amount", minor=50)], [30]),
    "percent off two pieces at most, the dearest": (
        [item(A, "10.00"), item(B, "8.00"), item(C, "6.00")],
        [promotion("p", "percent", percent=D(50), most=2)],
        [500, 400, 0],
    ),
    "five off from fifty on": (
        [item(A, "30.00"), item(B, "20.00")],
        [promotion("p", "spend", threshold=5000, minor=500)],
        [300, 200],
    ),
    "a cent below the threshold": (
        [item(A, "30.00"), item(B, "19.99")],
        [promotion("p", "spend", threshold=5000, minor=500)],
        [0, 0],
    ),
    "five off for each fifty": (
        [item(A, "120.00")],
        [promotion("p", "spend", threshold=5000, minor=500, repeat=True)],
        [1000],
    ),
    "ten percent from twenty on": (
        [item(A, "20.00", "1"), item(B, "5.00")],
        [promotion("p", "spend", goods=of(A), threshold=2000, percent=D(10))],
        [200, 0],
    ),
    "of two exclusive ones the better": (
        [item(A, "10.00", "3")],
        [promotion("p", "n_for_m", count=3, pay=2), promotion("q", "percent", percent=D(20))],
        [1000],
    ),
    "exclusive ones on different pieces of a line": (
        [item(A, "10.00", "4")],
        [promotion("p", "n_for_m", count=3, pay=2), promotion("q", "percent", percent=D(20))],
        [1200],
    ),
    "stackable ones one after the other, by code": (
        [item(A, "10.00")],
        [promotion("b", "amount", minor=100, stackable=True), promotion("a", "percent", percent=D(10), stackable=True)],
        [200],
    ),
    "stackable ones in another order by priority": (
        [item(A, "10.00")],
        [
            promotion("b", "amount", minor=100, stackable=True, priority=1),
            promotion("a", "percent", percent=D(10), stackable=True),
        ],
        [190],
    ),
    "two stackable ones beat one exclusive": (
        [item(A, "10.00")],
        [
            promotion("x", "percent", percent=D(15)),
            promotion("a", "percent", percent=D(10), stackable=True),
            promotion("b", "percent", percent=D(10), stackable=True),
        ],
        [190],
    ),
    "an exclusive one beats two stackable": (
        [item(A, "10.00")],
        [
            promotion("x", "percent", percent=D(20)),
            promotion("a", "percent", percent=D(10), stackable=True),
            promotion("b", "percent", percent=D(10), stackable=True),
        ],
        [200],
    ),
    "stackable three for two on what a bundle leaves": (
        [item(A, "4.00"), item(B, "3.00", "4")],
        [
            promotion("x", "bundle", parts=(Part(of(A)), Part(of(B))), minor=500),
            promotion("a", "n_for_m", goods=of(B), count=3, pay=2, stackable=True),
        ],
        [115, 385],
    ),
    "the better use of the piece that two bundles want": (
        [item(A, "5.00"), item(B, "5.00"), item(C, "5.00")],
        [
            promotion("x", "bundle", parts=(Part(of(A)), Part(of(B))), minor=900),
            promotion("y", "bundle", parts=(Part(of(B)), Part(of(C))), minor=700),
        ],
        [0, 150, 150],
    ),
    "not the greatest first where two smaller ones are more": (
        [item(A, "5.00"), item(B, "5.00"), item(C, "5.00"), item(E, "5.00")],
        [
            promotion("x", "bundle", parts=(Part(of(B)), Part(of(C))), minor=600),
            promotion("y", "bundle", parts=(Part(of(A)), Part(of(B))), minor=700),
            promotion("z", "bundle", parts=(Part(of(C)), Part(of(E))), minor=700),
        ],
        [150, 150, 150, 150],
    ),
    "an exclusive threshold has its goods for itself": (
        [item(A, "60.00"), item(B, "10.00")],
        [
            promotion("x", "spend", goods=of(A), threshold=5000, minor=1000),
            promotion("a", "percent", percent=D(10), stackable=True),
        ],
        [1000, 100],
    ),
    "an exclusive threshold is left out where stackable ones give more": (
        [item(A, "60.00"), item(B, "10.00")],
        [
            promotion("x", "spend", goods=of(A), threshold=5000, minor=500),
            promotion("a", "percent", percent=D(10), stackable=True),
        ],
        [600, 100],
    ),
    "a price by hand takes no part": (
        [item(A, "1.00", is_open=False), item(A, "1.00"), item(A, "1.00")],
        [promotion("p", "n_for_m", count=3, pay=2)],
        [0, 0, 0],
    ),
    "a variant is meant with its parent": (
        [item(A, "10.00", parent=B)],
        [promotion("p", "percent", goods=of(B), percent=D(10))],
        [100],
    ),
    "what was weighed is no piece": ([item(A, "1.00", "2.500")], [promotion("p", "n_for_m", count=2, pay=1)], [0]),
    "all of it": ([item(A, "0.005", "1")], [promotion("p", "percent", percent=D(100))], [1]),
    "goods that come back": ([item(A, "1.00", "-3")], [promotion("p", "n_for_m", count=3, pay=2)], [0]),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    items, promotions, expected = CASES[name]
    assert off(items, *promotions) == expected


def test_yen_have_no_cents():
    assert off([item(A, "333", "3")], promotion("p", "percent", percent=D(10)), exponent=0) == [100]


def test_what_was_taken_off_is_named():
    granted = grant([item(A, "10.00")], [promotion("ten", "percent", percent=D(10))], 2)
    assert [(each.code, each.name, each.minor) for each in granted.lines[0]] == [("ten", "Ten", 100)]
    assert granted.codes == {"ten"}
    assert granted.is_exact


def test_nothing_to_take_off():
    assert grant([], [promotion("p", "percent", percent=D(10))], 2).lines == ()
    assert grant([item(A, "1.00")], [], 2).lines == ((),)


@pytest.mark.parametrize(
    ("kind", "figures", "problem"),
    [
        ("percent", {}, "a percentage"),
        ("percent", {"percent": D(101)}, "from 0 to 100"),
        ("percent", {"percent": D("NaN")}, "from 0 to 100"),
        ("amount", {}, "needs an amount"),
        ("amount", {"minor": -1}, "negative"),
        ("n_for_m", {"count": 1, "pay": 0}, "count of 2"),
        ("n_for_m", {"count": 3, "pay": 3}, "less than what is taken"),
        ("nth", {"count": 2}, "percentage"),
        ("mix", {"count": 101, "minor": 1}, "count of 2"),
        ("bundle", {"minor": 1}, "two parts"),
        ("bundle", {"parts": (Part(of(A)), Part(of(B), 0))}, "two parts"),
        ("spend", {"minor": 1}, "amount to reach"),
        ("spend", {"threshold": 1}, "percentage or an amount"),
        ("spend", {"threshold": 1, "percent": D(1), "repeat": True}, "only an amount"),
        ("amount", {"minor": 1, "most": 0}, "once at least"),
    ],
)
def test_figures_that_make_no_promotion_are_refused(kind, figures, problem):
    with pytest.raises(InvalidPromotion, match=problem):
        promotion("p", kind, **figures)


# --- what holds for every cart ----------------------------------------------------------------------------------------

PRODUCTS = (A, B, C, E)
goods = st.one_of(
    st.just(Goods()), st.frozensets(st.sampled_from(PRODUCTS), min_size=1).map(lambda p: Goods(products=p))
)


@st.composite
def any_promotion(draw, code):
    kind = draw(st.sampled_from(["percent", "amount", "n_for_m", "nth", "bundle", "mix", "spend"]))
    figures = {
        "percent": lambda: {"percent": D(draw(st.integers(1, 100)))},
        "amount": lambda: {"minor": draw(st.integers(1, 400))},
        "n_for_m": lambda: {"count": 3, "pay": draw(st.integers(1, 2))},
        "nth": lambda: {"count": 2, "percent": D(draw(st.integers(1, 100)))},
        "bundle": lambda: {"parts": (Part(draw(goods)), Part(draw(goods))), "minor": draw(st.integers(0, 900))},
        "mix": lambda: {"count": 2, "minor": draw(st.integers(0, 900))},
        "spend": lambda: {"threshold": draw(st.integers(1, 2000)), "minor": draw(st.integers(1, 500))},
    }[kind]()
    return Promotion(
        code=code,
        name=code,
        kind=kind,
        goods=draw(goods),
        stackable=draw(st.booleans()),
        priority=draw(st.integers(0, 1)),
        most=draw(st.one_of(st.none(), st.integers(1, 2))),
        **figures,
    )


@st.composite
def carts(draw, most=6):
    prices = {each: D(draw(st.integers(1, 900))).scaleb(-2) for each in PRODUCTS}
    lines = [
        Item(product, prices[product], D(draw(st.sampled_from(["1", "1", "2", "3", "0.350"]))))
        for product in draw(st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=most))
    ]
    promotions = [draw(any_promotion(f"p{n}")) for n in range(draw(st.integers(1, 4)))]
    return lines, promotions


@settings(max_examples=80, deadline=None)
@given(carts(), st.randoms(use_true_random=False))
def test_no_line_goes_below_zero_and_the_order_of_the_lines_says_nothing(cart, chance):
    lines, promotions = cart
    granted = grant(lines, promotions, 2)
    for line, reductions in zip(lines, granted.lines, strict=True):
        price = int((line.unit_price * line.quantity * 100).quantize(D(1), rounding="ROUND_HALF_UP"))
        assert all(each.minor > 0 for each in reductions)
        assert sum(each.minor for each in reductions) <= price
    shuffled, others = list(lines), list(promotions)
    chance.shuffle(shuffled)
    chance.shuffle(others)
    again = grant(shuffled, others, 2)
    assert sorted(map(repr, zip(lines, granted.lines, strict=True))) == sorted(
        map(repr, zip(shuffled, again.lines, strict=True))
    )


@settings(max_examples=40, deadline=None)
@given(carts(most=4))
def test_lines_that_are_split_cost_the_same(cart):
    lines, promotions = cart
    split = [part for line in lines for part in _split(line)]
    whole, parts = grant(lines, promotions, 2), grant(split, promotions, 2)
    assert _totals(whole) == _totals(parts)


def _split(line):
    if line.quantity != line.quantity.to_integral_value():
        return [line]
    return [replace(line, quantity=D(1))] * int(line.quantity)


def _totals(granted):
    sums = {}
    for line in granted.lines:
        for each in line:
            sums[each.code] = sums.get(each.code, 0) + each.minor
    return sums


def oracle(lines, exclusive, stackable):
    """The most that can be taken off, by trying every order of every way: small carts of pieces only."""
    pieces = [(line.product, Fraction(line.unit_price) * 100) for line in lines for _ in range(int(line.quantity))]
    best = Fraction(0)

    def after(left):
        total, values = Fraction(0), {i: pieces[i][1] for i in left}
        for each in stackable:
            for i, value in values.items():
                if each.goods.have(pieces[i][0], None, None):
                    taken = value * Fraction(each.percent) / 100
                    values[i] = value - taken
                    total += taken
        return total

    def one_use(each, chosen):
        prices = sorted((pieces[i][1] for i in chosen), reverse=True)
        if each.kind == "percent":
            return prices[0] * Fraction(each.percent) / 100
        if each.kind == "n_for_m":
            return sum(prices[each.pay :])
        return sum(prices) - each.minor

    def fits(each, chosen):
        if each.kind == "bundle":
            return any(
                all(part.goods.have(pieces[i][0], None, None) for part, i in zip(each.parts, order, strict=True))
                for order in permutations(chosen)
            )
        return all(each.goods.have(pieces[i][0], None, None) for i in chosen)

    def walk(left, total, uses):
        nonlocal best
        best = max(best, total + after(left))
        for n, each in enumerate(exclusive):
            if each.most is not None and uses[n] >= each.most:
                continue
            size = {"percent": 1, "bundle": 2}.get(each.kind, each.count)
            for chosen in combinations(sorted(left), size):
                if fits(each, chosen):
                    walk(left - set(chosen), total + one_use(each, chosen), (*uses[:n], uses[n] + 1, *uses[n + 1 :]))

    walk(frozenset(range(len(pieces))), Fraction(0), (0,) * len(exclusive))
    return best


@st.composite
def small_problems(draw):
    prices = {each: D(draw(st.integers(1, 900))).scaleb(-2) for each in PRODUCTS}
    lines = [Item(p, prices[p], D(1)) for p in draw(st.lists(st.sampled_from(PRODUCTS), min_size=2, max_size=5))]
    kinds = st.sampled_from(["percent", "n_for_m", "bundle", "mix"])
    exclusive = []
    for n in range(draw(st.integers(1, 3))):
        kind = draw(kinds)
        figures = {
            "percent": lambda: {"percent": D(draw(st.integers(1, 60)))},
            "n_for_m": lambda: {"count": 2, "pay": 1},
            "bundle": lambda: {"parts": (Part(draw(goods)), Part(draw(goods))), "minor": draw(st.integers(0, 600))},
            "mix": lambda: {"count": 2, "minor": draw(st.integers(0, 600))},
        }[kind]()
        most = draw(st.one_of(st.none(), st.just(1)))
        exclusive.append(Promotion(code=f"x{n}", name="", kind=kind, goods=draw(goods), most=most, **figures))
    stackable = [
        Promotion(
            code=f"s{n}",
            name="",
            kind="percent",
            goods=draw(goods),
            stackable=True,
            percent=D(draw(st.integers(1, 40))),
        )
        for n in range(draw(st.integers(0, 2)))
    ]
    return lines, exclusive, stackable


@settings(max_examples=150, deadline=None)
@given(small_problems())
def test_the_best_is_what_trying_everything_finds(problem):
    lines, exclusive, stackable = problem
    granted = grant(lines, [*exclusive, *stackable], 2)
    assert granted.is_exact
    got = sum(each.minor for line in granted.lines for each in line)
    # Each promotion is rounded once, and a line bears no more than its own price in whole cents.
    assert abs(got - oracle(lines, exclusive, stackable)) <= len(exclusive) + len(stackable)


@settings(max_examples=60, deadline=None)
@given(carts(), st.sampled_from([0, 40, 400]))
def test_a_bounded_choice_is_never_less_than_one_promotion_alone(cart, steps):
    lines, promotions = cart
    before, best_choice.MOST_STEPS = best_choice.MOST_STEPS, steps
    try:
        bounded = grant(lines, promotions, 2)
        alone = [
            grant(lines, [each, *(p for p in promotions if p.stackable)], 2)
            for each in promotions
            if not each.stackable
        ]
    finally:
        best_choice.MOST_STEPS = before
    got = sum(_totals(bounded).values())
    for each in alone:
        # To the cent: each promotion is rounded by itself, and a line bears no more than its price in whole cents.
        assert got >= sum(_totals(each).values()) - len(promotions) - len(lines)


def test_a_large_ticket_is_bounded_the_same_each_time_and_soon_done():
    chance = random.Random(7)
    lines = [Item(UUID(int=n + 1), D(chance.randint(50, 3000)).scaleb(-2), D(chance.randint(1, 4))) for n in range(60)]
    promotions = [
        promotion("a", "n_for_m", count=3, pay=2),
        promotion("b", "mix", goods=of(*(UUID(int=n) for n in range(1, 30))), count=4, minor=3000),
        promotion("c", "nth", goods=of(*(UUID(int=n) for n in range(20, 50))), count=2, percent=D(50), most=3),
        promotion("d", "percent", percent=D(5), stackable=True),
        promotion("e", "spend", threshold=10_000, minor=1000, repeat=True, stackable=True),
    ]
    first = grant(lines, promotions, 2)
    assert not first.is_exact
    assert grant(lines, promotions, 2) == first


def test_thousands_of_one_thing_are_no_search():
    granted = grant([item(A, "1.00", "9000"), item(B, "2.00", "1")], [promotion("p", "n_for_m", count=3, pay=2)], 2)
    assert sum(each.minor for line in granted.lines for each in line) == 300_000


# --- as plain data ----------------------------------------------------------------------------------------------------

ASKED = {
    "lines": [
        {"price": D("1.00"), "qty": D(3), "product": "apple", "category": "fruit", "taxes": []},
        {"price": D("2.00"), "product": "bread"},
    ],
    "promotions": [
        {"code": "3for2", "name": "Three for two", "kind": "n_for_m", "count": 3, "pay": 2, "categories": ["fruit"]},
        {"kind": "bundle", "amount": 2, "parts": [{"products": ["apple"]}, {"products": ["bread"], "count": 2}]},
        {"code": "ten", "kind": "percent", "percent": 10, "products": ["bread"], "stackable": True, "most": 1},
    ],
}


def test_a_question_in_plain_data_may_have_promotions():
    got = answer(ASKED)
    assert got["total"] == "3.80"
    assert got["lines"][0]["promotions"] == [{"code": "3for2", "name": "Three for two", "amount": "1.00"}]
    assert got["lines"][1]["promotions"] == [{"code": "ten", "name": "percent", "amount": "0.20"}]
    assert "promotions 0.20, off the line rounded to the cent" in got["lines"][1]["explain"]


def test_a_question_of_one_line_counts_in_its_own_steps():
    got = answer(
        {
            "price": D("1.05"),
            "qty": 2,
            "precision": D("0.05"),
            "promotions": [{"kind": "nth", "count": 2, "percent": 50}],
        }
    )
    assert got["total"] == "1.55"
    assert got["lines"][0]["promotions"][0]["amount"] == "0.55"


@pytest.mark.parametrize(
    ("promotion", "problem"),
    [
        ({"kind": "gift"}, "needs a kind"),
        ({"kind": "percent", "percents": 1}, "unknown key"),
        ({"kind": "percent", "percent": 10, "products": "apple"}, "must be a list"),
        ("percent", "must be an object"),
        ({"kind": "amount", "amount": D("0.005")}, "multiple"),
    ],
)
def test_a_question_with_what_is_no_promotion_is_refused(promotion, problem):
    with pytest.raises(InvalidCart, match=problem):
        answer({"price": D(1), "promotions": [promotion]})
