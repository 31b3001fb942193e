"""Add the closings of days, months and years.

Revision ID: 0006
Revises: 0005
Phase: expand
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

TABLE = """
    CREATE TABLE fiscal_closings (
        tenant_id integer NOT NULL,
        register_id uuid NOT NULL,
        epoch bigint NOT NULL,
        period text NOT NULL,
        closing_no bigint NOT NULL,
        until date NOT NULL,
        from_number bigint NOT NULL,
        to_number bigint NOT NULL,
        sales bigint NOT NULL,
        voids bigint NOT NULL,
        refunds bigint NOT NULL,
        base bigint NOT NULL,
        tax bigint NOT NULL,
        rounding bigint NOT NULL,
        total bigint NOT NULL,
        sold bigint NOT NULL,
        grand_total bigint NOT NULL,
        grand_sold bigint NOT NULL,
        taxes jsonb NOT NULL,
        last_hash bytea NOT NULL,
        prev_hash bytea NOT NULL,
        hash bytea NOT NULL,
        closed_at timestamptz NOT NULL,
        closed_by_id uuid,
        closed_by text NOT NULL,
        CONSTRAINT fiscal_closings_pkey PRIMARY KEY (tenant_id, register_id, epoch, period, closing_no),
        CONSTRAINT fiscal_closings_tenant_id_register_id_fkey FOREIGN KEY(tenant_id, register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT fiscal_closings_period_check CHECK (period IN ('day', 'month', 'year')),
        CONSTRAINT fiscal_closings_numbers_check
            CHECK (closing_no >= 1 AND from_number >= 1 AND to_number >= from_number),
        CONSTRAINT fiscal_closings_total_check CHECK (total = base + tax + rounding)
    )
"""


def upgrade() -> None:
    """Add the table, kept apart by tenant and only ever added to."""
    op.execute(TABLE)
    op.execute("ALTER TABLE fiscal_closings ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE fiscal_closings FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY fiscal_closings_tenant ON fiscal_closings TO primepos_app"
        f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
    )
    op.execute(
        "CREATE POLICY fiscal_closings_system ON fiscal_closings TO primepos_system USING (true) WITH CHECK (true)"
    )
    op.execute("GRANT SELECT, INSERT ON fiscal_closings TO primepos_app, primepos_system")


def downgrade() -> None:
    """Drop the closings; the sealed sales they were made of stay."""
    op.execute("DROP TABLE fiscal_closings")
