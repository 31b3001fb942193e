"""Pin the search path of the job queue's functions, so that nobody's schema can stand before ours.

Revision ID: 0007
Revises: 0006
Phase: expand
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

EACH = """
    DO $$
    DECLARE
        made regprocedure;
    BEGIN
        FOR made IN SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                     WHERE n.nspname = 'public' AND p.proname LIKE 'procrastinate\\_%' LOOP
            EXECUTE format('ALTER FUNCTION %s {change}', made);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    """Name the schemas that the functions look into."""
    op.execute(EACH.replace("{change}", "SET search_path = public, pg_temp"))


def downgrade() -> None:
    """Leave them to the caller's search path, as the library declares them."""
    op.execute(EACH.replace("{change}", "RESET search_path"))
