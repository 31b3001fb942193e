"""Who acts (:class:`Identity`) and what an operation gets to work with (:class:`Context`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from primepos.core.clock import business_date
from primepos.core.errors import ApprovalRequired, PermissionDenied
from primepos.core.permissions import DENY, Act, Decision, Grant, Permission, Role, grant_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from decimal import Decimal

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
    ``outlet_ids`` None means every outlet. ``grants`` are those of a role that the tenant made itself, read with the
    standing of whoever signs in; None: the role is a built-in one. ``account_id`` is the account of somebody who
    signed in at a till, so that nobody agrees to what they ask themselves.
    """

    kind: str = "anonymous"
    tenant_id: int | None = None
    role: str | None = None
    actor_id: UUID | None = None
    name: str = ""
    outlet_ids: frozenset[UUID] | None = None
    register_id: UUID | None = None
    session_id: UUID | None = None
    grants: Mapping[Permission, Grant] | None = field(default=None, repr=False, hash=False)
    account_id: UUID | None = None

    def grant(self, permission: Permission) -> Grant:
        """Return what this identity may do with ``permission``."""
        if self.grants is not None:
            return self.grants.get(permission, DENY)
        return grant_of(self.role, permission)

    def is_same_person(self, actor_id: UUID | None, account_id: UUID | None = None) -> bool:
        """Tell whether this is the person with these ids, by PIN or by account; two without any count as one."""
        mine = {self.actor_id, self.account_id} - {None}
        return bool(mine & {actor_id, account_id}) or (self.actor_id is None and actor_id is None)

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
    """A second person's consent as it is handed in, for the runner to check.

    On the spot their staff code and PIN, or their badge; from elsewhere the ``id`` of what they agreed to before.
    """

    staff_code: str = ""
    pin: str = field(default="", repr=False)
    badge: str = field(default="", repr=False)
    id: UUID | None = None


@dataclass(slots=True)
class Consent:
    """A second person's consent that was checked.

    ``acts`` is what they agreed to before; None on the spot, where they agree to whatever they hold themselves.
    ``claimed`` collects what it was needed for. ``is_spent``: it served this very call before, whose answer was lost.
    """

    approver: Identity
    id: UUID | None = None
    acts: tuple[Act, ...] | None = None
    is_spent: bool = False
    claimed: list[Act] = field(default_factory=list)

    def covers(self, act: Act, today: date | None) -> bool:
        """Tell whether the other person agreed to this act, and may."""
        if self.acts is not None:
            return any(act.within(agreed) for agreed in self.acts)
        if act.outlet_id is not None and not self.approver.may_use_outlet(act.outlet_id):
            return False
        return self.approver.grant(act.permission).covers(act, today)


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


class Files(Protocol):
    """Keeps files under flat names; lives in ``adapters.storage``. Nothing waits for it inside a transaction."""

    def keep(self, name: str, content: bytes) -> None:
        """Store a file; one of this name that is there already is the same one. Raises Unavailable."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file whole. Raises NotFound, Unavailable."""
        ...

    def forget(self, name: str) -> None:
        """Remove a file; one that is gone already is no error. Raises Unavailable."""
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
    consent: Consent | None = None
    weighed: set[Permission] = field(default_factory=set)
    files: Files | None = None
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

    @property
    def approver(self) -> Identity | None:
        """The other person who agrees, if there is one."""
        return None if self.consent is None else self.consent.approver

    @property
    def today(self) -> date:
        """The business day of the tenant now."""
        return business_date(self.clock.now(), self.tenant.zone, self.tenant.day_starts_hour)

    @property
    def is_replayed(self) -> bool:
        """Whether the operation said that it answered a call from before and did nothing anew."""
        return self.audit.data.get("replayed") is True

    def require(
        self,
        permission: Permission,
        *,
        percent: Decimal | None = None,
        amount: int | None = None,
        sold_on: date | None = None,
        outlet_id: UUID | None = None,
        subject: str | None = None,
    ) -> None:
        """See that the caller may do an act that weighs so much, alone or with the other person who agrees to it.

        ``percent`` and ``amount`` (minor units, either sign) count the act itself; see :class:`Act`. Call it before
        anything is written. Raises PermissionDenied, ApprovalRequired.
        """
        self.require_all(
            [
                Act(
                    permission=permission,
                    percent=percent,
                    amount=None if amount is None else abs(amount),
                    sold_on=sold_on,
                    outlet_id=outlet_id,
                    subject=subject,
                )
            ]
        )

    def require_all(self, acts: Iterable[Act]) -> None:
        """See that the caller may do every one of these acts; what needs consent is asked for all at once.

        This is the one place where a role and another person's consent are weighed together (FreeOpenSourcePOS/FloCafe
        #166 looked at the role first, so consent could never help). Raises PermissionDenied, ApprovalRequired with
        ``acts``, which is what to ask for.
        """
        lacking: list[Act] = []
        for act in acts:
            self.weighed.add(act.permission)
            grant = self.identity.grant(act.permission)
            if grant.decision is Decision.DENY:
                raise PermissionDenied(permission=act.permission.value)
            if grant.covers(act, self._day_for(grant)):
                continue
            if self.consent is not None and self.consent.covers(
                act, self._day_for(self.consent.approver.grant(act.permission))
            ):
                self.consent.claimed.append(act)
                continue
            lacking.append(act)
        if lacking:
            raise ApprovalRequired(permission=lacking[0].permission.value, acts=[act.shown() for act in lacking])

    def _day_for(self, grant: Grant) -> date | None:
        """Return today where the grant looks at it; only then the tenant's settings are needed."""
        return None if grant.days_back is None else self.today

    def note(self, subject: str, **data: Any) -> None:
        """Say what the audit row is about; ``data`` must be JSON-ready and free of secrets."""
        self.audit.subject = subject
        self.audit.data.update(data)

    def defer(self, task: str, *, lock: str | None = None, **arguments: Any) -> int:
        """Queue a job in this transaction; it is released by the commit."""
        return self.jobs.defer(self.uow, task, lock=lock, **arguments)
