"""Jobs: queued with the transaction that asks for them, run as operations, tried again where that can help."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from primepos.core.db import DatabaseUnavailable, apart
from primepos.core.errors import NotFound
from primepos.core.operations import OPERATIONS
from primepos.domain.cash.errors import NotYourShift
from primepos.domain.cash.service import close_shift
from primepos.domain.catalog.pictures import FORGET_FILE
from primepos.domain.jobs.mail import SEND_EMAIL
from primepos.domain.jobs.queue import TransactionalQueue
from primepos.domain.jobs.tasks import TASKS, Task, system_actor, wait_before_retry_s
from primepos.domain.sales.service import book_sale, deliver_sale
from primepos.worker import queue_app, requeue_orphans, run_worker
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.clock import FrozenClock
    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture
def alone(make_app: Callable[..., App], fresh_database: str) -> App:
    """An App on a database of the test's own: a worker takes every tenant's jobs."""
    return make_app(fresh_database)


def jobs(app: App) -> list[dict[str, Any]]:
    return rows(app, "SELECT task_name, args, status::text, attempts FROM procrastinate_jobs ORDER BY id")


def a_closed_shift(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    app.run(deliver_sale, shop.device, till.sell())
    app.run(close_shift, shop.cashier, {"shift_id": till.shift_id, "counted": 10_450})


@pytest.fixture
def task(alone: App) -> Iterator[list[dict[str, Any]]]:
    """A job ``test.note`` that remembers what it was given, and raises what is put in first."""
    seen: list[Any] = []

    def run(_app: App, arguments: Any) -> None:
        seen.append(arguments)
        if isinstance(arguments.get("error"), str):
            raise {"down": DatabaseUnavailable(), "never": NotFound(what="It"), "bug": ZeroDivisionError()}[
                arguments["error"]
            ]

    TASKS["test.note"] = Task("test.note", run)
    yield seen
    del TASKS["test.note"]


def queue(app: App, shop: Shop, **arguments: Any) -> None:
    def work(uow: UnitOfWork) -> None:
        TransactionalQueue().defer(uow, "test.note", **arguments)

    apart(lambda: app.database.tenant(shop.tenant_id), work)


def test_closing_a_shift_queues_the_days_summary(alone: App) -> None:
    shop = a_shop(alone)
    a_closed_shift(alone, shop)
    assert jobs(alone) == [
        {
            "task_name": "reporting.summarise_day",
            "args": {"tenant_id": shop.tenant_id, "outlet_id": str(shop.outlet_id), "business_date": "2026-03-02"},
            "status": "todo",
            "attempts": 0,
        }
    ]


def test_the_server_registers_day_is_summarised_when_the_next_one_begins(alone: App, clock: FrozenClock) -> None:
    shop = a_shop(alone)
    alone.run(book_sale, shop.cashier, basket(shop))
    assert jobs(alone) == []
    clock.advance(timedelta(days=1))
    alone.run(book_sale, shop.cashier, basket(shop))
    alone.run(book_sale, shop.cashier, basket(shop))
    assert [each["args"]["business_date"] for each in jobs(alone)] == ["2026-03-02"]
    run_worker(alone, once=True)
    assert rows(alone, "SELECT sales, total FROM day_summaries") == [{"sales": 1, "total": 450}]


def test_a_refused_closing_queues_nothing(alone: App) -> None:
    shop = a_shop(alone)
    shift = a_shift(alone, shop)
    from dataclasses import replace

    stranger = replace(shop.cashier, actor_id=shop.owner.actor_id)
    with pytest.raises(NotYourShift):
        alone.run(close_shift, stranger, {"shift_id": shift, "counted": 1})
    assert jobs(alone) == []


def test_a_job_is_gone_when_its_transaction_rolls_back(alone: App) -> None:
    shop = a_shop(alone)

    class Stop(Exception):
        pass

    def work(uow: UnitOfWork) -> None:
        TransactionalQueue().defer(uow, "test.note", tenant_id=shop.tenant_id)
        raise Stop

    with pytest.raises(Stop):
        apart(lambda: alone.database.tenant(shop.tenant_id), work)
    assert jobs(alone) == []


def test_the_worker_makes_the_summary_as_the_system_and_leaves_a_trail(alone: App) -> None:
    shop = a_shop(alone)
    a_closed_shift(alone, shop)

    run_worker(alone, once=True)

    assert jobs(alone) == []
    found = rows(alone, "SELECT tenant_id, business_date, sales, total FROM day_summaries")
    assert found == [{"tenant_id": shop.tenant_id, "business_date": date(2026, 3, 2), "sales": 1, "total": 450}]
    trail = rows(
        alone, "SELECT actor_kind, actor_name, outcome FROM audit_events WHERE operation = 'reporting.summarise_day'"
    )
    assert trail == [{"actor_kind": "system", "actor_name": "worker", "outcome": "done"}]


def test_the_application_can_queue_but_never_read_what_others_queued(alone: App) -> None:
    shop = a_shop(alone)
    queue(alone, shop, tenant_id=shop.tenant_id)
    for column in ("args", "task_name", "*"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            apart(
                lambda: alone.database.tenant(shop.tenant_id),
                lambda uow, column=column: uow.rows(f"SELECT {column} FROM procrastinate_jobs"),
            )
    for act in ("UPDATE procrastinate_jobs SET status = 'doing'", "DELETE FROM procrastinate_jobs"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            apart(lambda: alone.database.tenant(shop.tenant_id), lambda uow, act=act: uow.run(act))
    assert len(jobs(alone)) == 1


def test_a_job_that_met_a_passing_trouble_waits_and_one_that_cannot_succeed_fails(
    alone: App, task: list[dict[str, Any]]
) -> None:
    shop = a_shop(alone)
    for error in ("down", "bug", "never"):
        queue(alone, shop, error=error)

    run_worker(alone, once=True, concurrency=1)

    assert [each["error"] for each in task] == ["down", "bug", "never"]
    assert [(each["args"]["error"], each["status"], each["attempts"]) for each in jobs(alone)] == [
        ("down", "todo", 1),
        ("bug", "todo", 1),
        ("never", "failed", 1),
    ]
    later = rows(alone, "SELECT bool_and(scheduled_at > now()) AS later FROM procrastinate_jobs WHERE status = 'todo'")
    assert later == [{"later": True}]


def test_waits_grow_and_end() -> None:
    waits = [wait_before_retry_s(DatabaseUnavailable(), made) for made in range(8)]
    assert waits == [2, 8, 32, 128, 512, 600, 600, None]
    assert wait_before_retry_s(NotFound(what="It"), 0) is None
    assert wait_before_retry_s(ZeroDivisionError(), 0, most=1) is None


def test_a_job_nobody_knows_fails_and_stops_nobody(alone: App, task: list[dict[str, Any]]) -> None:
    shop = a_shop(alone)

    def work(uow: UnitOfWork) -> None:
        TransactionalQueue().defer(uow, "test.unknown")

    apart(lambda: alone.database.tenant(shop.tenant_id), work)
    queue(alone, shop, number=2)
    run_worker(alone, once=True)
    assert task == [{"number": 2}]
    assert [(each["task_name"], each["status"]) for each in jobs(alone)] == [("test.unknown", "failed")]


def test_the_job_of_a_worker_that_died_is_given_back(alone: App, task: list[dict[str, Any]]) -> None:
    shop = a_shop(alone)
    queue(alone, shop, number=1)

    def lose(uow: UnitOfWork) -> None:
        uow.run("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
        uow.run(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
        )

    apart(alone.database.system_session, lose)

    async def look() -> int:
        waiting = queue_app(alone)
        async with waiting.open_async():
            return await requeue_orphans(waiting)

    assert asyncio.run(look()) == 1
    run_worker(alone, once=True)
    assert task == [{"number": 1}]
    assert jobs(alone) == []


def test_every_job_is_an_operation_and_runs_as_the_tenants_system() -> None:
    assert {"reporting.summarise_day"} <= set(TASKS)
    # Sending mail and forgetting a file touch no data, and no transaction may wait for a mail server or a file store.
    assert set(TASKS) <= set(OPERATIONS) | {"test.note", SEND_EMAIL, FORGET_FILE}
    who = system_actor(7)
    assert (who.kind, who.tenant_id, who.name) == ("system", 7, "worker")


@pytest.mark.slow
def test_sigterm_ends_a_worker_that_waits_for_jobs(alone: App, fresh_database: str, tmp_path: Any) -> None:
    shop = a_shop(alone)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PRIMEPOS", "PG"))},
        "PRIMEPOS_ENV": "test",
        "DATABASE_URL": fresh_database,
        "PRIMEPOS_DATA_DIR": str(tmp_path),
    }
    process = subprocess.Popen([sys.executable, "-m", "primepos", "worker"], env=environment, stderr=subprocess.PIPE)
    try:
        a_closed_shift(alone, shop)
        for _ in range(600):
            if rows(alone, "SELECT 1 FROM day_summaries"):
                break
            assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
            asyncio.run(asyncio.sleep(0.05))
        assert len(rows(alone, "SELECT 1 FROM day_summaries")) == 1
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err.decode()
    finally:
        process.kill()
        process.wait()
