"""Whose a database is: claimed by the first migration, refused by processes of another environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from primepos import bootstrap
from primepos.adapters import environment_tag
from primepos.adapters.environment_tag import WrongEnvironment
from primepos.adapters.migration_errors import DatabaseUnreachable
from primepos.cli.commands.migrate import app as migrate
from primepos.cli.session import open_app, use_app
from primepos.core.settings import Environment
from tests.conftest import settings_for

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "postgresql://nobody:nothing-at-all@127.0.0.1:1/none"


def test_a_database_that_nobody_claimed_serves_anybody(fresh_database):
    assert environment_tag.tag_of(fresh_database) is None
    environment_tag.compare(fresh_database, Environment.STAGING)
    assert environment_tag.tag_of(fresh_database) is None


def test_migrating_claims_it_and_another_environment_is_refused_before_anything_happens(fresh_database):
    with environment_tag.belonging(fresh_database, Environment.STAGING):
        pass
    assert environment_tag.tag_of(fresh_database) == "staging"
    happened = []
    with (
        pytest.raises(WrongEnvironment, match="belongs to staging, this process runs in production"),
        environment_tag.belonging(fresh_database, Environment.PRODUCTION),
    ):
        happened.append("migrated")
    assert happened == []
    assert environment_tag.tag_of(fresh_database) == "staging"


def test_only_a_deliberate_claim_takes_it_over(fresh_database):
    assert environment_tag.claim(fresh_database, Environment.PRODUCTION) == "production"
    with pytest.raises(WrongEnvironment):
        environment_tag.claim(fresh_database, Environment.TEST)
    assert environment_tag.claim(fresh_database, Environment.STAGING, anew=True) == "staging"
    assert environment_tag.tag_of(fresh_database) == "staging"


def test_an_empty_database_is_nobodys_and_a_silent_one_is_told(cluster):
    cluster.create_database("tagless")
    try:
        assert environment_tag.tag_of(cluster.owner_url("tagless")) is None
    finally:
        cluster.drop_database("tagless")
    with pytest.raises(DatabaseUnreachable):
        environment_tag.tag_of(NOBODY)


def test_a_process_starts_while_the_database_is_away_and_not_on_anothers(fresh_database, tmp_path):
    bootstrap.refuse_foreign_database(settings_for(NOBODY, tmp_path))
    bootstrap.refuse_foreign_database(settings_for(fresh_database, tmp_path))
    environment_tag.claim(fresh_database, Environment.PRODUCTION)
    with pytest.raises(WrongEnvironment):
        bootstrap.refuse_foreign_database(settings_for(fresh_database, tmp_path))


@pytest.mark.parametrize("component", ["serve", "worker", "jobs"])
def test_what_serves_refuses_anothers_database_with_the_code_of_a_wrong_configuration(
    component, fresh_database, tmp_path, monkeypatch
):
    environment_tag.claim(fresh_database, Environment.PRODUCTION)
    _environ(monkeypatch, fresh_database, tmp_path)
    with pytest.raises(WrongEnvironment) as refused:
        open_app(component=component)
    assert refused.value.kind.value == "config"
    use_app(None)


def test_the_command_migrates_claims_refuses_and_adopts(fresh_database, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    _environ(monkeypatch, fresh_database, tmp_path)
    runner = CliRunner()
    assert runner.invoke(migrate, ["up"]).exit_code == 0
    assert environment_tag.tag_of(fresh_database) == "test"
    environment_tag.claim(fresh_database, Environment.STAGING, anew=True)
    refused = runner.invoke(migrate, ["up"])
    assert isinstance(refused.exception, WrongEnvironment)
    assert isinstance(runner.invoke(migrate, ["down", "--to", "base", "--yes"]).exception, WrongEnvironment)
    unsure = runner.invoke(migrate, ["adopt"], input="n\n")
    assert unsure.exit_code != 0
    assert environment_tag.tag_of(fresh_database) == "staging"
    adopted = runner.invoke(migrate, ["adopt", "--yes", "--json"])
    assert adopted.exit_code == 0, adopted.output
    assert adopted.stdout == '{"before":"staging","environment":"test"}\n'
    assert environment_tag.tag_of(fresh_database) == "test"
    assert runner.invoke(migrate, ["up"]).exit_code == 0


def _environ(monkeypatch: pytest.MonkeyPatch, url: str, folder: Path) -> None:
    monkeypatch.setenv("PRIMEPOS_ENV", "test")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(folder))
    use_app(None)
