"""What files of sales look like, by the system that wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from primepos.domain.importing.aliases import (
    BARCODE,
    CATEGORY,
    CUSTOMER,
    DATE,
    PRICE,
    PRODUCT,
    QUANTITY,
    RECEIPT,
    SKU,
    TAX_CLASS,
    TIME,
    TRACKED,
    UNIT,
)
from primepos.domain.importing.shapes import Shape
from primepos.domain.importing.tables import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one system writes its sales down, one line of a sale a row, the sale known by its ``number``.

    ``zone`` is where its clock hung (None: the tenant's own), ``formats`` how it writes times beside ISO 8601,
    ``cancellation`` how the number of a cancelled or returned sale begins (empty: a sale whose every line came back
    is one), ``currency`` what its amounts are in (empty: not said).
    """

    name: str
    fields: Mapping[str, Wanted]
    zone: str | None = None
    formats: tuple[str, ...] = ()
    cancellation: str = ""
    currency: str = ""


_NUMBER: Final = ("number", "invoice", "invoice no", "invoice number", "receipt", "receipt number", "order", "order id")
_SALE_FIELDS: Final = {
    "number": Wanted((*_NUMBER, "transaction id", "sale id", *RECEIPT), is_required=True),
    "sold_at": Wanted(
        ("sold at", "date time", "timestamp", "created at", "invoice date", "date", *DATE), is_required=True
    ),
    "time": Wanted(("time", *TIME)),
    "sku": Wanted(("sku", "stock code", "item code", "product code", "article", *SKU), is_required=True),
    "name": Wanted(("name", "item", "item name", "product", "product name", "description", *PRODUCT)),
    "quantity": Wanted(("quantity", "qty", "units", *QUANTITY), is_required=True),
    "unit_price": Wanted(("unit price", "price", "item price", *PRICE), is_required=True),
    "customer": Wanted(("customer", "customer id", "customer number", "customer code", *CUSTOMER)),
}

GENERIC: Final = Dialect("generic", _SALE_FIELDS)
# UCI Online Retail (2010-2011) and its second edition, which calls three columns otherwise. Its numbers begin with C
# for cancellations and with A for corrections of bad debt, which are counted as sales of a negative price.
ONLINE_RETAIL: Final = Dialect(
    "online-retail",
    {
        "number": Wanted(("InvoiceNo", "Invoice"), is_required=True),
        "sold_at": Wanted(("InvoiceDate",), is_required=True),
        "sku": Wanted(("StockCode",), is_required=True),
        "name": Wanted(("Description",), is_required=True),
        "quantity": Wanted(("Quantity",), is_required=True),
        "unit_price": Wanted(("UnitPrice", "Price"), is_required=True),
        "customer": Wanted(("CustomerID", "Customer ID")),
    },
    zone="Europe/London",
    formats=("%m/%d/%Y %H:%M",),
    cancellation="C",
    currency="GBP",
)
SALES: Final = {each.name: each for each in (GENERIC, ONLINE_RETAIL)}


GENERIC_PRODUCTS: Final = Shape(
    "generic",
    "products",
    "a list of products",
    {
        "sku": Wanted(("sku", "stock code", "item code", "product code", "variant sku", "article", "code", *SKU)),
        "name": Wanted(
            ("name", "product name", "item name", "title", "item", "product", "description", *PRODUCT),
            is_required=True,
        ),
        "unit_price": Wanted(
            ("unit price", "price", "regular price", "variant price", "retail price", "selling price", *PRICE),
            is_required=True,
        ),
        "barcode": Wanted(("barcode", "barcodes", "gtin", "ean", "upc", "variant barcode", *BARCODE)),
        "category": Wanted(("category", "department", "product type", *CATEGORY)),
        "tax_class": Wanted(("tax class", "tax code", *TAX_CLASS)),
        "sold_by": Wanted(("sold by", "unit", *UNIT)),
        "track_stock": Wanted(("track stock", "track inventory", "in inventory", *TRACKED)),
    },
    numbers=("unit_price",),
)
