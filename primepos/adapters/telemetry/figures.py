"""What the database knows of this installation, read when metrics are asked for: the queue, the schema, backups.

Read over a connection of its own, with short limits: a full pool or a database in trouble is what is to be seen. Every
process tells the same figures, so take their maximum over instances and never their sum.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from traceback import clear_frames
from typing import TYPE_CHECKING, Final

import psycopg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from psycopg import errors as pg_errors

from primepos.adapters.readiness import known_revisions
from primepos.core.log import get_logger
from primepos.domain.jobs.facts import LAST_BACKUP
from primepos.domain.ops.jobs_done import BUCKETS, PREFIX, DoneJobs, done_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

CONNECT_S: Final = 2
STATEMENT_MS: Final = 2000
# Scrapers come every few seconds; who asks more often gets the same answer.
KEPT_S: Final = 2
# A server that took the connection and went silent keeps whoever asked it; nobody else waits for that.
PATIENCE_S: Final = 4
_ROLE: Final = "primepos_app"

_OLDEST = """
    SELECT coalesce(max(extract(epoch FROM now() - greatest(job.scheduled_at, deferred.at))), 0)
    FROM procrastinate_jobs AS job
    LEFT JOIN procrastinate_events AS deferred ON deferred.job_id = job.id AND deferred.type = 'deferred'
    WHERE job.status = 'todo' AND (job.scheduled_at IS NULL OR job.scheduled_at <= now())
"""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at the database; all but ``is_up`` are None where it could not be had."""

    is_up: bool
    oldest_job_s: float | None = None
    pending_migrations: int | None = None
    last_backup: float | None = None
    jobs: DoneJobs = field(default_factory=DoneJobs)


def read(url: str) -> Figures:
    """Look at the database at ``url``; one that does not answer is a figure too, not an error."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_S, application_name="primepos metrics") as connection:
            # One transaction, and nothing that outlives it: a pooler hands the session on to somebody else.
            connection.prepare_threshold = None
            connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            return _read(connection)
    except psycopg.Error as error:
        # Else a half-open socket lives as long as the error that its frames hold: until the next garbage collection.
        clear_frames(error.__traceback__)
        log.warning("metrics.database", msg="The database does not answer", detail=str(error))
        return Figures(is_up=False)


def _read(connection: psycopg.Connection[tuple[object, ...]]) -> Figures:
    connection.execute("SELECT 1")
    oldest = backup = revision = None
    facts: dict[str, str] = {}
    with _where_there_is_one(connection):
        row = connection.execute(_OLDEST).fetchone()
        oldest = None if row is None else float(str(row[0]))
    with _where_there_is_one(connection):
        # The login itself may read no table of ours; the application's role may read these.
        connection.execute(f"SET LOCAL ROLE {_ROLE}")
    with _where_there_is_one(connection):
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        revision = None if row is None else str(row[0])
    with _where_there_is_one(connection):
        rows = connection.execute(
            "SELECT name, value FROM installation WHERE starts_with(name, %s) OR name = %s", (PREFIX, LAST_BACKUP)
        ).fetchall()
        facts = {str(name): str(value) for name, value in rows}
    if LAST_BACKUP in facts:
        with contextlib.suppress(ValueError):
            backup = datetime.fromisoformat(facts[LAST_BACKUP]).timestamp()
    return Figures(
        is_up=True,
        oldest_job_s=oldest,
        pending_migrations=_pending(revision),
        last_backup=backup,
        jobs=done_jobs(facts),
    )


@contextlib.contextmanager
def _where_there_is_one(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[None]:
    """Do without what a database that is not ours, or not yet, does not have; the transaction goes on."""
    missing = (
        pg_errors.UndefinedTable,
        pg_errors.InsufficientPrivilege,
        pg_errors.UndefinedObject,
        pg_errors.InvalidParameterValue,
    )
    with contextlib.suppress(*missing), connection.transaction():
        yield


def _pending(revision: str | None) -> int:
    """Return how many migrations the schema lacks; one that only a newer release knows lacks none."""
    head, older = known_revisions()
    if revision is None:
        return 1 + len(older)
    if revision == head or revision not in older:
        return 0
    return 1 + sum(1 for each in older if each > revision)


class FiguresCollector:
    """Shows the figures as metrics; looks at the database at most every two seconds."""

    def __init__(self, url: str, *, version: str, commit: str) -> None:
        """Read from ``url``; ``version`` and ``commit`` say what runs here."""
        self._url = url
        self._labels = [version, commit or "unknown"]
        self._lock = threading.Lock()
        self._known = Figures(is_up=False)
        self._until = float("-inf")
        self._answers: queue.SimpleQueue[Figures] = queue.SimpleQueue()
        self._is_asking = False

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        build = GaugeMetricFamily("primepos_build_info", "What runs here; always 1.", labels=["version", "commit"])
        build.add_metric(self._labels, 1)
        yield build
        found = self._figures()
        yield GaugeMetricFamily("primepos_db_up", "Whether the database answers.", value=int(found.is_up))
        for name, said, value in (
            ("primepos_job_oldest_age_seconds", "How long the longest waiting job is due.", found.oldest_job_s),
            ("primepos_migration_pending", "Migrations that the schema lacks.", found.pending_migrations),
            (
                "primepos_backup_last_success_timestamp_seconds",
                "When the last backup was complete, in seconds since 1970.",
                found.last_backup,
            ),
        ):
            if value is not None:
                yield GaugeMetricFamily(name, said, value=value)
        yield from _job_families(found.jobs)

    def _figures(self) -> Figures:
        with self._lock:
            if time.monotonic() >= self._until:
                self._known = self._ask()
                self._until = time.monotonic() + KEPT_S
            return self._known

    def _ask(self) -> Figures:
        """Look in a thread of its own, one at a time: a daemon, since it may never come back."""
        if not self._is_asking:
            self._is_asking = True
            look = threading.Thread(target=self._look, name="primepos-figures", daemon=True)
            look.start()
        try:
            found = self._answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            log.warning("metrics.database", msg="The database took the connection and went silent")
            return Figures(is_up=False)
        self._is_asking = False
        return found

    def _look(self) -> None:
        found = Figures(is_up=False)
        try:
            found = read(self._url)
        finally:
            self._answers.put(found)


def _job_families(jobs: DoneJobs) -> Iterator[Metric]:
    ended = CounterMetricFamily("primepos_jobs", "Jobs that ended, counted by the workers.", labels=["kind", "outcome"])
    for (kind, outcome), number in sorted(jobs.ended.items()):
        ended.add_metric([kind, outcome], number)
    yield ended
    took = HistogramMetricFamily("primepos_job_duration_seconds", "How long jobs ran.", labels=["kind"])
    for kind, counts in sorted(jobs.buckets.items()):
        total, rows = 0, []
        for limit in BUCKETS:
            total += counts.get(limit, 0)
            rows.append((limit, float(total)))
        took.add_metric([kind], rows, jobs.seconds.get(kind, 0.0))
    yield took
