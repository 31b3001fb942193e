"""Let goods come back by receipt: a kind of its own, and what each of its lines takes back.

Revision ID: 0004
Revises: 0003
Phase: expand
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::int)"

TABLE = """
    CREATE TABLE sale_returns (
        tenant_id integer NOT NULL,
        sale_id uuid NOT NULL,
        line_no bigint NOT NULL,
        of_sale_id uuid NOT NULL,
        of_line_no bigint NOT NULL,
        nth bigint NOT NULL,
        before numeric(14, 3) NOT NULL,
        quantity numeric(14, 3) NOT NULL,
        sold numeric(14, 3) NOT NULL,
        CONSTRAINT sale_returns_tenant_id_sale_id_line_no_fkey FOREIGN KEY(tenant_id, sale_id, line_no)
            REFERENCES sale_lines (tenant_id, sale_id, line_no),
        CONSTRAINT sale_returns_tenant_id_of_sale_id_of_line_no_fkey FOREIGN KEY(tenant_id, of_sale_id, of_line_no)
            REFERENCES sale_lines (tenant_id, sale_id, line_no),
        CONSTRAINT sale_returns_nth_check CHECK (nth >= 1),
        CONSTRAINT sale_returns_quantity_check CHECK (quantity > 0 AND before >= 0 AND before + quantity <= sold)
    )
"""
# Two refunds of the same line at the same moment meet here, and one of them looks again.
NTH = "CREATE UNIQUE INDEX sale_returns_nth_idx ON sale_returns (tenant_id, of_sale_id, of_line_no, nth)"
KEY = "ALTER TABLE sale_returns ADD CONSTRAINT sale_returns_pkey PRIMARY KEY (tenant_id, sale_id, line_no)"

OLD_KINDS = "kind IN ('sale', 'void', 'imported')"
KINDS = "kind IN ('sale', 'void', 'refund', 'imported')"
OLD_MOVES = (
    "CASE kind WHEN 'sale' THEN true WHEN 'void' THEN true WHEN 'receive' THEN quantity > 0"
    " WHEN 'adjust' THEN quantity <> 0 WHEN 'opening' THEN true ELSE false END"
)
MOVES = OLD_MOVES.replace("WHEN 'receive'", "WHEN 'refund' THEN quantity > 0 WHEN 'receive'")


def upgrade() -> None:
    """Add the table, the kind and the count. The widened checks hold for every row there is; 0005 says so."""
    op.execute(TABLE)
    op.execute(NTH)
    op.execute(KEY)
    op.execute("ALTER TABLE sale_returns ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE sale_returns FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY sale_returns_tenant ON sale_returns TO primepos_app"
        f" USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
    )
    op.execute("CREATE POLICY sale_returns_system ON sale_returns TO primepos_system USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT ON sale_returns TO primepos_app, primepos_system")
    for table, check in (("sales", KINDS), ("stock_movements", MOVES)):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_kind_check")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_kind_check CHECK ({check}) NOT VALID")
    op.execute("ALTER TABLE day_summaries ADD COLUMN refunds bigint DEFAULT 0 NOT NULL")


def downgrade() -> None:
    """Take refunds away again; refused by the old checks where some were booked."""
    op.execute("ALTER TABLE day_summaries DROP COLUMN refunds")
    for table, check in (("stock_movements", OLD_MOVES), ("sales", OLD_KINDS)):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_kind_check")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_kind_check CHECK ({check})")
    op.execute("DROP TABLE sale_returns")
