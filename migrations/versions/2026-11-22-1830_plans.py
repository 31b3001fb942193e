"""Add plans and which tenant has which, support grants, erasures, and what is known of tenants on the move.

Revision ID: 0017
Revises: 0016
Phase: expand
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

OLD_STATUS = "status IN ('active', 'suspended')"
STATUS = "status IN ('active', 'suspended', 'arriving', 'moved')"

GLOBAL = {
    "plans": """
    CREATE TABLE plans (
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        code text NOT NULL,
        name text NOT NULL,
        outlets bigint,
        registers bigint,
        users bigint,
        products bigint,
        sales_a_month bigint,
        features text[] DEFAULT '{}' NOT NULL,
        CONSTRAINT plans_pkey PRIMARY KEY (code),
        CONSTRAINT plans_limits_check CHECK (outlets >= 0 AND registers >= 0 AND users >= 0 AND products >= 0
            AND sales_a_month >= 0)
    )
    """,
    "tenant_tombstones": """
    CREATE TABLE tenant_tombstones (
        id uuid NOT NULL,
        slug_hash bytea NOT NULL,
        erased_at timestamptz DEFAULT now() NOT NULL,
        rows bigint NOT NULL,
        CONSTRAINT tenant_tombstones_pkey PRIMARY KEY (id),
        CONSTRAINT tenant_tombstones_rows_check CHECK (rows >= 0)
    )
    """,
}
TENANTS_OWN = {
    "tenant_plans": """
    CREATE TABLE tenant_plans (
        tenant_id integer NOT NULL,
        starts_on date NOT NULL,
        plan text NOT NULL,
        set_at timestamptz DEFAULT now() NOT NULL,
        set_by text NOT NULL,
        CONSTRAINT tenant_plans_pkey PRIMARY KEY (tenant_id, starts_on),
        CONSTRAINT tenant_plans_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT tenant_plans_plan_fkey FOREIGN KEY(plan) REFERENCES plans (code)
    )
    """,
    "support_grants": """
    CREATE TABLE support_grants (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        user_id uuid NOT NULL,
        mode text NOT NULL,
        reason text NOT NULL,
        granted_at timestamptz NOT NULL,
        granted_by_id uuid,
        granted_by text NOT NULL,
        expires_at timestamptz NOT NULL,
        withdrawn_at timestamptz,
        withdrawn_by text,
        CONSTRAINT support_grants_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT support_grants_mode_check CHECK (mode IN ('read', 'act')),
        CONSTRAINT support_grants_expires_at_check CHECK (expires_at > granted_at),
        CONSTRAINT support_grants_withdrawn_check CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
        CONSTRAINT support_grants_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT support_grants_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
    )
    """,
    "tenant_erasures": """
    CREATE TABLE tenant_erasures (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        scope text NOT NULL,
        reason text NOT NULL,
        asked_at timestamptz NOT NULL,
        asked_by_id uuid,
        asked_by text NOT NULL,
        asked_by_side text NOT NULL,
        agreed_by_id uuid,
        agreed_by text,
        due_at timestamptz,
        cancelled_at timestamptz,
        cancelled_by text,
        done_at timestamptz,
        CONSTRAINT tenant_erasures_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT tenant_erasures_scope_check CHECK (scope IN ('personal', 'everything')),
        CONSTRAINT tenant_erasures_side_check CHECK (asked_by_side IN ('tenant', 'installation')),
        CONSTRAINT tenant_erasures_due_at_check CHECK (due_at > asked_at AND (due_at IS NULL) = (agreed_by IS NULL)),
        CONSTRAINT tenant_erasures_cancelled_check CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
        CONSTRAINT tenant_erasures_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    "tenant_arrivals": """
    CREATE TABLE tenant_arrivals (
        tenant_id integer NOT NULL,
        part_no bigint NOT NULL,
        table_name text NOT NULL,
        rows bigint NOT NULL,
        digest bytea NOT NULL,
        arrived_at timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT tenant_arrivals_pkey PRIMARY KEY (tenant_id, part_no),
        CONSTRAINT tenant_arrivals_part_no_check CHECK (part_no >= 1 AND rows >= 0),
        CONSTRAINT tenant_arrivals_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
}
# What a tenant may do itself, and what the installation may. A plan that a tenant has, and parts that arrive, are the
# installation's to say.
RIGHTS = {
    "tenant_plans": ("SELECT", "SELECT, INSERT, UPDATE, DELETE"),
    "support_grants": ("SELECT", "SELECT, INSERT, UPDATE"),
    "tenant_erasures": ("SELECT", "SELECT, INSERT, UPDATE"),
    "tenant_arrivals": ("SELECT", "SELECT, INSERT, DELETE"),
}


def upgrade() -> None:
    """Add the tables, those of a tenant kept apart, and the standings of a tenant on the move."""
    op.execute("ALTER TABLE tenants DROP CONSTRAINT tenants_status_check")
    op.execute(f"ALTER TABLE tenants ADD CONSTRAINT tenants_status_check CHECK ({STATUS}) NOT VALID")
    op.execute("ALTER TABLE tenants ADD COLUMN suspends_at timestamptz")
    op.execute("ALTER TABLE tenants ADD COLUMN moved_at timestamptz")
    for statement in GLOBAL.values():
        op.execute(statement)
    op.execute("GRANT SELECT ON plans TO primepos_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON plans TO primepos_system")
    op.execute("GRANT SELECT, INSERT ON tenant_tombstones TO primepos_system")
    for table, statement in TENANTS_OWN.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        mine, systems = RIGHTS[table]
        op.execute(f"GRANT {mine} ON {table} TO primepos_app")
        op.execute(f"GRANT {systems} ON {table} TO primepos_system")
    op.execute("CREATE INDEX support_grants_user_id_idx ON support_grants (user_id)")
    op.execute("CREATE INDEX tenant_plans_plan_idx ON tenant_plans (plan)")


def downgrade() -> None:
    """Drop them; refused by the old check where a tenant is on the move."""
    for table in (*reversed(TENANTS_OWN), *reversed(GLOBAL)):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE tenants DROP COLUMN moved_at")
    op.execute("ALTER TABLE tenants DROP COLUMN suspends_at")
    op.execute("ALTER TABLE tenants DROP CONSTRAINT tenants_status_check")
    op.execute(f"ALTER TABLE tenants ADD CONSTRAINT tenants_status_check CHECK ({OLD_STATUS})")
