"""Leave room for orders.

Revision ID: 0018
Revises: 0017
Phase: expand
"""

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
