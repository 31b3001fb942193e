"""One embedded PostgreSQL: started when needed, shared by every process that asks, stopped when nobody needs it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from primepos.core.embedded import locks
from primepos.core.embedded.binaries import Binaries, find_binaries, readable_copy
from primepos.core.embedded.connect import OWNER, SUPERUSER, Answer, Silence, ask, connected, url
from primepos.core.embedded.errors import EmbeddedPostgresFailed, PostgresMajorMismatch
from primepos.core.embedded.place import Place, create_home, default_data_dir, default_system_dir, locate
from primepos.core.embedded.ports import candidates, is_free
from primepos.core.embedded.postmaster import STOP_SIGNALS, end_orphans, processes_in, read_pid_file, run_as, spawn
from primepos.core.embedded.provision import create_pgdata, ensure_owner, reset_superuser_password, superuser_password

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

StopMode = Literal["smart", "fast", "immediate"]

_POLL_S = 0.02
_ORPHAN_GRACE_S = 2.0
_NEWS_EVERY_S = 5.0
_LOG_TAIL_LINES = 30
_START_ATTEMPTS = 20

#: Data may be lost at a power cut: for clusters that live no longer than a test run.
_FAST_AND_LOOSE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

#: Servers this process started. They are kept so that a dead one is reaped and so told from a living one.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class ClusterInfo:
    """A running server. ``was_started`` is true when this call started it."""

    port: int
    version_major: int
    pgdata: Path
    was_started: bool


@dataclass(frozen=True)
class ClusterStatus:
    """``state`` is absent (no data), stopped, busy (starting, recovering or stopping) or running."""

    state: Literal["absent", "stopped", "busy", "running"]
    port: int | None
    data_major: int | None
    pgdata: Path | None
    has_users: bool


@dataclass(frozen=True)
class _State:
    """What the launcher remembers: the port last used, and whether the server outlives its users."""

    port: int | None = None
    is_kept: bool = False


class Cluster:
    """The embedded PostgreSQL of one data directory.

    ``fsync=False`` trades safety at a power cut for speed (tests). ``port`` fixes the port; otherwise a free one is
    chosen and remembered. ``settings`` are given on the server's command line and win over postgresql.conf.
    ``on_wait`` is told, every few seconds, what the server says while a start takes long (crash recovery).
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        binaries: Binaries | None = None,
        *,
        fsync: bool = True,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        system_dir: Path | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self.data_dir = (data_dir or default_data_dir()).expanduser().absolute()
        self.system_dir = (system_dir or default_system_dir()).absolute()
        self._binaries = binaries
        self._fsync = fsync
        self._fixed_port = port
        self._settings = dict(settings or {})
        self._on_wait = on_wait
        self._place: Place | None = None
        self._info: ClusterInfo | None = None
        self._user_lock: int | None = None
        self._leaves_at_exit = False

    @property
    def binaries(self) -> Binaries:
        """The server programs in use, looked for at first use.

        Raises:
            PostgresBinariesMissing: there are none.
        """
        if self._binaries is None:
            self._binaries = find_binaries()
        return self._binaries

    # ---------------------------------------------------------------- life

    def ensure_running(self, *, keep: bool = True) -> ClusterInfo:
        """Make sure the server runs, creating the cluster at first, and count this process among its users.

        With ``keep`` the server goes on running until :meth:`stop`. Without, it is stopped when its last user leaves,
        unless somebody else asked to keep it; this process leaves at :meth:`leave`, at exit and at SIGTERM. Users that
        are killed count no more at once. A start waits as long as the server lives: crash recovery has no time limit.

        Raises:
            PostgresBinariesMissing: no server programs.
            PostgresMajorMismatch: the data belong to another major version.
            PostgresDataDirUnusable: the directory cannot be used.
            EmbeddedPostgresFailed: the server died or refused; the end of its log is in the error's data.
        """
        create_home(self.data_dir)
        with self._launcher():
            place = locate(self.data_dir, self.system_dir, create=True)
            assert place is not None  # noqa: S101 - create=True always gives one
            self._place = place
            answer = self._running(place)
            if answer is not None and self._fsync and not answer.is_durable:
                self._restart_durable(place, answer)
                answer = None
            was_started = answer is None
            if answer is None:
                answer = self._start(place)
            ensure_owner(place, answer.port)
            self._join(place)
            known = self._state(place)
            self._remember(place, _State(answer.port, is_kept=keep or (known.is_kept and not was_started)))
            self._info = ClusterInfo(answer.port, answer.version_major, place.pgdata, was_started)
        if not keep:
            self._leave_at_exit()
        return self._info

    def leave(self) -> bool:
        """Stop counting this process as a user; stop the server when it was the last and nobody asked to keep it.

        Returns whether the server was stopped.
        """
        place = self._place
        if self._user_lock is None or place is None:
            return False
        with self._launcher():
            # Closed, not unlocked: a forked child that still uses the server holds the same lock.
            os.close(self._user_lock)
            self._user_lock = None
            if self._state(place).is_kept or self._has_users(place):
                return False
            self._stop(place, "fast")
        return True

    def stop(self, mode: StopMode = "fast") -> bool:
        """Stop the server whoever uses it; returns False when it was not running.

        Raises:
            EmbeddedPostgresFailed: it runs but cannot be told from other processes, so nothing was signalled.
        """
        if not self.data_dir.is_dir():
            return False
        with self._launcher():
            place = self._place = locate(self.data_dir, self.system_dir, create=False)
            if place is None:
                return False
            self._remember(place, _State(self._state(place).port, is_kept=False))
            return self._stop(place, mode)

    def status(self) -> ClusterStatus:
        """What is there and what runs, without waiting for anybody and without changing anything."""
        place = locate(self.data_dir, self.system_dir, create=False) if self.data_dir.is_dir() else None
        if place is None or not place.pgdata.is_dir():
            return ClusterStatus("absent", None, None, None, has_users=False)
        answer = self._ask_known_ports(place)
        if isinstance(answer, Answer):
            return ClusterStatus("running", answer.port, answer.version_major, place.pgdata, self._has_users(place))
        state: Literal["busy", "stopped"] = "busy" if self._is_alive(place) else "stopped"
        return ClusterStatus(state, None, data_major(place.pgdata), place.pgdata, self._has_users(place))

    def destroy(self) -> None:
        """Stop the server and remove the cluster with all its data. Only files of ours are removed."""
        if not self.data_dir.is_dir():
            return
        with self._launcher():
            place = locate(self.data_dir, self.system_dir, create=False)
            if place is not None:
                self._stop(place, "immediate")
                for directory in (place.pgdata, place.root / "initdb"):
                    shutil.rmtree(directory, ignore_errors=True)
                for folder in (place.root, place.home):
                    for name in place.names():
                        (folder / name).unlink(missing_ok=True)
                if place.root != place.home:
                    place.root.rmdir()
            if self._user_lock is not None:
                os.close(self._user_lock)
                self._user_lock = None
            (self.data_dir / "launcher.lock").unlink(missing_ok=True)
        self._place = self._info = None
        with contextlib.suppress(OSError):
            self.data_dir.rmdir()

    # ----------------------------------------------------------- databases

    def owner_url(self, dbname: str = "primepos") -> str:
        """The URL of the role that owns the databases: it is no superuser and cannot bypass row-level security."""
        place, info = self._ready()
        return url(info.port, OWNER, ensure_owner(place, info.port), dbname)

    def admin_url(self, dbname: str = "postgres") -> str:
        """The superuser's URL, for administration only: row-level security does not hold for it."""
        place, info = self._ready()
        return url(info.port, SUPERUSER, superuser_password(place), dbname)

    def connection_url(self, dbname: str, role: str, password: str) -> str:
        """The URL of another login role."""
        return url(self._ready()[1].port, role, password, dbname)

    def create_database(self, name: str, template: str | None = None) -> bool:
        """Create a database of the owner role, a copy of ``template`` when given; returns False when it exists."""
        import psycopg
        from psycopg import sql

        place, info = self._ready()
        source = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        with connected(info.port, OWNER, ensure_owner(place, info.port)) as connection:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), source))
            except psycopg.errors.DuplicateDatabase:
                return False
        return True

    def drop_database(self, name: str) -> bool:
        """Drop a database, ending every session in it; returns False when there is none."""
        from psycopg import sql

        place, info = self._ready()
        with connected(info.port, SUPERUSER, superuser_password(place)) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        return exists is not None

    # ------------------------------------------------------------ internals

    def _ready(self) -> tuple[Place, ClusterInfo]:
        if self._place is None or self._info is None:
            self.ensure_running()
        assert self._place is not None  # noqa: S101 - set by ensure_running
        assert self._info is not None  # noqa: S101 - set by ensure_running
        return self._place, self._info

    def _launcher(self) -> contextlib.AbstractContextManager[int]:
        """One process at a time starts, stops or joins."""
        home = self.data_dir.stat()
        return locks.exclusive(self.data_dir / "launcher.lock", owner=(home.st_uid, home.st_gid))

    def _state(self, place: Place) -> _State:
        # A torn or edited file costs no more than the memory of a port.
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            stored = json.loads(place.state_file.read_text(encoding="utf-8"))
            return _State(int(stored["port"]) if stored["port"] else None, bool(stored["is_kept"]))
        return _State()

    def _remember(self, place: Place, state: _State) -> None:
        if state != self._state(place):
            place.write(place.state_file, json.dumps({"port": state.port, "is_kept": state.is_kept}))

    def _join(self, place: Place) -> None:
        if self._user_lock is None:
            self._user_lock = locks.take(place.users_lock, shared=True, owner=place.owner)

    def _has_users(self, place: Place) -> bool:
        fd = locks.take(place.users_lock, wait=False, owner=place.owner)
        if fd is not None:
            os.close(fd)
        return fd is None

    def _leave_at_exit(self) -> None:
        if self._leaves_at_exit:
            return
        self._leaves_at_exit = True
        process = os.getpid()
        atexit.register(lambda: self.leave() if os.getpid() == process else None)
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, _exit_in_order)

    def _ask_known_ports(self, place: Place) -> Answer | Silence:
        """Ask on the port we remember, then on the one the pid file claims."""
        claim = read_pid_file(place.pgdata)
        ports = dict.fromkeys([self._state(place).port, claim.port if claim else None])
        silence = Silence("no port is known")
        if place.superuser_password_file.is_file():
            for port in ports:
                if port is not None and not is_free(port):
                    answer = ask(port, superuser_password(place), place.pgdata)
                    if isinstance(answer, Answer):
                        return answer
                    silence = answer
        return silence

    def _is_alive(self, place: Place) -> bool:
        """Whether any server process is left on the data directory."""
        _children[:] = [child for child in _children if child.poll() is None]
        if sys.platform == "win32":
            return run_as([self.binaries.tool("pg_ctl"), "status", "-D", place.pgdata], None).returncode == 0
        fd = locks.take(place.server_lock, wait=False, owner=place.owner)
        if fd is None:
            return True
        os.close(fd)
        return bool(processes_in(place.pgdata))

    def _running(self, place: Place) -> Answer | None:
        """The running server, once it answers; None when no process of it is left."""
        began = told = time.monotonic()
        while True:
            answer = self._ask_known_ports(place)
            if isinstance(answer, Answer):
                return answer
            if not self._is_alive(place):
                return None
            if answer.is_refused:
                raise self._failure(place, f"runs but does not accept the password kept for it: {answer.why}")
            now = time.monotonic()
            if now - began > _ORPHAN_GRACE_S:
                end_orphans(place.pgdata)
            told = self._tell(place, now, told)
            time.sleep(_POLL_S)

    def _tell(self, place: Place, now: float, told: float) -> float:
        if self._on_wait is None or now - told < _NEWS_EVERY_S:
            return told
        self._on_wait((_log_tail(place) or ["waiting for PostgreSQL"])[-1])
        return now

    def _restart_durable(self, place: Place, answer: Answer) -> None:
        if self._has_users(place):
            raise EmbeddedPostgresFailed(
                data_dir=str(place.pgdata),
                what=f"runs on port {answer.port} without fsync and is in use",
                hint="Stop its users, or run 'primepos db stop'",
            )
        self._stop(place, "fast")

    def _start(self, place: Place) -> Answer:
        """Start the server, which is known to be dead; the caller holds the launcher's lock."""
        found = data_major(place.pgdata)
        if found is not None and found != self.binaries.version_major:
            raise PostgresMajorMismatch(
                data_dir=str(place.pgdata), data_major=found, binaries_major=self.binaries.version_major
            )
        binaries = self.binaries
        if place.account is not None:
            binaries = readable_copy(binaries, place.account, self.system_dir / "binaries")
        if found is None:
            create_pgdata(binaries, place, is_durable=self._fsync)
        lock = locks.take(place.server_lock, wait=False, owner=place.owner)
        if lock is None:
            raise self._failure(place, "was started by somebody else at the same time")
        try:
            # Nobody answers, nobody holds the lock and no process works in the directory: the claim is a dead server's.
            (place.pgdata / "postmaster.pid").unlink(missing_ok=True)
            if not place.superuser_password_file.is_file():
                reset_superuser_password(binaries, place)
            ports = candidates(self._fixed_port, self._state(place).port, place.pgdata)
            for port, _attempt in zip(ports, range(_START_ATTEMPTS), strict=False):
                answer = self._launch(binaries, place, port, lock)
                if answer is not None:
                    return answer
        finally:
            os.close(lock)
        raise self._failure(place, "found no free port")

    def _launch(self, binaries: Binaries, place: Place, port: int, lock: int) -> Answer | None:
        """Start the server on ``port`` and wait until it answers; None when somebody took the port before it."""
        settings = {
            **({} if self._fsync else _FAST_AND_LOOSE),
            **self._settings,
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
        }
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        log = os.open(place.start_log, flags, 0o600)
        try:
            child = spawn(binaries, place.pgdata, settings, account=place.account, log=log, lock=lock)
        finally:
            os.close(log)
        if child is not None:
            _children.append(child)
        told = time.monotonic()
        while True:
            claim = read_pid_file(place.pgdata)
            if claim is not None and claim.is_ready:
                answer = ask(port, superuser_password(place), place.pgdata)
                if isinstance(answer, Answer):
                    return answer
                if answer.is_refused:
                    raise self._failure(place, f"does not accept the password kept for it: {answer.why}")
            is_dead = child.poll() is not None if child is not None else not self._is_alive(place)
            if is_dead:
                if "could not bind" in place.start_log.read_text(encoding="utf-8", errors="replace"):
                    return None
                raise self._failure(place, "did not start")
            told = self._tell(place, time.monotonic(), told)
            time.sleep(_POLL_S)

    def _stop(self, place: Place, mode: StopMode) -> bool:
        """Stop the server and wait until its last process has ended; the caller holds the launcher's lock."""
        answer = self._ask_known_ports(place)
        if not isinstance(answer, Answer) and not self._is_alive(place):
            return False
        if sys.platform == "win32":
            run_as([self.binaries.tool("pg_ctl"), "stop", "-W", "-m", mode, "-D", place.pgdata], None)
        else:
            pid = answer.postmaster_pid if isinstance(answer, Answer) else _postmaster_among(place.pgdata)
            if pid is None:
                end_orphans(place.pgdata)
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, STOP_SIGNALS[mode])
        told = time.monotonic()
        while self._is_alive(place):
            told = self._tell(place, time.monotonic(), told)
            time.sleep(_POLL_S)
        return True

    def _failure(self, place: Place, what: str) -> EmbeddedPostgresFailed:
        tail = "\n".join(_log_tail(place))
        error = EmbeddedPostgresFailed(data_dir=str(place.pgdata), what=what, log=tail)
        error.hint = f"The end of its log:\n{tail}" if tail else None
        return error


def _exit_in_order(number: int, _frame: FrameType | None) -> None:
    """Turn a signal that would end the process at once into an exit that runs what is registered for it."""
    sys.exit(128 + number)


def data_major(pgdata: Path) -> int | None:
    """The major version that wrote a data directory; None when there is no cluster in it."""
    try:
        return int((pgdata / "PG_VERSION").read_text(encoding="ascii").strip().partition(".")[0])
    except (FileNotFoundError, NotADirectoryError):
        return None


def _postmaster_among(pgdata: Path) -> int | None:
    """The one process in the data directory that is the parent of others."""
    processes = processes_in(pgdata)
    parents = set(processes.values()) & set(processes)
    return min(parents) if parents else None


def _log_tail(place: Place) -> list[str]:
    """The last lines the server wrote, its first words before those of its own log."""
    logs = sorted(place.pgdata.glob("log/*.log"), key=lambda file: file.stat().st_mtime)
    lines: list[str] = []
    for file in (place.start_log, *logs[-1:]):
        with contextlib.suppress(OSError):
            lines += file.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-_LOG_TAIL_LINES:]
