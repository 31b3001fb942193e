"""Add variants, units, kits, images, tracked lots and ages to the catalogue.

Revision ID: 0015
Revises: 0014
Phase: expand
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

COLUMNS = {
    "kind": "text DEFAULT 'simple' NOT NULL",
    "unit": "text",
    "content_quantity": "numeric(14, 3)",
    "content_unit": "text",
    "tare": "numeric(14, 3)",
    "tracking": "text DEFAULT 'none' NOT NULL",
    "minimum_age": "bigint",
    "kit_price": "text DEFAULT 'own' NOT NULL",
}
CHECKS = {
    "kind": "kind IN ('simple', 'parent', 'variant', 'kit')",
    "content": (
        "(content_quantity IS NULL) = (content_unit IS NULL) AND coalesce(content_quantity, 1) > 0"
        " AND coalesce(content_unit, 'g') IN ('g', 'kg', 'ml', 'l', 'm', 'piece')"
    ),
    "tare": "tare > 0",
    "tracking": "tracking IN ('none', 'lot', 'serial')",
    "minimum_age": "minimum_age BETWEEN 1 AND 99",
    "kit_price": "kit_price IN ('own', 'sum')",
}

TABLES = (
    """
    CREATE TABLE product_options (
        tenant_id integer NOT NULL,
        product_id uuid NOT NULL,
        position bigint NOT NULL,
        name text NOT NULL,
        option_values text[] NOT NULL,
        CONSTRAINT product_options_pkey PRIMARY KEY (tenant_id, product_id, position),
        CONSTRAINT product_options_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id),
        CONSTRAINT product_options_position_check CHECK (position >= 1),
        CONSTRAINT product_options_option_values_check CHECK (cardinality(option_values) >= 1)
    )
    """,
    # Two who make the same variant at the same moment meet in the second key.
    """
    CREATE TABLE product_variants (
        tenant_id integer NOT NULL,
        product_id uuid NOT NULL,
        parent_id uuid NOT NULL,
        option_values text[] NOT NULL,
        CONSTRAINT product_variants_pkey PRIMARY KEY (tenant_id, product_id),
        CONSTRAINT product_variants_tenant_id_parent_id_option_values_key UNIQUE (tenant_id, parent_id, option_values),
        CONSTRAINT product_variants_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id),
        CONSTRAINT product_variants_tenant_id_parent_id_fkey FOREIGN KEY(tenant_id, parent_id) REFERENCES products (tenant_id, id),
        CONSTRAINT product_variants_parent_id_check CHECK (parent_id <> product_id)
    )
    """,
    # A barcode's pack size is the unit it stands for, so no two units of a product may hold the same.
    """
    CREATE TABLE product_units (
        tenant_id integer NOT NULL,
        product_id uuid NOT NULL,
        code text NOT NULL,
        name text NOT NULL,
        factor numeric(14, 3) NOT NULL,
        unit_price numeric(14, 4),
        CONSTRAINT product_units_pkey PRIMARY KEY (tenant_id, product_id, code),
        CONSTRAINT product_units_tenant_id_product_id_factor_key UNIQUE (tenant_id, product_id, factor),
        CONSTRAINT product_units_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id),
        CONSTRAINT product_units_factor_check CHECK (factor > 0 AND factor <> 1),
        CONSTRAINT product_units_unit_price_check CHECK (unit_price >= 0)
    )
    """,
    """
    CREATE TABLE kit_components (
        tenant_id integer NOT NULL,
        kit_id uuid NOT NULL,
        component_id uuid NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        position bigint NOT NULL,
        CONSTRAINT kit_components_pkey PRIMARY KEY (tenant_id, kit_id, component_id),
        CONSTRAINT kit_components_tenant_id_kit_id_fkey FOREIGN KEY(tenant_id, kit_id) REFERENCES products (tenant_id, id),
        CONSTRAINT kit_components_tenant_id_component_id_fkey FOREIGN KEY(tenant_id, component_id) REFERENCES products (tenant_id, id),
        CONSTRAINT kit_components_quantity_check CHECK (quantity > 0),
        CONSTRAINT kit_components_component_id_check CHECK (component_id <> kit_id)
    )
    """,
    "CREATE INDEX kit_components_component_id_idx ON kit_components (tenant_id, component_id)",
    """
    CREATE TABLE product_images (
        tenant_id integer NOT NULL,
        product_id uuid NOT NULL,
        file_name text NOT NULL,
        thumbnail_name text NOT NULL,
        media_type text NOT NULL,
        width bigint NOT NULL,
        height bigint NOT NULL,
        size bigint NOT NULL,
        added_at timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT product_images_pkey PRIMARY KEY (tenant_id, product_id),
        CONSTRAINT product_images_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id),
        CONSTRAINT product_images_size_check CHECK (width >= 1 AND height >= 1 AND size >= 1)
    )
    """,
    # A serial number is a lot of one piece: it is there once, in one outlet, or not at all.
    """
    CREATE TABLE stock_lots (
        tenant_id integer NOT NULL,
        outlet_id uuid NOT NULL,
        product_id uuid NOT NULL,
        lot text NOT NULL,
        is_serial boolean NOT NULL,
        expires_on date,
        quantity numeric(14, 3) NOT NULL,
        received_at timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT stock_lots_pkey PRIMARY KEY (tenant_id, outlet_id, product_id, lot),
        CONSTRAINT stock_lots_tenant_id_outlet_id_fkey FOREIGN KEY(tenant_id, outlet_id) REFERENCES outlets (tenant_id, id),
        CONSTRAINT stock_lots_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES products (tenant_id, id),
        CONSTRAINT stock_lots_serial_check CHECK (NOT is_serial OR quantity IN (0, 1))
    )
     WITH (fillfactor = 70)
    """,
    "CREATE INDEX stock_lots_product_id_idx ON stock_lots (tenant_id, product_id, lot)",
    "CREATE INDEX stock_lots_expires_on_idx ON stock_lots (tenant_id, outlet_id, expires_on) WHERE quantity > 0",
    "CREATE UNIQUE INDEX stock_lots_serial_idx ON stock_lots (tenant_id, product_id, lot) WHERE is_serial AND quantity = 1",
    """
    CREATE TABLE lot_movements (
        tenant_id integer NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        outlet_id uuid NOT NULL,
        product_id uuid NOT NULL,
        lot text NOT NULL,
        at timestamptz DEFAULT now() NOT NULL,
        kind text NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        sale_id uuid,
        line_no bigint,
        reason text,
        actor_id uuid,
        actor_name text NOT NULL,
        CONSTRAINT lot_movements_pkey PRIMARY KEY (tenant_id, id),
        CONSTRAINT lot_movements_tenant_id_outlet_id_product_id_lot_fkey FOREIGN KEY(tenant_id, outlet_id, product_id, lot)
            REFERENCES stock_lots (tenant_id, outlet_id, product_id, lot),
        CONSTRAINT lot_movements_kind_check CHECK (kind IN ('receive', 'assign', 'adjust', 'sale', 'void', 'refund')),
        CONSTRAINT lot_movements_quantity_check CHECK (quantity <> 0)
    )
    """,
    "CREATE INDEX lot_movements_product_id_idx ON lot_movements (tenant_id, product_id, lot, at)",
    "CREATE UNIQUE INDEX lot_movements_cause_idx ON lot_movements (tenant_id, sale_id, line_no, product_id, lot) WHERE sale_id IS NOT NULL",
)
APP_RIGHTS = {
    "product_options": "SELECT, INSERT, UPDATE, DELETE",
    "product_variants": "SELECT, INSERT",
    "product_units": "SELECT, INSERT, UPDATE, DELETE",
    "kit_components": "SELECT, INSERT, UPDATE, DELETE",
    "product_images": "SELECT, INSERT, UPDATE, DELETE",
    "stock_lots": "SELECT, INSERT, UPDATE",
    "lot_movements": "SELECT, INSERT",
}

# The price of a kit that costs what its parts cost follows them, whoever changes one: the bulk load, an edit of many
# products, a single one. It runs inside the catalogue's lock, which the change of the part has taken already.
FOLLOW = (
    """
    CREATE FUNCTION primepos_follow_components() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
    BEGIN
        WITH kit AS (
            SELECT k.id, k.unit_price AS old_price,
                   (SELECT sum(p.unit_price * c.quantity) FROM kit_components c
                      JOIN products p ON p.tenant_id = c.tenant_id AND p.id = c.component_id
                     WHERE c.tenant_id = k.tenant_id AND c.kit_id = k.id)::numeric(14, 4) AS new_price
              FROM products k
             WHERE k.tenant_id = NEW.tenant_id AND k.kind = 'kit' AND k.kit_price = 'sum'
               AND k.id IN (SELECT c.kit_id FROM kit_components c
                             WHERE c.tenant_id = NEW.tenant_id AND c.component_id = NEW.id)
        ), priced AS (
            UPDATE products p SET unit_price = kit.new_price, updated_at = now() FROM kit
             WHERE p.tenant_id = NEW.tenant_id AND p.id = kit.id AND kit.new_price <> kit.old_price
            RETURNING p.id
        )
        INSERT INTO price_changes (tenant_id, product_id, old_price, new_price, actor_name)
        SELECT NEW.tenant_id, kit.id, kit.old_price, kit.new_price, 'its components'
          FROM kit JOIN priced ON priced.id = kit.id ORDER BY kit.id;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER products_follow_components AFTER UPDATE OF unit_price ON products FOR EACH ROW"
    " WHEN (OLD.unit_price IS DISTINCT FROM NEW.unit_price AND NEW.kind <> 'kit')"
    " EXECUTE FUNCTION primepos_follow_components()",
)


def upgrade() -> None:
    """Add columns with a steady default, checks that hold for every row there is, and the new tables."""
    for name, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE products ADD COLUMN {name} {kind}")
    for name, check in CHECKS.items():
        op.execute(f"ALTER TABLE products ADD CONSTRAINT products_{name}_check CHECK ({check}) NOT VALID")
    for statement in TABLES:
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
    for statement in FOLLOW:
        op.execute(statement)


def downgrade() -> None:
    """Take the tables and columns away again."""
    op.execute("DROP TRIGGER products_follow_components ON products")
    op.execute("DROP FUNCTION primepos_follow_components()")
    for table in reversed(APP_RIGHTS):
        op.execute(f"DROP TABLE {table}")
    for name in reversed(CHECKS):
        op.execute(f"ALTER TABLE products DROP CONSTRAINT products_{name}_check")
    for name in reversed(COLUMNS):
        op.execute(f"ALTER TABLE products DROP COLUMN {name}")
