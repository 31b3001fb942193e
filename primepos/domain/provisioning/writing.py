"""Writes a tenant as the document that applying it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.domain.accounts.schemas import GIVEN_ROLES
from primepos.domain.provisioning.queries import read_all
from primepos.domain.provisioning.schemas import ShopDocument
from primepos.domain.tenancy.schemas import TenantSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from primepos.core.context import Context

_TAX: Final = ("code", "name", "kind", "amount", "included", "affects_base", "base_affected")


def document(ctx: Context) -> ShopDocument:
    """Return the caller's tenant as a document; ten statements however much there is."""
    found = read_all(ctx)
    tenant = found.tenant or {}
    left_out: dict[str, int] = {}
    people = [each for each in _in_use(found.staff.values()) if each["role"] in GIVEN_ROLES]
    _count(left_out, "staff with a role of the shop's own", len(list(_in_use(found.staff.values()))) - len(people))
    shops = [each for each in _in_use(found.outlets.values()) if each["kind"] == "shop"]
    _count(left_out, "warehouses", len(list(_in_use(found.outlets.values()))) - len(shops))
    plain = [each for each in _in_use(found.products.values()) if each["kind"] == "simple"]
    _count(left_out, "variants and kits", len(list(_in_use(found.products.values()))) - len(plain))
    classes = {each["code"] for each in _in_use(found.tax_classes.values())}
    sellable = [each for each in plain if each["tax_class"] in classes]
    _count(left_out, "products of an archived tax class", len(plain) - len(sellable))
    categories = [each["name"] for each in _in_use(found.categories.values())]
    return ShopDocument(
        tenant={
            **{name: tenant[name] for name in ("slug", "name", "currency", "zone", "country", "day_starts_hour")},
            "settings": msgspec.to_builtins(msgspec.convert(tenant["settings"], TenantSettings)),
        },
        taxes=[{name: _text(each[name]) for name in _TAX} for each in found.taxes.values()],
        tax_classes=[
            {name: each[name] for name in ("code", "name", "taxes")} for each in _in_use(found.tax_classes.values())
        ],
        categories=categories,
        outlets=[_outlet(each, found.registers) for each in shops],
        staff=[_person(each, {shop["code"] for shop in shops}) for each in people],
        products=[_product(each, set(categories)) for each in sellable],
        left_out=left_out,
    )


def _in_use(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if not row["archived"]]


def _count(left_out: dict[str, int], what: str, number: int) -> None:
    if number:
        left_out[what] = number


def _text(value: object) -> object:
    """Return a decimal as text: it must not become a float on its way."""
    return value if isinstance(value, (bool, int, str)) or value is None else f"{value:f}"


def _outlet(row: dict[str, Any], registers: dict[tuple[str, str], dict[str, Any]]) -> dict[str, object]:
    mine = [each for (outlet, _), each in sorted(registers.items()) if outlet == row["code"]]
    server = [each["prefix"] for each in mine if each["kind"] == "server"]
    return {
        "code": row["code"],
        "name": row["name"],
        "address": row["address"],
        **({"server_prefix": server[0]} if server else {}),
        "registers": [
            {name: each[name] for name in ("code", "name", "prefix")}
            for each in mine
            if each["kind"] == "till" and not each["archived"]
        ],
    }


def _person(row: dict[str, Any], shops: set[str]) -> dict[str, object]:
    outlets = None if row["outlets"] is None else [code for code in row["outlets"] if code in shops]
    return {
        "code": row["code"],
        "name": row["name"],
        "role": row["role"],
        **({"outlets": outlets} if outlets else {}),
    }


def _product(row: dict[str, Any], categories: set[str]) -> dict[str, object]:
    return {
        "sku": row["sku"],
        "name": row["name"],
        "unit_price": _text(row["unit_price"]),
        "tax_class": row["tax_class"],
        **({"category": row["category"]} if row["category"] in categories else {}),
        "sold_by": row["sold_by"],
        "track_stock": row["track_stock"],
        "barcodes": [{"code": code, "quantity": _text(quantity)} for code, quantity in sorted(row["barcodes"].items())],
    }
