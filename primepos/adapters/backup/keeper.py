"""Who sees to it that a shop on one PC is backed up: it has no cron.

Its till and its worker look every quarter of an hour whether a night has passed without a backup, and if so have one
made by a process of its own: selling neither waits for it nor shares its time. The other nightly jobs are done then.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Final

from primepos.adapters.backup.attempts import home_of, is_automatic
from primepos.core.errors import PrimePOSError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from primepos.core.clock import Clock
    from primepos.core.settings import Settings

_LOOK_EVERY_S: Final = 15 * 60
_MOST_LOG_BYTES: Final = 1 << 20


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

    The nightly jobs are run after it, whatever became of it. What they say is in ``backups/backup.log`` of the data
    directory, beside the backups.

    Raises:
        OSError: the log cannot be written, or the process not be started.
    """
    home = home_of(settings)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    more = [] if env_file is None else ["--env-file", str(env_file.absolute())]
    commands = (["backup", "create", "--if-due"], ["jobs", "nightly"])
    file = home / "backup.log"
    if file.is_file() and file.stat().st_size > _MOST_LOG_BYTES:
        file.replace(file.with_suffix(".log.1"))
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as output:
        backup, _ = [
            subprocess.run(
                [sys.executable, "-m", "primepos", *command, *more],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                check=False,
            )
            for command in commands
        ]
    return backup.returncode
