# ruff: noqa: E501 - a row of a table is one line
"""DB020-DB043, OPS078, OPS079 on a real database: fit for service it passes, broken in one place exactly one check minds.

What breaks it is done in a transaction that the checks share and that is rolled back, so one database serves all.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from primepos import bootstrap
from primepos.adapters.migration_errors import DatabaseUnreachable
from primepos.core.clock import FrozenClock
from primepos.core.database_url import parse_database_url
from primepos.core.ids import new_id
from primepos.core.security import hash_password
from primepos.core.settings import load_settings
from primepos.deploy.catalogue.database import jobs, rows, schema, server
from primepos.deploy.check import Needs, Status, catalogue
from primepos.deploy.inspector import Inspector
from primepos.domain.customers.service import create_customer
from primepos.domain.sales.service import book_sale
from tests.deploy.world import GOOD_ENVIRONMENT, NOW, ROOT, a_target, look
from tests.factories import a_shop, basket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from primepos.core.embedded.cluster import Cluster
    from primepos.deploy.target import Target

OURS = ("OPS078", "OPS079", *(f"DB0{number}" for number in range(20, 46)))
CHECKS = [one for one in catalogue() if one.id in OURS and Needs.DATABASE in one.needs]
OWNER = "primepos_owner"
HOUR_AGO = (NOW - timedelta(hours=1)).isoformat(timespec="seconds")


@pytest.fixture(scope="module")
def served(cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database fit for service: migrated, claimed, backed up, administered, with two shops that sold."""
    name = f"gate_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    cluster.create_database(name, template)
    settings = load_settings(
        {
            "PRIMEPOS_ENV": "test",
            "DATABASE_URL": cluster.owner_url(name),
            "PRIMEPOS_DATA_DIR": str(tmp_path_factory.mktemp("data")),
            "DB_STATEMENT_TIMEOUT_MS": "60000",
            "FIELD_ENCRYPTION_KEYS": GOOD_ENVIRONMENT["FIELD_ENCRYPTION_KEYS"],
        },
        component="cli",
    )
    database = bootstrap.build_database(settings)
    app = bootstrap.build_app(settings, database=database, clock=FrozenClock(NOW))
    for shop in (a_shop(app), a_shop(app)):
        app.run(book_sale, shop.cashier, basket(shop))
        app.run(create_customer, shop.cashier, {"name": "Ana", "email": "ana@example.org", "phone": "030 1234567"})
    database.dispose()
    with psycopg.connect(cluster.admin_url(name), autocommit=True) as admin:
        facts = ["backup.last_success", "backup.last_drill", *(f"job.{one}.last_success" for one in jobs.NIGHTLY)]
        values = [("environment", "production"), *((fact, HOUR_AGO) for fact in facts)]
        admin.cursor().executemany("INSERT INTO installation (name, value) VALUES (%s, %s)", values)
        admin.execute(
            "INSERT INTO users (id, email, name, password_hash, is_superuser) VALUES (%s, 'root@shop.test', 'Root', %s, true)",
            (new_id(), hash_password("violet harbour comet lantern")),
        )
        # Ahead of time, so that it does not grow old while the tests run.
        admin.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 day')")
        admin.execute("INSERT INTO categories (tenant_id, id, name) SELECT id, gen_random_uuid(), 'Fruit' FROM tenants")
    yield name
    cluster.drop_database(name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What these checks read of a project."""
    made = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "render.yaml", made / "render.yaml")
    return made


@pytest.fixture(autouse=True)
def _asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash each password, and ask for the application's limits, once: neither is what most of these tests break."""
    monkeypatch.setattr(rows, "verify_password", _verified)
    monkeypatch.setattr(server, "app_limits", lambda target, names: _limited(target.database_url, names))


@cache
def _limited(url: str, names: tuple[str, ...]) -> dict[str, str]:
    return _app_limits(a_target(ROOT, database_url=url), names)


_app_limits = server.app_limits
_verified = cache(rows.verify_password)


def judge(target: Target) -> dict[str, Any]:
    return {one.id: one.run(target) for one in CHECKS}


def unhappy(target: Target) -> dict[str, str]:
    """Return the checks that are not content, with what they say."""
    fine = {Status.PASS, Status.NOT_APPLICABLE}
    return {name: one.evidence for name, one in judge(target).items() if one.status not in fine}


@contextmanager
def broken(
    cluster: Cluster, name: str, folder: Path, *statements: str, environ: Mapping[str, str | None] | None = None
) -> Iterator[Target]:
    """Give a target whose database was broken by these statements, as the superuser, in a transaction to be undone."""
    target = a_target(folder, environ, database_url=cluster.owner_url(name))
    inspector = target.database
    with psycopg.connect(cluster.admin_url(name)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"SET LOCAL SESSION AUTHORIZATION {OWNER}")
        inspector._connection = connection
        try:
            yield target
        finally:
            connection.rollback()


def test_a_database_fit_for_service_passes_every_check(cluster, served, folder):
    target = a_target(folder, database_url=cluster.owner_url(served))
    found = judge(target)
    target.close()
    assert {name: one.evidence for name, one in found.items() if one.status is not Status.PASS} == {}
    assert found["DB045"].evidence == "4 sealed values, 4 of them opened"
    assert set(found) == set(OURS) - {"DB033", "DB044"}


def test_the_same_holds_inside_the_transaction_that_the_tests_break(cluster, served, folder):
    with broken(cluster, served, folder) as target:
        assert unhappy(target) == {}


ASIDE = "CREATE SCHEMA aside"
THEIRS = (f"GRANT USAGE ON SCHEMA aside TO {OWNER}", f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA aside TO {OWNER}")
BROKEN: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "another environment's": ("DB024", "the database is staging's, this is production", ("UPDATE installation SET value = 'staging' WHERE name = 'environment'",)),
    "nobody's": ("DB024", "the database has no tag", ("DELETE FROM installation WHERE name = 'environment'",)),
    "a table without a tenant": (
        "DB027",
        "stickers has no tenant_id",
        (
            "CREATE TABLE stickers (id bigint PRIMARY KEY)",
            "ALTER TABLE stickers ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE stickers FORCE ROW LEVEL SECURITY",
            "CREATE POLICY stickers_own ON stickers TO primepos_app USING (id < 0)",
        ),
    ),
    "a tenant that may be NULL": (
        "DB027",
        "stickers.tenant_id may be NULL",
        (
            "CREATE TABLE stickers (id bigint PRIMARY KEY, tenant_id integer REFERENCES tenants)",
            "ALTER TABLE stickers ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE stickers FORCE ROW LEVEL SECURITY",
            "CREATE POLICY stickers_own ON stickers TO primepos_app USING (tenant_id < 0)",
            "GRANT SELECT ON stickers TO primepos_system",
        ),
    ),
    "a tenant nobody vouches for": ("DB027", "audit_events.tenant_id has no foreign key", ("ALTER TABLE audit_events DROP CONSTRAINT audit_events_tenant_id_fkey",)),
    "row-level security off": ("DB028", "sales has row-level security off", ("ALTER TABLE sales DISABLE ROW LEVEL SECURITY",)),
    "the owner exempt": ("DB028", "sales does not force it", ("ALTER TABLE sales NO FORCE ROW LEVEL SECURITY",)),
    "tenants open": ("DB028", "tenants has row-level security off", ("ALTER TABLE tenants DISABLE ROW LEVEL SECURITY",)),
    "a policy for everybody": ("DB028", "policy everyone on sales lets public see everything", ("CREATE POLICY everyone ON sales USING (true)",)),
    "a policy that is none": ("DB028", "sales_tenant on sales lets primepos_app see everything", ("ALTER POLICY sales_tenant ON sales USING (true) WITH CHECK (true)",)),
    "a policy that lets all be written": ("DB028", "extra on sales lets primepos_app", ("CREATE POLICY extra ON sales FOR INSERT TO primepos_app WITH CHECK ((1 = 1))",)),
    "no policy": ("DB028", "sales has no policy for primepos_app", ("DROP POLICY sales_tenant ON sales",)),
    "a foreign key without index": (
        "DB029",
        "child_parent_id_fkey on aside.child",
        (
            ASIDE,
            "CREATE TABLE aside.parent (id bigint PRIMARY KEY)",
            "GRANT DELETE ON aside.parent TO primepos_app",
            "CREATE TABLE aside.child (id bigint PRIMARY KEY, parent_id bigint REFERENCES aside.parent)",
        ),
    ),
    "an index that begins with something else": (
        "DB029",
        "child_parent_id_fkey",
        (
            ASIDE,
            "CREATE TABLE aside.parent (id bigint PRIMARY KEY)",
            "GRANT DELETE ON aside.parent TO primepos_app",
            "CREATE TABLE aside.child (id bigint PRIMARY KEY, parent_id bigint REFERENCES aside.parent)",
            "CREATE INDEX ON aside.child (id, parent_id)",
            "CREATE INDEX ON aside.child (parent_id) WHERE id > 5",
        ),
    ),
    "a table without a key": ("DB030", "aside.keyless", (ASIDE, "CREATE TABLE aside.keyless (id bigint)")),
    "an index twice": ("DB031", "audit_events: ", ("CREATE INDEX audit_events_again ON audit_events (tenant_id, at)",)),
    "an index that broke off": ("DB032", "index audit_events_tenant_id_at_idx is invalid", ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'audit_events_tenant_id_at_idx'::regclass",)),
    "a constraint that waits": ("DB032", "constraint sales_sane on sales was never validated", ("ALTER TABLE sales ADD CONSTRAINT sales_sane CHECK (total < 1000000000000) NOT VALID",)),
    "a function that searches anywhere": (
        "DB034",
        "function peek() runs as its owner without a fixed search_path",
        (
            "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM sales'",
            f"ALTER FUNCTION peek() OWNER TO {OWNER}",
        ),
    ),
    "a function of the superuser": (
        "DB034",
        "function peek() runs as a superuser",
        ("CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT count(*) FROM sales'",),
    ),
    "a view that reads as its owner": ("DB034", "view takings reads as its owner", ("CREATE VIEW takings AS SELECT * FROM sales", "GRANT SELECT ON takings TO primepos_app")),
    "a materialized view": ("DB034", "materialized view takings holds rows of every tenant", ("CREATE MATERIALIZED VIEW takings AS SELECT id FROM sales", "GRANT SELECT ON takings TO primepos_app")),
    "an extension in public": (
        "DB035",
        "citext is in schema public",
        ("UPDATE pg_extension SET extname = 'citext', extnamespace = 'public'::regnamespace WHERE extname = 'plpgsql'",),
    ),
    "a naive timestamp": ("DB036", "aside.t.at is timestamp without time zone", (ASIDE, "CREATE TABLE aside.t (id bigint PRIMARY KEY, at timestamp)")),
    "float money": ("DB036", "aside.t.price is double precision", (ASIDE, "CREATE TABLE aside.t (id bigint PRIMARY KEY, price float8)")),
    "a list of naive timestamps": ("DB036", "aside.t.at is timestamp without time zone[]", (ASIDE, "CREATE TABLE aside.t (id bigint PRIMARY KEY, at timestamp[])")),
    "numbers that run out": (
        "DB037",
        "aside.t_id_seq at 80 %",
        (ASIDE, "CREATE TABLE aside.t (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY)", "SELECT setval('aside.t_id_seq', 1717986918)", *THEIRS),
    ),
    "a sequence that ends early": ("DB037", "aside.s at 90 %", (ASIDE, "CREATE SEQUENCE aside.s MAXVALUE 1000", "SELECT setval('aside.s', 900)", *THEIRS)),
    "another time zone": ("DB038", "UTF8, Europe/Berlin", ("SET LOCAL TimeZone = 'Europe/Berlin'",)),
    "nobody administers": ("DB039", "nobody", ("UPDATE users SET is_superuser = false",)),
    "the administrator is shut out": ("DB039", "nobody", ("UPDATE users SET disabled_at = now()",)),
    "an empty password": ("DB039", "1 of 1 administrators", (f"UPDATE users SET password_hash = '{hash_password('')}'",)),
    "a default password": ("DB039", "1 of 1 administrators", (f"UPDATE users SET password_hash = '{hash_password('admin')}'",)),
    "no password": ("DB039", "1 of 1 administrators", ("UPDATE users SET password_hash = ''",)),
    "no backup": ("DB040", "no backup was ever recorded", ("DELETE FROM installation WHERE name = 'backup.last_success'",)),
    "an old backup": ("DB040", "the last backup was on 2026-11-29 09:00 UTC", ("UPDATE installation SET value = '2026-11-29T09:00:00+00:00' WHERE name = 'backup.last_success'",)),
    "no drill since summer": ("DB040", "the last restore drill was on 2026-08-01", ("UPDATE installation SET value = '2026-08-01T09:00:00+00:00' WHERE name = 'backup.last_drill'",)),
    "a row of another tenant": (
        "DB042",
        "products_tenant_id_category_id_fkey: 1 rows",
        (
            "SET LOCAL session_replication_role = replica",
            "UPDATE products SET category_id = (SELECT id FROM categories ORDER BY tenant_id DESC LIMIT 1) WHERE sku = 'A-1' AND tenant_id = (SELECT min(id) FROM tenants)",
            "SET LOCAL session_replication_role = origin",
        ),
    ),
    "a row that points past its tenant by a key without one": (
        "DB042",
        "pinned_product_id_fkey: 1 rows",
        (
            "CREATE UNIQUE INDEX products_alone ON products (id)",
            "CREATE TABLE pinned (tenant_id integer NOT NULL REFERENCES tenants, product_id uuid REFERENCES products (id), PRIMARY KEY (tenant_id, product_id))",
            "INSERT INTO pinned SELECT (SELECT max(id) FROM tenants), id FROM products WHERE sku = 'A-1' AND tenant_id = (SELECT min(id) FROM tenants)",
            "INSERT INTO pinned SELECT tenant_id, id FROM products WHERE sku = 'B-2'",
            "ALTER TABLE pinned ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE pinned FORCE ROW LEVEL SECURITY",
            "CREATE POLICY pinned_own ON pinned TO primepos_app USING (tenant_id < 0)",
            "CREATE POLICY pinned_system ON pinned TO primepos_system USING (true)",
            "GRANT SELECT ON pinned TO primepos_system",
        ),
    ),
    "stock that is not its movements": ("DB043", "stock equals its movements: product", ("UPDATE stock_levels SET quantity = quantity + 1 WHERE tenant_id = (SELECT min(id) FROM tenants)",)),
    "a payment that is too much": (
        "DB043",
        "payments equal the total",
        ("SET LOCAL session_replication_role = replica", "UPDATE payments SET amount = amount + 1 WHERE kind = 'cash' AND tenant_id = (SELECT min(id) FROM tenants)"),
    ),
    "a sealed value that was changed": ("DB045", "customers.email_sealed of ", ("UPDATE customers SET email_sealed = set_byte(email_sealed, 20, get_byte(email_sealed, 20) # 1)",)),
    "a sealed value that was moved": ("DB045", ", one of 2 under this key", ("UPDATE customers SET phone_sealed = (SELECT phone_sealed FROM customers ORDER BY tenant_id LIMIT 1)",)),
    "no worker": ("OPS078", "no worker was ever seen", ("DELETE FROM procrastinate_workers",)),
    "a worker gone silent": ("OPS078", "the last sign of a worker is 300 s old", ("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '5 minutes'",)),
    "a job given up": ("OPS078", "1 jobs were given up", ("INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('default', 'x', 'failed')",)),
    "a job that waits": (
        "OPS078",
        "a job has waited for 600 s",
        ("INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at) VALUES ('default', 'x', 'todo', now() - interval '10 minutes')",),
    ),
    "a nightly job that never ran": ("OPS079", "summaries has never succeeded", ("DELETE FROM installation WHERE name = 'job.summaries.last_success'",)),
    "a nightly job that stopped": ("OPS079", "counters last succeeded on 2026-11-28", ("UPDATE installation SET value = '2026-11-28T02:15:00+00:00' WHERE name = 'job.counters.last_success'",)),
    "a recorded job that stopped": ("OPS079", "heads last succeeded on 2026-11-01", ("INSERT INTO installation VALUES ('job.heads.last_success', '2026-11-01T02:15:00+00:00')",)),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_one_thing_broken_in_the_database_fails_its_check_and_no_other(what, cluster, served, folder):
    check_id, told, statements = BROKEN[what]
    with broken(cluster, served, folder, *statements) as target:
        found = unhappy(target)
    assert set(found) == {check_id}, found
    assert told in found[check_id]


def test_a_field_key_that_is_not_at_hand_any_more_is_missed_and_one_in_front_is_not(cluster, served, folder):
    old, new = GOOD_ENVIRONMENT["FIELD_ENCRYPTION_KEYS"], "N" * 43
    with broken(cluster, served, folder, environ={"FIELD_ENCRYPTION_KEYS": new}) as target:
        found = unhappy(target)
    assert set(found) == {"DB045"}
    assert "one of 2 under this key" in found["DB045"]
    with broken(cluster, served, folder, environ={"FIELD_ENCRYPTION_KEYS": f"{new},{old}"}) as target:
        assert unhappy(target) == {}
    with broken(
        cluster,
        served,
        folder,
        "UPDATE customers SET email_sealed = NULL, email_hash = NULL, phone_sealed = NULL, phone_hash = NULL",
    ) as target:
        assert look("DB045", target).evidence == "nothing is sealed yet"


def test_roles_that_could_step_over_the_policies_are_named(cluster, served, folder):
    # In one test: roles belong to the whole server, and two transactions that change one wait for each other.
    cases = {
        f"ALTER ROLE {OWNER} SUPERUSER": f"{OWNER} has SUPERUSER",
        f"ALTER ROLE {OWNER} BYPASSRLS": f"{OWNER} has BYPASSRLS",
        "ALTER ROLE primepos_app BYPASSRLS CREATEROLE": "primepos_app has BYPASSRLS, CREATEROLE",
        "ALTER ROLE primepos_system LOGIN": "primepos_system has LOGIN",
        "ALTER TABLE categories OWNER TO primepos_app": "primepos_app owns categories",
    }
    for statement, told in cases.items():
        with broken(cluster, served, folder, statement) as target:
            assert {name: told in said for name, said in unhappy(target).items()} == {"DB023": True}, statement


def test_a_login_beside_the_one_that_migrates_may_not_make_roles(cluster, served, folder):
    owner = {"MIGRATION_DATABASE_URL": "postgresql://owner:dWk3LqZ8vXn5RtY2@dpg-c0ffee-a/primepos"}
    with broken(cluster, served, folder, environ=owner) as target:
        assert unhappy(target) == {"DB023": f"{OWNER} has CREATEROLE"}


def test_a_login_beside_the_owner_passes_every_check_too(cluster, served, folder):
    with psycopg.connect(cluster.admin_url(served), autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS gate_till")
        admin.execute("CREATE ROLE gate_till LOGIN NOINHERIT PASSWORD 'gate-till-word'")
        admin.execute("GRANT primepos_app, primepos_search, primepos_system TO gate_till")
    try:
        url = cluster.connection_url(served, "gate_till", "gate-till-word")
        alone = a_target(folder, database_url=url)
        assert set(unhappy(alone)) == {"DB037"}
        assert "ask as the login that migrates" in look("DB037", alone).evidence
        beside = a_target(folder, {"MIGRATION_DATABASE_URL": cluster.owner_url(served)}, database_url=url)
        assert unhappy(beside) == {}
        elsewhere = a_target(folder, {"MIGRATION_DATABASE_URL": cluster.owner_url("postgres")}, database_url=url)
        assert set(unhappy(elsewhere)) == {"DB037"}
        for target in (alone, beside, elsewhere):
            target.close()
    finally:
        with psycopg.connect(cluster.admin_url(served), autocommit=True) as admin:
            admin.execute("DROP ROLE gate_till")


# --- what a transaction cannot break ------------------------------------------------------------------------------------


def test_a_database_that_does_not_answer_is_critical_and_its_password_is_not_told(cluster, served, folder):
    url = cluster.owner_url(served)
    silent = url.replace(f":{parse_database_url(url).port}/", ":1/")
    target = a_target(folder, database_url=silent)
    outcome = look("DB020", target)
    assert outcome.status is Status.FAIL
    assert outcome.evidence.startswith("no connection within 5 s: ")
    with pytest.raises(DatabaseUnreachable):
        look("DB021", target)
    wrong = a_target(folder, database_url=url.replace(parse_database_url(url).password.reveal(), "quite-wrong-word"))
    assert look("DB020", wrong).status is Status.FAIL
    assert "quite-wrong-word" not in look("DB020", wrong).evidence


@pytest.mark.parametrize(
    ("version", "today", "host", "told"),
    [
        (140019, NOW, "127.0.0.1", "PrimePOS needs 15 or later; its last release was on 2026-11-12"),
        (150010, NOW + timedelta(days=400), "127.0.0.1", "its last release was on 2027-11-11"),
        (170004, NOW, "dpg-c0ffee-a", "render.yaml says 16"),
    ],
)
def test_a_version_that_is_over_or_not_the_planned_one_is_told(version, today, host, told, folder):
    target = a_target(folder, database_url=f"postgresql://a:b@{host}/c")
    target.now = today
    target.database.__dict__["version"] = version
    outcome = look("DB021", target)
    assert outcome.status is Status.FAIL
    assert told in outcome.evidence
    target.database.__dict__["version"] = 160004
    target.now = NOW
    assert look("DB021", target).status is Status.PASS


def test_plain_text_over_a_shared_network_is_told(cluster, served, folder):
    with broken(cluster, served, folder) as target:
        target.database.__dict__["address"] = parse_database_url("postgresql://a:b@db.brightfruit.shop/c")
        target.database.__dict__["version"] = 160004
        assert unhappy(target) == {"DB022": "db.brightfruit.shop/c is reached in plain text"}


@pytest.mark.parametrize(
    ("host", "is_private"),
    [
        ("127.0.0.1", True), ("localhost", True), ("10.2.0.7", True), ("192.168.1.5", True), ("dpg-c0ffee-a", True),
        ("8.8.8.8", False), ("dpg-c0ffee-a.frankfurt-postgres.render.com", False),
    ],
)  # fmt: skip
def test_a_host_is_private_where_nobody_else_is_on_the_way(host, is_private):
    assert server.is_private(parse_database_url(f"postgresql://a:b@{host}/c")) is is_private


def test_more_connections_than_the_server_gives_are_told(cluster, served, folder):
    with broken(cluster, served, folder, environ={"DB_POOL_SIZE": "40"}) as target:
        assert unhappy(target) == {
            "DB025": "2 instances x 1 processes x 45 connections + 10 = 100 of 100, more than 80 %"
        }


def test_a_transaction_without_limit_is_told(cluster, served, folder, monkeypatch):
    true = bootstrap.build_database

    def without_limit(*given: Any, **named: Any) -> Any:
        made = true(*given, **named)
        made.lock_timeout_ms = 0
        return made

    monkeypatch.setattr(bootstrap, "build_database", without_limit)
    monkeypatch.setattr(server, "app_limits", _app_limits)
    with broken(cluster, served, folder) as target:
        found = unhappy(target)
    assert set(found) == {"DB026"}
    assert found["DB026"].startswith("without limit: lock_timeout (")


def test_large_indexes_that_nobody_reads_are_told(cluster, served, folder, monkeypatch):
    monkeypatch.setattr(schema, "UNUSED_ROWS", -1)
    monkeypatch.setattr(schema, "UNUSED_DAYS", -1)
    with broken(cluster, served, folder, "CREATE INDEX sales_unread ON sales (reason)") as target:
        found = unhappy(target)
    assert set(found) == {"DB031"}


def test_a_vacuum_that_lags_is_told(cluster, served, folder, monkeypatch):
    monkeypatch.setattr(schema, "FREEZE_AGE", 1)
    with broken(cluster, served, folder) as target:
        found = unhappy(target)
    assert set(found) == {"DB041"}


def test_an_extension_that_is_behind_is_told(cluster, served, folder, monkeypatch):
    behind = "SELECT 'citext' AS name, '1.4' AS version, '1.6' AS newest, false AS is_public"
    monkeypatch.setattr(schema, "_EXTENSIONS", behind)
    with broken(cluster, served, folder) as target:
        assert unhappy(target) == {"DB035": "citext is 1.4, 1.6 is there"}


def test_a_sequence_that_cannot_be_read_is_no_pass(cluster, served, folder):
    with broken(cluster, served, folder, ASIDE, "CREATE SEQUENCE aside.s") as target:
        outcome = look("DB037", target)
    assert outcome.status is Status.SKIPPED
    assert outcome.evidence == "this login may not read aside.s: ask as the login that migrates"


def test_an_empty_database_is_no_pass(cluster, folder):
    name = f"gate_empty_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    cluster.create_database(name)
    try:
        target = a_target(folder, database_url=cluster.owner_url(name))
        found = unhappy(target)
        target.close()
    finally:
        cluster.drop_database(name)
    assert {"DB024", "DB027", "DB039", "DB040", "DB043", "OPS078", "OPS079"} <= set(found)


# --- the inspector ------------------------------------------------------------------------------------------------------


def test_the_inspector_writes_nothing_and_waits_for_nothing(cluster, served, folder):
    found = a_target(folder, database_url=cluster.owner_url(served)).database
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        found.rows("INSERT INTO installation VALUES ('x', 'y')", role="primepos_system")
    with pytest.raises(psycopg.errors.QueryCanceled):
        found.rows("SELECT pg_sleep(5)", timeout_ms=50)
    with psycopg.connect(cluster.owner_url(served)) as other:
        other.execute("LOCK TABLE installation IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            found.rows("SELECT * FROM installation")
    assert found.row("SELECT current_user AS me")["me"] == OWNER
    found.close()


def test_a_question_that_takes_too_long_is_skipped_with_the_reason(cluster, served, folder, monkeypatch):
    monkeypatch.setattr(schema, "_KEYLESS", "SELECT pg_sleep(5)::text AS name")
    monkeypatch.setattr("primepos.deploy.inspector.CATALOGUE_MS", 50)
    target = a_target(folder, database_url=cluster.owner_url(served))
    outcome = look("DB030", target)
    target.close()
    assert outcome.status is Status.SKIPPED
    assert "no answer within" in outcome.evidence


def test_many_questions_of_one_check_share_its_time(cluster, served, folder, monkeypatch):
    monkeypatch.setattr("primepos.deploy.catalogue.database.asking.CHECK_S", 0)
    target = a_target(folder, database_url=cluster.owner_url(served))
    assert look("DB042", target).status is Status.SKIPPED
    monkeypatch.undo()
    assert look("DB042", target).status is Status.PASS
    target.close()


def test_a_login_that_may_not_look_is_a_finding(cluster, served, folder):
    with psycopg.connect(cluster.admin_url(served), autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS gate_stranger")
        admin.execute("CREATE ROLE gate_stranger LOGIN PASSWORD 'gate-stranger-word'")
    try:
        url = cluster.connection_url(served, "gate_stranger", "gate-stranger-word")
        target = a_target(folder, database_url=url)
        outcome = look("DB039", target)
        target.close()
    finally:
        with psycopg.connect(cluster.admin_url(served), autocommit=True) as admin:
            admin.execute("DROP ROLE gate_stranger")
    assert outcome.status is Status.FAIL
    assert outcome.evidence.startswith("this login may not look: ")


@pytest.mark.parametrize(
    ("schedule", "hours"), [("15 2 * * *", 24), ("0 * * * *", 1), ("0 9 * * 1-5", 72), ("nonsense", 24), ("", 24)]
)
def test_the_longest_time_between_two_runs_is_read_from_the_schedule(schedule, hours):
    assert jobs.interval_of(schedule, NOW) == timedelta(hours=hours)


def test_the_inspector_tells_where_it_looks_without_who_asks():
    found = Inspector("postgresql://till:s3cret-word-here@db.brightfruit.shop:6432/primepos", None)
    assert found.where == "db.brightfruit.shop/primepos"


# Broken by a test of their own: what no transaction can break.
BY_HAND = {"DB020", "DB021", "DB022", "DB023", "DB025", "DB026", "DB041"}


def test_every_check_is_broken_by_some_test():
    assert {check_id for check_id, _, _ in BROKEN.values()} | BY_HAND == {one.id for one in CHECKS}
