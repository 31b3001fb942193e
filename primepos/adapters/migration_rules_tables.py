"""Rules of tables in use: what takes a lock for longer than a blink, and what old code does not survive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.adapters.migration_rules import Broken, Context, per_statement
from primepos.adapters.migration_sql import calls_in, enum, kind_of, name_of, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.adapters.migration_source import Statement

# Defaults that are worked out once, when the column is added. Anything else may differ from row to row.
STEADY: Final = frozenset(
    """now transaction_timestamp statement_timestamp current_setting current_database current_schema current_user
    pg_postmaster_start_time pg_backend_pid inet_client_addr inet_server_addr txid_current version""".split()
)
SERIALS: Final = frozenset({"serial", "serial4", "bigserial", "serial8", "smallserial", "serial2"})
# What PostgreSQL writes anew, row by row.
REWRITES: Final = {
    "AT_SetLogged": "SET LOGGED writes the table anew",
    "AT_SetUnLogged": "SET UNLOGGED writes the table anew",
    "AT_SetTableSpace": "SET TABLESPACE copies the table",
    "AT_SetAccessMethod": "SET ACCESS METHOD writes the table anew",
    "AT_SetExpression": "SET EXPRESSION writes the table anew",
}
_TABLES: Final = {"OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"}


def alterations(statement: Statement) -> Iterator[tuple[str, Any, str]]:
    """Give the parts of an ALTER TABLE with their names and the table."""
    if statement.kind == "alter_table_stmt" and enum(statement.node, "objtype") in _TABLES:
        table = table_of(statement.node.relation)
        for each in statement.node.cmds:
            yield enum(each.alter_table_cmd, "subtype"), each.alter_table_cmd, table


def _in_use(context: Context, statement: Statement) -> Iterator[tuple[str, Any, str]]:
    return (each for each in alterations(statement) if context.in_use(each[2]))


def added_column(name: str, part: Any) -> Any | None:
    """Return the column that a part of an ALTER TABLE adds."""
    return getattr(part, "def").column_def if name == "AT_AddColumn" else None


def constraints_of(column: Any) -> dict[str, Any]:
    """Return a column's own constraints by their kind, such as ``CONSTR_NOTNULL``."""
    return {enum(each.constraint, "contype"): each.constraint for each in column.constraints}


def type_name(column: Any) -> str:
    """Return the last word of a column's type, as PostgreSQL calls it: ``int4``."""
    names = column.type_name.names
    return str(names[-1].string.sval) if names else ""


# --- indexes ---------------------------------------------------------------------------------------------------------


@per_statement("MIG034")
def concurrently(context: Context, statement: Statement) -> Iterator[Broken]:
    """An index on a table in use is built, dropped and rebuilt CONCURRENTLY."""
    node = statement.node
    match statement.kind:
        case "index_stmt" if not node.concurrent and context.in_use_relation(node.relation):
            yield Broken(f"CREATE INDEX holds up every sale that writes to {table_of(node.relation)}")
        case "drop_stmt" if enum(node, "remove_type") == "OBJECT_INDEX" and not node.concurrent:
            yield Broken("DROP INDEX waits for, and holds up, everything on its table")
        case "reindex_stmt" if not any(each.def_elem.defname == "concurrently" for each in node.params):
            yield Broken("REINDEX holds up every sale that writes to the table")
        case "refresh_mat_view_stmt" if not node.concurrent:
            yield Broken("REFRESH MATERIALIZED VIEW holds up every reader")
    for name, part, table in _in_use(context, statement):
        if name == "AT_DetachPartition" and not getattr(part, "def").partition_cmd.concurrent:
            yield Broken(f"DETACH PARTITION holds up everything on {table}")


# --- columns ---------------------------------------------------------------------------------------------------------


@per_statement("MIG036")
def required_column(context: Context, statement: Statement) -> Iterator[Broken]:
    """A new column that must have a value has a default: the release before does not give one."""
    for name, part, table in _in_use(context, statement):
        if (column := added_column(name, part)) is None:
            continue
        own = constraints_of(column)
        filled = {"CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY"} & own.keys() or type_name(column) in SERIALS
        if {"CONSTR_NOTNULL", "CONSTR_PRIMARY"} & own.keys() and not filled:
            yield Broken(f"{table}.{column.colname} must have a value that running code does not give", column.location)


@per_statement("MIG037")
def not_null(context: Context, statement: Statement) -> Iterator[Broken]:
    """SET NOT NULL looks at every row with the table locked, unless a validated CHECK says so already."""
    for name, part, table in _in_use(context, statement):
        if name == "AT_SetNotNull" and not {(table, part.name), (table, "")} & context.filled:
            yield Broken(
                f"SET NOT NULL reads all of {table} while nobody may: no validated CHECK says so of {part.name}"
            )
        if name == "AT_AddConstraint":
            constraint = getattr(part, "def").constraint
            if enum(constraint, "contype") == "CONSTR_NOTNULL" and not constraint.skip_validation:
                yield Broken(f"a NOT NULL constraint reads all of {table} while nobody may", constraint.location)


@per_statement("MIG042")
def default_per_row(context: Context, statement: Statement) -> Iterator[Broken]:
    """A value that differs from row to row has the table written anew."""
    for name, part, table in _in_use(context, statement):
        if (column := added_column(name, part)) is None:
            continue
        own = constraints_of(column)
        what = f"{table}.{column.colname}"
        if "CONSTR_DEFAULT" in own and not is_steady(own["CONSTR_DEFAULT"].raw_expr):
            yield Broken(
                f"the default of {what} is worked out for every row: the table is written anew", column.location
            )
        if "CONSTR_IDENTITY" in own or type_name(column) in SERIALS:
            yield Broken(f"{what} is numbered row by row: the table is written anew", column.location)
        if "CONSTR_GENERATED" in own and own["CONSTR_GENERATED"].generated_kind in {"", "s"}:
            yield Broken(f"{what} is generated and stored: the table is written anew", column.location)


def is_steady(expression: Any) -> bool:
    """Tell whether an expression is the same for every row."""
    return all(name in STEADY for name in calls_in(expression)) and kind_of(expression) != "sub_link"


@per_statement("MIG039")
def renamed_or_rewritten(context: Context, statement: Statement) -> Iterator[Broken]:
    """A name that running code uses goes away, or a table is written anew."""
    node = statement.node
    match statement.kind:
        case "rename_stmt":
            yield from _renamed(context, node)
        case "alter_object_schema_stmt" if enum(node, "object_type") in _TABLES | {"OBJECT_VIEW", "OBJECT_TYPE"}:
            if context.in_use_relation(node.relation):
                yield Broken("a table that moves to another schema is gone for running code")
        case "alter_enum_stmt" if node.old_val:
            yield Broken(f"the value {node.old_val} is gone for running code")
        case "vacuum_stmt" if any(each.def_elem.defname == "full" for each in node.options):
            yield Broken("VACUUM FULL writes the table anew; pg_repack does it while the table is in use")
        case "cluster_stmt":
            yield Broken("CLUSTER writes the table anew; pg_repack does it while the table is in use")
        case "vacuum_stmt" | "repack_stmt" if "FULL" in statement.parsed.text.upper().split():
            yield Broken("the table is written anew")
    for name, part, table in _in_use(context, statement):
        if name == "AT_AlterColumnType":
            yield Broken(f"the type of {table}.{part.name} changes: rows are written anew and running code may choke")
        elif name in REWRITES:
            yield Broken(f"{REWRITES[name]}: {table}")


def _renamed(context: Context, node: Any) -> Iterator[Broken]:
    what, in_use = enum(node, "rename_type"), context.in_use_relation(node.relation)
    match what:
        case "OBJECT_TABLE" | "OBJECT_VIEW" | "OBJECT_MATVIEW" | "OBJECT_SEQUENCE" | "OBJECT_FOREIGN_TABLE" if in_use:
            yield Broken(f"{table_of(node.relation)} is gone for running code, which knows it by this name")
        case "OBJECT_COLUMN" if in_use:
            yield Broken(f"{table_of(node.relation)}.{node.subname} is gone for running code")
        case "OBJECT_SCHEMA" | "OBJECT_TYPE" | "OBJECT_ATTRIBUTE" | "OBJECT_FUNCTION" | "OBJECT_DOMAIN":
            yield Broken("a name that running code may use is gone")
        case _:
            pass


# --- constraints -----------------------------------------------------------------------------------------------------


@per_statement("MIG038")
def constraint_at_once(context: Context, statement: Statement) -> Iterator[Broken]:
    """A constraint that is checked when it is added looks at every row with the table locked."""
    for name, part, table in _in_use(context, statement):
        if name == "AT_AddConstraint":
            constraint = getattr(part, "def").constraint
            kind = enum(constraint, "contype")
            if kind in {"CONSTR_FOREIGN", "CONSTR_CHECK"} and not constraint.skip_validation:
                what = "foreign key" if kind == "CONSTR_FOREIGN" else "CHECK"
                yield Broken(
                    f"a {what} without NOT VALID reads all of {table} while nobody may write", constraint.location
                )
        elif (column := added_column(name, part)) is not None:
            own = constraints_of(column)
            for kind, what in (("CONSTR_FOREIGN", "foreign key"), ("CONSTR_CHECK", "CHECK")):
                if kind in own:
                    yield Broken(
                        f"a {what} in the new column {table}.{column.colname} is checked at once", own[kind].location
                    )
        elif name == "AT_ValidateConstraint" and statement.in_transaction and (table, part.name) in context.unproven:
            yield Broken(f"{part.name} is validated in the transaction that added it: its lock is held meanwhile")
    if statement.kind == "alter_domain_stmt" and statement.node.subtype == "C":
        constraint = getattr(statement.node, "def").constraint
        if not constraint.skip_validation:
            yield Broken("a constraint on a domain reads every table that uses it")


@per_statement("MIG041")
def unique_at_once(context: Context, statement: Statement) -> Iterator[Broken]:
    """UNIQUE, PRIMARY KEY and EXCLUDE build an index with the table locked, unless it is there already."""
    for name, part, table in _in_use(context, statement):
        if name == "AT_AddConstraint":
            constraint = getattr(part, "def").constraint
            kind = enum(constraint, "contype")
            if kind == "CONSTR_EXCLUSION" or (kind in {"CONSTR_UNIQUE", "CONSTR_PRIMARY"} and not constraint.indexname):
                yield Broken(f"the index of this constraint is built while nobody may use {table}", constraint.location)
        elif (column := added_column(name, part)) is not None:
            own = constraints_of(column)
            for kind in ("CONSTR_UNIQUE", "CONSTR_PRIMARY"):
                if kind in own:
                    yield Broken(
                        f"the index of {table}.{column.colname} is built while nobody may use {table}", column.location
                    )


# --- what goes away --------------------------------------------------------------------------------------------------

_THINGS: Final = {
    "OBJECT_TABLE": "table", "OBJECT_VIEW": "view", "OBJECT_MATVIEW": "view", "OBJECT_SEQUENCE": "sequence",
    "OBJECT_TYPE": "type", "OBJECT_DOMAIN": "type", "OBJECT_SCHEMA": "schema", "OBJECT_FUNCTION": "function",
    "OBJECT_PROCEDURE": "procedure", "OBJECT_FOREIGN_TABLE": "table", "OBJECT_EXTENSION": "extension",
}  # fmt: skip
_PROMISES: Final = {
    "AT_DropColumn": "column {}", "AT_DropNotNull": "the promise that {} is never empty",
    "AT_DropExpression": "what {} is made from", "AT_SetIdentity": "how {} is numbered",
    "AT_DropIdentity": "how {} is numbered", "AT_DropConstraint": "the guarantee {}",
}  # fmt: skip


@per_statement("MIG040")
def taken_away(context: Context, statement: Statement) -> Iterator[Broken]:
    """What running code uses is taken away only in a contract that says since when nobody does."""
    gone = list(_gone(context, statement))
    if not gone:
        return
    labels = context.source.labels
    if labels.phase != "contract":
        why = "this is no contract"
    elif not labels.unused_since:
        why = "the contract does not say since which release it is unused"
    else:
        return
    for what, location in gone:
        yield Broken(f"{what} is taken away, and {why}", location)


def _gone(context: Context, statement: Statement) -> Iterator[tuple[str, int | None]]:
    if statement.kind == "drop_stmt":
        thing = _THINGS.get(enum(statement.node, "remove_type"))
        for each in statement.node.objects if thing else ():
            if context.in_use(name := name_of(each)):
                yield f"{thing} {name}", None
    elif statement.kind == "truncate_stmt":
        for each in statement.node.relations:
            if context.in_use_relation(each.range_var):
                yield f"every row of {table_of(each.range_var)}", None
    for name, part, table in _in_use(context, statement):
        if name == "AT_ColumnDefault" and not part.HasField("def"):
            yield f"the default of {table}.{part.name}", None
        elif name in _PROMISES and not (name == "AT_DropConstraint" and _comes_back(context, table, part.name)):
            yield _PROMISES[name].format(f"{table}.{part.name}"), None


def _comes_back(context: Context, table: str, constraint: str) -> bool:
    """Tell whether a constraint is dropped only to be added again: that is how adding one bears to be repeated."""
    return any(
        name == "AT_AddConstraint" and (where, getattr(part, "def").constraint.conname) == (table, constraint)
        for each in context.source.statements
        for name, part, where in alterations(each)
    )


@per_statement("MIG049")
def destroys(_context: Context, statement: Statement) -> Iterator[Broken]:
    """Nothing takes along what it does not name."""
    node = statement.node
    match statement.kind:
        case "truncate_stmt" if enum(node, "behavior") == "DROP_CASCADE":
            yield Broken("TRUNCATE CASCADE empties every table that points at these")
        case "dropdb_stmt":
            yield Broken("DROP DATABASE in a migration")
        case "drop_owned_stmt":
            yield Broken("DROP OWNED takes along what it does not name")
        case "drop_stmt" if enum(node, "remove_type") == "OBJECT_SCHEMA" and enum(node, "behavior") == "DROP_CASCADE":
            yield Broken("DROP SCHEMA CASCADE takes along every table in it")
