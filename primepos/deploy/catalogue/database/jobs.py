"""The jobs: whether anybody runs them, and whether those on a schedule have been run."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from primepos.deploy.catalogue.database.asking import asks
from primepos.deploy.catalogue.database.rows import moment_of
from primepos.deploy.check import HIGH, MEDIUM, Outcome, failed, not_applicable, passed
from primepos.deploy.inspector import SYSTEM_ROLE
from primepos.deploy.shown import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from primepos.deploy.target import Target

HEARTBEAT_S: Final = 60
OLDEST_S: Final = 300
INTERVALS: Final = 2
_FACT: Final = ("job.", ".last_success")
# What `primepos jobs nightly` runs; backups are looked at by DB040, since the host may make them.
NIGHTLY: Final = ("summaries", "sessions", "counters")
_DAY: Final = timedelta(days=1)

# A job waits from when it was queued, or from when it was meant to begin.
_QUEUE: Final = """
SELECT (SELECT extract(epoch FROM now() - max(last_heartbeat))::int FROM procrastinate_workers) AS heartbeat_s,
       (SELECT extract(epoch FROM now() - min(coalesce(j.scheduled_at, e.at)))::int
          FROM procrastinate_jobs j
          LEFT JOIN LATERAL (SELECT min(v.at) AS at FROM procrastinate_events v
                              WHERE v.job_id = j.id AND v.type = 'deferred') e ON true
         WHERE j.status = 'todo' AND coalesce(j.scheduled_at, e.at) <= now()) AS oldest_s,
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS dead,
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo') AS waiting
"""


@asks(
    "OPS078",
    HIGH,
    rule="a worker lives, no job has waited for more than 5 minutes, and none was given up",
    remedy="start primepos worker; look at the dead ones before running them again",
    anchor="Enlightn QueueTimeout, GitLab Sidekiq",
)
def jobs_are_run(target: Target) -> Outcome:
    """Look at the queue's own tables."""
    found: dict[str, Any] = target.database.row(_QUEUE, role=SYSTEM_ROLE)
    wrong = []
    if found["heartbeat_s"] is None:
        wrong.append("no worker was ever seen")
    elif found["heartbeat_s"] > HEARTBEAT_S:
        wrong.append(f"the last sign of a worker is {found['heartbeat_s']} s old")
    if (found["oldest_s"] or 0) > OLDEST_S:
        wrong.append(f"a job has waited for {found['oldest_s']} s")
    if found["dead"]:
        wrong.append(f"{found['dead']} jobs were given up")
    if wrong:
        return failed(listed(wrong))
    return passed(f"worker seen {max(found['heartbeat_s'], 0)} s ago, {found['waiting']} jobs wait, none was given up")


@asks(
    "OPS079",
    MEDIUM,
    rule="each job on a schedule has succeeded within two of its intervals",
    remedy="run it by hand: primepos jobs nightly; look at the cron job's log",
)
def scheduled_jobs_succeed(target: Target) -> Outcome:
    """Compare when each scheduled job last succeeded with how often it is to run."""
    facts = target.database.facts
    planned = dict(_planned(target))
    known = {
        name[len(_FACT[0]) : -len(_FACT[1])] for name in facts if name.startswith(_FACT[0]) and name.endswith(_FACT[1])
    }
    for name in known:
        planned.setdefault(name, _DAY)
    if not planned:
        return not_applicable("no job is on a schedule: render.yaml has no cron job, and none was ever recorded")
    wrong = []
    for name, interval in sorted(planned.items()):
        at = moment_of(facts.get(f"{_FACT[0]}{name}{_FACT[1]}"))
        if at is None:
            wrong.append(f"{name} has never succeeded")
        elif target.now - at > INTERVALS * interval:
            wrong.append(f"{name} last succeeded on {at:%Y-%m-%d %H:%M} UTC")
    return failed(listed(wrong)) if wrong else passed(f"{', '.join(sorted(planned))}: in time")


def _planned(target: Target) -> Iterator[tuple[str, timedelta]]:
    """Return the jobs that the platform's cron services run, each with its interval."""
    for service in target.blueprint.of_type("cron"):
        words = str(service.says.get("startCommand") or "").split()
        if "jobs" in words[:-1]:
            rest = [word for word in words[words.index("jobs") + 1 :] if word != "run" and not word.startswith("-")]
            interval = interval_of(str(service.says.get("schedule") or ""), target.now)
            for name in NIGHTLY if rest[:1] == ["nightly"] else rest[:1]:
                yield name, interval


def interval_of(schedule: str, now: datetime) -> timedelta:
    """Return the longest time between two runs of a schedule in the days to come; a day where it cannot be read."""
    from croniter import croniter  # type: ignore[import-untyped]  # it publishes no types

    if not croniter.is_valid(schedule):
        return _DAY
    runs = croniter(schedule, now)
    moments: list[datetime] = [runs.get_next(type(now)) for _ in range(8)]
    return max(after - before for before, after in pairwise(moments))
