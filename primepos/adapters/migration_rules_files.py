"""Rules of a migration as a whole: its limits, its transaction, its types, its rows, its labels and its way back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from primepos.adapters.migration_notes import PHASES, ships_in, version
from primepos.adapters.migration_rules import Broken, Context, per_file, per_statement
from primepos.adapters.migration_rules_tables import added_column, alterations, type_name
from primepos.adapters.migration_sql import enum, kind_of, long_names, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.adapters.migration_source import Statement

LONGEST_LOCK_MS: Final = 10_000
LONGEST_STATEMENT_MS: Final = 900_000
ORDINARY_STATEMENT_MS: Final = 5_000
_UNITS: Final = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "": 1}
_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*")
# Taking a lock nobody waits for, or none.
_HARMLESS: Final = {"variable_set_stmt", "variable_show_stmt", "transaction_stmt", "select_stmt", "comment_stmt"}
_OWN: Final = {"installation", "alembic_version"}


def milliseconds(text: str) -> int | None:
    """Return a span as PostgreSQL writes it (``5s``, ``15min``, ``2000``) in milliseconds, None for what is none."""
    found = _SPAN.fullmatch(text)
    unit = _UNITS.get(found[2]) if found else None
    return None if found is None or unit is None else round(float(found[1]) * unit)


# --- limits ----------------------------------------------------------------------------------------------------------


@per_statement("MIG033")
def limits(context: Context, statement: Statement) -> Iterator[Broken]:
    """Before the first lock there is a limit to waiting for it and to holding it."""
    if statement.kind == "variable_set_stmt":
        yield from _limit_set(context, statement.node)
    elif statement.kind not in _HARMLESS and not context.source.is_revision and not statement.in_block:
        for name in ("lock_timeout", "statement_timeout"):
            if name not in context.limits and name not in context.limits_asked:
                context.limits_asked.add(name)
                yield Broken(f"no {name} was set before this")


def _limit_set(context: Context, node: Any) -> Iterator[Broken]:
    longest = {"lock_timeout": LONGEST_LOCK_MS, "statement_timeout": LONGEST_STATEMENT_MS}.get(node.name)
    if longest is None:
        return
    value = _set_to(node)
    context.limits[node.name] = value if value is not None else 0
    if value is None or not 0 < value <= longest:
        yield Broken(f"{node.name} is not between 1 ms and {longest // 1000} s")


def _set_to(node: Any) -> int | None:
    if enum(node, "kind") != "VAR_SET_VALUE" or not node.args or kind_of(node.args[0]) != "a_const":
        return None
    value = node.args[0].a_const
    return int(value.ival.ival) if value.HasField("ival") else milliseconds(value.sval.sval)


@per_file("MIG033")
def statement_limit(context: Context) -> Iterator[Broken]:
    """A revision that asks for more time than five seconds has a statement that needs it and holds nobody up."""
    source = context.source
    if not source.is_revision:
        return
    asked = milliseconds(source.statement_timeout)
    if asked is None or not 0 < asked <= LONGEST_STATEMENT_MS:
        yield Broken(f"statement_timeout = {source.statement_timeout!r} is not between 1 ms and 15 min")
    elif asked > ORDINARY_STATEMENT_MS and any(_holds_up(each) for each in source.statements):
        yield Broken(
            "statements that hold somebody up may take 5 s: what takes longer is a step outside the transaction"
        )


def _holds_up(statement: Statement) -> bool:
    """Tell whether somebody may wait for the end of the transaction of a statement."""
    if statement.step or not statement.in_transaction or statement.kind in _HARMLESS:
        return False
    return not all(name == "AT_ValidateConstraint" for name, _, _ in alterations(statement))


# --- the transaction -------------------------------------------------------------------------------------------------


@per_statement("MIG035")
def outside(context: Context, statement: Statement) -> Iterator[Broken]:
    """CONCURRENTLY works outside a transaction only, and what works there must bear to be run again."""
    if _is_concurrent(statement) and statement.in_transaction:
        yield Broken("CONCURRENTLY stands inside a transaction: PostgreSQL refuses it")
    if statement.kind == "transaction_stmt":
        yield Broken("the transaction is the runner's: write no BEGIN and no COMMIT")
    elif not statement.step and _is_committed_alone(context, statement) and not _can_be_repeated(context, statement):
        yield Broken("this is committed by itself, and fails when a run that was killed is run again")


def _is_concurrent(statement: Statement) -> bool:
    node = statement.node
    match statement.kind:
        case "index_stmt" | "drop_stmt":
            return bool(node.concurrent)
        case "reindex_stmt":
            return any(each.def_elem.defname == "concurrently" for each in node.params)
        case "alter_table_stmt":
            return any(
                name == "AT_DetachPartition" and getattr(part, "def").partition_cmd.concurrent
                for name, part, _ in alterations(statement)
            )
        case _:
            return False


def _is_committed_alone(context: Context, statement: Statement) -> bool:
    """Tell whether a statement is committed while others of its file are still to come."""
    if not statement.in_transaction:
        return True
    statements = context.source.statements
    later = statements[next((n for n, each in enumerate(statements) if each is statement), len(statements)) :]
    return any(not each.in_transaction for each in later)


def _can_be_repeated(context: Context, statement: Statement) -> bool:
    node = statement.node
    match statement.kind:
        case "create_stmt" | "index_stmt" | "create_seq_stmt" | "create_schema_stmt" | "create_extension_stmt":
            return bool(node.if_not_exists)
        case "drop_stmt":
            return bool(node.missing_ok)
        case "create_function_stmt" | "view_stmt" | "create_trig_stmt":
            return bool(node.replace)
        case "alter_enum_stmt":
            return bool(node.skip_if_new_val_exists)
        case "rename_stmt" | "create_policy_stmt" | "create_enum_stmt" | "create_domain_stmt" | "composite_type_stmt":
            return False
        case "alter_table_stmt":
            return all(_part_can_be_repeated(context, *each) for each in alterations(statement))
        case _:
            return True


def _part_can_be_repeated(context: Context, name: str, part: Any, table: str) -> bool:
    if name in {"AT_AddColumn", "AT_DropColumn", "AT_DropConstraint"}:
        return bool(part.missing_ok)
    if name == "AT_AddConstraint":
        return (table, getattr(part, "def").constraint.conname) in context.dropped
    return True


@per_file("MIG035")
def ends_its_transaction(context: Context) -> Iterator[Broken]:
    """A file that begins a transaction ends it."""
    begun = None
    for each in context.source.statements:
        if each.kind == "transaction_stmt":
            begun = each if enum(each.node, "kind") in {"TRANS_STMT_BEGIN", "TRANS_STMT_START"} else None
    if begun is not None:
        yield Broken("a transaction is begun and never committed")


# --- types and names -------------------------------------------------------------------------------------------------

_BETTER: Final = {
    "int4": "bigint", "int2": "bigint", "int": "bigint", "integer": "bigint", "smallint": "bigint",
    "varchar": "text", "bpchar": "text", "char": "text", "timestamp": "timestamptz", "json": "jsonb",
    **dict.fromkeys(("serial", "serial4", "serial8", "bigserial", "smallserial", "serial2"),
                    "bigint GENERATED BY DEFAULT AS IDENTITY"),
}  # fmt: skip


@per_statement("MIG043")
def types(_context: Context, statement: Statement) -> Iterator[Broken]:
    """Columns are of types that never have to be changed."""
    for column in _columns(statement):
        better = _BETTER.get(type_name(column))
        # It points at tenants.id, and a wider one would only be slower.
        if better is None or (column.colname == "tenant_id" and better == "bigint"):
            continue
        yield Broken(f"{column.colname or 'the column'} would better be {better}", column.type_name.location)
    if statement.kind == "create_domain_stmt" and statement.node.constraints:
        yield Broken("a domain's constraint cannot be changed without reading every table that uses it")
    if _adds_value_at_the_end(statement):
        yield Broken("a new value at the end of an enumeration: say BEFORE or AFTER which one it comes")
    for name in long_names(statement.parsed):
        yield Broken(f"{name[:40]}... is longer than 63 bytes: PostgreSQL cuts it off")


def _adds_value_at_the_end(statement: Statement) -> bool:
    node = statement.node
    return statement.kind == "alter_enum_stmt" and bool(node.new_val) and not (node.old_val or node.new_val_neighbor)


def _columns(statement: Statement) -> Iterator[Any]:
    if statement.kind == "create_stmt":
        for each in statement.node.table_elts:
            if kind_of(each) == "column_def":
                yield each.column_def
    for name, part, _ in alterations(statement):
        if (column := added_column(name, part)) is not None:
            yield column
        elif name == "AT_AlterColumnType":
            yield getattr(part, "def").column_def


# --- rows ------------------------------------------------------------------------------------------------------------


@per_statement("MIG044")
def rows(context: Context, statement: Statement) -> Iterator[Broken]:
    """Rows of a table in use change in batches only, by a step."""
    if statement.step:
        return
    for what, table in _changes(statement):
        if context.in_use(table) and table not in _OWN:
            yield Broken(
                f"{what} {table} in one go: it locks the rows until all are done, and sees none under FORCE RLS"
            )


def _changes(statement: Statement) -> Iterator[tuple[str, str]]:
    node = statement.node
    match statement.kind:
        case "update_stmt":
            yield "UPDATE", table_of(node.relation)
        case "delete_stmt":
            yield "DELETE FROM", table_of(node.relation)
        case "merge_stmt":
            yield "MERGE INTO", table_of(node.relation)
        case "insert_stmt" if not node.select_stmt.select_stmt.values_lists:
            yield "INSERT INTO", table_of(node.relation)
        case "copy_stmt" if node.is_from:
            yield "COPY", table_of(node.relation)
    # What a WITH changes on the way.
    with_clause = getattr(node, "with_clause", None)
    for each in with_clause.ctes if with_clause is not None else ():
        inner = each.common_table_expr.ctequery
        for kind, word in (("update_stmt", "UPDATE"), ("delete_stmt", "DELETE FROM")):
            if kind_of(inner) == kind:
                yield word, table_of(getattr(inner, kind).relation)


@per_file("MIG044")
def apart(context: Context) -> Iterator[Broken]:
    """A backfill is in a revision of its own, of phase migrate."""
    steps = [each for each in context.source.statements if each.step == "backfill"]
    if not steps:
        return
    if context.source.labels.phase != "migrate":
        yield Broken("a backfill belongs in a revision of phase migrate")
    if any(not each.step and each.kind not in _HARMLESS for each in context.source.statements):
        yield Broken("a backfill stands beside changes of the schema: give it a revision of its own")


# --- labels ----------------------------------------------------------------------------------------------------------


@per_file("MIG045")
def way_down(context: Context) -> Iterator[Broken]:
    """There is a way down, or a reason why not."""
    if not context.source.goes_down and not context.source.labels.irreversible:
        yield Broken("there is no way down, and no reason why")


@per_file("MIG046")
def phase(context: Context) -> Iterator[Broken]:
    """The phase is said, and for which release."""
    labels = context.source.labels
    if labels.phase not in PHASES:
        yield Broken(f"the phase is not said: {', '.join(PHASES)}" if not labels.phase else f"no phase: {labels.phase}")
    if labels.release and version(labels.release) is None:
        yield Broken(f"'Release: {labels.release}' is no release")
    if labels.phase == "migrate":
        made = [
            each for each in context.source.statements if each.kind in {"create_stmt", "drop_stmt"} and not each.step
        ]
        if made:
            yield Broken("a revision of phase migrate fills and validates; tables come and go in the others")


@per_file("MIG040")
def contract_waits(context: Context) -> Iterator[Broken]:
    """A contract comes at least one release after the one that stopped using what it takes away."""
    labels = context.source.labels
    if labels.phase != "contract" or not labels.unused_since:
        return
    since, ships = version(labels.unused_since), ships_in(labels)
    if since is None:
        yield Broken(f"'Unused since: {labels.unused_since}' is no release")
    elif ships is not None and since >= ships:
        yield Broken(f"unused since {labels.unused_since}, which ships together with this")
