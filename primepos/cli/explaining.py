"""A sale that explains itself, line by line, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.amounts import currency, plain_amount
from primepos.pricing.explain import explain_sold

if TYPE_CHECKING:
    from collections.abc import Iterator


def explained(sale: Any) -> Iterator[str]:
    """Say of each line of a sale where its price came from, what was taken off, and how tax and total were made.

    What was frozen with the line is told as it is; a line at the catalogue's price is explained from its figures.
    """
    exponent = currency(sale.currency).exponent
    for number, line in enumerate(sale.lines, 1):
        yield ""
        yield f"Line {number}: {line.name}"
        details = line.details
        if details is not None and details.rule:
            instead = "" if details.list_price is None else f" instead of {details.list_price.normalize():f}"
            yield f"  price {line.unit_price.normalize():f} by {details.rule}{instead}"
        if details is not None:
            for each in details.offers:
                by = f", by coupon {each.coupon}" if each.coupon else ""
                yield f"  {each.name} ({each.code}) takes {plain_amount(each.amount, exponent)} off{by}"
            if details.tax_mapping:
                yield f"  taxes by {details.tax_mapping}"
        frozen = [] if details is None else details.explain
        for sentence in frozen or explain_sold(
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            base=line.base,
            taxes=[(each.code, each.rate, each.amount) for each in line.taxes],
            total=line.total,
            exponent=exponent,
        ):
            yield f"  {sentence}"
