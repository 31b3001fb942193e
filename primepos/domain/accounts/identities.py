"""From the claims of an access token to the identity that acts, as things stand now.

A token says which session it belongs to; what the session may do is read from the database, in one statement, and
kept for five seconds. So a token of a session that was ended, of a person who was shut out or whose role changed is
dead, or means the new role, everywhere within five seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

from primepos.core.context import Identity
from primepos.core.db import run_in_transaction
from primepos.core.permissions import Role
from primepos.core.tokens import TokenKind
from primepos.domain.accounts import queries
from primepos.domain.accounts.errors import SessionEnded
from primepos.domain.accounts.roles import read_grants

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.core.clock import Clock
    from primepos.core.db import Database
    from primepos.core.tokens import AccessClaims

IDENTITY_TTL_S = 5.0
NO_TENANT = UUID(int=0)
NO_ROLE = "none"
_MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is remembered of a session; ``identity`` None means that it has ended."""

    until: float
    identity: Identity | None
    holder: UUID | None = None
    tenant_key: UUID = NO_TENANT


_known: WeakKeyDictionary[Database, dict[UUID, _Kept]] = WeakKeyDictionary()


def resolve_identity(database: Database, claims: AccessClaims, clock: Clock) -> Identity:
    """Return who a verified access token stands for now. Raises SessionEnded."""
    kept = _known.setdefault(database, {})
    found = kept.get(claims.session_id)
    if found is None or found.until <= time.monotonic():
        found = _look_up(database, claims.session_id, clock.now())
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[claims.session_id] = found
    identity = found.identity
    if identity is None or claims.user_id != found.holder or claims.tenant_id != found.tenant_key:
        raise SessionEnded
    if (claims.kind is TokenKind.DEVICE) != (identity.kind == "device") or claims.register_id != identity.register_id:
        raise SessionEnded
    return identity


def forget_session(database: Database, session_id: UUID | None) -> None:
    """Drop what this process remembers of one session."""
    if session_id is not None:
        _known.get(database, {}).pop(session_id, None)


def forget_identities(database: Database) -> None:
    """Drop what this process remembers of all sessions, after a change to somebody's standing."""
    _known.get(database, {}).clear()


def identity_of(row: dict[str, Any], now: datetime) -> Identity:
    """Return who the session in ``row`` is. Raises SessionEnded."""
    if row["revoked_at"] is not None or row["expires_at"] <= now:
        raise SessionEnded
    if row["register_id"] is not None:
        return _device(row)
    if row["disabled_at"] is not None or row["created_at"] < row["tokens_valid_from"]:
        raise SessionEnded
    if row["tenant_id"] is None:
        role: str | None = Role.SAAS_ADMIN if row["is_superuser"] else None
    elif row["role"] is None or row["member_disabled_at"] is not None:
        raise SessionEnded
    else:
        role = row["role"]
    return Identity(
        kind="user",
        tenant_id=row["tenant_id"],
        # A password that somebody else knows serves to choose another, and for nothing else.
        role=role if row["password_expires_at"] is None else None,
        actor_id=row["user_id"],
        name=row["name"],
        outlet_ids=None if row["outlet_ids"] is None else frozenset(row["outlet_ids"]),
        session_id=row["session_id"],
        grants=read_grants(row["role_grants"]) if row["password_expires_at"] is None else None,
    )


def _device(row: dict[str, Any]) -> Identity:
    if row["register_outlet_id"] is None or row["register_archived_at"] is not None:
        raise SessionEnded
    return Identity(
        kind="device",
        tenant_id=row["tenant_id"],
        role=Role.DEVICE,
        actor_id=row["register_id"],
        name=row["register_name"],
        outlet_ids=frozenset({row["register_outlet_id"]}),
        register_id=row["register_id"],
        session_id=row["session_id"],
    )


def _look_up(database: Database, session_id: UUID, now: datetime) -> _Kept:
    until = time.monotonic() + IDENTITY_TTL_S
    row = run_in_transaction(
        lambda: database.system_session(read_only=True), lambda uow: queries.session_row(uow, session_id)
    )
    if row is None:
        return _Kept(until, None)
    try:
        identity = identity_of(row, now)
    except SessionEnded:
        return _Kept(until, None)
    return _Kept(until, identity, identity.actor_id, row["tenant_key"] or NO_TENANT)
