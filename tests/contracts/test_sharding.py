"""The schema can be distributed by tenant: Citus keeps a unique or foreign key only if it holds the tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from primepos.domain import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPED = sorted(schema.scoped_tables())


def _keys(table: sa.Table) -> Iterator[tuple[str, set[str]]]:
    for constraint in table.constraints:
        if isinstance(constraint, sa.ForeignKeyConstraint) and constraint.referred_table.name not in SCOPED:
            continue
        if isinstance(constraint, sa.PrimaryKeyConstraint | sa.UniqueConstraint | sa.ForeignKeyConstraint):
            yield f"{type(constraint).__name__} {constraint.name}", {column.name for column in constraint.columns}
    for index in table.indexes:
        if index.unique:
            yield str(index.name), {str(getattr(part, "name", part)) for part in index.expressions}


def test_every_key_between_tables_of_tenants_holds_the_tenant():
    without = [
        (name, key)
        for name in SCOPED
        for key, columns in _keys(schema.METADATA.tables[name])
        if "tenant_id" not in columns
    ]  # fmt: skip
    assert len(SCOPED) > 20
    assert without == []


def test_what_tables_of_tenants_refer_to_beyond_is_small_and_the_same_for_all():
    beyond = {
        constraint.referred_table.name
        for name in SCOPED
        for constraint in schema.METADATA.tables[name].foreign_key_constraints
        if constraint.referred_table.name not in SCOPED
    }
    # Reference tables on Citus, a copy on each node: few rows, seldom changed, the same for all. `plans` are the
    # handful that the host of an installation offers.
    assert beyond <= {"users", "tenants", "plans"}
