"""Our own exports, read to the letter: what was exported comes back as it was, byte for byte.

Every text of an export that a spreadsheet could work out, and every one that begins with an apostrophe, has an
apostrophe in front; reading takes exactly that one off and nothing else.
"""

from __future__ import annotations

from typing import Final

from primepos.domain.importing.shapes import MOST_OPTIONS, Shape
from primepos.domain.importing.tables import Wanted

PRODUCT_COLUMNS: Final = (
    "sku", "name", "category", "tax_class", "unit_price", "sold_by", "track_stock", "barcodes", "barcode_quantities",
    "kind", "parent_sku", "option_1_name", "option_1_value", "option_2_name", "option_2_value", "option_3_name",
    "option_3_value", "archived",
)  # fmt: skip
CUSTOMER_COLUMNS: Final = (
    "customer_number", "name", "company", "email", "phone", "address", "tax_number", "born_on", "notes", "language",
    "price_list", "groups", "tax_exempt", "exemption_number", "exempt_until", "consents",
)  # fmt: skip
STOCK_COLUMNS: Final = ("sku", "outlet_code", "quantity", "product_name", "outlet_name")
_RENAMED: Final = {"barcode": "barcodes", "number": "customer_number", "place": "outlet_code"}
_PRODUCT_FIELDS: Final = (
    "sku", "name", "category", "tax_class", "unit_price", "sold_by", "track_stock", "barcode", "barcode_quantities",
    "kind", "parent_sku", "archived",
    *(f"option_{n}_{part}" for n in range(1, MOST_OPTIONS + 1) for part in ("name", "value")),
)  # fmt: skip


def _fields(names: tuple[str, ...], *required: str) -> dict[str, Wanted]:
    return {name: Wanted((_RENAMED.get(name, name),), name in required) for name in names}


PRODUCTS: Final = Shape(
    "primepos",
    "products",
    "our own export of products",
    _fields(_PRODUCT_FIELDS, "sku", "name", "unit_price"),
    marks=("sku", "name", "unit_price", "barcode_quantities", "parent_sku"),
    is_exact=True,
)
CUSTOMERS: Final = Shape(
    "primepos",
    "customers",
    "our own export of customers",
    _fields(("number", *CUSTOMER_COLUMNS[1:]), "number", "name"),
    marks=("customer_number", "name", "exemption_number", "consents"),
    is_exact=True,
)
STOCK: Final = Shape(
    "primepos",
    "stock",
    "our own export of stock",
    _fields(("sku", "place", "quantity"), "sku", "place", "quantity"),
    marks=("sku", "outlet_code", "quantity"),
    is_exact=True,
)
