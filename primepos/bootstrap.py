"""The composition root: settings become an engine, ports and a clock, and those become an :class:`App`.

The only place that joins the parts. Everything else is handed what it needs.
"""

from __future__ import annotations

import contextlib
import getpass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from primepos.core.clock import Clock, SystemClock
from primepos.core.context import Identity
from primepos.core.db import Database
from primepos.core.errors import PrimePOSError
from primepos.core.observing import tracer
from primepos.core.operations import OPERATIONS, App
from primepos.core.permissions import Role
from primepos.core.settings import Environment
from primepos.domain import schema
from primepos.domain.audit.trail import Trail
from primepos.domain.jobs.queue import TransactionalQueue
from primepos.domain.staff.approvals import StaffApprovals
from primepos.domain.tenancy.queries import load_tenant

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.adapters.mail import Mailer
    from primepos.adapters.storage.store import FileStore
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
    from primepos.adapters import schema_revision

    url = _embedded_url(settings)
    if not schema_revision.is_current(url):
        # Alembic takes longer to load than the rest of a start.
        from primepos.adapters import migrations

        _back_up_first(settings, url)
        migrations.upgrade(url)
    return url


def _back_up_first(settings: Settings, url: str) -> None:
    """Back up a shop on one PC before a new release changes its schema.

    A backup that fails is told at the till and in the log, and does not keep the shop closed: a revision that fails
    leaves nothing behind.
    """
    if settings.environment is Environment.SHOP:
        from primepos.adapters.backup.schedule import before_migration

        with contextlib.suppress(PrimePOSError):
            before_migration(url, settings, SystemClock())


def migration_url(settings: Settings) -> str:
    """Return the URL that migrations run at, as the owner; without one the embedded server is started."""
    if settings.migration_database_url is not None:
        return settings.migration_database_url.reveal()
    return _embedded_url(settings)


def _embedded_url(settings: Settings) -> str:
    cluster = embedded_cluster(settings)
    cluster.ensure_running()
    cluster.create_database(EMBEDDED_DATABASE)
    return cluster.owner_url(EMBEDDED_DATABASE)


def refuse_foreign_database(settings: Settings) -> None:
    """Refuse a database that belongs to another environment. Raises: WrongEnvironment.

    One that does not answer now is none of the reasons not to start: who starts waits for it.
    """
    if settings.database_url is None:
        return
    from primepos.adapters import environment_tag
    from primepos.adapters.migration_errors import DatabaseUnreachable

    with contextlib.suppress(DatabaseUnreachable):
        environment_tag.compare(settings.database_url.reveal(), settings.environment)


def build_database(settings: Settings, url: str | None = None) -> Database:
    """Return the database for a process with these settings; nothing connects yet."""
    made = Database(
        url or database_url(settings),
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        statement_timeout_ms=settings.db_statement_timeout_ms,
        lock_timeout_ms=settings.db_lock_timeout_ms,
        prepared_statements=settings.db_prepared_statements,
    )
    if (traced := tracer()) is not None:
        made.watch(traced.exchanged)
    return made


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
        mail=Postman(settings),
        files=Cabinet(settings),
    )


class Postman:
    """Sends mail as EMAIL_* says; see core.operations.Post."""

    def __init__(self, settings: Settings) -> None:
        """Connect to nothing yet."""
        self._settings = settings

    @cached_property
    def mailer(self) -> Mailer:
        """What sends, made at the first mail: the libraries of mail are no part of a start."""
        from primepos.adapters.mail import build_mailer

        return build_mailer(self._settings)

    def send(self, *, to: str, about: str, text: str, key: str) -> None:
        """Send one mail. Raises MailUnavailable to be tried again; the others are final."""
        from primepos.adapters.mail import Mail

        self.mailer.send(Mail(to=to, about=about, text=text, key=key))


class Cabinet:
    """Keeps files beside the data, or in the bucket that AWS_* names; see core.operations.Files."""

    def __init__(self, settings: Settings) -> None:
        """Reach for nothing yet."""
        self._settings = settings

    @cached_property
    def store(self) -> FileStore:
        """Where they are kept, opened at the first file: the libraries of buckets are no part of a start."""
        from primepos.adapters.storage.opening import open_store, own_place

        return open_store(own_place(self._settings, "files"), self._settings)

    def keep(self, name: str, content: bytes) -> None:
        """Store a file, or see that it is there. Raises StorageUnavailable."""
        from primepos.adapters.storage.store import StorageUnavailable, StoredFileNotFound

        try:
            self.store.put(name, [content])
        except StorageUnavailable:
            # Names tell content: whoever kept it first has kept the same.
            try:
                self.store.part(name, 0, 1)
            except StoredFileNotFound:
                pass
            else:
                return
            raise

    def read(self, name: str) -> bytes:
        """Return a file whole. Raises StoredFileNotFound, StorageUnavailable."""
        with self.store.open(name) as stream:
            return stream.read()

    def forget(self, name: str) -> None:
        """Remove a file. Raises StorageUnavailable."""
        self.store.delete(name)


def operator_name() -> str:
    """Return the name of the person at this shell, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


class LocalRunner:
    """Runs a till's operations in this process, as the register's device or as a person at it; see till/runner.py."""

    def __init__(self, app: App, register: Identity) -> None:
        """``register`` is the identity of the till's own device."""
        self._app = app
        self.register = register

    def run(self, operation: str, data: Any = None, *, person: AtRegister | None = None) -> Any:
        """Run the operation of this name; raises what it refuses with."""
        identity = self.register if person is None else person.identity(self.register)
        return self._app.run(OPERATIONS[operation], identity, data)


class AtRegister(Protocol):
    """Somebody who signed in at a register."""

    def identity(self, register: Identity) -> Identity:
        """Return who they are at this register."""
        ...


def build_local_runner(app: App, register_id: UUID, outlet_id: UUID, tenant_id: int, name: str) -> LocalRunner:
    """Return the runner of a till that has the core in its own process."""
    from primepos.domain.cash import service as _cash
    from primepos.domain.catalog import service as _catalog
    from primepos.domain.offers import service as _offers
    from primepos.domain.outlets import service as _outlets
    from primepos.domain.sales import service as _sales
    from primepos.domain.staff import service as _staff
    from primepos.domain.tenancy import service as _tenancy

    # Their operations register themselves when the modules are imported.
    del _cash, _catalog, _offers, _outlets, _sales, _staff, _tenancy
    device = Identity(
        kind="device",
        tenant_id=tenant_id,
        role=Role.DEVICE,
        actor_id=register_id,
        name=name,
        register_id=register_id,
        outlet_ids=frozenset({outlet_id}),
    )
    return LocalRunner(app, device)
