"""Leave room for the catalogue.

Revision ID: 0015
Revises: 0014
Phase: expand
"""

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add nothing yet."""


def downgrade() -> None:
    """Take nothing away."""
