"""Let the installation erase a tenant that says so, and nothing of any other.

Revision ID: 0022
Revises: 0021
Phase: expand
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Refuses where nothing is being erased: neither an unknown setting nor an empty one is a number.
ERASED = "(SELECT current_setting('app.erasing')::int)"
# Sales, the trail and everything else that is only ever added stays for good, but for the one tenant that the
# transaction names as being erased: the restrictive policy is what the right to delete comes with.
_EACH = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT c.relname AS name, has_table_privilege('primepos_system', c.oid, 'DELETE') AS free
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
    LOOP
        {act}
    END LOOP;
END $$
"""
_GIVE = f"""
        IF NOT found.free THEN
            EXECUTE format('CREATE POLICY %I ON %I AS RESTRICTIVE FOR DELETE TO primepos_system'
                ' USING (tenant_id = {ERASED.replace("'", "''")})', found.name || '_erasing', found.name);
            EXECUTE format('GRANT DELETE ON %I TO primepos_system', found.name);
        END IF;
"""
_TAKE = """
        IF EXISTS (SELECT FROM pg_policies WHERE tablename = found.name AND policyname = found.name || '_erasing') THEN
            EXECUTE format('DROP POLICY %I ON %I', found.name || '_erasing', found.name);
            EXECUTE format('REVOKE DELETE ON %I FROM primepos_system', found.name);
        END IF;
"""


def upgrade() -> None:
    """Give the right to erase with its policy, for every table of tenants that is kept for good."""
    op.execute(_EACH.format(act=_GIVE))
    op.execute(
        f"CREATE POLICY tenants_erasing ON tenants AS RESTRICTIVE FOR DELETE TO primepos_system USING (id = {ERASED})"
    )
    op.execute("GRANT DELETE ON tenants TO primepos_system")
    op.execute("ALTER TABLE tenants VALIDATE CONSTRAINT tenants_status_check")


def downgrade() -> None:
    """Take the right away; a validated check is the same check."""
    op.execute("REVOKE DELETE ON tenants FROM primepos_system")
    op.execute("DROP POLICY tenants_erasing ON tenants")
    op.execute(_EACH.format(act=_TAKE))
