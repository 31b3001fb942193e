"""People at the till."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Archivable, Identified, TenantScoped, Timestamped


class StaffMember(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """One person who signs in at a register by code and PIN. ``outlet_ids`` NULL means every outlet.

    Five wrong PINs lock the PIN until a manager resets it.
    """

    __tablename__ = "staff"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "code"),
        sa.CheckConstraint("pin_failures >= 0", name="pin_failures"),
    )

    code: str
    name: str
    role: str
    outlet_ids: list[UUID] | None = Field(default=None, sa_column=sa.Column(ARRAY(PG_UUID(as_uuid=True))))
    pin_hash: str | None = None
    pin_failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    pin_locked_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    user_id: UUID | None = Field(default=None, foreign_key="users.id")
