"""Documents that people name by their number: transfers, counts, orders, returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.cli.naming import id_of
from primepos.core.errors import InvalidInput, NotFound
from primepos.core.paging import encode_cursor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from primepos.cli.naming import Workplace
    from primepos.core.operations import Operation


def numbered(place: Workplace, list_them: Operation[Any, Any], text: str, missing: type[NotFound]) -> UUID:
    """Return the id of the document with this number or id. Raises: ``missing``, ``INVALID_INPUT``."""
    given = id_of(text)
    if given is not None:
        return given
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InvalidInput(f"{text!r} is neither a number nor an id")
    # The lists go from the highest number down, so the page after the next number begins with this one.
    found = place.run(list_them, {"after": encode_cursor(int(text) + 1), "limit": 1}).items
    if not found or found[0].number != int(text):
        raise missing
    document: UUID = found[0].id
    return document


def goods(
    place: Workplace, option: str, texts: Sequence[str], field: str = "quantity"
) -> tuple[list[dict[str, Any]], dict[Any, str]]:
    """Return lines of ``SKU:QUANTITY`` texts, and the SKU of each product."""
    from primepos.cli.naming import by_sku

    names: dict[Any, str] = {}
    lines = []
    for text in texts:
        sku, quantity = by_sku(option, text)
        product = place.product(sku)
        names[product.id] = product.sku
        lines.append({"product_id": product.id, field: quantity})
    return lines, names


def costed(
    place: Workplace, option: str, texts: Sequence[str], cost: str
) -> tuple[list[dict[str, Any]], dict[Any, str]]:
    """Return lines of ``SKU:QUANTITY`` or ``SKU:QUANTITY@COST`` texts; the cost goes into the field ``cost``."""
    bare, costs = [], []
    for text in texts:
        plain, at, amount = text.rpartition("@")
        # A SKU may hold the sign itself: a cost has nothing but digits and a point.
        has_cost = bool(at) and amount.replace(".", "", 1).isdigit()
        bare.append(plain if has_cost else text)
        costs.append(amount if has_cost else None)
    lines, names = goods(place, option, bare)
    return [line if each is None else {**line, cost: each} for line, each in zip(lines, costs, strict=True)], names
