"""Indexes in name only: building them CONCURRENTLY broke off, so they cost every write and serve no read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlalchemy as sa

# Those that somebody is building right now are left alone: whoever does holds this lock, and what the view of progress
# says of another role's work is hidden from us. So is what belongs to a constraint.
_INVALID: Final = """
SELECT format('%%I', c.relname), t.relname
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind = 'i' AND NOT i.indisvalid
   AND NOT EXISTS (SELECT FROM pg_locks l
                    WHERE l.relation = t.oid AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
                      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                      AND l.pid <> pg_backend_pid())
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)
 ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class InvalidIndex:
    """An index that was never finished; ``name`` is quoted where SQL needs it."""

    name: str
    table: str


def invalid_indexes(connection: sa.Connection) -> list[InvalidIndex]:
    """Return the indexes whose building broke off."""
    return [InvalidIndex(str(name), str(table)) for name, table in connection.exec_driver_sql(_INVALID)]


def drop_invalid_indexes(connection: sa.Connection) -> list[InvalidIndex]:
    """Drop the indexes whose building broke off, while their tables are in use; return them."""
    found = invalid_indexes(connection)
    connection.rollback()
    if not found:
        return []
    outside = connection.execution_options(isolation_level="AUTOCOMMIT")
    try:
        for each in found:
            outside.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS public.{each.name}")
    finally:
        # The options are the connection's own, whatever name it goes by.
        if not connection.invalidated:
            connection.rollback()
            connection.execution_options(isolation_level=connection.default_isolation_level)
    return found
