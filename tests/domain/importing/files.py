"""Files as four systems write them: their own columns, our own made-up shop."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

SQUARE_ITEMS = (
    "Token", "Item Name", "Variation Name", "SKU", "Description", "Category", "GTIN", "Square Online Item Visibility",
    "Weight (lb)", "Price", "Sellable", "Stockable", "Option Name 1", "Option Value 1", "Option Name 2",
    "Option Value 2", "Option Name 3", "Option Value 3", "Default Unit Cost", "Default Vendor Name",
    "Default Vendor Code", "Current Quantity Main Street", "New Quantity Main Street",
    "Stock Alert Enabled Main Street", "Stock Alert Count Main Street", "Tax - Sales (6.625%)",
)  # fmt: skip
SQUARE_OLD = (
    "Token", "Item Name", "Description", "Category", "SKU", "Variation Name", "Price", "Current Quantity",
    "New Quantity", "Stock Alert Enabled", "Stock Alert Count", "Modifier Set - Milk", "Tax - VAT (25%)",
)  # fmt: skip
SQUARE_DETAIL = (
    "Date", "Time", "Time Zone", "Category", "Item", "Qty", "Price Point Name", "SKU", "Modifiers Applied",
    "Gross Sales", "Discounts", "Net Sales", "Tax", "Transaction ID", "Payment ID", "Device Name", "Notes", "Details",
    "Event Type", "Location", "Dining Option", "Customer ID", "Customer Name", "Customer Reference ID", "Unit", "Count",
    "GTIN", "Itemization Type", "Fulfillment Note", "Channel", "Token", "Card Brand", "PAN Suffix",
)  # fmt: skip
SQUARE_PEOPLE = (
    "Reference ID", "First Name", "Last Name", "Email Address", "Phone Number", "Nickname", "Company Name",
    "Street Address 1", "Street Address 2", "City", "State", "Postal Code", "Birthday", "Memo", "Square Customer ID",
    "Creation Source", "First Visit", "Last Visit", "Transaction Count", "Lifetime Spend", "Email Subscription Status",
    "Instant Profile",
)  # fmt: skip
LOYVERSE_ITEMS = (
    "Handle", "SKU", "Name", "Category", "Description", "Sold by weight", "Option 1 name", "Option 1 value",
    "Option 2 name", "Option 2 value", "Option 3 name", "Option 3 value", "Cost", "Barcode", "SKU of included item",
    "Quantity of included item", "Track stock", "Available for sale [Harbour]", "Price [Harbour]", "In stock [Harbour]",
    "Low stock [Harbour]",
)  # fmt: skip
LOYVERSE_RECEIPTS = (
    "Date", "Receipt number", "Receipt type", "Gross sales", "Discounts", "Net sales", "Taxes", "Total collected",
    "Cost of goods", "Gross profit", "Payment type", "Description", "Dining option", "POS", "Store", "Cashier name",
    "Customer name", "Customer contacts", "Status",
)  # fmt: skip
LOYVERSE_PEOPLE = (
    "Customer ID", "Customer name", "Email", "Phone", "Address", "City", "Region", "Postal code", "Country",
    "Customer code", "Points balance", "Note", "First visit", "Last visit", "Total visits", "Total spent",
)  # fmt: skip
SHOPIFY_PRODUCTS = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Option1 Name", "Option1 Value",
    "Option2 Name", "Option2 Value", "Option3 Name", "Option3 Value", "Variant SKU", "Variant Grams",
    "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy", "Variant Fulfillment Service",
    "Variant Price", "Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable", "Variant Barcode",
    "Image Src", "Image Position", "Gift Card", "Cost per item",
)  # fmt: skip
SHOPIFY_INVENTORY = (
    "Handle", "Title", "Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Option3 Name",
    "Option3 Value", "SKU", "HS Code", "COO", "Location", "Bin name", "Incoming (not editable)",
    "Unavailable (not editable)", "Committed (not editable)", "Available (not editable)", "On hand (current)",
    "On hand (new)",
)  # fmt: skip
SHOPIFY_ORDERS = (
    "Name", "Email", "Financial Status", "Paid at", "Currency", "Subtotal", "Shipping", "Taxes", "Total",
    "Discount Code", "Discount Amount", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price",
    "Lineitem sku", "Billing Name", "Refunded Amount", "Lineitem discount", "Id",
)  # fmt: skip
SHOPIFY_PEOPLE = (
    "Customer ID", "First Name", "Last Name", "Email", "Accepts Email Marketing", "Default Address Company",
    "Default Address Address1", "Default Address City", "Default Address Zip", "Phone", "Accepts SMS Marketing",
    "Total Spent", "Total Orders", "Note", "Tax Exempt", "Tags",
)  # fmt: skip
WOO_PRODUCTS = (
    "ID", "Type", "SKU", "GTIN, UPC, EAN, or ISBN", "Name", "Published", "Is featured?", "Visibility in catalog",
    "Short description", "Description", "Tax status", "Tax class", "In stock?", "Stock", "Sale price", "Regular price",
    "Categories", "Tags", "Images", "Parent", "Attribute 1 name", "Attribute 1 value(s)",
)  # fmt: skip
WOO_ORDERS = (
    "Date", "Order #", "Status", "Customer", "Customer type", "Product(s)", "Items sold", "Coupon(s)", "Net Sales",
    "Attribution",
)  # fmt: skip
WOO_PEOPLE = (
    "Name", "Username", "Last active", "Sign up", "Email", "Orders", "Total spend", "AOV", "Country / Region", "City",
    "Region", "Postal code",
)  # fmt: skip


def table(header: Sequence[str], rows: Iterable[Mapping[str, str]], delimiter: str = ",") -> str:
    """Return a file with these columns; cells that a row leaves out are empty."""
    into = io.StringIO()
    writer = csv.DictWriter(into, header, restval="", delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
    return into.getvalue()


PRODUCTS: dict[str, str] = {
    "square": table(
        SQUARE_ITEMS,
        [
            {"Token": "TOK1", "Item Name": "House Blend", "Variation Name": "Regular", "SKU": "HB-1",
             "Category": "Coffee (TOKC)", "GTIN": "4006381333948", "Price": "$1,234.50",
             "Current Quantity Main Street": "12", "Tax - Sales (6.625%)": "Y"},
            {"Token": "TOK2", "Item Name": 'Tee, "Logo"', "Variation Name": "Small", "SKU": "TEE-S",
             "Description": "one\ntwo", "Price": "$18.00", "Option Name 1": "Size", "Option Value 1": "Small",
             "Current Quantity Main Street": "3"},
            {"Token": "TOK3", "Item Name": 'Tee, "Logo"', "Variation Name": "Large", "SKU": "TEE-L",
             "Price": "$19.00", "Option Name 1": "Size", "Option Value 1": "Large",
             "Current Quantity Main Street": "0"},
            {"Token": "TOK4", "Item Name": "Without code", "Variation Name": "Regular", "Price": "$2.00"},
            {"Token": "TOK5", "Item Name": "Open", "Variation Name": "Regular", "SKU": "OPEN", "Price": "variable"},
        ],
    ),
    "loyverse": table(
        LOYVERSE_ITEMS,
        [
            {"Handle": "apple", "SKU": "10001", "Name": "Apple", "Category": "Fruit", "Sold by weight": "Y",
             "Barcode": "2100001", "Track stock": "Y", "Price [Harbour]": "3.25", "In stock [Harbour]": "7.5"},
            {"Handle": "mug", "SKU": "10002", "Name": "Mug", "Sold by weight": "N", "Option 1 name": "Colour",
             "Option 1 value": "Red", "Track stock": "Y", "Price [Harbour]": "8.00", "In stock [Harbour]": "4"},
            {"Handle": "mug", "SKU": "10003", "Option 1 value": "Blue", "Track stock": "Y", "Price [Harbour]": "8.50",
             "In stock [Harbour]": "-1"},
            {"Handle": "set", "SKU": "10004", "Name": "Set", "Sold by weight": "N", "Track stock": "N",
             "Price [Harbour]": "15.00"},
            {"SKU of included item": "10002", "Quantity of included item": "2"},
        ],
    ),
    "shopify": table(
        SHOPIFY_PRODUCTS,
        [
            {"Handle": "shirt", "Title": "Shirt", "Body (HTML)": '<p>a,\n"b"</p>', "Type": "Clothes",
             "Option1 Name": "Size", "Option1 Value": "M", "Option2 Name": "Colour", "Option2 Value": "Green",
             "Variant SKU": "SH-M", "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "5",
             "Variant Fulfillment Service": "manual", "Variant Price": "29.90", "Variant Barcode": "'04006381333955",
             "Image Src": "https://shop.example/1.png"},
            {"Handle": "shirt", "Option1 Value": "L", "Option2 Value": "Green", "Variant SKU": "SH-L",
             "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "2", "Variant Price": "29.90"},
            {"Handle": "shirt", "Image Src": "https://shop.example/2.png"},
            {"Handle": "card", "Title": "Gift Card", "Option1 Name": "Title", "Option1 Value": "10",
             "Variant Price": "10.00", "Gift Card": "true"},
            {"Handle": "candle", "Title": "Candle", "Option1 Name": "Title", "Option1 Value": "Default Title",
             "Variant Price": "7.00"},
        ],
    ),
    "woocommerce": "\ufeff" + table(
        WOO_PRODUCTS,
        [
            {"ID": "10", "Type": "variable", "SKU": "HOOD", "Name": "Hoodie", "Tax status": "taxable",
             "Categories": "Clothing > Hoodies, Sale", "Attribute 1 name": "Colour",
             "Attribute 1 value(s)": "Red, Blue"},
            {"ID": "11", "Type": "variation", "SKU": "HOOD-R", "Name": "Hoodie - Red", "Tax class": "parent",
             "Stock": "4", "Regular price": "45", "Parent": "HOOD", "Attribute 1 name": "Colour",
             "Attribute 1 value(s)": "Red"},
            {"ID": "12", "Type": "variation", "Name": "Hoodie - Blue", "Tax class": "parent", "Regular price": "45.5",
             "Parent": "id:10", "Attribute 1 name": "Colour", "Attribute 1 value(s)": "Blue"},
            {"ID": "13", "Type": "simple, virtual", "SKU": "ebook", "Name": "E-Book", "Regular price": "9.99",
             "Categories": "Books", "GTIN, UPC, EAN, or ISBN": "9783161484100"},
            {"ID": "14", "Type": "grouped", "Name": "Bundle"},
        ],
    ),
}  # fmt: skip
#: SKU: name, price, category, sold by, tracked, parent.
EXPECTED_PRODUCTS: dict[str, dict[str, tuple[str, str, str | None, str, bool, str | None]]] = {
    "square": {
        "HB-1": ("House Blend", "1234.5", "Coffee", "each", True, None),
        "TEE-S": ('Tee, "Logo" - Small', "18", None, "each", True, 'Tee, "Logo"'),
        "TEE-L": ('Tee, "Logo" - Large', "19", None, "each", True, 'Tee, "Logo"'),
        "TOK4": ("Without code", "2", None, "each", True, None),
    },
    "loyverse": {
        "10001": ("Apple", "3.25", "Fruit", "weight", True, None),
        "10002": ("Mug - Red", "8", None, "each", True, "mug"),
        "10003": ("Mug - Blue", "8.5", None, "each", True, "mug"),
        "10004": ("Set", "15", None, "each", False, None),
    },
    "shopify": {
        "SH-M": ("Shirt - M / Green", "29.9", "Clothes", "each", True, "shirt"),
        "SH-L": ("Shirt - L / Green", "29.9", "Clothes", "each", True, "shirt"),
        "candle": ("Candle", "7", None, "each", False, None),
    },
    "woocommerce": {
        "HOOD-R": ("Hoodie - Red", "45", "Hoodies", "each", True, "Hoodie"),
        "woo-12": ("Hoodie - Blue", "45.5", "Hoodies", "each", False, "Hoodie"),
        "ebook": ("E-Book", "9.99", "Books", "each", False, None),
    },
}
REFUSED_PRODUCTS = {"square": ["PRICE_OPEN"], "loyverse": [], "shopify": [], "woocommerce": []}
#: Levels by SKU that the same file says.
EXPECTED_STOCK = {
    "square": {"HB-1": "12", "TEE-S": "3", "TEE-L": "0"},
    "loyverse": {"10001": "7.5", "10002": "4", "10003": "-1"},
    "shopify": {"SH-M": "5", "SH-L": "2"},
    "woocommerce": {"HOOD-R": "4"},
}
CUSTOMERS: dict[str, str] = {
    "square": table(
        SQUARE_PEOPLE,
        [
            {"Reference ID": "C-1", "First Name": "Ada", "Last Name": "Byron", "Email Address": "Ada@Shop.example",
             "Phone Number": "'+442071234567", "Street Address 1": "1 Long Lane", "City": "London",
             "Postal Code": "N1 9GU", "Birthday": "1985-12-10", "Square Customer ID": "SQ1",
             "Email Subscription Status": "subscribed"},
            {"Company Name": "Cafe Blue Ltd", "Square Customer ID": "SQ2"},
        ],
    ),
    "loyverse": table(
        LOYVERSE_PEOPLE,
        [
            {"Customer ID": "8f1", "Customer name": "Bela Fonte", "Phone": "+36 1 234 5678", "Customer code": "77",
             "City": "Budapest", "Postal code": "1011", "Points balance": "12.50", "Total visits": "3"},
            {"Customer ID": "8f2", "Customer name": "Cy", "Email": "cy@shop.example"},
        ],
    ),
    "shopify": table(
        SHOPIFY_PEOPLE,
        [
            {"Customer ID": "'7001", "First Name": "Dana", "Last Name": "Ek", "Email": "dana@shop.example",
             "Accepts Email Marketing": "yes", "Accepts SMS Marketing": "no", "Default Address City": "Lund"},
            {"Customer ID": "'7002", "First Name": "Eli", "Email": "eli@shop.example", "Accepts Email Marketing": "no"},
        ],
    ),
    "woocommerce": table(
        WOO_PEOPLE,
        [
            {"Name": "Fay Grün", "Username": "fay", "Email": "fay@shop.example", "Country / Region": "DE",
             "City": "Köln", "Postal code": "50667", "Orders": "2", "Total spend": "90.00"},
            {"Name": "Gil", "Username": "gil"},
        ],
    ),
}  # fmt: skip
EXPECTED_CUSTOMERS = {
    "square": ["Ada Byron", "Cafe Blue Ltd"],
    "loyverse": ["Bela Fonte", "Cy"],
    "shopify": ["Dana Ek", "Eli"],
    "woocommerce": ["Fay Grün", "Gil"],
}
SALES: dict[str, str] = {
    "square": table(
        SQUARE_DETAIL,
        [
            {"Date": "01/14/26", "Time": "17:52:03", "Time Zone": "Eastern Time (US & Canada)", "Item": "House Blend",
             "Qty": "3.0", "Price Point Name": "Regular", "SKU": "HB-1", "Gross Sales": "$10.00", "Discounts": "-$1.00",
             "Net Sales": "$9.00", "Tax": "$0.60", "Transaction ID": "T1", "Event Type": "Payment",
             "Customer ID": "SQ1"},
            {"Date": "01/14/26", "Time": "17:52:03", "Time Zone": "Eastern Time (US & Canada)", "Item": "Tee",
             "Qty": "1.0", "Price Point Name": "Small", "SKU": "TEE-S", "Gross Sales": "$18.00", "Discounts": "$0.00",
             "Net Sales": "$18.00", "Tax": "$1.19", "Transaction ID": "T1", "Event Type": "Payment"},
            {"Date": "01/15/26", "Time": "09:00:00", "Time Zone": "Eastern Time (US & Canada)", "Item": "Tee",
             "Qty": "-1.0", "Price Point Name": "Small", "SKU": "TEE-S", "Gross Sales": "-$18.00",
             "Discounts": "$0.00", "Net Sales": "-$18.00", "Tax": "-$1.19", "Transaction ID": "T1",
             "Event Type": "Refund"},
        ],
    ),
    "loyverse": table(
        LOYVERSE_RECEIPTS,
        [
            {"Date": "3/18/26 2:05 PM", "Receipt number": "2-1001", "Receipt type": "Sale", "Gross sales": "20.00",
             "Discounts": "2.00", "Net sales": "18.00", "Taxes": "3.60", "Total collected": "21.60",
             "Description": "2 x Mug, Apple", "Status": "Closed"},
            {"Date": "3/18/26 2:30 PM", "Receipt number": "2-1002", "Receipt type": "Refund", "Taxes": "1.00",
             "Total collected": "6.00", "Status": "Closed"},
            {"Date": "3/19/26 9:00 AM", "Receipt number": "2-1003", "Receipt type": "Sale", "Total collected": "5.00",
             "Status": "Cancelled"},
        ],
    ),
    "shopify": table(
        SHOPIFY_ORDERS,
        [
            {"Name": "#1001", "Email": "dana@shop.example", "Financial Status": "partially_refunded",
             "Currency": "EUR", "Subtotal": "54.80", "Shipping": "4.95", "Taxes": "10.41", "Total": "70.16",
             "Discount Amount": "5.00", "Created at": "2026-02-03 23:30:00 -0500", "Lineitem quantity": "1",
             "Lineitem name": "Shirt - M", "Lineitem price": "29.90", "Lineitem sku": "SH-M",
             "Refunded Amount": "29.90", "Lineitem discount": "0.00"},
            {"Name": "#1001", "Lineitem quantity": "1", "Lineitem name": "Shirt - L", "Lineitem price": "29.90",
             "Lineitem sku": "SH-L", "Lineitem discount": "0.00"},
            {"Name": "#1002", "Financial Status": "voided", "Subtotal": "7.00", "Total": "7.00", "Taxes": "0.00",
             "Created at": "2026-02-04 10:00:00 -0500", "Lineitem quantity": "1", "Lineitem name": "Candle",
             "Lineitem price": "7.00"},
        ],
    ),
    "woocommerce": table(
        WOO_ORDERS,
        [
            {"Date": "2026-03-01 10:15:00", "Order #": "501", "Status": "completed", "Customer": "Fay Grün",
             "Customer type": "returning", "Product(s)": "2× Hoodie", "Items sold": "2", "Net Sales": "90.00"},
            {"Date": "2026-03-01 11:00:00", "Order #": "502", "Status": "failed", "Customer type": "new",
             "Net Sales": "12.00"},
        ],
    ),
}  # fmt: skip
#: Sales, what they came to, their tax: in minor units.
EXPECTED_SALES: dict[str, dict[str, tuple[int, int]]] = {
    "square": {"T1": (2879, 179), "T1/refund": (-1919, -119)},
    "loyverse": {"2-1001": (2160, 360), "2-1002": (-600, -100)},
    "shopify": {"#1001": (7016, 1041), "#1001/refund": (-2990, 0)},
    "woocommerce": {"501": (9000, 0)},
}
