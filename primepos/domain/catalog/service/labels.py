"""Operations on labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.context import Context
from primepos.core.errors import InvalidInput
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import NothingToLabel, ProductNotFound, SheetNotFound, UnitNotFound
from primepos.domain.catalog.label_schemas import (
    MOST_LABELS,
    AskLabels,
    LabelOut,
    Labels,
    LabelSheet,
    ListSheets,
    PrintLabels,
    SheetList,
    SheetRow,
)
from primepos.domain.catalog.labelling import label_of
from primepos.domain.catalog.queries import labels
from primepos.domain.catalog.queries.taxes import tax_rules_by_class
from primepos.domain.catalog.sheets import SHEETS, find_sheet

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal


@operation(
    "catalog.labels",
    permission=Permission.PRODUCT_READ,
    raises=(ProductNotFound, UnitNotFound, NothingToLabel),
    reads=True,
)
def list_labels(ctx: Context, data: AskLabels) -> Labels:
    """Say what stands on labels: name, price, price per kilogram or litre, and the code in its symbology.

    Of the products named, or of all whose price was set since a moment. Raises: ``PRODUCT_NOT_FOUND``,
    ``UNIT_NOT_FOUND``, ``NOTHING_TO_LABEL``.
    """
    return Labels(currency=ctx.tenant.currency.code, items=_labels(ctx, data))


def _labels(ctx: Context, data: AskLabels | PrintLabels) -> list[LabelOut]:
    wanted = []
    if data.items:
        ids = [each.product_id for each in data.items if each.product_id is not None]
        skus = [each.sku for each in data.items if each.sku is not None]
        found = labels.named_products(ctx, ids, skus)
        by_id, by_sku = {each.id: each for each in found}, {each.sku: each for each in found}
        for item in data.items:
            product = by_id.get(item.product_id) if item.product_id is not None else by_sku.get(item.sku or "")
            if product is None:
                raise ProductNotFound(product=str(item.product_id or item.sku))
            wanted.append((product, item.unit, item.copies * data.copies))
    if data.prices_since is not None:
        named = {product.id for product, _, _ in wanted}
        changed = labels.repriced_products(ctx, data.prices_since)
        wanted += [(each, None, data.copies) for each in changed if each.id not in named]
    if not wanted:
        raise NothingToLabel
    if sum(copies for _, _, copies in wanted) > MOST_LABELS:
        raise InvalidInput(f"copies: more than {MOST_LABELS} labels")
    rules = tax_rules_by_class(ctx)
    return [
        label_of(
            product,
            unit,
            taxes=rules.get(product.tax_class_id, ()),
            currency=ctx.tenant.currency,
            with_tax=data.with_tax,
            copies=copies,
        )
        for product, unit, copies in wanted
    ]


@operation(
    "catalog.print_labels",
    permission=Permission.PRODUCT_READ,
    raises=(ProductNotFound, UnitNotFound, NothingToLabel, SheetNotFound),
    reads=True,
)
def print_labels(ctx: Context, data: PrintLabels) -> LabelSheet:
    """Draw labels on sheets as PDF: barcode, name, price, and the price per kilogram or litre.

    EAN-13, EAN-8 and UPC-A as what they are, everything else in Code 128; a product without a barcode has its SKU.
    Raises: ``PRODUCT_NOT_FOUND``, ``UNIT_NOT_FOUND``, ``NOTHING_TO_LABEL``, ``SHEET_NOT_FOUND``.
    """
    sheet = find_sheet(data.sheet)
    if data.start > sheet.count:
        raise InvalidInput(f"start: a sheet of {sheet.name} has {sheet.count} labels")
    items = _labels(ctx, data)
    write = _writer(ctx.tenant.currency.code, data.locale or _locale(labels.country(ctx)))
    from primepos.domain.catalog.label_pdf import draw_labels

    # Drawing takes its time; nothing more is asked of the database.
    ctx.uow.keep()
    content, pages, without_code = draw_labels(sheet, items, write, start=data.start, outlines=data.outlines)
    return LabelSheet(
        name=f"labels-{ctx.clock.now():%Y-%m-%d}.pdf",
        media_type="application/pdf",
        content=content,
        labels=sum(each.copies for each in items),
        pages=pages,
        without_code=without_code,
    )


def _locale(country: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(f"und_{country}")) if country else "en_US"
    except (UnknownLocaleError, ValueError):
        return "en_US"


def _writer(currency: str, locale: str) -> Callable[[LabelOut], tuple[str, str]]:
    """Return what writes the two prices of a label in a locale. Raises: ``INVALID_INPUT`` for one nobody knows."""
    from babel import Locale, UnknownLocaleError
    from babel.numbers import format_currency

    try:
        known = Locale.parse(locale)
    except (UnknownLocaleError, ValueError):
        raise InvalidInput(f"locale: {locale} is not known") from None

    def money(amount: Decimal) -> str:
        return format_currency(amount, currency, locale=known)

    def write(label: LabelOut) -> tuple[str, str]:
        per = "" if label.per_price is None else f"{money(label.per_price)} / {label.per}"
        return money(label.price), per

    return write


@operation("catalog.list_sheets", permission=Permission.PRODUCT_READ, reads=True)
def list_sheets(ctx: Context, data: ListSheets) -> SheetList:
    """List the sheets of labels that can be printed on."""
    del ctx, data
    return SheetList(
        items=[
            SheetRow(name=each.name, about=each.about, labels=each.count, width=each.width, height=each.height)
            for each in SHEETS.values()
        ]
    )
