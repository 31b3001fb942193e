"""What stands on a label: which code in which symbology, what it costs, and what a kilogram or litre of it costs.

Pure: products in, labels out.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from primepos.core.amounts import plain_amount, round_half_up
from primepos.domain.catalog.errors import UnitNotFound
from primepos.domain.catalog.label_schemas import LabelOut
from primepos.pricing.cart import Cart, CartLine, price_cart
from primepos.pricing.check_digits import gtin_holds

if TYPE_CHECKING:
    from primepos.core.amounts import Currency
    from primepos.domain.catalog.label_schemas import Symbology
    from primepos.domain.catalog.schemas import ProductOut, UnitOut
    from primepos.pricing.taxes import TaxRule

# In which unit a price per measure is told, and how many of the content's unit are in one of it.
_PER: Final = {
    "g": ("kg", Decimal(1000)),
    "kg": ("kg", Decimal(1)),
    "ml": ("l", Decimal(1000)),
    "l": ("l", Decimal(1)),
    "m": ("m", Decimal(1)),
    "piece": ("piece", Decimal(1)),
}
ONE: Final = Decimal(1)


def label_of(
    product: ProductOut,
    unit_code: str | None,
    *,
    taxes: tuple[TaxRule, ...],
    currency: Currency,
    with_tax: bool,
    copies: int,
) -> LabelOut:
    """Return what stands on the label of a product, or of one of its units. Raises: :class:`UnitNotFound`."""
    unit = _unit(product, unit_code)
    factor = ONE if unit is None else unit.factor
    asked = product.unit_price if unit is None else unit.unit_price
    price = charged(asked, taxes, currency) if with_tax else asked
    per_price, per = _per_measure(product, price, factor, currency)
    code = _code(product, factor)
    name = product.name if unit is None else f"{product.name}, {unit.name}"
    return LabelOut(
        product_id=product.id,
        sku=product.sku,
        name=name,
        unit=product.unit if unit is None else unit.code,
        price=price,
        per_price=per_price,
        per=per,
        code=None if code is None else printed_code(code)[0],
        symbology=None if code is None else printed_code(code)[1],
        copies=copies,
    )


def charged(price: Decimal, taxes: tuple[TaxRule, ...], currency: Currency) -> Decimal:
    """Return what a customer pays for one at this price, taxes included, in currency units."""
    line = CartLine(price, ONE, taxes, Decimal(0), 0)
    total = price_cart(
        Cart(
            (line,),
            exponent=currency.exponent,
            rounding="per_line",
            ticket_discount_percent=Decimal(0),
            ticket_discount_minor=0,
        )
    ).total
    return plain_amount(total, currency.exponent)


def printed_code(code: str) -> tuple[str, Symbology]:
    """Return a stored code as it is printed, and the symbology it is printed in.

    GTINs of 8, 12 and 13 digits have one of their own; an EAN-13 that begins with 0 is a UPC-A. A GTIN of 14 digits
    and the shop's own numbers are Code 128, which holds any visible ASCII (GS1 General Specifications, section 5).
    """
    if gtin_holds(code):
        if len(code) == 13:
            return (code[1:], "UPC-A") if code.startswith("0") else (code, "EAN-13")
        if len(code) == 12:
            return code, "UPC-A"
        if len(code) == 8:
            return code, "EAN-8"
    return code, "Code 128"


def _unit(product: ProductOut, code: str | None) -> UnitOut | None:
    if code is None or code == product.unit:
        return None
    for each in product.units:
        if each.code == code:
            return each
    raise UnitNotFound(sku=product.sku, unit=code)


def _code(product: ProductOut, factor: Decimal) -> str | None:
    """Return the barcode that stands for this unit; without one its SKU, which a scan finds too."""
    codes = [each.code for each in product.barcodes if each.quantity == factor]
    if codes:
        return min(codes, key=lambda code: (not gtin_holds(code), code))
    if factor == 1 and product.sku.isascii() and product.sku.isprintable() and " " not in product.sku:
        return product.sku
    return None


def _per_measure(
    product: ProductOut, price: Decimal, factor: Decimal, currency: Currency
) -> tuple[Decimal | None, str | None]:
    """Return what one kilogram, litre, metre or piece costs, and which of them; None where the price says it."""
    if product.content_quantity is not None and product.content_unit is not None:
        content, unit = product.content_quantity * factor, product.content_unit
    elif product.unit in _PER and (product.unit != "piece" or factor != 1):
        content, unit = factor, product.unit
    else:
        return None, None
    per, divisor = _PER[unit]
    if per == "piece" and content == 1:
        return None, None
    return round_half_up(price * divisor / content, Decimal(1).scaleb(-currency.exponent)), per
