"""Throttle counters in PostgreSQL, in the shape that the strategies of ``limits`` work with.

Every method is one statement in a short transaction of its own: what was counted stays counted, whatever becomes of
the operation around it, and two processes cannot both take the last attempt. Time is the clock's, so it can be faked.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from limits.storage import MovingWindowSupport, SlidingWindowCounterSupport, Storage
from limits.storage.base import TimestampedSlidingWindow

from primepos.core.db import apart
from primepos.core.errors import Unavailable

if TYPE_CHECKING:
    from primepos.core.clock import Clock
    from primepos.core.db import Database

# Each statement that counts also sweeps up a few windows that are over, so nobody has to.
SWEEP = (
    "WITH swept AS (DELETE FROM throttle_counters WHERE key IN (SELECT key FROM throttle_counters"
    " WHERE expires_at < %(now)s - interval '1 minute' AND key <> ALL (%(spared)s::text[])"
    " ORDER BY expires_at LIMIT 5 FOR UPDATE SKIP LOCKED)) "
)
_INCREMENT = (
    SWEEP + "INSERT INTO throttle_counters AS c (key, hits, expires_at) VALUES (%(key)s, %(amount)s, %(until)s)"  # noqa: S608  constants only
    " ON CONFLICT (key) DO UPDATE SET"
    " hits = CASE WHEN c.expires_at > %(now)s THEN c.hits + excluded.hits ELSE excluded.hits END,"
    " expires_at = CASE WHEN c.expires_at > %(now)s THEN c.expires_at ELSE excluded.expires_at END"
    " RETURNING hits"
)
_LIVE = "ARRAY(SELECT m FROM unnest(c.moments) AS m WHERE m > %(since)s ORDER BY m DESC)"
_ACQUIRE = (
    SWEEP + "INSERT INTO throttle_counters AS c (key, hits, moments, expires_at)"  # noqa: S608  constants only
    " VALUES (%(key)s, %(amount)s, array_fill(%(now)s::timestamptz, ARRAY[%(amount)s::int]), %(until)s)"
    " ON CONFLICT (key) DO UPDATE SET"
    f" moments = excluded.moments || {_LIVE}, hits = cardinality({_LIVE}) + %(amount)s,"
    " expires_at = excluded.expires_at"
    f" WHERE cardinality({_LIVE}) + %(amount)s <= %(limit)s RETURNING hits"
)
_SLIDE = (
    SWEEP + ", before AS (SELECT coalesce((SELECT hits FROM throttle_counters"  # noqa: S608  constants only
    " WHERE key = %(previous)s AND expires_at > %(now)s), 0) * %(share)s::float8 AS weight)"
    " INSERT INTO throttle_counters AS c (key, hits, expires_at)"
    " SELECT %(key)s, %(amount)s, %(until)s FROM before WHERE floor(weight) + %(amount)s <= %(limit)s"
    " ON CONFLICT (key) DO UPDATE SET hits = c.hits + excluded.hits"
    " WHERE floor((SELECT weight FROM before) + c.hits) + excluded.hits <= %(limit)s RETURNING hits"
)


class CounterStorage(Storage, MovingWindowSupport, SlidingWindowCounterSupport, TimestampedSlidingWindow):
    """Counters shared by every process of an installation."""

    STORAGE_SCHEME = None

    def __init__(self, database: Database, clock: Clock) -> None:
        """Count in ``database`` by the time of ``clock``."""
        super().__init__()
        self._database = database
        self._clock = clock

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """What goes wrong when the store does not answer."""
        return Unavailable

    def _count(self, sql: str, key: str, expiry: int, amount: int, **more: Any) -> int | None:
        now = self._clock.now()
        values = {"key": key, "previous": key, "now": now, "amount": amount} | more
        values["spared"] = [key, values["previous"]]
        values.setdefault("until", now + timedelta(seconds=expiry))
        rows = apart(self._database.system_session, lambda uow: uow.rows(sql, values))
        return rows[0]["hits"] if rows else None

    def _read(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return apart(lambda: self._database.system_session(read_only=True), lambda uow: uow.rows(sql, values))

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count in a window that begins with its first hit; return the hits in it."""
        return self._count(_INCREMENT, key, expiry, amount) or 0

    def get(self, key: str) -> int:
        """Return the hits in the window of ``key``."""
        now = self._clock.now()
        rows = self._read("SELECT hits FROM throttle_counters WHERE key = %s AND expires_at > %s", key, now)
        return rows[0]["hits"] if rows else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window of ``key`` ends, in seconds of the epoch; now, if there is none."""
        now = self._clock.now()
        rows = self._read("SELECT expires_at FROM throttle_counters WHERE key = %s AND expires_at > %s", key, now)
        ends: datetime = rows[0]["expires_at"] if rows else now
        return ends.timestamp()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Take ``amount`` of ``limit`` attempts in any ``expiry`` seconds, exactly; False if that is too many."""
        if amount > limit:
            return False
        since = self._clock.now() - timedelta(seconds=expiry)
        return self._count(_ACQUIRE, key, expiry, amount, limit=limit, since=since) is not None

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return the moment of the oldest attempt that still counts, in seconds of the epoch, and how many do."""
        now = self._clock.now()
        rows = self._read(
            "SELECT min(m) AS oldest, count(*) AS hits FROM (SELECT m FROM throttle_counters, unnest(moments) AS m"
            " WHERE key = %s AND m > %s ORDER BY m DESC LIMIT %s) AS live",
            key,
            now - timedelta(seconds=expiry),
            limit,
        )
        oldest: datetime = rows[0]["oldest"] or now
        return oldest.timestamp(), rows[0]["hits"]

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Take ``amount`` attempts, the window before weighed by how much of it is still in sight."""
        if amount > limit:
            return False
        now = self._clock.now()
        previous, current = self.sliding_window_keys(key, expiry, now.timestamp())
        counted = self._count(
            _SLIDE,
            current,
            expiry,
            amount,
            previous=previous,
            limit=limit,
            share=self._share(now, expiry),
            until=now + timedelta(seconds=2 * expiry),
        )
        return counted is not None

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return hits and seconds left of the window before, then of the present one."""
        now = self._clock.now()
        previous, current = self.sliding_window_keys(key, expiry, now.timestamp())
        found = self._read(
            "SELECT key, hits FROM throttle_counters WHERE key IN (%s, %s) AND expires_at > %s", previous, current, now
        )
        hits = {row["key"]: row["hits"] for row in found}
        left = self._share(now, expiry) * expiry
        before = hits.get(previous, 0)
        return before, left if before else 0.0, hits.get(current, 0), left + expiry

    @staticmethod
    def _share(now: datetime, expiry: int) -> float:
        """Return how much of the window before is still in sight, from 1 down to 0."""
        seconds = (now - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
        return 1 - (seconds / expiry) % 1

    def clear(self, key: str) -> None:
        """Forget a window."""
        apart(
            self._database.system_session,
            lambda uow: uow.run("DELETE FROM throttle_counters WHERE key = %s", (key,)),
        )

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget the present window and the one before."""
        for each in self.sliding_window_keys(key, expiry, self._clock.now().timestamp()):
            self.clear(each)

    def check(self) -> bool:
        """Tell whether the store answers."""
        try:
            self._read("SELECT 1 AS one")
        except Unavailable:
            return False
        return True

    def reset(self) -> int | None:
        """Forget every counter; return how many there were."""
        return apart(self._database.system_session, lambda uow: uow.run("DELETE FROM throttle_counters"))
