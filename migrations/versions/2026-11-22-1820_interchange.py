"""Remember how files are read, take files over the API, and tell people how far their jobs are.

Revision ID: 0016
Revises: 0015
Phase: expand
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

OLD_KINDS = "kind IN ('products', 'sales')"
KINDS = "kind IN ('products', 'customers', 'stock', 'sales')"

TABLES = {
    "import_mappings": """
    CREATE TABLE import_mappings (
        tenant_id integer NOT NULL,
        kind text NOT NULL,
        header text NOT NULL,
        columns jsonb NOT NULL,
        reading jsonb NOT NULL,
        saved_at timestamptz DEFAULT now() NOT NULL,
        saved_by_id uuid,
        CONSTRAINT import_mappings_pkey PRIMARY KEY (tenant_id, kind, header),
        CONSTRAINT import_mappings_kind_check CHECK (kind IN ('products', 'customers', 'stock', 'sales')),
        CONSTRAINT import_mappings_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    "job_tickets": """
    CREATE TABLE job_tickets (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        task text NOT NULL,
        state text NOT NULL,
        rows_done bigint DEFAULT 0 NOT NULL,
        rows_total bigint,
        outcome jsonb DEFAULT '{}' NOT NULL,
        error jsonb,
        asked_at timestamptz DEFAULT now() NOT NULL,
        asked_by_id uuid,
        asked_by text NOT NULL,
        started_at timestamptz,
        ended_at timestamptz,
        CONSTRAINT job_tickets_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT job_tickets_state_check CHECK (state IN ('preparing', 'waiting', 'running', 'done', 'failed')),
        CONSTRAINT job_tickets_rows_check CHECK (rows_done >= 0 AND rows_total >= 0),
        CONSTRAINT job_tickets_ended_at_check CHECK ((ended_at IS NOT NULL) = (state IN ('done', 'failed'))),
        CONSTRAINT job_tickets_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    "import_uploads": """
    CREATE TABLE import_uploads (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        kind text NOT NULL,
        file_name text NOT NULL,
        parts bigint NOT NULL,
        options jsonb NOT NULL,
        request_hash bytea NOT NULL,
        role text NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        created_by_id uuid,
        created_by text NOT NULL,
        refused text,
        CONSTRAINT import_uploads_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT import_uploads_kind_check CHECK (kind IN ('products', 'customers', 'stock', 'sales')),
        CONSTRAINT import_uploads_parts_check CHECK (parts >= 1),
        CONSTRAINT import_uploads_tenant_id_id_fkey FOREIGN KEY(tenant_id, id) REFERENCES job_tickets (tenant_id, id)
    )
    """,
    "import_parts": """
    CREATE TABLE import_parts (
        tenant_id integer NOT NULL,
        upload_id uuid NOT NULL,
        part_no bigint NOT NULL,
        content bytea NOT NULL,
        CONSTRAINT import_parts_pkey PRIMARY KEY (tenant_id, upload_id, part_no),
        CONSTRAINT import_parts_part_no_check CHECK (part_no >= 1),
        CONSTRAINT import_parts_tenant_id_upload_id_fkey FOREIGN KEY(tenant_id, upload_id)
            REFERENCES import_uploads (tenant_id, id)
    )
    """,
}
GRANTS = {
    "import_mappings": "SELECT, INSERT, UPDATE",
    "job_tickets": "SELECT, INSERT, UPDATE",
    "import_uploads": "SELECT, INSERT, UPDATE",
    # A file is thrown away when it has been read.
    "import_parts": "SELECT, INSERT, DELETE",
}


def upgrade() -> None:
    """Add the tables, each kept apart by tenant, and the kinds of import. Every row there is holds the wider check."""
    op.execute("ALTER TABLE import_runs DROP CONSTRAINT import_runs_kind_check")
    op.execute(f"ALTER TABLE import_runs ADD CONSTRAINT import_runs_kind_check CHECK ({KINDS}) NOT VALID")
    for table, statement in TABLES.items():
        op.execute(statement)
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {GRANTS[table]} ON {table} TO primepos_app, primepos_system")


def downgrade() -> None:
    """Drop them; refused by the old check where customers or stock were imported."""
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE import_runs DROP CONSTRAINT import_runs_kind_check")
    op.execute(f"ALTER TABLE import_runs ADD CONSTRAINT import_runs_kind_check CHECK ({OLD_KINDS})")
