"""Taxes, tax classes and categories: what a product needs before it can be sold."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa
from sqlmodel import col

from primepos.domain.catalog.errors import (
    CategoryArchived,
    CategoryNotFound,
    TaxClassMissing,
    TaxClassNotFound,
    TaxNotFound,
)
from primepos.domain.catalog.models import Category, Tax, TaxClass, TaxClassTax
from primepos.domain.catalog.schemas import MOST_TAX, CategoryOut, CreateTax, TaxClassOut, TaxOut
from primepos.pricing.errors import InvalidTax
from primepos.pricing.taxes import TaxRule, plan_taxes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from primepos.core.context import Context

Change = Literal["created", "updated", "unchanged"]

STANDARD = "standard"
ALL = Decimal(100)


def tax_rules_by_class(ctx: Context) -> dict[UUID, tuple[TaxRule, ...]]:
    """Return for each tax class what the pricing engine works out, in order; a rule's id is the tax's code."""
    rules: dict[UUID, tuple[TaxRule, ...]] = {each.id: () for each in list_tax_classes(ctx)}
    for class_id, taxes in taxes_of_classes(ctx).items():
        rules[class_id] = tuple(rule_of(tax) for tax in taxes)
    return rules


def rule_of(tax: Tax) -> TaxRule:
    """Return a tax as the pricing engine takes it."""
    return TaxRule(
        id=tax.code,
        name=tax.name,
        kind=tax.kind,  # type: ignore[arg-type]  # a CHECK constraint holds it to the three kinds
        # As it was typed, whether it was just made or read: 2.5 and not 2.500000.
        amount=Decimal(f"{tax.amount.normalize():f}"),
        included=tax.included,
        affects_base=tax.affects_base,
        base_affected=tax.base_affected,
    )


def list_taxes(ctx: Context) -> list[Tax]:
    """Return every tax, by code."""
    return list(ctx.uow.session.scalars(sa.select(Tax).order_by(col(Tax.code))))


def find_tax(ctx: Context, tax_id: UUID, *, lock: bool = False) -> Tax:
    """Return a tax. Raises: :class:`TaxNotFound`."""
    wanted = sa.select(Tax).where(col(Tax.id) == tax_id)
    tax = ctx.uow.session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if tax is None:
        raise TaxNotFound(tax=str(tax_id))
    return tax


def list_tax_classes(ctx: Context) -> list[TaxClass]:
    """Return every tax class, by code."""
    return list(ctx.uow.session.scalars(sa.select(TaxClass).order_by(col(TaxClass.code))))


def taxes_of_classes(ctx: Context) -> dict[UUID, list[Tax]]:
    """Return the taxes of every class that has any, in the order in which they are worked out."""
    both = sa.and_(col(Tax.tenant_id) == col(TaxClassTax.tenant_id), col(Tax.id) == col(TaxClassTax.tax_id))
    wanted = sa.select(col(TaxClassTax.tax_class_id), Tax).join(Tax, both).order_by(col(TaxClassTax.sequence))
    found: dict[UUID, list[Tax]] = {}
    for class_id, tax in ctx.uow.session.execute(wanted):
        found.setdefault(class_id, []).append(tax)
    return found


def find_tax_class(
    ctx: Context, class_id: UUID | None = None, code: str | None = None, *, lock: bool = False
) -> TaxClass:
    """Return a tax class by id or code. Raises: :class:`TaxClassNotFound`."""
    named = col(TaxClass.id) == class_id if class_id is not None else col(TaxClass.code) == code
    wanted = sa.select(TaxClass).where(named)
    found = ctx.uow.session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if found is None:
        raise TaxClassNotFound(tax_class=str(class_id if class_id is not None else code))
    return found


def default_tax_class(ctx: Context) -> TaxClass:
    """Return the class of a product that was given none: the one called ``standard``, or the only one.

    Raises: :class:`TaxClassMissing`.
    """
    classes = [each for each in list_tax_classes(ctx) if each.archived_at is None]
    standard = [each for each in classes if each.code == STANDARD] or classes
    if len(standard) != 1:
        raise TaxClassMissing
    return standard[0]


def set_class_taxes(ctx: Context, tax_class: TaxClass, tax_ids: Sequence[UUID]) -> list[Tax]:
    """Give a class exactly these taxes in this order and return them.

    Raises: :class:`TaxNotFound`; ``INVALID_TAX`` and ``UNSOLVABLE_TAXES`` where no price could be worked out.
    """
    known = {tax.id: tax for tax in list_taxes(ctx)}
    missing = [tax_id for tax_id in tax_ids if tax_id not in known]
    if missing:
        raise TaxNotFound(tax=str(missing[0]))
    taxes = [known[tax_id] for tax_id in tax_ids]
    plan_taxes(tuple(rule_of(tax) for tax in taxes))
    session = ctx.uow.session
    session.execute(sa.delete(TaxClassTax).where(col(TaxClassTax.tax_class_id) == tax_class.id))
    session.add_all(
        TaxClassTax(tenant_id=ctx.tenant_id, tax_class_id=tax_class.id, tax_id=tax.id, sequence=place)
        for place, tax in enumerate(taxes, 1)
    )
    ctx.uow.flush()
    return taxes


def check_classes_of(ctx: Context, tax: Tax) -> None:
    """Make sure every class with a changed tax can still be worked out.

    Raises: ``INVALID_TAX``, ``UNSOLVABLE_TAXES``.
    """
    for taxes in taxes_of_classes(ctx).values():
        if tax.id in {each.id for each in taxes}:
            plan_taxes(tuple(rule_of(each) for each in taxes))


def check_tax(tax: Tax) -> None:
    """Make sure a tax can be worked out by itself. Raises: ``INVALID_TAX``, ``UNSOLVABLE_TAXES``."""
    plan_taxes((rule_of(tax),))
    if tax.kind != "fixed" and abs(tax.amount) > MOST_TAX:
        raise InvalidTax(tax=tax.code, problem=f"more than {MOST_TAX} %")
    if tax.kind == "division" and tax.amount >= ALL and not tax.included:
        raise InvalidTax(tax=tax.code, problem="a share of the gross on top of the price must be below 100 %")


def add_tax(ctx: Context, data: CreateTax) -> Tax:
    """Add a tax. Raises: ``DUPLICATE_TAX``, ``INVALID_TAX``, ``UNSOLVABLE_TAXES``."""
    tax = Tax(
        tenant_id=ctx.tenant_id,
        code=data.code,
        name=data.name,
        kind=data.kind,
        amount=data.amount,
        included=data.included,
        affects_base=data.affects_base,
        base_affected=data.base_affected,
    )
    check_tax(tax)
    ctx.uow.session.add(tax)
    ctx.uow.flush()
    return tax


def ensure_tax(ctx: Context, data: CreateTax) -> tuple[Tax, Change]:
    """Make the tax with this code be as given, and say what that took."""
    tax = ctx.uow.session.scalars(sa.select(Tax).where(col(Tax.code) == data.code)).one_or_none()
    if tax is None:
        return add_tax(ctx, data), "created"
    wanted = {
        "name": data.name,
        "kind": data.kind,
        "amount": data.amount,
        "included": data.included,
        "affects_base": data.affects_base,
        "base_affected": data.base_affected,
    }
    if all(getattr(tax, name) == value for name, value in wanted.items()):
        return tax, "unchanged"
    for name, value in wanted.items():
        setattr(tax, name, value)
    check_tax(tax)
    ctx.uow.flush()
    check_classes_of(ctx, tax)
    return tax, "updated"


def add_tax_class(ctx: Context, code: str, name: str) -> TaxClass:
    """Add a tax class without taxes. Raises: ``DUPLICATE_TAX_CLASS``."""
    made = TaxClass(tenant_id=ctx.tenant_id, code=code, name=name)
    ctx.uow.session.add(made)
    ctx.uow.flush()
    return made


def ensure_tax_class(ctx: Context, code: str, name: str, tax_codes: Sequence[str]) -> tuple[TaxClass, Change]:
    """Make the tax class with this code have this name and these taxes in this order, and say what that took.

    Raises: :class:`TaxNotFound`, ``INVALID_TAX``, ``UNSOLVABLE_TAXES``.
    """
    by_code = {tax.code: tax for tax in list_taxes(ctx)}
    for tax_code in tax_codes:
        if tax_code not in by_code:
            raise TaxNotFound(tax=tax_code)
    tax_ids = [by_code[tax_code].id for tax_code in tax_codes]
    found = ctx.uow.session.scalars(sa.select(TaxClass).where(col(TaxClass.code) == code)).one_or_none()
    if found is None:
        made = add_tax_class(ctx, code, name)
        set_class_taxes(ctx, made, tax_ids)
        return made, "created"
    present = [tax.id for tax in taxes_of_classes(ctx).get(found.id, [])]
    if found.name == name and present == tax_ids:
        return found, "unchanged"
    found.name = name
    set_class_taxes(ctx, found, tax_ids)
    return found, "updated"


def list_categories(ctx: Context, *, archived: bool) -> list[Category]:
    """Return the categories in use, or the archived ones, by name."""
    state = col(Category.archived_at).is_not(None) if archived else col(Category.archived_at).is_(None)
    return list(ctx.uow.session.scalars(sa.select(Category).where(state).order_by(col(Category.name))))


def find_category(
    ctx: Context, category_id: UUID | None = None, name: str | None = None, *, lock: bool = False
) -> Category:
    """Return a category by id or name. Raises: :class:`CategoryNotFound`."""
    named = col(Category.id) == category_id if category_id is not None else col(Category.name) == name
    wanted = sa.select(Category).where(named)
    found = ctx.uow.session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if found is None:
        raise CategoryNotFound(category=str(category_id if category_id is not None else name))
    return found


def open_category(ctx: Context, category_id: UUID | None = None, name: str | None = None) -> Category:
    """Return a category that products can be put into.

    Raises: :class:`CategoryNotFound`, :class:`CategoryArchived`.
    """
    found = find_category(ctx, category_id, name)
    if found.archived_at is not None:
        raise CategoryArchived(category=found.name)
    return found


def add_category(ctx: Context, name: str) -> Category:
    """Add a category. Raises: ``DUPLICATE_CATEGORY``."""
    category = Category(tenant_id=ctx.tenant_id, name=name)
    ctx.uow.session.add(category)
    ctx.uow.flush()
    return category


def ensure_category(ctx: Context, name: str) -> tuple[Category, Change]:
    """Make sure a category with this name is there, and say what that took. An archived one stays archived."""
    found = ctx.uow.session.scalars(sa.select(Category).where(col(Category.name) == name)).one_or_none()
    return (add_category(ctx, name), "created") if found is None else (found, "unchanged")


def tax_out(tax: Tax) -> TaxOut:
    """Return a tax as callers see it."""
    return TaxOut(
        id=tax.id,
        code=tax.code,
        name=tax.name,
        kind=tax.kind,  # type: ignore[arg-type]  # a CHECK constraint holds it to the three kinds
        # As it was typed, whether it was just made or read: 2.5 and not 2.500000.
        amount=Decimal(f"{tax.amount.normalize():f}"),
        included=tax.included,
        affects_base=tax.affects_base,
        base_affected=tax.base_affected,
    )


def tax_class_out(tax_class: TaxClass, taxes: Iterable[Tax]) -> TaxClassOut:
    """Return a tax class with its taxes as callers see it."""
    return TaxClassOut(
        id=tax_class.id,
        code=tax_class.code,
        name=tax_class.name,
        archived_at=tax_class.archived_at,
        taxes=[tax_out(tax) for tax in taxes],
    )


def every_tax_class_out(ctx: Context) -> list[TaxClassOut]:
    """Return every tax class with its taxes, by code."""
    taxes = taxes_of_classes(ctx)
    return [tax_class_out(each, taxes.get(each.id, [])) for each in list_tax_classes(ctx)]


def category_out(category: Category) -> CategoryOut:
    """Return a category as callers see it."""
    return CategoryOut(id=category.id, name=category.name, archived_at=category.archived_at)
