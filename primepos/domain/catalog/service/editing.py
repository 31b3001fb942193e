"""The operation that edits many products at once."""

from __future__ import annotations

from typing import Any

from primepos.core.context import Context
from primepos.core.errors import PermissionDenied
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.bulk_schemas import MOST_PRODUCTS, SHOWN, Change, EditedProduct, EditOut, EditProducts
from primepos.domain.catalog.errors import (
    CategoryArchived,
    CategoryNotFound,
    KitPriceFollows,
    NothingToEdit,
    StaleVersion,
    TaxClassNotFound,
    TooManyProducts,
)
from primepos.domain.catalog.queries import bulk, editing, products, taxes
from primepos.domain.catalog.repricing import new_price

_FIELDS = ("unit_price", "category", "tax_class", "minimum_age", "archived_at")


@operation(
    "catalog.edit_products",
    permission=Permission.PRODUCT_WRITE,
    raises=(
        NothingToEdit,
        TooManyProducts,
        CategoryNotFound,
        CategoryArchived,
        TaxClassNotFound,
        StaleVersion,
        KitPriceFollows,
        PermissionDenied,
    ),
)
def edit_products(ctx: Context, data: EditProducts) -> EditOut:
    """Change many products at once: prices set or raised by percent, category, tax class, least age, archive.

    Chosen by filter or list, at most 5,000; written in one statement together with the history of prices. A dry run
    shows what would change. With its ``version`` given nothing is changed if one of them changed since. Prices need
    ``product:price_write`` as well. Raises: ``NOTHING_TO_EDIT``, ``TOO_MANY_PRODUCTS``, ``CATEGORY_NOT_FOUND``,
    ``CATEGORY_ARCHIVED``, ``TAX_CLASS_NOT_FOUND``, ``STALE_VERSION``, ``KIT_PRICE_FOLLOWS``, ``PERMISSION_DENIED``.
    """
    _check(data)
    if data.change.prices and not bulk.may_reprice(ctx):
        raise PermissionDenied(permission=Permission.PRODUCT_PRICE_WRITE.value)
    products.lock_catalogue(ctx)
    found = editing.chosen_products(ctx, data.choice)
    if len(found) > MOST_PRODUCTS:
        raise TooManyProducts(most=MOST_PRODUCTS)
    newest = max((row["version"] for row in found), default=0)
    if data.version is not None and newest > data.version:
        raise StaleVersion(version=newest)
    edited = _edited(ctx, data.change, found)
    if edited and not data.dry_run:
        newest = editing.edit_products(ctx, [after for _, after in edited])
    items = [_shown(before, after) for before, after in edited]
    repriced = sum(1 for each in items if "unit_price" in each.changes)
    ctx.note(
        f"{len(items)} products",
        dry_run=data.dry_run,
        change={name: str(value) for name, value in _given(data.change).items()},
        repriced=repriced,
        skus=[each.sku for each in items[:50]],
    )
    return EditOut(
        dry_run=data.dry_run,
        chosen=len(found),
        changed=len(items),
        repriced=repriced,
        version=newest,
        items=items[:SHOWN],
    )


def _given(change: Change) -> dict[str, Any]:
    plain = Change()
    given = {name: getattr(change, name) for name in change.__struct_fields__}
    return {name: value for name, value in given.items() if value != getattr(plain, name)}


def _check(data: EditProducts) -> None:
    choice = data.choice
    says = (
        choice.ids, choice.skus, choice.category, choice.tax_class, choice.parent, choice.sku_prefix, choice.price_from,
        choice.price_to,
    )  # fmt: skip
    if not any(each is not None and each != [] for each in says) and not choice.everything:
        raise NothingToEdit(problem="Say which products, or that you mean everything")
    if not _given(data.change):
        raise NothingToEdit(problem="Say what to change")


def _edited(ctx: Context, change: Change, found: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return what the products are and what they become, those alone that become different."""
    category = None if change.category is None else taxes.open_category(ctx, None, change.category)
    tax_class = None if change.tax_class is None else taxes.find_tax_class(ctx, None, change.tax_class)
    now = ctx.clock.now()
    edited = []
    for row in found:
        price = new_price(row["unit_price"], change, ctx.tenant.currency)
        if price != row["unit_price"] and row["kit_price"] == "sum":
            raise KitPriceFollows(sku=row["sku"])
        after = dict(row, unit_price=price, old_price=row["unit_price"])
        if category is not None or change.no_category:
            after["category_id"] = None if category is None else category.id
            after["category"] = None if category is None else category.name
        if tax_class is not None:
            after["tax_class_id"], after["tax_class"] = tax_class.id, tax_class.code
        if change.minimum_age is not None:
            after["minimum_age"] = change.minimum_age
        if change.archive:
            after["archived_at"] = row["archived_at"] or now
        if change.unarchive:
            after["archived_at"] = None
        if any(after[name] != row[name] for name in _FIELDS):
            edited.append((row, after))
    return edited


def _shown(before: dict[str, Any], after: dict[str, Any]) -> EditedProduct:
    changes = {name: [before[name], after[name]] for name in _FIELDS if before[name] != after[name]}
    return EditedProduct(id=before["id"], sku=before["sku"], name=before["name"], changes=changes)
