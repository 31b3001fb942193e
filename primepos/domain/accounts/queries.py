"""SQL of people, memberships and sessions. Every statement runs in a system transaction and names its tenant itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.domain.accounts.errors import OutletsNotFound, TillNotFound, UserNotFound
from primepos.domain.plans.room import require_room

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from primepos.core.db import UnitOfWork

# Everything that decides who a session is, in one statement.
_SESSION = (
    "SELECT s.id AS session_id, s.user_id, s.tenant_id, s.register_id, s.created_at, s.expires_at, s.revoked_at,"
    " u.name, u.email, u.is_superuser, u.disabled_at, u.password_expires_at, u.tokens_valid_from,"
    " m.role, o.grants AS role_grants, m.outlet_ids, m.disabled_at AS member_disabled_at,"
    " t.key AS tenant_key, t.slug, t.status,"
    " r.name AS register_name, r.outlet_id AS register_outlet_id, r.archived_at AS register_archived_at"
)
_SESSION_FROM = (
    " LEFT JOIN users u ON u.id = s.user_id LEFT JOIN tenants t ON t.id = s.tenant_id"
    " LEFT JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id"
    " LEFT JOIN roles o ON o.tenant_id = m.tenant_id AND o.name = m.role"
    " LEFT JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id"
)
_MEMBER = (
    "SELECT u.id, u.email, u.name, m.role, o.grants AS role_grants, m.outlet_ids, u.is_superuser,"
    " (m.disabled_at IS NOT NULL OR u.disabled_at IS NOT NULL) AS is_disabled"
    " FROM memberships m JOIN users u ON u.id = m.user_id"
    " LEFT JOIN roles o ON o.tenant_id = m.tenant_id AND o.name = m.role WHERE m.tenant_id = %(tenant_id)s"
)


# --- people ----------------------------------------------------------------------------------------------------------


def find_user(uow: UnitOfWork, email: str) -> dict[str, Any] | None:
    """Return an account by its normalised e-mail address."""
    rows = uow.rows("SELECT * FROM users WHERE email = %s", (email,))
    return rows[0] if rows else None


def user_by_id(uow: UnitOfWork, user_id: UUID) -> dict[str, Any] | None:
    """Return an account by its id."""
    rows = uow.rows("SELECT * FROM users WHERE id = %s", (user_id,))
    return rows[0] if rows else None


def insert_user(uow: UnitOfWork, values: dict[str, Any]) -> UUID | None:
    """Add an account; None if its e-mail address has one already. ``now`` is when its sessions begin to count."""
    rows = uow.rows(
        "INSERT INTO users (id, created_at, updated_at, email, name, password_hash, password_expires_at,"
        " is_superuser, tokens_valid_from) VALUES (%(id)s, %(now)s, %(now)s, %(email)s, %(name)s, %(password_hash)s,"
        " %(password_expires_at)s, %(is_superuser)s, %(now)s) ON CONFLICT (email) DO NOTHING RETURNING id",
        {"password_expires_at": None, "is_superuser": False} | values,
    )
    return rows[0]["id"] if rows else None


def set_password(uow: UnitOfWork, user_id: UUID, password_hash: str, *, now: datetime, until: datetime | None) -> None:
    """Store a password; with ``until`` a temporary one, which also outlaws every session begun before now."""
    uow.run(
        "UPDATE users SET password_hash = %(hash)s, password_expires_at = %(until)s, updated_at = %(now)s,"
        " tokens_valid_from = CASE WHEN %(until)s::timestamptz IS NULL THEN tokens_valid_from ELSE %(now)s END"
        " WHERE id = %(id)s",
        {"hash": password_hash, "until": until, "now": now, "id": user_id},
    )


def renew_hash(uow: UnitOfWork, user_id: UUID, old: str, new: str) -> None:
    """Store the same password under today's parameters, unless it was changed meanwhile."""
    uow.run("UPDATE users SET password_hash = %s WHERE id = %s AND password_hash = %s", (new, user_id, old))


def is_still(uow: UnitOfWork, user_id: UUID, password_hash: str) -> bool:
    """Tell whether the account still has the password that was checked, and keep it so until the commit."""
    found = uow.rows(
        "SELECT 1 AS one FROM users WHERE id = %s AND password_hash = %s AND disabled_at IS NULL FOR SHARE",
        (user_id, password_hash),
    )
    return bool(found)


def set_blocked(uow: UnitOfWork, email: str, *, blocked: bool, now: datetime) -> dict[str, Any]:
    """Shut an account out everywhere, or let it in again. Raises UserNotFound."""
    rows = uow.rows(
        "UPDATE users SET updated_at = %(now)s,"
        " disabled_at = CASE WHEN %(blocked)s THEN coalesce(disabled_at, %(now)s) END,"
        " tokens_valid_from = CASE WHEN %(blocked)s THEN %(now)s ELSE tokens_valid_from END"
        " WHERE email = %(email)s RETURNING *",
        {"email": email, "blocked": blocked, "now": now},
    )
    if not rows:
        raise UserNotFound
    return rows[0]


# --- memberships -----------------------------------------------------------------------------------------------------


def memberships_of(uow: UnitOfWork, user_id: UUID) -> list[dict[str, Any]]:
    """Return the tenants an account may enter, by short name; suspended ones too."""
    return uow.rows(
        "SELECT m.tenant_id, m.role, m.outlet_ids, t.key, t.slug, t.name, t.status"
        " FROM memberships m JOIN tenants t ON t.id = m.tenant_id"
        " WHERE m.user_id = %s AND m.disabled_at IS NULL ORDER BY t.slug",
        (user_id,),
    )


def insert_membership(
    uow: UnitOfWork, tenant_id: int, user_id: UUID, *, role: str, outlet_ids: list[UUID] | None
) -> None:
    """Let an account into a tenant; a second time ends as AlreadyMember. Raises QuotaExceeded."""
    uow.run(
        "INSERT INTO memberships (tenant_id, user_id, role, outlet_ids) VALUES (%s, %s, %s, %s)",
        (tenant_id, user_id, role, outlet_ids),
    )
    require_room(uow, tenant_id, "users")


def is_member(uow: UnitOfWork, tenant_id: int, user_id: UUID) -> bool:
    """Tell whether an account belongs to a tenant, disabled or not."""
    return bool(
        uow.rows("SELECT 1 AS one FROM memberships WHERE tenant_id = %s AND user_id = %s", (tenant_id, user_id))
    )


def find_member(
    uow: UnitOfWork, tenant_id: int, *, user_id: UUID | None = None, email: str | None = None
) -> dict[str, Any]:
    """Return one person of a tenant. Raises UserNotFound, for a foreign tenant's people too."""
    rows = uow.rows(
        _MEMBER
        + " AND (%(user_id)s::uuid IS NULL OR u.id = %(user_id)s) AND (%(email)s::text IS NULL OR u.email = %(email)s)",
        {"tenant_id": tenant_id, "user_id": user_id, "email": email},
    )
    if not rows:
        raise UserNotFound
    return rows[0]


def page_of_members(
    uow: UnitOfWork, tenant_id: int, *, after: str | None, limit: int, roles: Iterable[str] | None
) -> list[dict[str, Any]]:
    """Return up to ``limit + 1`` people of a tenant by e-mail address."""
    return uow.rows(
        _MEMBER + " AND (%(after)s::text IS NULL OR u.email > %(after)s)"
        " AND (%(roles)s::text[] IS NULL OR m.role = ANY(%(roles)s)) ORDER BY u.email LIMIT %(limit)s",
        {
            "tenant_id": tenant_id,
            "after": after,
            "limit": limit + 1,
            "roles": None if roles is None else list(roles),
        },
    )


def lock_owners(uow: UnitOfWork, tenant_id: int) -> list[UUID]:
    """Return the owners who can enter, locked in one order: who removes one must wait for who removes another."""
    rows = uow.rows(
        "SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = %s"
        " AND m.role = 'owner' AND m.disabled_at IS NULL AND u.disabled_at IS NULL"
        " ORDER BY m.user_id FOR UPDATE OF m",
        (tenant_id,),
    )
    return [row["user_id"] for row in rows]


def change_membership(uow: UnitOfWork, tenant_id: int, user_id: UUID, **values: Any) -> None:
    """Change role, outlets or standing of one membership."""
    allowed = {"role", "outlet_ids", "disabled_at"}
    settings = ", ".join(f"{name} = %({name})s" for name in values if name in allowed)
    uow.run(
        f"UPDATE memberships SET {settings}, updated_at = now()"  # noqa: S608  names from the list above
        " WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s",
        {**values, "tenant_id": tenant_id, "user_id": user_id},
    )


def opens_other_doors(uow: UnitOfWork, tenant_id: int, user_id: UUID) -> bool:
    """Tell whether an account belongs to another tenant, or administers the installation."""
    rows = uow.rows(
        "SELECT is_superuser OR EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.tenant_id <> %s)"
        " AS opens FROM users u WHERE u.id = %s",
        (tenant_id, user_id),
    )
    return bool(rows and rows[0]["opens"])


def check_outlets(uow: UnitOfWork, tenant_id: int, outlet_ids: Iterable[UUID] | None) -> list[UUID] | None:
    """Return the outlets without doubles if all are this tenant's. Raises OutletsNotFound."""
    if outlet_ids is None:
        return None
    wanted = sorted(set(outlet_ids))
    found = uow.rows("SELECT count(*) AS found FROM outlets WHERE tenant_id = %s AND id = ANY(%s)", (tenant_id, wanted))
    if found[0]["found"] != len(wanted):
        raise OutletsNotFound
    return wanted


# --- sessions --------------------------------------------------------------------------------------------------------


def session_row(uow: UnitOfWork, session_id: UUID) -> dict[str, Any] | None:
    """Return everything that decides who a session is."""
    rows = uow.rows(f"{_SESSION} FROM login_sessions s{_SESSION_FROM} WHERE s.id = %s", (session_id,))
    return rows[0] if rows else None


def session_of_token(uow: UnitOfWork, token_hash: str) -> dict[str, Any] | None:
    """Return the session of a refresh token and the token's own standing; both are locked, the session first."""
    rows = uow.rows(
        f"{_SESSION}, k.replaced_at, k.expires_at AS token_expires_at"
        " FROM refresh_tokens k JOIN login_sessions s ON s.id = k.session_id"
        f"{_SESSION_FROM} WHERE k.token_hash = %s FOR UPDATE OF s, k",
        (token_hash,),
    )
    return rows[0] if rows else None


def insert_session(uow: UnitOfWork, values: dict[str, Any]) -> None:
    """Begin a session with its first refresh token."""
    uow.run(
        "WITH opened AS (INSERT INTO login_sessions (id, user_id, tenant_id, register_id, created_at, expires_at)"
        " VALUES (%(id)s, %(user_id)s, %(tenant_id)s, %(register_id)s, %(now)s, %(expires_at)s) RETURNING id)"
        " INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at)"
        " SELECT %(token_hash)s, id, %(now)s, %(token_expires_at)s FROM opened",
        values,
    )


def replace_token(
    uow: UnitOfWork, session_id: UUID, *, old: str, new: str, now: datetime, expires_at: datetime
) -> None:
    """Mark a refresh token spent and add its successor."""
    uow.run(
        "WITH spent AS (UPDATE refresh_tokens SET replaced_at = %(now)s WHERE token_hash = %(old)s)"
        " INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at)"
        " VALUES (%(new)s, %(session_id)s, %(now)s, %(expires_at)s)",
        {"old": old, "new": new, "session_id": session_id, "now": now, "expires_at": expires_at},
    )


def unspent(uow: UnitOfWork, session_id: UUID, hashes: list[str]) -> dict[str, datetime]:
    """Return those of the tokens that belong to the session and were not spent, with the time each ends."""
    rows = uow.rows(
        "SELECT token_hash, expires_at FROM refresh_tokens"
        " WHERE session_id = %s AND token_hash = ANY(%s) AND replaced_at IS NULL",
        (session_id, hashes),
    )
    return {row["token_hash"]: row["expires_at"] for row in rows}


def revoke_sessions(
    uow: UnitOfWork,
    *,
    why: str,
    now: datetime,
    session_id: UUID | None = None,
    user_id: UUID | None = None,
    register_id: UUID | None = None,
    tenant_id: int | None = None,
    keep: UUID | None = None,
) -> int:
    """End one session, or those of a person or a till (in one tenant, if named) but for ``keep``."""
    return uow.run(
        "UPDATE login_sessions SET revoked_at = %(now)s, revoked_why = %(why)s WHERE revoked_at IS NULL"
        " AND (%(session_id)s::uuid IS NULL OR id = %(session_id)s)"
        " AND (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s)"
        " AND (%(register_id)s::uuid IS NULL OR register_id = %(register_id)s)"
        " AND (%(tenant_id)s::int IS NULL OR tenant_id = %(tenant_id)s)"
        " AND (%(keep)s::uuid IS NULL OR id <> %(keep)s)"
        " AND num_nonnulls(%(session_id)s::uuid, %(user_id)s::uuid, %(register_id)s::uuid) > 0",
        {
            "why": why,
            "now": now,
            "session_id": session_id,
            "user_id": user_id,
            "register_id": register_id,
            "tenant_id": tenant_id,
            "keep": keep,
        },
    )


def lock_till(uow: UnitOfWork, tenant_id: int, register_id: UUID) -> dict[str, Any]:
    """Return a till that is in use, locked, so that it is enrolled by one at a time. Raises TillNotFound."""
    rows = uow.rows(
        "SELECT id, code, name, outlet_id FROM registers WHERE tenant_id = %s AND id = %s AND kind = 'till'"
        " AND archived_at IS NULL FOR NO KEY UPDATE",
        (tenant_id, register_id),
    )
    if not rows:
        raise TillNotFound
    return rows[0]


def page_of_devices(
    uow: UnitOfWork, tenant_id: int, *, now: datetime, after: UUID | None, limit: int, outlet_ids: Iterable[UUID] | None
) -> list[dict[str, Any]]:
    """Return up to ``limit + 1`` enrolled tills by register, of some outlets or of all."""
    return uow.rows(
        "SELECT r.id AS register_id, r.code, r.name, r.outlet_id, s.created_at AS enrolled_at"
        " FROM login_sessions s JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id"
        " WHERE s.tenant_id = %(tenant_id)s AND s.revoked_at IS NULL AND s.expires_at > %(now)s"
        " AND (%(after)s::uuid IS NULL OR r.id > %(after)s)"
        " AND (%(outlet_ids)s::uuid[] IS NULL OR r.outlet_id = ANY(%(outlet_ids)s)) ORDER BY r.id LIMIT %(limit)s",
        {
            "tenant_id": tenant_id,
            "now": now,
            "after": after,
            "limit": limit + 1,
            "outlet_ids": None if outlet_ids is None else list(outlet_ids),
        },
    )


def spend_once(uow: UnitOfWork, key: str, until: datetime) -> bool:
    """Mark something as used, to be forgotten after ``until``; False if it was used before."""
    return bool(
        uow.run(
            "INSERT INTO throttle_counters (key, hits, expires_at) VALUES (%s, 1, %s) ON CONFLICT DO NOTHING",
            (key, until),
        )
    )
