"""A change of the schema as a release would make it: sales get a channel. For tests only, applied to a copy.

Four revisions: the expand (column, constraint and a table with its policies), the index, the backfill with its
validation, and a last expand that makes the column required. Each is written beside the real ones in a copy of the
migrations, so that whatever reads migrations reads them too.
"""

from __future__ import annotations

from pathlib import Path

from primepos.adapters import migration_files

HEADER = '''"""{summary}.

Revision ID: {revision}
Revises: {below}
Phase: {phase}
Release: 0.2.0
"""

from alembic import op

from primepos.adapters.migration_steps import add_index, backfill, drop_index, validate

revision = "{revision}"
down_revision = "{below}"
branch_labels = None
depends_on = None

'''

EXPAND = """
def upgrade():
    op.execute("ALTER TABLE sales ADD COLUMN channel text")
    op.execute("ALTER TABLE sales ALTER COLUMN channel SET DEFAULT 'till'")
    op.execute("ALTER TABLE sales ADD CONSTRAINT sales_channel_check CHECK (channel IS NOT NULL) NOT VALID")
    op.execute("CREATE TABLE channels (tenant_id integer, code text, PRIMARY KEY (tenant_id, code))")
    op.execute("ALTER TABLE channels ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE channels FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY channels_tenant ON channels TO primepos_app"
        " USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::int))"
    )
    op.execute("CREATE POLICY channels_system ON channels TO primepos_system USING (true)")
    op.execute("GRANT SELECT, INSERT ON channels TO primepos_app, primepos_system")


def downgrade():
    op.execute("DROP TABLE channels")
    op.execute("ALTER TABLE sales DROP COLUMN channel")
"""

INDEX = """
def upgrade():
    add_index("sales_channel_idx", "sales (tenant_id, channel) WHERE kind = 'sale'")


def downgrade():
    drop_index("sales_channel_idx")
"""

FILL = '''
def upgrade():
    backfill(
        revision,
        "sales",
        {{"channel": "CASE WHEN kind = 'imported' THEN 'file' ELSE 'till' END"}},
        where="channel IS NULL",
        batch={batch},
        rest_ms={rest_ms},
    )
    validate("sales", "sales_channel_check")


def downgrade():
    """Leave the values: their column goes with the revision that added it."""
'''

REQUIRE = """
def upgrade():
    op.execute("ALTER TABLE sales ALTER COLUMN channel SET NOT NULL")


def downgrade():
    op.execute("ALTER TABLE sales ALTER COLUMN channel DROP NOT NULL")
"""


def copy_migrations(location: Path) -> Path:
    """Copy the real migrations into a directory of the test's own."""
    source = migration_files.script_location()
    (location / "versions").mkdir(parents=True)
    for file in (*source.glob("*.*"), *source.glob("versions/*.py")):
        (location / file.relative_to(source)).write_bytes(file.read_bytes())
    return location


def write(location: Path, name: str, body: str, *, phase: str = "expand", header: str = HEADER) -> str:
    """Write one more revision after the newest one; return its number."""
    below = migration_files.scripts_in(location).get_current_head() or "0000"
    revision = f"{int(below) + 1:04d}"
    head = header.format(summary=name.capitalize(), revision=revision, below=below, phase=phase)
    path = location / "versions" / f"2026-12-01-{revision}_{name.replace(' ', '_')}.py"
    path.write_text(head + body, encoding="utf-8")
    return revision


def a_channel_for_sales(location: Path, *, batch: int = 50, rest_ms: int = 0) -> list[str]:
    """Write all four revisions; return their numbers."""
    copy_migrations(location)
    return [
        write(location, "add a channel to sales", EXPAND),
        write(location, "find sales by channel", INDEX),
        write(location, "fill in the channel", FILL.format(batch=batch, rest_ms=rest_ms), phase="migrate"),
        write(location, "require the channel", REQUIRE),
    ]
