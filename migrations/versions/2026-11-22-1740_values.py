"""Add the value ledger: gift cards, store credit, customer accounts, points, and what is authorised of them.

Revision ID: 0012
Revises: 0011
Phase: expand
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

ACCOUNTS = """
    CREATE TABLE value_accounts (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        kind text NOT NULL,
        customer_id uuid,
        code_hash bytea,
        code_tail text DEFAULT '' NOT NULL,
        currency text,
        balance bigint DEFAULT 0 NOT NULL,
        held bigint DEFAULT 0 NOT NULL,
        floor bigint DEFAULT 0 NOT NULL,
        entries bigint DEFAULT 0 NOT NULL,
        state text DEFAULT 'active' NOT NULL,
        expires_on date,
        opened_at timestamptz DEFAULT now() NOT NULL,
        opened_by text DEFAULT '' NOT NULL,
        request_hash bytea,
        CONSTRAINT value_accounts_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT value_accounts_tenant_id_customer_id_fkey FOREIGN KEY(tenant_id, customer_id)
            REFERENCES customers (tenant_id, id),
        CONSTRAINT value_accounts_kind_check CHECK (kind IN ('gift_card', 'store_credit', 'account', 'points')),
        CONSTRAINT value_accounts_state_check CHECK (state IN ('active', 'blocked', 'closed')),
        CONSTRAINT value_accounts_held_check CHECK (held >= 0),
        CONSTRAINT value_accounts_floor_check CHECK (floor <= 0 AND (floor = 0 OR kind = 'account')),
        CONSTRAINT value_accounts_holder_check
            CHECK ((kind = 'gift_card') = (code_hash IS NOT NULL) AND (kind = 'gift_card' OR customer_id IS NOT NULL)),
        CONSTRAINT value_accounts_currency_check CHECK ((kind = 'points') = (currency IS NULL))
    ) WITH (fillfactor = 70)
"""
ENTRIES = """
    CREATE TABLE value_entries (
        tenant_id integer NOT NULL,
        account_id uuid NOT NULL,
        entry_no bigint NOT NULL,
        at timestamptz NOT NULL,
        business_date date NOT NULL,
        cause text NOT NULL,
        amount bigint NOT NULL,
        balance bigint NOT NULL,
        worth bigint,
        sale_id uuid,
        line_no bigint,
        payment_seq bigint,
        of_sale_id uuid,
        authorisation_id uuid,
        by_line jsonb,
        is_forced boolean DEFAULT false NOT NULL,
        act_id uuid,
        request_hash bytea,
        reason text,
        actor_id uuid,
        actor text DEFAULT '' NOT NULL,
        CONSTRAINT value_entries_pkey PRIMARY KEY (tenant_id, account_id, entry_no),
        CONSTRAINT value_entries_tenant_id_account_id_fkey FOREIGN KEY(tenant_id, account_id)
            REFERENCES value_accounts (tenant_id, id),
        CONSTRAINT value_entries_cause_check CHECK
            (cause IN ('issue', 'sale', 'refund', 'void', 'payment', 'adjust', 'expire', 'merge')),
        CONSTRAINT value_entries_sale_check
            CHECK ((cause IN ('sale', 'refund', 'void', 'payment')) = (sale_id IS NOT NULL)),
        CONSTRAINT value_entries_amount_check CHECK (amount <> 0),
        CONSTRAINT value_entries_entry_no_check CHECK (entry_no >= 1)
    )
"""
AUTHORISATIONS = """
    CREATE TABLE authorisations (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        subject text NOT NULL,
        subject_id uuid NOT NULL,
        account_id uuid,
        amount bigint NOT NULL,
        worth bigint,
        captured bigint,
        register_id uuid,
        sale_id uuid,
        state text DEFAULT 'held' NOT NULL,
        made_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        settled_at timestamptz,
        request_hash bytea NOT NULL,
        actor text DEFAULT '' NOT NULL,
        CONSTRAINT authorisations_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT authorisations_tenant_id_account_id_fkey FOREIGN KEY(tenant_id, account_id)
            REFERENCES value_accounts (tenant_id, id),
        CONSTRAINT authorisations_tenant_id_register_id_fkey FOREIGN KEY(tenant_id, register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT authorisations_subject_check CHECK
            (subject IN ('value', 'coupon', 'stock') AND (subject = 'value') = (account_id IS NOT NULL)),
        CONSTRAINT authorisations_state_check CHECK
            (state IN ('held', 'captured', 'released', 'expired') AND (state = 'held') = (settled_at IS NULL)
             AND (state = 'captured') = (captured IS NOT NULL)),
        CONSTRAINT authorisations_amount_check CHECK (amount > 0)
    )
"""
ALLOTMENTS = """
    CREATE TABLE value_allotments (
        tenant_id integer NOT NULL,
        register_id uuid NOT NULL,
        kind text NOT NULL,
        id uuid NOT NULL,
        amount bigint NOT NULL,
        used bigint DEFAULT 0 NOT NULL,
        made_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        made_by text DEFAULT '' NOT NULL,
        CONSTRAINT value_allotments_pkey PRIMARY KEY (tenant_id, register_id, kind),
        CONSTRAINT value_allotments_tenant_id_register_id_fkey FOREIGN KEY(tenant_id, register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT value_allotments_kind_check CHECK (kind IN ('gift_card', 'store_credit', 'account', 'points')),
        CONSTRAINT value_allotments_amount_check CHECK (amount >= 0 AND used >= 0)
    )
"""
INDEXES = (
    "CREATE UNIQUE INDEX value_accounts_code_idx ON value_accounts (tenant_id, code_hash) WHERE code_hash IS NOT NULL",
    "CREATE UNIQUE INDEX value_accounts_holder_idx ON value_accounts (tenant_id, customer_id, kind)"
    " WHERE kind <> 'gift_card'",
    "CREATE INDEX value_accounts_customer_id_idx ON value_accounts (tenant_id, customer_id)",
    "CREATE INDEX value_accounts_kind_idx ON value_accounts (tenant_id, kind, id)",
    "CREATE UNIQUE INDEX value_entries_cause_idx ON value_entries"
    " (tenant_id, sale_id, account_id, line_no, payment_seq) NULLS NOT DISTINCT WHERE sale_id IS NOT NULL",
    "CREATE INDEX value_entries_of_sale_id_idx ON value_entries (tenant_id, of_sale_id) WHERE of_sale_id IS NOT NULL",
    "CREATE UNIQUE INDEX value_entries_act_idx ON value_entries (tenant_id, act_id) WHERE act_id IS NOT NULL",
    "CREATE INDEX authorisations_account_id_idx ON authorisations (tenant_id, account_id) WHERE state = 'held'",
    "CREATE INDEX authorisations_subject_id_idx ON authorisations (tenant_id, subject_id) WHERE state = 'held'",
    "CREATE INDEX authorisations_expires_at_idx ON authorisations (tenant_id, expires_at) WHERE state = 'held'",
    "CREATE INDEX authorisations_register_id_idx ON authorisations (tenant_id, register_id)",
)
GRANTS = {
    "value_accounts": "SELECT, INSERT, UPDATE",
    "value_entries": "SELECT, INSERT",
    "authorisations": "SELECT, INSERT, UPDATE",
    "value_allotments": "SELECT, INSERT, UPDATE",
}


def upgrade() -> None:
    """Add the tables, kept apart by tenant; entries are only ever added."""
    for table in (ACCOUNTS, ENTRIES, AUTHORISATIONS, ALLOTMENTS):
        op.execute(table)
    for index in INDEXES:
        op.execute(index)
    for table, rights in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {rights} ON {table} TO primepos_app, primepos_system")


def downgrade() -> None:
    """Drop the value ledger; what sales were paid with stays in their payments."""
    op.execute("DROP TABLE value_allotments")
    op.execute("DROP TABLE authorisations")
    op.execute("DROP TABLE value_entries")
    op.execute("DROP TABLE value_accounts")
