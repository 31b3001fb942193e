"""Leave room for cash control.

Revision ID: 0010
Revises: 0009
Phase: expand
"""

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
