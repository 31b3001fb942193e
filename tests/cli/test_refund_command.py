"""Goods taken back by command: by receipt number, by line, with the money where the command says."""

from __future__ import annotations

from primepos.domain.sales.service import book_sale
from tests.factories import assert_books_hold, basket, counts


def test_a_receipt_comes_back_line_by_line(in_shop, app, shop):
    sale = app.run(book_sale, shop.cashier, basket(shop))
    left = in_shop("sales", "refundable", sale.receipt, "--json").json
    assert [(each["line_no"], each["left"], each["amount"]) for each in left["lines"]] == [
        (1, "2.000", 200), (2, "1.000", 250),
    ]  # fmt: skip
    words = (
        "--line",
        "1:0.5",
        "--line",
        "2",
        "--cash",
        "3.00",
        "--no-restock",
        "--reason",
        "spoilt",
        "--yes",
        "--json",
    )
    refund = in_shop("sales", "refund", sale.receipt, *words).json
    assert (refund["kind"], refund["total"], refund["reason"]) == ("refund", -300, "spoilt")
    assert [(each["kind"], each["amount"]) for each in refund["payments"]] == [("cash", -300)]
    assert counts(app, shop)["stock_movements"] == 2
    rest = in_shop("sales", "refund", str(sale.id), "--reason", "rest", "--yes").out
    assert "-1.50" in rest
    again = in_shop("sales", "refund", sale.receipt, "--reason", "again", "--yes", "--json")
    assert (again.code, again.refusal["code"]) == (6, "NOTHING_TO_REFUND")
    assert_books_hold(app, shop)


def test_without_restock_everything_that_is_left_stays_out_of_stock(in_shop, app, shop):
    sale = app.run(book_sale, shop.cashier, basket(shop))
    assert in_shop("sales", "refund", sale.receipt, "--no-restock", "--reason", "wet", "--yes", "--json").code == 0
    assert (counts(app, shop)["stock_movements"], counts(app, shop)["sale_returns"]) == (2, 2)


def test_nothing_comes_back_without_a_yes_or_with_words_that_mean_nothing(in_shop, app, shop):
    sale = app.run(book_sale, shop.cashier, basket(shop))
    before = counts(app, shop)
    asked = in_shop("sales", "refund", sale.receipt, "--reason", "x", "--json")
    assert (asked.code, asked.refusal["code"]) == (2, "CONFIRMATION_REQUIRED")
    odd = in_shop("sales", "refund", sale.receipt, "--line", "first", "--reason", "x", "--yes", "--json")
    assert (odd.code, odd.refusal["code"]) == (2, "INVALID_INPUT")
    unknown = in_shop("sales", "refund", "MAIN-0-000999", "--reason", "x", "--yes", "--json")
    assert (unknown.code, unknown.refusal["code"]) == (5, "SALE_NOT_FOUND")
    assert counts(app, shop) == before


def test_goods_without_a_receipt_come_back_by_sku(in_shop, app, shop):
    asked = in_shop("sales", "return", "--outlet", "main", "--sku", "A-1", "--reason", "lost", "--json")
    assert (asked.code, asked.refusal["code"]) == (2, "CONFIRMATION_REQUIRED")
    words = ("--sku", "A-1:0.5", "--sku", "B-2", "--outlet", "main", "--reason", "lost", "--yes", "--json")
    made = in_shop("sales", "return", *words).json
    assert (made["kind"], made["total"], made["flags"]) == ("refund", -300, ["NO_RECEIPT"])
    assert_books_hold(app, shop)


def test_a_line_is_exchanged_and_the_difference_paid(in_shop, app, shop):
    sale = app.run(book_sale, shop.cashier, basket(shop))
    words = ("--line", "2", "--sku", "A-1:3", "--cash", "1.00", "--reason", "wrong one", "--yes", "--json")
    made = in_shop("sales", "exchange", sale.receipt, *words).json
    assert (made["kind"], made["total"], made["change"]) == ("sale", 50, 50)
    owed = in_shop(
        "sales", "exchange", made["receipt"], "--line", "1:1", "--sku", "B-2", "--reason", "x", "--yes", "--json"
    )
    assert (owed.code, owed.refusal["code"]) == (2, "NOT_PAID")
    assert_books_hold(app, shop)
