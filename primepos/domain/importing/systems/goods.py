"""Products as Square, Loyverse, Shopify and WooCommerce write them down: one variant a row."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from primepos.domain.importing.cells import CellProblem, clean
from primepos.domain.importing.shapes import MOST_OPTIONS, Shape, full_name, told_options
from primepos.domain.importing.tables import Wanted

if TYPE_CHECKING:
    from primepos.domain.importing.shapes import Reshape, Values

# What systems call the only variant of a product that has none.
_NO_VARIANT: Final = frozenset({"", "regular", "default title", "default", "standard"})
_OPEN_PRICE: Final = frozenset({"variable"})


def _options(name: str, value: str) -> dict[str, Wanted]:
    return {
        key: Wanted((pattern.format(n),))
        for n in range(1, MOST_OPTIONS + 1)
        for key, pattern in ((f"option_{n}_name", name), (f"option_{n}_value", value))
    }


def _priced(values: Values) -> Values:
    if clean(values.get("unit_price", "")).casefold() in _OPEN_PRICE:
        raise CellProblem("PRICE_OPEN", "the price is typed in at the till; give it one here")
    return values


def _square(values: Values) -> Values:
    item, variation = clean(values["name"]), clean(values.get("variation", ""))
    is_variant = variation.casefold() not in _NO_VARIANT
    options = told_options(values) or ([("Variation", variation)] if is_variant else [])
    if not clean(values.get("sku", "")) and not clean(values.get("barcode", "")):
        values["sku"] = values.get("token", "")
    values["category"] = re.sub(r"\s*\([^)]*\)$", "", clean(values.get("category", "")).partition(",")[0])
    if is_variant:
        values["group"], values["name"] = item, full_name(item, [variation])
        for n, (name, value) in enumerate(options, 1):
            values[f"option_{n}_name"], values[f"option_{n}_value"] = name, value
    return _priced(values)


def _square_kept() -> Reshape:
    return _square


SQUARE: Final = Shape(
    "square",
    "products",
    "Square's item library",
    {
        "token": Wanted(("Token",)),
        "name": Wanted(("Item Name",), is_required=True),
        "variation": Wanted(("Variation Name",)),
        "sku": Wanted(("SKU",)),
        "barcode": Wanted(("GTIN",)),
        "category": Wanted(("Category", "Categories", "Reporting Category")),
        "unit_price": Wanted(("Price",), is_required=True),
        "cost": Wanted(("Default Unit Cost",)),
        "tax_class": Wanted(()),
        "sold_by": Wanted(()),
        "track_stock": Wanted(()),
        **_options("Option Name {}", "Option Value {}"),
    },
    marks=("Token", "Item Name", "Variation Name", "Price"),
    reshape=_square_kept,
    numbers=("unit_price", "cost"),
)


class _Loyverse:
    """Carries a product's name, category and names of options from its first variant to the others."""

    def __init__(self) -> None:
        self._handle = ""
        self._first: Values = {}

    def __call__(self, values: Values) -> Values | None:
        handle = clean(values.get("handle", ""))
        if clean(values.get("name", "")):
            self._handle, self._first = handle, dict(values)
        elif not clean(values.get("sku", "")):
            # A line that says what a composite product is made of.
            return None
        elif handle and handle == self._handle:
            for name in ("name", "category", "sold_by", "track_stock", *(f"option_{n}_name" for n in range(1, 4))):
                values[name] = values.get(name, "") or self._first.get(name, "")
        if values.get("sold_by", ""):
            values["sold_by"] = "weight" if clean(values["sold_by"]).casefold() in {"y", "yes"} else "each"
        options = told_options(values)
        if options:
            item = clean(values["name"])
            values["group"], values["name"] = item, full_name(item, [value for _, value in options])
        return _priced(values)


LOYVERSE: Final = Shape(
    "loyverse",
    "products",
    "Loyverse's item list",
    {
        "handle": Wanted(("Handle",)),
        "sku": Wanted(("SKU",)),
        "name": Wanted(("Name",), is_required=True),
        "category": Wanted(("Category",)),
        "sold_by": Wanted(("Sold by weight",)),
        "cost": Wanted(("Cost",)),
        "barcode": Wanted(("Barcode",)),
        "track_stock": Wanted(("Track stock",)),
        "unit_price": Wanted(("Price", "Default price")),
        "tax_class": Wanted(()),
        **_options("Option {} name", "Option {} value"),
    },
    marks=("Handle", "SKU", "Name", "Sold by weight", "Track stock"),
    reshape=_Loyverse,
    by_place={"unit_price": re.compile(r"Price \[(.+)\]", re.IGNORECASE)},
    numbers=("unit_price", "cost"),
)


class _Shopify:
    """Carries a product's title, type and names of options from its first variant to the others."""

    _CARRIED: Final = ("name", "category", "gift_card", *(f"option_{n}_name" for n in range(1, MOST_OPTIONS + 1)))

    def __init__(self) -> None:
        self._handle = ""
        self._first: Values = {}

    def __call__(self, values: Values) -> Values | None:
        handle = clean(values.get("handle", ""))
        if handle != self._handle:
            self._handle, self._first = handle, dict(values)
        for name in self._CARRIED:
            values[name] = values.get(name, "") or self._first.get(name, "")
        if not clean(values.get("unit_price", "")) and not clean(values.get("sku", "")):
            # A row that holds one more picture of the product above.
            return None
        if clean(values.get("gift_card", "")).casefold() == "true":
            return None
        if "track_stock" in values:
            values["track_stock"] = "yes" if clean(values["track_stock"]) else "no"
        options = [each for each in told_options(values) if each[1].casefold() not in _NO_VARIANT]
        if not clean(values.get("sku", "")) and not clean(values.get("barcode", "")):
            values["sku"] = "-".join([handle, *(value.replace(" ", "-").lower() for _, value in options)])[:64]
        if options:
            item = clean(values["name"])
            values["group"], values["name"] = item, full_name(item, [value for _, value in options])
        else:
            values["option_1_value"] = ""
        return values


SHOPIFY: Final = Shape(
    "shopify",
    "products",
    "Shopify's product export",
    {
        "handle": Wanted(("Handle", "URL handle"), is_required=True),
        "name": Wanted(("Title",), is_required=True),
        "category": Wanted(("Type", "Product type")),
        "sku": Wanted(("Variant SKU", "SKU")),
        "barcode": Wanted(("Variant Barcode", "Barcode")),
        "unit_price": Wanted(("Variant Price", "Price"), is_required=True),
        "cost": Wanted(("Cost per item",)),
        "track_stock": Wanted(("Variant Inventory Tracker", "Inventory tracker")),
        "gift_card": Wanted(("Gift Card",)),
        "stock": Wanted(("Variant Inventory Qty", "Inventory quantity")),
        "tax_class": Wanted(()),
        "sold_by": Wanted(()),
        **_options("Option{} Name", "Option{} Value"),
    },
    marks=("Handle", "Title", "Variant Price", "Variant Fulfillment Service"),
    reshape=_Shopify,
    numbers=("unit_price", "cost", "stock"),
)

# The template of 2024 and later, which drops the word variant.
SHOPIFY_NEW: Final = replace(SHOPIFY, marks=("URL handle", "Title", "Price", "Fulfillment service"))


class _WooCommerce:
    """Passes over products that only hold variations, and gives these their parent's category."""

    def __init__(self) -> None:
        self._parents: dict[str, Values] = {}

    def __call__(self, values: Values) -> Values | None:
        kinds = {kind.strip().casefold() for kind in values["kind"].split(",")}
        known, number = clean(values.get("sku", "")), clean(values.get("number", ""))
        if "variable" in kinds:
            for key in (known, f"id:{number}"):
                self._parents[key] = dict(values)
            return None
        if kinds & {"grouped", "external"}:
            return None
        parent = self._parents.get(clean(values.get("parent", "")))
        if parent is not None:
            values["category"] = values.get("category", "") or parent.get("category", "")
            values["tax_class"] = values.get("tax_class", "") or parent.get("tax_class", "")
            values["group"] = clean(parent["name"])
            if not told_options(values):
                told = clean(values["name"]).removeprefix(values["group"]).lstrip(" -,")
                values["option_1_name"], values["option_1_value"] = "Variation", told
        # Clothing > Shirts, Sale: the first of them, without the way to it.
        values["category"] = clean(values.get("category", "")).partition(",")[0].rpartition(">")[2].strip()
        # Its classes have other names than ours: standard is the empty one, parent is that of the product above.
        values["tax_class"] = values["tax_class"] if values.get("tax_class", "") not in {"parent", ""} else ""
        if not known and not clean(values.get("barcode", "")):
            values["sku"] = f"woo-{number}"
        if "stock" in values:
            values["track_stock"] = "yes" if clean(values["stock"]) else "no"
        return values


WOOCOMMERCE: Final = Shape(
    "woocommerce",
    "products",
    "WooCommerce's product export",
    {
        "number": Wanted(("ID",)),
        "kind": Wanted(("Type",), is_required=True),
        "sku": Wanted(("SKU",)),
        "barcode": Wanted(("GTIN, UPC, EAN, or ISBN",)),
        "name": Wanted(("Name",), is_required=True),
        "unit_price": Wanted(("Regular price",), is_required=True),
        "category": Wanted(("Categories",)),
        "tax_class": Wanted(("Tax class",)),
        "stock": Wanted(("Stock",)),
        "parent": Wanted(("Parent",)),
        "sold_by": Wanted(()),
        "track_stock": Wanted(()),
        "cost": Wanted(("Cost of goods",)),
        **_options("Attribute {} name", "Attribute {} value(s)"),
    },
    marks=("ID", "Type", "SKU", "Name", "Regular price", "Parent"),
    reshape=_WooCommerce,
    numbers=("unit_price", "stock"),
)
PRODUCTS: Final = (SQUARE, LOYVERSE, SHOPIFY, SHOPIFY_NEW, WOOCOMMERCE)
