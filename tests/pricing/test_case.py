"""A pricing question in plain data: every key does what it says, and a misspelt one is no silent other price."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from primepos.core.errors import InvalidInput
from primepos.pricing.case import answer, read_question

SHARED = Path(os.environ.get("PRIMEPOS_SHARED_DATA") or Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
D = Decimal


def tax(amount=21, *, kind="percent", included=False, **more):
    return {"type": kind, "amount": D(str(amount)), "included": included, **more}


def case(**keys):
    return {"price": D(10), "taxes": [tax()], **keys}


def figures(answered):
    return answered["base"], answered["taxes"], answered["total"]


def test_a_line_alone_is_answered_in_plain_decimals():
    answered = answer(case(price=D("1E+2"), qty=D(3), discount=D(10)))
    assert figures(answered) == ("270.00", ["56.70"], "326.70")
    assert answered["lines"] == [
        {
            "base": "270.00",
            "taxes": ["56.70"],
            "total": "326.70",
            "explain": [
                "3 x 100 = 300",
                "line discount 30.00, leaving 270",
                "tax 21 % on top on 270: 56.7 -> 56.70",
                "base: 270 -> 270.00",
                "total: 326.70",
            ],
        }
    ]
    assert "by_sign" not in answered


def test_quantity_is_one_and_taxes_are_none_unless_given():
    assert figures(answer({"price": "12.50"})) == ("12.50", [], "12.50")
    assert figures(answer({"price": 12, "taxes": None, "qty": None, "discount": None})) == ("12.00", [], "12.00")


def test_a_line_alone_under_global_rounding_is_answered_unrounded():
    answered = answer(case(price=D(27000), taxes=[tax(19, included=True)], rounding="global"))
    assert figures(answered) == ("22689.07563", ["4310.92437"], "27000.00")
    negative = answer(
        case(price=D(-10), qty=D(-2), taxes=[tax(1, kind="fixed")], rounding="global", discount_amount=D(1))
    )
    assert figures(negative) == ("19.00", ["2.00"], "21.00")
    returned = answer(case(qty=D(-2), taxes=[tax(1, kind="fixed")], rounding="global", discount_amount=D(1)))
    assert figures(returned) == ("-19.00", ["-2.00"], "-21.00")


def test_a_document_discount_makes_a_ticket_of_one_line():
    answered = answer(case(rounding="global", document_discount={"amount": D(1), "on": "net"}))
    assert figures(answered) == ("9.00", ["1.89"], "10.89")


@pytest.mark.parametrize(
    ("on", "total"),
    [("price", "10.89"), ("net", "10.89"), ("total", "11.10"), ("gross", "11.10"), ("grand_total", "11.10")],
)
def test_a_document_discount_says_what_it_is_taken_off(on, total):
    assert answer(case(document_discount={"amount": D(1), "on": on}))["total"] == total


def test_a_document_discount_may_be_a_percentage_and_is_on_the_price():
    assert answer(case(document_discount={"percent": D(10)}))["total"] == "10.89"


def test_precision_sets_the_step_and_the_places():
    assert figures(answer(case(price=D("5.00"), taxes=[tax(5, included=True)], precision=D("0.05")))) == (
        "4.75",
        ["0.25"],
        "5.00",
    )
    assert figures(answer(case(price=D(9176), taxes=[tax(19)], precision=D("1.0")))) == ("9176", ["1743"], "10919")
    assert answer(case(price=D("0.000004"), taxes=[tax(20)], precision=D("1E-6")))["taxes"] == ["0.000001"]


def test_numbers_have_a_limit():
    assert answer({"price": D(10) ** 12, "precision": D(1)})["total"] == "1000000000000"
    with pytest.raises(InvalidInput):
        answer({"price": D(10) ** 12 + 1, "precision": D(1)})


def test_taxes_of_lines_are_summed_in_order_of_first_appearance():
    lines = [case(taxes=[tax(10)]), case(taxes=[tax(7), tax(10)])]
    assert answer({"lines": lines})["taxes"] == ["2.00", "0.70"]
    assert answer({"lines": lines, "tax_order": [D(7)]})["taxes"] == ["0.70", "2.00"]
    assert answer({"lines": lines, "tax_order": [D(42), D(10)]})["taxes"] == ["0.00", "2.00", "0.70"]


def test_equal_taxes_twice_on_a_line_stay_two_taxes():
    twice = [tax(10, kind="fixed", affects_base=True), tax(10), tax(10, kind="fixed", affects_base=True), tax(10)]
    one = case(price=D(200), taxes=twice)
    assert answer(one)["taxes"] == ["10.00", "21.00", "10.00", "22.00"]
    assert answer({"lines": [one, one]})["taxes"] == ["20.00", "42.00", "20.00", "44.00"]


def test_one_rate_included_and_on_top_is_one_figure_where_an_order_is_given():
    lines = [case(taxes=[tax(10)]), case(price=D(11), taxes=[tax(10, included=True)])]
    assert answer({"lines": lines})["taxes"] == ["1.00", "1.00"]
    assert answer({"lines": lines, "tax_order": [D(10)]})["taxes"] == ["2.00"]


def test_names_of_taxes_are_used_in_the_explanation():
    named = answer(case(taxes=[tax(id="vat", name="VAT high")]))["lines"][0]["explain"]
    assert "VAT high 21 % on top on 10: 2.1 -> 2.10" in named
    by_id = answer(case(taxes=[tax(id="vat")]))["lines"][0]["explain"]
    assert "vat 21 % on top on 10: 2.1 -> 2.10" in by_id


def test_sales_and_returns_are_told_apart_when_asked_or_mixed():
    assert answer(case(by_sign=True))["by_sign"] == {
        "sale": {"base": "10.00", "tax": "2.10", "total": "12.10"},
        "return": {"base": "0.00", "tax": "0.00", "total": "0.00"},
    }
    assert "by_sign" not in answer(case(by_sign=False))
    mixed = answer({"lines": [case(), case(qty=D(-1))]})
    assert mixed["by_sign"]["return"] == {"base": "-10.00", "tax": "-2.10", "total": "-12.10"}


@pytest.mark.parametrize(
    "data",
    [
        None, [], "x", 5,
        {}, {"price": None}, {"price": 1.5}, {"price": True}, {"price": "１"}, {"price": [1]}, {"price": D("NaN")},
        {"price": D("1E+999999")},
        case(qty=1.0), case(discount=D(101)), case(discount=D(-1)), case(discount_amount=D(11)),
        case(discount_amount=D("0.005")),
        case(taxes={}), case(taxes=[5]), case(taxes=[{}]), case(taxes=[tax(kind="vat")]), case(taxes=[tax(kind=5)]),
        case(taxes=[tax(includes=True)]),
        case(taxes=[tax(included="yes")]), case(taxes=[tax(affects_base=1)]), case(taxes=[tax(base_affected=None)]),
        case(taxes=[tax(-100, included=True)]), case(taxes=[{"type": "percent"}]),
        case(rounding="bankers"), case(rounding=None), case(rounding=["global"]), case(precision=D(0)),
        case(precision=D(-1)), case(precision="x"),
        case(document_discount=5), case(document_discount={"amount": D(1), "on": "moon"}),
        case(document_discount={"amount": D(100)}),
        case(document_discount={"amount": D(-1)}), case(document_discount={"sum": D(1)}),
        case(document_discount={"percent": D(101)}),
        case(tax_order=5), case(tax_order=["x"]),
        {"lines": 5}, {"lines": [5]}, {"lines": [{}]}, {"lines": [{"price": 1, "quantity": 2}]},
        {"lines": [case()] * 10_001},
    ],
)  # fmt: skip
def test_what_cannot_be_priced_is_refused_as_invalid_input(data):
    with pytest.raises(InvalidInput):
        answer(data)


def test_naughty_text_is_refused_wherever_a_number_is_wanted():
    path = SHARED / "bad-input" / "blns.json"
    if not path.exists():
        pytest.skip("no shared data")
    accepted = set()
    for text in json.loads(path.read_text(encoding="utf-8")):
        for data in ({"price": text}, case(qty=text), case(taxes=[tax() | {"amount": text}]), case(precision=text)):
            try:
                accepted.add((text, answer(data)["total"]))
            except InvalidInput:
                continue
    assert {text for text, _ in accepted} <= {text for text, _ in accepted if set(text) <= set("0123456789+-.")}


def test_naughty_names_are_kept_as_they_are():
    path = SHARED / "bad-input" / "blns.json"
    if not path.exists():
        pytest.skip("no shared data")
    for text in json.loads(path.read_text(encoding="utf-8")):
        answered = answer(case(taxes=[tax(name=text)]))
        assert answered["total"] == "12.10"
        assert answered["lines"][0]["explain"][1] == f"{text or 'tax'} 21 % on top on 10: 2.1 -> 2.10"


def test_a_question_keeps_what_it_was_asked():
    question = read_question(case(precision=D("0.05"), tax_order=[D(21)], by_sign={}))
    assert (question.step, question.tax_order, question.by_sign, question.unrounded) == (
        D("0.05"),
        (D(21),),
        True,
        False,
    )
