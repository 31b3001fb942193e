"""One embedded PostgreSQL: started when needed, shared by every process that asks, stopped when nobody needs it."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal

from primepos.core.embedded import locks
from primepos.core.embedded.binaries import Binaries, find_binaries
from primepos.core.embedded.connect import OWNER, SUPERUSER, Answer, connected, url
from primepos.core.embedded.errors import EmbeddedPostgresFailed, PostgresDataDirUnusable
from primepos.core.embedded.place import (
    LAUNCHER_LOCK,
    Place,
    check_home,
    create_home,
    default_data_dir,
    default_system_dir,
    locate,
)
from primepos.core.embedded.provision import ensure_owner, superuser_password
from primepos.core.embedded.server import Memory, Server, StopMode, data_major
from primepos.core.embedded.upgrade import Upgrade, analyze, upgrade_data


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


class Cluster:
    """The embedded PostgreSQL of one data directory.

    ``fsync=False`` trades safety at a power cut for speed (tests). ``port`` fixes the port; otherwise a free one is
    chosen and remembered. ``settings`` are given on the server's command line and win over postgresql.conf.
    ``system_dir`` is where root keeps what the server's account must reach. ``on_wait`` is told, every few seconds,
    what the server says while a start takes long (crash recovery).
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
        self._port = port
        self._settings = dict(settings or {})
        self._on_wait = on_wait
        self._place: Place | None = None
        self._info: ClusterInfo | None = None
        self._user_lock: int | None = None
        self._leaves_at_exit = False
        self._keep = True

    @property
    def binaries(self) -> Binaries:
        """The server programs in use, looked for at first use.

        Raises:
            PostgresBinariesMissing: there are none.
        """
        if self._binaries is None:
            self._binaries = find_binaries()
        return self._binaries

    # ---- life

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
        self._keep = keep
        create_home(self.data_dir)
        with self._launcher():
            place = locate(self.data_dir, self.system_dir, create=True)
            assert place is not None  # noqa: S101 - create=True always gives one
            self._place = place
            server = self._server(place)
            answer = server.find()
            if answer is not None and self._fsync and not answer.is_durable:
                self._stop_unsafe(server, answer)
                answer = None
            was_started = answer is None
            if answer is None:
                answer = server.start()
            ensure_owner(place, answer.port)
            if self._user_lock is None:
                self._user_lock = locks.take(place.users_lock, shared=True, owner=place.owner)
            server.remember(Memory(answer.port, is_kept=keep or (server.recall().is_kept and not was_started)))
            self._info = ClusterInfo(answer.port, answer.version_major, place.pgdata, was_started)
        if not keep:
            self._leave_at_exit()
        return self._info

    def leave(self) -> bool:
        """Stop counting this process as a user; stop the server when it was the last and nobody asked to keep it.

        Returns whether this call stopped the server.
        """
        place = self._place
        if self._user_lock is None or place is None:
            return False
        # First give up, then look: of several that leave at once, the last to look finds nobody.
        self._forget()
        if not check_home(self.data_dir):
            return False
        with self._launcher():
            server = self._server(place)
            if server.recall().is_kept or self._has_users(place):
                return False
            return server.stop("fast")

    def stop(self, mode: StopMode = "fast") -> bool:
        """Stop the server whoever uses it; returns False when it was not running."""
        if not check_home(self.data_dir):
            return False
        with self._launcher():
            place = self._place = locate(self.data_dir, self.system_dir, create=False)
            if place is None:
                return False
            self._forget()
            server = self._server(place)
            server.remember(Memory(server.recall().port, is_kept=False))
            return server.stop(mode)

    def upgrade(self, old: Binaries | None = None) -> Upgrade | None:
        """Bring the data to the programs' major version and start the server; returns None when they agree already.

        ``old`` are programs of the version that wrote the data, looked for when not given. The old data are kept beside
        the new ones. A server in use is not stopped for it.

        Raises:
            PostgresBinariesMissing: there are no programs of the old version.
            PostgresMajorMismatch: the data are newer than the programs.
            EmbeddedPostgresFailed: the server is in use, or pg_upgrade failed; the old data are still in place.
        """
        create_home(self.data_dir)
        with self._launcher():
            place = self._place = locate(self.data_dir, self.system_dir, create=True)
            assert place is not None  # noqa: S101 - create=True always gives one
            place.finish_upgrade()
            found = data_major(place.pgdata)
            if found is None or found == self.binaries.version_major:
                return None
            server = self._server(place)
            running = server.find()
            if running is not None and self._has_users(place):
                raise EmbeddedPostgresFailed(
                    data_dir=str(place.pgdata), what="is in use", hint="Stop its users, or run 'primepos db stop'"
                )
            server.stop("fast")
            done = upgrade_data(server, old or find_binaries(major=found))
        analyze(self._server(place), self.ensure_running(keep=self._keep).port)
        return done

    def discard_old(self) -> list[Path]:
        """Delete the data that upgrades left of older versions, and return where they were.

        Nothing is deleted unless data of a newer version than theirs are in their place.
        """
        if not check_home(self.data_dir):
            return []
        with self._launcher():
            place = locate(self.data_dir, self.system_dir, create=False)
            if place is None:
                return []
            place.finish_upgrade()
            present = data_major(place.pgdata)
            gone = [
                old
                for old in place.left_by_upgrades()
                if present is not None and (left := data_major(old)) is not None and left < present
            ]
            for old in gone:
                shutil.rmtree(old)
            return gone

    def status(self) -> ClusterStatus:
        """What is there and what runs, without waiting for anybody and without changing anything."""
        place = locate(self.data_dir, self.system_dir, create=False) if check_home(self.data_dir) else None
        if place is None or not place.pgdata.is_dir():
            return ClusterStatus("absent", None, None, None, has_users=False)
        server, major = self._server(place), data_major(place.pgdata)
        answer = server.ask_known_ports()
        # Without the launcher's lock a look at the other locks could be taken for a user or a server.
        launcher = locks.take(self.data_dir / LAUNCHER_LOCK, wait=False, owner=place.owner)
        if launcher is None:
            state: Literal["busy", "stopped"] = "busy"
            has_users = True
        else:
            try:
                state = "busy" if server.is_alive() else "stopped"
                has_users = self._has_users(place)
            finally:
                os.close(launcher)
        if isinstance(answer, Answer):
            return ClusterStatus("running", answer.port, major, place.pgdata, has_users)
        return ClusterStatus(state, None, major, place.pgdata, has_users)

    def destroy(self) -> None:
        """Stop the server and remove the cluster with all its data. Only files of ours are removed."""
        if not check_home(self.data_dir):
            return
        with self._launcher():
            place = locate(self.data_dir, self.system_dir, create=False)
            if place is not None:
                self._server(place).stop("immediate")
                place.remove()
            self._forget()
            (self.data_dir / LAUNCHER_LOCK).unlink(missing_ok=True)
        self._place = None
        with contextlib.suppress(OSError):
            self.data_dir.rmdir()

    # ---- databases

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
        from psycopg import errors, sql

        place, info = self._ready()
        source = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        with connected(info.port, OWNER, ensure_owner(place, info.port)) as connection:
            # Asked first, since a refusal would be an error in the server's log at each start.
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return False
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), source))
            except (errors.DuplicateDatabase, errors.UniqueViolation):
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

    # ---- inside

    def _forget(self) -> None:
        """Be no user any more."""
        # Closed, not unlocked: a forked child that still uses the server holds the same lock.
        if self._user_lock is not None:
            os.close(self._user_lock)
        self._user_lock = self._info = None

    def _ready(self) -> tuple[Place, ClusterInfo]:
        if self._place is None or self._info is None:
            self.ensure_running(keep=self._keep)
        assert self._place is not None  # noqa: S101 - set by ensure_running
        assert self._info is not None  # noqa: S101 - set by ensure_running
        return self._place, self._info

    def _server(self, place: Place) -> Server:
        return Server(
            place=place,
            binaries=lambda: self.binaries,
            system_dir=self.system_dir,
            fsync=self._fsync,
            fixed_port=self._port,
            settings=self._settings,
            on_wait=self._on_wait,
        )

    @contextlib.contextmanager
    def _launcher(self) -> Iterator[None]:
        """One process at a time starts, stops, joins or leaves."""
        try:
            home = self.data_dir.stat()
            fd = locks.take(self.data_dir / LAUNCHER_LOCK, owner=(home.st_uid, home.st_gid))
        except OSError as error:
            raise PostgresDataDirUnusable(
                data_dir=str(self.data_dir), why=f"no lock on a file in it: {error}"
            ) from error
        assert fd is not None  # noqa: S101 - a take that waits always locks
        try:
            yield
        finally:
            os.close(fd)

    @staticmethod
    def _has_users(place: Place) -> bool:
        fd = locks.take(place.users_lock, wait=False, owner=place.owner)
        if fd is not None:
            os.close(fd)
        return fd is None

    def _stop_unsafe(self, server: Server, answer: Answer) -> None:
        """Stop a server that somebody started without fsync, so that it can be started with it."""
        if self._has_users(server.place):
            raise EmbeddedPostgresFailed(
                data_dir=str(server.place.pgdata),
                what=f"runs on port {answer.port} without fsync and is in use",
                hint="Stop its users, or run 'primepos db stop'",
            )
        server.stop("fast")

    def _leave_at_exit(self) -> None:
        if self._leaves_at_exit:
            return
        self._leaves_at_exit = True
        process = os.getpid()
        atexit.register(lambda: os.getpid() == process and self.leave())
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, _exit_in_order)


def _exit_in_order(number: int, _frame: FrameType | None) -> None:
    """Turn a signal that would end the process at once into an exit that runs what is registered for it."""
    sys.exit(128 + number)
