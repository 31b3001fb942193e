"""Leave room for plans and quotas.

Revision ID: 0017
Revises: 0016
Phase: expand
"""

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
