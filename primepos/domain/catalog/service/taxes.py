"""Operations on categories, taxes and tax classes."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import (
    CategoryNotFound,
    DuplicateCategory,
    DuplicateTax,
    DuplicateTaxClass,
    TaxClassNotFound,
    TaxNotFound,
)
from primepos.domain.catalog.queries import products, taxes
from primepos.domain.catalog.schemas import (
    CategoryList,
    CategoryOut,
    CreateCategory,
    CreateTax,
    CreateTaxClass,
    ListCategories,
    ListTaxClasses,
    ListTaxes,
    NameCategory,
    SetClassTaxes,
    TaxClassList,
    TaxClassOut,
    TaxList,
    TaxOut,
    UpdateTax,
)
from primepos.pricing.errors import InvalidTax, UnsolvableTaxes


def _plain(value: Any) -> Any:
    """Return a value as the audit row's JSON can hold it."""
    return value if value is None or isinstance(value, (str, bool)) else str(value)


@operation("catalog.create_category", permission=Permission.PRODUCT_WRITE, raises=(DuplicateCategory,))
def create_category(ctx: Context, data: CreateCategory) -> CategoryOut:
    """Add a category. Raises: ``DUPLICATE_CATEGORY``."""
    products.lock_catalogue(ctx)
    category = taxes.add_category(ctx, data.name)
    ctx.note(f"category {category.name}", id=str(category.id))
    return taxes.category_out(category)


@operation("catalog.list_categories", permission=Permission.PRODUCT_READ, reads=True)
def list_categories(ctx: Context, data: ListCategories) -> CategoryList:
    """List the categories by name; the archived ones instead if asked."""
    return CategoryList(items=[taxes.category_out(each) for each in taxes.list_categories(ctx, archived=data.archived)])


@operation("catalog.archive_category", permission=Permission.PRODUCT_WRITE, raises=(CategoryNotFound,))
def archive_category(ctx: Context, data: NameCategory) -> CategoryOut:
    """Take a category out of use; its products keep it. Again changes nothing. Raises: ``CATEGORY_NOT_FOUND``."""
    category = taxes.find_category(ctx, data.id, lock=True)
    category.archived_at = category.archived_at or ctx.clock.now()
    ctx.uow.flush()
    ctx.note(f"category {category.name}")
    return taxes.category_out(category)


@operation("catalog.unarchive_category", permission=Permission.PRODUCT_WRITE, raises=(CategoryNotFound,))
def unarchive_category(ctx: Context, data: NameCategory) -> CategoryOut:
    """Take an archived category into use again. Raises: ``CATEGORY_NOT_FOUND``."""
    category = taxes.find_category(ctx, data.id, lock=True)
    category.archived_at = None
    ctx.uow.flush()
    ctx.note(f"category {category.name}")
    return taxes.category_out(category)


@operation("catalog.create_tax", permission=Permission.TAX_WRITE, raises=(DuplicateTax, InvalidTax, UnsolvableTaxes))
def create_tax(ctx: Context, data: CreateTax) -> TaxOut:
    """Add a tax. Raises: ``DUPLICATE_TAX``, ``INVALID_TAX``, ``UNSOLVABLE_TAXES``."""
    tax = taxes.add_tax(ctx, data)
    ctx.note(f"tax {tax.code}", id=str(tax.id), amount=str(tax.amount), included=tax.included)
    return taxes.tax_out(tax)


@operation("catalog.list_taxes", permission=Permission.PRODUCT_READ, reads=True)
def list_taxes(ctx: Context, data: ListTaxes) -> TaxList:
    """List every tax, by code."""
    del data
    return TaxList(items=[taxes.tax_out(tax) for tax in taxes.list_taxes(ctx)])


@operation("catalog.update_tax", permission=Permission.TAX_WRITE, raises=(TaxNotFound, InvalidTax, UnsolvableTaxes))
def update_tax(ctx: Context, data: UpdateTax) -> TaxOut:
    """Change a tax from now on; booked sales keep the rate they were charged. Code and kind never change.

    Raises: ``TAX_NOT_FOUND``; ``INVALID_TAX`` and ``UNSOLVABLE_TAXES`` where a class with it could not be worked out.
    """
    tax = taxes.find_tax(ctx, data.id, lock=True)
    names = ("name", "amount", "included", "affects_base", "base_affected")
    before = {name: _plain(getattr(tax, name)) for name in names}
    for name in names:
        value = getattr(data, name)
        if value is not UNSET:
            setattr(tax, name, value)
    ctx.note(f"tax {tax.code}", before=before, after={name: _plain(getattr(tax, name)) for name in names})
    taxes.check_tax(tax)
    ctx.uow.flush()
    taxes.check_classes_of(ctx, tax)
    return taxes.tax_out(tax)


@operation(
    "catalog.create_tax_class",
    permission=Permission.TAX_WRITE,
    raises=(DuplicateTaxClass, TaxNotFound, InvalidTax, UnsolvableTaxes),
)
def create_tax_class(ctx: Context, data: CreateTaxClass) -> TaxClassOut:
    """Add a tax class with its taxes in order; one without taxes is exempt.

    Raises: ``DUPLICATE_TAX_CLASS``, ``TAX_NOT_FOUND``, ``INVALID_TAX``, ``UNSOLVABLE_TAXES``.
    """
    tax_class = taxes.add_tax_class(ctx, data.code, data.name)
    found = taxes.set_class_taxes(ctx, tax_class, data.tax_ids)
    ctx.note(f"tax class {tax_class.code}", id=str(tax_class.id), taxes=[tax.code for tax in found])
    return taxes.tax_class_out(tax_class, found)


@operation("catalog.list_tax_classes", permission=Permission.PRODUCT_READ, reads=True)
def list_tax_classes(ctx: Context, data: ListTaxClasses) -> TaxClassList:
    """List every tax class with its taxes in order, by code."""
    del data
    return TaxClassList(items=taxes.every_tax_class_out(ctx))


@operation(
    "catalog.set_class_taxes",
    permission=Permission.TAX_WRITE,
    raises=(TaxClassNotFound, TaxNotFound, InvalidTax, UnsolvableTaxes),
)
def set_class_taxes(ctx: Context, data: SetClassTaxes) -> TaxClassOut:
    """Give a tax class exactly these taxes, in the order in which they are worked out.

    Raises: ``TAX_CLASS_NOT_FOUND``, ``TAX_NOT_FOUND``, ``INVALID_TAX`` (one stands twice), ``UNSOLVABLE_TAXES``.
    """
    tax_class = taxes.find_tax_class(ctx, data.tax_class_id, lock=True)
    found = taxes.set_class_taxes(ctx, tax_class, data.tax_ids)
    ctx.note(f"tax class {tax_class.code}", taxes=[tax.code for tax in found])
    return taxes.tax_class_out(tax_class, found)
