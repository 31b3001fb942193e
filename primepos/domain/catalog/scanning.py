"""What a scanned or typed code stands for in this shop: exact barcode, then SKU, then the shop's rules for labels."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from primepos.core.amounts import round_half_up
from primepos.domain.catalog.errors import LabelRefused, NothingWeighed, ProductNotFound
from primepos.domain.catalog.queries.products import find_codes, get_product
from primepos.domain.catalog.schemas import LookUpOut
from primepos.pricing.barcodes import BarcodeRule, Scan, label_line, parse_barcode, read_rules

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.context import Context

PIECE = Decimal(1)
# A label may be finer than a line: a tenth of a gram, a hundredth of a cent.
QUANTITY_STEP = Decimal("0.001")
PRICE_STEP = Decimal("0.0001")


def rules_of(ctx: Context) -> tuple[BarcodeRule, ...]:
    """Return the tenant's rules for weight, price and count labels."""
    return read_rules(ctx.tenant.settings.get("barcode_rules") or [])


def look_up(ctx: Context, code: str, gross: Decimal | None = None) -> LookUpOut:
    """Return the product behind a code with quantity and unit price of the line it makes.

    Raises: :class:`ProductNotFound`; :class:`LabelRefused` for a label with a wrong check digit or no value;
    ``INVALID_LABEL`` where a label's price cannot be turned into a quantity; :class:`NothingWeighed`.
    """
    found = _look_up(ctx, code)
    return found if gross is None else _weighed(found, gross)


def _weighed(found: LookUpOut, gross: Decimal) -> LookUpOut:
    """Return the line that a product on the scale makes: what the scale shows less the tare."""
    product = found.product
    net = gross - (product.tare or 0)
    if product.sold_by != "weight" or net <= 0:
        problem = "it is not sold by weight" if product.sold_by != "weight" else f"the tare is {product.tare} kg"
        raise NothingWeighed(sku=product.sku, gross=f"{gross.normalize():f}", problem=problem)
    return replace(found, quantity=net.quantize(QUANTITY_STEP))


def _look_up(ctx: Context, code: str) -> LookUpOut:
    scan = parse_barcode(code, rules_of(ctx))
    labelled = scan.lookup_codes if scan.kind != "article" else ()
    # The code of a label without its value names a product, but scanned as it is it is a label that weighs nothing.
    empty = scan.base_code if scan.value is not None else None
    exact = [each for each in dict.fromkeys((code, scan.canonical, scan.gtin)) if each and each != empty]
    found = find_codes(ctx, [*exact, code, *labelled])
    for each in exact:
        if ("barcode", each) in found:
            product_id, quantity = found["barcode", each]
            return _as_article(ctx, product_id, quantity, by_sku=False)
    if ("sku", code) in found:
        return _as_article(ctx, found["sku", code][0], PIECE, by_sku=True)
    if scan.kind == "article":
        hint = "The check digit is wrong: scan it again." if scan.problem == "BAD_CHECK_DIGIT" else None
        raise ProductNotFound(product=code, hint=hint)
    if scan.problem is not None:
        raise LabelRefused(barcode=code, problem=scan.problem)
    for each in labelled:
        hit = found.get(("barcode", each)) or found.get(("sku", each))
        if hit is not None:
            return _as_label(ctx, hit[0], scan)
    raise ProductNotFound(product=scan.item or code)


def _as_article(ctx: Context, product_id: UUID, quantity: Decimal, *, by_sku: bool) -> LookUpOut:
    product = get_product(ctx, product_id)
    found_by: Literal["sku", "barcode"] = "sku" if by_sku else "barcode"
    for unit in product.units:
        if unit.factor == quantity:
            return LookUpOut(
                product=product,
                quantity=PIECE,
                unit_price=unit.unit_price,
                found_by=found_by,
                unit=unit.code,
                factor=unit.factor,
            )
    return LookUpOut(product=product, quantity=quantity, unit_price=product.unit_price, found_by=found_by)


def _as_label(ctx: Context, product_id: UUID, scan: Scan) -> LookUpOut:
    product = get_product(ctx, product_id)
    quantity, unit_price = PIECE, product.unit_price
    if scan.value is not None and scan.kind == "price":
        if product.sold_by == "weight":
            line = label_line(scan.value, product.unit_price, ctx.tenant.currency.exponent)
            quantity, unit_price = line.quantity, line.unit_price
        else:
            # One wrapped piece at the price that is written on it.
            unit_price = round_half_up(scan.value, PRICE_STEP)
    elif scan.value is not None:
        quantity = round_half_up(scan.value, QUANTITY_STEP)
        if not quantity:
            raise LabelRefused(barcode=scan.code, problem="ZERO_VALUE")
    return LookUpOut(
        product=product,
        quantity=quantity,
        unit_price=unit_price,
        found_by="label",
        label=None if scan.kind == "article" else scan.kind,
        label_value=scan.value,
    )
