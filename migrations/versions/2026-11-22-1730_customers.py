"""Add customers: who they are, their groups, what they agreed to, and the words they are found by.

Revision ID: 0011
Revises: 0010
Phase: expand
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

TABLES = (
    """
    CREATE TABLE customers (
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        number text,
        name text NOT NULL,
        company text,
        email_sealed bytea,
        email_hash bytea,
        phone_sealed bytea,
        phone_hash bytea,
        address text,
        tax_number text,
        born_on date,
        notes text,
        language text,
        price_list text,
        tax_exempt boolean DEFAULT false NOT NULL,
        exemption_number text,
        exempt_until date,
        version bigint DEFAULT 1 NOT NULL,
        merged_into uuid,
        erased_at timestamptz,
        source text,
        request_hash bytea,
        CONSTRAINT customers_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT customers_number_check CHECK ((number IS NULL) = (erased_at IS NOT NULL)),
        CONSTRAINT customers_email_check CHECK ((email_sealed IS NULL) = (email_hash IS NULL)),
        CONSTRAINT customers_phone_check CHECK ((phone_sealed IS NULL) = (phone_hash IS NULL)),
        CONSTRAINT customers_merged_check CHECK (merged_into <> id),
        CONSTRAINT customers_exemption_check
            CHECK (tax_exempt OR (exemption_number IS NULL AND exempt_until IS NULL)),
        CONSTRAINT customers_erased_check
            CHECK (erased_at IS NULL OR (email_sealed IS NULL AND phone_sealed IS NULL AND company IS NULL
                   AND address IS NULL AND tax_number IS NULL AND born_on IS NULL AND notes IS NULL
                   AND exemption_number IS NULL AND request_hash IS NULL AND name = ''))
    )
    """,
    "CREATE INDEX customers_name_idx ON customers (tenant_id, name, id)",
    "CREATE INDEX customers_email_hash_idx ON customers (tenant_id, email_hash) WHERE email_hash IS NOT NULL",
    "CREATE INDEX customers_phone_hash_idx ON customers (tenant_id, phone_hash) WHERE phone_hash IS NOT NULL",
    "CREATE INDEX customers_merged_into_idx ON customers (tenant_id, merged_into) WHERE merged_into IS NOT NULL",
    # The keys come last: as long as nothing is known of a table, the newest of its indexes is taken, and this is the
    # one that every foreign key looks up.
    "CREATE UNIQUE INDEX customers_tenant_id_number_key ON customers (tenant_id, number)",
    "CREATE UNIQUE INDEX customers_pkey ON customers (tenant_id, id)",
    """
    CREATE TABLE customer_counters (
        tenant_id integer NOT NULL,
        next_number bigint NOT NULL,
        CONSTRAINT customer_counters_pkey PRIMARY KEY (tenant_id),
        CONSTRAINT customer_counters_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT customer_counters_next_number_check CHECK (next_number >= 1)
    )
    """,
    """
    CREATE TABLE customer_groups (
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        CONSTRAINT customer_groups_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT customer_groups_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT customer_groups_tenant_id_code_key UNIQUE (tenant_id, code)
    )
    """,
    """
    CREATE TABLE customer_group_members (
        tenant_id integer NOT NULL,
        customer_id uuid NOT NULL,
        group_id uuid NOT NULL,
        CONSTRAINT customer_group_members_pkey PRIMARY KEY (tenant_id, customer_id, group_id),
        CONSTRAINT customer_group_members_tenant_id_customer_id_fkey FOREIGN KEY(tenant_id, customer_id)
            REFERENCES customers (tenant_id, id),
        CONSTRAINT customer_group_members_tenant_id_group_id_fkey FOREIGN KEY(tenant_id, group_id)
            REFERENCES customer_groups (tenant_id, id)
    )
    """,
    "CREATE INDEX customer_group_members_group_id_idx ON customer_group_members (tenant_id, group_id, customer_id)",
    # Words in the order of their bytes: a beginning is then a range, which an index finds under row-level security too.
    """
    CREATE TABLE customer_words (
        tenant_id integer NOT NULL,
        word text COLLATE "C" NOT NULL,
        customer_id uuid NOT NULL,
        CONSTRAINT customer_words_pkey PRIMARY KEY (tenant_id, word, customer_id),
        CONSTRAINT customer_words_tenant_id_customer_id_fkey FOREIGN KEY(tenant_id, customer_id)
            REFERENCES customers (tenant_id, id)
    )
    """,
    "CREATE INDEX customer_words_customer_id_idx ON customer_words (tenant_id, customer_id, word)",
    """
    CREATE TABLE customer_consents (
        tenant_id integer NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        customer_id uuid NOT NULL,
        purpose text NOT NULL,
        given boolean NOT NULL,
        how text NOT NULL,
        at timestamptz NOT NULL,
        actor_id uuid,
        actor_name text NOT NULL,
        CONSTRAINT customer_consents_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT customer_consents_tenant_id_customer_id_fkey FOREIGN KEY(tenant_id, customer_id)
            REFERENCES customers (tenant_id, id),
        CONSTRAINT customer_consents_purpose_check
            CHECK (purpose IN ('email', 'phone', 'sms', 'post', 'profiling')),
        CONSTRAINT customer_consents_how_check
            CHECK (how IN ('in_person', 'paper', 'phone', 'email', 'web', 'import'))
    )
    """,
    "CREATE INDEX customer_consents_customer_id_idx ON customer_consents (tenant_id, customer_id, purpose, id)",
)
# What was agreed to is only ever added. A person's row is emptied, never removed: sales of years ago name it.
RIGHTS = {
    "customers": "SELECT, INSERT, UPDATE",
    "customer_counters": "SELECT, INSERT, UPDATE",
    "customer_groups": "SELECT, INSERT, UPDATE",
    "customer_group_members": "SELECT, INSERT, DELETE",
    "customer_words": "SELECT, INSERT, DELETE",
    "customer_consents": "SELECT, INSERT",
}

SALE_KEY = "sales_tenant_id_customer_id_fkey"


def upgrade() -> None:
    """Add the tables, tie sales to them, and keep them apart by tenant; later revisions look at the sales there are."""
    for statement in TABLES:
        op.execute(statement)
    op.execute(
        f"ALTER TABLE sales ADD CONSTRAINT {SALE_KEY} FOREIGN KEY(tenant_id, customer_id)"
        " REFERENCES customers (tenant_id, id) NOT VALID"
    )
    op.execute("ALTER TABLE customers ADD CONSTRAINT customers_pkey PRIMARY KEY USING INDEX customers_pkey")
    op.execute(
        "ALTER TABLE customers ADD CONSTRAINT customers_tenant_id_number_key"
        " UNIQUE USING INDEX customers_tenant_id_number_key"
    )
    op.execute(
        "ALTER TABLE customers ADD CONSTRAINT customers_tenant_id_merged_into_fkey"
        " FOREIGN KEY(tenant_id, merged_into) REFERENCES customers (tenant_id, id)"
    )
    for table, rights in RIGHTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {rights} ON {table} TO primepos_app, primepos_system")


def downgrade() -> None:
    """Drop everything about customers; the sales they made stay."""
    op.execute(f"ALTER TABLE sales DROP CONSTRAINT {SALE_KEY}")
    for table in reversed(RIGHTS):
        op.execute(f"DROP TABLE {table}")
