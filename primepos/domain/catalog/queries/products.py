"""Products: reading them, finding them, pulling what changed, changing them.

Statements name their tenant; row-level security stands behind that.
"""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from primepos.core.ids import new_id
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.catalog.errors import (
    BadCheckDigit,
    BarcodeTaken,
    ProductNotFound,
    RepeatedBarcode,
)
from primepos.domain.catalog.schemas import (
    BarcodeIn,
    BarcodeOut,
    ComponentOut,
    ImageOut,
    ListProducts,
    OptionOut,
    ProductOut,
    ProductPage,
    ProductRow,
    SearchHit,
    SnapshotProduct,
    UnitOut,
)
from primepos.domain.plans.room import require_room
from primepos.pricing.check_digits import classify

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal
    from uuid import UUID

    from primepos.core.context import Context

# Codes that claim to be a GTIN; only those are checked, and brought to their canonical length.
_GTIN_LENGTHS: Final = frozenset({8, 12, 13, 14})
# The first number of the advisory lock that products_touch() takes too; the second is the tenant.
_LOCK: Final = 7767

_UNIT: Final = "coalesce(p.unit, CASE p.sold_by WHEN 'weight' THEN 'kg' ELSE 'piece' END) AS unit"
_ROW: Final = (
    "p.id, p.sku, p.name, p.unit_price, t.code AS tax_class, c.name AS category, p.sold_by, p.track_stock,"
    f" p.version, p.archived_at, p.kind, {_UNIT}, o.sku AS parent_sku,"
    " coalesce(v.option_values, '{}') AS option_values"
)
_VARIANT: Final = (
    " LEFT JOIN product_variants v ON v.tenant_id = p.tenant_id AND v.product_id = p.id"
    " LEFT JOIN products o ON o.tenant_id = v.tenant_id AND o.id = v.parent_id"
)
_CATEGORY: Final = (
    " FROM products p JOIN tax_classes t ON t.tenant_id = p.tenant_id AND t.id = p.tax_class_id"
    " LEFT JOIN categories c ON c.tenant_id = p.tenant_id AND c.id = p.category_id"
)
_JOINED: Final = f"{_CATEGORY}{_VARIANT}"
# Decimals travel as texts: the reader of JSON would make floats of numbers.
_UNITS: Final = (
    "(SELECT json_agg(json_build_object('code', u.code, 'name', u.name, 'factor', u.factor::text,"
    " 'unit_price', coalesce(u.unit_price, round(p.unit_price * u.factor, 4))::text,"
    " 'has_own_price', u.unit_price IS NOT NULL) ORDER BY u.factor)"
    " FROM product_units u WHERE u.tenant_id = p.tenant_id AND u.product_id = p.id) AS units"
)
_COMPONENTS: Final = (
    "CASE p.kind WHEN 'kit' THEN (SELECT json_agg(json_build_object('product_id', m.id, 'sku', m.sku, 'name', m.name,"
    " 'quantity', k.quantity::text) ORDER BY k.position)"
    " FROM kit_components k JOIN products m ON m.tenant_id = k.tenant_id AND m.id = k.component_id"
    " WHERE k.tenant_id = p.tenant_id AND k.kit_id = p.id) END AS components"
)
_OPTIONS: Final = (
    "CASE p.kind WHEN 'parent' THEN (SELECT json_agg(json_build_object('name', n.name, 'values', n.option_values)"
    " ORDER BY n.position) FROM product_options n WHERE n.tenant_id = p.tenant_id AND n.product_id = p.id) END"
    " AS options"
)
_IMAGE: Final = (
    "(SELECT json_build_object('media_type', i.media_type, 'width', i.width, 'height', i.height, 'size', i.size,"
    " 'added_at', i.added_at) FROM product_images i WHERE i.tenant_id = p.tenant_id AND i.product_id = p.id) AS image"
)
_CODES: Final = (
    " LEFT JOIN LATERAL (SELECT array_agg(b.code ORDER BY b.code) AS codes,"
    " array_agg(b.quantity ORDER BY b.code) AS quantities FROM product_barcodes b"
    " WHERE b.tenant_id = p.tenant_id AND b.product_id = p.id) k ON true"
)
_WHOLE: Final = (
    f"SELECT {_ROW}, p.tax_class_id, p.category_id, p.created_at, p.updated_at, p.content_quantity, p.content_unit,"
    " p.tare, p.tracking, p.minimum_age, p.kit_price, v.parent_id, k.codes, k.quantities,"
    f" {_UNITS}, {_COMPONENTS}, {_OPTIONS}, {_IMAGE}{_JOINED}{_CODES}"
)
_BY_ID: Final = f"{_WHOLE} WHERE p.tenant_id = %(tenant)s AND p.id = %(id)s"
_BY_SKU: Final = f"{_WHOLE} WHERE p.tenant_id = %(tenant)s AND p.sku = %(sku)s"
_PAGE: Final = (
    f"SELECT {_ROW}{_JOINED} WHERE p.tenant_id = %(tenant)s AND (p.archived_at IS NOT NULL) = %(archived)s"
    " AND (%(category)s::uuid IS NULL OR p.category_id = %(category)s::uuid)"
    " AND (%(parent)s::uuid IS NULL OR v.parent_id = %(parent)s::uuid)"
)
_PAGES: Final = {
    ("sku", False): f"{_PAGE} ORDER BY p.sku LIMIT %(limit)s",
    ("sku", True): f"{_PAGE} AND p.sku > %(sku)s ORDER BY p.sku LIMIT %(limit)s",
    ("name", False): f"{_PAGE} ORDER BY p.name, p.id LIMIT %(limit)s",
    ("name", True): f"{_PAGE} AND (p.name, p.id) > (%(name)s, %(id)s::uuid) ORDER BY p.name, p.id LIMIT %(limit)s",
}
_CHANGED: Final = (
    "SELECT p.id, p.sku, p.name, p.unit_price, p.tax_class_id, c.name AS category, p.sold_by, p.track_stock,"
    " p.version, p.archived_at IS NOT NULL OR p.kind = 'parent' AS archived, k.codes, k.quantities, p.kind,"
    f" {_UNIT}, p.tare, p.tracking, p.minimum_age, {_UNITS}, {_COMPONENTS}"
    f"{_CATEGORY}{_CODES} WHERE p.tenant_id = %(tenant)s AND p.version > %(after)s ORDER BY p.version LIMIT %(limit)s"
)
_FOUND: Final = """
    SELECT 'barcode' AS found_by, b.code, b.quantity, b.product_id
      FROM product_barcodes b JOIN products p ON p.tenant_id = b.tenant_id AND p.id = b.product_id
     WHERE b.tenant_id = %(tenant)s AND b.code = ANY(%(codes)s) AND p.archived_at IS NULL AND p.kind <> 'parent'
    UNION ALL
    SELECT 'sku', p.sku, 1, p.id FROM products p
     WHERE p.tenant_id = %(tenant)s AND p.sku = ANY(%(codes)s) AND p.archived_at IS NULL AND p.kind <> 'parent'
"""
_SEARCH: Final = (
    "SELECT f.id, f.sku, f.name, f.unit_price, f.rank, p.kind, o.sku AS parent_sku"
    " FROM primepos_search_products(%(query)s, %(limit)s) WITH ORDINALITY AS f(id, sku, name, unit_price, rank, place)"
    f" JOIN products p ON p.tenant_id = %(tenant)s AND p.id = f.id{_VARIANT} ORDER BY f.place"
)
_ADD: Final = (
    "INSERT INTO products (tenant_id, id, sku, name, category_id, tax_class_id, unit_price, sold_by, track_stock, unit,"
    " content_quantity, content_unit, tare, tracking, minimum_age)"
    " VALUES (%(tenant)s, %(id)s, %(sku)s, %(name)s, %(category_id)s, %(tax_class_id)s, %(unit_price)s, %(sold_by)s,"
    " %(track_stock)s, %(unit)s, %(content_quantity)s, %(content_unit)s, %(tare)s, %(tracking)s, %(minimum_age)s)"
)
_CHANGE: Final = (
    "UPDATE products SET sku = %(sku)s, name = %(name)s, category_id = %(category_id)s,"
    " tax_class_id = %(tax_class_id)s, unit_price = %(unit_price)s, sold_by = %(sold_by)s,"
    " track_stock = %(track_stock)s, archived_at = %(archived_at)s, unit = %(unit)s, tare = %(tare)s,"
    " content_quantity = %(content_quantity)s, content_unit = %(content_unit)s, tracking = %(tracking)s,"
    " minimum_age = %(minimum_age)s, kind = %(kind)s, kit_price = %(kit_price)s, updated_at = now()"
    " WHERE tenant_id = %(tenant)s AND id = %(id)s"
)
_LOG_PRICE: Final = (
    "INSERT INTO price_changes (tenant_id, product_id, old_price, new_price, actor_id, actor_name)"
    " VALUES (%s, %s, %s, %s, %s, %s)"
)
Picked = Literal["named", "repriced"]
_PICKED: Final[dict[Picked, str]] = {
    "named": "(p.id = ANY(%(ids)s) OR p.sku = ANY(%(skus)s))",
    "repriced": "p.archived_at IS NULL AND p.kind <> 'parent' AND EXISTS (SELECT FROM price_changes h"
    " WHERE h.tenant_id = p.tenant_id AND h.product_id = p.id AND h.at >= %(since)s)",
}


def lock_catalogue(ctx: Context) -> None:
    """Take turns with everybody who changes products of this tenant, until the commit.

    Called before anything is read, so that what is read is the newest there is. Reading never waits.
    """
    ctx.uow.rows("SELECT pg_advisory_xact_lock(%s, %s)", (_LOCK, ctx.tenant_id))


def get_product(ctx: Context, product_id: UUID | None = None, sku: str | None = None) -> ProductOut:
    """Return a product by id or SKU. Raises: :class:`ProductNotFound`."""
    if product_id is not None:
        found = ctx.uow.rows(_BY_ID, {"tenant": ctx.tenant_id, "id": product_id})
    else:
        found = ctx.uow.rows(_BY_SKU, {"tenant": ctx.tenant_id, "sku": sku})
    if not found:
        raise ProductNotFound(product=str(product_id if product_id is not None else sku))
    return ProductOut(barcodes=_barcodes(found[0]), **_shaped(found[0]))


def whole_products(ctx: Context, which: Picked, values: dict[str, Any], limit: int) -> list[ProductOut]:
    """Return the products that were picked in one of our ways, whole, by SKU, at most so many."""
    found = ctx.uow.rows(
        f"{_WHOLE} WHERE p.tenant_id = %(tenant)s AND {_PICKED[which]} ORDER BY p.sku LIMIT %(limit)s",
        {**values, "tenant": ctx.tenant_id, "limit": limit},
    )
    return [ProductOut(barcodes=_barcodes(row), **_shaped(row)) for row in found]


def list_products(ctx: Context, data: ListProducts) -> ProductPage:
    """Return a page of products; one row more is read to know whether there is another page."""
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "archived": data.archived,
        "category": data.category_id,
        "parent": data.parent_id,
        "limit": data.limit + 1,
    }
    if data.after is not None:
        if data.order == "sku":
            (values["sku"],) = decode_cursor(data.after, str)
        else:
            values["name"], values["id"] = decode_cursor(data.after, str, str)
    found = [ProductRow(**row) for row in ctx.uow.rows(_PAGES[data.order, data.after is not None], values)]
    page, last = found[: data.limit], len(found) <= data.limit
    if last:
        return ProductPage(items=page, next=None)
    end = page[-1]
    return ProductPage(
        items=page, next=encode_cursor(end.sku) if data.order == "sku" else encode_cursor(end.name, str(end.id))
    )


def search_products(ctx: Context, query: str, limit: int) -> list[SearchHit]:
    """Return products by words, SKU or barcode, best first; a GTIN is found in whichever length it is typed."""
    words = unicodedata.normalize("NFC", query)
    hits = _search(ctx, words, limit)
    canonical = stored_code(words.strip(), allow_invalid=True)
    if not hits and canonical != words.strip():
        return _search(ctx, canonical, limit)
    return hits


def _search(ctx: Context, query: str, limit: int) -> list[SearchHit]:
    found = ctx.uow.rows(_SEARCH, {"tenant": ctx.tenant_id, "query": query, "limit": limit})
    return [SearchHit(exact=row.pop("rank") == 0, **row) for row in found]


def find_codes(ctx: Context, codes: Sequence[str]) -> dict[tuple[str, str], tuple[UUID, Decimal]]:
    """Return what is on sale under any of these codes: (``barcode`` or ``sku``, code) to product and pack quantity."""
    found = ctx.uow.rows(_FOUND, {"tenant": ctx.tenant_id, "codes": list(codes)})
    return {(row["found_by"], row["code"]): (row["product_id"], row["quantity"]) for row in found}


def changed_products(ctx: Context, after: int, limit: int) -> list[SnapshotProduct]:
    """Return up to ``limit`` products with a version above ``after``, in the order of versions, archived ones too."""
    found = ctx.uow.rows(_CHANGED, {"tenant": ctx.tenant_id, "after": after, "limit": limit})
    return [SnapshotProduct(barcodes=_barcodes(row), **_shaped(row)) for row in found]


def add_product(ctx: Context, values: dict[str, Any]) -> UUID:
    """Add a product with its first price. Raises: ``DUPLICATE_SKU``, ``QUOTA_EXCEEDED``."""
    product_id = new_id()
    ctx.uow.run(_ADD, {"tenant": ctx.tenant_id, "id": product_id, **values})
    log_price(ctx, product_id, None, values["unit_price"])
    require_room(ctx.uow, ctx.tenant_id, "products")
    return product_id


def change_product(ctx: Context, product: ProductOut, **values: Any) -> None:
    """Change a product whose tenant's catalogue is locked; fields left out stay as ``product`` says."""
    names = (
        "sku", "name", "category_id", "tax_class_id", "unit_price", "sold_by", "track_stock", "archived_at", "unit",
        "tare", "content_quantity", "content_unit", "tracking", "minimum_age", "kind", "kit_price",
    )  # fmt: skip
    present = {name: getattr(product, name) for name in names}
    ctx.uow.run(_CHANGE, {"tenant": ctx.tenant_id, "id": product.id, **present, **values})


def log_price(ctx: Context, product_id: UUID, old: Decimal | None, new: Decimal) -> None:
    """Remember who changed a price from what to what; ``old`` None is the first price."""
    who = ctx.identity
    ctx.uow.run(_LOG_PRICE, (ctx.tenant_id, product_id, old, new, who.actor_id, who.name[:200]))


def stored_code(code: str, *, allow_invalid: bool) -> str:
    """Return the form in which a code is stored and compared: a GTIN in its canonical length, all else as it is.

    A UPC-A thus meets its EAN-13, whichever a scanner is set to send. Raises: :class:`BadCheckDigit` for a code that
    claims to be a GTIN and is none, unless allowed.
    """
    if len(code) not in _GTIN_LENGTHS:
        return code
    kind = classify(code)
    if kind.check_digit_ok is False and not allow_invalid:
        raise BadCheckDigit(barcode=code)
    return kind.canonical or code


def checked_codes(barcodes: Iterable[BarcodeIn], *, allow_invalid: bool) -> dict[str, Decimal]:
    """Return stored form and pack quantity of the codes given.

    Raises: :class:`BadCheckDigit`, :class:`RepeatedBarcode`.
    """
    wanted: dict[str, Decimal] = {}
    for barcode in barcodes:
        code = stored_code(barcode.code, allow_invalid=allow_invalid)
        if code in wanted:
            raise RepeatedBarcode(barcode=barcode.code)
        wanted[code] = barcode.quantity
    return wanted


def put_barcodes(ctx: Context, product_id: UUID, wanted: dict[str, Decimal]) -> bool:
    """Give a product exactly these codes, and say whether anything had to change.

    Raises: :class:`BarcodeTaken` when another product, perhaps an archived one, has one of them.
    """
    tenant = ctx.tenant_id
    codes = list(wanted)
    taken = ctx.uow.rows(
        "SELECT code FROM product_barcodes WHERE tenant_id = %s AND code = ANY(%s) AND product_id <> %s"
        " ORDER BY code LIMIT 1",
        (tenant, codes, product_id),
    )
    if taken:
        raise BarcodeTaken(barcode=taken[0]["code"])
    removed = ctx.uow.run(
        "DELETE FROM product_barcodes WHERE tenant_id = %s AND product_id = %s AND code <> ALL(%s)",
        (tenant, product_id, codes),
    )
    written = ctx.uow.run(
        "INSERT INTO product_barcodes AS b (tenant_id, code, product_id, quantity)"
        " SELECT %s, k.code, %s, k.quantity FROM unnest(%s::text[], %s::numeric[]) AS k(code, quantity)"
        " ON CONFLICT (tenant_id, code) DO UPDATE SET quantity = EXCLUDED.quantity"
        " WHERE b.quantity <> EXCLUDED.quantity",
        (tenant, product_id, codes, list(wanted.values())),
    )
    return bool(removed or written)


_SHAPES: Final[dict[str, Any]] = {
    "units": list[UnitOut],
    "components": list[ComponentOut],
    "options": list[OptionOut],
    "image": ImageOut | None,
}


def _shaped(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose JSON parts are structs; a list that is not there is empty."""
    for name, shape in _SHAPES.items():
        if name in row:
            empty: Any = None if name == "image" else []
            row[name] = msgspec.convert(row[name], shape) if row[name] is not None else empty
    return row


def _barcodes(row: dict[str, Any]) -> list[BarcodeOut]:
    """Take the codes out of a row and return them."""
    codes, quantities = row.pop("codes") or [], row.pop("quantities") or []
    return [BarcodeOut(code=code, quantity=quantity) for code, quantity in zip(codes, quantities, strict=True)]
