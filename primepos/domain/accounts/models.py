"""People who sign in by e-mail: global, tied to tenants by memberships."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Identified, Table, TenantScoped, Timestamped


class User(Timestamped, Identified, Table, table=True):
    """One person, found by normalised e-mail. ``is_superuser`` makes a saas_admin.

    ``password_expires_at`` marks a password that somebody else set: until then it serves to choose one's own,
    and for nothing else.
    """

    __tablename__ = "users"

    email: str = Field(unique=True)
    name: str
    password_hash: str
    password_expires_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    is_superuser: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    disabled_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    # Tokens issued before this moment are dead: a changed password or role ends every session.
    tokens_valid_from: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})


class Membership(Timestamped, TenantScoped, table=True):
    """A person's role in one tenant. ``outlet_ids`` NULL means every outlet; a disabled one opens nothing."""

    __tablename__ = "memberships"
    __table_args__ = (sa.Index("memberships_user_id_idx", "user_id"),)

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    role: str
    outlet_ids: list[UUID] | None = Field(default=None, sa_column=sa.Column(ARRAY(PG_UUID(as_uuid=True))))
    disabled_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)


class TenantRole(Timestamped, TenantScoped, table=True):
    """A role that a tenant made for itself, known by its name. The built-in ones are in no table: they are locked.

    ``grants`` maps a permission to what accounts.roles writes there; what is not named is denied.
    """

    __tablename__ = "roles"
    __table_args__ = (
        sa.CheckConstraint(
            "name ~ '^[a-z][a-z0-9_]{1,31}$' AND name NOT IN"
            " ('saas_admin', 'owner', 'manager', 'cashier', 'stock_clerk', 'accountant', 'device', 'none')",
            name="name",
        ),
        sa.CheckConstraint("jsonb_typeof(grants) = 'object'", name="grants"),
        sa.CheckConstraint("version >= 1", name="version"),
    )

    name: str = Field(primary_key=True)
    title: str
    grants: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    version: int = Field(default=1, sa_column=sa.Column(sa.BigInteger, nullable=False, server_default=sa.text("1")))


class LoginSession(Identified, Table, table=True):
    """One sign-in: a family of refresh tokens that lives and dies together. A person's, or an enrolled till's."""

    __tablename__ = "login_sessions"
    __table_args__ = (
        sa.Index("login_sessions_user_id_idx", "user_id"),
        sa.Index("login_sessions_tenant_id_idx", "tenant_id", "register_id"),
        sa.CheckConstraint("(user_id IS NULL) <> (register_id IS NULL)", name="holder"),
    )

    user_id: UUID | None = Field(default=None, foreign_key="users.id")
    tenant_id: int | None = Field(default=None, foreign_key="tenants.id")
    register_id: UUID | None = None
    created_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    expires_at: datetime = Field(sa_type=TIMESTAMP)
    revoked_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    revoked_why: str | None = None


class RefreshToken(Table, table=True):
    """One refresh token, known by its SHA-256. ``replaced_at`` marks it spent; it names its successor.

    The successor's text is derived from the token itself and the server's key, so the same answer can be
    given again within the grace without being stored.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (sa.Index("refresh_tokens_session_id_idx", "session_id"),)

    token_hash: str = Field(primary_key=True)
    session_id: UUID = Field(foreign_key="login_sessions.id")
    issued_at: datetime = Field(sa_type=TIMESTAMP)
    expires_at: datetime = Field(sa_type=TIMESTAMP)
    replaced_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
