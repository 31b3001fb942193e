"""By when an answer is wanted, and how a thread that waits for a silent server is set free then.

A statement's own timeout is kept by the database. Where the line to it is dead nobody hears of that, and the driver
waits for ever; so whoever set the deadline calls :meth:`Deadline.expire`, which hangs up, and the wait ends in an
error.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

_current: ContextVar[Deadline | None] = ContextVar("primepos_deadline", default=None)


class Deadline:
    """A moment, and the connections that are not waited for beyond it."""

    def __init__(self, seconds: float) -> None:
        """End ``seconds`` from now."""
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: set[psycopg.Connection[Any]] = set()
        self._is_over = False

    def left_s(self) -> float:
        """Return how many seconds are left; less than nothing once it is over."""
        return self._ends - time.monotonic()

    def watch(self, connection: psycopg.Connection[Any]) -> bool:
        """Hang up on this connection when the time is over; False if it is over already."""
        with self._lock:
            if self._is_over:
                return False
            self._watched.add(connection)
            return True

    def release(self, connection: psycopg.Connection[Any]) -> bool:
        """Leave this connection alone from now on; False if it was hung up on."""
        with self._lock:
            self._watched.discard(connection)
            return not self._is_over

    def expire(self) -> None:
        """End the time now, whoever still waits."""
        with self._lock:
            self._is_over = True
            for connection in self._watched:
                _hang_up(connection)
            self._watched.clear()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let everything in this context keep the deadline."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


def current_deadline() -> Deadline | None:
    """Return the deadline of this context; None where nobody waits for an answer."""
    return _current.get()


def _hang_up(connection: psycopg.Connection[Any]) -> None:
    """Shut the connection's socket, which wakes the thread that waits on it; closing is left to that thread."""
    with suppress(OSError, psycopg.Error):
        number = connection.pgconn.socket
        if number >= 0:
            with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as line:
                line.shutdown(socket.SHUT_RDWR)
