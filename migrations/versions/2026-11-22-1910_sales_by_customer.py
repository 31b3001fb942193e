"""Find the sales of a customer.

Revision ID: 0023
Revises: 0022
Phase: expand
"""

from primepos.adapters.migration_steps import add_index, drop_index

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index while tills go on selling."""
    add_index(
        "sales_customer_id_idx",
        "sales (tenant_id, customer_id, business_date, id) WHERE customer_id IS NOT NULL",
    )


def downgrade() -> None:
    """Take it away."""
    drop_index("sales_customer_id_idx")
