"""The composition root: settings become an engine, ports and a clock, and those become an :class:`App`.

The only place that joins the parts. Everything else is handed what it needs.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from primepos.core.clock import Clock, SystemClock
from primepos.core.db import Database
from primepos.core.operations import App
from primepos.domain import schema
from primepos.domain.audit.trail import Trail
from primepos.domain.jobs.queue import TransactionalQueue
from primepos.domain.staff.approvals import StaffApprovals
from primepos.domain.tenancy.queries import load_tenant

if TYPE_CHECKING:
    from primepos.core.embedded.cluster import Cluster
    from primepos.core.settings import Settings

EMBEDDED_DATABASE = "primepos"
# A table may point at one of a feature that nothing else has imported: all of them are known before the first query.
TABLES = schema.METADATA


def embedded_cluster(settings: Settings) -> Cluster:
    """Return the embedded PostgreSQL of these settings' data directory, not yet started."""
    from primepos.core.embedded.binaries import find_binaries
    from primepos.core.embedded.cluster import Cluster

    binaries = find_binaries(settings.pg_bin) if settings.pg_bin else None
    return Cluster(settings.data_dir / "postgres", binaries)


def database_url(settings: Settings) -> str:
    """Return the database's URL; without one the embedded server is started, and its schema brought up to date."""
    if settings.database_url is not None:
        return settings.database_url.reveal()
    from primepos.adapters import migrations

    cluster = embedded_cluster(settings)
    cluster.ensure_running()
    cluster.create_database(EMBEDDED_DATABASE)
    url = cluster.owner_url(EMBEDDED_DATABASE)
    if migrations.current(url) != migrations.head():
        migrations.upgrade(url)
    return url


def build_database(settings: Settings, url: str | None = None) -> Database:
    """Return the database for a process with these settings; nothing connects yet."""
    return Database(
        url or database_url(settings),
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        statement_timeout_ms=settings.db_statement_timeout_ms,
        lock_timeout_ms=settings.db_lock_timeout_ms,
        prepared_statements=settings.db_prepared_statements,
    )


def build_app(settings: Settings, *, database: Database | None = None, clock: Clock | None = None) -> App:
    """Join everything into an App."""
    clock = clock or SystemClock()
    return App(
        settings=settings,
        database=database or build_database(settings),
        clock=clock,
        audit=Trail(),
        approvals=StaffApprovals(clock),
        jobs=TransactionalQueue(),
        tenants=load_tenant,
    )


def operator_name() -> str:
    """Return the name of the person at this shell, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
