"""Migrations: each goes up, down and up again, the result is what the models say, two runs take turns."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from primepos import __version__
from primepos.adapters import migration_connections, migration_files, migration_sql, migrations, schema_revision
from primepos.adapters.migration_errors import (
    DatabaseUnreachable,
    MigrationFailed,
    MigrationLocked,
    MigrationNotAllowed,
    RevisionUnknown,
    SchemaIsNewer,
    WrongDirection,
)
from primepos.adapters.migrations import Drift, Told
from primepos.core.embedded.cluster import Cluster
from primepos.core.errors import BadConfiguration
from tests.adapters.channel_revisions import copy_migrations

REVISIONS = [each.revision for each in migration_files.revisions(None, "head")]
# What a database is made of, whatever order it was made in.
SHAPE = """
SELECT 'column', format('%s.%s', c.table_name, c.column_name),
       concat_ws(' ', c.data_type, c.is_nullable, c.column_default, c.generation_expression)
  FROM information_schema.columns c WHERE c.table_schema = 'public'
UNION ALL SELECT 'constraint', conname, replace(pg_get_constraintdef(oid), ' NOT VALID', '') FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'function', proname,
       md5(regexp_replace(pg_get_functiondef(oid), '\\s+', ' ', 'g')) || coalesce(proacl::text, '')
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'policy', polname, concat_ws(' ', polrelid::regclass, polcmd, polroles::regrole[],
       pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
UNION ALL SELECT 'table', c.oid::regclass::text,
       concat_ws(' ', c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
                 (SELECT array_agg(a ORDER BY a) FROM unnest(c.relacl::text[]) AS a))
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S')
 ORDER BY 1, 2, 3
"""


@pytest.fixture
def empty(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"migrate_{abs(hash(request.node.nodeid)) % 10**9}_{os.getpid()}"
    cluster.create_database(name)
    yield cluster.owner_url(name)
    cluster.drop_database(name)


def shape(url: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return set(connection.execute(SHAPE).fetchall())


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)  # type: ignore[call-overload]  # a test's own SQL
        return cursor.fetchall() if cursor.description else []


def run_script(url: str, script: str) -> None:
    """Run SQL as psql does: one statement after the other, in the transactions that it begins itself."""
    execute(url, *(each.text for each in migration_sql.parse(script)))


def without_pause(heard: list[int]) -> Callable[[int], None]:
    return heard.append


def test_there_is_one_newest_revision_and_each_follows_the_one_before():
    scripts = migration_files.scripts_in()
    assert scripts.get_heads() == [REVISIONS[-1]]
    assert [f"{number:04d}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS


def test_the_newest_revision_is_known_without_alembic(empty):
    assert schema_revision.newest() == migrations.head()
    assert not schema_revision.is_current(empty)
    migrations.upgrade(empty, "0002")
    assert not schema_revision.is_current(empty)
    migrations.upgrade(empty)
    assert schema_revision.is_current(empty)
    with pytest.raises(DatabaseUnreachable):
        schema_revision.is_current("postgresql://nobody:x@127.0.0.1:1/none")


def test_every_file_is_named_for_its_moment_and_says_what_it_does():
    for each in migration_files.revisions(None, "head"):
        stamp, _, slug = each.file.removesuffix(".py").partition("_")
        assert len(stamp) == len("2026-01-01-0000")
        assert slug
        assert each.summary.endswith(".")
        assert each.phase in {"expand", "migrate", "contract"}


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_goes_up_down_and_up_to_the_same_shape(empty, revision):
    below = REVISIONS[REVISIONS.index(revision) - 1] if revision != REVISIONS[0] else "base"
    if below != "base":
        migrations.upgrade(empty, below)
    before = shape(empty)
    migrations.upgrade(empty, revision)
    after = shape(empty)

    undone = migrations.downgrade(empty, below)

    assert [each.revision for each in undone] == [revision]
    # Alembic's own table stays when everything is undone.
    left = {row for row in shape(empty) if "alembic_version" not in str(row)}
    assert left == {row for row in before if "alembic_version" not in str(row)}
    migrations.upgrade(empty, revision)
    assert shape(empty) == after


def test_what_the_migrations_build_is_what_the_models_declare(fresh_database):
    assert migrations.verify(fresh_database) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "ALTER TABLE products ADD COLUMN colour text",
            [Drift("model", "remove column: products, colour")],
        ),
        ("DROP INDEX products_name_idx", [Drift("model", "add index: products_name_idx")]),
        (
            "ALTER TABLE products NO FORCE ROW LEVEL SECURITY",
            [Drift("isolation", "products lacks forced row-level security")],
        ),
        (
            "DROP POLICY staff_tenant ON staff; DROP POLICY staff_system ON staff",
            [Drift("isolation", "staff has no policy")],
        ),
        (
            "CREATE POLICY leak ON sales USING (true)",
            [Drift("isolation", "sales has a policy for PUBLIC, which holds for every role")],
        ),
        (
            """UPDATE installation SET value = '{"sha256": "0", "release": "1", "at": "2026-01-01T00:00:00+00:00"}'
                WHERE name = 'migration.0001'""",
            [Drift("checksum", "2026-11-22-1000_roles.py was changed after it was applied")],
        ),
    ],
)
def test_verify_names_every_way_in_which_the_schema_is_not_right(fresh_database, change, expected):
    execute(fresh_database, change)
    assert migrations.verify(fresh_database) == expected


def test_a_tenants_table_that_the_application_may_read_must_be_isolated_whatever_its_key(fresh_database):
    execute(
        fresh_database,
        "CREATE TABLE notes (id integer PRIMARY KEY, tenant_id integer)",
        "GRANT SELECT ON notes TO primepos_app",
    )
    found = [each for each in migrations.verify(fresh_database) if each.what == "isolation"]
    assert [each.problem for each in found] == ["notes lacks forced row-level security", "notes has no policy"]


def test_verify_says_when_the_schema_is_behind(empty):
    migrations.upgrade(empty, "0001")
    assert migrations.verify(empty) == [Drift("revision", f"at 0001, the newest is {REVISIONS[-1]}")]


def test_the_state_tells_what_is_applied_by_which_release_and_what_is_pending(empty):
    migrations.upgrade(empty, "0002")

    found = migrations.state(empty)

    assert (found.current, found.head) == ("0002", REVISIONS[-1])
    assert [each.revision for each in found.applied] == ["0001", "0002"]
    assert {each.release for each in found.applied} == {__version__}
    assert [each.sha256 for each in found.applied] == [each.sha256 for each in migration_files.revisions(None, "0002")]
    assert [each.revision for each in found.pending] == REVISIONS[2:]


def test_the_state_of_an_empty_database_is_nothing_applied(empty):
    found = migrations.state(empty)
    assert (found.current, found.applied) == (None, ())
    assert [each.revision for each in found.pending] == REVISIONS


def test_a_revision_that_was_undone_is_forgotten(empty):
    migrations.upgrade(empty)
    migrations.downgrade(empty, "0002")
    rows = execute(empty, "SELECT name FROM installation WHERE name LIKE 'migration.%' ORDER BY 1")
    assert rows == [("migration.0001",), ("migration.0002",)]


def test_migrating_again_does_nothing(fresh_database):
    before = shape(fresh_database)
    assert migrations.upgrade(fresh_database) == []
    assert shape(fresh_database) == before


def test_two_runs_at_once_take_turns_and_apply_everything_once(empty):
    applied: list[list[str]] = []
    failed: list[BaseException] = []
    waited: list[bool] = []
    gate = threading.Barrier(2)

    def run() -> None:
        gate.wait()
        try:
            applied.append(
                [each.revision for each in migrations.upgrade(empty, told=Told(wait=lambda: waited.append(True)))]
            )
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert sorted(applied) == [[], REVISIONS]
    assert migrations.verify(empty) == []


def test_whoever_comes_second_is_told_that_it_waits(empty):
    waited = threading.Event()
    done: list[list[str]] = []

    def second() -> None:
        done.append([each.revision for each in migrations.upgrade(empty, told=Told(wait=waited.set))])

    with migrations.migrating(empty):
        thread = threading.Thread(target=second)
        thread.start()
        assert waited.wait(30)
        assert done == []
    thread.join()
    assert done == [REVISIONS]


def test_a_lock_held_for_a_moment_is_waited_out_by_trying_the_whole_revision_again(empty, monkeypatch):
    migrations.upgrade(empty, "0003")
    monkeypatch.setattr(migration_connections, "LOCK_TIMEOUT", "50ms")
    heard: list[int] = []
    with psycopg.connect(empty) as other:
        other.execute("LOCK TABLE procrastinate_jobs IN ACCESS SHARE MODE")

        def let_go(attempt: int) -> None:
            heard.append(attempt)
            if attempt == 2:
                other.rollback()

        migrations.downgrade(empty, "0002", pause=let_go)

    assert heard == [1, 2]
    assert migrations.current(empty) == "0002"
    assert execute(empty, "SELECT to_regclass('procrastinate_jobs')") == [(None,)]


def test_a_lock_that_is_never_free_ends_after_six_attempts_with_nothing_kept(empty, monkeypatch):
    migrations.upgrade(empty, "0003")
    before = shape(empty)
    monkeypatch.setattr(migration_connections, "LOCK_TIMEOUT", "20ms")
    heard: list[int] = []
    with psycopg.connect(empty) as other:
        other.execute("LOCK TABLE procrastinate_workers IN ACCESS SHARE MODE")
        with pytest.raises(MigrationLocked) as refusal:
            migrations.downgrade(empty, "0002", pause=without_pause(heard))

    assert refusal.value.data == {"revision": "0002", "attempts": 6}
    assert heard == [1, 2, 3, 4, 5]
    assert migrations.current(empty) == "0003"
    assert shape(empty) == before


def test_pauses_grow_and_differ(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(migrations.time, "sleep", slept.append)
    for attempt in (1, 2, 3, 4, 5):
        migrations._pause(attempt)
    for length, base in zip(slept, (1, 2, 4, 8, 16), strict=True):
        assert base * 0.5 <= length <= base * 1.5


def test_a_statement_that_fails_is_named_and_the_revision_before_it_stays(empty):
    migrations.upgrade(empty, "0002")
    execute(empty, "CREATE TABLE procrastinate_jobs (id integer)")
    before = shape(empty)

    with pytest.raises(MigrationFailed) as refusal:
        migrations.upgrade(empty)

    assert refusal.value.data["revision"] == "0003"
    assert "procrastinate_jobs" in refusal.value.data["problem"]
    assert migrations.current(empty) == "0002"
    assert shape(empty) == before


def test_a_login_that_may_not_create_roles_is_told_so(cluster, empty):
    execute(
        cluster.admin_url(),
        "DROP ROLE IF EXISTS weak_login",
        "CREATE ROLE weak_login LOGIN PASSWORD 'x'",
        f'GRANT ALL ON DATABASE "{empty.rpartition("/")[2]}" TO weak_login',
    )
    execute(cluster.admin_url(empty.rpartition("/")[2]), "GRANT ALL ON SCHEMA public TO weak_login")
    with pytest.raises(MigrationNotAllowed):
        migrations.upgrade(cluster.connection_url(empty.rpartition("/")[2], "weak_login", "x"))
    assert migrations.current(empty) is None
    execute(cluster.admin_url(empty.rpartition("/")[2]), "DROP OWNED BY weak_login", "DROP ROLE weak_login")


def test_a_database_of_a_newer_release_is_left_alone(fresh_database):
    execute(fresh_database, "UPDATE alembic_version SET version_num = '9999'")
    for act in (migrations.upgrade, migrations.state, migrations.verify):
        with pytest.raises(SchemaIsNewer):
            act(fresh_database)
    with pytest.raises(SchemaIsNewer):
        migrations.downgrade(fresh_database, "base")
    assert migrations.current(fresh_database) == "9999"


def test_an_unknown_revision_and_the_wrong_direction_are_refused(empty):
    migrations.upgrade(empty, "0002")
    with pytest.raises(RevisionUnknown):
        migrations.upgrade(empty, "0815")
    with pytest.raises(RevisionUnknown):
        migrations.downgrade(empty, "0815")
    with pytest.raises(WrongDirection):
        migrations.upgrade(empty, "0001")
    with pytest.raises(WrongDirection):
        migrations.downgrade(empty, "0003")
    assert migrations.current(empty) == "0002"


def test_a_server_that_is_not_there_is_unreachable():
    with pytest.raises(DatabaseUnreachable):
        migrations.current("postgresql://nobody:x@127.0.0.1:1/none")


def test_the_sql_of_a_plan_builds_what_migrating_builds(empty, fresh_database):
    steps = migration_files.sql_steps(None)
    assert [revision.revision for revision, _ in steps] == REVISIONS
    run_script(empty, "".join(sql for _, sql in steps))

    # The record of what was applied is kept by migrating only.
    assert shape(empty) == shape(fresh_database)


def test_the_sql_of_going_down_undoes_it(empty):
    migrations.upgrade(empty)
    run_script(empty, migration_files.sql_of(REVISIONS[-1], "base", down=True))
    assert migrations.current(empty) is None
    assert execute(empty, "SELECT to_regclass('tenants')") == [(None,)]


def test_a_new_migration_follows_the_newest_and_can_be_applied(tmp_path, monkeypatch, empty):
    location = tmp_path / "migrations"
    copy_migrations(location)

    path = migration_files.new_revision("Drop old prices", phase="contract", location=location)

    number = f"{int(REVISIONS[-1]) + 1:04d}"
    assert path.parent == location / "versions"
    assert path.name.endswith("_drop_old_prices.py")
    assert len(path.name.partition("_")[0]) == len("2026-01-01-0000")
    monkeypatch.setattr(migration_files, "script_location", lambda: location)
    made = migration_files.revisions(REVISIONS[-1], "head")
    assert [(each.revision, each.summary, each.phase) for each in made] == [(number, "Drop old prices.", "contract")]
    assert [each.revision for each in migrations.upgrade(empty)] == [*REVISIONS, number]
    assert [each.revision for each in migrations.downgrade(empty, REVISIONS[-1])] == [number]


def test_a_statement_that_takes_too_long_in_a_shop_in_use_is_stopped(tmp_path, monkeypatch, fresh_database):
    location = tmp_path / "migrations"
    copy_migrations(location)
    path = migration_files.new_revision("too slow", phase="expand", location=location)
    text = path.read_text().replace("branch_labels", 'statement_timeout = "50ms"\nbranch_labels')
    path.write_text(text.replace('"SELECT 1"', '"SELECT pg_sleep(30)"', 1))
    monkeypatch.setattr(migration_files, "script_location", lambda: location)

    with pytest.raises(MigrationFailed, match="held its locks for too long"):
        migrations.upgrade(fresh_database)
    assert migrations.current(fresh_database) == REVISIONS[-1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_migration_cannot_be_written_where_nobody_may_write(tmp_path):
    location = tmp_path / "migrations"
    copy_migrations(location)
    (location / "versions").chmod(0o500)
    with pytest.raises(BadConfiguration):
        migration_files.new_revision("x", phase="expand", location=location)
