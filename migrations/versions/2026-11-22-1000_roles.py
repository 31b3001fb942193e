"""Create the roles that every transaction takes on.

Roles belong to the cluster, not to this database: they are created where missing, and never dropped.

Revision ID: 0001
Phase: expand
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("primepos_app", "primepos_search", "primepos_system")


def upgrade() -> None:
    """Create the roles, and let this login take them on for the length of a transaction."""
    for role in ROLES:
        # Two databases of one cluster may be migrated at the same moment.
        op.execute(
            f"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT;
                END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$
            """
        )
    # From 16 on a membership says for itself whether its rights are inherited. Before, only the login can say so,
    # and an inheriting owner would fall under the policies of all three roles at once.
    op.execute(
        """
        DO $$
        DECLARE
            wanted text;
        BEGIN
            FOREACH wanted IN ARRAY ARRAY['primepos_app', 'primepos_search', 'primepos_system'] LOOP
                IF current_setting('server_version_num')::int >= 160000 THEN
                    EXECUTE format('GRANT %I TO CURRENT_USER WITH INHERIT FALSE, SET TRUE', wanted);
                ELSIF NOT pg_has_role(current_user, wanted, 'MEMBER')
                      OR NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
                                      JOIN pg_roles u ON u.oid = m.member
                                     WHERE r.rolname = wanted AND u.rolname = current_user) THEN
                    EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
                END IF;
            END LOOP;
            IF current_setting('server_version_num')::int < 160000
               AND EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolinherit AND NOT rolsuper) THEN
                ALTER ROLE CURRENT_USER NOINHERIT;
            END IF;
        END $$
        """
    )
    op.execute("GRANT USAGE ON SCHEMA public TO primepos_app, primepos_search, primepos_system")


def downgrade() -> None:
    """Take the schema away from the roles; the roles stay, other databases may use them."""
    op.execute("REVOKE USAGE ON SCHEMA public FROM primepos_app, primepos_search, primepos_system")
