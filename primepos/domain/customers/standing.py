"""Who a customer is for the features above: the survivor of a merge, their groups, price list and exemption.

:func:`standing_of` is the one place that follows the pointer of a merge. What belongs to a customer elsewhere (sales,
accounts) stays under the id it was written with; ask for it with ``ids``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from primepos.domain.customers.errors import CustomerNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from primepos.core.db import UnitOfWork

# A merged record names its survivor and never another merged one, so one step is all there is to follow.
_STANDING: Final = """
SELECT s.id, s.number, s.name, s.price_list, s.tax_exempt, s.exempt_until, s.born_on,
       s.archived_at IS NOT NULL AS is_archived, s.erased_at IS NOT NULL AS is_erased,
       ARRAY(SELECT m.id FROM customers m WHERE m.tenant_id = s.tenant_id AND m.merged_into = s.id ORDER BY m.id)
         AS merged,
       ARRAY(SELECT g.code FROM customer_group_members b
               JOIN customer_groups g ON g.tenant_id = b.tenant_id AND g.id = b.group_id AND g.archived_at IS NULL
              WHERE b.tenant_id = s.tenant_id AND b.customer_id = s.id ORDER BY g.code) AS groups
  FROM customers c
  JOIN customers s ON s.tenant_id = c.tenant_id AND s.id = coalesce(c.merged_into, c.id)
 WHERE c.tenant_id = %(tenant)s AND c.id = %(id)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A customer as prices, tax and accounts see them. ``ids`` begins with ``id``, then those merged into it."""

    id: UUID
    ids: tuple[UUID, ...]
    number: str | None
    name: str
    price_list: str | None
    groups: tuple[str, ...]
    tax_exempt: bool
    exempt_until: date | None
    born_on: date | None
    is_archived: bool
    is_erased: bool

    def is_tax_exempt(self, on: date) -> bool:
        """Whether the exemption holds on a business day, its last day included."""
        return self.tax_exempt and (self.exempt_until is None or on <= self.exempt_until)

    def age(self, on: date) -> int | None:
        """Return the age in whole years on a day; somebody born on 29 February is older on 1 March."""
        if self.born_on is None:
            return None
        had_birthday = (on.month, on.day) >= (self.born_on.month, self.born_on.day)
        return on.year - self.born_on.year - (not had_birthday)


def standing_of(uow: UnitOfWork, tenant_id: int, customer_id: UUID) -> Standing:
    """Return who a customer is by now: one statement. Raises: :class:`CustomerNotFound`."""
    found = uow.rows(_STANDING, {"tenant": tenant_id, "id": customer_id})
    if not found:
        raise CustomerNotFound(customer=str(customer_id))
    row = found[0]
    merged, groups = row.pop("merged"), row.pop("groups")
    return Standing(ids=(row["id"], *merged), groups=tuple(groups), **row)


# What keeps a person from being erased: a name for it and a query that gives a row while it is open.
_HOLDS: dict[str, str] = {}


def register_hold(what: str, sql: str) -> None:
    """Keep persons from being erased while ``sql`` gives a row for them.

    ``sql`` names ``%(tenant)s`` and ``%(ids)s`` (the person's ids, a uuid array); ``what`` is told: "an account is not
    settled". Call it where the feature's tables are declared (``models.py``): every process loads those. The person's
    rows are locked FOR UPDATE meanwhile, so a row that refers to them by a foreign key cannot come in between; a
    balance that changes without one asks for ``erased_at IS NULL`` in the statement that changes it.
    """
    _HOLDS[what] = sql


def open_holds(uow: UnitOfWork, tenant_id: int, ids: Sequence[UUID]) -> list[str]:
    """Return what keeps this person from being erased, in one statement."""
    if not _HOLDS:
        return []
    names = list(_HOLDS)
    question = " UNION ALL ".join(f"SELECT {n} AS n WHERE EXISTS ({_HOLDS[what]})" for n, what in enumerate(names))
    found = uow.rows(question, {"tenant": tenant_id, "ids": list(ids)})
    return [names[row["n"]] for row in found]
