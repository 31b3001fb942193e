"""Past sales as Square, Loyverse, Shopify and WooCommerce write them down, put together receipt by receipt.

Each system says what a line or a receipt came to, so that is booked to the minor unit, never worked out anew: a sale's
total here is the total there. What a receipt holds beside goods (shipping, a discount on everything, a refund of which
nobody says what came back) becomes a line of its own, named in capitals, that is no product. Names and addresses of
customers stay out of the sales: one who is erased could not be found there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from primepos.core.amounts import MAX_MINOR, PRICE_PLACES, allocate
from primepos.domain.importing.cells import (
    CellProblem,
    clean,
    read_amount,
    read_moment,
    read_name,
    read_quantity,
    read_sku,
)
from primepos.domain.importing.schemas import ImportedLine, ImportedSale
from primepos.domain.importing.shapes import Shape, Values, full_name
from primepos.domain.importing.tables import Wanted

if TYPE_CHECKING:
    from datetime import date, datetime

SHIPPING, DISCOUNT, OTHER, RECEIPT, REFUND = "SHIPPING", "DISCOUNT", "OTHER", "RECEIPT", "REFUND"
#: Lines that are no goods: no product is made of them.
NO_GOODS: Final = frozenset({SHIPPING, DISCOUNT, OTHER, RECEIPT, REFUND})
_REFUND_OF: Final = "{}/refund"
# Names of zones as Square writes them, which are those of Rails.
_ZONES: Final = {
    "eastern time (us & canada)": "America/New_York", "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver", "pacific time (us & canada)": "America/Los_Angeles",
    "arizona": "America/Phoenix", "alaska": "America/Anchorage", "hawaii": "Pacific/Honolulu",
    "atlantic time (canada)": "America/Halifax", "newfoundland": "America/St_Johns", "saskatchewan": "America/Regina",
    "london": "Europe/London", "edinburgh": "Europe/London", "dublin": "Europe/Dublin", "paris": "Europe/Paris",
    "madrid": "Europe/Madrid", "sydney": "Australia/Sydney", "melbourne": "Australia/Melbourne",
    "brisbane": "Australia/Brisbane", "perth": "Australia/Perth", "adelaide": "Australia/Adelaide",
    "darwin": "Australia/Darwin", "hobart": "Australia/Hobart", "tokyo": "Asia/Tokyo", "osaka": "Asia/Tokyo",
    "utc": "UTC",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file's cells are read: its zone, its decimals, its dates, the decimals of the currency."""

    zone: str
    exponent: int
    formats: tuple[str, ...]
    decimal_comma: bool

    def amount(self, values: Values, name: str) -> int:
        """Return an amount in minor units; an empty cell is none."""
        cell = values.get(name, "")
        return read_amount(cell, name.replace("_", " "), self.exponent, self.decimal_comma) if clean(cell) else 0

    def quantity(self, values: Values, name: str) -> Decimal:
        """Return a quantity."""
        return Decimal(read_quantity(values.get(name, ""), self.decimal_comma))

    def moment(self, values: Values) -> tuple[datetime, date]:
        """Return when a sale was: the moment and the local day."""
        zone = _ZONES.get(clean(values.get("zone", "")).casefold(), self.zone)
        at, time = clean(values["sold_at"]), clean(values.get("time", ""))
        return read_moment(f"{at} {time}" if time else at, zone, self.formats)

    def price(self, gross: int, quantity: Decimal) -> str:
        """Return what one came to, to four places: what a line shows; its total is told beside it."""
        each = Decimal(gross).scaleb(-self.exponent) / (quantity or 1)
        return f"{each.quantize(Decimal(1).scaleb(-PRICE_PLACES)):f}"


Rows = Sequence[Values]
Assemble = Callable[[str, Rows, Reading], list[ImportedSale]]


@dataclass(frozen=True, slots=True)
class ReceiptShape:
    """An export of sales: its columns, the number a row belongs to (None: passed over), and what its rows come to."""

    shape: Shape
    number: Callable[[Values], str | None]
    assemble: Assemble


def _line(
    sku: str, name: str, quantity: Decimal, price: str, total: int, *, tax: int = 0, discount: int = 0
) -> ImportedLine:
    return ImportedLine(read_sku(sku), read_name(name)[:200] or sku, f"{quantity:f}", price, total, tax, discount)


def _sale(number: str, when: tuple[datetime, date], lines: list[ImportedLine], customer: str) -> ImportedSale:
    total = sum(line.total or 0 for line in lines)
    if abs(total) > MAX_MINOR:
        raise CellProblem("AMOUNT_TOO_LARGE", "the sale's total is too large")
    return ImportedSale(
        number=read_sku(number, "number"),
        sold_at=when[0],
        business_date=when[1],
        lines=lines,
        customer=read_sku(customer, "customer") if clean(customer) else None,
        is_cancellation=total < 0 or number.endswith(_REFUND_OF.format("")),
    )


def _first_of(values: Values, *names: str) -> str:
    return next((values[name] for name in names if clean(values.get(name, ""))), "")


# --- Square: items detail -----------------------------------------------------------------------------------------


def _square_number(values: Values) -> str | None:
    number = clean(values["number"])
    return _REFUND_OF.format(number) if _is_refund(values.get("event", "")) and number else number


def _is_refund(cell: str) -> bool:
    return clean(cell).casefold().startswith("refund")


def _square_sale(number: str, rows: Rows, reading: Reading) -> list[ImportedSale]:
    lines = []
    for values in rows:
        gross, discount = reading.amount(values, "gross"), reading.amount(values, "discount")
        net, tax = reading.amount(values, "net"), reading.amount(values, "tax")
        if gross + discount != net:
            raise CellProblem("AMOUNTS_DISAGREE", "gross sales and discounts do not come to net sales")
        quantity = reading.quantity(values, "quantity")
        if gross < 0 < quantity:
            quantity = -quantity
        variation = clean(values.get("variation", ""))
        name = full_name(clean(values["name"]), [] if variation.casefold() in {"", "regular"} else [variation])
        sku = _first_of(values, "sku", "barcode", "token", "name") or OTHER
        price = reading.price(gross, quantity)
        lines.append(_line(sku[:64], name, quantity, price, net + tax, tax=tax, discount=-discount))
    customer = next((_first_of(values, "customer") for values in rows if values.get("customer")), "")
    return [_sale(number, min(reading.moment(values) for values in rows), lines, customer)]


SQUARE_ITEMS: Final = ReceiptShape(
    Shape(
        "square",
        "sales",
        "Square's items detail",
        {
            "sold_at": Wanted(("Date",), is_required=True),
            "time": Wanted(("Time",)),
            "zone": Wanted(("Time Zone",)),
            "number": Wanted(("Transaction ID",), is_required=True),
            "event": Wanted(("Event Type",)),
            "name": Wanted(("Item",), is_required=True),
            "variation": Wanted(("Price Point Name",)),
            "sku": Wanted(("SKU",)),
            "barcode": Wanted(("GTIN",)),
            "token": Wanted(("Token",)),
            "quantity": Wanted(("Qty",), is_required=True),
            "gross": Wanted(("Gross Sales",), is_required=True),
            "discount": Wanted(("Discounts",)),
            "net": Wanted(("Net Sales",), is_required=True),
            "tax": Wanted(("Tax",)),
            "customer": Wanted(("Customer ID",)),
        },
        marks=("Transaction ID", "Price Point Name", "Qty", "Gross Sales", "Event Type"),
        numbers=("quantity", "gross", "discount", "net", "tax"),
        dates=("sold_at",),
    ),
    _square_number,
    _square_sale,
)


# --- exports of whole receipts ------------------------------------------------------------------------------------


def _whole(number: str, rows: Rows, reading: Reading) -> list[ImportedSale]:
    """Make one line of a receipt of which nobody says what was on it."""
    if len(rows) > 1:
        raise CellProblem("VALUE_REFUSED", f"receipt {number} is there {len(rows)} times")
    values = rows[0]
    total, tax = reading.amount(values, "total"), reading.amount(values, "tax")
    if not clean(values.get("total", "")):
        raise CellProblem("MISSING_VALUE", "total is empty")
    if _is_refund(values.get("event", "")) and total > 0:
        total, tax = -total, -abs(tax)
    quantity = Decimal(-1 if total < 0 else 1)
    name = clean(values.get("name", ""))[:200] or f"Receipt {number}"
    # The price shows what was paid for the goods: where the tax came on top, the total says so.
    line = _line(RECEIPT, name, quantity, reading.price(abs(total - tax), Decimal(1)), total, tax=tax)
    return [_sale(number, reading.moment(values), [line], _first_of(values, "customer"))]


def _loyverse_number(values: Values) -> str | None:
    return None if clean(values.get("status", "")).casefold() in {"cancelled", "canceled"} else clean(values["number"])


LOYVERSE_RECEIPTS: Final = ReceiptShape(
    Shape(
        "loyverse",
        "sales",
        "Loyverse's receipts",
        {
            "sold_at": Wanted(("Date",), is_required=True),
            "number": Wanted(("Receipt number",), is_required=True),
            "event": Wanted(("Receipt type",)),
            "total": Wanted(("Total collected",), is_required=True),
            "tax": Wanted(("Taxes",)),
            "name": Wanted(("Description",)),
            "status": Wanted(("Status",)),
        },
        marks=("Receipt number", "Receipt type", "Total collected"),
        numbers=("total", "tax"),
        dates=("sold_at",),
    ),
    _loyverse_number,
    _whole,
)

_WOO_NOTHING_PAID: Final = frozenset({"pending", "failed", "cancelled", "checkout-draft", "trash", "on-hold"})


def _woo_number(values: Values) -> str | None:
    status = clean(values.get("status", "")).casefold().removeprefix("wc-").replace(" ", "-")
    return None if status in _WOO_NOTHING_PAID else clean(values["number"]).lstrip("#")


WOO_ORDERS: Final = ReceiptShape(
    Shape(
        "woocommerce",
        "sales",
        "WooCommerce's report of orders",
        {
            "sold_at": Wanted(("Date",), is_required=True),
            "number": Wanted(("Order #",), is_required=True),
            "status": Wanted(("Status",)),
            "total": Wanted(("Net Sales",), is_required=True),
            "name": Wanted(("Product(s)",)),
        },
        marks=("Order #", "Customer type", "Net Sales"),
        numbers=("total",),
        dates=("sold_at",),
    ),
    _woo_number,
    _whole,
)


# --- Square: transactions -----------------------------------------------------------------------------------------


def _square_payment(number: str, rows: Rows, reading: Reading) -> list[ImportedSale]:
    values = dict(rows[0])
    total = sum(reading.amount(values, name) for name in ("net", "service", "tax"))
    values["total"] = f"{Decimal(total).scaleb(-reading.exponent):f}"
    # The amount was worked out here, so it has a point whatever the file has.
    plain = Reading(reading.zone, reading.exponent, reading.formats, decimal_comma=False)
    tax = reading.amount(values, "tax")
    values["tax"] = f"{Decimal(tax).scaleb(-reading.exponent):f}"
    return _whole(number, [values, *rows[1:]], plain)


SQUARE_TRANSACTIONS: Final = ReceiptShape(
    Shape(
        "square-transactions",
        "sales",
        "Square's transactions",
        {
            "sold_at": Wanted(("Date",), is_required=True),
            "time": Wanted(("Time",)),
            "zone": Wanted(("Time Zone",)),
            "number": Wanted(("Transaction ID",), is_required=True),
            "event": Wanted(("Event Type",)),
            "net": Wanted(("Net Sales",), is_required=True),
            "service": Wanted(("Service Charges",)),
            "tax": Wanted(("Tax",)),
            "name": Wanted(("Description",)),
            "customer": Wanted(("Customer ID",)),
        },
        marks=("Transaction ID", "Net Sales", "Total Collected", "Net Total"),
        numbers=("net", "service", "tax"),
        dates=("sold_at",),
    ),
    _square_number,
    _square_payment,
)


# --- Shopify: orders ----------------------------------------------------------------------------------------------

_SHOPIFY_NOTHING_PAID: Final = frozenset({"voided", "expired", "pending", "authorized"})


class _ShopifyOrders:
    """The head of an order stands on its first row only; the others name it by its number."""

    def __call__(self, number: str, rows: Rows, reading: Reading) -> list[ImportedSale]:
        head = rows[0]
        if clean(head.get("status", "")).casefold() in _SHOPIFY_NOTHING_PAID:
            return []
        when = reading.moment(head)
        lines, goods = [], 0
        for values in rows:
            quantity = reading.quantity(values, "quantity")
            price = Decimal(reading.amount(values, "unit_price")).scaleb(-reading.exponent)
            discount = reading.amount(values, "discount")
            total = int((price * quantity).scaleb(reading.exponent)) - discount
            goods += total
            sku = _first_of(values, "sku", "name") or OTHER
            lines.append(_line(sku[:64], values.get("name", ""), quantity, f"{price:f}", total, discount=discount))
        subtotal, shipping = reading.amount(head, "subtotal"), reading.amount(head, "shipping")
        tax, total = reading.amount(head, "tax"), reading.amount(head, "total")
        one = Decimal(1)
        if subtotal != goods:
            lines.append(_line(DISCOUNT, "Discount", one, reading.price(subtotal - goods, one), subtotal - goods))
        if shipping:
            lines.append(_line(SHIPPING, "Shipping", one, reading.price(shipping, one), shipping))
        # Where prices hold their taxes, the total is what was asked; elsewhere they come on top, and duties and tips.
        on_top = tax if total >= subtotal + shipping + tax else 0
        if rest := total - subtotal - shipping - on_top:
            lines.append(_line(OTHER, "Tips, duties and others", one, reading.price(rest, one), rest))
        lines = _with_tax(lines, tax, on_top=bool(on_top))
        made = [_sale(number, when, lines, "")]
        if refunded := reading.amount(head, "refunded"):
            back = _line(REFUND, f"Refund of {number}", -one, reading.price(refunded, one), -refunded)
            made.append(_sale(_REFUND_OF.format(number), when, [back], ""))
        return made


def _with_tax(lines: list[ImportedLine], tax: int, *, on_top: bool) -> list[ImportedLine]:
    """Give each line its share of an order's tax, by what it came to; the shares add up to the cent."""
    weights = [max(line.total or 0, 0) for line in lines]
    if not tax or not any(weights):
        return lines
    return [
        ImportedLine(
            line.sku,
            line.name,
            line.quantity,
            line.unit_price,
            (line.total or 0) + (part if on_top else 0),
            part,
            line.discount,
        )
        for line, part in zip(lines, allocate(tax, weights), strict=True)
    ]


def _shopify_number(values: Values) -> str | None:
    return clean(values["number"])


SHOPIFY_ORDERS: Final = ReceiptShape(
    Shape(
        "shopify",
        "sales",
        "Shopify's order export",
        {
            "number": Wanted(("Name",), is_required=True),
            "sold_at": Wanted(("Created at",), is_required=True),
            "status": Wanted(("Financial Status",)),
            "subtotal": Wanted(("Subtotal",), is_required=True),
            "shipping": Wanted(("Shipping",)),
            "tax": Wanted(("Taxes",)),
            "total": Wanted(("Total",), is_required=True),
            "refunded": Wanted(("Refunded Amount",)),
            "quantity": Wanted(("Lineitem quantity",), is_required=True),
            "name": Wanted(("Lineitem name",), is_required=True),
            "unit_price": Wanted(("Lineitem price",), is_required=True),
            "sku": Wanted(("Lineitem sku",)),
            "discount": Wanted(("Lineitem discount",)),
        },
        marks=("Name", "Financial Status", "Lineitem quantity", "Lineitem price"),
        numbers=("quantity", "unit_price", "subtotal", "shipping", "tax", "total", "refunded", "discount"),
        dates=("sold_at",),
    ),
    _shopify_number,
    _ShopifyOrders(),
)
SALES: Final = (SQUARE_ITEMS, SQUARE_TRANSACTIONS, LOYVERSE_RECEIPTS, SHOPIFY_ORDERS, WOO_ORDERS)
