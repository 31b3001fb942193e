"""Making a backup as it is done here: into its place, recorded, old ones let go; and the ones that nobody asks for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from primepos.adapters import migrations
from primepos.adapters.backup import facts
from primepos.adapters.backup.attempts import Attempt, failed_lately, is_automatic, is_due, remember_attempt
from primepos.adapters.backup.errors import NoBackupPlace
from primepos.adapters.backup.making import make_backup
from primepos.adapters.backup.places import own_place, store_at
from primepos.adapters.backup.reading import kept_in
from primepos.adapters.backup.retention import NIGHTLY, prune
from primepos.core.errors import PrimePOSError
from primepos.core.log import get_logger
from primepos.domain.jobs.facts import LAST_BACKUP
from primepos.domain.jobs.nightly import Chore

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from primepos.adapters.backup.making import Made
    from primepos.adapters.backup.retention import Keep
    from primepos.adapters.backup.sealing import DumpFormat, Reason
    from primepos.core.clock import Clock
    from primepos.core.operations import App
    from primepos.core.settings import Settings

_POLITE: Final = 10

log = get_logger(__name__)


def back_up(
    url: str,
    settings: Settings,
    clock: Clock,
    *,
    reason: Reason,
    place: str | None = None,
    dump_format: DumpFormat = "custom",
    jobs: int = 1,
    keep: Keep | None = None,
) -> tuple[Made, list[str]]:
    """Make a backup, record it, and let old ones go as ``keep`` says; return it and the names of those deleted.

    Raises: as :func:`primepos.adapters.backup.making.make_backup`, and NoBackupPlace.
    """
    store = store_at(place, settings)
    made = make_backup(
        url,
        store,
        settings.backup_key,
        clock=clock,
        pg_bin=settings.pg_bin,
        dump_format=dump_format,
        jobs=jobs,
        reason=reason,
    )
    facts.record(
        url,
        {LAST_BACKUP: made.created_at},
        operation="backup.create",
        subject=f"backup:{made.name}",
        where=made.where,
        reason=reason,
        key=made.key,
        rows=made.rows,
    )
    gone = [] if keep is None else prune(store, kept_in(store), keep)
    if gone:
        log.info("backup.pruned", msg="Old backups were deleted", deleted=len(gone))
    return made, gone


def automatic(url: str, settings: Settings, clock: Clock, *, reason: Literal["nightly", "migration"]) -> Made:
    """Make a backup as :func:`back_up` with the usual retention, and write down how it went, also when it fails.

    Raises: as :func:`back_up`.
    """
    try:
        made, _ = back_up(url, settings, clock, reason=reason, keep=NIGHTLY)
    except PrimePOSError as error:
        log.error("backup.failed", msg=error.message, reason=reason, error_code=error.code)  # noqa: TRY400 - told in full
        _told(settings, Attempt(at=clock.now(), reason=reason, code=error.code, problem=error.message))
        raise
    log.info("backup.made", msg="A backup was made", name=made.name, reason=reason, bytes=made.size, rows=made.rows)
    _told(settings, Attempt(at=clock.now(), reason=reason, name=made.name))
    return made


def chore(url_of: Callable[[Settings], str]) -> Chore:
    """Return the nightly job that backs up where a place for it is known; ``url_of`` gives the owner's direct URL.

    Where none is known, the database's host is trusted with it, and the job has nothing to do.
    """

    def run(app: App) -> dict[str, Any] | None:
        try:
            own_place(app.settings)
        except NoBackupPlace:
            return None
        url = url_of(app.settings)
        if not is_due(facts.last_backup(url), app.clock.now().astimezone()):
            return {"was_due": False}
        made = automatic(url, app.settings, app.clock, reason="nightly")
        return {"was_due": True, "file": made.name, "bytes": made.size}

    return Chore("backup", "Back up the database", run)


def before_migration(url: str, settings: Settings, clock: Clock) -> Made | None:
    """Back up a shop on one PC whose schema is about to change; elsewhere, and where nothing will, do nothing.

    Raises: as :func:`back_up`.
    """
    if not is_automatic(settings):
        return None
    found = migrations.state(url)
    if found.current is None or not found.pending:
        return None
    return automatic(url, settings, clock, reason="migration")


def due_now(settings: Settings, clock: Clock) -> bool:
    """Tell whether this shop's nightly backup is due, and was not tried and failed within the hour.

    Raises:
        StorageUnavailable: the place cannot be read.
    """
    now = clock.now()
    if failed_lately(settings, now):
        return False
    good = [each.created_at for each in kept_in(store_at(None, settings)) if each.header is not None]
    return is_due(good[-1] if good else None, now.astimezone())


def be_polite() -> None:
    """Let everything else on this machine go first."""
    if sys.platform != "win32":
        os.nice(_POLITE)


def _told(settings: Settings, attempt: Attempt) -> None:
    if is_automatic(settings):
        remember_attempt(settings, attempt)
