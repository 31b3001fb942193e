"""Access tokens: short-lived JWTs, signed and read with one algorithm and one fixed set of claims.

Strict on purpose: HS256 only, no header but alg and typ (so no key id, key address or critical extension can steer
anything), whole-number times, every claim present and of its type. Time comes from the clock that is passed in.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt

from primepos.core.errors import BadConfiguration, Unauthenticated
from primepos.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.clock import Clock
    from primepos.core.settings import Settings
    from primepos.core.settings_types import Secret

ALGORITHM = "HS256"
TOKEN_MAX_LENGTH = 4096
KEY_MIN_BYTES = 32
CLOCK_TOLERANCE_S = 5
ROLE_MAX_LENGTH = 64

_HEADER = {"alg": ALGORITHM, "typ": "JWT"}
_REQUIRED = ("exp", "iat", "nbf", "jti", "sub", "tenant", "sid", "role", "typ", "iss", "aud")
# Python's base64 skips characters it does not know, so a token would have many spellings.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_ALLOWED = frozenset({*_REQUIRED, "register"})


class TokenInvalid(Unauthenticated):
    """The token is not one that this service signed, or its claims are not what they must be."""

    code = "TOKEN_INVALID"
    template = "The access token is not valid"


class TokenExpired(Unauthenticated):
    """The token was good and its time is over: refresh it."""

    code = "TOKEN_EXPIRED"
    template = "The access token has expired"
    hint = "Get a new one with your refresh token."


class TokenKind(StrEnum):
    """Who holds a token: a person's session, or an enrolled till."""

    ACCESS = "access"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant:
    """What an access token is to say: who, in which tenant, by which session, in which role."""

    user_id: UUID
    tenant_id: UUID
    session_id: UUID
    role: str
    kind: TokenKind = TokenKind.ACCESS
    register_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims(AccessGrant):
    """What a token that was read says, with its own id and the time it ends."""

    token_id: UUID
    issued_at: datetime
    expires_at: datetime


def issue_access(grant: AccessGrant, settings: Settings, clock: Clock) -> str:
    """Return a signed token for ``settings.jwt_access_ttl_seconds`` from now. Raises BadConfiguration without a key."""
    now = int(clock.now().timestamp())
    payload: dict[str, Any] = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": str(grant.user_id),
        "tenant": str(grant.tenant_id),
        "sid": str(grant.session_id),
        "role": grant.role,
        "typ": grant.kind.value,
        "jti": str(new_id()),
        "iat": now,
        "nbf": now,
        "exp": now + settings.jwt_access_ttl_seconds,
    }
    if grant.register_id is not None:
        payload["register"] = str(grant.register_id)
    return jwt.encode(payload, _key(settings.jwt_secret_key), algorithm=ALGORITHM)


def read_access(token: str, settings: Settings, clock: Clock) -> AccessClaims:
    """Return what a token says after every check.

    The current key is tried first, then the fallbacks of a rotation. Raises TokenExpired for a genuine token whose
    time is over and TokenInvalid for everything else; the reason is not told to whoever presents it.
    """
    payload = _verified(token, settings)
    if payload.keys() - _ALLOWED or payload.keys() < set(_REQUIRED):
        raise TokenInvalid
    if payload["iss"] != settings.jwt_issuer or payload["aud"] != settings.jwt_audience:
        raise TokenInvalid
    issued, not_before, expires = (_whole(payload[name]) for name in ("iat", "nbf", "exp"))
    now = clock.now().timestamp()
    if issued > now + CLOCK_TOLERANCE_S or not_before > now + CLOCK_TOLERANCE_S or expires <= issued:
        raise TokenInvalid
    try:
        role, register = payload["role"], payload.get("register")
        if not isinstance(role, str) or not 0 < len(role) <= ROLE_MAX_LENGTH:
            raise TokenInvalid
        claims = AccessClaims(
            user_id=_uuid(payload["sub"]),
            tenant_id=_uuid(payload["tenant"]),
            session_id=_uuid(payload["sid"]),
            role=role,
            kind=TokenKind(payload["typ"]),
            register_id=None if register is None else _uuid(register),
            token_id=_uuid(payload["jti"]),
            issued_at=_moment(issued),
            expires_at=_moment(expires),
        )
    except (ValueError, OverflowError):
        raise TokenInvalid from None
    if expires <= now:
        raise TokenExpired
    return claims


def _verified(token: str, settings: Settings) -> Mapping[str, Any]:
    """Return the payload of a token whose header and signature are right."""
    if len(token) > TOKEN_MAX_LENGTH or not _COMPACT.fullmatch(token) or _header(token) != _HEADER:
        raise TokenInvalid
    options: Any = {
        "require": list(_REQUIRED), "verify_exp": False, "verify_nbf": False, "verify_iat": False,
        "verify_aud": False, "verify_iss": False, "verify_sub": True, "verify_jti": True,
    }  # fmt: skip
    # The times, issuer and audience are compared by the caller: with our clock, and without PyJWT's allowance for
    # lists of audiences and fractions of seconds.
    for key in (settings.jwt_secret_key, *settings.jwt_secret_key_fallbacks):
        try:
            return jwt.decode(token, _key(key), algorithms=[ALGORITHM], options=options)
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, RecursionError):
            break
    raise TokenInvalid


def _header(token: str) -> object:
    """Return the decoded header, or None when it is not even JSON."""
    try:
        part = token.partition(".")[0]
        return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None


def _key(secret: Secret) -> bytes:
    key = secret.reveal().encode("utf-8")
    if len(key) < KEY_MIN_BYTES:
        raise BadConfiguration(f"JWT_SECRET_KEY has {len(key)} bytes, needs {KEY_MIN_BYTES}")
    return key


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TokenInvalid
    return value


def _uuid(value: object) -> UUID:
    """Read an id in its one canonical form: no braces, no urn:, no upper case."""
    if not isinstance(value, str) or str(UUID(value)) != value:
        raise TokenInvalid
    return UUID(value)


def _moment(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
