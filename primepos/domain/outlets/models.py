"""Outlets and registers."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from primepos.core.models import (
    Archivable,
    Identified,
    TenantDetail,
    TenantScoped,
    Timestamped,
    json_column,
    tenant_reference,
)


class Outlet(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """One place that has goods: a ``shop`` sells them, a ``warehouse`` has no register and only keeps them."""

    __tablename__ = "outlets"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "code"),
        sa.CheckConstraint("kind IN ('shop', 'warehouse')", name="kind"),
    )

    code: str
    name: str
    address: str = Field(default="", sa_column_kwargs={"server_default": ""})
    settings: dict[str, Any] = json_column()
    kind: str = Field(default="shop", sa_column_kwargs={"server_default": "shop"})


class Register(Archivable, Timestamped, Identified, TenantDetail, table=True):
    """One series of receipts: a till's, or the outlet's own of kind ``server`` for callers without a till.

    ``epoch`` counts series: a till that lost its disk starts a new one, numbers are never used again.
    ``next_number`` and ``last_hash`` are the head of the series as the server knows it; of a till's series the
    till is the author and the server follows.
    """

    __tablename__ = "registers"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        sa.UniqueConstraint("tenant_id", "prefix"),
        sa.UniqueConstraint("tenant_id", "outlet_id", "code"),
        sa.Index(
            "registers_one_server_idx",
            "tenant_id",
            "outlet_id",
            unique=True,
            postgresql_where=sa.text("kind = 'server'"),
        ),
        sa.CheckConstraint("kind IN ('till', 'server')", name="kind"),
        sa.CheckConstraint("next_number >= 1 AND epoch >= 1", name="series"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    outlet_id: UUID
    code: str
    name: str
    kind: str
    prefix: str
    epoch: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    next_number: int = Field(default=1, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "1"})
    last_hash: bytes = Field(default=bytes(32))
    # The shift that books into this series now. A booking names it again under the row's lock, so none can slip
    # into a shift that is being closed.
    open_shift_id: UUID | None = None
