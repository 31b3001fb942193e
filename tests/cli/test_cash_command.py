"""A day of cash by command: in currency units, with reasons, down to the bank."""

from __future__ import annotations

from tests.factories import assert_books_hold


def test_a_day_of_cash_ends_at_the_bank(in_shop, app, shop):
    till = shop.till_prefix
    opened = in_shop("shifts", "open", till, "--float", "100", "--pieces", "1*50 2*20 10*1", "--json").json
    assert in_shop("cash", "in", till, "50", "--reason", "change", "--json").json["amount"] == 5_000
    assert "-12.40" in in_shop("cash", "out", till, "12.40", "--reason", "stamps", "--reference", "R-1").out
    assert in_shop("cash", "drop", till, "60", "--reason", "full", "--json").json["amount"] == -6_000
    assert in_shop("cash", "loan", till, "20", "--reason", "coins", "--json").json["amount"] == 2_000
    assert in_shop("cash", "pickup", till, "7.60", "--reason", "van", "--json").json["amount"] == -760
    assert in_shop("cash", "no-sale", till, "--reason", "looked", "--json").json["kind"] == "no_sale"
    assert (
        in_shop("cash", "in", till, "20", "--currency", "USD", "--reason", "float", "--json").json["currency"] == "USD"
    )
    assert in_shop("shifts", "join", till, "--json").json["id"] == opened["id"]
    counted = in_shop("shifts", "count", till, "--counted", "90", "--pieces", "1*50 2*20", "--json").json
    assert (counted["expected"], counted["difference"]) == (9_000, 0)
    told = in_shop("shifts", "preflight", till, "--held", "1", "--printed", "2").out
    assert "UNCOUNTED" in told
    assert f"{till}-000001, {till}-000002" in told
    assert in_shop("shifts", "end", till, "--json").json["ended_by"]
    words = ("--foreign", "USD=20", "--tender", "card=0.50", "--to-safe", "40", "--reason", "lost", "--yes", "--json")
    closed = in_shop("shifts", "close", till, "--counted", "89", *words).json
    assert (closed["expected"], closed["difference"], closed["taken_out"]) == (9_000, -100, 4_000)
    printed = in_shop("shifts", "report", till).out
    for line in (
        "*** COPY ***",
        "Drawer opened, no sale",
        "Cash USD counted",
        "To the safe at closing",
        "Reason: lost",
    ):
        assert line in printed
    assert len(in_shop("cash", "movements", "--shift", till, "--json").json["items"]) == 7
    assert "-1.00" in in_shop("cash", "variances").out

    assert in_shop("cash", "safes", "--json").json["items"][0]["balance"] == 8_000
    bank = ("--outlet", "main", "--reason", "bank", "--yes", "--json")
    refused = in_shop("cash", "deposit", "80.01", *bank)
    assert (refused.code, refused.refusal["code"]) == (7, "SAFE_SHORT")
    assert in_shop("cash", "deposit", "80", *bank).json["balance"] == 0
    assert (
        in_shop("cash", "count-safe", "3", "--outlet", "main", "--reason", "found", "--yes", "--json").json["amount"]
        == 300
    )
    assert "found" in in_shop("cash", "entries", "--outlet", "main").out
    assert_books_hold(app, shop)


def test_another_count_needs_another_person(in_shop, app, shop):
    till = shop.till_prefix
    in_shop("shifts", "open", till, "--float", "100")
    forced = in_shop(
        "shifts", "force-close", till, "--reason", "till is gone", "--counted", "90", "--yes", "--json"
    ).json
    assert (forced["forced"], forced["difference"]) == (True, -1_000)
    made = in_shop("cash", "adjust", till, "--counted", "100", "--reason", "found", "--json").json
    assert made["id"] in in_shop("cash", "adjustments", "--waiting").out
    refused = in_shop("cash", "decide", made["id"], "--confirm", "--yes", "--json")
    assert (refused.code, refused.refusal["code"]) == (7, "SECOND_PERSON_NEEDED")
    assert_books_hold(app, shop)


def test_coins_and_notes_are_shown_and_set(in_shop):
    assert "500.00  note" in in_shop("cash", "denominations").out
    assert in_shop("cash", "denominations", "--set", "5 500n", "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    own = in_shop("cash", "denominations", "--set", "5 500n", "--yes", "--json").json
    assert own["items"] == [{"value": 5, "kind": "coin"}, {"value": 500, "kind": "note"}]
    assert in_shop("cash", "denominations", "--set", "five", "--yes", "--json").refusal["code"] == "INVALID_INPUT"
    assert in_shop("cash", "denominations", "--usual", "--yes", "--json").json["own"] is False


def test_what_is_typed_wrong_moves_nothing(in_shop, shop):
    in_shop("shifts", "open", shop.till_prefix, "--float", "100")
    for words in (
        ("cash", "in", shop.till_prefix, "1.005", "--reason", "x"),
        ("cash", "in", shop.till_prefix, "5", "--reason", "x", "--id", "mine"),
        ("shifts", "count", shop.till_prefix, "--counted", "50", "--pieces", "50"),
        ("shifts", "close", shop.till_prefix, "--counted", "50", "--foreign", "20", "--yes"),
    ):
        assert in_shop(*words, "--json").code == 2, words
    assert in_shop("cash", "movements", "--json").json["items"] == []
