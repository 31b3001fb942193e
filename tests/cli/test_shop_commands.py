"""Commands on one shop: what they print, what they change, how they refuse."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from primepos.core.ids import new_id
from tests.factories import a_shift, basket, counts, rows


def test_outlets_are_made_listed_shown_archived_and_taken_back(in_shop):
    made = in_shop("outlets", "create", "pier", "--name", "Pier", "--address", "Gate 4", "--json").json
    assert (made["code"], made["name"], made["address"]) == ("pier", "Pier", "Gate 4")
    assert [each["prefix"] for each in made["registers"]] == ["PIER-0"]

    listed = in_shop("outlets", "list")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["code", "main", "pier"]
    shown = in_shop("outlets", "show", "pier")
    assert "Gate 4" in shown.out
    assert "PIER-0" in shown.out

    assert in_shop("outlets", "archive", "pier", "--yes").code == 0
    assert [each["code"] for each in in_shop("outlets", "list", "--archived", "--json").json] == ["pier"]
    assert in_shop("outlets", "unarchive", "pier").code == 0
    assert [each["code"] for each in in_shop("outlets", "list", "--json").json] == ["main", "pier"]


def test_an_outlet_is_not_archived_without_a_yes(in_shop):
    asked = in_shop("outlets", "archive", "main", "--json")
    assert (asked.code, asked.refusal["code"]) == (2, "CONFIRMATION_REQUIRED")
    assert in_shop("outlets", "list", "--archived", "--json").json == []


def test_an_unknown_outlet_is_not_found(in_shop):
    ran = in_shop("outlets", "show", "nowhere", "--json")
    assert (ran.code, ran.refusal["code"]) == (5, "OUTLET_NOT_FOUND")


def test_a_taken_code_is_a_conflict(in_shop):
    ran = in_shop("outlets", "create", "main", "--name", "Again", "--json")
    assert (ran.code, ran.refusal["code"]) == (6, "DUPLICATE_OUTLET")


def test_registers_are_named_by_prefix_path_code_or_id(in_shop, shop):
    made = in_shop(
        "registers", "create", "till-2", "--outlet", "main", "--name", "Two", "--prefix", "TWO", "--json"
    ).json
    assert (made["kind"], made["epoch"], made["next_number"]) == ("till", 1, 1)
    for name in ("TWO", "main/till-2", "till-2", made["id"]):
        assert in_shop("registers", "show", name, "--json").json["id"] == made["id"]
    listed = in_shop("registers", "list", "--outlet", "main", "--json").json
    assert {each["prefix"] for each in listed} == {"TWO", shop.till_prefix, shop.server_prefix}


def test_a_code_that_several_registers_have_must_be_told_apart(in_shop):
    in_shop("outlets", "create", "pier", "--name", "Pier")
    in_shop("registers", "create", "till-1", "--outlet", "pier", "--name", "One")
    ran = in_shop("registers", "show", "till-1", "--json")
    assert (ran.code, ran.refusal["code"]) == (2, "INVALID_INPUT")
    assert "PIER-TILL-1" in ran.refusal["message"]


def test_a_register_is_archived_taken_back_and_starts_a_new_series(in_shop, shop):
    assert in_shop("registers", "archive", shop.till_prefix, "--yes", "--json").json["archived_at"] is not None
    assert in_shop("registers", "unarchive", shop.till_prefix, "--json").json["archived_at"] is None
    moved = in_shop("registers", "new-epoch", shop.till_prefix, "--reason", "disk broke", "--yes", "--json").json
    assert (moved["epoch"], moved["next_number"]) == (2, 1)
    assert in_shop("registers", "archive", shop.server_prefix, "--yes").code == 7


def test_products_are_made_shown_changed_and_searched(in_shop):
    made = in_shop(
        "products", "create", "D-4", "--name", "Dates", "--price", "3.455", "--barcode", "5901234123457",
        "--barcode", "73513537*6", "--sold-by", "weight", "--no-stock", "--json",
    ).json  # fmt: skip
    assert (made["unit_price"], made["sold_by"], made["track_stock"]) == ("3.4550", "weight", False)
    assert {each["code"]: each["quantity"] for each in made["barcodes"]} == {
        "5901234123457": "1.000",
        "73513537": "6.000",
    }

    changed = in_shop("products", "update", "D-4", "--price", "3.50", "--name", "Fresh dates", "--stock", "--json").json
    assert (changed["unit_price"], changed["name"], changed["track_stock"]) == ("3.5000", "Fresh dates", True)
    shown = in_shop("products", "show", "D-4")
    assert "5901234123457, 73513537*6" in shown.out
    found = in_shop("products", "search", "fresh da", "--json").json
    assert [each["sku"] for each in found] == ["D-4"]
    assert in_shop("products", "show", made["id"], "--json").json["sku"] == "D-4"


def test_a_product_is_archived_and_taken_back(in_shop):
    assert in_shop("products", "archive", "A-1", "--yes").code == 0
    assert [each["sku"] for each in in_shop("products", "list", "--json").json["items"]] == ["B-2", "C-3"]
    assert [each["sku"] for each in in_shop("products", "list", "--archived", "--json").json["items"]] == ["A-1"]
    assert in_shop("products", "unarchive", "A-1").code == 0
    assert len(in_shop("products", "list", "--json").json["items"]) == 3


def test_products_are_listed_a_page_at_a_time_or_all(in_shop):
    first = in_shop("products", "list", "--limit", "2", "--json").json
    assert [each["sku"] for each in first["items"]] == ["A-1", "B-2"]
    second = in_shop("products", "list", "--limit", "2", "--after", first["next"], "--json").json
    assert ([each["sku"] for each in second["items"]], second["next"]) == (["C-3"], None)
    assert "--after" in in_shop("products", "list", "--limit", "2").err
    everything = in_shop("products", "list", "--all", "--csv").out.splitlines()
    assert [line.split(",")[0] for line in everything] == ["sku", "A-1", "B-2", "C-3"]


def test_taking_a_barcode_off_needs_a_yes(in_shop):
    asked = in_shop("products", "barcodes", "B-2", "--set", "5901234123457", "--json")
    assert asked.refusal["code"] == "CONFIRMATION_REQUIRED"
    assert "4006381333931" in asked.refusal["message"]
    kept = in_shop("products", "barcodes", "B-2", "--set", "4006381333931", "--set", "5901234123457*6", "--json").json
    assert {each["code"] for each in kept} == {"4006381333931", "5901234123457"}
    assert in_shop("products", "barcodes", "B-2", "--clear", "--yes", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("products", "show", "NONE"), 5, "PRODUCT_NOT_FOUND"),
        (("products", "create", "A-1", "--name", "x", "--price", "1"), 6, "DUPLICATE_SKU"),
        (("products", "create", "X", "--name", "x", "--price", "1.23456"), 2, "INVALID_AMOUNT"),
        (("products", "create", "X", "--name", "x", "--price", "1", "--category", "none"), 5, "CATEGORY_NOT_FOUND"),
        (("products", "update", "A-1", "--tax-class", "none"), 5, "TAX_CLASS_NOT_FOUND"),
        (("products", "update", "A-1", "--category", "none"), 5, "CATEGORY_NOT_FOUND"),
        (("products", "barcodes", "A-1", "--set", "4006381333931"), 6, "BARCODE_TAKEN"),
        (("products", "barcodes", "A-1", "--set", "x", "--clear"), 2, "INVALID_INPUT"),
        (("stock", "movements", "NONE"), 5, "PRODUCT_NOT_FOUND"),
        (("sales", "show", "nonsense"), 5, "SALE_NOT_FOUND"),
        (("sales", "show", str(uuid4())), 5, "SALE_NOT_FOUND"),
        (("sales", "list", "--since", "yesterday"), 2, "INVALID_INPUT"),
        (("shifts", "show", str(uuid4())), 5, "SHIFT_NOT_FOUND"),
        (("registers", "show", "none"), 5, "REGISTER_NOT_FOUND"),
    ],
)
def test_refusals_have_their_exit_code(in_app, shop, in_shop, arguments, code, error):
    before = counts(in_app, shop)
    ran = in_shop(*arguments, "--json")
    assert (ran.code, ran.refusal["code"]) == (code, error)
    assert counts(in_app, shop) == before


def test_stock_is_received_adjusted_and_listed(in_shop):
    moved = in_shop("stock", "receive", "A-1:10", "B-2:2.5", "--outlet", "main", "--reason", "note 1", "--json").json
    assert sorted(line["quantity"] for line in moved["lines"]) == ["10.000", "2.500"]
    args = ("--outlet", "main", "--reason", "count", "--by", "A-1:-3", "--counted", "B-2:2")
    assert in_shop("stock", "adjust", *args, "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    adjusted = in_shop("stock", "adjust", *args, "--yes")
    table = sorted(line.split() for line in adjusted.out.splitlines()[1:])
    assert table == [["A-1", "-3", "7.000"], ["B-2", "-0.500", "2.000"]]
    levels = in_shop("stock", "levels", "--outlet", "main", "--json").json["items"]
    assert [(each["sku"], each["quantity"]) for each in levels] == [("B-2", "2.000"), ("A-1", "7.000")]
    low = in_shop("stock", "levels", "--at-most", "5", "--product", "B-2", "--csv")
    assert low.out == "outlet,sku,name,quantity,allotted\nmain,B-2,Bread,2.000,0.000\n"
    movements = in_shop("stock", "movements", "A-1", "--json").json["items"]
    assert [(each["kind"], each["quantity"]) for each in movements] == [("adjust", "-3.000"), ("receive", "10.000")]


@pytest.mark.parametrize(
    "arguments",
    [
        ("receive", "A-1", "--outlet", "main"),
        ("receive", ":5", "--outlet", "main"),
        ("receive", "A-1:1.2345", "--outlet", "main"),
        ("adjust", "--outlet", "main", "--reason", "x", "--yes"),
    ],
)
def test_stock_that_cannot_be_read_is_refused(in_app, shop, in_shop, arguments):
    ran = in_shop("stock", *arguments, "--json")
    assert (ran.code, ran.refusal["code"]) == (2, "INVALID_INPUT")
    assert counts(in_app, shop)["stock_movements"] == 0


def test_a_sale_is_booked_from_json_listed_shown_and_voided(in_shop, shop):
    request = {"lines": [{"sku": "A-1", "quantity": 2}, {"sku": "B-2"}], "tenders": [{"kind": "cash", "amount": 500}]}
    booked = in_shop("sales", "book", "--outlet", "main", "--json", given=json.dumps(request)).json
    assert (booked["total"], booked["change"], booked["receipt"]) == (450, 50, f"{shop.server_prefix}-000001")

    listed = in_shop("sales", "list", "--csv")
    heading, only = listed.out.splitlines()
    found = dict(zip(heading.split(","), only.split(","), strict=True))
    assert (found["receipt"], found["total"], found["currency"]) == (booked["receipt"], "4.50", "EUR")
    shown = in_shop("sales", "show", booked["id"])
    assert "Apple" in shown.out
    assert "4.50" in shown.out

    asked = in_shop("sales", "void", booked["id"], "--reason", "twice", "--json")
    assert "4.50 EUR" in asked.refusal["message"]
    voided = in_shop("sales", "void", booked["id"], "--reason", "twice", "--yes", "--json").json
    assert (voided["kind"], voided["total"], voided["void_of"]) == ("void", -450, booked["id"])
    assert len(in_shop("sales", "list", "--all", "--json").json["items"]) == 2
    assert in_shop("sales", "show", booked["id"], "--json").json["voided_by"] == voided["id"]


def test_a_sale_with_an_id_is_booked_once_however_often_it_is_sent(in_app, shop, in_shop):
    request = json.dumps(basket(shop), default=str)
    first = in_shop("sales", "book", "--json", given=request).json
    assert in_shop("sales", "book", "--json", given=request).json["id"] == first["id"]
    assert counts(in_app, shop)["sales"] == 1


@pytest.mark.parametrize("given", ["", "[1, 2]", "{", '{"lines": NaN}', '[{"lines": []}, {"lines": []}]'])
def test_a_sale_that_is_no_json_object_is_refused(in_app, shop, in_shop, given):
    ran = in_shop("sales", "book", "--outlet", "main", "--json", given=given)
    assert (ran.code, ran.refusal["code"]) == (2, "INVALID_INPUT")
    assert counts(in_app, shop)["sales"] == 0


def test_amounts_in_a_sale_are_whole_minor_units(in_app, shop, in_shop):
    request = '{"lines": [{"sku": "A-1"}], "tenders": [{"kind": "cash", "amount": 1.5}]}'
    ran = in_shop("sales", "book", "--outlet", "main", "--json", given=request)
    assert (ran.code, ran.refusal["code"]) == (2, "INVALID_INPUT")
    assert counts(in_app, shop)["sales"] == 0


def test_a_shift_is_opened_reported_and_closed_in_currency_units(in_shop, shop):
    opened = in_shop("shifts", "open", shop.till_prefix, "--float", "100.00", "--json").json
    assert opened["opening_float"] == 10_000
    table = in_shop("shifts", "list", "--open")
    assert shop.till_prefix in table.out
    assert "100.00" in table.out
    report = in_shop("shifts", "report", shop.till_prefix)
    assert "X REPORT" in report.out

    closed = in_shop("shifts", "close", "main/till-1", "--counted", "99.5", "--yes", "--json").json
    assert (closed["expected"], closed["counted"], closed["difference"], closed["z_number"]) == (10_000, 9_950, -50, 1)
    report = in_shop("shifts", "report", opened["id"])
    assert "Z REPORT 1" in report.out
    assert "Difference                         -0,50" in report.out
    figures = in_shop("shifts", "report", shop.till_prefix, "--json").json
    assert (figures["shift"]["id"], figures["total"], figures["currency"]) == (opened["id"], 0, "EUR")
    assert "-0.50" in in_shop("shifts", "show", shop.till_prefix).out


@pytest.mark.parametrize("amount", ["1.005", "-1", "ten", "1e3", ""])
def test_a_float_that_is_no_amount_of_the_currency_opens_nothing(in_app, shop, in_shop, amount):
    ran = in_shop("shifts", "open", shop.till_prefix, "--json", f"--float={amount}")
    assert (ran.code, ran.refusal["code"]) == (2, "INVALID_INPUT")
    assert counts(in_app, shop)["shifts"] == 0


def test_closing_needs_an_open_shift_and_a_yes(in_app, shop, in_shop):
    none = in_shop("shifts", "close", shop.till_prefix, "--counted", "0", "--yes", "--json")
    assert (none.code, none.refusal["code"]) == (5, "NO_SHIFT")
    shift = a_shift(in_app, shop)
    asked = in_shop("shifts", "close", str(shift), "--counted", "0", "--json")
    assert asked.refusal["code"] == "CONFIRMATION_REQUIRED"
    assert rows(in_app, "SELECT closed_at FROM shifts WHERE id = %s", (shift,)) == [{"closed_at": None}]


def test_people_are_let_in_given_a_role_shut_out_and_let_in_again(in_shop):
    made = in_shop("users", "create", f"ann-{new_id()}@shop.test", "--name", "Ann", "--role", "manager", "--json").json
    email = made["user"]["email"]
    assert made["temporary_password"]
    changed = in_shop("users", "set-role", email, "cashier", "--outlet", "main", "--json").json
    assert (changed["role"], len(changed["outlet_ids"])) == ("cashier", 1)
    assert in_shop("users", "set-role", email, "cashier", "--all-outlets", "--json").json["outlet_ids"] is None
    assert in_shop("users", "disable", email, "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    assert in_shop("users", "disable", email, "--yes", "--json").json["is_disabled"] is True
    assert in_shop("users", "enable", email, "--json").json["is_disabled"] is False
    assert [each["email"] for each in in_shop("users", "list", "--json").json["items"]] == [email]
    reset = in_shop("users", "reset-password", email, "--yes", "--json").json
    assert reset["password"] != made["temporary_password"]


def test_a_password_comes_from_the_environment_and_never_from_the_command_line(in_shop, monkeypatch):
    monkeypatch.setenv("PRIMEPOS_PASSWORD", "a rather long sentence of words")
    made = in_shop("users", "create", f"bob-{new_id()}@shop.test", "--name", "Bob", "--role", "owner", "--json").json
    assert made["temporary_password"] is None
    help_text = in_shop("users", "create", "--help").out
    assert "--password" not in help_text


def test_a_password_that_must_be_asked_for_needs_a_terminal(in_app, command):
    ran = command("users", "create-superuser", "--email", "ops@host.test", "--json")
    assert (ran.code, ran.refusal["code"]) == (2, "NO_TERMINAL")
    assert "PRIMEPOS_PASSWORD" in ran.refusal["hint"]


def test_an_administrator_is_made_and_a_weak_password_refused(in_app, command, monkeypatch):
    email = f"ops-{new_id()}@host.test"
    monkeypatch.setenv("PRIMEPOS_PASSWORD", "password")
    assert command("users", "create-superuser", "--email", email, "--json").refusal["code"] == "WEAK_PASSWORD"
    monkeypatch.setenv("PRIMEPOS_PASSWORD", "a rather long sentence of words")
    assert command("users", "create-superuser", "--email", email, "--json").json["role"] == "saas_admin"


def test_staff_are_added_changed_listed_and_archived(in_shop, monkeypatch):
    made = in_shop("users", "create-staff", "12", "--name", "Eve", "--role", "cashier", "--outlet", "main")
    pin = made.out.split()[-1]
    assert pin.isdecimal()
    monkeypatch.setenv("PRIMEPOS_PIN", "482915")
    assert in_shop("users", "create-staff", "13", "--name", "Jo", "--role", "manager", "--json").json["pin"] == "set"
    assert "482915" not in in_shop("users", "reset-pin", "13").out
    monkeypatch.delenv("PRIMEPOS_PIN")
    assert in_shop("users", "reset-pin", "12", "--json").json["pin"] != pin
    changed = in_shop("users", "change-staff", "12", "--role", "manager", "--all-outlets", "--json").json
    assert (changed["role"], changed["outlet_ids"]) == ("manager", None)
    assert [each["code"] for each in in_shop("users", "list", "--staff", "--json").json["items"]] == ["12", "13"]
    assert in_shop("users", "archive-staff", "12", "--yes").code == 0
    assert [each["code"] for each in in_shop("users", "list", "--staff", "--archived", "--json").json["items"]] == [
        "12"
    ]
    assert in_shop("users", "change-staff", "99", "--name", "x", "--json").refusal["code"] == "STAFF_NOT_FOUND"


def test_an_act_of_the_operator_is_in_the_trail_with_their_name(in_app, shop, in_shop):
    in_shop("outlets", "create", "pier", "--name", "Pier")
    found = rows(
        in_app, "SELECT actor_kind, actor_name, role FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,)
    )
    assert [(each["actor_kind"], each["role"]) for each in found] == [("operator", "owner")]
    assert found[0]["actor_name"]


def test_a_barcode_is_explained_by_the_tenants_rules_and_products(in_app, shop, command):
    told = command("barcode", "4006381333931", "--tenant", shop.slug, "--json").json
    assert (told["sku"], told["product"], told["found_by"], told["check_digit_ok"]) == ("B-2", "Bread", "barcode", True)
    unknown = command("barcode", "5901234123457", "--tenant", shop.slug, "--json").json
    assert (unknown["sku"], unknown["refusal"]) == (None, "PRODUCT_NOT_FOUND")


def test_the_books_of_one_shop_are_audited(in_shop, in_app, shop):
    found = in_shop("ops", "verify-books", "--json").json
    assert (found["ok"], found["problems"]) == (True, [])
    told = in_shop("ops", "verify-books", "--quick")
    assert (told.code, told.out) == (0, "")
    assert "The books hold" in told.err


def test_books_that_do_not_hold_end_with_exit_code_1(make_app, fresh_database, cluster, command):
    from primepos.cli import session
    from tests.contracts.test_migrations import execute
    from tests.factories import a_shop

    app = make_app(fresh_database)
    session.use_app(app)
    try:
        shop = a_shop(app)
        a_shift(app, shop)
        name = fresh_database.rpartition("/")[2]
        execute(
            cluster.admin_url(name),
            "INSERT INTO stock_levels SELECT p.tenant_id, o.id, p.id, 5 FROM products p JOIN outlets o"
            " ON o.tenant_id = p.tenant_id LIMIT 1",
        )
        ran = command("ops", "verify-books", "--json")
        assert ran.code == 1
        assert json.loads(ran.out)["ok"] is False
        assert "I4" in {each["invariant"] for each in json.loads(ran.out)["problems"]}
        assert "DO NOT HOLD" in command("ops", "verify-books").err
    finally:
        session.use_app(None)
