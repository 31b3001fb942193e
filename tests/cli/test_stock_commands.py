"""Stock and purchases by command: what people type, by number and SKU, and what they see."""

from __future__ import annotations

import pytest

from tests.domain.inventory.goods import level
from tests.factories import assert_books_hold


@pytest.fixture
def depot(in_shop):
    return in_shop("outlets", "create", "depot", "--name", "Depot", "--warehouse", "--json").json["id"]


def test_goods_are_bought_moved_counted_and_sent_back(in_shop, app, shop, depot):
    apple = shop.products[0]
    in_shop("suppliers", "create", "dairy", "--name", "Hill Dairy", "--lead-days", "2")
    in_shop("suppliers", "item", "dairy", "A-1", "--cost", "4.80", "--pack", "12", "--their-sku", "4711")
    in_shop("stock", "reorder", "A-1", "--outlet", "depot", "--min", "6", "--target", "20")
    order = in_shop("purchases", "suggest", "--outlet", "depot", "--supplier", "dairy", "--order", "--json").json
    assert (order["number"], order["total"], order["lines"][0]["quantity"]) == (1, 960, "24.000")
    for step in ("approve", "send"):
        in_shop("purchases", step, "1")
    assert "partly received" in in_shop("purchases", "receive", "1", "A-1:12@6.00").err
    in_shop("purchases", "receive", "1", "--reference", "note 2")
    assert level(app, shop, apple, depot) == (24, 45)
    assert "10.80" in in_shop("stock", "costs", "--outlet", "depot").out
    back = in_shop("purchases", "returns", "create", "1", "A-1:4", "--reason", "soft", "--yes", "--json").json
    assert back["expected"] == 180
    in_shop("purchases", "returns", "credit", "1", "1.70")
    assert in_shop("purchases", "returns", "list", "--open", "--json").json["items"] == []

    in_shop("stock", "transfers", "request", "A-1:10", "--from", "depot", "--to", "main")
    in_shop("stock", "transfers", "ship", "1")
    assert "4.50" in in_shop("stock", "transfers", "in-transit").out
    in_shop("stock", "transfers", "receive", "1", "A-1:8", "--damaged", "A-1:1")
    assert in_shop("stock", "transfers", "close", "1", "--back", "--json").json["lines"][0]["back"] == "1.000"
    in_shop("stock", "counts", "open", "--outlet", "depot")
    in_shop("stock", "counts", "add", "1", "A-1:10")
    lines = in_shop("stock", "counts", "lines", "1", "--only", "different", "--json").json["items"]
    assert [(each["counted"], each["expected"]) for each in lines] == [("10.000", "11.000")]
    in_shop("stock", "counts", "approve", "1", "--yes")
    told = in_shop("stock", "explain", "A-1", "--outlet", "depot")
    assert ("count 1" in told.out, "The level is 10.000." in told.err) == (True, True)
    in_shop("stock", "adjust", "--outlet", "main", "--why", "damage", "--quantity", "A-1:1", "--yes")
    assert (level(app, shop, apple)[0], level(app, shop, apple, depot)[0]) == (7, 10)
    missing = in_shop("stock", "transfers", "show", "9", "--json")
    assert (missing.code, missing.refusal["code"]) == (5, "TRANSFER_NOT_FOUND")
    assert_books_hold(app, shop)


def test_a_till_holds_goods_and_the_rules_are_shown(in_shop, app, shop):
    in_shop("stock", "opening", "A-1:10@0.50", "--outlet", "main")
    held = in_shop("stock", "allot", shop.till_prefix, "A-1:4", "--json").json["items"]
    assert [(each["allotted"], each["free"]) for each in held] == [("4.000", "6.000")]
    assert in_shop("stock", "allotments", "--till", shop.till_prefix, "--json").json["items"] == held
    in_shop("stock", "release", shop.till_prefix, "--yes")
    assert in_shop("stock", "policy", "block", "--product", "A-1", "--json").json["policy"] == "block"
    assert in_shop("stock", "policy", "inherit", "--product", "A-1", "--json").json["policy"] == "allow"
    in_shop("stock", "reason", "tasting", "--name", "For tasting", "--direction", "out")
    assert "tasting" in in_shop("stock", "reasons").out
    in_shop("stock", "revalue", "A-1@0.60", "--outlet", "main", "--reason", "dearer", "--yes")
    assert level(app, shop, shop.products[0]) == (10, 60)
    found = in_shop("report", "margin", "--by", "category", "--json").json
    assert (found["total"]["base"], found["group_by"]) == (0, "category")
