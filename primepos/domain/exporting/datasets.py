"""Which tables can be exported: their columns, the order of their rows, and who may have them.

A column's expression gives text: numbers without grouping or needless zeros, money in currency units, moments in UTC.
Rows come in the order of a key that no change moves, so a table read in parts misses nothing that is there all the
while and gives nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from primepos.core.permissions import Permission
from primepos.domain.exporting.schemas import ColumnKind

_YES: Final = "CASE WHEN {0} THEN 'yes' ELSE 'no' END"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, the SQL that gives its text, what kind of text that is, and who alone may see it."""

    name: str
    sql: str
    kind: ColumnKind = "text"
    only: Permission | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table that can be exported. ``key`` are expressions with their types, ``outlet`` and ``day`` what it is of."""

    name: str
    title: str
    permissions: tuple[Permission, ...]
    columns: tuple[Column, ...]
    source: str
    key: tuple[tuple[str, str], ...]
    outlet: str | None = None
    day: str | None = None
    #: A coarser condition that lets an index find where a part begins.
    near: tuple[str, ...] = ()


def _text(name: str, sql: str | None = None, only: Permission | None = None) -> Column:
    return Column(name, f"coalesce({sql or name}, '')", only=only)


def _number(name: str, sql: str | None = None, only: Permission | None = None) -> Column:
    return Column(name, f"coalesce(trim_scale(({sql or name})::numeric)::text, '')", "number", only)


def _money(name: str, sql: str | None = None, only: Permission | None = None) -> Column:
    return Column(name, f"coalesce(round(({sql or name})::numeric / {{scale}}, {{exponent}})::text, '')", "money", only)


def _day(name: str, sql: str | None = None) -> Column:
    return Column(name, f"coalesce(to_char({sql or name}, 'YYYY-MM-DD'), '')", "day")


def _moment(name: str, sql: str | None = None) -> Column:
    told = f"""to_char({sql or name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
    return Column(name, f"coalesce({told}, '')", "moment")


def _choice(name: str, sql: str | None = None) -> Column:
    return Column(name, _YES.format(sql or name), "choice")


def _of_variant(table: str, column: str, n: int) -> str:
    return (
        f"(SELECT o.{column} FROM {table} o WHERE o.tenant_id = v.tenant_id AND o.product_id = v.parent_id"  # noqa: S608 - our own constants
        f" AND o.position = {n})"
    )


_PRODUCT_KEY: Final = (("p.sku", "text"),)
_SALE: Final = (
    _text("receipt", "s.receipt"),
    _text("outlet", "o.code"),
    _day("business_date", "s.business_date"),
)
_SALE_JOINS: Final = " JOIN outlets o ON o.tenant_id = s.tenant_id AND o.id = s.outlet_id"
_READ, _STOCK, _SALES = (Permission.PRODUCT_READ,), (Permission.STOCK_READ,), (Permission.SALE_READ,)


def _sale_rows(name: str, title: str, table: str, number: str, columns: tuple[Column, ...]) -> Dataset:
    """Return a table of what hangs on a sale, in the order of the sales."""
    return Dataset(
        name,
        title,
        _SALES,
        (*_SALE, Column("sale_id", "s.id::text"), Column(number, f"x.{number}::text", "number"), *columns),
        f"sales s{_SALE_JOINS} JOIN {table} x ON x.tenant_id = s.tenant_id AND x.sale_id = s.id"
        " WHERE s.tenant_id = {tenant}",
        (("s.business_date", "date"), ("s.id", "uuid"), (f"x.{number}", "bigint")),
        outlet="s.outlet_id",
        day="s.business_date",
        near=("s.business_date", "s.id"),
    )


PRODUCTS: Final = Dataset(
    "products",
    "Products with their prices, barcodes and variants",
    _READ,
    (
        _text("sku", "p.sku"),
        _text("name", "p.name"),
        _text("category", "c.name"),
        _text("tax_class", "t.code"),
        _number("unit_price", "p.unit_price"),
        _text("sold_by", "p.sold_by"),
        _choice("track_stock", "p.track_stock"),
        _text("barcodes", "b.codes"),
        _text("barcode_quantities", "CASE WHEN b.plain THEN '' ELSE b.quantities END"),
        _text("kind", "p.kind"),
        _text("parent_sku", "parent.sku"),
        *(
            column
            for n in (1, 2, 3)
            for column in (
                _text(f"option_{n}_name", _of_variant("product_options", "name", n)),
                _text(f"option_{n}_value", f"v.option_values[{n}]"),
            )
        ),
        _choice("archived", "p.archived_at IS NOT NULL"),
    ),
    "products p"
    " JOIN tax_classes t ON t.tenant_id = p.tenant_id AND t.id = p.tax_class_id"
    " LEFT JOIN categories c ON c.tenant_id = p.tenant_id AND c.id = p.category_id"
    " LEFT JOIN product_variants v ON v.tenant_id = p.tenant_id AND v.product_id = p.id"
    " LEFT JOIN products parent ON parent.tenant_id = v.tenant_id AND parent.id = v.parent_id"
    " LEFT JOIN LATERAL (SELECT string_agg(b.code, ' ' ORDER BY b.code) AS codes,"
    " string_agg(trim_scale(b.quantity)::text, ' ' ORDER BY b.code) AS quantities, bool_and(b.quantity = 1) AS plain"
    " FROM product_barcodes b WHERE b.tenant_id = p.tenant_id AND b.product_id = p.id) b ON true"
    " WHERE p.tenant_id = {tenant}",
    _PRODUCT_KEY,
)
_OF_PRODUCT: Final = (
    " JOIN products p ON p.tenant_id = x.tenant_id AND p.id = x.product_id WHERE x.tenant_id = {tenant}"
)
_ALL: Final = (
    PRODUCTS,
    Dataset(
        "variants",
        "Variants and what tells them apart",
        _READ,
        (
            _text("parent_sku", "parent.sku"),
            _text("parent_name", "parent.name"),
            _text("sku", "p.sku"),
            _text("name", "p.name"),
            _text("options", "array_to_string(x.option_values, ' / ')"),
            _number("unit_price", "p.unit_price"),
        ),
        "product_variants x JOIN products parent ON parent.tenant_id = x.tenant_id AND parent.id = x.parent_id"
        + _OF_PRODUCT,
        (("parent.sku", "text"), ("p.sku", "text")),
    ),
    Dataset(
        "barcodes",
        "Barcodes and what one scan of each means",
        _READ,
        (_text("code", "x.code"), _text("sku", "p.sku"), _text("name", "p.name"), _number("quantity", "x.quantity")),
        "product_barcodes x" + _OF_PRODUCT,
        (("x.code", "text"),),
    ),
    Dataset(
        "prices",
        "Every price that was, oldest first",
        _READ,
        (
            _moment("at", "x.at"),
            _text("sku", "p.sku"),
            _number("old_price", "x.old_price"),
            _number("new_price", "x.new_price"),
            _text("changed_by", "x.actor_name"),
        ),
        "price_changes x" + _OF_PRODUCT,
        (("x.id", "bigint"),),
    ),
    Dataset(
        "units",
        "Packs and other units in which products are sold",
        _READ,
        (
            _text("sku", "p.sku"),
            _text("unit", "x.code"),
            _text("name", "x.name"),
            _number("factor", "x.factor"),
            _number("unit_price", "x.unit_price"),
        ),
        "product_units x" + _OF_PRODUCT,
        (("p.sku", "text"), ("x.code", "text")),
    ),
    Dataset(
        "kits",
        "What kits are made of",
        _READ,
        (
            _text("kit_sku", "kit.sku"),
            _text("sku", "p.sku"),
            _text("name", "p.name"),
            _number("quantity", "x.quantity"),
        ),
        "kit_components x JOIN products kit ON kit.tenant_id = x.tenant_id AND kit.id = x.kit_id"
        " JOIN products p ON p.tenant_id = x.tenant_id AND p.id = x.component_id WHERE x.tenant_id = {tenant}",
        (("kit.sku", "text"), ("p.sku", "text")),
    ),
    Dataset(
        "stock",
        "Stock by outlet, as it is now",
        _STOCK,
        (
            _text("sku", "p.sku"),
            _text("outlet_code", "o.code"),
            _number("quantity", "x.quantity"),
            _text("product_name", "p.name"),
            _text("outlet_name", "o.name"),
        ),
        "stock_levels x JOIN outlets o ON o.tenant_id = x.tenant_id AND o.id = x.outlet_id" + _OF_PRODUCT,
        (("o.code", "text"), ("p.sku", "text")),
        outlet="x.outlet_id",
    ),
    Dataset(
        "movements",
        "Every movement of stock, oldest first",
        _STOCK,
        (
            _moment("at", "x.at"),
            _text("outlet", "o.code"),
            _text("sku", "p.sku"),
            _text("kind", "x.kind"),
            _number("quantity", "x.quantity"),
            _text("reason", "x.reason"),
            _text("by", "x.actor_name"),
            _text("sale_id", "x.sale_id::text"),
            _number("sale_line", "x.line_no"),
            # Minor units with six places.
            _number("unit_cost", "x.unit_cost / {scale}", Permission.PRODUCT_COST_READ),
        ),
        "stock_movements x JOIN outlets o ON o.tenant_id = x.tenant_id AND o.id = x.outlet_id" + _OF_PRODUCT,
        (("x.id", "bigint"),),
        outlet="x.outlet_id",
    ),
    Dataset(
        "sales",
        "Sales, voids, refunds and imported history",
        _SALES,
        (
            *_SALE,
            Column("sale_id", "s.id::text"),
            _text("kind", "s.kind"),
            _moment("sold_at", "s.sold_at"),
            _moment("received_at", "s.received_at"),
            _text("register", "r.prefix"),
            _number("number", "s.number"),
            _text("cashier", "s.cashier"),
            _text("customer_number", "coalesce(k.number, s.customer_number)", Permission.CUSTOMER_READ),
            _text("currency", "s.currency"),
            _money("base", "s.base"),
            _money("tax", "s.tax"),
            _money("rounding", "s.rounding"),
            _money("value", "s.value"),
            _money("total", "s.total"),
            _text("void_of", "s.void_of::text"),
            _text("reason", "s.reason"),
            _text("note", "s.note"),
            _text("flags", "array_to_string(s.flags, ' ')"),
            _text("source", "s.source"),
            _text("external_number", "s.external_number"),
            _text("hash", "encode(s.hash, 'hex')"),
        ),
        f"sales s{_SALE_JOINS} LEFT JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id"
        " LEFT JOIN customers k ON k.tenant_id = s.tenant_id AND k.id = s.customer_id WHERE s.tenant_id = {tenant}",
        (("s.business_date", "date"), ("s.id", "uuid")),
        outlet="s.outlet_id",
        day="s.business_date",
    ),
    _sale_rows(
        "sale_lines",
        "Lines of sales",
        "sale_lines",
        "line_no",
        (
            _text("kind", "x.kind"),
            _text("sku", "x.sku"),
            _text("name", "x.name"),
            _number("quantity", "x.quantity"),
            _text("unit", "x.unit"),
            _number("unit_price", "x.unit_price"),
            _money("discount", "x.discount"),
            _money("base", "x.base"),
            _money("tax", "x.tax"),
            _money("total", "x.total"),
            _text("lot", "x.lot"),
            _text("note", "x.note"),
            _money("cost", "x.cost", Permission.PRODUCT_COST_READ),
        ),
    ),
    _sale_rows(
        "sale_taxes",
        "Taxes of sales",
        "sale_taxes",
        "tax_no",
        (
            _text("code", "x.code"),
            _text("name", "x.name"),
            _number("rate", "x.rate"),
            _money("base", "x.base"),
            _money("amount", "x.amount"),
        ),
    ),
    _sale_rows(
        "payments",
        "Payments of sales",
        "payments",
        "seq",
        (_text("kind", "x.kind"), _money("amount", "x.amount"), _text("reference", "x.reference")),
    ),
    Dataset(
        "shifts",
        "Shifts with what was expected and counted",
        (Permission.SHIFT_EXPECTED_READ,),
        (
            Column("shift_id", "x.id::text"),
            _text("outlet", "o.code"),
            _text("register", "r.prefix"),
            _day("business_date", "x.business_date"),
            _number("z_number", "x.z_number"),
            _moment("opened_at", "x.opened_at"),
            _text("opened_by", "x.opened_by"),
            _money("opening_float", "x.opening_float"),
            _moment("closed_at", "x.closed_at"),
            _text("closed_by", "x.closed_by"),
            _money("expected", "x.expected"),
            _money("counted", "x.counted"),
            _money("difference", "x.difference"),
        ),
        "shifts x JOIN registers r ON r.tenant_id = x.tenant_id AND r.id = x.register_id"
        " JOIN outlets o ON o.tenant_id = r.tenant_id AND o.id = r.outlet_id WHERE x.tenant_id = {tenant}",
        (("x.id", "uuid"),),
        outlet="o.id",
        day="x.business_date",
    ),
    Dataset(
        "audit",
        "Who did what, and what was refused, oldest first",
        (Permission.AUDIT_READ,),
        (
            Column("id", "x.id::text", "number"),
            _moment("at", "x.at"),
            _text("operation", "x.operation"),
            _text("outcome", "x.outcome"),
            _text("error_code", "x.error_code"),
            _text("actor_kind", "x.actor_kind"),
            _text("actor", "x.actor_name"),
            _text("role", "x.role"),
            _text("approver", "x.approver_name"),
            _text("subject", "x.subject"),
            _text("data", "x.data::text"),
            _text("request_id", "x.request_id"),
        ),
        "audit_events x WHERE x.tenant_id = {tenant}",
        (("x.id", "bigint"),),
    ),
)
CUSTOMERS: Final = "customers"
CUSTOMERS_TITLE: Final = "Customers with what they agreed to"
DATASETS: Final[Mapping[str, Dataset]] = {dataset.name: dataset for dataset in _ALL}
NAMES: Final = ("products", CUSTOMERS, *(name for name in DATASETS if name != "products"))
