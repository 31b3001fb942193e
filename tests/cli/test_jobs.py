"""``primepos jobs`` as an operator and as cron meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from primepos.cli import session
from primepos.core.db import DatabaseUnavailable
from primepos.domain.jobs.nightly import Chore

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.operations import App
    from tests.cli.conftest import Ran


@pytest.fixture
def operating(make_app: Callable[..., App], fresh_database: str, command: Callable[..., Ran]) -> Callable[..., Ran]:
    """Run a command on a database of the test's own."""
    session.use_app(make_app(fresh_database))
    yield command
    session.use_app(None)


def test_nightly_runs_everything_once_and_says_when(operating: Callable[..., Ran]) -> None:
    ended = operating("jobs", "nightly", "--json").json
    assert [each["name"] for each in ended] == ["summaries", "values", "sessions", "counters", "backup"]
    assert {each["outcome"] for each in ended} == {"done", "skipped"}
    known = operating("jobs", "list", "--nightly", "--json").json
    assert [each["last_success"] is not None for each in known] == [True, True, True, True, False]


def test_a_job_that_fails_is_an_exit_code_of_one(
    operating: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_app: App) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr("primepos.cli.chores.CHORES", (Chore("down", "It fails", down),))
    ran = operating("jobs", "run", "down")
    assert ran.code == 1
    assert "failed" in ran.out
    assert "does not answer" in ran.out


def test_unknown_names_and_numbers_are_refused(operating: Callable[..., Ran]) -> None:
    assert operating("jobs", "run", "nope", "--json").refusal["code"] == "NO_SUCH_CHORE"
    for verb in ("retry", "cancel"):
        ran = operating("jobs", verb, "4711", "--json")
        assert (ran.code, ran.refusal["code"]) == (5, "JOB_NOT_FOUND")
    assert operating("jobs", "list", "--json").json == {"items": [], "next": None}
    assert operating("jobs", "list", "--status", "lost").code == 2
