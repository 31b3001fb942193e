"""A shop on one PC looks after its own backups: whether one is due, how the last went, and who has it made.

Such a shop has no cron. Its till and its worker look every quarter of an hour whether a night has passed without a
backup, and if so have one made by a process of its own: selling neither waits for it nor shares its time. Nothing heavy
is imported here, since a till opens with it.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec

from primepos.core.clock import Clock
from primepos.core.errors import PrimePOSError
from primepos.core.settings import Environment, Settings

#: After this hour, by the machine's own zone, a night's backup is due.
NIGHT_ENDS_HOUR: Final = 2
_LOOK_EVERY_S: Final = 15 * 60
_TRY_AGAIN_AFTER: Final = timedelta(hours=1)
_ATTEMPT: Final = "last-attempt.json"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """How the last automatic backup of a shop on one PC went; ``code`` and ``problem`` are None when it went well."""

    at: datetime
    reason: Literal["nightly", "migration"]
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


def is_automatic(settings: Settings) -> bool:
    """Whether this installation makes its backups by itself: a shop on one PC, with a database of PrimePOS's own."""
    return settings.environment is Environment.SHOP and settings.uses_embedded_database


def failed_lately(settings: Settings, now: datetime) -> bool:
    """Tell whether a backup was tried and failed within the hour: it is not tried again at once."""
    attempt = last_attempt(settings)
    return attempt is not None and attempt.problem is not None and now - attempt.at < _TRY_AGAIN_AFTER


def last_attempt(settings: Settings) -> Attempt | None:
    """Return how the last automatic backup went, or None when none was tried; a torn note counts as none."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((_home(settings) / _ATTEMPT).read_bytes(), type=Attempt)
    return None


def remember_attempt(settings: Settings, attempt: Attempt) -> None:
    """Write down how an automatic backup went. Where that cannot be written, the log has it."""
    file = _home(settings) / _ATTEMPT
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(attempt))
        draft.replace(file)


def trouble(settings: Settings) -> str | None:
    """Return what people at the till should know about this shop's backups; None when all is well."""
    attempt = last_attempt(settings) if is_automatic(settings) else None
    if attempt is None or attempt.problem is None:
        return None
    return f"No backup since {attempt.at.astimezone():%d.%m. %H:%M}: {attempt.problem}"


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
        # A till opens without it.
        from primepos.adapters.backup.schedule import due_now

        while True:
            with contextlib.suppress(PrimePOSError, OSError):
                if due_now(settings, clock):
                    make_apart(settings, env_file)
            if leaving.wait(_LOOK_EVERY_S):
                return

    threading.Thread(target=look, name="backup keeper", daemon=True).start()
    try:
        yield
    finally:
        leaving.set()


def make_apart(settings: Settings, env_file: Path | None) -> int:
    """Have the backup made by another process, which outlives this one if need be; returns its exit code.

    What it says is in ``backups/backup.log`` of the data directory, beside the backups.

    Raises:
        OSError: the log cannot be written, or the process not be started.
    """
    home = _home(settings)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "primepos", "backup", "create", "--if-due"]
    if env_file is not None:
        command += ["--env-file", str(env_file.absolute())]
    handle = os.open(home / "backup.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, check=False
        )
    return done.returncode


def _home(settings: Settings) -> Path:
    return settings.data_dir / "backups"
