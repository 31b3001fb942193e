"""Sessions and their refresh tokens: begun, continued, and ended when a token turns up that should be gone.

A refresh token is used once. The successor's text is made from the token and the server's key, so an answer that was
lost is given again, the same, for ten seconds, and no secret is stored. Whoever comes later, or with an older one,
has a copy: then the whole session ends, for the thief and for the owner.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from primepos.core.ids import new_id
from primepos.core.security import hash_token, new_token
from primepos.core.tokens import AccessGrant, TokenKind, issue_access
from primepos.domain.accounts import queries
from primepos.domain.accounts.errors import RefreshInvalid, SessionEnded
from primepos.domain.accounts.identities import NO_ROLE, NO_TENANT, identity_of
from primepos.domain.accounts.schemas import SignedIn

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.clock import Clock
    from primepos.core.context import Context
    from primepos.core.db import UnitOfWork
    from primepos.core.settings import Settings
    from primepos.core.settings_types import Secret

REFRESH_GRACE = timedelta(seconds=10)
# However often it is refreshed, a person's session ends after this long.
SESSION_LIFETIME = timedelta(days=30)
# A till stays enrolled until it is revoked, and may stand switched off over a season.
DEVICE_LIFETIME = timedelta(days=3650)
DEVICE_TOKEN_LIFE = timedelta(days=400)

_PURPOSE = b"primepos refresh successor\x00"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What became of a refresh token: its successor, or ``reused`` if the session was ended because of it."""

    session_id: UUID
    row: dict[str, Any]
    token: str = ""
    token_expires_at: datetime | None = None
    reused: bool = False


def begin_session(
    ctx: Context, *, tenant_id: int | None, user_id: UUID | None = None, register_id: UUID | None = None
) -> SignedIn:
    """Begin a person's or a till's session in the running transaction and return its first pair of tokens.

    Raises SessionEnded for whoever may not enter.
    """
    now, session_id, token = ctx.clock.now(), new_id(), new_token()
    ends = now + (SESSION_LIFETIME if register_id is None else DEVICE_LIFETIME)
    token_ends = min(ends, now + _token_life(register_id, ctx.settings))
    queries.insert_session(
        ctx.uow,
        {
            "id": session_id,
            "user_id": user_id,
            "tenant_id": tenant_id,
            "register_id": register_id,
            "now": now,
            "expires_at": ends,
            "token_hash": hash_token(token),
            "token_expires_at": token_ends,
        },
    )
    row = queries.session_row(ctx.uow, session_id)
    if row is None:
        raise SessionEnded
    return signed_in(row, refresh_token=token, refresh_expires_at=token_ends, settings=ctx.settings, clock=ctx.clock)


def rotate(uow: UnitOfWork, token: str, settings: Settings, now: datetime) -> Rotation:
    """Spend a refresh token, or end the session if it was spent before; the caller commits either way.

    Raises RefreshInvalid, SessionEnded.
    """
    token_hash = hash_token(token)
    row = queries.session_of_token(uow, token_hash)
    if row is None:
        raise RefreshInvalid
    session_id = row["session_id"]
    identity_of(row, now)
    if row["replaced_at"] is None:
        if row["token_expires_at"] <= now:
            raise RefreshInvalid
        new = successor(token, settings.secret_key)
        ends = min(row["expires_at"], now + _token_life(row["register_id"], settings))
        queries.replace_token(uow, session_id, old=token_hash, new=hash_token(new), now=now, expires_at=ends)
        return Rotation(session_id, row, new, ends)
    if now - row["replaced_at"] <= REFRESH_GRACE:
        # The key may have been rotated in the seconds between.
        answers = {hash_token(made): made for made in _successors(token, settings)}
        for found, ends in queries.unspent(uow, session_id, list(answers)).items():
            return Rotation(session_id, row, answers[found], ends)
    queries.revoke_sessions(uow, session_id=session_id, why="refresh token reused", now=now)
    return Rotation(session_id, row, reused=True)


def successor(token: str, key: Secret) -> str:
    """Return the refresh token that follows ``token``: as random as it to whoever lacks the server's key."""
    made = hmac.new(key.reveal().encode() + _PURPOSE, token.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return urlsafe_b64encode(made).rstrip(b"=").decode("ascii")


def signed_in(
    row: dict[str, Any], *, refresh_token: str, refresh_expires_at: datetime, settings: Settings, clock: Clock
) -> SignedIn:
    """Return the pair of tokens for a session whose row this is. Raises SessionEnded."""
    now = clock.now()
    identity = identity_of(row, now)
    if identity.actor_id is None or identity.session_id is None:
        raise SessionEnded
    grant = AccessGrant(
        user_id=identity.actor_id,
        tenant_id=row["tenant_key"] or NO_TENANT,
        session_id=identity.session_id,
        role=identity.role or NO_ROLE,
        kind=TokenKind.DEVICE if identity.kind == "device" else TokenKind.ACCESS,
        register_id=identity.register_id,
    )
    return SignedIn(
        access_token=issue_access(grant, settings, clock),
        refresh_token=refresh_token,
        expires_in=settings.jwt_access_ttl_seconds,
        refresh_expires_in=max(0, int((refresh_expires_at - now).total_seconds())),
        tenant=row["slug"],
        role=identity.role,
        must_change_password=row["register_id"] is None and row["password_expires_at"] is not None,
    )


def _token_life(register_id: UUID | None, settings: Settings) -> timedelta:
    """Return how long a refresh token may lie unused."""
    return timedelta(seconds=settings.jwt_refresh_ttl_seconds) if register_id is None else DEVICE_TOKEN_LIFE


def _successors(token: str, settings: Settings) -> list[str]:
    return [successor(token, key) for key in (settings.secret_key, *settings.secret_key_fallbacks)]
