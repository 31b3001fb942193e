"""Runs a migration on the connection that ``primepos migrate`` hands over: one transaction a revision."""

from alembic import context
from sqlalchemy import Text
from sqlmodel.sql.sqltypes import AutoString

from primepos.domain.schema import METADATA


def include_object(_object, name, kind, _reflected, _compare_to):
    """Leave out what is not ours to compare: the queue's own tables."""
    return not (kind == "table" and name.startswith("procrastinate_"))


def compare_type(_context, _inspected, _declared, inspected_type, declared_type):
    """Take SQLModel's string for what we make of it, ``text``; leave the rest to Alembic."""
    if isinstance(declared_type, AutoString) and isinstance(inspected_type, Text):
        return False
    return None


def run() -> None:
    """Migrate on the given connection, or print SQL when asked for a plan."""
    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql",
            # In a driver's own style every percent sign would be doubled.
            dialect_opts={"paramstyle": "named"},
            target_metadata=METADATA,
            literal_binds=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        return
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=METADATA,
        include_object=include_object,
        transaction_per_migration=True,
        compare_type=compare_type,
        on_version_apply=attributes.get("on_version_apply", ()),
    )
    with context.begin_transaction():
        context.run_migrations()


run()
