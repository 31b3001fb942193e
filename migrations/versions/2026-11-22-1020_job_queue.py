"""Create the job queue's tables, as the installed procrastinate declares them.

The queue is a library's: its schema is taken from the library in the version that the lock file names, and a
later version's changes come as migrations of their own.

Revision ID: 0003
Revises: 0002
Phase: expand
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Deferring inside a sale's transaction happens as the application's role: it may add a job and read what the
# queue's own functions compare, never the arguments of other tenants' jobs.
GRANTS = (
    "GRANT INSERT ON procrastinate_jobs, procrastinate_events TO primepos_app",
    "GRANT SELECT (id, queueing_lock, lock, status) ON procrastinate_jobs TO primepos_app",
    "GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq TO primepos_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_events, procrastinate_workers,"
    " procrastinate_periodic_defers TO primepos_system",
    "GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq, procrastinate_workers_id_seq,"
    " procrastinate_periodic_defers_id_seq TO primepos_system",
)


def upgrade() -> None:
    """Build the queue and let the application's role put jobs into it."""
    # Its casts are no bind parameters.
    op.execute(SchemaManager.get_schema().replace(":", "\\:"))
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop the queue; jobs that wait in it are lost, which is why this is never run on a live shop."""
    op.execute(
        """
        DO $$
        DECLARE
            thing record;
        BEGIN
            FOR thing IN SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                          WHERE nspname = 'public' AND relkind = 'r' AND relname LIKE 'procrastinate\\_%' LOOP
                EXECUTE format('DROP TABLE public.%I CASCADE', thing.relname);
            END LOOP;
            FOR thing IN SELECT p.oid::regprocedure AS signature FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
                          WHERE nspname = 'public' AND proname LIKE 'procrastinate\\_%' LOOP
                EXECUTE 'DROP FUNCTION ' || thing.signature || ' CASCADE';
            END LOOP;
            FOR thing IN SELECT typname FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace
                          WHERE nspname = 'public' AND typname LIKE 'procrastinate\\_%' LOOP
                EXECUTE format('DROP TYPE public.%I CASCADE', thing.typname);
            END LOOP;
        END $$
        """
    )
