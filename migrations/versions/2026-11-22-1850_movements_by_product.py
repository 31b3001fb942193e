"""Let one line of a sale move several products, as a kit does.

Revision ID: 0019
Revises: 0018
Phase: expand
"""

from primepos.adapters.migration_steps import add_index, drop_index

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COLUMNS = "(tenant_id, sale_id, line_no, product_id) WHERE sale_id IS NOT NULL"


def upgrade() -> None:
    """Build the index that knows the product, while tills go on writing."""
    add_index("stock_movements_line_idx", f"stock_movements {COLUMNS}", unique=True)


def downgrade() -> None:
    """Take it away; the narrower one is there."""
    drop_index("stock_movements_line_idx")
