"""Stock as systems write it down: one product a row, with a column for each place or a row for each place."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from primepos.domain.importing import aliases
from primepos.domain.importing.cells import clean
from primepos.domain.importing.shapes import MOST_OPTIONS, Shape, told_options
from primepos.domain.importing.systems.goods import LOYVERSE, SHOPIFY, SHOPIFY_NEW, SQUARE, WOOCOMMERCE
from primepos.domain.importing.tables import Wanted

if TYPE_CHECKING:
    from primepos.domain.importing.shapes import Reshape, Values


def _with_levels(shape: Shape, *plain: str, by_place: str | None = None) -> Shape:
    """Return a product export as one of stock: prices and names may be missing, quantities are read."""
    fields = {name: Wanted(each.aliases) for name, each in shape.fields.items() if name != "stock"}
    fields["quantity"] = Wanted(plain)
    # The rows that are products are told by having a price, so the price is read without being needed.
    return replace(
        shape,
        kind="stock",
        fields=fields,
        by_place={"quantity": re.compile(by_place, re.IGNORECASE)} if by_place else {},
        numbers=("quantity",),
        reshape=lambda: _without_price(shape.reshape()),
    )


def _without_price(reshape: Reshape) -> Reshape:
    def levels(values: Values) -> Values | None:
        if clean(values.get("unit_price", "")).casefold() == "variable":
            values["unit_price"] = "0"
        return reshape(values)

    return levels


def _shopify_inventory() -> Reshape:
    def level(values: Values) -> Values:
        if not clean(values.get("sku", "")):
            told = [value for _, value in told_options(values) if value.casefold() != "default title"]
            values["sku"] = "-".join([clean(values["handle"]), *(each.replace(" ", "-").lower() for each in told)])[:64]
        if clean(values["quantity"]).casefold() == "not stocked":
            values["quantity"] = ""
        return values

    return level


SHOPIFY_INVENTORY: Final = Shape(
    "shopify",
    "stock",
    "Shopify's inventory export",
    {
        "handle": Wanted(("Handle",), is_required=True),
        "sku": Wanted(("SKU",)),
        "place": Wanted(("Location",), is_required=True),
        "quantity": Wanted(("On hand (current)", "On hand", "Available"), is_required=True),
        **{
            key: Wanted((column,))
            for n in range(1, MOST_OPTIONS + 1)
            for key, column in ((f"option_{n}_name", f"Option{n} Name"), (f"option_{n}_value", f"Option{n} Value"))
        },
    },
    marks=("Handle", "SKU", "Location", "HS Code"),
    reshape=_shopify_inventory,
    numbers=("quantity",),
)
GENERIC_STOCK: Final = Shape(
    "generic",
    "stock",
    "a list of stock",
    {
        "sku": Wanted(("sku", "stock code", "item code", "product code", "article", "code", *aliases.SKU)),
        "barcode": Wanted(("barcode", "gtin", "ean", "upc", *aliases.BARCODE)),
        "place": Wanted(("place", *aliases.PLACE)),
        "quantity": Wanted(aliases.STOCK, is_required=True),
    },
    numbers=("quantity",),
)
STOCK: Final = (
    _with_levels(SQUARE, "Current Quantity", by_place=r"Current Quantity (.+)"),
    _with_levels(LOYVERSE, "In stock", by_place=r"In stock \[(.+)\]"),
    SHOPIFY_INVENTORY,
    _with_levels(SHOPIFY, "Variant Inventory Qty"),
    _with_levels(SHOPIFY_NEW, "Inventory quantity"),
    _with_levels(WOOCOMMERCE, "Stock"),
)
