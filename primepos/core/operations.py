"""The one door: operations are declared here, and :meth:`App.run` is the only way to run one.

``@operation`` replaces the function with an :class:`Operation`, which cannot be called. The runner checks the
permission (or takes another person's approval), validates the input, opens one transaction bound to the
tenant, runs the handler, writes the audit row, commits, and so releases the jobs. A refusal is audited in a
short transaction of its own, since the main one is rolled back or never began.
"""

from __future__ import annotations

import hashlib
import inspect
import typing
from dataclasses import dataclass
from enum import Enum
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar, cast

import msgspec

from primepos.core.context import ANONYMOUS, Approval, Consent, Context, Identity, TenantInfo
from primepos.core.db import run_in_transaction
from primepos.core.errors import (
    ApprovalRequired,
    BadConfiguration,
    ErrorKind,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PrimePOSError,
    Unauthenticated,
)
from primepos.core.ids import new_id
from primepos.core.log import get_logger
from primepos.core.observing import span
from primepos.core.permissions import Act, Decision, Grant, Permission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from primepos.core.clock import Clock
    from primepos.core.context import Files, JobQueue
    from primepos.core.db import Database, UnitOfWork
    from primepos.core.settings import Settings

In = TypeVar("In")
Out = TypeVar("Out")
log = get_logger(__name__)


class Scope(Enum):
    """Whether an operation works inside one tenant or across tenants."""

    TENANT = "tenant"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, eq=False)
class Operation(Generic[In, Out]):
    """A declared act: its name, who may do it, what goes in, what comes out, how it can be refused.

    Not callable on purpose. ``reads`` operations run in a read-only transaction and leave no audit row
    unless they are refused. One that ``weighs`` says itself what its act weighs, by ``ctx.require`` for its own
    permission before it writes anything, so that limits and approvals hold for the amount; for all others the runner
    asks whether the act is allowed as such.
    """

    name: str
    permission: Permission
    handler: Callable[[Context, In], Out]
    input: type[In]
    output: type[Out]
    raises: tuple[type[PrimePOSError], ...]
    scope: Scope
    reads: bool
    summary: str
    doc: str
    weighs: bool = False

    def __call__(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Refuse: an operation runs through ``App.run`` only, where permission and tenant are checked."""
        raise TypeError(f"{self.name} is run by App.run, not called")


OPERATIONS: dict[str, Operation[Any, Any]] = {}


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The input or output of an operation that takes or gives none."""


def operation(
    name: str,
    *,
    permission: Permission,
    raises: tuple[type[PrimePOSError], ...] = (),
    scope: Scope = Scope.TENANT,
    reads: bool = False,
    weighs: bool = False,
) -> Callable[[Callable[[Context, In], Out]], Operation[In, Out]]:
    """Declare a function of a feature's ``service.py`` as an operation.

    The function takes ``(ctx: Context, data: SomeStruct)`` and returns a struct; both types are read from
    its annotations. Its docstring becomes the public description. ``weighs``: see :class:`Operation`.
    """

    def declare(handler: Callable[[Context, In], Out]) -> Operation[In, Out]:
        hints = typing.get_type_hints(handler, localns={"Context": Context})
        parameters = list(inspect.signature(handler).parameters)
        doc = inspect.getdoc(handler) or ""
        if not doc:
            raise TypeError(f"operation {name} has no docstring")
        if name in OPERATIONS:
            raise TypeError(f"operation {name} is declared twice")
        declared: Operation[In, Out] = Operation(
            name=name,
            permission=permission,
            handler=handler,
            input=hints[parameters[1]],
            output=hints["return"],
            raises=raises,
            scope=scope,
            reads=reads,
            summary=doc.splitlines()[0],
            doc=doc,
            weighs=weighs,
        )
        OPERATIONS[name] = declared
        return declared

    return declare


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One row of the trail: who did, or was refused, what, when, with whose approval."""

    tenant_id: int | None
    operation: str
    outcome: str
    error_code: str | None
    identity: Identity
    approver: Identity | None
    subject: str | None
    data: dict[str, Any]
    request_id: str


class AuditSink(Protocol):
    """Turns an audit event into the statement that stores it. Lives in ``domain.audit``."""

    def statement(self, event: AuditEvent) -> tuple[str, tuple[Any, ...]]:
        """Return SQL and parameters for one row."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation by somebody: what another person's consent is bound to.

    ``content`` is the hash of the operation's name and input; a repeated call has the same.
    """

    operation: str
    identity: Identity
    content: bytes


class Approvals(Protocol):
    """Knows other people's consents. Lives in ``domain.staff``."""

    def resolve(self, uow: UnitOfWork, settings: Settings, call: Call, approval: Approval) -> Consent:
        """Return the consent that was handed in; raises ``Unauthenticated`` or ``PermissionDenied`` if it is none."""
        ...

    def spend(self, uow: UnitOfWork, call: Call, consent: Consent) -> None:
        """Store, in the transaction of the act, what the consent was used for; raises if another call was faster."""
        ...


class TenantLoader(Protocol):
    """Reads what every operation needs to know of its tenant. Lives in ``domain.tenancy``."""

    def __call__(self, uow: UnitOfWork, tenant_id: int) -> TenantInfo:
        """Return the tenant's settings."""
        ...


class Post(Protocol):
    """Sends mail; jobs use it, since no transaction waits for a network. Lives in ``adapters.mail``."""

    def send(self, *, to: str, about: str, text: str, key: str) -> None:
        """Send one mail in plain text; the same ``key`` is the same mail. Raises Unavailable to be tried again."""
        ...


class NoPost:
    """Sends nothing, for an App that was put together without mail."""

    def send(self, *, to: str, about: str, text: str, key: str) -> None:
        """Refuse. Raises BadConfiguration."""
        del to, about, text, key
        raise BadConfiguration("This App was put together without mail")


class NoFiles:
    """Keeps nothing, for an App that was put together without a file store."""

    def keep(self, name: str, content: bytes) -> None:
        """Refuse. Raises BadConfiguration."""
        del name, content
        raise BadConfiguration("This App was put together without a file store")

    def read(self, name: str) -> bytes:
        """Refuse. Raises BadConfiguration."""
        del name
        raise BadConfiguration("This App was put together without a file store")

    def forget(self, name: str) -> None:
        """Refuse. Raises BadConfiguration."""
        del name
        raise BadConfiguration("This App was put together without a file store")


class OperationObserver(Protocol):
    """Hears of every operation that ended."""

    def __call__(
        self,
        operation: Operation[Any, Any],
        identity: Identity,
        *,
        error: BaseException | None,
        result: object,
        replayed: bool,
        seconds: float,
    ) -> None:
        """Take note. ``error`` is what it raised, else ``result`` what it gave; ``replayed``: answered from before."""
        ...


def parse(shape: type[In], data: Mapping[str, Any] | msgspec.Struct | None) -> In:
    """Return ``data`` as ``shape``, validated; a struct made in Python is validated as well.

    Raises :class:`InvalidInput` naming the field at fault. A struct that checks fields against each other names the
    one to blame itself, before a colon: ``lines: a sale has at least one line``.
    """
    try:
        # Through plain values and back: a struct made in Python has not been validated by anybody yet.
        return msgspec.convert(msgspec.to_builtins({} if data is None else data), shape)
    except RecursionError:
        raise InvalidInput("input: nested too deeply") from None
    except (msgspec.ValidationError, ValueError) as error:
        text, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".")
        named, colon, rest = text.partition(": ")
        if colon and named.isidentifier() and isinstance(error.__cause__, ValueError):
            field, text = f"{field}.{named}" if field else named, rest
        field = field or "input"
        raise InvalidInput(f"{field}: {text}", problems=[{"field": field, "problem": text}]) from None


def _content(operation: Operation[Any, Any], shaped: object) -> bytes:
    """Return what a call is about, as a hash: the same for the same call sent again."""
    said = msgspec.json.encode(shaped, order="deterministic")
    return hashlib.sha256(operation.name.encode() + b"\0" + said).digest()


_NEED_NO_GRANT = frozenset({Permission.PUBLIC, Permission.SELF})
_NOT_AUDITED = {
    ErrorKind.INVALID,
    ErrorKind.NOT_FOUND,
    ErrorKind.THROTTLED,
    ErrorKind.UNAVAILABLE,
    ErrorKind.CONFIG,
    ErrorKind.BUG,
}


class App:
    """The composition's result: every face holds one and runs operations through it."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        audit: AuditSink,
        approvals: Approvals,
        jobs: JobQueue,
        tenants: TenantLoader,
        mail: Post | None = None,
        files: Files | None = None,
    ) -> None:
        """Hold the parts; ``bootstrap.build_app`` is the one place that joins them."""
        self.settings = settings
        self.database = database
        self.clock = clock
        self.mail: Post = mail or NoPost()
        self.files: Files = files or NoFiles()
        self._audit = audit
        self._approvals = approvals
        self._jobs = jobs
        self._tenants = tenants
        self._observers: tuple[OperationObserver, ...] = ()

    def watch(self, observer: OperationObserver) -> None:
        """Let ``observer`` hear of every operation from now on; it must neither raise nor block."""
        self._observers = (*self._observers, observer)

    def unwatch(self, observer: OperationObserver) -> None:
        """Tell ``observer`` no more."""
        self._observers = tuple(each for each in self._observers if each != observer)

    def run(
        self,
        operation: Operation[In, Out],
        identity: Identity = ANONYMOUS,
        data: Mapping[str, Any] | In | None = None,
        *,
        approval: Approval | None = None,
        request_id: str | None = None,
    ) -> Out:
        """Run one operation as ``identity`` and return what it gives.

        ``data`` is a mapping or the operation's input struct; both are validated. ``approval`` is a second
        person's consent for acts that need one; it is used up in the transaction of the act.

        Raises: :class:`Unauthenticated`, :class:`PermissionDenied`, :class:`ApprovalRequired` (both
        audited), :class:`InvalidInput`, and whatever the operation declares in ``raises``.
        """
        request_id = request_id or str(new_id())
        note = _Outcome()
        started = perf_counter()
        failure: BaseException | None = None
        result: Out | None = None
        try:
            with span(operation.name):
                result = self._run(operation, identity, data, approval, request_id, note)
        except PrimePOSError as error:
            failure = error
            if isinstance(error, ApprovalRequired):
                # With the acts it carries, all that is needed to ask for consent from elsewhere.
                error.data.setdefault("operation", operation.name)
            if self._is_audited(operation, error):
                self._audit_refusal(operation, identity, note, error, request_id)
            raise
        except BaseException as error:
            failure = error
            raise
        else:
            return result
        finally:
            if self._observers:
                self._tell(operation, identity, note, failure, result, perf_counter() - started)

    def _tell(
        self,
        operation: Operation[Any, Any],
        identity: Identity,
        note: _Outcome,
        failure: BaseException | None,
        result: object,
        seconds: float,
    ) -> None:
        replayed = note.context is not None and note.context.is_replayed
        for observe in self._observers:
            observe(operation, identity, error=failure, result=result, replayed=replayed, seconds=seconds)

    def _run(
        self,
        operation: Operation[In, Out],
        identity: Identity,
        data: Mapping[str, Any] | In | None,
        approval: Approval | None,
        request_id: str,
        outcome: _Outcome,
    ) -> Out:
        grant = self._grant(operation, identity)
        shaped = self._shaped(operation, grant, data, is_alone=approval is None)
        # Also where the operation itself is allowed: what is asked of it (a price, a discount) may need consent.
        call = None if approval is None else Call(operation.name, identity, _content(operation, shaped))

        def work(uow: UnitOfWork) -> Out:
            consent = None
            if approval is not None and call is not None:
                consent = self._approvals.resolve(uow, self.settings, call, approval)
                outcome.approver = consent.approver
            context = Context(
                identity=identity,
                uow=uow,
                clock=self.clock,
                settings=self.settings,
                jobs=self._jobs,
                grant=grant,
                request_id=request_id,
                consent=consent,
                files=self.files,
                _load_tenant=self._tenants,
            )
            outcome.context = context
            if not operation.weighs and operation.permission not in _NEED_NO_GRANT:
                context.require(operation.permission)
            result = self._handled(operation, context, shaped)
            self._see_weighed(operation, context)
            if call is not None and consent is not None and consent.claimed and not context.is_replayed:
                self._approvals.spend(uow, call, consent)
            if operation.reads:
                uow.commit()
            else:
                event = self._event(operation, identity, outcome, None, request_id)
                uow.commit(self._audit.statement(event))
            return result

        # To read with another person's consent is to write down that it was used.
        read_only = operation.reads and approval is None

        def open_unit() -> UnitOfWork:
            if operation.scope is Scope.SYSTEM:
                return self.database.system_session(read_only=read_only)
            if identity.tenant_id is None:
                raise Unauthenticated("This needs a tenant: sign in to one")
            return self.database.tenant(identity.tenant_id, read_only=read_only)

        return run_in_transaction(open_unit, work)

    def _shaped(
        self, operation: Operation[In, Out], grant: Grant, data: Mapping[str, Any] | In | None, *, is_alone: bool
    ) -> In:
        """Return the input of a call that is not refused whatever it says; who may not act learns nothing of it."""
        if grant.decision is Decision.DENY:
            raise PermissionDenied(permission=operation.permission.value)
        lacks = grant.decision is Decision.APPROVE and is_alone
        if lacks and not operation.weighs:
            raise self._lacking(operation)
        try:
            return parse(operation.input, cast("Mapping[str, Any] | msgspec.Struct | None", data))
        except InvalidInput:
            if lacks:
                raise self._lacking(operation) from None
            raise

    @staticmethod
    def _lacking(operation: Operation[Any, Any]) -> ApprovalRequired:
        """Return the refusal of an act that needs consent as such, whatever it weighs."""
        act = Act(permission=operation.permission)
        return ApprovalRequired(permission=operation.permission.value, acts=[act.shown()])

    def _handled(self, operation: Operation[In, Out], context: Context, shaped: In) -> Out:
        """Run the handler; who may not act alone is not told what is not there, before the act is weighed."""
        try:
            return operation.handler(context, shaped)
        except NotFound:
            if context.grant.decision is Decision.APPROVE and context.consent is None and not context.weighed:
                raise self._lacking(operation) from None
            raise

    def _see_weighed(self, operation: Operation[Any, Any], context: Context) -> None:
        """See that what promised to weigh itself did so, before anything it did is kept.

        What was answered from before did nothing that could weigh: it needs the consent to be shown, not to be new.
        """
        if context.consent is not None and context.consent.is_spent and not context.is_replayed:
            raise self._lacking(operation)
        if not operation.weighs or operation.permission in context.weighed:
            return
        if not context.is_replayed:
            raise TypeError(f"{operation.name} promised to weigh its act and did not")
        if context.grant.decision is not Decision.ALLOW and context.consent is None:
            raise self._lacking(operation)

    @staticmethod
    def _is_audited(operation: Operation[Any, Any], error: PrimePOSError) -> bool:
        """Tell refusals worth a row from noise: a stranger without a token could otherwise fill the trail."""
        if error.kind is ErrorKind.UNAUTHENTICATED:
            return operation.permission is Permission.PUBLIC
        return error.kind not in _NOT_AUDITED

    @staticmethod
    def _grant(operation: Operation[Any, Any], identity: Identity) -> Grant:
        if operation.permission is Permission.PUBLIC:
            return Grant(Decision.ALLOW)
        if identity.kind == "anonymous":
            raise Unauthenticated
        if operation.permission is Permission.SELF:
            return Grant(Decision.ALLOW, own=True)
        return identity.grant(operation.permission)

    def _event(
        self,
        operation: Operation[Any, Any],
        identity: Identity,
        outcome: _Outcome,
        error: PrimePOSError | None,
        request_id: str,
    ) -> AuditEvent:
        note = outcome.context.audit if outcome.context is not None else None
        return AuditEvent(
            # Also of a system operation: whom an owner let in is the tenant's business.
            tenant_id=identity.tenant_id,
            operation=operation.name,
            outcome="done" if error is None else "refused",
            error_code=None if error is None else error.code,
            identity=identity,
            approver=outcome.approver,
            subject=note.subject if note else None,
            data=dict(note.data) if note else {},
            request_id=request_id,
        )

    def _audit_refusal(
        self,
        operation: Operation[Any, Any],
        identity: Identity,
        outcome: _Outcome,
        error: PrimePOSError,
        request_id: str,
    ) -> None:
        event = self._event(operation, identity, outcome, error, request_id)
        if error.kind is ErrorKind.FORBIDDEN and not isinstance(error, ApprovalRequired):
            log.warning(
                "authz.denied",
                request_id=request_id,
                operation=operation.name,
                permission=error.data.get("permission", operation.permission.value),
                error_code=error.code,
                tenant_id=identity.tenant_id,
                user_id=identity.actor_id,
                role=identity.role,
            )

        def open_unit() -> UnitOfWork:
            if event.tenant_id is None:
                return self.database.system_session()
            return self.database.tenant(event.tenant_id)

        run_in_transaction(open_unit, lambda uow: uow.commit(self._audit.statement(event)))


@dataclass(slots=True)
class _Outcome:
    """What is known of a run when it ends, whichever way it ends."""

    context: Context | None = None
    approver: Identity | None = None
