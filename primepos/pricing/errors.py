"""What the pricing engine refuses."""

from __future__ import annotations

from primepos.core.errors import InvalidInput


class InvalidTax(InvalidInput):
    """A tax rule is not one the engine can evaluate."""

    code = "INVALID_TAX"
    template = "Tax {tax!r}: {problem}"


class UnsolvableTaxes(InvalidInput):
    """No base exists from which these included taxes give the price (for example an included tax of -100 %)."""

    code = "UNSOLVABLE_TAXES"
    template = "These included taxes cannot be taken out of a price: {taxes}"


class InvalidCart(InvalidInput):
    """A cart or one of its lines cannot be priced."""

    code = "INVALID_CART"
    template = "{what}: {problem}"


class DiscountTooLarge(InvalidInput):
    """A discount is more than what it is taken from."""

    code = "DISCOUNT_TOO_LARGE"
    template = "A discount of {discount} is more than {available}"


class InvalidTender(InvalidInput):
    """A tender cannot be taken: its sign is wrong, or more than the total is paid by something that gives no change."""

    code = "INVALID_TENDER"
    template = "{problem}"


class InvalidLabel(InvalidInput):
    """The price on a label cannot be turned into a quantity: it or the unit price is not above zero."""

    code = "INVALID_LABEL"
    template = "The label cannot be read: {problem}"


class InvalidBarcodeRule(InvalidInput):
    """A tenant's barcode rule is not well formed."""

    code = "INVALID_BARCODE_RULE"
    template = "Barcode rule {pattern!r}: {problem}"


class InvalidPromotion(InvalidInput):
    """A promotion is not one that can be worked out: a figure that its kind needs is missing or out of range."""

    code = "INVALID_PROMOTION"
    template = "Promotion {promotion!r}: {problem}"
