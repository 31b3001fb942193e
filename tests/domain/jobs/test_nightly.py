"""The nightly jobs: each by itself, one process at a time, recorded when they went well, safe to repeat."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from primepos.cli.chores import CHORES
from primepos.core.context import operator
from primepos.core.db import DatabaseUnavailable
from primepos.core.errors import InvalidInput
from primepos.domain.accounts.sweeping import sweep
from primepos.domain.cash.service import close_shift
from primepos.domain.jobs.errors import (
    JobNotCancellable,
    JobNotFound,
    JobNotRetryable,
    NightlyRunning,
    NoSuchChore,
)
from primepos.domain.jobs.nightly import Chore, across_tenants, run_chores, states, sweep_queue
from primepos.domain.jobs.queue import TransactionalQueue
from primepos.domain.jobs.service import cancel_job, list_jobs, record_success, retry_job, show_facts
from primepos.domain.reporting.overdue import summarise_closed_days
from primepos.domain.sales.service import deliver_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop

OPERATOR = operator("test")


@pytest.fixture
def alone(make_app: Callable[..., App], fresh_database: str) -> App:
    """An App on a database of the test's own: these jobs look at every tenant."""
    return make_app(fresh_database)


def doing(did: list[str], name: str, error: Exception | None = None) -> Chore:
    def run(_app: App) -> dict[str, Any] | None:
        did.append(name)
        if error is not None:
            raise error
        return {"n": 1}

    return Chore(name, "A chore", run)


def test_one_that_fails_keeps_no_other_from_running_and_only_success_is_recorded(alone: App) -> None:
    did: list[str] = []
    chores = [doing(did, "one"), doing(did, "two", DatabaseUnavailable()), doing(did, "three")]
    chores.append(Chore("four", "Nothing to do here", lambda _: None))
    ended = run_chores(alone, chores)
    assert did == ["one", "two", "three"]
    assert [(each.name, each.outcome, each.code) for each in ended] == [
        ("one", "done", None),
        ("two", "failed", "DATABASE_UNAVAILABLE"),
        ("three", "done", None),
        ("four", "skipped", None),
    ]
    assert [(each.name, each.last_success) for each in states(alone, chores)] == [
        ("one", NOON),
        ("two", None),
        ("three", NOON),
        ("four", None),
    ]


def test_they_run_in_one_process_at_a_time(alone: App) -> None:
    met: list[str] = []

    def again(app: App) -> dict[str, Any]:
        with pytest.raises(NightlyRunning):
            run_chores(app, [doing(met, "second")])
        return {}

    run_chores(alone, [Chore("first", "Runs them again", again)])
    assert met == []
    assert run_chores(alone, [doing(met, "second")])[0].outcome == "done"


def test_a_name_that_none_has_begins_nothing(alone: App) -> None:
    did: list[str] = []
    with pytest.raises(NoSuchChore, match="there are one"):
        run_chores(alone, [doing(did, "one")], ["one", "nope"])
    assert did == []
    assert [each.name for each in run_chores(alone, [doing(did, "one"), doing(did, "two")], ["two"])] == ["two"]


def test_days_that_are_over_get_the_summary_they_lack(alone: App, clock: FrozenClock) -> None:
    shop = a_shop(alone)
    till = TillSeries(shop, a_shift(alone, shop), NOON)
    alone.run(deliver_sale, shop.device, till.sell())
    alone.run(close_shift, shop.cashier, {"shift_id": till.shift_id, "counted": 10_450})
    assert summarise_closed_days(alone) == {"days": 0}, "the day is not over"
    clock.advance(timedelta(hours=36))
    assert summarise_closed_days(alone) == {"days": 1}
    assert summarise_closed_days(alone) == {"days": 0}
    found = rows(alone, "SELECT business_date, sales, total FROM day_summaries WHERE tenant_id = %s", (shop.tenant_id,))
    assert found == [{"business_date": NOON.date(), "sales": 1, "total": 450}]


def test_sign_ins_that_ended_a_month_ago_are_removed_and_no_others(alone: App, clock: FrozenClock) -> None:
    shop = a_shop(alone)

    def put(uow: Any) -> None:
        for number, (ends, revoked) in enumerate([(-40, None), (20, -31), (-20, None), (20, -5), (20, None)]):
            values = {
                "id": f"00000000-0000-0000-0000-00000000000{number}",
                "hash": f"hash {number}",
                "tenant": shop.tenant_id,
                "register": shop.till_id,
                "ends": NOON + timedelta(days=ends),
                "revoked": None if revoked is None else NOON + timedelta(days=revoked),
            }
            uow.run(
                "INSERT INTO login_sessions (id, tenant_id, register_id, expires_at, revoked_at)"
                " VALUES (%(id)s, %(tenant)s, %(register)s, %(ends)s, %(revoked)s)",
                values,
            )
            uow.run(
                "INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at)"
                " VALUES (%(hash)s, %(id)s, %(ends)s, %(ends)s)",
                values,
            )

    across_tenants(alone, put)
    assert sweep(alone) == {"sign_ins": 2, "renewals": 2}
    assert sweep(alone) == {"sign_ins": 0, "renewals": 0}
    left = rows(alone, "SELECT right(id::text, 1) AS id FROM login_sessions ORDER BY 1")
    assert [row["id"] for row in left] == ["2", "3", "4"]
    assert len(rows(alone, "SELECT 1 AS one FROM refresh_tokens")) == 3


def test_spent_counters_go_and_living_ones_stay(alone: App) -> None:
    def put(uow: Any) -> None:
        for key, hours in (("old", -2), ("young", 1)):
            uow.run(
                "INSERT INTO throttle_counters (key, hits, expires_at) VALUES (%s, 1, %s)",
                (key, NOON + timedelta(hours=hours)),
            )

    across_tenants(alone, put)
    assert sweep_queue(alone)["counters"] == 1
    assert rows(alone, "SELECT key FROM throttle_counters") == [{"key": "young"}]


def test_the_real_ones_all_run_on_an_empty_installation(alone: App) -> None:
    ended = {each.name: each.outcome for each in run_chores(alone, CHORES)}
    assert list(ended) == ["summaries", "values", "sessions", "counters", "backup"]
    assert ended == dict.fromkeys(ended, "done") | {"backup": "skipped"}


# --- the operator's view ---------------------------------------------------------------------------------------------


def queue(app: App, shop: Shop, **arguments: Any) -> int:
    return across_tenants(app, lambda uow: TransactionalQueue().defer(uow, "test.task", **arguments))


def end(app: App, number: int, status: str) -> None:
    def work(uow: Any) -> None:
        for next_status in ("doing", status):
            uow.run(
                "UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status WHERE id = %s",
                (next_status, number),
            )

    across_tenants(app, work)


def test_jobs_are_listed_newest_first_with_their_tenants_slug_and_not_its_number(alone: App) -> None:
    shop = a_shop(alone)
    numbers = [queue(alone, shop, tenant_id=shop.tenant_id, day=str(day)) for day in range(3)]
    end(alone, numbers[0], "failed")
    page = alone.run(list_jobs, OPERATOR, {"limit": 2})
    assert [each.number for each in page.items] == [numbers[2], numbers[1]]
    assert (page.items[0].tenant, page.items[0].arguments, page.items[0].status) == (shop.slug, {"day": "2"}, "todo")
    rest = alone.run(list_jobs, OPERATOR, {"after": page.next})
    assert ([each.number for each in rest.items], rest.next) == ([numbers[0]], None)
    failed = alone.run(list_jobs, OPERATOR, {"status": "failed"})
    assert [each.number for each in failed.items] == [numbers[0]]
    assert alone.run(list_jobs, OPERATOR, {"task": "nothing"}).items == []


def test_a_failed_job_can_be_tried_again_and_no_other(alone: App) -> None:
    shop = a_shop(alone)
    number = queue(alone, shop, tenant_id=shop.tenant_id)
    with pytest.raises(JobNotRetryable, match="is todo"):
        alone.run(retry_job, OPERATOR, {"number": number})
    end(alone, number, "failed")
    assert alone.run(retry_job, OPERATOR, {"number": number}).status == "todo"
    with pytest.raises(JobNotFound):
        alone.run(retry_job, OPERATOR, {"number": number + 1})


def test_a_waiting_job_can_be_cancelled_and_no_other(alone: App) -> None:
    shop = a_shop(alone)
    number = queue(alone, shop, tenant_id=shop.tenant_id)
    assert alone.run(cancel_job, OPERATOR, {"number": number}).status == "cancelled"
    with pytest.raises(JobNotCancellable, match="is cancelled"):
        alone.run(cancel_job, OPERATOR, {"number": number})
    with pytest.raises(JobNotFound):
        alone.run(cancel_job, OPERATOR, {"number": number + 1})


def test_what_went_well_is_recorded_never_backwards_never_in_the_future_and_audited(alone: App) -> None:
    name = "backup.last_success"
    assert alone.run(show_facts, OPERATOR, {}).last_backup is None
    alone.run(record_success, OPERATOR, {"name": name, "at": NOON - timedelta(days=1), "by": "the host"})
    known = alone.run(record_success, OPERATOR, {"name": name, "at": NOON - timedelta(days=2)})
    assert known.last_backup == NOON - timedelta(days=1)
    assert alone.run(record_success, OPERATOR, {"name": "job.summaries.last_success"}).jobs == {"summaries": NOON}
    for bad in ({"name": name, "at": NOON + timedelta(hours=1)}, {"name": "schema.revision"}, {"name": "job.x.y"}):
        with pytest.raises(InvalidInput):
            alone.run(record_success, OPERATOR, bad)
    assert alone.run(show_facts, OPERATOR, {}).last_backup == NOON - timedelta(days=1)
    trail = rows(alone, "SELECT operation, subject, data->>'by' AS by FROM system_audit_events ORDER BY id LIMIT 1")
    assert trail == [{"operation": "jobs.record_success", "subject": f"fact:{name}", "by": "the host"}]
