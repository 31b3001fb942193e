"""Which tables a tenant's rows are in, which of them move, and in which order. Read from the models: none is forgotten.

A row of a table depends on the tables before it only, and on earlier rows of its own: those that name another row of
the same table come after those that do not.
"""

# ruff: noqa: S608 - statements are put together from the models' own names; values are parameters

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from primepos.core.sealed_fields import SUFFIX
from primepos.domain.schema import METADATA, scoped_tables

USERS: Final = "users"
# Reviewed: whoever adds a table that does not move says here why.
STAYS: Final = {
    "day_summaries": "made anew from the sales",
    "product_day_summaries": "made anew from the sales",
    "job_tickets": "jobs of the server that is left",
    "import_uploads": "files waiting for a job of the server that is left",
    "import_parts": "files waiting for a job of the server that is left",
    "staff_badges": "hashed with the pepper of the server that is left: badges are given anew",
    "support_grants": "leave for the administrators of the server that is left",
    "tenant_arrivals": "how far a move to the server that is left was",
    "tenant_erasures": "asked of the server that is left",
    "tenant_plans": "what was agreed with the operator of the server that is left",
}
# Secrets of the server that is left are of no use on another.
_EMPTIED: Final = {("staff", "pin_hash"), ("staff", "pin_locked_at")}
_DIALECT: Final[sa.Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not type it


@dataclass(frozen=True, slots=True)
class Moved:
    """How one table is carried over: what is read, in which order, and what is written."""

    name: str
    columns: tuple[str, ...]
    sealed: tuple[str, ...]
    names_user: bool
    key: tuple[tuple[str, str], ...]
    reference: str | None

    def reading(self, *, first: bool) -> str:
        """Return the statement of a page: each row as JSON text, and where it stands."""
        order = [
            *([f"({self.reference} IS NOT NULL)"] if self.reference else []),
            *(f"t.{name}" for name, _ in self.key),
        ]
        types = [*(["boolean"] if self.reference else []), *(kind for _, kind in self.key)]
        if not order:
            # The tenant alone is the key: there is one row.
            order, types = ["(t.tenant_id > 0)"], ["boolean"]
        behind = ", ".join(f"%(c{number})s::{kind}" for number, kind in enumerate(types))
        shown = [f"t.{name}" for name in self.columns if not (self.names_user and name == "user_id")]
        if self.names_user:
            shown.append("(SELECT u.email FROM users u WHERE u.id = t.user_id) AS user_email")
        place = ", ".join(f"({each})::text" for each in order)
        after = "" if first else f" AND ({', '.join(order)}) > ({behind})"
        return (
            f"SELECT (SELECT to_jsonb(x) FROM (SELECT {', '.join(shown)}) x)::text AS row, ARRAY[{place}] AS place"
            f" FROM {self.name} t WHERE t.tenant_id = %(tenant)s{after} ORDER BY {', '.join(order)} LIMIT %(limit)s"
        )

    def writing(self) -> str:
        """Return the statement that adds rows given as a JSON array, in its order."""
        values = [
            "(SELECT u.id FROM users u WHERE u.email = e.v ->> 'user_email')"
            if self.names_user and name == "user_id"
            else f"r.{name}"
            for name in self.columns
        ]
        return (
            f"INSERT INTO {self.name} (tenant_id, {', '.join(self.columns)})"
            f" SELECT %(tenant)s, {', '.join(values)}"
            f" FROM jsonb_array_elements(%(rows)s::jsonb) WITH ORDINALITY AS e(v, n),"
            f" jsonb_populate_record(NULL::{self.name}, e.v) r ORDER BY e.n"
        )


@cache
def moved_tables() -> dict[str, Moved]:
    """Return the tables that move, in the order in which their rows can be added."""
    scoped = scoped_tables()
    return {
        str(table.name): _moved(table)
        for table in METADATA.sorted_tables
        if table.name in scoped and table.name not in STAYS
    }


def erasing_order() -> list[str]:
    """Return every table of tenants in the order in which its rows can be removed."""
    scoped = scoped_tables()
    return [str(table.name) for table in reversed(METADATA.sorted_tables) if table.name in scoped]


def own_reference(name: str) -> str | None:
    """Return the column by which a row names another of the same table."""
    return _own_reference(METADATA.tables[name])


def _own_reference(table: sa.Table) -> str | None:
    for key in table.foreign_key_constraints:
        if key.referred_table is table:
            return next(column.name for column in key.columns if column.name != "tenant_id")
    return None


def _moved(table: sa.Table) -> Moved:
    columns = [column for column in table.columns if _is_carried(table.name, column)]
    names = tuple(str(column.name) for column in columns)
    return Moved(
        name=str(table.name),
        columns=names,
        sealed=tuple(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)),
        names_user=any(key.column.table.name == USERS for column in columns for key in column.foreign_keys),
        key=tuple(
            (str(column.name), _type_of(column)) for column in table.primary_key.columns if column.name != "tenant_id"
        ),
        reference=_own_reference(table),
    )


def _type_of(column: sa.Column[Any]) -> str:
    return column.type.compile(dialect=_DIALECT)


def _is_carried(table: str, column: sa.Column[Any]) -> bool:
    """Tell whether a column's value goes along: numbers that the database gives are given anew."""
    return (
        column.name != "tenant_id"
        and column.computed is None
        and column.identity is None
        and (table, column.name) not in _EMPTIED
    )
