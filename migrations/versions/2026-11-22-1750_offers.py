"""Leave room for price lists and promotions.

Revision ID: 0013
Revises: 0012
Phase: expand
"""

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
