"""The calls of the API, counted in memory and settled with every other process about once a second.

A call must not pay for being counted: a round trip and a commit for each would cost a sale more than booking it. So a
process counts by itself, adds what it counted to the shared counters in one statement for all callers, and learns there
what the others counted. Several processes together may let a caller through more often than allowed by what they
count between two settlements; docs/adr/0017 has the sum.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from primepos.core.db import apart
from primepos.domain.accounts.counters import SWEEP, CounterStorage

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.core.clock import Clock
    from primepos.core.db import Database

MOST_KEPT = 50_000
STALE = timedelta(seconds=2)
_SETTLE = (
    SWEEP + ", given AS (SELECT * FROM unnest(%(keys)s::text[], %(previous)s::text[], %(amounts)s::int[],"  # noqa: S608  constants only
    " %(untils)s::timestamptz[]) AS g (key, previous, amount, until)),"
    " written AS (INSERT INTO throttle_counters AS c (key, hits, expires_at)"
    # In one order, so that two processes wait for each other and never in a ring.
    " SELECT key, amount, until FROM given ORDER BY key"
    " ON CONFLICT (key) DO UPDATE SET hits = c.hits + excluded.hits RETURNING key, hits)"
    " SELECT w.key, w.hits, coalesce(p.hits, 0) AS before FROM written w JOIN given g USING (key)"
    " LEFT JOIN throttle_counters p ON p.key = g.previous"
)


@dataclass(slots=True)
class _Window:
    """What is known of one caller's window: all calls in it, and those among them that nobody else has heard of."""

    previous: str
    until: datetime
    settled_at: datetime
    total: int = 0
    fresh: int = 0
    before: int = 0


class Tally(CounterStorage):
    """Sliding windows counted in this process; :meth:`settle` shares them. The rest is the shared store's."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Count for ``database`` by the time of ``clock``."""
        super().__init__(database, clock)
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._dirty: dict[str, _Window] = {}
        self.wanted = threading.Event()

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Take ``amount`` calls of ``limit``, the window before weighed by how much of it is still in sight."""
        now = self._clock.now()
        previous, current = self.sliding_window_keys(key, expiry, now.timestamp())
        with self._lock:
            window = self._windows.get(current)
            if window is None:
                window = self._open(previous, current, now, now + timedelta(seconds=2 * expiry))
            if math.floor(window.before * self._share(now, expiry)) + window.total + amount > limit:
                return False
            # Soon where others may have used up what is left: after a pause, and the closer to the limit.
            if not window.fresh and now - window.settled_at > STALE:
                self.wanted.set()
            window.total += amount
            window.fresh += amount
            self._dirty[current] = window
            if window.fresh * 8 > limit - window.total:
                self.wanted.set()
        return True

    def _open(self, previous: str, current: str, now: datetime, until: datetime) -> _Window:
        last = self._windows.get(previous)
        window = self._windows[current] = _Window(previous, until, now, before=last.total if last else 0)
        # What the other processes know of this caller is not known here yet.
        self.wanted.set()
        return window

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return hits and seconds left of the window before, then of the present one, as this process knows them."""
        now = self._clock.now()
        _, current = self.sliding_window_keys(key, expiry, now.timestamp())
        window = self._windows.get(current)
        left = self._share(now, expiry) * expiry
        if window is None:
            return 0, 0.0, 0, left + expiry
        return window.before, left if window.before else 0.0, window.total, left + expiry

    def settle(self) -> int:
        """Add what was counted since the last time to the shared counters and learn theirs; return how many callers.

        What could not be added is kept for the next time. Raises :class:`Unavailable`.
        """
        self.wanted.clear()
        now = self._clock.now()
        with self._lock:
            sent = {key: (window, window.fresh) for key, window in self._dirty.items()}
            self._dirty.clear()
        if not sent:
            return 0
        try:
            found = apart(self._database.system_session, lambda uow: uow.rows(_SETTLE, self._values(sent, now)))
        except BaseException:
            with self._lock:
                self._dirty.update({key: window for key, (window, _) in sent.items()})
            raise
        with self._lock:
            for row in found:
                window, amount = sent[row["key"]]
                window.fresh -= amount
                window.settled_at = now
                window.total, window.before = row["hits"] + window.fresh, row["before"]
            self._forget(now)
        return len(found)

    @staticmethod
    def _values(sent: dict[str, tuple[_Window, int]], now: datetime) -> dict[str, Any]:
        keys = list(sent)
        return {
            "now": now,
            # The sweep spares what is being counted.
            "spared": keys,
            "keys": keys,
            "previous": [window.previous for window, _ in sent.values()],
            "amounts": [amount for _, amount in sent.values()],
            "untils": [window.until for window, _ in sent.values()],
        }

    def _forget(self, now: datetime) -> None:
        """Drop windows that are over; where strangers have made too many, all that are settled."""
        crowded = len(self._windows) > MOST_KEPT
        gone = [key for key, each in self._windows.items() if not each.fresh and (crowded or each.until <= now)]
        for key in gone:
            del self._windows[key]

    def keep_here(self) -> None:
        """Share nothing, for a process that is the only one; forget what is over."""
        self.wanted.clear()
        with self._lock:
            for window in self._dirty.values():
                window.fresh = 0
            self._dirty.clear()
            self._forget(self._clock.now())

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget the present window and the one before, here and in the shared store."""
        with self._lock:
            for each in self.sliding_window_keys(key, expiry, self._clock.now().timestamp()):
                self._windows.pop(each, None)
                self._dirty.pop(each, None)
        super().clear_sliding_window(key, expiry)
