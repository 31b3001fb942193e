"""Taxes, tax classes, categories and devices by command: what is printed, what is changed, how it is refused."""

from __future__ import annotations

from tests.factories import rows


def test_a_tax_is_made_put_into_a_class_and_changed_from_now_on(in_shop):
    made = in_shop(
        "taxes", "create", "levy", "--name", "Levy", "--amount", "2.5", "--on-top", "--affects-base", "--json"
    ).json
    assert (made["kind"], made["amount"], made["included"]) == ("percent", "2.5", False)
    assert (made["affects_base"], made["base_affected"]) == (True, True)

    fixed = ("--kind", "fixed", "--amount", "0.25", "--on-top", "--shielded")
    deposit = in_shop("taxes", "create", "deposit", "--name", "Deposit", *fixed, "--json").json
    assert (deposit["kind"], deposit["amount"], deposit["base_affected"]) == ("fixed", "0.25", False)

    both = ("--tax", "levy", "--tax", "deposit")
    kept = in_shop("taxes", "create-class", "bottles", "--name", "Bottles", *both, "--json").json
    assert [each["code"] for each in kept["taxes"]] == ["levy", "deposit"]
    listed = in_shop("taxes", "classes").out
    assert next(line.split() for line in listed.splitlines() if line.startswith("bottles")) == [
        "bottles", "Bottles", "levy", "+", "deposit",
    ]  # fmt: skip

    changed = in_shop("taxes", "update", "levy", "--amount", "3", "--shielded", "--yes", "--json").json
    assert (changed["amount"], changed["base_affected"], changed["affects_base"]) == ("3", False, True)
    exempt = in_shop("taxes", "set-class", "bottles", "--yes", "--json").json
    assert exempt["taxes"] == []


def test_a_tax_is_not_changed_without_a_yes(in_shop):
    in_shop("taxes", "create", "levy", "--name", "Levy", "--amount", "2.5", "--on-top")
    asked = in_shop("taxes", "update", "levy", "--amount", "3", "--json")
    assert (asked.code, asked.refusal["code"]) == (2, "CONFIRMATION_REQUIRED")
    (levy,) = [each for each in in_shop("taxes", "list", "--json").json if each["code"] == "levy"]
    assert levy["amount"] == "2.5"


def test_taxes_and_classes_that_are_not_there_are_not_found(in_shop):
    for words, code in (
        (("taxes", "update", "nothing", "--amount", "1", "--yes"), "TAX_NOT_FOUND"),
        (("taxes", "create-class", "x", "--name", "X", "--tax", "nothing"), "TAX_NOT_FOUND"),
        (("taxes", "set-class", "nothing", "--yes"), "TAX_CLASS_NOT_FOUND"),
        (("categories", "archive", "nothing", "--yes"), "CATEGORY_NOT_FOUND"),
    ):
        ran = in_shop(*words, "--json")
        assert (ran.code, ran.refusal["code"]) == (5, code)


def test_categories_are_made_listed_archived_and_taken_back(in_shop):
    made = in_shop("categories", "create", "Hot drinks", "--json").json
    assert made["name"] == "Hot drinks"
    again = in_shop("categories", "create", "Hot drinks", "--json")
    assert (again.code, again.refusal["code"]) == (6, "DUPLICATE_CATEGORY")
    assert in_shop("categories", "archive", "Hot drinks", "--yes", "--json").json["archived_at"] is not None
    assert [each["id"] for each in in_shop("categories", "list", "--archived", "--json").json] == [made["id"]]
    assert in_shop("categories", "unarchive", made["id"], "--json").json["archived_at"] is None


def test_a_device_is_enrolled_listed_and_shut_out(in_shop, app, shop):
    asked = in_shop("devices", "enrol", shop.till_prefix, "--json")
    assert (asked.code, asked.refusal["code"]) == (2, "CONFIRMATION_REQUIRED")
    assert in_shop("devices", "list", "--json").json == []

    tokens = in_shop("devices", "enrol", shop.till_prefix, "--yes", "--json").json
    assert tokens["access_token"].count(".") == 2
    (row,) = in_shop("devices", "list", "--json").json
    assert row["register_id"] == str(shop.till_id)

    gone = in_shop("devices", "revoke", shop.till_prefix, "--yes", "--json").json
    assert gone == {"register_id": str(shop.till_id), "prefix": shop.till_prefix, "revoked": True}
    assert in_shop("devices", "list", "--json").json == []
    again = in_shop("devices", "revoke", shop.till_prefix, "--yes", "--json")
    assert (again.code, again.refusal["code"]) == (5, "NOT_ENROLLED")
    kept = rows(
        app,
        "SELECT operation FROM audit_events WHERE tenant_id = %s AND operation LIKE 'devices.%%' AND outcome = 'done'",
        (shop.tenant_id,),
    )
    assert sorted(each["operation"] for each in kept) == ["devices.enrol", "devices.revoke"]
