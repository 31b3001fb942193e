"""Add warehouses, transfers, counts, reasons, reorder points, allotments, average cost, suppliers and purchasing.

Revision ID: 0014
Revises: 0013
Phase: expand
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

# Who did it, as every document of this revision keeps it.
BY = "{0}_at timestamptz{1}, {0}_by_id uuid, {0}_by text{1}"


def _by(act: str, *, always: bool = False) -> str:
    return BY.format(act, " NOT NULL" if always else "")


def _reference(table: str, column: str, target: str) -> str:
    return f"CONSTRAINT {table}_tenant_id_{column}_fkey FOREIGN KEY(tenant_id, {column}) REFERENCES {target} (tenant_id, id)"


# Each table: its columns and constraints, its indexes, and what may be done to its rows beyond reading and adding.
TABLES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "stock_reasons": (
        """
        code text NOT NULL,
        name text NOT NULL,
        direction text NOT NULL,
        archived_at timestamptz,
        CONSTRAINT stock_reasons_pkey PRIMARY KEY (tenant_id, code),
        CONSTRAINT stock_reasons_direction_check CHECK (direction IN ('out', 'in', 'either')),
        CONSTRAINT stock_reasons_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
        """,
        (),
        "UPDATE",
    ),
    "stock_rules": (
        f"""
        outlet_id uuid NOT NULL,
        product_id uuid NOT NULL,
        minimum numeric(14, 3) NOT NULL,
        target numeric(14, 3) NOT NULL,
        CONSTRAINT stock_rules_pkey PRIMARY KEY (tenant_id, outlet_id, product_id),
        CONSTRAINT stock_rules_minimum_check CHECK (minimum >= 0 AND target >= minimum),
        {_reference("stock_rules", "outlet_id", "outlets")},
        {_reference("stock_rules", "product_id", "products")}
        """,
        ("product_id",),
        "UPDATE, DELETE",
    ),
    "product_stock_policies": (
        f"""
        product_id uuid NOT NULL,
        policy text NOT NULL,
        CONSTRAINT product_stock_policies_pkey PRIMARY KEY (tenant_id, product_id),
        CONSTRAINT product_stock_policies_policy_check CHECK (policy IN ('allow', 'warn', 'block')),
        {_reference("product_stock_policies", "product_id", "products")}
        """,
        (),
        "UPDATE, DELETE",
    ),
    "stock_allotments": (
        f"""
        register_id uuid NOT NULL,
        product_id uuid NOT NULL,
        outlet_id uuid NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        CONSTRAINT stock_allotments_pkey PRIMARY KEY (tenant_id, register_id, product_id),
        CONSTRAINT stock_allotments_quantity_check CHECK (quantity >= 0),
        {_reference("stock_allotments", "register_id", "registers")},
        {_reference("stock_allotments", "product_id", "products")},
        {_reference("stock_allotments", "outlet_id", "outlets")}
        """,
        ("product_id", "outlet_id, product_id"),
        "UPDATE",
    ),
    "stock_transfers": (
        f"""
        id uuid NOT NULL,
        number bigint NOT NULL,
        from_outlet_id uuid NOT NULL,
        to_outlet_id uuid NOT NULL,
        state text NOT NULL,
        note text NOT NULL,
        {_by("requested", always=True)},
        {_by("shipped")},
        {_by("closed")},
        CONSTRAINT stock_transfers_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT stock_transfers_tenant_id_number_key UNIQUE (tenant_id, number),
        CONSTRAINT stock_transfers_state_check CHECK (state IN ('requested', 'in_transit', 'closed', 'cancelled')),
        CONSTRAINT stock_transfers_outlets_check CHECK (from_outlet_id <> to_outlet_id),
        {_reference("stock_transfers", "from_outlet_id", "outlets")},
        {_reference("stock_transfers", "to_outlet_id", "outlets")}
        """,
        ("from_outlet_id", "to_outlet_id"),
        "UPDATE",
    ),
    "stock_transfer_lines": (
        f"""
        transfer_id uuid NOT NULL,
        line_no bigint NOT NULL,
        product_id uuid NOT NULL,
        requested numeric(14, 3) NOT NULL,
        shipped numeric(14, 3) DEFAULT 0 NOT NULL,
        received numeric(14, 3) DEFAULT 0 NOT NULL,
        damaged numeric(14, 3) DEFAULT 0 NOT NULL,
        lost numeric(14, 3) DEFAULT 0 NOT NULL,
        back numeric(14, 3) DEFAULT 0 NOT NULL,
        over numeric(14, 3) DEFAULT 0 NOT NULL,
        unit_cost numeric(20, 6),
        CONSTRAINT stock_transfer_lines_pkey PRIMARY KEY (tenant_id, transfer_id, line_no),
        CONSTRAINT stock_transfer_lines_tenant_id_transfer_id_product_id_key UNIQUE (tenant_id, transfer_id, product_id),
        CONSTRAINT stock_transfer_lines_requested_check CHECK (requested >= 0),
        CONSTRAINT stock_transfer_lines_parts_check
            CHECK (received >= 0 AND damaged >= 0 AND lost >= 0 AND back >= 0 AND over >= 0),
        CONSTRAINT stock_transfer_lines_in_transit_check CHECK (shipped >= received + damaged + lost + back),
        {_reference("stock_transfer_lines", "transfer_id", "stock_transfers")},
        {_reference("stock_transfer_lines", "product_id", "products")}
        """,
        ("product_id",),
        "UPDATE",
    ),
    "stock_counts": (
        f"""
        id uuid NOT NULL,
        number bigint NOT NULL,
        outlet_id uuid NOT NULL,
        category_id uuid,
        scope text NOT NULL,
        blind boolean NOT NULL,
        state text NOT NULL,
        note text NOT NULL,
        {_by("opened", always=True)},
        {_by("closed")},
        CONSTRAINT stock_counts_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT stock_counts_tenant_id_number_key UNIQUE (tenant_id, number),
        CONSTRAINT stock_counts_state_check CHECK (state IN ('open', 'approved', 'cancelled')),
        CONSTRAINT stock_counts_scope_check CHECK (scope IN ('outlet', 'category', 'list')),
        {_reference("stock_counts", "outlet_id", "outlets")},
        {_reference("stock_counts", "category_id", "categories")}
        """,
        ("outlet_id", "category_id"),
        "UPDATE",
    ),
    "stock_count_lines": (
        f"""
        count_id uuid NOT NULL,
        product_id uuid NOT NULL,
        round bigint DEFAULT 1 NOT NULL,
        counted numeric(14, 3),
        expected numeric(14, 3),
        counted_at timestamptz,
        posted numeric(14, 3),
        CONSTRAINT stock_count_lines_pkey PRIMARY KEY (tenant_id, count_id, product_id),
        CONSTRAINT stock_count_lines_counted_check
            CHECK (num_nonnulls(counted, expected, counted_at) IN (0, 3) AND coalesce(counted, 0) >= 0 AND round >= 1),
        {_reference("stock_count_lines", "count_id", "stock_counts")},
        {_reference("stock_count_lines", "product_id", "products")}
        """,
        ("product_id",),
        "UPDATE",
    ),
    "stock_count_entries": (
        f"""
        id uuid NOT NULL,
        count_id uuid NOT NULL,
        product_id uuid NOT NULL,
        round bigint NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        {_by("counted", always=True)},
        CONSTRAINT stock_count_entries_pkey PRIMARY KEY (tenant_id, id, product_id),
        CONSTRAINT stock_count_entries_tenant_id_count_id_product_id_fkey FOREIGN KEY(tenant_id, count_id, product_id)
            REFERENCES stock_count_lines (tenant_id, count_id, product_id)
        """,
        ("count_id, product_id",),
        "",
    ),
    "suppliers": (
        """
        id uuid NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
        code text NOT NULL,
        name text NOT NULL,
        email text NOT NULL,
        phone text NOT NULL,
        note text NOT NULL,
        lead_days bigint NOT NULL,
        CONSTRAINT suppliers_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT suppliers_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT suppliers_lead_days_check CHECK (lead_days >= 0),
        CONSTRAINT suppliers_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
        """,
        (),
        "UPDATE",
    ),
    "supplier_items": (
        f"""
        supplier_id uuid NOT NULL,
        product_id uuid NOT NULL,
        supplier_sku text NOT NULL,
        pack_size numeric(14, 3) NOT NULL,
        cost numeric(14, 4) NOT NULL,
        lead_days bigint,
        CONSTRAINT supplier_items_pkey PRIMARY KEY (tenant_id, supplier_id, product_id),
        CONSTRAINT supplier_items_pack_check CHECK (pack_size > 0 AND cost >= 0 AND coalesce(lead_days, 0) >= 0),
        {_reference("supplier_items", "supplier_id", "suppliers")},
        {_reference("supplier_items", "product_id", "products")}
        """,
        ("product_id",),
        "UPDATE, DELETE",
    ),
    "purchase_orders": (
        f"""
        id uuid NOT NULL,
        number bigint NOT NULL,
        supplier_id uuid NOT NULL,
        outlet_id uuid NOT NULL,
        state text NOT NULL,
        expected_on date,
        over_percent numeric(15, 6) NOT NULL,
        note text NOT NULL,
        total bigint NOT NULL,
        {_by("created", always=True)},
        {_by("approved")},
        {_by("sent")},
        {_by("closed")},
        CONSTRAINT purchase_orders_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT purchase_orders_tenant_id_number_key UNIQUE (tenant_id, number),
        CONSTRAINT purchase_orders_state_check CHECK
            (state IN ('draft', 'approved', 'sent', 'partly_received', 'received', 'closed', 'cancelled')),
        CONSTRAINT purchase_orders_over_percent_check CHECK (over_percent BETWEEN 0 AND 100),
        {_reference("purchase_orders", "supplier_id", "suppliers")},
        {_reference("purchase_orders", "outlet_id", "outlets")}
        """,
        ("supplier_id", "outlet_id"),
        "UPDATE",
    ),
    "purchase_order_lines": (
        f"""
        order_id uuid NOT NULL,
        line_no bigint NOT NULL,
        product_id uuid NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        pack_size numeric(14, 3) NOT NULL,
        cost numeric(14, 4) NOT NULL,
        amount bigint NOT NULL,
        received numeric(14, 3) DEFAULT 0 NOT NULL,
        returned numeric(14, 3) DEFAULT 0 NOT NULL,
        cancelled numeric(14, 3) DEFAULT 0 NOT NULL,
        CONSTRAINT purchase_order_lines_pkey PRIMARY KEY (tenant_id, order_id, line_no),
        CONSTRAINT purchase_order_lines_tenant_id_order_id_product_id_key UNIQUE (tenant_id, order_id, product_id),
        CONSTRAINT purchase_order_lines_quantity_check CHECK (quantity > 0 AND pack_size > 0 AND cost >= 0),
        CONSTRAINT purchase_order_lines_received_check
            CHECK (received >= 0 AND returned >= 0 AND cancelled >= 0 AND returned <= received),
        {_reference("purchase_order_lines", "order_id", "purchase_orders")},
        {_reference("purchase_order_lines", "product_id", "products")}
        """,
        ("product_id",),
        "UPDATE, DELETE",
    ),
    "purchase_receipts": (
        f"""
        id uuid NOT NULL,
        order_id uuid NOT NULL,
        outlet_id uuid NOT NULL,
        reference text NOT NULL,
        {_by("received", always=True)},
        CONSTRAINT purchase_receipts_pkey PRIMARY KEY (tenant_id, id),
        {_reference("purchase_receipts", "order_id", "purchase_orders")},
        {_reference("purchase_receipts", "outlet_id", "outlets")}
        """,
        ("order_id", "outlet_id"),
        "",
    ),
    "purchase_receipt_lines": (
        f"""
        receipt_id uuid NOT NULL,
        line_no bigint NOT NULL,
        order_id uuid NOT NULL,
        order_line_no bigint NOT NULL,
        product_id uuid NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        unit_cost numeric(20, 6) NOT NULL,
        amount bigint NOT NULL,
        CONSTRAINT purchase_receipt_lines_pkey PRIMARY KEY (tenant_id, receipt_id, line_no),
        CONSTRAINT purchase_receipt_lines_quantity_check CHECK (quantity > 0 AND unit_cost >= 0),
        {_reference("purchase_receipt_lines", "receipt_id", "purchase_receipts")},
        {_reference("purchase_receipt_lines", "product_id", "products")},
        CONSTRAINT purchase_receipt_lines_tenant_id_order_id_order_line_no_fkey
            FOREIGN KEY(tenant_id, order_id, order_line_no)
            REFERENCES purchase_order_lines (tenant_id, order_id, line_no)
        """,
        ("product_id", "order_id, order_line_no"),
        "",
    ),
    "supplier_returns": (
        f"""
        id uuid NOT NULL,
        number bigint NOT NULL,
        order_id uuid NOT NULL,
        outlet_id uuid NOT NULL,
        reason text NOT NULL,
        state text NOT NULL,
        expected bigint NOT NULL,
        credited bigint,
        {_by("returned", always=True)},
        {_by("credited")},
        CONSTRAINT supplier_returns_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT supplier_returns_tenant_id_number_key UNIQUE (tenant_id, number),
        CONSTRAINT supplier_returns_state_check CHECK
            (CASE state WHEN 'open' THEN credited IS NULL WHEN 'credited' THEN credited >= 0 ELSE false END),
        {_reference("supplier_returns", "order_id", "purchase_orders")},
        {_reference("supplier_returns", "outlet_id", "outlets")}
        """,
        ("order_id", "outlet_id"),
        "UPDATE",
    ),
    "supplier_return_lines": (
        f"""
        return_id uuid NOT NULL,
        line_no bigint NOT NULL,
        order_id uuid NOT NULL,
        order_line_no bigint NOT NULL,
        product_id uuid NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        amount bigint NOT NULL,
        CONSTRAINT supplier_return_lines_pkey PRIMARY KEY (tenant_id, return_id, line_no),
        CONSTRAINT supplier_return_lines_quantity_check CHECK (quantity > 0 AND amount >= 0),
        {_reference("supplier_return_lines", "return_id", "supplier_returns")},
        {_reference("supplier_return_lines", "product_id", "products")},
        CONSTRAINT supplier_return_lines_tenant_id_order_id_order_line_no_fkey
            FOREIGN KEY(tenant_id, order_id, order_line_no)
            REFERENCES purchase_order_lines (tenant_id, order_id, line_no)
        """,
        ("product_id", "order_id, order_line_no"),
        "",
    ),
}

OLD_MOVES = (
    "CASE kind WHEN 'sale' THEN true WHEN 'void' THEN true WHEN 'refund' THEN quantity > 0"
    " WHEN 'receive' THEN quantity > 0 WHEN 'adjust' THEN quantity <> 0 WHEN 'opening' THEN true ELSE false END"
)
MOVES = OLD_MOVES.replace(
    "ELSE false",
    "WHEN 'count' THEN quantity <> 0 WHEN 'transfer_out' THEN quantity < 0 WHEN 'transfer_in' THEN quantity > 0"
    " WHEN 'supplier_return' THEN quantity < 0 WHEN 'revalue' THEN quantity = 0 ELSE false",
)
OLD_ACTS = "kind IN ('adjust', 'receive', 'opening')"
ACTS = (
    "kind IN ('adjust', 'receive', 'opening', 'revalue', 'allot', 'release', 'transfer', 'ship', 'arrive', 'settle',"
    " 'count', 'tally', 'recount', 'order', 'purchase', 'return')"
)


def upgrade() -> None:
    """Add the tables and columns, and widen what may move."""
    for table, (columns, indexes, rights) in TABLES.items():
        op.execute(f"CREATE TABLE {table} (tenant_id integer NOT NULL, {columns})")
        for index in indexes:
            name = index.replace(", ", "_")
            op.execute(f"CREATE INDEX {table}_{name}_idx ON {table} (tenant_id, {index})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        may = f"SELECT, INSERT, {rights}".removesuffix(", ")
        op.execute(f"GRANT {may} ON {table} TO primepos_app, primepos_system")
    op.execute("ALTER TABLE outlets ADD COLUMN kind text DEFAULT 'shop' NOT NULL")
    op.execute("ALTER TABLE outlets ADD CONSTRAINT outlets_kind_check CHECK (kind IN ('shop', 'warehouse')) NOT VALID")
    op.execute("ALTER TABLE stock_levels ADD COLUMN average_cost numeric(20, 6)")
    op.execute("ALTER TABLE stock_levels ADD COLUMN allotted numeric(14, 3) DEFAULT 0 NOT NULL")
    op.execute(
        "ALTER TABLE stock_levels ADD CONSTRAINT stock_levels_average_cost_check CHECK (average_cost >= 0) NOT VALID"
    )
    op.execute("ALTER TABLE stock_levels ADD CONSTRAINT stock_levels_allotted_check CHECK (allotted >= 0) NOT VALID")
    op.execute("ALTER TABLE stock_movements ADD COLUMN unit_cost numeric(20, 6)")
    op.execute("ALTER TABLE stock_movements ADD COLUMN reason_code text")
    op.execute("ALTER TABLE stock_movements ADD COLUMN document_id uuid")
    for table, check in (("stock_movements", MOVES), ("stock_documents", ACTS)):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_kind_check")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_kind_check CHECK ({check}) NOT VALID")


def downgrade() -> None:
    """Take them away again; refused by the old checks where goods were moved in the new ways."""
    for table, check in (("stock_documents", OLD_ACTS), ("stock_movements", OLD_MOVES)):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_kind_check")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_kind_check CHECK ({check})")
    for table, columns in (
        ("stock_movements", ("document_id", "reason_code", "unit_cost")),
        ("stock_levels", ("allotted", "average_cost")),
        ("outlets", ("kind",)),
    ):
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
