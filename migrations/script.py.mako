"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Phase: expand
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say what this does to the database."""
    ${upgrades if upgrades else 'op.execute("SELECT 1")'}


def downgrade() -> None:
    """Say how it is undone."""
    ${downgrades if downgrades else 'op.execute("SELECT 1")'}
