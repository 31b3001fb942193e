"""Add price lists, promotions, coupons and mappings of taxes.

Revision ID: 0013
Revises: 0012
Phase: expand
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"
WHEN = """
        valid_from timestamptz,
        valid_to timestamptz,
        days text[] DEFAULT '{}' NOT NULL,
        from_time time,
        to_time time,
"""
STAMPS = """
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        archived_at timestamptz,
"""
WHEN_CHECKS = """
        CONSTRAINT {table}_valid_check CHECK (valid_to > valid_from),
        CONSTRAINT {table}_days_check CHECK (days <@ '{{mon,tue,wed,thu,fri,sat,sun}}'::text[]),
        CONSTRAINT {table}_hours_check CHECK ((from_time IS NULL) = (to_time IS NULL) AND from_time <> to_time)
"""

TABLES = {
    # Changed with every offer of a tenant, so a till knows whether it has the newest.
    "offer_versions": """
    CREATE TABLE offer_versions (
        tenant_id integer NOT NULL,
        version bigint NOT NULL,
        CONSTRAINT offer_versions_pkey PRIMARY KEY (tenant_id),
        CONSTRAINT offer_versions_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
    )
    """,
    "price_lists": f"""
    CREATE TABLE price_lists (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        priority bigint DEFAULT 0 NOT NULL,
        step numeric(14, 4),
        {WHEN}
        {STAMPS}
        CONSTRAINT price_lists_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT price_lists_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT price_lists_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT price_lists_step_check CHECK (step > 0),
        {WHEN_CHECKS.format(table="price_lists")}
    )
    """,
    # A price that was stays: it ends, and the next one begins.
    "price_list_items": """
    CREATE TABLE price_list_items (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        price_list_id uuid NOT NULL,
        product_id uuid,
        category_id uuid,
        kind text NOT NULL,
        amount numeric(14, 4) NOT NULL,
        from_quantity numeric(14, 3) DEFAULT 1 NOT NULL,
        since timestamptz NOT NULL,
        until timestamptz,
        actor_id uuid,
        actor_name text NOT NULL,
        CONSTRAINT price_list_items_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT price_list_items_tenant_id_price_list_id_fkey FOREIGN KEY(tenant_id, price_list_id)
            REFERENCES price_lists (tenant_id, id),
        CONSTRAINT price_list_items_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id)
            REFERENCES products (tenant_id, id),
        CONSTRAINT price_list_items_tenant_id_category_id_fkey FOREIGN KEY(tenant_id, category_id)
            REFERENCES categories (tenant_id, id),
        CONSTRAINT price_list_items_goods_check CHECK (num_nonnulls(product_id, category_id) <= 1),
        CONSTRAINT price_list_items_kind_check CHECK (kind IN ('price', 'percent_off', 'cost_plus')),
        CONSTRAINT price_list_items_amount_check
            CHECK (amount >= 0 AND (kind <> 'price' OR product_id IS NOT NULL)
                   AND (kind <> 'percent_off' OR amount <= 100)),
        CONSTRAINT price_list_items_from_quantity_check CHECK (from_quantity > 0),
        CONSTRAINT price_list_items_until_check CHECK (until >= since)
    )
    """,
    "promotions": f"""
    CREATE TABLE promotions (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        kind text NOT NULL,
        rule jsonb DEFAULT '{{}}' NOT NULL,
        priority bigint DEFAULT 0 NOT NULL,
        is_stackable boolean DEFAULT false NOT NULL,
        needs_coupon boolean DEFAULT false NOT NULL,
        most_per_ticket bigint,
        {WHEN}
        {STAMPS}
        CONSTRAINT promotions_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT promotions_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT promotions_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT promotions_kind_check
            CHECK (kind IN ('percent', 'amount', 'n_for_m', 'nth', 'bundle', 'mix', 'spend')),
        CONSTRAINT promotions_most_per_ticket_check CHECK (most_per_ticket >= 1),
        {WHEN_CHECKS.format(table="promotions")}
    )
    """,
    "promotion_goods": """
    CREATE TABLE promotion_goods (
        tenant_id integer NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        promotion_id uuid NOT NULL,
        slot bigint NOT NULL,
        product_id uuid,
        category_id uuid,
        CONSTRAINT promotion_goods_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT promotion_goods_tenant_id_promotion_id_fkey FOREIGN KEY(tenant_id, promotion_id)
            REFERENCES promotions (tenant_id, id),
        CONSTRAINT promotion_goods_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id)
            REFERENCES products (tenant_id, id),
        CONSTRAINT promotion_goods_tenant_id_category_id_fkey FOREIGN KEY(tenant_id, category_id)
            REFERENCES categories (tenant_id, id),
        CONSTRAINT promotion_goods_goods_check CHECK (num_nonnulls(product_id, category_id) = 1),
        CONSTRAINT promotion_goods_slot_check CHECK (slot >= 0)
    )
    """,
    "tax_mappings": f"""
    CREATE TABLE tax_mappings (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        others text DEFAULT 'keep' NOT NULL,
        {STAMPS}
        CONSTRAINT tax_mappings_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT tax_mappings_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT tax_mappings_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
        CONSTRAINT tax_mappings_others_check CHECK (others IN ('keep', 'none'))
    )
    """,
    "tax_mapping_rules": """
    CREATE TABLE tax_mapping_rules (
        tenant_id integer NOT NULL,
        tax_mapping_id uuid NOT NULL,
        from_class_id uuid NOT NULL,
        to_class_id uuid,
        CONSTRAINT tax_mapping_rules_pkey PRIMARY KEY (tenant_id, tax_mapping_id, from_class_id),
        CONSTRAINT tax_mapping_rules_tenant_id_tax_mapping_id_fkey FOREIGN KEY(tenant_id, tax_mapping_id)
            REFERENCES tax_mappings (tenant_id, id),
        CONSTRAINT tax_mapping_rules_tenant_id_from_class_id_fkey FOREIGN KEY(tenant_id, from_class_id)
            REFERENCES tax_classes (tenant_id, id),
        CONSTRAINT tax_mapping_rules_tenant_id_to_class_id_fkey FOREIGN KEY(tenant_id, to_class_id)
            REFERENCES tax_classes (tenant_id, id)
    )
    """,
    # For whom a price list, a promotion or a mapping is: nobody named is everybody.
    "offer_audiences": """
    CREATE TABLE offer_audiences (
        tenant_id integer NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        price_list_id uuid,
        promotion_id uuid,
        tax_mapping_id uuid,
        outlet_id uuid,
        group_id uuid,
        customer_id uuid,
        CONSTRAINT offer_audiences_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT offer_audiences_tenant_id_price_list_id_fkey FOREIGN KEY(tenant_id, price_list_id)
            REFERENCES price_lists (tenant_id, id),
        CONSTRAINT offer_audiences_tenant_id_promotion_id_fkey FOREIGN KEY(tenant_id, promotion_id)
            REFERENCES promotions (tenant_id, id),
        CONSTRAINT offer_audiences_tenant_id_tax_mapping_id_fkey FOREIGN KEY(tenant_id, tax_mapping_id)
            REFERENCES tax_mappings (tenant_id, id),
        CONSTRAINT offer_audiences_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id)
            REFERENCES outlets (tenant_id, id),
        CONSTRAINT offer_audiences_tenant_id_group_id_fkey FOREIGN KEY(tenant_id, group_id)
            REFERENCES customer_groups (tenant_id, id),
        CONSTRAINT offer_audiences_tenant_id_customer_id_fkey FOREIGN KEY(tenant_id, customer_id)
            REFERENCES customers (tenant_id, id),
        CONSTRAINT offer_audiences_offer_check CHECK (num_nonnulls(price_list_id, promotion_id, tax_mapping_id) = 1),
        CONSTRAINT offer_audiences_audience_check CHECK (num_nonnulls(outlet_id, group_id, customer_id) = 1)
    )
    """,
    "coupon_batches": """
    CREATE TABLE coupon_batches (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        promotion_id uuid NOT NULL,
        request_hash bytea NOT NULL,
        coupons bigint NOT NULL,
        made_at timestamptz NOT NULL,
        made_by_id uuid,
        made_by text NOT NULL,
        CONSTRAINT coupon_batches_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT coupon_batches_tenant_id_promotion_id_fkey FOREIGN KEY(tenant_id, promotion_id)
            REFERENCES promotions (tenant_id, id),
        CONSTRAINT coupon_batches_coupons_check CHECK (coupons >= 1)
    )
    """,
    # `used` and `held` are the shared balance; `most_uses` NULL is without end and keeps no balance.
    "coupons": """
    CREATE TABLE coupons (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        code text NOT NULL,
        batch_id uuid NOT NULL,
        promotion_id uuid NOT NULL,
        customer_id uuid,
        most_uses bigint,
        used bigint DEFAULT 0 NOT NULL,
        held bigint DEFAULT 0 NOT NULL,
        valid_from timestamptz,
        valid_to timestamptz,
        blocked_at timestamptz,
        blocked_reason text,
        CONSTRAINT coupons_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT coupons_tenant_id_code_key UNIQUE (tenant_id, code),
        CONSTRAINT coupons_tenant_id_batch_id_fkey FOREIGN KEY(tenant_id, batch_id)
            REFERENCES coupon_batches (tenant_id, id),
        CONSTRAINT coupons_tenant_id_promotion_id_fkey FOREIGN KEY(tenant_id, promotion_id)
            REFERENCES promotions (tenant_id, id),
        CONSTRAINT coupons_tenant_id_customer_id_fkey FOREIGN KEY(tenant_id, customer_id)
            REFERENCES customers (tenant_id, id),
        CONSTRAINT coupons_most_uses_check CHECK (most_uses >= 1),
        CONSTRAINT coupons_used_check CHECK (used >= 0 AND held >= 0 AND (most_uses IS NOT NULL OR used + held = 0)),
        CONSTRAINT coupons_valid_check CHECK (valid_to > valid_from),
        CONSTRAINT coupons_blocked_check CHECK ((blocked_at IS NULL) = (blocked_reason IS NULL))
    )
     WITH (fillfactor = 80)
    """,
    "coupon_holds": """
    CREATE TABLE coupon_holds (
        tenant_id integer NOT NULL,
        id uuid NOT NULL,
        coupon_id uuid NOT NULL,
        outlet_id uuid NOT NULL,
        register_id uuid,
        customer_id uuid,
        held_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        state text DEFAULT 'held' NOT NULL,
        settled_at timestamptz,
        sale_id uuid,
        actor_id uuid,
        actor_name text NOT NULL,
        CONSTRAINT coupon_holds_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT coupon_holds_tenant_id_coupon_id_fkey FOREIGN KEY(tenant_id, coupon_id)
            REFERENCES coupons (tenant_id, id),
        CONSTRAINT coupon_holds_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id)
            REFERENCES outlets (tenant_id, id),
        CONSTRAINT coupon_holds_tenant_id_register_id_fkey FOREIGN KEY(tenant_id, register_id)
            REFERENCES registers (tenant_id, id),
        CONSTRAINT coupon_holds_tenant_id_customer_id_fkey FOREIGN KEY(tenant_id, customer_id)
            REFERENCES customers (tenant_id, id),
        CONSTRAINT coupon_holds_state_check CHECK (state IN ('held', 'captured', 'released', 'expired')),
        CONSTRAINT coupon_holds_settled_check
            CHECK ((state = 'held') = (settled_at IS NULL) AND (state = 'captured') = (sale_id IS NOT NULL)),
        CONSTRAINT coupon_holds_expires_check CHECK (expires_at > held_at)
    )
    """,
    # One row for each use (1) and for each use that was given back (-1); `sale_id` is the sale that used it.
    "coupon_uses": """
    CREATE TABLE coupon_uses (
        tenant_id integer NOT NULL,
        coupon_id uuid NOT NULL,
        sale_id uuid NOT NULL,
        quantity bigint NOT NULL,
        by_sale_id uuid NOT NULL,
        customer_id uuid,
        at timestamptz NOT NULL,
        CONSTRAINT coupon_uses_pkey PRIMARY KEY (tenant_id, coupon_id, sale_id, quantity),
        CONSTRAINT coupon_uses_tenant_id_coupon_id_fkey FOREIGN KEY(tenant_id, coupon_id)
            REFERENCES coupons (tenant_id, id),
        CONSTRAINT coupon_uses_tenant_id_sale_id_fkey FOREIGN KEY(tenant_id, sale_id) REFERENCES sales (tenant_id, id),
        CONSTRAINT coupon_uses_quantity_check CHECK (quantity IN (1, -1) AND (quantity = -1 OR by_sale_id = sale_id))
    )
    """,
}
INDEXES = (
    # Two who set the same price at the same moment meet here.
    "CREATE UNIQUE INDEX price_list_items_now_idx ON price_list_items"
    " (tenant_id, price_list_id, product_id, category_id, from_quantity) NULLS NOT DISTINCT WHERE until IS NULL",
    "CREATE INDEX price_list_items_product_id_idx ON price_list_items (tenant_id, product_id, since)",
    "CREATE INDEX price_list_items_category_id_idx ON price_list_items (tenant_id, category_id)",
    "CREATE INDEX promotion_goods_promotion_id_idx ON promotion_goods (tenant_id, promotion_id)",
    "CREATE INDEX promotion_goods_product_id_idx ON promotion_goods (tenant_id, product_id)",
    "CREATE INDEX promotion_goods_category_id_idx ON promotion_goods (tenant_id, category_id)",
    "CREATE INDEX tax_mapping_rules_from_class_id_idx ON tax_mapping_rules (tenant_id, from_class_id)",
    "CREATE INDEX tax_mapping_rules_to_class_id_idx ON tax_mapping_rules (tenant_id, to_class_id)",
    "CREATE UNIQUE INDEX offer_audiences_offer_idx ON offer_audiences"
    " (tenant_id, price_list_id, promotion_id, tax_mapping_id, outlet_id, group_id, customer_id) NULLS NOT DISTINCT",
    "CREATE INDEX offer_audiences_promotion_id_idx ON offer_audiences (tenant_id, promotion_id)",
    "CREATE INDEX offer_audiences_tax_mapping_id_idx ON offer_audiences (tenant_id, tax_mapping_id)",
    "CREATE INDEX offer_audiences_outlet_id_idx ON offer_audiences (tenant_id, outlet_id)",
    "CREATE INDEX offer_audiences_group_id_idx ON offer_audiences (tenant_id, group_id)",
    "CREATE INDEX offer_audiences_customer_id_idx ON offer_audiences (tenant_id, customer_id)",
    "CREATE INDEX coupon_batches_promotion_id_idx ON coupon_batches (tenant_id, promotion_id)",
    "CREATE INDEX coupons_promotion_id_idx ON coupons (tenant_id, promotion_id, id)",
    "CREATE INDEX coupons_batch_id_idx ON coupons (tenant_id, batch_id)",
    "CREATE INDEX coupons_customer_id_idx ON coupons (tenant_id, customer_id) WHERE customer_id IS NOT NULL",
    "CREATE INDEX coupon_holds_open_idx ON coupon_holds (tenant_id, coupon_id, expires_at) WHERE state = 'held'",
    "CREATE INDEX coupon_holds_outlet_id_idx ON coupon_holds (tenant_id, outlet_id)",
    "CREATE INDEX coupon_uses_sale_id_idx ON coupon_uses (tenant_id, sale_id)",
)
APP_RIGHTS = {
    "offer_versions": "SELECT, INSERT, UPDATE",
    "price_lists": "SELECT, INSERT, UPDATE",
    "price_list_items": "SELECT, INSERT, UPDATE",
    "promotions": "SELECT, INSERT, UPDATE",
    "promotion_goods": "SELECT, INSERT, DELETE",
    "tax_mappings": "SELECT, INSERT, UPDATE",
    "tax_mapping_rules": "SELECT, INSERT, DELETE",
    "offer_audiences": "SELECT, INSERT, DELETE",
    "coupon_batches": "SELECT, INSERT",
    "coupons": "SELECT, INSERT, UPDATE",
    "coupon_holds": "SELECT, INSERT, UPDATE",
    "coupon_uses": "SELECT, INSERT",
}


def upgrade() -> None:
    """Add the tables, kept apart by tenant."""
    for statement in (*TABLES.values(), *INDEXES):
        op.execute(statement)
    for table, rights in APP_RIGHTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO primepos_app"
            f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
        )
        op.execute(f"CREATE POLICY {table}_system ON {table} TO primepos_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {rights} ON {table} TO primepos_app, primepos_system")


def downgrade() -> None:
    """Take the tables away again."""
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
