"""Tenders as they were taken."""

from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from primepos.core.models import TenantDetail, tenant_reference


class Payment(TenantDetail, table=True):
    """One tender of a sale, or the change given back: positive comes in, negative goes out. Minor units."""

    __tablename__ = "payments"
    __table_args__ = (
        tenant_reference("sale_id", "sales"),
        sa.CheckConstraint(
            "kind IN ('cash', 'card', 'change', 'tip', 'gift_card', 'store_credit', 'account', 'points', 'deposit')",
            name="kind",
        ),
        sa.CheckConstraint("amount <> 0", name="amount"),
    )

    sale_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    amount: int = Field(sa_type=sa.BigInteger)
    reference: str = Field(default="", sa_column_kwargs={"server_default": ""})
    account_id: UUID | None = None
    authorisation_id: UUID | None = None
    currency: str | None = None
    foreign_amount: int | None = Field(default=None, sa_type=sa.BigInteger)
    rate: Decimal | None = Field(default=None, sa_type=sa.Numeric(20, 10))
