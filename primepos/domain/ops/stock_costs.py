"""The auditor walks what goods are worth: every average is what its level's movements make of it, in their order.

The rule is worked out here once more, on its own, from :mod:`primepos.domain.inventory.ledger`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from primepos.domain.ops.schemas import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from primepos.core.db import UnitOfWork

_LEVELS: Final = """
SELECT tenant_id, outlet_id, product_id, average_cost FROM stock_levels
 WHERE (tenant_id, outlet_id, product_id) > (%(tenant)s, %(outlet)s::uuid, %(product)s::uuid)
 ORDER BY tenant_id, outlet_id, product_id LIMIT 200
"""
_MOVEMENTS: Final = """
SELECT m.tenant_id, m.outlet_id, m.product_id, m.id, m.kind, m.quantity, m.unit_cost FROM stock_movements m
  JOIN unnest(%(tenants)s::int[], %(outlets)s::uuid[], %(products)s::uuid[]) AS l(tenant_id, outlet_id, product_id)
    ON l.tenant_id = m.tenant_id AND l.outlet_id = m.outlet_id AND l.product_id = m.product_id
 ORDER BY m.tenant_id, m.outlet_id, m.product_id, m.id
"""
_NIL: Final = "00000000-0000-0000-0000-000000000000"
# Sums of what the database can hold, in more digits than they have.
_EXACT: Final = Context(prec=80, rounding=ROUND_HALF_UP)
_PLACES: Final = Decimal("0.000001")


def wrong_averages(uow: UnitOfWork, slugs: Mapping[int, str]) -> Iterator[Problem]:
    """Replay every level's movements, two statements for two hundred levels."""
    mark: dict[str, Any] = {"tenant": 0, "outlet": _NIL, "product": _NIL}
    while page := uow.rows(_LEVELS, mark):
        last = page[-1]
        mark = {"tenant": last["tenant_id"], "outlet": last["outlet_id"], "product": last["product_id"]}
        names = (("tenants", "tenant_id"), ("outlets", "outlet_id"), ("products", "product_id"))
        found = uow.rows(_MOVEMENTS, {name: [row[column] for row in page] for name, column in names})
        moved = {key: list(rows) for key, rows in groupby(found, key=_of_level)}
        for level in page:
            wrong = _wrong(moved.get(_of_level(level), []), level["average_cost"])
            if wrong is not None:
                yield Problem(
                    invariant="I4",
                    check="what goods are worth follows from their movements",
                    tenant=slugs.get(level["tenant_id"], "?"),
                    what=f"product {level['product_id']}: {wrong}",
                )


def _of_level(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["tenant_id"], row["outlet_id"], row["product_id"]


def _wrong(movements: Iterable[Mapping[str, Any]], said: Decimal | None) -> str | None:
    """Return what is wrong with the worth of a level's movements, or with its average in the end."""
    quantity, average = Decimal(0), None
    for each in movements:
        by, cost = each["quantity"], each["unit_cost"]
        try:
            if each["kind"] == "revalue":
                average = cost
            elif by <= 0:
                if cost != average:
                    return f"movement {each['id']} went out at {cost}, worth {average}"
            elif cost is None:
                if average is not None:
                    return f"movement {each['id']} came in at no cost, worth {average}"
            elif average is None or quantity <= 0:
                average = cost
            else:
                blend = _EXACT.divide(
                    _EXACT.add(_EXACT.multiply(quantity, average), _EXACT.multiply(by, cost)), quantity + by
                )
                average = _EXACT.quantize(blend, _PLACES)
            quantity += by
        except ArithmeticError:
            # Whatever somebody put there must not end the audit.
            return f"movement {each['id']} has a cost that is none"
    return None if average == said else f"worth {average} by its movements, {said} by its level"
