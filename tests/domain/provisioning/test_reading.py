"""Reading a shop's document: text becomes what the schemas say, and every mistake is named at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.cli.provisioning import load_shop
from primepos.core.amounts import CURRENCIES
from primepos.core.permissions import Role
from primepos.domain.provisioning.comparing import Present, changes_of, problems_of
from primepos.domain.provisioning.countries import _KNOWN, suggest, taxes_of
from primepos.domain.provisioning.reading import BadShopFile, read_shop
from primepos.domain.tenancy.schemas import checked_zone

TENANT = {"slug": "corner", "name": "Corner", "currency": "EUR", "zone": "Europe/Berlin"}


def problems(data: object) -> list[str]:
    with pytest.raises(BadShopFile) as refusal:
        read_shop(data)
    return [each["field"] for each in refusal.value.data["problems"]]


def test_text_becomes_numbers_flags_and_roles():
    shop = read_shop(
        {
            "tenant": {**TENANT, "day_starts_hour": "4", "settings": {"cash_rounding": {"step_minor": "5"}}},
            "taxes": [{"code": "std", "name": "VAT", "amount": "19.5", "included": "true"}],
            "staff": [{"code": "007", "name": " Ann  Lee ", "role": "stock_clerk", "pin": "generate"}],
            "products": [{"sku": "010", "name": "Apple", "unit_price": "1.10", "track_stock": "false"}],
        }
    )
    assert (shop.tenant.day_starts_hour, shop.tenant.settings.cash_rounding.step_minor) == (4, 5)
    assert (shop.taxes[0].amount, shop.taxes[0].included) == (Decimal("19.5"), True)
    assert (shop.staff[0].code, shop.staff[0].name, shop.staff[0].role) == ("007", "Ann Lee", Role.STOCK_CLERK)
    assert shop.staff[0].pin.generate is True
    assert (shop.products[0].sku, shop.products[0].unit_price, shop.products[0].track_stock) == (
        "010", Decimal("1.10"), False,
    )  # fmt: skip


def test_short_forms_are_read():
    shop = read_shop(
        {
            "tenant": TENANT,
            "categories": ["Fruit", {"name": "Drinks"}],
            "products": [{"sku": "A", "name": "A", "unit_price": "1", "barcodes": ["1", "2*6", {"code": "3"}]}],
        }
    )
    assert [each.name for each in shop.categories] == ["Fruit", "Drinks"]
    codes = {each.code: each.quantity for each in shop.products[0].barcodes}
    assert codes == {"1": 1, "2": 6, "3": 1}


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (None, ["file"]),
        ([], ["file"]),
        ({}, ["tenant"]),
        ({"tenant": {**TENANT, "slug": "Not A Slug"}}, ["tenant.slug"]),
        ({"tenant": {**TENANT, "currency": "XXX"}}, ["tenant.currency"]),
        ({"tenant": {**TENANT, "extra": "1"}}, ["tenant"]),
        ({"tenant": TENANT, "outlet": []}, ["outlet"]),
        ({"tenant": TENANT, "outlets": {"code": "x"}}, ["outlets"]),
        ({"tenant": TENANT, "outlets": ["x"]}, ["outlets[0]"]),
        ({"tenant": TENANT, "outlets": [{"code": "x", "name": "X", "registers": "y"}]}, ["outlets[0].registers"]),
        ({"tenant": TENANT, "staff": [{"code": "1", "name": "A", "role": "device"}]}, ["staff[0]"]),
        ({"tenant": TENANT, "staff": [{"code": "1", "name": "A", "pin": "4711"}]}, ["staff[0].pin"]),
        ({"tenant": TENANT, "products": [{"sku": "A", "name": "A", "unit_price": "-1"}]}, ["products[0]"]),
        ({"tenant": TENANT, "categories": ["A", "A"]}, ["categories"]),
        (
            {
                "tenant": TENANT,
                "staff": [{"code": "a", "name": "A"}, {"code": "A", "name": "B"}],
                "outlets": [
                    {"code": "x", "name": "X", "registers": [{"code": "t", "name": "T"}, {"code": "t", "name": "U"}]}
                ],
            },
            ["staff", "outlets.x.registers"],
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_place(data, fields):
    assert problems(data) == fields


def test_every_mistake_is_listed_not_just_the_first():
    data = {
        "tenant": {**TENANT, "zone": "Nowhere"},
        "taxes": [{"code": "a"}, {"code": "b", "name": "B", "amount": "x", "included": "true"}],
        "products": [{"sku": "A"}, {"sku": "B", "name": "B", "unit_price": "1.23456"}],
    }
    assert problems(data) == ["tenant.zone", "taxes[0]", "taxes[1].amount", "products[0]", "products[1]"]


KEYS = st.sampled_from(["tenant", "taxes", "outlets", "staff", "products", "code", "name"])
NONSENSE = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(NONSENSE)
def test_nonsense_is_refused_and_never_breaks_the_reader(data):
    with pytest.raises(BadShopFile):
        read_shop(data)


@pytest.mark.parametrize("country", sorted(_KNOWN))
def test_what_is_suggested_for_a_country_makes_a_valid_shop(country):
    likely = suggest(country)
    assert likely.currency in CURRENCIES
    assert likely.zone == "" or checked_zone(likely.zone)
    taxes, classes = taxes_of(likely.rates, likely.tax_name, included=likely.included)
    shop = read_shop({"tenant": {**TENANT, "country": country}, "taxes": taxes, "tax_classes": classes})
    assert shop.tax_classes[0].code == "standard"
    assert len(shop.tax_classes) == len(likely.rates)
    assert {tax for each in shop.tax_classes for tax in each.taxes} == {tax.code for tax in shop.taxes}


def test_germany_and_the_united_states_are_as_people_there_expect():
    germany, states = suggest("DE"), suggest("US")
    assert (germany.currency, germany.zone, germany.rates, germany.included) == (
        "EUR",
        "Europe/Berlin",
        ("19", "7"),
        True,
    )
    assert (states.currency, states.zone, states.included) == ("USD", "", False)


def test_an_unknown_country_gets_a_class_without_tax():
    assert suggest("XX").rates == ()
    assert taxes_of((), "tax", included=True) == ([], [{"code": "standard", "name": "No tax"}])


def test_the_example_of_the_documentation_is_a_valid_shop(tmp_path):
    page = (Path(__file__).resolve().parents[3] / "docs" / "provisioning.md").read_text(encoding="utf-8")
    file = tmp_path / "example.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    shop = load_shop(file, {"ANN_PIN": "482916"})
    assert problems_of(Present(), shop) == []
    assert {each.kind for each in changes_of(Present(), shop)} == {
        "tenant", "tax", "tax_class", "category", "outlet", "register", "staff", "product",
    }  # fmt: skip


def test_the_demos_shop_is_valid():
    shop = load_shop(Path(__file__).resolve().parents[3] / "primepos" / "cli" / "demo" / "shop.yaml", {})
    assert problems_of(Present(), shop) == []
    assert 30 <= len(shop.products) <= 60
    assert len({each.amount for each in shop.taxes if each.amount}) == 2
