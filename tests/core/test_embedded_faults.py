"""The eight ways in which packaged launchers fail a shop's PC, and others: killed servers, forged pids, many at once.

Each runs as whoever runs the suite; where that is root, those with several processes run as an ordinary user too.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from primepos.core.embedded import EmbeddedPostgresFailed
from primepos.core.embedded import server as server_module
from primepos.core.embedded.accounts import Account, account_named, may_enter
from primepos.core.embedded.postmaster import parent_of, postmaster_among, processes_in, read_pid_file
from tests.core.embedded_world import IS_ROOT, World, ordinary_account, rows

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, accounts and modes are POSIX's")


@pytest.fixture(scope="module")
def ours():
    made = World()
    yield made
    made.close()


@pytest.fixture
def world(ours):
    """A world of our own whose common cluster is stopped."""
    ours.rest()
    return ours


@pytest.fixture(scope="module", params=["ourselves", "ordinary user"])
def theirs(request):
    account = None
    if request.param == "ordinary user":
        if not IS_ROOT:
            pytest.skip("we are an ordinary user")
        account = ordinary_account()
        if account is None:
            pytest.skip("the account 'nobody' cannot read this Python or this source tree")
    made = World(account)
    yield made
    made.close()


@pytest.fixture
def users(theirs):
    """A world whose other processes run as ourselves, then as an ordinary user if we are root; nothing runs in it."""
    theirs.rest()
    return theirs


@pytest.fixture
def innocent():
    """A living process that is no server, run by the account the server runs as."""
    account = account_named("postgres") or account_named("nobody") if IS_ROOT else None
    process = subprocess.Popen(
        ["/bin/cat"], stdin=subprocess.PIPE, cwd="/", **(account.popen_options() if account else {})
    )
    yield process
    assert process.poll() is None, "a process that has nothing to do with the server was ended"
    process.communicate()


def forge(pgdata, pid, port=1):
    """Leave the pid file of a power cut: the pid belongs to somebody else by now."""
    (pgdata / "postmaster.pid").write_text(f"{pid}\n{pgdata}\n1700000000\n{port}\n\n127.0.0.1\n  123456  7\nready   \n")


def postmaster_pid(cluster):
    """The pid of the running server, by the parent of one of its backends."""
    with psycopg.connect(cluster.admin_url()) as connection:
        return parent_of(connection.info.backend_pid)


# ---- pitfall 1: files shared between accounts


def test_after_root_an_ordinary_user_has_a_server_of_his_own(world):
    account = ordinary_account()
    if account is None:
        pytest.skip("needs root and an ordinary account that can read this source tree")
    his = World(account)
    try:
        port = world.cluster().ensure_running().port
        process = his.process("say(port=cluster.ensure_running(keep=False).port, uid=cluster.data_dir.stat().st_uid)")
        answer = process.answer()
        assert process.finish() == 0
        assert answer["port"] != port
        assert answer["uid"] == account.uid
    finally:
        his.close()


# ---- pitfall 2: pids


def test_a_forged_pid_file_does_not_keep_the_server_from_starting(world, innocent):
    cluster = world.cluster()
    info = cluster.ensure_running()
    cluster.create_database("shop")
    cluster.stop("immediate")
    forge(info.pgdata, innocent.pid, info.port)
    assert cluster.status().state == "stopped"
    assert cluster.ensure_running().was_started
    assert rows(cluster.owner_url("shop"), "SELECT 1") == [(1,)]


def test_a_forged_pid_file_of_another_living_cluster_is_seen_through(world):
    one, other = world.cluster(), world.cluster("other")
    info, theirs = one.ensure_running(), other.ensure_running()
    one.stop()
    (info.pgdata / "postmaster.pid").write_bytes((theirs.pgdata / "postmaster.pid").read_bytes())
    assert one.status().state == "stopped"
    assert one.ensure_running().was_started
    assert one.ensure_running().port != theirs.port
    assert rows(other.admin_url(), "SELECT 1") == [(1,)]


def test_a_torn_pid_file_does_not_keep_the_server_from_starting(world):
    cluster = world.cluster()
    pgdata = cluster.ensure_running().pgdata
    for content in (b"", b"12", b"\xff\xfe\x00nonsense\n\n\n", b"-1\n" * 9, b"0\n" * 8):
        cluster.stop("immediate")
        (pgdata / "postmaster.pid").write_bytes(content)
        assert cluster.ensure_running().was_started


def test_stopping_signals_the_server_and_not_the_pid_in_a_forged_file(world, innocent):
    cluster = world.cluster()
    info = cluster.ensure_running()
    forge(info.pgdata, innocent.pid, info.port)
    assert not cluster.ensure_running().was_started
    assert cluster.stop()
    assert not processes_in(info.pgdata)
    assert innocent.poll() is None


def test_there_are_never_two_servers_on_one_directory(world, innocent):
    cluster = world.cluster()
    info = cluster.ensure_running()
    forge(info.pgdata, innocent.pid)
    (info.pgdata.parent / "cluster.json").write_text("{")
    # Nothing says on which port it runs any more, so nobody can ask it; that it lives is known all the same.
    assert cluster.status().state == "busy"
    assert postmaster_among(info.pgdata)
    os.kill(postmaster_among(info.pgdata), signal.SIGINT)
    assert cluster.ensure_running().was_started


# ---- pitfall 2 and 3: kill -9


def test_after_kill_9_of_the_server_the_next_start_recovers_what_was_committed(world):
    cluster = world.cluster(fsync=True)
    info = cluster.ensure_running()
    cluster.create_database("shop")
    rows(cluster.owner_url("shop"), "CREATE TABLE IF NOT EXISTS sales (n int)")
    for number in range(3):
        rows(cluster.owner_url("shop"), "INSERT INTO sales VALUES (%s)", number)
        os.kill(postmaster_pid(cluster), signal.SIGKILL)
        assert cluster.ensure_running().was_started
    assert rows(cluster.owner_url("shop"), "SELECT array_agg(n ORDER BY n) FROM sales") == [([0, 1, 2],)]
    assert "database system was not properly shut down" in "".join(
        path.read_text() for path in info.pgdata.glob("log/*.log")
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are told by /proc")
def test_a_busy_orphan_of_a_killed_server_does_not_hold_the_directory(world):
    cluster = world.cluster()
    info = cluster.ensure_running()
    code = """
    import psycopg
    connection = psycopg.connect(sys.argv[3], autocommit=True)
    say(pid=connection.info.backend_pid)
    connection.execute("DO $$ BEGIN LOOP END LOOP; END $$")
    """
    from tests.core.embedded_world import Process

    process = Process(code, cluster.data_dir, world.system_dir, cluster.admin_url())
    backend = process.answer()["pid"]
    while rows(cluster.admin_url(), "SELECT state FROM pg_stat_activity WHERE pid = %s", backend) != [("active",)]:
        pass
    os.kill(postmaster_pid(cluster), signal.SIGKILL)
    assert cluster.ensure_running().was_started
    assert backend not in processes_in(info.pgdata)
    process.finish()


def test_a_server_whose_starter_was_killed_is_used_and_later_stopped(users):
    starter = users.process("say(port=cluster.ensure_running(keep=False).port); told()")
    port = starter.answer()["port"]
    assert starter.kill() == -signal.SIGKILL
    status = users.cluster().status()
    assert (status.state, status.port, status.has_users) == ("running", port, False)
    follower = users.process("i = cluster.ensure_running(keep=False); say(port=i.port, was_started=i.was_started)")
    assert follower.answer() == {"port": port, "was_started": False}
    assert follower.finish() == 0
    assert users.cluster().status().state == "stopped"


def test_a_server_whose_starter_was_killed_in_mid_start_is_waited_for(users):
    code = """
    from primepos.core.embedded import server
    spawn = server.spawn
    def spawn_and_die(*given, **named):
        spawn(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    server.spawn = spawn_and_die
    cluster.ensure_running()
    """
    assert users.process(code).finish() == -signal.SIGKILL
    follower = users.process("say(was_started=cluster.ensure_running().was_started, url=cluster.owner_url('postgres'))")
    answer = follower.answer()
    assert follower.finish() == 0
    assert answer["was_started"] is False
    assert rows(answer["url"], "SELECT current_user::text") == [("primepos_owner",)]


def test_an_initdb_that_was_killed_counts_for_nothing(users):
    code = """
    from primepos.core.embedded import provision
    run_as = provision.run_as
    def run_and_die(*given, **named):
        run_as(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    provision.run_as = run_and_die
    cluster.ensure_running()
    """
    assert users.process(code, "killed").finish() == -signal.SIGKILL
    assert users.cluster("killed").status().state == "absent"
    follower = users.process("say(was_started=cluster.ensure_running().was_started)", "killed")
    assert follower.answer() == {"was_started": True}
    assert follower.finish() == 0
    assert not (users.home("killed") / "initdb").exists()


# ---- pitfall 3: who stops the server


def test_the_last_of_its_users_stops_the_server(users):
    code = "i = cluster.ensure_running(keep=False); say(port=i.port); told()"
    one, other = users.process(code), users.process(code)
    assert one.answer() == other.answer()
    one.go_on()
    assert one.finish() == 0
    assert users.cluster().status().state == "running"
    other.go_on()
    assert other.finish() == 0
    status = users.cluster().status()
    assert (status.state, status.has_users) == ("stopped", False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_user_stops_the_server(world, number):
    # A run under nohup hands on an ignored SIGHUP, which the launcher rightly leaves ignored.
    heeded = f"import signal; signal.signal({int(number)}, signal.SIG_DFL)"
    process = world.process(f"{heeded}; say(port=cluster.ensure_running(keep=False).port); told()")
    process.answer()
    assert process.kill(number) == 128 + number
    assert world.cluster().status().state == "stopped"


def test_a_server_somebody_asked_to_keep_outlives_its_users_until_it_is_stopped(world):
    process = world.process("cluster.ensure_running(keep=True); say(done=True)")
    process.answer()
    process.finish()
    cluster = world.cluster()
    assert not cluster.ensure_running(keep=False).was_started
    assert not cluster.leave()
    assert cluster.status().state == "running"
    assert cluster.stop()
    # Stopped by hand, it is nobody's wish any more.
    assert cluster.ensure_running(keep=False).was_started
    assert cluster.leave()
    assert not cluster.leave()
    assert cluster.status().state == "stopped"


def test_of_several_that_leave_at_once_one_stops_the_server(users):
    code = "cluster.ensure_running(keep=False); say(ready=True); told(); say(stopped=cluster.leave())"
    processes = [users.process(code) for _ in range(4)]
    for process in processes:
        process.answer()
    for process in processes:
        process.go_on()
    assert sorted(process.answer()["stopped"] for process in processes) == [False, False, False, True]
    assert {process.finish() for process in processes} == {0}
    assert users.cluster().status().state == "stopped"


# ---- pitfall 4: many at once


@pytest.mark.slow
def test_six_that_start_at_once_on_a_fresh_directory_get_one_server(users):
    code = "told(); i = cluster.ensure_running(keep=False); say(port=i.port, was_started=i.was_started); told()"
    processes = [users.process(code, "six") for _ in range(6)]
    for process in processes:
        process.go_on()
    answers = [process.answer() for process in processes]
    assert len({answer["port"] for answer in answers}) == 1
    assert sorted(answer["was_started"] for answer in answers) == [False] * 5 + [True]
    for process in processes:
        process.go_on()
    assert {process.finish() for process in processes} == {0}
    assert users.cluster("six").status().state == "stopped"


# ---- pitfall 5: root


def modes(*paths):
    """Mode and owner of every directory above the paths, the paths included."""
    return {
        str(step): (stat.S_IMODE(step.stat().st_mode), step.stat().st_uid, step.stat().st_gid)
        for path in paths
        for step in (path, *path.parents)
    }


@pytest.mark.skipif(not IS_ROOT, reason="what root may do")
@pytest.mark.parametrize("closed", [False, True])
def test_root_runs_it_as_another_account_and_widens_no_permission(world, closed):
    parent = world.closed if closed else world.base
    name = "closed/pg" if closed else "open"
    cluster = world.cluster(name)
    before = modes(parent)
    info = cluster.ensure_running()
    account = account_named("postgres") or account_named("nobody")
    assert modes(parent) == before
    assert info.pgdata.stat().st_uid == account.uid
    assert stat.S_IMODE(info.pgdata.stat().st_mode) == 0o700
    running = set(processes_in(info.pgdata))
    assert len(running) > 3
    for pid in running:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert fields["Uid"].split() == [str(account.uid)] * 4
        assert fields["Gid"].split() == [str(account.gid)] * 4
        assert fields["Groups"].split() == []
    # What it cannot reach is elsewhere, and the directory asked for says where.
    assert info.pgdata.is_relative_to(world.system_dir if closed else cluster.data_dir)
    assert may_enter(info.pgdata.parent, account)
    assert not may_enter(world.closed, account)
    cluster.stop()
    assert world.cluster(name).ensure_running().pgdata == info.pgdata
    cluster.destroy()
    assert not info.pgdata.parent.exists()
    assert modes(parent) == before


@pytest.mark.skipif(not IS_ROOT, reason="what root may do")
def test_root_in_the_directory_of_a_user_leaves_it_usable_for_him():
    account = ordinary_account()
    if account is None:
        pytest.skip("the account 'nobody' cannot read this Python or this source tree")
    his = World(account)
    try:
        his.home().mkdir()
        os.chown(his.home(), account.uid, account.gid)
        first = his.cluster()
        info = first.ensure_running()
        first.create_database("shop")
        first.stop()
        assert {path.stat().st_uid for path in his.home().iterdir()} == {account.uid}
        process = his.process("say(port=cluster.ensure_running(keep=False).port, url=cluster.owner_url('shop'))")
        answer = process.answer()
        process.finish()
        assert answer["port"] == info.port
    finally:
        his.close()


def test_modes_decide_who_may_enter(tmp_path):
    stranger = Account("stranger", 54321, 54321)
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o755)
    for directory, expected in ((0o711, True), (0o700, False), (0o754, False), (0o750, False)):
        inner.chmod(directory)
        assert may_enter(inner, stranger) is (expected and may_enter(tmp_path, stranger))
    inner.chmod(0o750)
    assert not may_enter(inner, Account("member", 54321, inner.stat().st_gid)) or may_enter(tmp_path, stranger)


# ---- pitfall 6: no time limit


def test_a_start_is_waited_for_as_long_as_the_server_lives(world, monkeypatch):
    cluster = world.cluster()
    cluster.ensure_running()
    cluster.stop("immediate")
    hours = iter(range(10**9))
    monkeypatch.setattr(server_module.time, "monotonic", lambda: 3600.0 * next(hours))
    news = []
    patient = world.cluster(on_wait=news.append)
    assert patient.ensure_running().was_started
    assert news
    assert all(isinstance(line, str) and line for line in news)


def test_a_server_that_dies_in_recovery_is_reported_not_waited_for(world):
    cluster = world.cluster("broken")
    info = cluster.ensure_running()
    cluster.stop("immediate")
    (info.pgdata / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedPostgresFailed) as failed:
        cluster.ensure_running()
    assert "pg_control" in failed.value.data["log"]
    assert cluster.status().state == "stopped"


# ---- without fsync


def test_a_server_without_fsync_is_restarted_with_it_unless_it_is_in_use(world):
    fast, safe = world.cluster(), world.cluster(fsync=True)
    fast.ensure_running(keep=False)
    assert rows(fast.admin_url(), "SELECT current_setting('fsync')") == [("off",)]
    with pytest.raises(EmbeddedPostgresFailed, match="without fsync"):
        safe.ensure_running()
    assert fast.status().state == "running"
    assert fast.leave()
    starter = world.process("cluster.ensure_running(); say(done=True); told()")
    starter.answer()
    starter.kill()
    assert safe.ensure_running().was_started
    settings = (
        "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')"
    )
    assert rows(safe.admin_url(), settings) == [("on", "on", "on")]
    assert rows(safe.admin_url(), "SELECT 1 FROM pg_db_role_setting") == []


# ---- what holds the rest together


def test_the_pid_file_is_read_as_a_claim(tmp_path):
    assert read_pid_file(tmp_path) is None
    forge(tmp_path, 4711, 5433)
    claim = read_pid_file(tmp_path)
    assert (claim.pid, claim.port, claim.is_ready) == (4711, 5433, True)
    (tmp_path / "postmaster.pid").write_text("99\n/x\n")
    claim = read_pid_file(tmp_path)
    assert (claim.pid, claim.port, claim.is_ready) == (99, None, False)


def test_a_lock_on_a_removed_file_is_taken_again_on_the_new_one(tmp_path):
    from primepos.core.embedded import locks

    file = tmp_path / "a.lock"
    first = locks.take(file)
    assert locks.take(file, wait=False) is None
    file.unlink()
    second = locks.take(file, wait=False)
    assert second is not None
    os.close(first)
    assert locks.take(file, wait=False, shared=True) is None
    os.close(second)
    shared = [locks.take(file, wait=False, shared=True) for _ in range(3)]
    assert None not in shared
    assert locks.take(file, wait=False) is None
    for fd in shared:
        os.close(fd)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_sessions_of_a_stopped_server_end(world):
    cluster = world.cluster()
    cluster.ensure_running()
    with psycopg.connect(cluster.admin_url(), autocommit=True) as session:
        assert cluster.stop()
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
