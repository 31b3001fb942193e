"""A deadline: the server gives up first and the connection is kept; a silent one is hung up on and never used again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.db import Database, DatabaseUnavailable, OutcomeUnknown, run_in_transaction
from primepos.core.deadline import Deadline, current_deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.db import UnitOfWork

PID = "SELECT pg_backend_pid() AS pid"


@pytest.fixture
def one(database_url: str) -> Iterator[Database]:
    """A database over one connection."""
    made = Database(database_url, pool_size=1, max_overflow=0, statement_timeout_ms=60_000)
    yield made
    made.dispose()


def ask(database: Database, sql: str) -> list[dict[str, Any]]:
    return run_in_transaction(database.system_session, lambda uow: uow.rows(sql))


def test_a_statement_that_would_outlast_the_deadline_is_ended_by_the_server_and_the_connection_kept(
    one: Database,
) -> None:
    before = ask(one, PID)
    with Deadline(0.5).kept(), pytest.raises(DatabaseUnavailable):
        ask(one, "SELECT pg_sleep(60)")
    assert ask(one, PID) == before


def test_the_own_limit_of_a_statement_stays_where_it_is_shorter(database_url: str) -> None:
    hasty = Database(database_url, pool_size=1, max_overflow=0, statement_timeout_ms=1234)
    with Deadline(1000).kept():
        assert ask(hasty, "SELECT current_setting('statement_timeout') AS t") == [{"t": "1234ms"}]
    hasty.dispose()


def test_who_waits_for_a_silent_server_is_set_free_when_the_time_is_over(one: Database) -> None:
    before = ask(one, PID)
    deadline = Deadline(1000)
    waiting = threading.Event()

    def work(uow: UnitOfWork) -> None:
        uow.allow_time(0)
        waiting.set()
        uow.rows("SELECT pg_sleep(600)")

    def end() -> None:
        assert waiting.wait(60)
        deadline.expire()

    ending = threading.Thread(target=end)
    ending.start()
    with deadline.kept(), pytest.raises(DatabaseUnavailable) as refused:
        run_in_transaction(one.system_session, work)
    ending.join()
    assert not isinstance(refused.value, OutcomeUnknown)
    assert ask(one, PID) != before


def test_a_connection_that_was_hung_up_on_as_the_work_was_done_is_not_used_again(one: Database) -> None:
    deadline = Deadline(1000)

    def work(uow: UnitOfWork) -> list[dict[str, Any]]:
        found = uow.rows(PID)
        deadline.expire()
        return found

    with deadline.kept():
        first = run_in_transaction(one.system_session, work)
    assert first != ask(one, PID)


def test_nothing_begins_after_the_end(one: Database) -> None:
    over, spent = Deadline(1000), Deadline(0)
    over.expire()
    for deadline in (over, spent):
        with deadline.kept(), pytest.raises(DatabaseUnavailable):
            ask(one, PID)
    assert current_deadline() is None
    assert len(ask(one, PID)) == 1
