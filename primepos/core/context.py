"""Who acts (:class:`Identity`) and what an operation gets to work with (:class:`Context`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from primepos.core.permissions import Decision, Grant, Permission, Role, grant_of

if TYPE_CHECKING:
    from primepos.core.amounts import Currency
    from primepos.core.clock import Clock
    from primepos.core.db import UnitOfWork
    from primepos.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, for which tenant, from where.

    ``kind`` is ``anonymous``, ``user`` (signed in by password), ``staff`` (signed in by PIN at a register),
    ``device`` (an enrolled till), ``operator`` (a person with the server's own settings, at a shell) or
    ``system`` (a job). ``tenant_id`` is the database's integer and never leaves the process.
    ``outlet_ids`` None means every outlet.
    """

    kind: str = "anonymous"
    tenant_id: int | None = None
    role: str | None = None
    actor_id: UUID | None = None
    name: str = ""
    outlet_ids: frozenset[UUID] | None = None
    register_id: UUID | None = None
    session_id: UUID | None = None

    def grant(self, permission: Permission) -> Grant:
        """Return what this identity may do with ``permission``."""
        return grant_of(self.role, permission)

    def can(self, permission: Permission) -> bool:
        """Tell whether the act is allowed without anybody's approval; for display only."""
        return self.grant(permission).decision is Decision.ALLOW

    def may_use_outlet(self, outlet_id: UUID) -> bool:
        """Tell whether the outlet is among those this identity works in."""
        return self.outlet_ids is None or outlet_id in self.outlet_ids


ANONYMOUS = Identity()


def operator(name: str, tenant_id: int | None = None) -> Identity:
    """Return the identity of a person at the server's shell: owner inside a tenant, saas_admin outside."""
    role = Role.OWNER if tenant_id is not None else Role.SAAS_ADMIN
    return Identity(kind="operator", tenant_id=tenant_id, role=role, name=name)


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """What every operation needs to know of its tenant; read once and kept for a few seconds."""

    id: int
    key: UUID
    slug: str
    name: str
    status: str
    currency: Currency
    zone: str
    day_starts_hour: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person's consent: their staff code and PIN, checked by the runner before the act."""

    staff_code: str
    pin: str = field(repr=False)


@dataclass(slots=True)
class AuditNote:
    """What the operation wants remembered beside who, what and when. JSON-ready values, no secrets."""

    subject: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


class JobQueue(Protocol):
    """Defers work inside the running transaction: it exists if, and only if, the transaction commits."""

    def defer(self, uow: UnitOfWork, task: str, *, lock: str | None = None, **arguments: Any) -> int:
        """Queue ``task`` and return the job's number."""
        ...


@dataclass(slots=True)
class Context:
    """What an operation works with. Only the runner makes one."""

    identity: Identity
    uow: UnitOfWork
    clock: Clock
    settings: Settings
    jobs: JobQueue
    grant: Grant
    request_id: str
    approver: Identity | None = None
    audit: AuditNote = field(default_factory=AuditNote)
    _tenant: TenantInfo | None = None
    _load_tenant: Any = None

    @property
    def tenant_id(self) -> int:
        """The tenant the transaction is bound to; a system operation has none and may not ask."""
        if self.identity.tenant_id is None:
            raise LookupError("a system operation has no tenant")
        return self.identity.tenant_id

    @property
    def tenant(self) -> TenantInfo:
        """Settings, currency and zone of the tenant, loaded at first use."""
        if self._tenant is None:
            self._tenant = self._load_tenant(self.uow, self.tenant_id)
        return self._tenant

    def note(self, subject: str, **data: Any) -> None:
        """Say what the audit row is about; ``data`` must be JSON-ready and free of secrets."""
        self.audit.subject = subject
        self.audit.data.update(data)

    def defer(self, task: str, *, lock: str | None = None, **arguments: Any) -> int:
        """Queue a job in this transaction; it is released by the commit."""
        return self.jobs.defer(self.uow, task, lock=lock, **arguments)
