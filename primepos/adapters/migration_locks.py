"""Which locks a statement takes, which tables it writes anew and which it reads from end to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from primepos.adapters.migration_rules_tables import (
    REWRITES,
    SERIALS,
    added_column,
    alterations,
    constraints_of,
    is_steady,
    type_name,
)
from primepos.adapters.migration_sql import enum, kind_of, name_of, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.adapters.migration_source import Statement

ACCESS_EXCLUSIVE: Final = "ACCESS EXCLUSIVE"
SHARE_ROW_EXCLUSIVE: Final = "SHARE ROW EXCLUSIVE"
SHARE: Final = "SHARE"
SHARE_UPDATE_EXCLUSIVE: Final = "SHARE UPDATE EXCLUSIVE"
ROW_EXCLUSIVE: Final = "ROW EXCLUSIVE"
# Whoever sells waits for the end of these.
HOLD_UP_SALES: Final = frozenset({SHARE, SHARE_ROW_EXCLUSIVE, "EXCLUSIVE", ACCESS_EXCLUSIVE})
_BY_NUMBER: Final = {
    1: "ACCESS SHARE", 2: "ROW SHARE", 3: ROW_EXCLUSIVE, 4: SHARE_UPDATE_EXCLUSIVE, 5: SHARE, 6: SHARE_ROW_EXCLUSIVE,
    7: "EXCLUSIVE", 8: ACCESS_EXCLUSIVE,
}  # fmt: skip
_MILD: Final = {
    "AT_ValidateConstraint", "AT_SetStatistics", "AT_SetRelOptions", "AT_ResetRelOptions", "AT_SetOptions",
    "AT_ResetOptions", "AT_ClusterOn", "AT_DropCluster", "AT_AttachPartition",
}  # fmt: skip
# Statements that name one table and lock it always the same.
_PLAIN: Final = {
    "update_stmt": ("relation", ROW_EXCLUSIVE),
    "insert_stmt": ("relation", ROW_EXCLUSIVE),
    "delete_stmt": ("relation", ROW_EXCLUSIVE),
    "merge_stmt": ("relation", ROW_EXCLUSIVE),
    "create_policy_stmt": ("table", ACCESS_EXCLUSIVE),
    "alter_policy_stmt": ("table", ACCESS_EXCLUSIVE),
    "create_trig_stmt": ("relation", SHARE_ROW_EXCLUSIVE),
    "cluster_stmt": ("relation", ACCESS_EXCLUSIVE),
}


@dataclass(frozen=True, slots=True, order=True)
class Lock:
    """A lock on a table, by the name PostgreSQL gives it."""

    table: str
    mode: str

    def __str__(self) -> str:
        return f"{self.table}: {self.mode}"


def locks_of(statement: Statement) -> tuple[Lock, ...]:
    """Return the locks on tables that a statement takes, in its order, each once."""
    return tuple(dict.fromkeys(Lock(table, mode) for table, mode in _locks(statement) if table))


def _locks(statement: Statement) -> Iterator[tuple[str, str]]:
    node = statement.node
    if (plain := _PLAIN.get(statement.kind)) is not None:
        yield table_of(getattr(node, plain[0])), plain[1]
        return
    match statement.kind:
        case "alter_table_stmt":
            yield from _altering(statement)
        case "rename_stmt" if enum(node, "rename_type") != "OBJECT_INDEX":
            yield table_of(node.relation), ACCESS_EXCLUSIVE
        case "drop_stmt":
            yield from _dropping(node)
        case "index_stmt":
            yield table_of(node.relation), SHARE_UPDATE_EXCLUSIVE if node.concurrent else SHARE
        case "create_stmt":
            yield from ((table, SHARE_ROW_EXCLUSIVE) for table in _referred(node.table_elts))
        case "truncate_stmt":
            yield from ((table_of(each.range_var), ACCESS_EXCLUSIVE) for each in node.relations)
        case "lock_stmt":
            yield from ((table_of(each.range_var), _BY_NUMBER[node.mode]) for each in node.relations)
        case "vacuum_stmt" | "reindex_stmt":
            yield from _tending(statement)
        case _:
            pass


def _tending(statement: Statement) -> Iterator[tuple[str, str]]:
    node = statement.node
    if statement.kind == "reindex_stmt":
        concurrent = any(each.def_elem.defname == "concurrently" for each in node.params)
        yield table_of(node.relation), SHARE_UPDATE_EXCLUSIVE if concurrent else SHARE
    else:
        full = any(each.def_elem.defname == "full" for each in node.options)
        mode = ACCESS_EXCLUSIVE if full else SHARE_UPDATE_EXCLUSIVE
        yield from ((table_of(each.vacuum_relation.relation), mode) for each in node.rels)


def _altering(statement: Statement) -> Iterator[tuple[str, str]]:
    for name, part, table in alterations(statement):
        constraint = getattr(part, "def").constraint if name == "AT_AddConstraint" else None
        if name in _MILD or (name == "AT_DetachPartition" and getattr(part, "def").partition_cmd.concurrent):
            yield table, SHARE_UPDATE_EXCLUSIVE
        elif "Trig" in name or (constraint is not None and enum(constraint, "contype") == "CONSTR_FOREIGN"):
            yield table, SHARE_ROW_EXCLUSIVE
        else:
            yield table, ACCESS_EXCLUSIVE
        if constraint is not None and enum(constraint, "contype") == "CONSTR_FOREIGN":
            yield table_of(constraint.pktable), SHARE_ROW_EXCLUSIVE
        if (column := added_column(name, part)) is not None and (
            referred := constraints_of(column).get("CONSTR_FOREIGN")
        ) is not None:
            yield table_of(referred.pktable), SHARE_ROW_EXCLUSIVE


def _dropping(node: Any) -> Iterator[tuple[str, str]]:
    what = enum(node, "remove_type")
    for each in node.objects:
        if what == "OBJECT_INDEX":
            yield f"the table of {name_of(each)}", SHARE_UPDATE_EXCLUSIVE if node.concurrent else ACCESS_EXCLUSIVE
        elif what in {"OBJECT_TABLE", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}:
            yield name_of(each), ACCESS_EXCLUSIVE
        elif what in {"OBJECT_POLICY", "OBJECT_TRIGGER", "OBJECT_RULE"}:
            # The table comes before the name of what is dropped.
            yield str(each.list.items[-2].string.sval), ACCESS_EXCLUSIVE


def _referred(elements: Any) -> Iterator[str]:
    for each in elements:
        if kind_of(each) == "constraint" and enum(each.constraint, "contype") == "CONSTR_FOREIGN":
            yield table_of(each.constraint.pktable)
        elif kind_of(each) == "column_def" and (found := constraints_of(each.column_def).get("CONSTR_FOREIGN")):
            yield table_of(found.pktable)


def rewrites_of(statement: Statement) -> tuple[str, ...]:
    """Return the tables that are written anew, which takes as long as they are."""
    found = []
    for name, part, table in alterations(statement):
        column = added_column(name, part)
        if name in REWRITES or name == "AT_AlterColumnType" or (column is not None and _is_filled_in(column)):
            found.append(table)
    if statement.kind == "cluster_stmt":
        found.append(table_of(statement.node.relation))
    return tuple(dict.fromkeys(found))


def _is_filled_in(column: Any) -> bool:
    own = constraints_of(column)
    if "CONSTR_IDENTITY" in own or type_name(column) in SERIALS:
        return True
    if "CONSTR_GENERATED" in own:
        return own["CONSTR_GENERATED"].generated_kind in {"", "s"}
    return "CONSTR_DEFAULT" in own and not is_steady(own["CONSTR_DEFAULT"].raw_expr)


def scans_of(statement: Statement) -> tuple[str, ...]:
    """Return the tables that are read from end to end."""
    found = [table_of(statement.node.relation)] if statement.kind == "index_stmt" else []
    for name, part, table in alterations(statement):
        column = added_column(name, part)
        if name in {"AT_ValidateConstraint", "AT_SetNotNull"}:
            found.append(table)
        elif name == "AT_AddConstraint":
            constraint = getattr(part, "def").constraint
            if not constraint.skip_validation and not constraint.indexname:
                found.append(table)
        elif column is not None and {"CONSTR_CHECK", "CONSTR_UNIQUE", "CONSTR_PRIMARY"} & constraints_of(column).keys():
            found.append(table)
    return tuple(dict.fromkeys(found))
