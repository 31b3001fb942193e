"""Backups that nobody asks for: when one is due, making it, and what is known of the last attempt.

A shop on one PC has no cron. Its till and its worker look every quarter of an hour whether a night has passed without a
backup, and if so have one made by a process of its own: selling neither waits for it nor shares its time.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from primepos.adapters.backup import facts
from primepos.adapters.backup.errors import NoBackupPlace
from primepos.adapters.backup.making import Made, make_backup
from primepos.adapters.backup.places import own_place, store_at
from primepos.adapters.backup.reading import kept_in
from primepos.adapters.backup.retention import NIGHTLY, Keep, prune
from primepos.adapters.backup.sealing import DumpFormat, Reason
from primepos.core.clock import Clock
from primepos.core.errors import PrimePOSError
from primepos.core.log import get_logger
from primepos.core.operations import App
from primepos.core.settings import Environment, Settings
from primepos.domain.jobs.facts import LAST_BACKUP
from primepos.domain.jobs.nightly import Chore

#: After this hour, by the machine's own zone, a night's backup is due.
NIGHT_ENDS_HOUR: Final = 2
_LOOK_EVERY_S: Final = 15 * 60
_TRY_AGAIN_AFTER: Final = timedelta(hours=1)
_ATTEMPT: Final = "last-attempt.json"
_POLITE: Final = 10

log = get_logger(__name__)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """How the last automatic backup of a shop on one PC went; ``code`` and ``problem`` are None when it went well."""

    at: datetime
    reason: Reason
    name: str | None = None
    code: str | None = None
    problem: str | None = None


def last_night(now: datetime) -> datetime:
    """Return when the latest night ended, as seen from ``now`` in the zone of ``now``."""
    tonight = now.replace(hour=NIGHT_ENDS_HOUR, minute=0, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def is_due(last: datetime | None, now: datetime) -> bool:
    """Tell whether a night has ended since the last backup; ``now`` is in the shop's zone."""
    return last is None or last < last_night(now)


def back_up(
    url: str,
    settings: Settings,
    clock: Clock,
    *,
    reason: Reason,
    place: str | None = None,
    dump_format: DumpFormat = "custom",
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
        reason=reason,
    )
    facts.record(url, LAST_BACKUP, made.created_at)
    gone = [] if keep is None else prune(store, kept_in(store), keep)
    if gone:
        log.info("backup.pruned", msg="Old backups were deleted", deleted=len(gone))
    return made, gone


def automatic(url: str, settings: Settings, clock: Clock, *, reason: Reason) -> Made:
    """Make a backup as :func:`back_up` with the usual retention, and write down how it went, also when it fails.

    Raises: as :func:`back_up`.
    """
    try:
        made, _ = back_up(url, settings, clock, reason=reason, keep=NIGHTLY)
    except PrimePOSError as error:
        log.error("backup.failed", msg=error.message, reason=reason, error_code=error.code)  # noqa: TRY400 - told in full
        _note(settings, Attempt(at=clock.now(), reason=reason, code=error.code, problem=error.message))
        raise
    log.info("backup.made", msg="A backup was made", name=made.name, reason=reason, bytes=made.size, rows=made.rows)
    _note(settings, Attempt(at=clock.now(), reason=reason, name=made.name))
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


def last_attempt(settings: Settings) -> Attempt | None:
    """Return how the last automatic backup went, or None when none was tried; a torn note counts as none."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(_attempt_file(settings).read_bytes(), type=Attempt)
    return None


def is_automatic(settings: Settings) -> bool:
    """Whether this installation makes its backups by itself: a shop on one PC, with a database of PrimePOS's own."""
    return settings.environment is Environment.SHOP and settings.uses_embedded_database


def due_now(settings: Settings, clock: Clock) -> bool:
    """Tell whether this shop's nightly backup is due, and was not tried and failed within the hour.

    Raises:
        StorageUnavailable: the place cannot be read.
    """
    now = clock.now()
    attempt = last_attempt(settings)
    if attempt is not None and attempt.problem is not None and now - attempt.at < _TRY_AGAIN_AFTER:
        return False
    good = [each.created_at for each in kept_in(store_at(None, settings)) if each.header is not None]
    return is_due(good[-1] if good else None, now.astimezone())


@contextlib.contextmanager
def keeper(settings: Settings, clock: Clock, *, env_file: Path | None = None) -> Iterator[None]:
    """While the block runs, see to it that a shop on one PC has its nightly backup; elsewhere do nothing.

    The first look is at once: nights that were missed are made up for by one backup.
    """
    if not is_automatic(settings):
        yield
        return
    leaving = threading.Event()

    def look() -> None:
        while True:
            with contextlib.suppress(PrimePOSError, OSError):
                if due_now(settings, clock):
                    _make_apart(settings, env_file)
            if leaving.wait(_LOOK_EVERY_S):
                return

    thread = threading.Thread(target=look, name="backup keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()


def _make_apart(settings: Settings, env_file: Path | None) -> None:
    """Have the backup made by another process, which outlives this one; its log is beside the backups."""
    home = _attempt_file(settings).parent
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "primepos", "backup", "create", "--if-due"]
    if env_file is not None:
        command += ["--env-file", str(env_file.absolute())]
    handle = os.open(home / "backup.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as output:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, check=False
        )


def be_polite() -> None:
    """Let everything else on this machine go first."""
    if sys.platform != "win32":
        os.nice(_POLITE)


def _attempt_file(settings: Settings) -> Path:
    return settings.data_dir / "backups" / _ATTEMPT


def _note(settings: Settings, attempt: Attempt) -> None:
    if not settings.uses_embedded_database:
        return
    file = _attempt_file(settings)
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(attempt))
        draft.replace(file)
