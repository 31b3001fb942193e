"""Reads what a tenant has, by the names that a shop's document uses, and makes it be as the document says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.core.ids import new_id
from primepos.core.security import check_pin, hash_pin
from primepos.domain.catalog.queries import ensure_category, ensure_tax, ensure_tax_class, upsert_products
from primepos.domain.catalog.queries.products import lock_catalogue
from primepos.domain.outlets.queries import ensure_outlet, ensure_register
from primepos.domain.plans.room import require_room
from primepos.domain.provisioning.comparing import Present, needs_pin, stored_form
from primepos.domain.provisioning.schemas import Change, MadePin, ShopFile, given_settings
from primepos.domain.staff.pins import code_of, random_pin
from primepos.domain.staff.queries import change_staff, insert_staff
from primepos.domain.tenancy.queries import change_tenant, tenant_by_id

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.provisioning.schemas import StaffSpec

BATCH: Final = 2000

_CLASSES: Final = """
    SELECT c.code, c.name, c.archived_at IS NOT NULL AS archived,
           coalesce((SELECT array_agg(t.code ORDER BY k.sequence) FROM tax_class_taxes k
                       JOIN taxes t ON t.tenant_id = k.tenant_id AND t.id = k.tax_id
                      WHERE k.tenant_id = c.tenant_id AND k.tax_class_id = c.id), '{}') AS taxes
      FROM tax_classes c WHERE c.tenant_id = %s
"""
_REGISTERS: Final = """
    SELECT o.code AS outlet, r.code, r.name, r.prefix, r.kind, r.archived_at IS NOT NULL AS archived
      FROM registers r JOIN outlets o ON o.tenant_id = r.tenant_id AND o.id = r.outlet_id WHERE r.tenant_id = %s
"""
_STAFF: Final = """
    SELECT s.id, s.code, s.name, s.role, s.archived_at IS NOT NULL AS archived,
           CASE WHEN s.pin_hash IS NULL THEN 'none' ELSE 'set' END AS pin,
           (SELECT array_agg(o.code ORDER BY o.code) FROM outlets o
             WHERE o.tenant_id = s.tenant_id AND o.id = ANY (s.outlet_ids)) AS outlets
      FROM staff s WHERE s.tenant_id = %s
"""
_PRODUCTS: Final = """
    SELECT p.sku, p.name, p.unit_price, p.kind, t.code AS tax_class, c.name AS category, p.sold_by, p.track_stock,
           p.archived_at IS NOT NULL AS archived,
           (SELECT array_agg(b.code ORDER BY b.code) FROM product_barcodes b
             WHERE b.tenant_id = p.tenant_id AND b.product_id = p.id) AS codes,
           (SELECT array_agg(b.quantity ORDER BY b.code) FROM product_barcodes b
             WHERE b.tenant_id = p.tenant_id AND b.product_id = p.id) AS quantities
      FROM products p JOIN tax_classes t ON t.tenant_id = p.tenant_id AND t.id = p.tax_class_id
      LEFT JOIN categories c ON c.tenant_id = p.tenant_id AND c.id = p.category_id
     WHERE p.tenant_id = %(tenant)s AND (%(skus)s::text[] IS NULL OR p.sku = ANY (%(skus)s)) ORDER BY p.sku
"""


def take_turns(ctx: Context) -> None:
    """Wait for whoever else applies a file to this tenant or changes its catalogue, until the commit."""
    lock_catalogue(ctx)


def read_present(ctx: Context, shop: ShopFile) -> Present:
    """Return what the tenant has of the things that the document names."""
    skus = [each.sku for each in shop.products]
    return _present(ctx, skus, [stored_form(code.code) for each in shop.products for code in each.barcodes])


def read_all(ctx: Context) -> Present:
    """Return everything that the tenant has and a document could name."""
    return _present(ctx, None, [])


def _present(ctx: Context, skus: list[str] | None, codes: list[str]) -> Present:
    tenant = (ctx.tenant_id,)
    rows = ctx.uow.rows
    return Present(
        tenant=tenant_by_id(ctx.uow, ctx.tenant_id),
        taxes={
            row["code"]: row
            for row in rows(
                "SELECT code, name, kind, amount, included, affects_base, base_affected FROM taxes"
                " WHERE tenant_id = %s",
                tenant,
            )
        },
        tax_classes={row["code"]: row for row in rows(_CLASSES, tenant)},
        categories={
            row["name"]: row
            for row in rows(
                "SELECT name, archived_at IS NOT NULL AS archived FROM categories WHERE tenant_id = %s", tenant
            )
        },
        outlets={
            row["code"]: row
            for row in rows(
                "SELECT id, code, name, address, kind, archived_at IS NOT NULL AS archived FROM outlets"
                " WHERE tenant_id = %s",
                tenant,
            )
        },
        registers={(row["outlet"], row["code"]): row for row in rows(_REGISTERS, tenant)},
        staff={row["code"]: row for row in rows(_STAFF, tenant)},
        products={row["sku"]: _with_codes(row) for row in rows(_PRODUCTS, {"tenant": ctx.tenant_id, "skus": skus})},
        barcodes={
            row["code"]: row["sku"]
            for row in rows(
                "SELECT b.code, p.sku FROM product_barcodes b"
                " JOIN products p ON p.tenant_id = b.tenant_id AND p.id = b.product_id"
                " WHERE b.tenant_id = %s AND b.code = ANY (%s::text[])",
                (ctx.tenant_id, codes),
            )
        },
    )


def _with_codes(row: dict[str, Any]) -> dict[str, Any]:
    codes, quantities = row.pop("codes") or [], row.pop("quantities") or []
    return {**row, "barcodes": dict(zip(codes, quantities, strict=True))}


def write(ctx: Context, shop: ShopFile, present: Present, changes: Collection[Change]) -> list[MadePin]:
    """Make what is new and change what differs; return the PINs that were made."""
    todo = {(each.kind, each.name) for each in changes if each.action != "unchanged"}
    _write_tenant(ctx, shop, todo)
    for tax in shop.taxes:
        if ("tax", tax.code) in todo:
            ensure_tax(ctx, tax)
    for tax_class in shop.tax_classes:
        if ("tax_class", tax_class.code) in todo:
            ensure_tax_class(ctx, tax_class.code, tax_class.name, tax_class.taxes)
    for category in shop.categories:
        if ("category", category.name) in todo:
            ensure_category(ctx, category.name)
    _write_outlets(ctx, shop, todo)
    _use_again(ctx, "tax_classes", present.tax_classes, {name for kind, name in todo if kind == "tax_class"})
    _use_again(ctx, "categories", present.categories, {name for kind, name in todo if kind == "category"})
    _use_again(ctx, "outlets", present.outlets, {name for kind, name in todo if kind == "outlet"})
    _use_registers_again(ctx, present, {name for kind, name in todo if kind == "register"})
    pins = _write_staff(ctx, shop, present, todo)
    products = [each for each in shop.products if ("product", each.sku) in todo]
    for start in range(0, len(products), BATCH):
        upsert_products(ctx, products[start : start + BATCH])
    _use_again(ctx, "products", present.products, {each.sku for each in products})
    # What was taken into use again, beside what asked for itself.
    require_room(ctx.uow, ctx.tenant_id, "outlets", "registers", "users", "products")
    return pins


def _write_tenant(ctx: Context, shop: ShopFile, todo: set[tuple[Any, str]]) -> None:
    wanted = shop.tenant
    if ("tenant", wanted.slug) in todo:
        values = {"name": wanted.name, "zone": wanted.zone, "day_starts_hour": wanted.day_starts_hour}
        settings = {name: msgspec.to_builtins(value) for name, value in given_settings(wanted.settings).items()}
        change_tenant(ctx.uow, ctx.tenant_id, values, settings)


def _write_outlets(ctx: Context, shop: ShopFile, todo: set[tuple[Any, str]]) -> None:
    for spec in shop.outlets:
        mine = [each for each in spec.registers if ("register", f"{spec.code}/{each.code}") in todo]
        if ("outlet", spec.code) not in todo and not mine:
            continue
        outlet, _ = ensure_outlet(ctx, spec.code, spec.name, spec.address, spec.server_prefix)
        for each in mine:
            ensure_register(ctx, outlet, each.code, each.name, each.prefix)


_USE_AGAIN: Final = {
    "tax_classes": "UPDATE tax_classes SET archived_at = NULL WHERE tenant_id = %s AND code = ANY (%s::text[])",
    "categories": "UPDATE categories SET archived_at = NULL WHERE tenant_id = %s AND name = ANY (%s::text[])",
    "outlets": "UPDATE outlets SET archived_at = NULL WHERE tenant_id = %s AND code = ANY (%s::text[])",
    "products": "UPDATE products SET archived_at = NULL, updated_at = now()"
    " WHERE tenant_id = %s AND sku = ANY (%s::text[])",
}


def _use_again(ctx: Context, table: str, present: dict[str, Any], names: set[str]) -> None:
    """Take archived things into use again that the document names."""
    archived = sorted(name for name in names if name in present and present[name]["archived"])
    if archived:
        ctx.uow.run(_USE_AGAIN[table], (ctx.tenant_id, archived))


def _use_registers_again(ctx: Context, present: Present, names: set[str]) -> None:
    for (outlet, code), values in present.registers.items():
        if values["archived"] and f"{outlet}/{code}" in names:
            ctx.uow.run(
                "UPDATE registers r SET archived_at = NULL FROM outlets o WHERE r.tenant_id = %s AND r.code = %s"
                " AND o.tenant_id = r.tenant_id AND o.id = r.outlet_id AND o.code = %s",
                (ctx.tenant_id, code, outlet),
            )


def _write_staff(ctx: Context, shop: ShopFile, present: Present, todo: set[tuple[Any, str]]) -> list[MadePin]:
    people = [each for each in shop.staff if ("staff", code_of(each.code)) in todo]
    if not people:
        return []
    ids = {
        row["code"]: row["id"]
        for row in ctx.uow.rows("SELECT code, id FROM outlets WHERE tenant_id = %s", (ctx.tenant_id,))
    }
    made = []
    for person in people:
        pin = _pin(person) if needs_pin(present, person) else None
        _write_person(ctx, person, present.staff.get(code_of(person.code)), ids, pin)
        if pin is not None and person.pin is not None and person.pin.generate:
            made.append(MadePin(code=code_of(person.code), name=person.name, pin=pin))
    return made


def _pin(person: StaffSpec) -> str | None:
    """Return the PIN somebody is to get. Raises ``WEAK_PIN``."""
    if person.pin is None:
        return None
    return random_pin() if person.pin.generate else check_pin(person.pin.value or "")


def _write_person(
    ctx: Context, person: StaffSpec, stored: dict[str, Any] | None, outlet_ids: dict[str, UUID], pin: str | None
) -> None:
    values: dict[str, Any] = {
        "name": person.name,
        "role": str(person.role),
        "outlet_ids": None if person.outlets is None else [outlet_ids[code] for code in person.outlets],
    }
    pin_hash = None if pin is None else hash_pin(pin, ctx.settings.pin_pepper)
    if stored is None:
        more = {"id": new_id(), "code": code_of(person.code), "pin_hash": pin_hash, "user_id": None}
        insert_staff(ctx.uow, ctx.tenant_id, {**values, **more})
        return
    fresh: dict[str, Any] = {"pin_hash": pin_hash, "pin_failures": 0, "pin_locked_at": None}
    if stored["archived"]:
        # Whoever left has lost their PIN, even where the file names no new one.
        values |= {"archived_at": None, **fresh}
    elif pin_hash is not None:
        values |= fresh
    change_staff(ctx.uow, ctx.tenant_id, stored["id"], **values)
