<% phase = config.attributes.get("phase", "expand") %>"""${message}.

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Phase: ${phase}
Release: ${config.attributes.get("release", "")}
% if phase == "contract":
Unused since: ${config.attributes.get("unused_since", "")}
% endif
"""

% if phase == "migrate":
from primepos.adapters.migration_steps import backfill, validate
% else:
from alembic import op
% endif

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say what this does to the database, and why releases before and after it can work with the result."""
% if phase == "migrate":
    backfill(revision, "the_table", {"the_column": "'the value'"}, where="the_column IS NULL")
    validate("the_table", "the_constraint_that_was_added_not_valid")
% else:
    op.execute("SELECT 1")
% endif


def downgrade() -> None:
% if phase == "migrate":
    """Leave the values: their column goes with the revision that added it."""
% else:
    """Say how it is undone, and what is lost."""
    op.execute("SELECT 1")
% endif
