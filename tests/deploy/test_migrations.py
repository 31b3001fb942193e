"""The checks of migrations: each sees its own fault, and the real migrations pass all of them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from primepos.adapters import migrations
from primepos.adapters.migration_rules import RULES
from primepos.adapters.migration_sql import parse
from primepos.deploy.check import Area, Needs, Place, Status, catalogue
from tests.adapters.bad_migrations import CASES
from tests.adapters.channel_revisions import copy_migrations, write
from tests.deploy.mutation import FINE, blueprint_text, changed, outcomes, with_blueprint
from tests.deploy.world import a_project, a_target, look

if TYPE_CHECKING:
    from primepos.deploy.check import Outcome
    from primepos.deploy.target import Target

MIG = (Area.MIG,)
PLAIN = "def upgrade():\n    op.execute('SELECT 1')\n\n\ndef downgrade():\n    op.execute('SELECT 1')\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return a_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def good(project):
    return outcomes(a_target(project), MIG)


@pytest.fixture
def broken(tmp_path: Path, project: Path) -> Path:
    """Another project, whose migrations may be broken."""
    copy_migrations(tmp_path / "migrations")
    shutil.copy(project / "render.yaml", tmp_path / "render.yaml")
    return tmp_path


def failing(good: dict[str, Outcome], target: Target) -> dict[str, Status]:
    return changed(good, outcomes(target, MIG))


def test_the_catalogue_has_every_check_of_the_area():
    ids = {one.id for one in catalogue() if one.area is Area.MIG}
    assert ids == {f"MIG{number:03d}" for number in (*range(30, 47), 48, 49)}
    assert {one.id for one in catalogue() if one.area is Area.MIG and one.unbuilt} == set()


def test_the_real_migrations_pass_every_static_check(good):
    # Advice on types is no reason to stop: what a foreign key points at decides.
    assert {name: one.evidence for name, one in good.items() if one.status not in FINE and name != "MIG043"} == {}


def body_of(sql: str) -> str:
    statements = [f"    op.execute({each.text!r})\n" for each in parse(sql)]
    return "def upgrade():\n" + "".join(statements) + "\n\ndef downgrade():\n    op.execute('SELECT 1')\n"


def one_each() -> list[tuple[str, str, set[str]]]:
    """Return the first bad statement for each rule that a statement alone can break."""
    found: dict[frozenset[str], tuple[str, str, set[str]]] = {}
    for name, sql, rules, _ in CASES:
        if not sql.startswith("-- primepos") and "MIG043" not in rules:
            found.setdefault(frozenset(rules), (name, sql, rules))
    return list(found.values())


ONE_EACH = one_each()


@pytest.mark.parametrize(("name", "sql", "rules"), ONE_EACH, ids=[case[0] for case in ONE_EACH])
def test_a_bad_statement_fails_its_own_check_and_says_where(good, broken, name, sql, rules):
    revision = write(broken / "migrations", "bad", body_of(sql))
    after = outcomes(a_target(broken), MIG)
    told = {one for one, status in changed(good, after).items() if status is Status.FAIL}
    assert told == rules
    for one in rules:
        assert {place.path for place in after[one].places} == {f"migrations/versions/2026-12-01-{revision}_bad.py"}
        assert all(place.line for place in after[one].places)


def write_labelled(location: Path, *, phase: str = "expand", **labels: str) -> str:
    """Write a harmless revision with other labels; empty leaves a label out."""
    revision = write(location, "labelled", body_of("SELECT 1"), phase=phase)
    (path,) = location.glob(f"versions/*-{revision}_labelled.py")
    text = path.read_text(encoding="utf-8")
    for name, value in labels.items():
        text = text.replace(f"{name.capitalize()}: 0.2.0", f"{name.capitalize()}: {value}")
    path.write_text(text, encoding="utf-8")
    return revision


def test_without_the_parser_the_rules_are_skipped_and_say_why(broken, monkeypatch):
    monkeypatch.setitem(sys.modules, "postgast", None)
    write(broken / "migrations", "unread", PLAIN)
    after = outcomes(a_target(broken), MIG)
    assert {name for name, one in after.items() if one.status is Status.SKIPPED} == set(RULES)
    assert "postgast" in after["MIG033"].evidence


def test_a_limit_beyond_what_anybody_may_wait_fails(good, broken):
    body = 'statement_timeout = "1h"\n\n\n' + body_of("ALTER TABLE sales ADD COLUMN note text")
    write(broken / "migrations", "slow", body)
    assert failing(good, a_target(broken)) == {"MIG033": Status.FAIL}


def test_types_that_would_have_to_be_changed_are_advice(broken):
    revision = write(broken / "migrations", "small types", body_of("CREATE TABLE t (a json)"))
    found = look("MIG043", a_target(broken))
    assert found.status is Status.FAIL
    (file,) = (broken / "migrations" / "versions").glob(f"*-{revision}_small_types.py")
    line = next(n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if "json" in text)
    assert Place(f"migrations/versions/{file.name}", line) in found.places


def test_no_way_down_and_no_reason_fails(good, broken):
    write(
        broken / "migrations", "one way", "def upgrade():\n    op.execute('SELECT 1')\n\n\ndef downgrade():\n    pass\n"
    )
    assert failing(good, a_target(broken)) == {"MIG045": Status.FAIL}


def test_a_phase_that_is_none_fails(good, broken):
    write_labelled(broken / "migrations", phase="later")
    assert failing(good, a_target(broken)) == {"MIG046": Status.FAIL}


def test_expand_and_contract_in_one_release_fail(good, broken):
    location = broken / "migrations"
    write(location, "more", body_of("SELECT 1"))
    assert failing(good, a_target(broken)) == {}
    write(location, "less", body_of("SELECT 1"), phase="contract")
    assert failing(good, a_target(broken)) == {"MIG046": Status.FAIL}


def test_an_allowance_lets_pass_until_its_day_and_no_longer(good, broken):
    body = (
        "def upgrade():\n    # primepos: allow MIG039 until=2026-12-01 reason=nobody has read it since the pilot\n"
        "    op.execute('ALTER TABLE sales RENAME COLUMN note TO remark')\n\n\n"
        "def downgrade():\n    op.execute('SELECT 1')\n"
    )
    write(broken / "migrations", "rename", body)
    target = a_target(broken)
    assert failing(good, target) == {}
    assert look("MIG039", target).evidence.endswith("1 allowed until 2026-12-01")
    target.now = target.now.replace(day=2)
    found = look("MIG039", target)
    assert (found.status, found.evidence) == (
        Status.FAIL,
        "sales.note is gone for running code (the allowance ended on 2026-12-01)",
    )


def test_two_heads_a_gap_and_a_stray_file_break_the_chain(good, broken):
    location = broken / "migrations"
    versions = location / "versions"
    stray = versions / "notes.py"
    stray.write_text("x = 1\n", encoding="utf-8")
    found = look("MIG031", a_target(broken))
    assert found.status is Status.FAIL
    assert "notes.py" in found.evidence
    stray.unlink()
    revision = write(location, "first", body_of("SELECT 1"))
    (first,) = versions.glob("*_first.py")
    second = versions / "2026-12-02-0000_second.py"
    second.write_text(first.read_text(encoding="utf-8").replace(f'"{revision}"', '"9000"'), encoding="utf-8")
    assert look("MIG031", a_target(broken)).evidence == f"2 heads: {revision}, 9000"
    first.unlink()
    gap = second.read_text(encoding="utf-8").replace('down_revision = "', 'down_revision = "7')
    second.write_text(gap, encoding="utf-8")
    assert look("MIG031", a_target(broken)).status is Status.FAIL


# --- the connection --------------------------------------------------------------------------------------------------

POOLED = (
    ("postgresql://u:x@db.shop.example:6432/primepos", "port 6432"),
    ("postgresql://u:x@aws-0.pooler.supabase.com:5432/primepos", "a host named pooler"),
    ("postgresql://u:x@ep-x-pooler.eu.neon.tech/primepos", "a host named pooler"),
)


@pytest.mark.parametrize(("url", "why"), POOLED)
def test_migrating_through_a_pooler_fails_unless_there_is_a_direct_address(good, project, url, why):
    found = look("MIG048", a_target(project, {"DATABASE_URL": url}))
    assert (found.status, found.evidence) == (Status.FAIL, f"DATABASE_URL goes through a pooler: {why}")
    direct = {"DATABASE_URL": url, "MIGRATION_DATABASE_URL": "postgresql://u:x@db.shop.example/primepos"}
    assert look("MIG048", a_target(project, direct)).status is Status.PASS


def test_a_blueprint_that_migrates_through_the_pool_or_by_alembic_fails(good, project):
    pooled = blueprint_text(project, ("property: connectionString", "property: connectionPoolString"))
    assert failing(good, with_blueprint(project, pooled)) == {"MIG048": Status.FAIL}
    other = blueprint_text(project, ("preDeployCommand: primepos release", "preDeployCommand: alembic upgrade head"))
    assert failing(good, with_blueprint(project, other)) == {"MIG048": Status.FAIL}


def test_without_a_database_there_is_nothing_to_connect_to(project):
    assert look("MIG048", a_target(project, {"DATABASE_URL": None})).status is Status.NOT_APPLICABLE


# --- the database ----------------------------------------------------------------------------------------------------


def on(database_url: str, folder: Path) -> Target:
    return a_target(folder, database_url=database_url)


def test_a_database_that_is_up_to_date_passes(project, fresh_database):
    target = on(fresh_database, project)
    found = {one.id: one.run(target) for one in catalogue() if one.area is Area.MIG and Needs.DATABASE in one.needs}
    target.close()
    assert {name: one.status for name, one in found.items()} == dict.fromkeys(
        ("MIG030", "MIG031", "MIG032"), Status.PASS
    )
    assert "have the checksums" in look("MIG031", target).evidence
    target.close()


def test_what_is_pending_and_what_is_unknown_fails(broken, fresh_database):
    newest = migrations.head()
    revision = write(broken / "migrations", "more", body_of("SELECT 1"))
    target = on(fresh_database, broken)
    found = look("MIG030", target)
    assert (found.status, found.evidence.rpartition(" is ")[2]) == (Status.FAIL, f"at {newest}, pending: {revision}")
    assert look("MIG032", target).status is Status.SKIPPED
    with psycopg.connect(fresh_database) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
    assert look("MIG030", target).evidence.endswith("is at 9999, which this release does not know")
    target.close()


def test_a_database_that_was_never_migrated_fails(cluster, project, tmp_path):
    name = f"bare_{tmp_path.parent.name[-8:]}".replace("-", "_")
    cluster.create_database(name)
    target = on(cluster.owner_url(name), project)
    assert look("MIG030", target).evidence.endswith(f"was never migrated: {int(migrations.head())} pending")
    target.close()
    cluster.drop_database(name)


def test_a_revision_that_was_edited_after_it_was_applied_fails(broken, fresh_database):
    (file,) = (broken / "migrations" / "versions").glob("*_roles.py")
    file.write_text(file.read_text(encoding="utf-8") + "\n# later\n", encoding="utf-8")
    target = on(fresh_database, broken)
    found = look("MIG031", target)
    assert (found.status, found.places) == (Status.FAIL, (Place(f"migrations/versions/{file.name}", 1),))
    target.close()


def test_a_column_that_no_model_has_fails(project, fresh_database):
    with psycopg.connect(fresh_database) as owner:
        owner.execute("ALTER TABLE products ADD COLUMN colour text")
    target = on(fresh_database, project)
    found = look("MIG032", target)
    assert (found.status, found.evidence) == (Status.FAIL, "remove column: products, colour")
    target.close()
