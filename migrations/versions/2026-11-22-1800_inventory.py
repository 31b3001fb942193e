"""Leave room for inventory.

Revision ID: 0014
Revises: 0013
Phase: expand
"""

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
