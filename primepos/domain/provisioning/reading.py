"""Reads a shop's document and says everything that is wrong with it at once; pure, and without a database.

Values may be text throughout (a YAML file is read that way, so that ``1.10`` is no float, ``NO`` is Norway and ``007``
keeps its zeros); the schemas say what they become.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from primepos.core.errors import InvalidInput
from primepos.domain.catalog.schemas import CreateTax, UpsertProduct
from primepos.domain.provisioning.schemas import (
    CategorySpec,
    OutletSpec,
    RegisterSpec,
    ShopFile,
    StaffSpec,
    TaxClassSpec,
    TenantSpec,
    UserSpec,
)
from primepos.domain.staff.pins import code_of
from primepos.domain.tenancy.schemas import checked_currency, checked_slug, checked_zone

T = TypeVar("T")
Problems = list[dict[str, str]]

SECTIONS: Final[dict[str, type[msgspec.Struct]]] = {
    "taxes": CreateTax,
    "tax_classes": TaxClassSpec,
    "categories": CategorySpec,
    "outlets": OutletSpec,
    "staff": StaffSpec,
    "users": UserSpec,
    "products": UpsertProduct,
}
_KEYS: Final = ("tenant", *SECTIONS, "allow_invalid_barcodes")
_MOST_PROBLEMS: Final = 200


class BadShopFile(InvalidInput):
    """A shop's document is not valid; ``problems`` names every field at fault, and nothing was done."""

    code = "BAD_SHOP_FILE"
    template = "The file is not valid: {count} problem(s)"

    def __init__(self, problems: Problems) -> None:
        super().__init__(count=len(problems), problems=problems[:_MOST_PROBLEMS])


def read_shop(data: object) -> ShopFile:
    """Return a document as a shop.

    Raises:
        BadShopFile: naming everything that is wrong with the document in itself. What it says of things that the
            tenant has already is compared when it is planned.
    """
    problems: Problems = []
    if not isinstance(data, Mapping):
        raise BadShopFile([{"field": "file", "problem": "must be a mapping with tenant, taxes, outlets and so on"}])
    for key in data:
        if key not in _KEYS:
            problems.append({"field": str(key)[:100], "problem": f"is none of {', '.join(_KEYS)}"})
    tenant = _converted(data.get("tenant") or {}, TenantSpec, "tenant", problems)
    if tenant is not None:
        _check_tenant(tenant, problems)
    sections: dict[str, list[Any]] = {}
    for name, shape in SECTIONS.items():
        sections[name] = _section(name, data.get(name), shape, problems)
    flag = _converted(data.get("allow_invalid_barcodes", False), bool, "allow_invalid_barcodes", problems)
    if tenant is None:
        raise BadShopFile(problems)
    shop = ShopFile(tenant=tenant, allow_invalid_barcodes=bool(flag), **sections)
    problems += _repeated(shop)
    if problems:
        raise BadShopFile(problems)
    return shop


def _section(name: str, items: object, shape: type[Any], problems: Problems) -> list[Any]:
    if items is None or items == "":
        return []
    if not isinstance(items, list):
        problems.append({"field": name, "problem": "must be a list"})
        return []
    read = []
    for number, item in enumerate(items):
        where = f"{name}[{number}]"
        prepared = _PREPARE.get(name, lambda given, _where, _problems: given)(item, where, problems)
        if prepared is None:
            continue
        found = (
            _outlet(prepared, where, problems) if name == "outlets" else _converted(prepared, shape, where, problems)
        )
        if found is not None:
            read.append(found)
    return read


def _outlet(item: Any, where: str, problems: Problems) -> OutletSpec | None:
    """Read an outlet and its tills one by one, so that a second till's mistake shows beside the first's."""
    if not isinstance(item, Mapping):
        return _converted(item, OutletSpec, where, problems)
    registers = item.get("registers") or []
    if not isinstance(registers, list):
        problems.append({"field": f"{where}.registers", "problem": "must be a list"})
        registers = []
    tills = [
        _converted(each, RegisterSpec, f"{where}.registers[{number}]", problems)
        for number, each in enumerate(registers)
    ]
    outlet = _converted({**item, "registers": []}, OutletSpec, where, problems)
    if outlet is None:
        return None
    return msgspec.structs.replace(outlet, registers=[each for each in tills if each is not None])


def _category(item: Any, _where: str, _problems: Problems) -> Any:
    """Read ``Fruit`` as ``{name: Fruit}``."""
    return {"name": item} if isinstance(item, str) else item


def _person(item: Any, where: str, problems: Problems) -> Any:
    """Read ``pin: generate``; refuse a PIN that stands in the file."""
    if not isinstance(item, Mapping) or not isinstance(item.get("pin"), str):
        return item
    if item["pin"] == "generate":
        return {**item, "pin": {"generate": True}}
    problem = "a PIN does not belong in a file: write generate, or {env: NAME} for a variable that holds it"
    problems.append({"field": f"{where}.pin", "problem": problem})
    return None


def _product(item: Any, _where: str, _problems: Problems) -> Any:
    """Read barcodes as ``CODE`` or ``CODE*N``, one or a list of them."""
    if not isinstance(item, Mapping) or not item.get("barcodes"):
        return item
    given = item["barcodes"]
    codes = [given] if isinstance(given, str) else given
    if not isinstance(codes, list):
        return item
    return {**item, "barcodes": [_code(each) if isinstance(each, str) else each for each in codes]}


def _code(text: str) -> dict[str, str]:
    code, _, quantity = text.partition("*")
    return {"code": code, "quantity": quantity or "1"}


_PREPARE: Final = {"categories": _category, "staff": _person, "products": _product}


def _converted(value: Any, shape: type[T], where: str, problems: Problems) -> T | None:
    try:
        return msgspec.convert(value, shape, strict=False)
    except (msgspec.ValidationError, InvalidInput, ValueError) as error:
        text, _, path = str(error).partition(" - at `$")
        problems.append({"field": f"{where}{path.rstrip('`')}", "problem": text})
        return None


def _check_tenant(tenant: TenantSpec, problems: Problems) -> None:
    for name, check in (("slug", checked_slug), ("currency", checked_currency), ("zone", checked_zone)):
        try:
            check(getattr(tenant, name))
        except InvalidInput as error:
            problems.append({"field": f"tenant.{name}", "problem": error.message})


def _repeated(shop: ShopFile) -> Problems:
    """Name what stands twice and may not."""
    names: dict[str, Iterable[str]] = {
        "taxes": (each.code for each in shop.taxes),
        "tax_classes": (each.code for each in shop.tax_classes),
        "categories": (each.name for each in shop.categories),
        "outlets": (each.code for each in shop.outlets),
        "staff": (code_of(each.code) for each in shop.staff),
        "users": (each.email.lower() for each in shop.users),
        "products": (each.sku for each in shop.products),
    }
    for outlet in shop.outlets:
        names[f"outlets.{outlet.code}.registers"] = (each.code for each in outlet.registers)
    return [
        {"field": where, "problem": f"{name!r} stands {times} times"}
        for where, given in names.items()
        for name, times in Counter(given).items()
        if times > 1
    ]
