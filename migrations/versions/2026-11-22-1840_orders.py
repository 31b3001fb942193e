"""Keep tickets that are not sold yet: on hold, quoted, laid away.

Revision ID: 0018
Revises: 0017
Phase: expand
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

TABLE = """
    CREATE TABLE orders (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        number bigint NOT NULL,
        kind text NOT NULL,
        state text DEFAULT 'open' NOT NULL,
        version bigint DEFAULT 1 NOT NULL,
        outlet_id uuid NOT NULL,
        owner_register_id uuid,
        customer_id uuid,
        label text DEFAULT '' NOT NULL,
        note text DEFAULT '' NOT NULL,
        content jsonb NOT NULL,
        currency text NOT NULL,
        total bigint NOT NULL,
        deposit bigint DEFAULT 0 NOT NULL,
        valid_until date,
        sale_id uuid,
        reason text,
        request_hash bytea NOT NULL,
        created_at timestamp with time zone DEFAULT now() NOT NULL,
        created_by text DEFAULT '' NOT NULL,
        changed_at timestamp with time zone DEFAULT now() NOT NULL,
        changed_by text DEFAULT '' NOT NULL,
        CONSTRAINT orders_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT orders_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id),
        CONSTRAINT orders_tenant_id_owner_register_id_fkey FOREIGN KEY(tenant_id, owner_register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT orders_tenant_id_customer_id_fkey FOREIGN KEY(tenant_id, customer_id)
            REFERENCES customers (tenant_id, id),
        CONSTRAINT orders_kind_check CHECK (kind IN ('held', 'quote', 'layaway')),
        CONSTRAINT orders_state_check CHECK (state IN ('open', 'sold', 'cancelled')),
        CONSTRAINT orders_sold_check CHECK ((state = 'sold') = (sale_id IS NOT NULL)),
        CONSTRAINT orders_deposit_check CHECK (deposit >= 0 AND (deposit = 0 OR state = 'open')),
        CONSTRAINT orders_number_check CHECK (number >= 1)
    )
"""
COUNTER = """
    CREATE TABLE order_counters (
        tenant_id integer NOT NULL,
        next_number bigint DEFAULT 1 NOT NULL,
        CONSTRAINT order_counters_pkey PRIMARY KEY (tenant_id),
        CONSTRAINT order_counters_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
"""
REMOVED = """
    CREATE TABLE removed_lines (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        outlet_id uuid NOT NULL,
        register_id uuid,
        ticket_id uuid NOT NULL,
        at timestamp with time zone NOT NULL,
        received_at timestamp with time zone DEFAULT now() NOT NULL,
        person text DEFAULT '' NOT NULL,
        approver text DEFAULT '' NOT NULL,
        act text NOT NULL,
        sku text DEFAULT '' NOT NULL,
        name text DEFAULT '' NOT NULL,
        quantity numeric(14, 3),
        amount bigint,
        CONSTRAINT removed_lines_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT removed_lines_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id)
            REFERENCES outlets (tenant_id, id),
        CONSTRAINT removed_lines_tenant_id_register_id_fkey FOREIGN KEY(tenant_id, register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT removed_lines_act_check CHECK (act IN ('line_removed', 'quantity_reduced', 'price_reduced',
            'discount_given', 'payment_taken_back', 'ticket_given_up'))
    )
"""
INDEXES = (
    "CREATE UNIQUE INDEX orders_number_idx ON orders (tenant_id, number)",
    "CREATE INDEX orders_open_idx ON orders (tenant_id, outlet_id, id) WHERE state = 'open'",
    "CREATE INDEX orders_owner_register_id_idx ON orders (tenant_id, owner_register_id)"
    " WHERE owner_register_id IS NOT NULL",
    "CREATE INDEX orders_customer_id_idx ON orders (tenant_id, customer_id) WHERE customer_id IS NOT NULL",
    "CREATE INDEX removed_lines_at_idx ON removed_lines (tenant_id, at, id)",
    "CREATE INDEX removed_lines_outlet_id_idx ON removed_lines (tenant_id, outlet_id)",
    "CREATE INDEX removed_lines_register_id_idx ON removed_lines (tenant_id, register_id)"
    " WHERE register_id IS NOT NULL",
)
GRANTS = {
    "orders": "SELECT, INSERT, UPDATE",
    "order_counters": "SELECT, INSERT, UPDATE",
    # What was taken off a ticket is never taken off the list.
    "removed_lines": "SELECT, INSERT",
}


def upgrade() -> None:
    """Add the tables with their policies."""
    for statement in (TABLE, COUNTER, REMOVED, *INDEXES):
        op.execute(statement)
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
    """Take the tables away with what is in them."""
    for table in ("removed_lines", "order_counters", "orders"):
        op.execute(f"DROP TABLE {table}")
