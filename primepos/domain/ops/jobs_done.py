"""How many jobs ended how, and how long they ran: counted by workers, kept in the database, shown by the API.

A worker has no port that metrics could be read from, and on some platforms nothing may reach it. So it adds what it has
counted to the facts of the installation every few seconds; what a worker that is killed had not added yet is lost.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from primepos.core.db import apart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.db import Database

PREFIX: Final = "jobs_done:"
# Upper limits in seconds of the classes that durations are counted in; the last takes the rest.
BUCKETS: Final = ("0.1", "0.5", "1.0", "5.0", "15.0", "60.0", "300.0", "1800.0", "+Inf")
_LIMITS: Final = tuple(float(each) for each in BUCKETS)

# In the order of names, so that two workers never wait for each other's rows in turn.
_ADD = """
    INSERT INTO installation (name, value)
    SELECT name, value FROM unnest(%s::text[], %s::text[]) AS given (name, value) ORDER BY name
    ON CONFLICT (name) DO UPDATE SET value = (installation.value::numeric + excluded.value::numeric)::text
"""


@dataclass(slots=True)
class DoneJobs:
    """Jobs by kind and outcome; durations by kind, in classes and in all."""

    ended: dict[tuple[str, str], int] = field(default_factory=dict)
    buckets: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class JobTally:
    """Counts the jobs of one worker until they are added to the database's figures. Threads may share it."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = threading.Lock()
        self._ended: Counter[str] = Counter()
        self._micros: Counter[str] = Counter()

    def count(self, kind: str, outcome: str, seconds: float) -> None:
        """Count one job: ``outcome`` is ``done``, ``retried`` or ``failed``."""
        limit = BUCKETS[bisect_left(_LIMITS, seconds)]
        with self._lock:
            self._ended[f"{PREFIX}ended:{kind}:{outcome}"] += 1
            self._ended[f"{PREFIX}bucket:{kind}:{limit}"] += 1
            self._micros[f"{PREFIX}micros:{kind}"] += int(seconds * 1_000_000)

    def add_to(self, database: Database) -> None:
        """Add what was counted since the last time; where that fails it stays counted, and the error is raised."""
        with self._lock:
            given = self._ended + self._micros
            self._ended.clear()
            self._micros.clear()
        if not given:
            return
        names = sorted(given)
        try:
            apart(
                database.system_session,
                lambda uow: uow.run(_ADD, (names, [str(given[name]) for name in names])),
            )
        except BaseException:
            with self._lock:
                self._ended.update(given)
            raise


def done_jobs(facts: Mapping[str, str]) -> DoneJobs:
    """Return the figures that workers have added to the installation's facts."""
    found = DoneJobs()
    for name, value in facts.items():
        if not name.startswith(PREFIX):
            continue
        what, _, rest = name.removeprefix(PREFIX).partition(":")
        kind, _, label = rest.rpartition(":") if what != "micros" else (rest, "", "")
        match what:
            case "ended":
                found.ended[kind, label] = int(value)
            case "bucket":
                found.buckets.setdefault(kind, {})[label] = int(value)
            case "micros":
                found.seconds[kind] = int(value) / 1_000_000
            case _:
                continue
    return found
