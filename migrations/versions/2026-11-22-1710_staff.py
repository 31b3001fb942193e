"""Leave room for staff.

Revision ID: 0009
Revises: 0008
Phase: expand
"""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
