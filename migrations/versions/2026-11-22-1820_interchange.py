"""Leave room for imports and exports.

Revision ID: 0016
Revises: 0015
Phase: expand
"""

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
