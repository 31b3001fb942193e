"""Add roles of a tenant's own, stored approvals, badges, the time clock and rates of commission.

Revision ID: 0009
Revises: 0008
Phase: expand
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

ROLES = """
    CREATE TABLE roles (
        tenant_id integer NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        name text NOT NULL,
        title text NOT NULL,
        grants jsonb NOT NULL,
        version bigint DEFAULT 1 NOT NULL,
        CONSTRAINT roles_pkey PRIMARY KEY (tenant_id, name),
        CONSTRAINT roles_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT roles_name_check CHECK (name ~ '^[a-z][a-z0-9_]{1,31}$' AND name NOT IN
            ('saas_admin', 'owner', 'manager', 'cashier', 'stock_clerk', 'accountant', 'device', 'none')),
        CONSTRAINT roles_grants_check CHECK (jsonb_typeof(grants) = 'object'),
        CONSTRAINT roles_version_check CHECK (version >= 1)
    )
"""
APPROVALS = """
    CREATE TABLE approvals (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        operation text NOT NULL,
        acts jsonb NOT NULL,
        note text,
        state text NOT NULL,
        register_id uuid,
        asked_at timestamptz NOT NULL,
        asked_by_id uuid,
        asked_by_account_id uuid,
        asked_by text NOT NULL,
        expires_at timestamptz NOT NULL,
        decided_at timestamptz,
        decided_by_id uuid,
        decided_by text,
        decided_role text,
        used_at timestamptz,
        used_for bytea,
        CONSTRAINT approvals_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT approvals_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT approvals_tenant_id_register_id_fkey FOREIGN KEY(tenant_id, register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT approvals_acts_check CHECK (jsonb_typeof(acts) = 'array'),
        CONSTRAINT approvals_state_check CHECK (state IN ('asked', 'granted', 'refused', 'used')),
        CONSTRAINT approvals_decided_check
            CHECK ((state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)),
        CONSTRAINT approvals_used_check
            CHECK ((state = 'used') = (used_at IS NOT NULL) AND (used_at IS NULL) = (used_for IS NULL)),
        CONSTRAINT approvals_other_check
            CHECK (state IN ('asked', 'refused') OR decided_by_id IS DISTINCT FROM asked_by_id)
    )
"""
# What was asked, by whom and for what is never changed; a question only moves on to its answer and its use.
APPROVALS_MOVE = "state, expires_at, decided_at, decided_by_id, decided_by, decided_role, used_at, used_for"

CLOCK = """
    CREATE TABLE clock_entries (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        staff_id uuid NOT NULL,
        kind text NOT NULL,
        is_open boolean NOT NULL,
        in_at timestamptz NOT NULL,
        in_register_id uuid,
        out_at timestamptz,
        out_register_id uuid,
        CONSTRAINT clock_entries_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT clock_entries_tenant_id_staff_id_fkey FOREIGN KEY(tenant_id, staff_id)
            REFERENCES staff (tenant_id, id),
        CONSTRAINT clock_entries_tenant_id_in_register_id_fkey FOREIGN KEY(tenant_id, in_register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT clock_entries_tenant_id_out_register_id_fkey FOREIGN KEY(tenant_id, out_register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT clock_entries_kind_check CHECK (kind IN ('clocked', 'added')),
        CONSTRAINT clock_entries_times_check CHECK (out_at >= in_at),
        CONSTRAINT clock_entries_open_check CHECK (NOT is_open OR (out_at IS NULL AND kind = 'clocked'))
    )
"""
CLOCK_OPEN = "CREATE UNIQUE INDEX clock_entries_open_idx ON clock_entries (tenant_id, staff_id) WHERE is_open"
CLOCK_BY_TIME = "CREATE INDEX clock_entries_in_at_idx ON clock_entries (tenant_id, in_at)"

CORRECTIONS = """
    CREATE TABLE clock_corrections (
        tenant_id integer NOT NULL,
        entry_id uuid NOT NULL,
        nth bigint NOT NULL,
        id uuid NOT NULL,
        in_at timestamptz,
        out_at timestamptz,
        reason text NOT NULL,
        corrected_at timestamptz NOT NULL,
        corrected_by_id uuid,
        corrected_by text NOT NULL,
        CONSTRAINT clock_corrections_pkey PRIMARY KEY (tenant_id, entry_id, nth),
        CONSTRAINT clock_corrections_tenant_id_id_key UNIQUE (tenant_id, id),
        CONSTRAINT clock_corrections_tenant_id_entry_id_fkey FOREIGN KEY(tenant_id, entry_id)
            REFERENCES clock_entries (tenant_id, id),
        CONSTRAINT clock_corrections_nth_check CHECK (nth >= 1),
        CONSTRAINT clock_corrections_times_check CHECK ((in_at IS NULL) = (out_at IS NULL) AND out_at >= in_at)
    )
"""
RATES = """
    CREATE TABLE commission_rates (
        tenant_id integer NOT NULL,
        staff_id uuid NOT NULL,
        valid_from date NOT NULL,
        nth bigint NOT NULL,
        percent numeric(15, 6) NOT NULL,
        set_at timestamptz NOT NULL,
        set_by_id uuid,
        set_by text NOT NULL,
        CONSTRAINT commission_rates_pkey PRIMARY KEY (tenant_id, staff_id, valid_from, nth),
        CONSTRAINT commission_rates_tenant_id_staff_id_fkey FOREIGN KEY(tenant_id, staff_id)
            REFERENCES staff (tenant_id, id),
        CONSTRAINT commission_rates_nth_check CHECK (nth >= 1),
        CONSTRAINT commission_rates_percent_check CHECK (percent >= 0 AND percent <= 100)
    )
"""
BADGES = """
    CREATE TABLE staff_badges (
        tenant_id integer NOT NULL,
        staff_id uuid NOT NULL,
        badge_hash text NOT NULL,
        given_at timestamptz NOT NULL,
        CONSTRAINT staff_badges_pkey PRIMARY KEY (tenant_id, staff_id),
        CONSTRAINT staff_badges_tenant_id_badge_hash_key UNIQUE (tenant_id, badge_hash),
        CONSTRAINT staff_badges_tenant_id_staff_id_fkey FOREIGN KEY(tenant_id, staff_id)
            REFERENCES staff (tenant_id, id)
    )
"""
TABLES = {
    "staff_badges": "SELECT, INSERT, UPDATE, DELETE",
    "roles": "SELECT, INSERT, UPDATE, DELETE",
    "approvals": f"SELECT, INSERT, UPDATE ({APPROVALS_MOVE})",
    "clock_entries": "SELECT, INSERT, UPDATE (is_open, out_at, out_register_id)",
    "clock_corrections": "SELECT, INSERT",
    "commission_rates": "SELECT, INSERT",
}


def upgrade() -> None:
    """Add the tables, kept apart by tenant."""
    for table in (BADGES, ROLES, APPROVALS, CLOCK, CORRECTIONS, RATES):
        op.execute(table)
    op.execute("CREATE INDEX approvals_asked_at_idx ON approvals (tenant_id, asked_at)")
    op.execute(CLOCK_OPEN)
    op.execute(CLOCK_BY_TIME)
    for table, rights in TABLES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {rights} ON {table} TO primepos_app, primepos_system")


def downgrade() -> None:
    """Take all of it away again; roles, worked hours and rates are gone with it."""
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
