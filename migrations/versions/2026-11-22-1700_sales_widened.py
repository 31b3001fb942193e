"""Leave room for what the shop's sales carry.

Revision ID: 0008
Revises: 0007
Phase: expand
"""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
