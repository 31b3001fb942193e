"""What every test can ask for: an App on a real PostgreSQL that the migrations built, and a fresh shop in it.

One server serves the whole run; each worker has its own database and each test its own tenant, so tests neither wait
for nor see each other.
"""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from _pytest.junitxml import xml_key

from primepos.adapters import migrations
from primepos.bootstrap import build_app, build_database
from primepos.core.clock import FrozenClock
from primepos.core.embedded.binaries import find_binaries
from primepos.core.embedded.cluster import Cluster
from primepos.core.log import reset_logging
from primepos.core.settings import load_settings
from tests.factories import Shop, a_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.db import Database
    from primepos.core.operations import App
    from primepos.core.settings import Settings

SHARED = Path(os.environ.get("PRIMEPOS_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


# A gate must answer the same on the same code: where CI is set, examples are derived from the test, not drawn.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Write into the JUnit report which commit was tested: the deploy gate believes no other (QA080)."""
    report = config.stash.get(xml_key, None)
    if report is not None:
        report.add_global_property("commit", _commit())


def _commit() -> str:
    """Return the commit of this checkout, marked where files differ from it; empty outside a repository."""
    told = []
    for arguments in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no")):
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
        told.append(done.stdout.strip() if done.returncode == 0 else "")
    return f"{told[0]}-changed" if told[1] else told[0]


@pytest.fixture(autouse=True)
def _logging_as_imported() -> Iterator[None]:
    """No test sees the stream, the level or the secrets that another one configured."""
    yield
    reset_logging()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data the tests may read where it is there."""
    if not SHARED.is_dir():
        pytest.skip("no shared data")
    return SHARED


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One PostgreSQL for the run, shared by every worker; PRIMEPOS_PG_BIN chooses another version."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    chosen = os.environ.get("PRIMEPOS_PG_BIN")
    server = Cluster(
        base / "postgres",
        find_binaries(Path(chosen)) if chosen else None,
        fsync=False,
        system_dir=base / "system",
    )
    server.ensure_running(keep=False)
    yield server
    if server.leave():
        server.destroy()


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """A database that the migrations built, to be copied."""
    name = f"template_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    cluster.create_database(name)
    migrations.upgrade(cluster.owner_url(name))
    return name


@pytest.fixture(scope="session")
def database_url(cluster: Cluster, template: str) -> str:
    """The database of this worker, owned by a role that is no superuser."""
    name = f"worker_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    cluster.create_database(name, template)
    return cluster.owner_url(name)


@pytest.fixture
def fresh_database(cluster: Cluster, template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database of the test's own, for what is seen across tenants."""
    name = f"fresh_{abs(hash(request.node.nodeid)) % 10**9}_{os.getpid()}"
    cluster.create_database(name, template)
    yield cluster.owner_url(name)
    cluster.drop_database(name)


def settings_for(url: str, data_dir: Path, **more: str) -> Settings:
    """Return test settings that point at ``url``."""
    return load_settings(
        {
            "PRIMEPOS_ENV": "test",
            "DATABASE_URL": url,
            "PRIMEPOS_DATA_DIR": str(data_dir),
            # A busy machine is no reason to fail; what is slow is measured in bench/.
            "DB_STATEMENT_TIMEOUT_MS": "60000",
            # Tests share addresses and an hour that does not pass; those of the limit set their own.
            "RATE_LIMIT_API": "1000000/hour",
            **more,
        },
        component="cli",
    )


@pytest.fixture(scope="session")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of the shared App."""
    return settings_for(database_url, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def database(settings: Settings) -> Iterator[Database]:
    """The shared App's database."""
    made = build_database(settings)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands at noon UTC of a Monday in March 2026."""
    return FrozenClock(NOON)


@pytest.fixture
def app(settings: Settings, database: Database, clock: FrozenClock) -> App:
    """An App on the worker's database with a clock that stands still."""
    return build_app(settings, database=database, clock=clock)


@pytest.fixture
def make_app(tmp_path: Path, clock: FrozenClock) -> Iterator[Callable[..., App]]:
    """Make an App on another database: ``make_app(url, pool_size=8)``."""
    made: list[Database] = []

    def make(url: str, **variables: str) -> App:
        settings = settings_for(url, tmp_path, **variables)
        database = build_database(settings)
        made.append(database)
        return build_app(settings, database=database, clock=clock)

    yield make
    for each in made:
        each.dispose()


@pytest.fixture
def shop(app: App) -> Shop:
    """A fresh tenant: one outlet with a till and its server register, taxes, three products, three people."""
    return a_shop(app)


@pytest.fixture
def other_shop(app: App) -> Shop:
    """Another fresh tenant, whose things must stay unseen."""
    return a_shop(app)
