"""A tenant as a document: applied to itself it changes nothing, applied to an empty tenant it makes the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.cli.provisioning import Provisioner, load_shop, written_shop
from primepos.core.errors import PermissionDenied
from primepos.domain.outlets.service import create_outlet
from primepos.domain.provisioning.service import apply_shop, export_shop
from primepos.domain.staff.service import create_role, create_staff
from tests.factories import a_shop

if TYPE_CHECKING:
    from pathlib import Path

    from primepos.core.operations import App
    from tests.factories import Shop


def written(app: App, slug: str, folder: Path) -> Path:
    """Write a tenant's document as the command does."""
    found, _ = written_shop(app, slug)
    file = folder / f"{slug}.yaml"
    file.write_text(yaml.safe_dump(found, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def renamed(file: Path, slug: str) -> Path:
    """Write the same document for another tenant."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data["tenant"]["slug"] = slug
    other = file.with_name(f"{slug}.yaml")
    other.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return other


texts = st.text("abc é0:#'\"-", min_size=1, max_size=12).map(str.strip).filter(bool)
prices = st.decimals(min_value=0, max_value=9999, places=4).map(str)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(texts, min_size=1, max_size=4, unique=True),
    price=prices,
    rate=st.decimals(min_value=0, max_value=99, places=3).map(str),
    stock=st.sampled_from(["allow", "warn", "block"]),
    step=st.one_of(st.none(), st.integers(1, 100)),
)
def test_a_document_says_all_of_what_a_document_made(
    app: App, tmp_path: Path, names: list[str], price: str, rate: str, stock: str, step: int | None
) -> None:
    slug = f"t-{uuid4().hex[:12]}"
    made = tmp_path / f"{slug}-made.yaml"
    document: dict[str, Any] = {
        "tenant": {
            "slug": slug,
            "name": names[0],
            "currency": "EUR",
            "zone": "Europe/Berlin",
            "country": "DE",
            "settings": {"stock_policy": stock, "cash_rounding": step and {"step_minor": step}},
        },
        "taxes": [{"code": "no", "name": names[0], "amount": rate, "included": False}],
        "tax_classes": [{"code": "007", "name": names[-1], "taxes": ["no"]}],
        "categories": names,
        "outlets": [{"code": "m", "name": names[0], "registers": [{"code": "1", "name": names[-1]}]}],
        "staff": [{"code": "11", "name": names[0], "outlets": ["m"]}, {"code": "12", "name": names[0]}],
        "users": [{"email": f"{slug}@example.com", "name": "Owner", "role": "owner"}],
        "products": [
            {
                "sku": f"S{number}",
                "name": name,
                "unit_price": price,
                "tax_class": "007",
                "category": name,
                "barcodes": [{"code": f"C{number}", "quantity": "6"}],
            }
            for number, name in enumerate(names)
        ],
    }
    made.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    Provisioner(app, load_shop(made, {})).apply()
    file = written(app, slug, tmp_path)
    assert Provisioner(app, load_shop(file, {})).plan().is_empty

    copy = f"t-{uuid4().hex[:12]}"
    Provisioner(app, load_shop(renamed(file, copy), {})).apply()
    first, second = (yaml.safe_load(written(app, each, tmp_path).read_text("utf-8")) for each in (slug, copy))
    assert first["tenant"].pop("slug") == slug
    assert second["tenant"].pop("slug") == copy
    assert first == second


def test_what_a_document_cannot_say_is_counted_and_nothing_of_it_is_lost_on_the_same_tenant(
    app: App, shop: Shop
) -> None:
    app.run(create_outlet, shop.owner, {"code": "depot", "name": "Depot", "kind": "warehouse"})
    app.run(create_role, shop.owner, {"name": "lead", "title": "Lead"})
    app.run(create_staff, shop.owner, {"code": "8", "name": "Lea", "role": "lead"})
    document = app.run(export_shop, shop.owner, {})
    assert document.left_out == {"staff with a role of the shop's own": 1, "warehouses": 1}
    given_shop = msgspec.to_builtins(document)
    given_shop.pop("left_out")
    assert app.run(apply_shop, shop.owner, {"shop": given_shop}).changes == []


def test_only_an_owner_gets_the_document_and_only_of_their_own(app: App, shop: Shop) -> None:
    other = a_shop(app)
    assert app.run(export_shop, other.owner, {}).tenant["slug"] == other.slug
    for who in (shop.manager, shop.cashier, shop.accountant, shop.device):
        with pytest.raises(PermissionDenied):
            app.run(export_shop, who, {})
