"""Which environment a database belongs to: written by the first migration that is told, compared by whoever starts.

A staging process that was given production's URL by mistake would otherwise sell into real books.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import errors as pg_errors

from primepos.adapters.migration_errors import DatabaseUnreachable
from primepos.core.errors import BadConfiguration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.settings import Environment

ENVIRONMENT: Final = "environment"
_CONNECT_S: Final = 5
_ROLE: Final = "primepos_system"


class WrongEnvironment(BadConfiguration):
    """The database belongs to another environment than this process runs in."""

    code = "WRONG_ENVIRONMENT"
    template = "The database belongs to {theirs}, this process runs in {ours} (PRIMEPOS_ENV)"
    hint = "Point DATABASE_URL at the right database. If this one is to change hands: primepos migrate adopt."


def tag_of(url: str) -> str | None:
    """Return the environment a database belongs to, None where nobody has said so. Raises: DatabaseUnreachable."""
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_S, application_name="primepos") as connection:
            connection.execute("SELECT set_config('role', %s, true)", (_ROLE,))
            found = connection.execute("SELECT value FROM installation WHERE name = %s", (ENVIRONMENT,)).fetchone()
    except (
        pg_errors.UndefinedTable,
        pg_errors.UndefinedObject,
        pg_errors.InvalidParameterValue,
        pg_errors.InsufficientPrivilege,
    ):
        # No schema yet: nobody's.
        return None
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(problem=str(error).strip().partition("\n")[0][:300]) from error
    return None if found is None else str(found[0])


def compare(url: str, environment: Environment) -> None:
    """Refuse a database that belongs to another environment; one that nobody claimed will do.

    Raises: WrongEnvironment, DatabaseUnreachable.
    """
    tag = tag_of(url)
    if tag is not None and tag != environment.value:
        raise WrongEnvironment(theirs=tag, ours=environment.value)


@contextmanager
def belonging(url: str, environment: Environment) -> Iterator[None]:
    """Migrate inside: a foreign database is refused before, one that nobody claimed is claimed after.

    Raises: WrongEnvironment, DatabaseUnreachable.
    """
    compare(url, environment)
    yield
    claim(url, environment)


def claim(url: str, environment: Environment, *, anew: bool = False) -> str:
    """Say whom a migrated database belongs to, if nobody has; ``anew`` takes it over. Return whose it is now.

    Raises: WrongEnvironment, DatabaseUnreachable.
    """
    # To take over is deliberate; not to is the rule.
    act = "UPDATE SET value = excluded.value" if anew else "NOTHING"
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_S, application_name="primepos migrate") as connection:
            connection.execute("SELECT set_config('role', %s, true)", (_ROLE,))
            connection.execute(
                f"INSERT INTO installation (name, value) VALUES (%s, %s) ON CONFLICT (name) DO {act}",  # noqa: S608 - one of two constants
                (ENVIRONMENT, environment.value),
            )
    except pg_errors.UndefinedTable:
        # Migrated to before the table that remembers: there is nothing to lose yet.
        return environment.value
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(problem=str(error).strip().partition("\n")[0][:300]) from error
    compare(url, environment)
    return environment.value
