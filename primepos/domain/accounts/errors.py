"""How signing in, and acts on the people who do, are refused."""

from __future__ import annotations

from primepos.core.db import register_constraint
from primepos.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PermissionDenied,
    RuleViolation,
    Unauthenticated,
)


class BadCredentials(Unauthenticated):
    """No such account, another password, a disabled account: whoever asks cannot tell which."""

    code = "BAD_CREDENTIALS"
    template = "E-mail address or password is wrong"


class SessionEnded(Unauthenticated):
    """The session was signed out, revoked or is too old, or its person may no longer enter."""

    code = "SESSION_ENDED"
    template = "This session has ended; sign in again"


class RefreshInvalid(Unauthenticated):
    """The refresh token is unknown or its time is over."""

    code = "REFRESH_INVALID"
    template = "The refresh token is not valid; sign in again"


class RefreshReused(Unauthenticated):
    """A refresh token was used again long after its successor was: somebody has a copy, so the session was ended."""

    code = "REFRESH_REUSED"
    template = "This refresh token was used before, so the session was ended; sign in again"
    hint = "If you did not do this, somebody copied your token: change your password."


class TenantRequired(InvalidInput):
    """The person belongs to several tenants and must say which; ``tenants`` lists their short names."""

    code = "TENANT_REQUIRED"
    template = "You belong to several tenants; say which one"


class NotAMember(PermissionDenied):
    """The person does not belong to this tenant, or there is no such tenant."""

    code = "NOT_A_MEMBER"
    template = "You do not belong to {slug!r}"


class NoAccount(PermissionDenied):
    """Only a person who signed in by password has a password and tenants to choose from."""

    code = "NO_ACCOUNT"
    template = "Only a person who is signed in by password can do this"


class WrongPassword(PermissionDenied):
    """The current password is not this one."""

    code = "WRONG_PASSWORD"
    template = "The current password is wrong"


class PasswordUnchanged(InvalidInput):
    """The new password is the old one."""

    code = "PASSWORD_UNCHANGED"
    template = "The new password is the old one"


class RegistrationClosed(PermissionDenied):
    """Accounts are made by administrators, or on invitation, only."""

    code = "REGISTRATION_CLOSED"
    template = "You need an invitation to create an account here"


class InvitationInvalid(InvalidInput):
    """The invitation was forged, is over, or was used already."""

    code = "INVITATION_INVALID"
    template = "This invitation is not valid any more"


class EmailTaken(Conflict):
    """Somebody has an account with this e-mail address."""

    code = "EMAIL_TAKEN"
    template = "There is an account with this e-mail address already"


class AlreadyMember(Conflict):
    """The person belongs to this tenant already."""

    code = "ALREADY_MEMBER"
    template = "This person belongs to the tenant already"


class UserNotFound(NotFound):
    """No such person in this tenant."""

    code = "USER_NOT_FOUND"
    template = "No such user here"


class OutletsNotFound(NotFound):
    """An outlet named is not one of this tenant's."""

    code = "OUTLET_NOT_FOUND"
    template = "No such outlet"


class TillNotFound(NotFound):
    """No such till in this tenant, or it is archived, or it is an outlet's server register."""

    code = "REGISTER_NOT_FOUND"
    template = "No such till"


class NotEnrolled(NotFound):
    """No device is enrolled as this till."""

    code = "NOT_ENROLLED"
    template = "No device is enrolled as this till"


class LastOwner(RuleViolation):
    """A tenant keeps at least one owner who can enter."""

    code = "LAST_OWNER"
    template = "This is the last owner; make somebody else an owner first"


class OwnRole(RuleViolation):
    """Nobody changes the role they hold, or shuts themselves out."""

    code = "OWN_ROLE"
    template = "Nobody changes their own standing; ask another owner"


class RoleNotYours(PermissionDenied):
    """Nobody looks after people who may do more; a manager only after those of own outlets who look after nobody."""

    code = "ROLE_NOT_YOURS"
    template = "You may not look after people of role {role} or of these outlets"


class RoleNotFound(NotFound):
    """No such role: none is built in under this name, and the tenant made none."""

    code = "ROLE_NOT_FOUND"
    template = "No such role: {role}"


class MoreThanYours(PermissionDenied):
    """Nobody hands out more than they hold; ``permissions`` names what the giver lacks."""

    code = "MORE_THAN_YOURS"
    template = "You cannot grant what you do not hold: {permissions}"


class GrantNotPossible(InvalidInput):
    """A role cannot hold this, or not with this limit; ``why`` says what is wrong with it."""

    code = "GRANT_NOT_POSSIBLE"
    template = "{permission}: {why}"


class UserOfOthers(RuleViolation):
    """The account also opens other doors, so this tenant cannot give it a new password."""

    code = "USER_OF_OTHERS"
    template = "This account also opens other tenants; only its owner or the operator can change its password"


register_constraint("users_email_key", EmailTaken)
register_constraint("memberships_pkey", AlreadyMember)
