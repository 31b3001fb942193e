"""Compares a shop's document with what a tenant has: what is wrong, what is new, what differs. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.domain.outlets.queries import default_prefix
from primepos.domain.provisioning.schemas import Change, Kind, ShopFile, given_settings, plain
from primepos.domain.staff.pins import code_of
from primepos.domain.tenancy.schemas import TenantSettings
from primepos.pricing.check_digits import classify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from primepos.domain.accounts.schemas import UserOut
    from primepos.domain.catalog.schemas import UpsertProduct
    from primepos.domain.provisioning.reading import Problems
    from primepos.domain.provisioning.schemas import OutletSpec, StaffSpec, UserSpec

Fields = dict[str, Any]
_GTIN_LENGTHS = frozenset({8, 12, 13, 14})
_TAX_FIELDS = ("name", "kind", "amount", "included", "affects_base", "base_affected")
STANDARD = "standard"


@dataclass(slots=True)
class Present:
    """What a tenant has, by the names that a file uses. A field ``archived`` says that a thing is out of use."""

    tenant: Fields | None = None
    taxes: dict[str, Fields] = field(default_factory=dict)
    tax_classes: dict[str, Fields] = field(default_factory=dict)
    categories: dict[str, Fields] = field(default_factory=dict)
    outlets: dict[str, Fields] = field(default_factory=dict)
    registers: dict[tuple[str, str], Fields] = field(default_factory=dict)
    staff: dict[str, Fields] = field(default_factory=dict)
    products: dict[str, Fields] = field(default_factory=dict)
    barcodes: dict[str, str] = field(default_factory=dict)


def changes_of(present: Present, shop: ShopFile) -> list[Change]:
    """Return every thing of the file as new, different or right already, in the order in which things are made."""
    return [
        _tenant(present, shop),
        *(_compared("tax", each.code, present.taxes.get(each.code), _tax(each)) for each in shop.taxes),
        *(
            _compared(
                "tax_class",
                each.code,
                present.tax_classes.get(each.code),
                {"name": each.name, "taxes": each.taxes, "archived": False},
            )
            for each in shop.tax_classes
        ),
        *(
            _compared("category", each.name, present.categories.get(each.name), {"archived": False})
            for each in shop.categories
        ),
        *(change for outlet in shop.outlets for change in _outlet(present, outlet)),
        *(_person(present, each) for each in shop.staff),
        *(_product(present, each) for each in shop.products),
    ]


def _compared(kind: Kind, name: str, before: Fields | None, after: Fields) -> Change:
    if before is None:
        return Change(kind=kind, name=name, action="created")
    differ = {key: [plain(before.get(key)), plain(value)] for key, value in after.items() if before.get(key) != value}
    return Change(kind=kind, name=name, action="changed" if differ else "unchanged", fields=differ)


def _tenant(present: Present, shop: ShopFile) -> Change:
    wanted = shop.tenant
    before = present.tenant
    after: Fields = {"name": wanted.name, "zone": wanted.zone, "day_starts_hour": wanted.day_starts_hour}
    if before is not None:
        settings = msgspec.to_builtins(msgspec.convert(before["settings"], TenantSettings))
        before = {**before, **{f"settings.{key}": value for key, value in settings.items()}}
        after |= {
            f"settings.{key}": msgspec.to_builtins(value) for key, value in given_settings(wanted.settings).items()
        }
    return _compared("tenant", wanted.slug, before, after)


def _tax(tax: Any) -> Fields:
    return {name: getattr(tax, name) for name in _TAX_FIELDS}


def _outlet(present: Present, outlet: OutletSpec) -> Iterator[Change]:
    after = {"name": outlet.name, "address": outlet.address, "archived": False}
    yield _compared("outlet", outlet.code, present.outlets.get(outlet.code), after)
    for each in outlet.registers:
        before = present.registers.get((outlet.code, each.code))
        yield _compared("register", f"{outlet.code}/{each.code}", before, {"name": each.name, "archived": False})


def _person(present: Present, person: StaffSpec) -> Change:
    before = present.staff.get(code_of(person.code))
    outlets = None if person.outlets is None else sorted(person.outlets)
    after: Fields = {"name": person.name, "role": str(person.role), "outlets": outlets, "archived": False}
    if person.pin is not None:
        after["pin"] = "set"
    return _compared("staff", code_of(person.code), before, after)


def needs_pin(present: Present, person: StaffSpec) -> bool:
    """Tell whether a person is to get a PIN: they have none yet, and the file says where one comes from."""
    before = present.staff.get(code_of(person.code))
    return person.pin is not None and (before is None or before["pin"] != "set" or bool(before["archived"]))


def _product(present: Present, product: UpsertProduct) -> Change:
    before = present.products.get(product.sku)
    after: Fields = {"name": product.name, "unit_price": product.unit_price, "archived": False}
    for name in ("tax_class", "category", "sold_by", "track_stock"):
        if getattr(product, name) is not None:
            after[name] = getattr(product, name)
    if before is not None and product.barcodes:
        # Codes are added and never taken off, so those that the product has beside the file's stay.
        codes = {**before["barcodes"], **{stored_form(each.code): each.quantity for each in product.barcodes}}
        before, after = _shown_codes(before), after | _shown_codes({"barcodes": codes})
    return _compared("product", product.sku, before, after)


def _shown_codes(values: Fields) -> Fields:
    codes = [code if quantity == 1 else f"{code}*{plain(quantity)}" for code, quantity in values["barcodes"].items()]
    return {**values, "barcodes": sorted(codes)}


def stored_form(code: str) -> str:
    """Return a barcode as it is stored: a GTIN in its canonical length."""
    return (classify(code).canonical or code) if len(code) in _GTIN_LENGTHS else code


# --- what cannot be --------------------------------------------------------------------------------------------------


def problems_of(present: Present, shop: ShopFile) -> Problems:
    """Return everything that stands in the way of making the tenant be as the file says."""
    return [
        {"field": where, "problem": problem}
        for where, problem in (
            *_tenant_problems(present, shop),
            *_reference_problems(present, shop),
            *_prefix_problems(present, shop),
            *_pin_problems(present, shop),
            *_barcode_problems(present, shop),
        )
    ]


def _tenant_problems(present: Present, shop: ShopFile) -> Iterator[tuple[str, str]]:
    if present.tenant is None:
        return
    for name in ("currency", "country"):
        stored, wanted = present.tenant[name], getattr(shop.tenant, name)
        if stored != wanted and (name == "currency" or wanted):
            yield f"tenant.{name}", f"is {stored or 'not set'} and cannot become {wanted}"


def _reference_problems(present: Present, shop: ShopFile) -> Iterator[tuple[str, str]]:
    taxes = {*present.taxes, *(each.code for each in shop.taxes)}
    for each in shop.tax_classes:
        for code in each.taxes:
            if code not in taxes:
                yield f"tax_classes.{each.code}.taxes", f"there is no tax {code!r}"
    outlets = {*present.outlets, *(each.code for each in shop.outlets)}
    people = [
        *((f"staff.{each.code}", each.outlets) for each in shop.staff),
        *((f"users.{each.email}", each.outlets) for each in shop.users),
    ]
    for where, codes in people:
        for code in codes or ():
            if code not in outlets:
                yield f"{where}.outlets", f"there is no outlet {code!r}"
    classes = {*present.tax_classes, *(each.code for each in shop.tax_classes)}
    has_default = STANDARD in classes or len(classes) == 1
    for product in shop.products:
        if product.tax_class is not None and product.tax_class not in classes:
            yield f"products.{product.sku}.tax_class", f"there is no tax class {product.tax_class!r}"
        if product.tax_class is None and product.sku not in present.products and not has_default:
            yield f"products.{product.sku}.tax_class", "is needed: there is none called standard, nor exactly one"


def _prefix_problems(present: Present, shop: ShopFile) -> Iterator[tuple[str, str]]:
    """Prefixes stand on receipts: unique in the tenant, and for good."""
    taken = {values["prefix"]: f"{outlet}/{code}" for (outlet, code), values in present.registers.items()}
    for outlet in shop.outlets:
        wanted = [("server", outlet.server_prefix, default_prefix(outlet.code, "0"))]
        wanted += [(each.code, each.prefix, default_prefix(outlet.code, each.code)) for each in outlet.registers]
        if any(each.code == "server" for each in outlet.registers):
            yield f"outlets.{outlet.code}.registers", "'server' is the server's own register"
        for code, given, default in wanted:
            name = f"{outlet.code}/{code}"
            stored = present.registers.get((outlet.code, code))
            if stored is None:
                prefix = given or default
                if taken.setdefault(prefix, name) != name:
                    yield f"outlets.{name}.prefix", f"{prefix!r} is the prefix of {taken[prefix]}"
            elif given is not None and given != stored["prefix"]:
                yield f"outlets.{name}.prefix", f"is {stored['prefix']!r} for good: receipts carry it"


def _pin_problems(present: Present, shop: ShopFile) -> Iterator[tuple[str, str]]:
    for each in shop.staff:
        if each.pin is None or not needs_pin(present, each):
            continue
        if each.pin.env is not None and each.pin.value is None:
            yield f"staff.{each.code}.pin", f"the variable {each.pin.env} is not set, and this person has no PIN yet"
        if not each.pin.generate and each.pin.env is None and each.pin.value is None:
            yield f"staff.{each.code}.pin", "write generate, or {env: NAME}"


def _barcode_problems(present: Present, shop: ShopFile) -> Iterator[tuple[str, str]]:
    owners = dict(present.barcodes)
    for product in shop.products:
        for barcode in product.barcodes:
            code = stored_form(barcode.code)
            owner = owners.setdefault(code, product.sku)
            if owner != product.sku:
                yield f"products.{product.sku}.barcodes", f"{barcode.code} belongs to {owner}"
            claims = len(barcode.code) in _GTIN_LENGTHS and classify(barcode.code).check_digit_ok is False
            if claims and not shop.allow_invalid_barcodes and code not in present.barcodes:
                yield f"products.{product.sku}.barcodes", f"{barcode.code} has a wrong check digit"


# --- users -----------------------------------------------------------------------------------------------------------


def user_changes(present: Iterable[UserOut], wanted: Sequence[UserSpec], outlets: Mapping[Any, str]) -> list[Change]:
    """Compare the people who sign in by password; ``outlets`` maps ids to codes. Names are the people's own."""
    known = {each.email: each for each in present}
    found = []
    for each in wanted:
        stored = known.get(each.email.lower())
        before = None
        if stored is not None:
            names = (
                None if stored.outlet_ids is None else sorted(outlets.get(one, str(one)) for one in stored.outlet_ids)
            )
            before = {"role": stored.role, "outlets": names}
        after = {"role": str(each.role), "outlets": None if each.outlets is None else sorted(each.outlets)}
        found.append(_compared("user", each.email.lower(), before, after))
    return found
