"""Gift cards, accounts and points by command."""

from __future__ import annotations

from primepos.domain.sales.service import book_sale
from tests.domain.values.value_world import a_customer
from tests.factories import assert_books_hold, basket, rows


def test_a_card_is_issued_held_blocked_and_put_right(in_shop, app, shop):
    made = in_shop("giftcards", "issue", "25.00", "--reason", "prize", "--code", "GIFT-2026-0001", "--json").json
    assert (made["balance"], made["tail"], made["code"]) == (2500, "0001", "GIFT-2026-0001")
    assert "25.00" in in_shop("giftcards", "show", "gift 2026 0001").out
    held = in_shop("giftcards", "hold", "5", "--card", "GIFT-2026-0001", "--json").json
    assert (held["amount"], held["state"]) == (500, "held")
    assert in_shop("giftcards", "release", held["id"], "--json").json["state"] == "released"
    words = ("giftcards", "adjust", "GIFT-2026-0001", "--by", "-5.00", "--reason", "typo")
    assert in_shop(*words, "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    assert in_shop(*words, "--yes", "--json").json["balance"] == 2000
    assert in_shop("giftcards", "block", "GIFT-2026-0001", "--reason", "lost", "--json").json["state"] == "blocked"
    assert in_shop("giftcards", "unblock", made["account_id"], "--reason", "found", "--json").json["state"] == "active"
    assert [each["amount"] for each in in_shop("giftcards", "entries", "GIFT-2026-0001", "--json").json["items"]] == [
        -500, 2500,
    ]  # fmt: skip
    assert len(in_shop("giftcards", "list", "--in-use", "--json").json["items"]) == 1
    assert "20.00" in in_shop("giftcards", "owed").out
    unknown = in_shop("giftcards", "show", "GIFT-0000-0000", "--json")
    assert (unknown.code, unknown.refusal["code"]) == (5, "VALUE_NOT_FOUND")
    made = in_shop("giftcards", "issue", "10", "--reason", "prize", "--json").json
    assert in_shop("giftcards", "code", made["account_id"], "--json").json["code"] == made["code"]
    until = "2026-12-31T22:00:00+01:00"
    allotted = in_shop("giftcards", "allot", shop.till_prefix, "gift_card", "200", "--until", until, "--json").json
    assert (allotted["amount"], len(in_shop("giftcards", "allotments", "--json").json["items"])) == (20_000, 1)
    assert in_shop("giftcards", "tidy", "--json").json["cards"] == 0
    assert_books_hold(app, shop)


def test_an_account_is_used_and_paid(in_shop, app, shop):
    ada = a_customer(app, shop, "Ada")
    number = rows(app, "SELECT number FROM customers WHERE id = %s", (ada,))[0]["number"]
    assert in_shop("accounts", "limit", number, "50.00", "--json").json["limit"] == 5000
    owed = basket(shop, tenders=[{"kind": "account", "amount": 450}], customer_id=ada)
    sale = app.run(book_sale, shop.owner, owed)
    assert "open" in in_shop("accounts", "settlement", sale.receipt).out
    done = in_shop("accounts", "pay-sale", sale.receipt, "--amount", "1.50", "--cash", "2", "--json").json
    assert (done["total"], done["change"]) == (150, 50)
    assert in_shop("accounts", "settlement", str(sale.id), "--json").json["status"] == "part_paid"
    assert "Ada" in in_shop("accounts", "ageing").out
    assert in_shop("accounts", "open", number, "--json").json["items"][0]["open"] == 300
    gift = in_shop("giftcards", "issue", "1.00", "--reason", "prize", "--json").json["code"]
    words = ("--card", "2.50", "--gift-card", f"{gift}:1.00", "--json")
    assert in_shop("accounts", "pay", number, "3.50", "--outlet", "main", *words).json["total"] == 350
    assert (
        in_shop("accounts", "adjust", number, "--by", "-1.00", "--reason", "old", "--yes", "--json").json["balance"]
        == -50
    )
    found = in_shop("accounts", "statement", number, "--json").json
    assert (found["opening"], found["closing"], len(found["entries"])) == (0, -50, 4)
    assert "closing -0.50 EUR" in in_shop("accounts", "statement", number).err
    assert [each["balance"] for each in in_shop("accounts", "list", "--in-use", "--json").json["items"]] == [-50]
    assert (
        in_shop("giftcards", "credit", number, "--by", "3", "--reason", "sorry", "--yes", "--json").json["balance"]
        == 300
    )
    assert {each["kind"] for each in in_shop("accounts", "show", number, "--json").json["items"]} == {
        "account",
        "store_credit",
    }
    assert_books_hold(app, shop)


def test_a_programme_of_points_is_set_and_ended(in_shop, app, shop):
    ada = a_customer(app, shop)
    assert "no points" in in_shop("points", "rule").err
    words = ("--earn", "1", "--per", "1.00", "--burn", "100", "--worth", "1.00")
    assert in_shop("points", "rule", *words, "--json").json["per_minor"] == 100
    assert (
        in_shop("points", "adjust", str(ada), "--by", "250", "--reason", "sorry", "--yes", "--json").json["balance"]
        == 250
    )
    assert "2.50" in in_shop("points", "show", str(ada)).out
    assert len(in_shop("points", "list", "--in-use", "--json").json["items"]) == 1
    assert in_shop("points", "rule", "--none", "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    assert "no points" in in_shop("points", "rule", "--none", "--yes").err


def test_a_refund_becomes_store_credit_by_command(in_shop, app, shop):
    ada = a_customer(app, shop)
    sale = app.run(book_sale, shop.cashier, basket(shop, customer_id=ada))
    words = ("--store-credit", "4.50", "--reason", "wish", "--yes", "--json")
    refund = in_shop("sales", "refund", sale.receipt, *words).json
    assert [(each["kind"], each["amount"]) for each in refund["payments"]] == [("store_credit", -450)]
    assert in_shop("accounts", "show", str(ada), "--json").json["items"][0]["balance"] == 450
