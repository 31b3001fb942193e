"""``primepos customers``: what people type, and what it says."""

from __future__ import annotations

import json


def test_a_customer_is_made_changed_found_and_archived(in_shop):
    made = in_shop(
        "customers", "create", "Ana Müller", "--email", "ana@shop.example", "--phone", "0171 1234567", "--json"
    ).json
    assert (made["number"], made["email"]) == ("1", "ana@shop.example")
    in_shop("customers", "groups", "create", "vip", "--name", "Regulars")
    changed = in_shop("customers", "update", "1", "--group", "vip", "--clear", "phone", "--version", "1", "--json").json
    assert (changed["groups"], changed["phone"], changed["version"]) == (["vip"], None, 2)
    stale = in_shop("customers", "update", "1", "--name", "Late", "--version", "1", "--json")
    assert (stale.code, stale.refusal["code"]) == (6, "STALE_CUSTOMER")
    assert "Ana Müller" in in_shop("customers", "search", "mull").out
    assert in_shop("customers", "list", "--group", "vip", "--csv").out.splitlines() == [
        "number,name,company,email,phone,groups",
        "1,Ana Müller,,ana@shop.example,,vip",
    ]
    assert "consents" in in_shop("customers", "show", made["id"]).out
    assert in_shop("customers", "update", "1", "--clear", "name").code == 2
    assert in_shop("customers", "show", "999", "--json").refusal["code"] == "CUSTOMER_NOT_FOUND"
    assert in_shop("customers", "archive", "1", "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    assert in_shop("customers", "archive", "1", "--yes").code == 0
    assert in_shop("customers", "list", "--json").json["items"] == []
    assert in_shop("customers", "unarchive", "1", "--json").json["archived_at"] is None
    assert in_shop("customers", "groups", "update", "vip", "--archive", "--json").json["archived_at"] is not None
    assert [each["code"] for each in in_shop("customers", "groups", "list", "--archived", "--json").json] == ["vip"]
    assert in_shop("customers", "groups", "update", "nope", "--archive").code == 5


def test_consent_history_merge_data_and_erase(in_shop):
    for name in ("Ana", "A. Muller"):
        in_shop("customers", "create", name, "--email", f"{name[0].lower()}@shop.example")
    in_shop("customers", "consent", "2", "--give", "email", "--how", "paper")
    told = in_shop("customers", "consent", "2", "--withdraw", "email", "--how", "phone", "--json").json
    assert [(each["given"], each["how"]) for each in told] == [(True, "paper"), (False, "phone")]
    assert in_shop("customers", "merge", "2", "--into", "1", "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    one = in_shop("customers", "merge", "2", "--into", "1", "--yes", "--json").json
    assert (one["number"], len(one["merged_from"])) == ("1", 1)
    assert "0 visits, 0.00 EUR spent, last seen never." in in_shop("customers", "history", "2").err
    held = json.loads(in_shop("customers", "data", "1").out)
    assert (held["customer"]["name"], len(held["merged"]), len(held["consents"])) == ("Ana", 1, 2)
    assert in_shop("customers", "erase", "1", "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    gone = in_shop("customers", "erase", "1", "--yes", "--json").json
    assert (gone["records"], gone["sales"]) == (2, 0)
    assert in_shop("customers", "show", one["id"], "--json").json["name"] == ""
    assert in_shop("customers", "reseal", "--json").json == {"tenants": 1, "customers": 0}
