"""Contracts wait until no running release uses what they take away.

The database remembers the newest release that migrated it, or found nothing to migrate: processes of that one may be
serving while the next one is deployed. A contract names the release that stopped using what it drops; when that one was
never deployed here, the one before is still running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos import __version__
from primepos.adapters.migration_errors import ContractTooEarly
from primepos.adapters.migration_notes import version

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from primepos.adapters.migration_files import Revision

RELEASE: Final = "release"


def deployed_release(connection: sa.Connection) -> str | None:
    """Return the release that was deployed here last, None where nobody knows."""
    if connection.exec_driver_sql("SELECT to_regclass('installation')").scalar() is None:
        return None
    found = connection.exec_driver_sql("SELECT value FROM installation WHERE name = %s", (RELEASE,)).scalar()
    return None if found is None else str(found)


def refuse_early(connection: sa.Connection, wanted: Sequence[Revision]) -> None:
    """Refuse contracts that take away what the release running now may use. Raises ContractTooEarly."""
    running = deployed_release(connection)
    connection.rollback()
    known = version(running or "")
    for each in wanted:
        since = version(each.unused_since)
        if each.phase == "contract" and known is not None and since is not None and known < since:
            raise ContractTooEarly(revision=each.revision, since=each.unused_since, running=running)


def remember_release(connection: sa.Connection) -> None:
    """Note that this release was deployed here."""
    if connection.exec_driver_sql("SELECT to_regclass('installation')").scalar() is not None:
        connection.exec_driver_sql(
            "INSERT INTO installation (name, value) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE installation.value <> excluded.value",
            (RELEASE, __version__),
        )
    connection.commit()
