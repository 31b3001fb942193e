"""Operations on products and their barcodes, and what a till pulls of them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from primepos.core.context import Context
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import (
    BadCheckDigit,
    BadComponent,
    BarcodeTaken,
    CategoryArchived,
    CategoryNotFound,
    DuplicateSku,
    KitPriceFollows,
    LabelRefused,
    NothingWeighed,
    ProductNotFound,
    RepeatedBarcode,
    StaleVersion,
    TaxClassMissing,
    TaxClassNotFound,
    UnitMismatch,
)
from primepos.domain.catalog.queries import bulk, makeup, products, taxes, variants
from primepos.domain.catalog.scanning import look_up, rules_of
from primepos.domain.catalog.schemas import (
    WEIGHT_UNITS,
    CatalogSnapshot,
    CreateProduct,
    GetProduct,
    ListProducts,
    LookUp,
    LookUpOut,
    NameProduct,
    ProductOut,
    ProductPage,
    PullSnapshot,
    SearchHits,
    SearchProducts,
    SetBarcodes,
    SnapshotRule,
    UpdateProduct,
)
from primepos.domain.plans.errors import QuotaExceeded
from primepos.domain.plans.room import require_room
from primepos.pricing.errors import InvalidLabel


@operation(
    "catalog.create_product",
    permission=Permission.PRODUCT_WRITE,
    raises=(
        DuplicateSku,
        TaxClassNotFound,
        TaxClassMissing,
        CategoryNotFound,
        CategoryArchived,
        BadCheckDigit,
        RepeatedBarcode,
        BarcodeTaken,
        UnitMismatch,
        QuotaExceeded,
    ),
)
def create_product(ctx: Context, data: CreateProduct) -> ProductOut:
    """Add a product with its first price, its tax class and its barcodes.

    Raises: ``DUPLICATE_SKU``, ``TAX_CLASS_NOT_FOUND``, ``TAX_CLASS_MISSING``, ``CATEGORY_NOT_FOUND``,
    ``CATEGORY_ARCHIVED``, ``BAD_CHECK_DIGIT``, ``REPEATED_BARCODE``, ``BARCODE_TAKEN``, ``UNIT_MISMATCH``,
    ``QUOTA_EXCEEDED``.
    """
    _check_unit(data.sold_by, data.unit)
    products.lock_catalogue(ctx)
    codes = products.checked_codes(data.barcodes, allow_invalid=data.allow_invalid)
    if data.tax_class_id is None and data.tax_class is None:
        tax_class = taxes.default_tax_class(ctx)
    else:
        tax_class = taxes.find_tax_class(ctx, data.tax_class_id, data.tax_class)
    category_id = None
    if data.category_id is not None or data.category is not None:
        category_id = taxes.open_category(ctx, data.category_id, data.category).id
    product_id = products.add_product(
        ctx,
        {
            "sku": data.sku,
            "name": data.name,
            "category_id": category_id,
            "tax_class_id": tax_class.id,
            "unit_price": data.unit_price,
            "sold_by": data.sold_by,
            "track_stock": data.track_stock,
            "unit": data.unit,
            "content_quantity": data.content_quantity,
            "content_unit": data.content_unit,
            "tare": data.tare,
            "tracking": data.tracking,
            "minimum_age": data.minimum_age,
        },
    )
    products.put_barcodes(ctx, product_id, codes)
    ctx.note(f"product {data.sku}", id=str(product_id), unit_price=str(data.unit_price))
    return products.get_product(ctx, product_id)


def _check_unit(sold_by: str, unit: str | None) -> None:
    """See that what is sold by weight is counted in a unit of weight: a label's weight would mean something else."""
    if sold_by == "weight" and unit not in {None, *WEIGHT_UNITS}:
        raise UnitMismatch(unit=unit, known=", ".join(sorted(WEIGHT_UNITS)))


@operation("catalog.get_product", permission=Permission.PRODUCT_READ, raises=(ProductNotFound,), reads=True)
def get_product(ctx: Context, data: GetProduct) -> ProductOut:
    """Show a product by id or by SKU, archived or not. Raises: ``PRODUCT_NOT_FOUND``."""
    return products.get_product(ctx, data.id, data.sku)


@operation("catalog.list_products", permission=Permission.PRODUCT_READ, raises=(CategoryNotFound,), reads=True)
def list_products(ctx: Context, data: ListProducts) -> ProductPage:
    """List products by SKU or by name, a page at a time; of one category if asked.

    There is no total: counting costs more than a page, and a page says whether another follows. Raises:
    ``CATEGORY_NOT_FOUND``.
    """
    if data.category_id is not None:
        taxes.find_category(ctx, data.category_id)
    return products.list_products(ctx, data)


@operation(
    "catalog.update_product",
    permission=Permission.PRODUCT_WRITE,
    raises=(
        ProductNotFound,
        StaleVersion,
        DuplicateSku,
        TaxClassNotFound,
        CategoryNotFound,
        CategoryArchived,
        PermissionDenied,
        UnitMismatch,
        KitPriceFollows,
        BadComponent,
    ),
)
def update_product(ctx: Context, data: UpdateProduct) -> ProductOut:
    """Change a product. Another price needs ``product:price_write`` as well and is remembered with its author.

    With ``version`` given, nothing is changed if somebody else changed the product since. What is the same already
    makes no new version. Variants that are called after their parent are called after its new name.

    Raises: ``PRODUCT_NOT_FOUND``, ``STALE_VERSION``, ``DUPLICATE_SKU``, ``TAX_CLASS_NOT_FOUND``,
    ``CATEGORY_NOT_FOUND``, ``CATEGORY_ARCHIVED``, ``PERMISSION_DENIED``, ``UNIT_MISMATCH``, ``KIT_PRICE_FOLLOWS``,
    ``BAD_COMPONENT`` (part of a kit that would be tracked).
    """
    products.lock_catalogue(ctx)
    product = products.get_product(ctx, data.id)
    ctx.note(f"product {product.sku}", id=str(product.id))
    if data.version is not None and data.version != product.version:
        raise StaleVersion(version=product.version)
    changes = _changes(data, product)
    if "unit_price" in changes and not bulk.may_reprice(ctx):
        raise PermissionDenied(permission=Permission.PRODUCT_PRICE_WRITE.value)
    if "unit_price" in changes and product.kit_price == "sum":
        raise KitPriceFollows(sku=product.sku)
    if not {"sold_by", "unit"}.isdisjoint(changes):
        sold_by = changes.get("sold_by", product.sold_by)
        _check_unit(sold_by, changes.get("unit", product.unit if sold_by == product.sold_by else None))
        # What was said of the other way of selling does not hold any more.
        changes.setdefault("unit", product.unit if sold_by == product.sold_by else None)
    _check_content(product, changes)
    if changes.get("tracking", "none") != "none" and (kits := makeup.kits_with(ctx, product.id)):
        raise BadComponent(sku=product.sku, problem=f"{kits[0]} could not say which lot of it was sold")
    if "tax_class_id" in changes:
        taxes.find_tax_class(ctx, changes["tax_class_id"])
    if changes.get("category_id") is not None:
        taxes.open_category(ctx, changes["category_id"])
    if not changes:
        return product
    products.change_product(ctx, product, **changes)
    if "unit_price" in changes:
        products.log_price(ctx, product.id, product.unit_price, changes["unit_price"])
    if "name" in changes and product.kind == "parent":
        variants.rename_variants(ctx, product, changes["name"])
    ctx.note(
        f"product {product.sku}",
        before={name: _plain(getattr(product, name)) for name in changes},
        after={name: _plain(value) for name, value in changes.items()},
    )
    return products.get_product(ctx, product.id)


def _check_content(product: ProductOut, changes: dict[str, Any]) -> None:
    """See that content has a unit, and a unit a content."""
    quantity = changes.get("content_quantity", product.content_quantity)
    unit = changes.get("content_unit", product.content_unit)
    if (quantity is None) != (unit is None):
        raise InvalidInput("content_quantity: give it together with content_unit")


def _changes(data: UpdateProduct, product: ProductOut) -> dict[str, Any]:
    """Return the fields that are given and differ."""
    names = (
        "sku", "name", "unit_price", "tax_class_id", "category_id", "sold_by", "track_stock", "unit", "tare",
        "content_quantity", "content_unit", "tracking", "minimum_age",
    )  # fmt: skip
    given = {name: getattr(data, name) for name in names}
    return {name: value for name, value in given.items() if value is not UNSET and value != getattr(product, name)}


def _plain(value: Any) -> Any:
    """Return a value as the audit row's JSON can hold it."""
    return value if value is None or isinstance(value, (str, bool)) else str(value)


@operation("catalog.archive_product", permission=Permission.PRODUCT_WRITE, raises=(ProductNotFound,))
def archive_product(ctx: Context, data: NameProduct) -> ProductOut:
    """Take a product off sale; it stays for the sales that name it, and keeps SKU, barcodes and picture.

    A parent takes its variants along. A kit with an archived component cannot be sold. Again changes nothing. Raises:
    ``PRODUCT_NOT_FOUND``.
    """
    return _set_archived(ctx, data, archived=True)


@operation("catalog.unarchive_product", permission=Permission.PRODUCT_WRITE, raises=(ProductNotFound, QuotaExceeded))
def unarchive_product(ctx: Context, data: NameProduct) -> ProductOut:
    """Put an archived product on sale again, a parent with the variants that went with it.

    Raises: ``PRODUCT_NOT_FOUND``.
    """
    return _set_archived(ctx, data, archived=False)


def _set_archived(ctx: Context, data: NameProduct, *, archived: bool) -> ProductOut:
    products.lock_catalogue(ctx)
    product = products.get_product(ctx, data.id)
    ctx.note(f"product {product.sku}", id=str(product.id))
    if (product.archived_at is not None) == archived:
        return product
    if product.kind == "parent":
        variants.archive_variants(ctx, product, ctx.clock.now() if archived else None)
    products.change_product(ctx, product, archived_at=ctx.clock.now() if archived else None)
    if not archived:
        require_room(ctx.uow, ctx.tenant_id, "products")
    return products.get_product(ctx, data.id)


@operation(
    "catalog.set_barcodes",
    permission=Permission.PRODUCT_WRITE,
    raises=(ProductNotFound, BadCheckDigit, RepeatedBarcode, BarcodeTaken),
)
def set_barcodes(ctx: Context, data: SetBarcodes) -> ProductOut:
    """Give a product exactly these barcodes, each with what one scan of it means.

    A GTIN is stored in its canonical length, so a UPC-A and the same number with a leading zero are one code. Raises:
    ``PRODUCT_NOT_FOUND``, ``BAD_CHECK_DIGIT`` (8, 12, 13 or 14 digits that are no GTIN, unless allowed),
    ``REPEATED_BARCODE``, ``BARCODE_TAKEN``.
    """
    products.lock_catalogue(ctx)
    product = products.get_product(ctx, data.product_id)
    codes = products.checked_codes(data.barcodes, allow_invalid=data.allow_invalid)
    ctx.note(f"product {product.sku}", before=[each.code for each in product.barcodes], after=list(codes))
    if products.put_barcodes(ctx, product.id, codes):
        products.change_product(ctx, product)
    return products.get_product(ctx, product.id)


@operation("catalog.search", permission=Permission.PRODUCT_READ, reads=True)
def search_products(ctx: Context, data: SearchProducts) -> SearchHits:
    """Find products on sale by pieces of words of SKU and name, in any order, or by exact SKU or barcode; best first.

    A piece of one or two letters must begin a word. Nothing to look for finds nothing.
    """
    return SearchHits(items=products.search_products(ctx, data.query, data.limit))


@operation(
    "catalog.lookup",
    permission=Permission.PRODUCT_READ,
    raises=(ProductNotFound, LabelRefused, InvalidLabel, NothingWeighed),
    reads=True,
)
def look_up_code(ctx: Context, data: LookUp) -> LookUpOut:
    """Say what a scanned or typed code stands for: the product, how much of it, at which unit price.

    Looked for in this order: barcode, SKU, the shop's rules for weight, price and count labels. Goods sold by weight
    take the quantity from a price label, others its price for one piece. A barcode whose pack size is one of the
    product's units stands for one of that unit, at its price. With ``gross`` the weight is what is left of it after the
    tare. Raises: ``PRODUCT_NOT_FOUND``,
    ``LABEL_REFUSED`` (wrong check digit, no value), ``INVALID_LABEL``, ``NOTHING_WEIGHED``.
    """
    return look_up(ctx, data.code, data.gross)


@operation("catalog.snapshot", permission=Permission.PRODUCT_READ, reads=True)
def pull_snapshot(ctx: Context, data: PullSnapshot) -> CatalogSnapshot:
    """Give a till what changed since the version it has, up to 2,000 products a page, archived ones to be dropped.

    Ask again with ``version`` as ``after`` while ``more`` is true. Versions become visible in order, so nothing that
    changes during the walk is missed: it comes again with a higher version.
    """
    start = data.since_version if data.after is None else data.after
    found = products.changed_products(ctx, start, data.limit + 1)
    page = found[: data.limit]
    return CatalogSnapshot(
        products=page,
        tax_classes=taxes.every_tax_class_out(ctx),
        barcode_rules=[
            SnapshotRule(pattern=rule.pattern, decimals=rule.decimals, name=rule.name) for rule in rules_of(ctx)
        ],
        currency=ctx.tenant.currency.code,
        version=page[-1].version if page else start,
        more=len(found) > data.limit,
    )
