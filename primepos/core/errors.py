"""The error tree: every refusal has a stable code, a kind and data fields.

    PrimePOSError
    +- InvalidInput          INVALID          422 / exit 2
    +- Unauthenticated       UNAUTHENTICATED  401 / exit 3
    +- PermissionDenied      FORBIDDEN        403 / exit 4
    |  +- ApprovalRequired
    +- NotFound              NOT_FOUND        404 / exit 5
    +- Conflict              CONFLICT         409 / exit 6
    +- RuleViolation         RULE             409 / exit 7
    +- TooManyRequests       THROTTLED        429 / exit 8
    +- Unavailable           UNAVAILABLE      503 / exit 8
    +- BadConfiguration      CONFIG           500 / exit 78
    +- InternalError         BUG              500 / exit 70

Features subclass one of these with their own ``code`` and ``template``. No HTTP number and no exit code
lives below the faces: each face maps :class:`ErrorKind` once.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from primepos.core.allowance import Verdict


class ErrorKind(Enum):
    """What sort of refusal an error is; the only thing a face needs to know to render it."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    RULE = "rule"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    CONFIG = "config"
    BUG = "bug"


class PrimePOSError(Exception):
    """Base of every refusal: a stable code, a sentence made from data fields, and an optional hint.

    ``template`` is formatted with the keyword arguments given; they are kept as ``data`` (JSON-ready values
    only) so a face can show them. Never pass a secret as data.
    """

    kind: ClassVar[ErrorKind] = ErrorKind.BUG
    code: ClassVar[str] = "INTERNAL_ERROR"
    template: ClassVar[str] = "Internal server error"
    hint: str | None = None

    def __init__(self, message: str | None = None, /, *, hint: str | None = None, **data: Any) -> None:
        self.data = data
        self.message = message if message is not None else self.template.format(**data)
        if hint is not None:
            self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class InvalidInput(PrimePOSError):
    """The data given does not have the shape or range asked for; nothing was done.

    ``problems`` lists every field at fault as ``{"field": ..., "problem": ...}``.
    """

    kind = ErrorKind.INVALID
    code = "INVALID_INPUT"
    template = "The input is not valid"


class Unauthenticated(PrimePOSError):
    """Nobody is signed in, or the credentials are wrong or worn out."""

    kind = ErrorKind.UNAUTHENTICATED
    code = "UNAUTHENTICATED"
    template = "Sign in first"


class PermissionDenied(PrimePOSError):
    """The identity does not hold the permission; the refusal is audited."""

    kind = ErrorKind.FORBIDDEN
    code = "PERMISSION_DENIED"
    template = "You may not do this: it needs {permission}"


class ApprovalRequired(PermissionDenied):
    """The act is allowed with the approval of another person who holds it."""

    code = "APPROVAL_REQUIRED"
    template = "This needs a manager's approval ({permission})"


class NotFound(PrimePOSError):
    """No such thing in this tenant. A foreign tenant's id answers the same."""

    kind = ErrorKind.NOT_FOUND
    code = "NOT_FOUND"
    template = "{what} not found"


class Conflict(PrimePOSError):
    """The thing exists already or has changed since it was read."""

    kind = ErrorKind.CONFLICT
    code = "CONFLICT"
    template = "This conflicts with what is stored"


class RuleViolation(PrimePOSError):
    """A business rule refuses the act."""

    kind = ErrorKind.RULE
    code = "RULE_VIOLATION"
    template = "A rule of the shop refuses this"


class TooManyRequests(PrimePOSError):
    """A throttle refuses for now; ``retry_after_s`` whole seconds until it makes sense to try again.

    ``verdicts`` says which policies are used up, for a face that tells.
    """

    kind = ErrorKind.THROTTLED
    code = "TOO_MANY_REQUESTS"
    template = "Too many attempts; try again in {retry_after_s} seconds"
    verdicts: tuple[Verdict, ...] = ()

    def because(self, *verdicts: Verdict) -> Self:
        """Say which policies are used up, and return the error itself."""
        self.verdicts = verdicts
        return self


class Unavailable(PrimePOSError):
    """The database, a terminal or another server does not answer; trying again later may help."""

    kind = ErrorKind.UNAVAILABLE
    code = "UNAVAILABLE"
    template = "The service is not available right now"


class BadConfiguration(PrimePOSError):
    """The environment is not fit to run in; ``problems`` names every setting at fault."""

    kind = ErrorKind.CONFIG
    code = "BAD_CONFIGURATION"
    template = "The configuration is not valid"


class InternalError(PrimePOSError):
    """A bug of ours. The text is fixed: details go to the log only."""
