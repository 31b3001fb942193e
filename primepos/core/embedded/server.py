"""The server of one place: whether it lives, how it is started, how it is stopped.

Everything here is called with the launcher's lock held, by one process at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from primepos.core.embedded import locks
from primepos.core.embedded.binaries import Binaries, readable_copy
from primepos.core.embedded.connect import HOST, Answer, Silence, ask
from primepos.core.embedded.errors import EmbeddedPostgresFailed, PostgresMajorMismatch
from primepos.core.embedded.place import Place
from primepos.core.embedded.ports import candidates, is_free, is_listening
from primepos.core.embedded.postmaster import (
    STOP_SIGNALS,
    end_orphans,
    postmaster_among,
    processes_in,
    read_pid_file,
    run_as,
    spawn,
)
from primepos.core.embedded.provision import create_pgdata, reset_superuser_password, superuser_password

StopMode = Literal["smart", "fast", "immediate"]

_POLL_S = 0.02
_ORPHAN_GRACE_S = 2.0
_NEWS_EVERY_S = 5.0
_LOG_TAIL_LINES = 30
_LAST_WORDS = 5
_START_ATTEMPTS = 20

#: Data may be lost at a power cut: for clusters that live no longer than a test run.
_FAST_AND_LOOSE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

#: Servers this process started. They are kept so that a dead one is reaped and so told from a living one.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Memory:
    """What is remembered between runs: the port last used, and whether the server outlives its users."""

    port: int | None = None
    is_kept: bool = False


def data_major(pgdata: Path) -> int | None:
    """The major version that wrote a data directory; None when there is no cluster in it."""
    try:
        return int((pgdata / "PG_VERSION").read_text(encoding="ascii").strip().partition(".")[0])
    except (FileNotFoundError, NotADirectoryError):
        return None


@dataclass(frozen=True)
class Server:
    """The server of one place; holds no state of its own, so two processes see the same."""

    place: Place
    #: Looked for when a program is really needed: joining a running server needs none.
    binaries: Callable[[], Binaries]
    system_dir: Path
    fsync: bool
    fixed_port: int | None
    settings: Mapping[str, str]
    on_wait: Callable[[str], None] | None

    # ---- memory

    def recall(self) -> Memory:
        """What is remembered; a torn or edited file costs no more than the memory."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            stored = json.loads(self.place.state_file.read_text(encoding="utf-8"))
            return Memory(int(stored["port"]) if stored["port"] else None, bool(stored["is_kept"]))
        return Memory()

    def remember(self, memory: Memory) -> None:
        """Store what is to be remembered, if it changed."""
        if memory != self.recall():
            self.place.write(self.place.state_file, json.dumps({"port": memory.port, "is_kept": memory.is_kept}))

    # ---- life signs

    def ask_known_ports(self) -> Answer | Silence:
        """Ask on the port remembered, then on the one the pid file claims. Needs no lock."""
        place, claim = self.place, read_pid_file(self.place.pgdata)
        silence = Silence("no port is known")
        if place.superuser_password_file.is_file():
            for port in dict.fromkeys((self.recall().port, claim.port if claim else None)):
                if port is not None and is_listening(port):
                    answer = ask(port, superuser_password(place), place.pgdata)
                    if isinstance(answer, Answer):
                        return answer
                    silence = answer
        return silence

    def is_alive(self) -> bool:
        """Whether any server process is left on the data directory."""
        _children[:] = [child for child in _children if child.poll() is None]
        if sys.platform == "win32":
            return run_as([self.binaries().tool("pg_ctl"), "status", "-D", self.place.pgdata], None).returncode == 0
        fd = locks.take(self.place.server_lock, wait=False, owner=self.place.owner)
        if fd is None:
            return True
        os.close(fd)
        return bool(processes_in(self.place.pgdata))

    def find(self) -> Answer | None:
        """The running server, waited for while it starts or recovers; None when no process of it is left.

        Raises:
            EmbeddedPostgresFailed: it answers but does not take the superuser's password that is kept for it.
        """
        began = told = time.monotonic()
        while True:
            answer = self.ask_known_ports()
            if isinstance(answer, Answer):
                return answer
            if not self.is_alive():
                return None
            if answer.is_refused:
                raise self.failure(f"runs but does not accept the password kept for it: {answer.why}")
            now = time.monotonic()
            if now - began > _ORPHAN_GRACE_S:
                end_orphans(self.place.pgdata)
            told = self._tell(now, told)
            time.sleep(_POLL_S)

    # ---- start and stop

    def start(self) -> Answer:
        """Start the server, which is known to be dead, making the cluster at first.

        Raises:
            PostgresMajorMismatch: the data belong to another major version; nothing was touched.
            EmbeddedPostgresFailed: it did not start.
        """
        self.place.finish_upgrade()
        place, binaries, found = self.place, self.binaries(), data_major(self.place.pgdata)
        if found is not None and found != binaries.version_major:
            raise PostgresMajorMismatch(
                data_dir=str(place.pgdata), data_major=found, binaries_major=binaries.version_major
            )
        if place.account is not None:
            binaries = readable_copy(binaries, place.account, self.system_dir)
        if found is None:
            create_pgdata(binaries, place, is_durable=self.fsync)
        lock = locks.take(place.server_lock, wait=False, owner=place.owner)
        if lock is None:
            raise self.failure("was started by somebody else at the same time")
        try:
            # Nobody answers, nobody holds the lock and no process works in the directory: the claim is a dead server's.
            (place.pgdata / "postmaster.pid").unlink(missing_ok=True)
            if not place.superuser_password_file.is_file():
                reset_superuser_password(binaries, place)
            ports = candidates(self.fixed_port, self.recall().port, place.pgdata)
            for port, _attempt in zip(ports, range(_START_ATTEMPTS), strict=False):
                answer = self._launch(binaries, port, lock)
                if answer is not None:
                    return answer
        finally:
            os.close(lock)
        raise self.failure(f"found its port {self.fixed_port} taken" if self.fixed_port else "found no free port")

    def _launch(self, binaries: Binaries, port: int, lock: int) -> Answer | None:
        """Start the server on ``port`` and wait until it answers; None when somebody took the port before it."""
        place = self.place
        settings = {
            **({} if self.fsync else _FAST_AND_LOOSE),
            **self.settings,
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
        }
        log = place.open_start_log()
        try:
            child = spawn(binaries, place.pgdata, settings, account=place.account, log=log, lock=lock)
        finally:
            os.close(log)
        if child is not None:
            _children.append(child)
        told = time.monotonic()
        while True:
            # Asked before the server says it is ready it would only fill its log with refusals.
            claim = read_pid_file(place.pgdata)
            if claim is not None and claim.is_ready:
                answer = ask(port, superuser_password(place), place.pgdata)
                if isinstance(answer, Answer):
                    return answer
                if answer.is_refused:
                    raise self.failure(f"does not accept the password kept for it: {answer.why}")
            is_dead = child.poll() is not None if child is not None else not self.is_alive()
            if is_dead:
                # Its logger outlives it by a moment, and writes the reason.
                while processes_in(place.pgdata):
                    time.sleep(_POLL_S)
                if not is_free(port) or any("could not bind" in line for line in self._log_tail()[-_LAST_WORDS:]):
                    return None
                raise self.failure("did not start")
            told = self._tell(time.monotonic(), told)
            time.sleep(_POLL_S)

    def stop(self, mode: StopMode) -> bool:
        """Stop the server and wait until its last process has ended; returns False when there was none."""
        answer = self.ask_known_ports()
        if not isinstance(answer, Answer) and not self.is_alive():
            return False
        if sys.platform == "win32":
            run_as([self.binaries().tool("pg_ctl"), "stop", "-W", "-m", mode, "-D", self.place.pgdata], None)
        else:
            # Never the pid file's word: the pid may be anybody's. The parent of the backend that served us cannot be.
            known = answer.postmaster_pid if isinstance(answer, Answer) else None
            pid = known or postmaster_among(self.place.pgdata)
            if pid is None:
                end_orphans(self.place.pgdata)
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, STOP_SIGNALS[mode])
        told = time.monotonic()
        while self.is_alive():
            told = self._tell(time.monotonic(), told)
            time.sleep(_POLL_S)
        return True

    # ---- words

    def _tell(self, now: float, told: float) -> float:
        if self.on_wait is None or now - told < _NEWS_EVERY_S:
            return told
        self.on_wait((self._log_tail() or ["waiting for PostgreSQL"])[-1])
        return now

    def failure(self, what: str) -> EmbeddedPostgresFailed:
        """The error that says ``what`` went wrong and shows the end of the server's log."""
        tail = "\n".join(self._log_tail())
        hint = f"The end of its log:\n{tail}" if tail else None
        return EmbeddedPostgresFailed(data_dir=str(self.place.pgdata), what=what, log=tail, hint=hint)

    def _log_tail(self) -> list[str]:
        """The last lines the server wrote, its first words before those of its own log."""
        logs = sorted(self.place.pgdata.glob("log/*.log"), key=lambda file: file.stat().st_mtime)
        lines: list[str] = []
        for file in (self.place.start_log, *logs[-1:]):
            with contextlib.suppress(OSError):
                lines += file.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-_LOG_TAIL_LINES:]
