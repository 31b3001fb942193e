"""Add cash control: movements, counts, over and short, adjustments, stored Z reports, safes, denominations.

Revision ID: 0010
Revises: 0009
Phase: expand
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

# A shift says who ended it apart from who closed it, what its drawer should have held at the opening, what was taken
# to the safe at the end, and the rules it was opened under.
COLUMNS = (
    "ended_at timestamptz",
    "ended_by_id uuid",
    "ended_by text",
    "expected_float bigint",
    "opening_reason text",
    "taken_out bigint DEFAULT 0 NOT NULL",
    "reason text",
    "approved_by_id uuid",
    "approved_by text",
    "forced boolean DEFAULT false NOT NULL",
    "rules jsonb DEFAULT '{}' NOT NULL",
)

_SHIFT = "FOREIGN KEY(tenant_id, shift_id) REFERENCES shifts (tenant_id, id)"
TABLES = {
    "cash_movements": (
        f"""
        CREATE TABLE cash_movements (
            tenant_id integer NOT NULL,
            id uuid NOT NULL,
            shift_id uuid NOT NULL,
            kind text NOT NULL,
            currency text NOT NULL,
            amount bigint NOT NULL,
            reason text NOT NULL,
            reference text DEFAULT '' NOT NULL,
            moved_at timestamptz NOT NULL,
            recorded_at timestamptz DEFAULT now() NOT NULL,
            actor_id uuid,
            actor text NOT NULL,
            approved_by_id uuid,
            approved_by text,
            late boolean DEFAULT false NOT NULL,
            CONSTRAINT cash_movements_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT cash_movements_tenant_id_shift_id_fkey {_SHIFT},
            CONSTRAINT cash_movements_amount_check CHECK (CASE kind WHEN 'paid_in' THEN amount > 0
                WHEN 'loan' THEN amount > 0 WHEN 'paid_out' THEN amount < 0 WHEN 'drop' THEN amount < 0
                WHEN 'pickup' THEN amount < 0 WHEN 'no_sale' THEN amount = 0 ELSE false END)
        )
        """,
        "CREATE INDEX cash_movements_shift_id_idx ON cash_movements (tenant_id, shift_id, moved_at, id)",
    ),
    "cash_counts": (
        f"""
        CREATE TABLE cash_counts (
            tenant_id integer NOT NULL,
            id uuid NOT NULL,
            shift_id uuid NOT NULL,
            kind text NOT NULL,
            currency text NOT NULL,
            counted bigint NOT NULL,
            expected bigint,
            denominations jsonb,
            counted_at timestamptz NOT NULL,
            actor_id uuid,
            actor text NOT NULL,
            CONSTRAINT cash_counts_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT cash_counts_tenant_id_shift_id_fkey {_SHIFT},
            CONSTRAINT cash_counts_kind_check CHECK (kind IN ('opening', 'spot', 'closing')),
            CONSTRAINT cash_counts_counted_check CHECK (counted >= 0)
        )
        """,
        "CREATE INDEX cash_counts_shift_id_idx ON cash_counts (tenant_id, shift_id, counted_at)",
    ),
    "cash_variances": (
        f"""
        CREATE TABLE cash_variances (
            tenant_id integer NOT NULL,
            id uuid NOT NULL,
            shift_id uuid NOT NULL,
            kind text NOT NULL,
            tender text NOT NULL,
            currency text NOT NULL,
            amount bigint NOT NULL,
            reason text NOT NULL,
            business_date date NOT NULL,
            booked_at timestamptz NOT NULL,
            actor_id uuid,
            actor text NOT NULL,
            approved_by_id uuid,
            approved_by text,
            CONSTRAINT cash_variances_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT cash_variances_tenant_id_shift_id_fkey {_SHIFT},
            CONSTRAINT cash_variances_kind_check CHECK (kind IN ('opening', 'closing', 'adjustment')),
            CONSTRAINT cash_variances_amount_check CHECK (amount <> 0)
        )
        """,
        # One difference of a kind for each tender of a shift; what is corrected later may be corrected again.
        "CREATE UNIQUE INDEX cash_variances_once_idx ON cash_variances (tenant_id, shift_id, kind, tender, currency)"
        " WHERE kind <> 'adjustment'",
        "CREATE INDEX cash_variances_business_date_idx ON cash_variances (tenant_id, business_date, id)",
    ),
    "cash_adjustments": (
        f"""
        CREATE TABLE cash_adjustments (
            tenant_id integer NOT NULL,
            id uuid NOT NULL,
            shift_id uuid NOT NULL,
            currency text NOT NULL,
            counted_before bigint NOT NULL,
            counted_after bigint NOT NULL,
            reason text NOT NULL,
            proposed_at timestamptz NOT NULL,
            proposed_by_id uuid,
            proposed_by text NOT NULL,
            confirmed boolean,
            decided_at timestamptz,
            decided_by_id uuid,
            decided_by text,
            CONSTRAINT cash_adjustments_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT cash_adjustments_tenant_id_shift_id_fkey {_SHIFT},
            CONSTRAINT cash_adjustments_counted_check CHECK (counted_after >= 0 AND counted_after <> counted_before),
            CONSTRAINT cash_adjustments_decided_check
                CHECK ((confirmed IS NULL) = (decided_at IS NULL) AND (confirmed IS NULL) = (decided_by IS NULL)
                       AND (decided_by_id IS NULL OR decided_by_id IS DISTINCT FROM proposed_by_id))
        )
        """,
        "CREATE UNIQUE INDEX cash_adjustments_one_open_idx ON cash_adjustments (tenant_id, shift_id, currency)"
        " WHERE confirmed IS NULL",
        "CREATE INDEX cash_adjustments_shift_id_idx ON cash_adjustments (tenant_id, shift_id, proposed_at)",
    ),
    "shift_people": (
        f"""
        CREATE TABLE shift_people (
            tenant_id integer NOT NULL,
            shift_id uuid NOT NULL,
            actor_id uuid NOT NULL,
            name text NOT NULL,
            joined_at timestamptz NOT NULL,
            CONSTRAINT shift_people_pkey PRIMARY KEY (tenant_id, shift_id, actor_id),
            CONSTRAINT shift_people_tenant_id_shift_id_fkey {_SHIFT}
        )
        """,
    ),
    "shift_reports": (
        f"""
        CREATE TABLE shift_reports (
            tenant_id integer NOT NULL,
            shift_id uuid NOT NULL,
            register_id uuid NOT NULL,
            z_number bigint NOT NULL,
            made_at timestamptz NOT NULL,
            figures jsonb NOT NULL,
            CONSTRAINT shift_reports_pkey PRIMARY KEY (tenant_id, shift_id),
            CONSTRAINT shift_reports_tenant_id_register_id_z_number_key UNIQUE (tenant_id, register_id, z_number),
            CONSTRAINT shift_reports_tenant_id_shift_id_fkey {_SHIFT}
        )
        """,
    ),
    "safes": (
        """
        CREATE TABLE safes (
            tenant_id integer NOT NULL,
            outlet_id uuid NOT NULL,
            currency text NOT NULL,
            balance bigint NOT NULL,
            entries bigint NOT NULL,
            CONSTRAINT safes_pkey PRIMARY KEY (tenant_id, outlet_id, currency),
            CONSTRAINT safes_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id)
                REFERENCES outlets (tenant_id, id),
            CONSTRAINT safes_balance_check CHECK (balance >= 0),
            CONSTRAINT safes_entries_check CHECK (entries >= 0)
        )
        """,
    ),
    "safe_entries": (
        """
        CREATE TABLE safe_entries (
            tenant_id integer NOT NULL,
            id uuid NOT NULL,
            outlet_id uuid NOT NULL,
            currency text NOT NULL,
            entry_no bigint NOT NULL,
            kind text NOT NULL,
            amount bigint NOT NULL,
            balance bigint NOT NULL,
            shift_id uuid,
            reason text NOT NULL,
            reference text DEFAULT '' NOT NULL,
            moved_at timestamptz NOT NULL,
            actor_id uuid,
            actor text NOT NULL,
            approved_by_id uuid,
            approved_by text,
            CONSTRAINT safe_entries_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT safe_entries_tenant_id_outlet_id_currency_entry_no_key
                UNIQUE (tenant_id, outlet_id, currency, entry_no),
            CONSTRAINT safe_entries_tenant_id_outlet_id_currency_fkey FOREIGN KEY(tenant_id, outlet_id, currency)
                REFERENCES safes (tenant_id, outlet_id, currency),
            CONSTRAINT safe_entries_amount_check CHECK (CASE kind WHEN 'drop' THEN amount > 0
                WHEN 'closing' THEN amount > 0 WHEN 'loan' THEN amount < 0 WHEN 'deposit' THEN amount < 0
                WHEN 'count' THEN true ELSE false END),
            CONSTRAINT safe_entries_balance_check CHECK (balance >= 0)
        )
        """,
    ),
    "denominations": (
        """
        CREATE TABLE denominations (
            tenant_id integer NOT NULL,
            currency text NOT NULL,
            value bigint NOT NULL,
            kind text NOT NULL,
            CONSTRAINT denominations_pkey PRIMARY KEY (tenant_id, currency, value),
            CONSTRAINT denominations_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
            CONSTRAINT denominations_value_check CHECK (value > 0),
            CONSTRAINT denominations_kind_check CHECK (kind IN ('coin', 'note'))
        )
        """,
    ),
}
# What is only ever added can be neither changed nor removed.
RIGHTS = {
    "cash_adjustments": "SELECT, INSERT, UPDATE (confirmed, decided_at, decided_by_id, decided_by)",
    "denominations": "SELECT, INSERT, UPDATE, DELETE",
    "safes": "SELECT, INSERT, UPDATE",
}


def upgrade() -> None:
    """Add the tables, kept apart by tenant, and the columns of a shift."""
    for column in COLUMNS:
        op.execute(f"ALTER TABLE shifts ADD COLUMN {column}")
    for table, statements in TABLES.items():
        for statement in statements:
            op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {RIGHTS.get(table, 'SELECT, INSERT')} ON {table} TO primepos_app, primepos_system")


def downgrade() -> None:
    """Drop what was added; shifts, their counts and their numbers stay."""
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
    for column in reversed(COLUMNS):
        op.execute(f"ALTER TABLE shifts DROP COLUMN {column.split()[0]}")
