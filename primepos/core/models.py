"""Bases of every table: constraint names, tenant scope, timestamps, money columns.

Money is ``bigint`` minor units, a unit price ``numeric(14,4)``, a quantity ``numeric(14,3)``, a rate
``numeric(15,6)`` (a fixed tax is one too, in currency units), a moment ``timestamptz``. SQLModel tables do not
validate on construction: input is validated by the operations' schemas, invariants by CHECK constraints.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from primepos.core.ids import new_id

SQLModel.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

UNIT_PRICE = sa.Numeric(14, 4)
QUANTITY = sa.Numeric(14, 3)
RATE = sa.Numeric(15, 6)
TIMESTAMP = sa.DateTime(timezone=True)


class Table(SQLModel):
    """Base of every table, tenant-scoped or global."""


class _ColumnOnClass:
    """Gives ``tenant_id`` on a class that is no mapped class, as a loader criteria needs it.

    A SQLModel base hides class attributes, so it cannot be the target of ``with_loader_criteria``; this
    plain marker can, and one marker costs a tenth of listing every table. Subclasses do not inherit it: there
    it would hide the mapped column while the class is being made.
    """

    def __get__(self, _instance: object, owner: type | None = None) -> Any:
        if owner is not TenantMark:
            raise AttributeError("tenant_id")
        return sa.column("tenant_id", sa.Integer)


class TenantMark:
    """Marks the tables whose rows belong to one tenant: the target of the session's scope."""

    tenant_id = _ColumnOnClass()


class TenantFields(SQLModel):
    """The tenant's integer, first column of every key."""

    tenant_id: int = Field(foreign_key="tenants.id", primary_key=True)


class TenantScoped(TenantMark, TenantFields, Table):
    """A table whose rows belong to one tenant. Its keys and foreign keys begin with ``tenant_id``."""


class DetailFields(SQLModel):
    """The tenant's integer of a row that hangs on a parent."""

    tenant_id: int = Field(primary_key=True)


class TenantDetail(TenantMark, DetailFields, Table):
    """A tenant's table whose composite foreign key to its parent vouches for the tenant.

    A key of its own to ``tenants`` would lock that one row in every sale of every till.
    """


class Identified(SQLModel):
    """A row with its own UUIDv7."""

    id: UUID = Field(default_factory=new_id, primary_key=True)


class Timestamped(SQLModel):
    """When the row was made and last changed."""

    created_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()}, default=None)
    updated_at: datetime = Field(
        sa_type=TIMESTAMP,
        sa_column_kwargs={"server_default": sa.func.now(), "onupdate": sa.func.now()},
        default=None,
    )


class Archivable(SQLModel):
    """Master data is archived, never deleted: sales of years ago still name it."""

    archived_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)


def tenant_reference(column: str, target: str, **options: Any) -> sa.ForeignKeyConstraint:
    """Return a foreign key that cannot point at another tenant's row: ``(tenant_id, column)`` to ``target``."""
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], **options)


def json_column(default: str = "{}") -> Any:
    """Return a NOT NULL jsonb field whose database default is ``default``."""
    return Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": sa.text(f"'{default}'")})
