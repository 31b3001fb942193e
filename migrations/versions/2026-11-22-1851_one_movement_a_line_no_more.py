"""Drop the index that lets a line of a sale move one product only.

Revision ID: 0020
Revises: 0019
Phase: expand
"""

from primepos.adapters.migration_steps import add_index, drop_index

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop it; the one that knows the product stands."""
    drop_index("stock_movements_cause_idx")


def downgrade() -> None:
    """Build it again; refused where a line moved several products."""
    add_index(
        "stock_movements_cause_idx",
        "stock_movements (tenant_id, sale_id, line_no) WHERE sale_id IS NOT NULL",
        unique=True,
    )
