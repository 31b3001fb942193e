"""Leave room for customers.

Revision ID: 0011
Revises: 0010
Phase: expand
"""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
