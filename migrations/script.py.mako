"""${message}.

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Phase: ${config.attributes.get("phase", "expand")}
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say what this does to the database, and why releases before and after it can work with the result."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Say how it is undone, and what is lost."""
    op.execute("SELECT 1")
