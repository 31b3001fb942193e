"""Alembic from code: the migrations travel inside the package, no ini file is needed.

A migration takes the locks it needs within two seconds or gives way: a revision that has to wait is rolled back whole
and tried again later, so a queue of shoppers never forms behind it. Releases that migrate at the same moment take
turns. Everything here runs as the owner of the schema, on a direct connection.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from psycopg import errors as pg_errors
from sqlalchemy.exc import DBAPIError

from primepos import __version__
from primepos.adapters.migration_connections import connected, first_line, known_current, migrating
from primepos.adapters.migration_contracts import refuse_early, remember_release
from primepos.adapters.migration_errors import (
    DatabaseUnreachable,
    MigrationFailed,
    MigrationLocked,
    MigrationNotAllowed,
    MigrationStopped,
)
from primepos.adapters.migration_files import (
    BASE,
    HEAD,
    Revision,
    config_for,
    described,
    head,
    revisions,
    scripts_in,
    to_undo,
)
from primepos.adapters.migration_indexes import InvalidIndex, drop_invalid_indexes
from primepos.adapters.migration_state import Applied, Drift, State, current, state, verify
from primepos.adapters.schema_revision import script_location

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext, MigrationInfo

    from primepos.adapters.migration_steps import Progress

__all__ = [
    "Applied",
    "Drift",
    "State",
    "Told",
    "config_for",
    "connected",
    "current",
    "downgrade",
    "head",
    "migrating",
    "script_location",
    "state",
    "upgrade",
    "verify",
]

RETRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who hears of what while it happens; each may be left out.

    ``step`` a revision before it is applied, ``wait`` that another migration is waited for, ``removed`` an index that
    an earlier run left unfinished, ``progress`` how far a backfill is.
    """

    step: Callable[[Revision], None] | None = None
    wait: Callable[[], None] | None = None
    removed: Callable[[InvalidIndex], None] | None = None
    progress: Callable[[Progress], None] | None = None


NOBODY: Final = Told()


def upgrade(
    url: str,
    to: str = HEAD,
    *,
    told: Told = NOBODY,
    pause: Callable[[int], None] | None = None,
    while_serving: bool = False,
) -> list[Revision]:
    """Bring the database at ``url`` (the owner's) up to a revision; return what was applied, oldest first.

    With ``while_serving`` processes of the release deployed last go on beside this: a contract that takes away what it
    uses is refused. ``pause`` is called with 1, 2, ... before a revision is tried again (by default it sleeps, longer
    each time, with jitter).

    Raises:
        DatabaseUnreachable, MigrationLocked, MigrationFailed, MigrationStopped, MigrationNotAllowed, RevisionUnknown,
        SchemaIsNewer, WrongDirection: what was applied before it stays, the rest is not begun.
        ContractTooEarly: nothing was applied.
    """
    with migrating(url, on_wait=told.wait) as connection:
        present = known_current(connection)
        wanted = revisions(present, to)
        if while_serving:
            refuse_early(connection, wanted)
        for revision in wanted:
            if told.step is not None:
                told.step(revision)
            _Attempts(connection, told, pause).up(revision, is_empty=present is None)
        remember_release(connection)
        return wanted


def downgrade(url: str, to: str, *, told: Told = NOBODY, pause: Callable[[int], None] | None = None) -> list[Revision]:
    """Take the database at ``url`` (the owner's) down to a revision, or ``base``; return what was undone, newest first.

    Raises: as :func:`upgrade`.
    """
    with migrating(url, on_wait=told.wait) as connection:
        steps = to_undo(known_current(connection), to)
        below = [*(step.revision for step in steps[1:]), to]
        for step, target in zip(steps, below, strict=False):
            if told.step is not None:
                told.step(step)
            _Attempts(connection, told, pause).down(target)
        return steps


@dataclass(slots=True)
class _Attempts:
    """Runs one revision, whole; again when it could not get a lock in time."""

    connection: sa.Connection
    told: Told
    pause: Callable[[int], None] | None

    def up(self, revision: Revision, *, is_empty: bool) -> None:
        # Nobody waits behind the locks of an empty database.
        limit = "0" if is_empty else revision.statement_timeout

        def act(config: Config) -> None:
            for index in () if is_empty else drop_invalid_indexes(self.connection):
                if self.told.removed is not None:
                    self.told.removed(index)
            command.upgrade(config, revision.revision)

        self._run(revision.revision, limit, act)

    def down(self, target: str) -> None:
        self._run(target, "0", lambda config: command.downgrade(config, target))

    def _run(self, name: str, limit: str, act: Callable[[Config], None]) -> None:
        for attempt in range(RETRIES + 1):
            if attempt:
                (self.pause or _pause)(attempt)
            self.connection.exec_driver_sql(f"SET statement_timeout = '{limit}'")
            self.connection.commit()
            config = self._config()
            try:
                act(config)
            except DBAPIError as error:
                _roll_back(self.connection)
                if isinstance(error.orig, (pg_errors.LockNotAvailable, pg_errors.DeadlockDetected)):
                    continue
                raise _refusal(name, error, stepped=config.attributes.get("stepped", False)) from error
            return
        raise MigrationLocked(revision=name, attempts=RETRIES + 1)

    def _config(self) -> Config:
        config = config_for(self.connection)
        began = time.monotonic()

        def record(ctx: MigrationContext, step: MigrationInfo, heads: Any, run_args: Any) -> None:
            del heads, run_args
            _record(ctx.connection, step, round((time.monotonic() - began) * 1000))

        config.attributes["on_version_apply"] = (record,)
        config.attributes["on_progress"] = self.told.progress
        return config


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0.5, 1.5) * 2 ** (attempt - 1))  # noqa: S311  jitter, not a secret


def _roll_back(connection: sa.Connection) -> None:
    if not connection.closed and not connection.invalidated:
        connection.rollback()


def _refusal(revision: str, error: DBAPIError, *, stepped: bool) -> Exception:
    problem = first_line(error)
    if isinstance(error.orig, pg_errors.InsufficientPrivilege):
        return MigrationNotAllowed(problem=problem)
    if isinstance(error.orig, pg_errors.QueryCanceled):
        problem = "a statement held its locks for too long"
    elif error.connection_invalidated or isinstance(error.orig, pg_errors.OperationalError):
        return DatabaseUnreachable(problem=problem)
    refusal = MigrationStopped if stepped else MigrationFailed
    return refusal(revision=revision, problem=problem)


def _record(connection: sa.Connection | None, step: MigrationInfo, duration_ms: int) -> None:
    """Remember which text of a revision was applied, in the transaction that makes it count."""
    if connection is None or connection.exec_driver_sql("SELECT to_regclass('installation')").scalar() is None:
        return
    if not step.is_upgrade:
        gone = [f"migration.{each}" for each in step.up_revision_ids]
        connection.exec_driver_sql("DELETE FROM installation WHERE name = ANY(%s)", (gone,))
        return
    scripts = scripts_in()
    for name in step.up_revision_ids:
        # Where its backfills were is of no use once it is done.
        connection.exec_driver_sql("DELETE FROM installation WHERE starts_with(name, %s)", (f"backfill.{name}.",))
        # Those before the table that remembers existed are written down with it.
        for script in scripts.iterate_revisions(name, BASE):
            each = described(script)
            value = {
                "sha256": each.sha256,
                "release": __version__,
                "at": datetime.now(UTC).isoformat(),
                "phase": each.phase,
                "duration_ms": duration_ms if each.revision == name else None,
            }
            connection.exec_driver_sql(
                "INSERT INTO installation (name, value) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING",
                (f"migration.{script.revision}", json.dumps(value)),
            )
