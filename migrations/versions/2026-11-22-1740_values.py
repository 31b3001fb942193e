"""Leave room for the value ledger.

Revision ID: 0012
Revises: 0011
Phase: expand
"""

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
