"""Tenants from the command line: made, listed, suspended, and set up from a file that can be applied again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from primepos.cli import session
from primepos.cli.provisioning import load_shop
from primepos.domain.provisioning.reading import BadShopFile
from tests.cli.conftest import Ran
from tests.factories import rows

ROOT = Path(__file__).resolve().parents[2]
CHAIN = ROOT / "deploy" / "examples" / "chain.yaml"
KIOSK = """\
tenant:
  slug: {slug}
  name: Kiosk
  currency: EUR
  country: DE
  zone: Europe/Berlin
  settings: {{cash_rounding: {{step_minor: 5}}}}
taxes:
  - {{code: std, name: VAT 19 %, amount: 19, included: true}}
  - {{code: red, name: VAT 7 %, amount: 7, included: true}}
tax_classes:
  - {{code: standard, name: Standard, taxes: [std]}}
  - {{code: reduced, name: Reduced, taxes: [red]}}
categories: [Fruit]
outlets:
  - code: main
    name: Main
    registers:
      - {{code: till-1, name: Till 1}}
staff:
  - {{code: 01, name: Ann, role: owner, pin: generate}}
  - {{code: 02, name: Bob, role: cashier, outlets: [main], pin: {{env: BOB_PIN}}}}
users:
  - {{email: ann@{slug}.example, name: Ann, role: owner}}
products:
  - {{sku: 007, name: Apple, unit_price: 1.10, tax_class: reduced, category: Fruit, barcodes: 4006381333931}}
  - {{sku: 008, name: Cola, unit_price: 0.99, barcodes: [5449000000996, 5449000000439*6]}}
"""


@pytest.fixture
def kiosk(tmp_path: Path, shop: Any) -> Path:
    """A file for a tenant that is not there yet."""
    file = tmp_path / "kiosk.yaml"
    file.write_text(KIOSK.format(slug=f"kiosk-{shop.slug}"))
    return file


@pytest.fixture
def applied(in_app: Any, kiosk: Path, command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The answer of applying it for the first time."""
    monkeypatch.setenv("BOB_PIN", "482916")
    found = command("tenants", "apply", "-f", str(kiosk), "--yes", "--json").json
    monkeypatch.delenv("BOB_PIN")
    return found


def slug_of(file: Path) -> str:
    return load_shop(file, {}).tenant.slug


def test_a_tenant_is_made_shown_suspended_and_resumed(in_app, command, shop):
    slug = f"new-{shop.slug}"
    args = ("--name", "New", "--currency", "CHF", "--zone", "Europe/Zurich", "--country", "CH", "--json")
    made = command("tenants", "create", slug, *args).json
    assert (made["slug"], made["currency"], made["currency_exponent"], made["status"]) == (slug, "CHF", 2, "active")
    assert command("tenants", "create", slug, *args).refusal["code"] == "SLUG_TAKEN"
    assert command("tenants", "show", slug, "--json").json["key"] == made["key"]
    assert command("tenants", "suspend", slug, "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    assert command("tenants", "suspend", slug, "--reason", "unpaid", "--yes", "--json").json["status"] == "suspended"
    listed = command("tenants", "list", "--status", "suspended", "--after", slug[:-1], "--limit", "1", "--json").json
    assert [each["slug"] for each in listed["items"]] == [slug]
    assert command("tenants", "resume", slug, "--json").json["status"] == "active"


def test_without_a_tenant_named_a_command_says_which_there_are(in_app, shop, other_shop, command):
    ran = command("outlets", "list", "--json")
    assert (ran.code, ran.refusal["code"]) == (2, "WHICH_TENANT")


def test_an_unknown_tenant_is_not_found(in_app, command):
    ran = command("outlets", "list", "--tenant", "nowhere-at-all", "--json")
    assert (ran.code, ran.refusal["code"]) == (5, "TENANT_NOT_FOUND")


def test_a_plan_names_everything_and_changes_nothing(in_app, command, kiosk, monkeypatch):
    monkeypatch.setenv("BOB_PIN", "482916")
    before = rows(in_app, "SELECT count(*) AS n FROM tenants")
    ran = command("tenants", "apply", "-f", str(kiosk), "--plan")
    assert ran.code == 0
    assert ["+", "product", "007"] in [line.split() for line in ran.out.splitlines()]
    assert "13 to create, 0 to change, 0 unchanged." in ran.err
    assert rows(in_app, "SELECT count(*) AS n FROM tenants") == before


def test_applying_asks_first(in_app, command, kiosk, monkeypatch):
    monkeypatch.setenv("BOB_PIN", "482916")
    before = rows(in_app, "SELECT count(*) AS n FROM tenants")
    ran = command("tenants", "apply", "-f", str(kiosk), "--json")
    assert (ran.code, ran.refusal["code"]) == (2, "CONFIRMATION_REQUIRED")
    assert rows(in_app, "SELECT count(*) AS n FROM tenants") == before


def test_a_file_makes_a_whole_shop(applied, in_app, kiosk, command):
    slug = slug_of(kiosk)
    assert applied["applied"] is True
    assert [each["code"] for each in applied["pins"]] == ["01"]
    assert list(applied["passwords"]) == [f"ann@{slug}.example"]
    assert applied["counts"]["product"] == {"created": 2, "changed": 0, "unchanged": 0}
    shown = command("products", "show", "008", "--tenant", slug, "--json").json
    assert {each["code"]: each["quantity"] for each in shown["barcodes"]} == {
        "5449000000996": "1.000",
        "5449000000439": "6.000",
    }
    assert command("tenants", "show", slug, "--json").json["settings"]["cash_rounding"]["step_minor"] == 5


def test_the_same_file_again_changes_nothing_and_needs_no_secret(applied, in_app, kiosk, command):
    tables = ("tenants", "taxes", "tax_classes", "outlets", "registers", "staff", "products", "memberships", "users")
    before = {table: rows(in_app, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}
    again = command("tenants", "apply", "-f", str(kiosk), "--json").json
    assert (again["applied"], again["changes"]) == (False, [])
    assert sum(each["unchanged"] for each in again["counts"].values()) == 13
    told = command("tenants", "apply", "-f", str(kiosk))
    assert (told.code, told.out) == (0, "")
    assert "Nothing to change" in told.err
    assert {table: rows(in_app, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables} == before


def test_a_changed_file_changes_just_that(applied, in_app, kiosk, command):
    text = kiosk.read_text()
    for old, new in (
        ("amount: 7,", "amount: 8,"),
        ("name: Cola", "name: Cola 0.3 l"),
        ("step_minor: 5", "step_minor: 10"),
        ("role: cashier", "role: manager"),
    ):
        text = text.replace(old, new)
    kiosk.write_text(text)

    plan = command("tenants", "apply", "-f", str(kiosk), "--plan")
    assert "amount: 7 -> 8" in plan.out
    done = command("tenants", "apply", "-f", str(kiosk), "--yes", "--json").json

    assert {(each["kind"], each["name"]) for each in done["changes"]} == {
        ("tenant", slug_of(kiosk)),
        ("tax", "red"),
        ("staff", "02"),
        ("product", "008"),
    }
    assert {each["action"] for each in done["changes"]} == {"changed"}
    assert next(each for each in done["changes"] if each["kind"] == "staff")["fields"] == {
        "role": ["cashier", "manager"]
    }
    assert command("tenants", "apply", "-f", str(kiosk), "--json").json["changes"] == []


def test_a_changed_role_of_a_user_is_applied(applied, in_app, kiosk, command):
    slug = slug_of(kiosk)
    kiosk.write_text(
        kiosk.read_text().replace(
            "products:", f"  - {{email: eve@{slug}.example, name: Eve, role: manager, outlets: [main]}}\nproducts:"
        )
    )
    command("tenants", "apply", "-f", str(kiosk), "--yes")
    kiosk.write_text(kiosk.read_text().replace("role: manager, outlets: [main]", "role: cashier"))
    done = command("tenants", "apply", "-f", str(kiosk), "--yes", "--json").json
    assert [(each["kind"], each["fields"]) for each in done["changes"]] == [
        ("user", {"role": ["manager", "cashier"], "outlets": ["main", None]})
    ]


def test_everything_that_is_wrong_is_listed_at_once_and_nothing_is_made(in_app, command, kiosk):
    text = kiosk.read_text()
    for old, new in (
        ("zone: Europe/Berlin", "zone: Europe/Atlantis"),
        ("amount: 19,", "amount: nineteen,"),
        ("code: till-1, name: Till 1", "code: till-1"),
        ("pin: generate", "pin: 1234"),
        ("unit_price: 1.10", "unit_price: 1.10101"),
        ("sku: 008", "sku: 007"),
        ("categories:", "colours: [red]\ncategories:"),
    ):
        text = text.replace(old, new)
    kiosk.write_text(text)
    before = rows(in_app, "SELECT count(*) AS n FROM tenants")

    ran = command("tenants", "apply", "-f", str(kiosk), "--yes", "--json")

    assert (ran.code, ran.refusal["code"]) == (2, "BAD_SHOP_FILE")
    fields = [each["field"] for each in ran.refusal["data"]["problems"]]
    assert fields == [
        "colours",
        "tenant.zone",
        "taxes[0].amount",
        "outlets[0].registers[0]",
        "staff[0].pin",
        "products[0]",
    ]
    assert rows(in_app, "SELECT count(*) AS n FROM tenants") == before


def test_what_the_file_says_of_other_things_is_checked_before_anything_is_made(in_app, command, kiosk):
    text = kiosk.read_text()
    for old, new in (
        ("taxes: [red]", "taxes: [gone]"),
        ("outlets: [main]", "outlets: [moon]"),
        ("tax_class: reduced", "tax_class: none"),
        ("5449000000996", "5449000000995"),
    ):
        text = text.replace(old, new)
    kiosk.write_text(text)
    before = rows(in_app, "SELECT count(*) AS n FROM tenants")
    problems = command("tenants", "apply", "-f", str(kiosk), "--yes", "--json").refusal["data"]["problems"]
    assert {each["field"]: each["problem"] for each in problems} == {
        "tax_classes.reduced.taxes": "there is no tax 'gone'",
        "staff.02.outlets": "there is no outlet 'moon'",
        "products.007.tax_class": "there is no tax class 'none'",
        "staff.02.pin": "the variable BOB_PIN is not set, and this person has no PIN yet",
        "products.008.barcodes": "5449000000995 has a wrong check digit",
    }
    assert rows(in_app, "SELECT count(*) AS n FROM tenants") == before


def test_what_stays_for_good_cannot_be_changed_by_a_file(applied, in_app, kiosk, command):
    text = kiosk.read_text().replace("currency: EUR", "currency: CHF").replace("country: DE", "country: CH")
    kiosk.write_text(text.replace("name: Till 1}", "name: Till 1, prefix: OTHER}"))
    problems = command("tenants", "apply", "-f", str(kiosk), "--yes", "--json").refusal["data"]["problems"]
    assert [each["field"] for each in problems] == ["tenant.currency", "tenant.country", "outlets.main/till-1.prefix"]


def test_a_tenant_whose_setting_up_was_broken_off_is_finished_by_the_file(in_app, kiosk, command, monkeypatch):
    slug = slug_of(kiosk)
    args = ("--name", "Kiosk", "--currency", "EUR", "--zone", "Europe/Berlin", "--country", "DE")
    command("tenants", "create", slug, *args)
    monkeypatch.setenv("BOB_PIN", "482916")
    done = command("tenants", "apply", "-f", str(kiosk), "--yes", "--json").json
    assert done["counts"]["tenant"] == {"created": 0, "changed": 1, "unchanged": 0}
    assert done["counts"]["product"]["created"] == 2


def test_products_can_stand_in_a_csv_beside_the_file(in_app, kiosk, command, monkeypatch):
    monkeypatch.setenv("BOB_PIN", "482916")
    text = kiosk.read_text()
    kiosk.write_text(text[: text.index("products:")] + "products: {csv: goods.csv}\n")
    (kiosk.parent / "goods.csv").write_text(
        "sku,name,unit_price,tax_class,category,barcodes\n"
        "007,Apple,1.10,reduced,Fruit,4006381333931 5901234123457\n"
        "008,Cola,0.99,,,\n"
    )
    assert command("tenants", "apply", "-f", str(kiosk), "--yes", "--json").json["counts"]["product"]["created"] == 2
    shown = command("products", "show", "007", "--tenant", slug_of(kiosk), "--json").json
    assert [each["code"] for each in shown["barcodes"]] == ["4006381333931", "5901234123457"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("products: {csv: none.csv}", "none.csv cannot be read: FileNotFoundError"),
        ("products: {file: x}", "must be a list, or {csv: FILE}"),
        ("products: {csv: bad.csv}", "column colour: may be"),
    ],
)
def test_a_csv_that_cannot_be_used_is_named(tmp_path, text, problem):
    (tmp_path / "bad.csv").write_text("sku,colour\n1,red\n")
    file = tmp_path / "shop.yaml"
    file.write_text(f"tenant: {{slug: csv, name: C, currency: EUR, zone: Europe/Berlin}}\n{text}\n")
    with pytest.raises(BadShopFile) as refusal:
        load_shop(file, {})
    assert problem in refusal.value.data["problems"][0]["problem"]


@pytest.mark.parametrize("text", ["[", "\x00", "a: *b", "- 1", "just text"])
def test_a_file_that_is_no_shop_is_refused(in_app, tmp_path, command, text):
    file = tmp_path / "shop.yaml"
    file.write_text(text)
    assert command("tenants", "apply", "-f", str(file), "--yes").code == 2


@pytest.mark.slow
def test_one_file_provisions_a_chain_of_twenty_outlets(make_app, fresh_database, command, monkeypatch):
    app = make_app(fresh_database)
    session.use_app(app)
    try:
        monkeypatch.setenv("LANTERN_OWNER_PIN", "771294")
        first = command("tenants", "apply", "-f", str(CHAIN), "--yes", "--json").json
        created = {kind: each["created"] for kind, each in first["counts"].items()}
        assert created == {
            "tenant": 1, "tax": 2, "tax_class": 3, "category": 7, "outlet": 20, "register": 40, "staff": 62,
            "product": 60, "user": 3,
        }  # fmt: skip
        assert len(first["pins"]) == 61
        assert len({each["pin"] for each in first["pins"]}) > 50

        monkeypatch.delenv("LANTERN_OWNER_PIN")
        again = command("tenants", "apply", "-f", str(CHAIN), "--json").json
        assert (again["applied"], again["changes"]) == (False, [])
        found = rows(app, "SELECT kind, count(*) AS n FROM registers GROUP BY kind ORDER BY kind")
        assert found == [{"kind": "server", "n": 20}, {"kind": "till", "n": 40}]
    finally:
        session.use_app(None)
