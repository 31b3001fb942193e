"""SQL as PostgreSQL itself reads it: its own parser, packaged as a library, gives the statements of a migration.

The only module that knows the parser. What it does not offer for a platform (a Mac with an Intel processor) is asked
for by a refusal that says so; applying migrations never needs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from primepos.adapters.migration_errors import SqlNotUnderstood, SqlParserMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Parsed", "body_statements", "calls_in", "enum", "kind_of", "long_names", "name_of", "parse", "table_of"]

LONGEST_NAME: Final = 63
_GAP: Final = re.compile(rb"\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parsed:
    """One statement: its node of PostgreSQL's tree, and where it stands in the text (bytes, as the parser counts)."""

    kind: str
    node: Any
    source: bytes
    begin: int
    start: int
    end: int

    @property
    def text(self) -> str:
        """The statement without the comments before it and without its semicolon."""
        return self.source[self.start : self.end].decode().strip()

    @property
    def comments(self) -> str:
        """What stands between the statement before and this one."""
        return self.source[self.begin : self.start].decode()

    def line_at(self, location: int | None = None) -> int:
        """Return the line, counted from 0, of a place in the text; by default of the first word."""
        return self.source.count(b"\n", 0, self.start if location is None else location)


def parse(sql: str) -> list[Parsed]:
    """Return the statements of a text. Raises SqlParserMissing, SqlNotUnderstood (with the line, from 0)."""
    postgast = _parser()
    source = sql.encode()
    try:
        tree = postgast.parse(sql)
    except postgast.PgQueryError as error:
        # The position counts characters from 1, and points behind the text when its end was the surprise.
        line = sql.count("\n", 0, max(error.cursorpos - 1, 0))
        raise SqlNotUnderstood(line=line, problem=str(error)) from error
    found, begin = [], 0
    for each in tree.stmts:
        kind = each.stmt.WhichOneof("node")
        start = _after_gap(source, begin if not each.stmt_location else each.stmt_location)
        end = each.stmt_location + each.stmt_len if each.stmt_len else len(source)
        found.append(Parsed(kind, getattr(each.stmt, kind), source, begin, start, end))
        begin = min(end + 1, len(source))
    return found


def body_statements(block: Parsed) -> Iterator[Parsed]:
    """Give the statements that a DO block spells out; what it builds as text and executes stays unseen."""
    postgast = _parser()
    try:
        tree = postgast.parse_plpgsql(block.text)
    except postgast.PgQueryError:
        return
    for query in _queries(tree):
        try:
            yield from parse(query)
        except SqlNotUnderstood:
            continue


def long_names(statement: Parsed) -> Iterator[str]:
    """Give the names in a statement that PostgreSQL would cut off; in its tree they are cut already."""
    postgast = _parser()
    source = statement.source[statement.start : statement.end]
    for token in postgast.scan(source.decode()).tokens:
        if token.token == postgast.pg_query_pb2.IDENT:
            name = source[token.start : token.end].strip(b'"')
            if len(name) > LONGEST_NAME:
                yield name.decode()


def _queries(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if (found := tree.get("PLpgSQL_stmt_execsql")) is not None:
            yield found["sqlstmt"]["PLpgSQL_expr"]["query"]
        for value in tree.values():
            yield from _queries(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _queries(value)


def _parser() -> Any:
    try:
        # Its type stubs are no valid Python, so it is loaded by name, out of the type checker's sight.
        return import_module("postgast")
    except ImportError as error:
        raise SqlParserMissing from error


def _after_gap(source: bytes, at: int) -> int:
    while gap := _GAP.match(source, at):
        at = gap.end()
    return at


# --- reading nodes ---------------------------------------------------------------------------------------------------


def enum(node: Any, field: str) -> str:
    """Return the name of an enumeration's value, such as ``AT_AddColumn``."""
    described = node.DESCRIPTOR.fields_by_name[field]
    return str(described.enum_type.values_by_number[getattr(node, field)].name)


def kind_of(node: Any) -> str:
    """Return which kind of node is inside a general one, empty for none."""
    return node.WhichOneof("node") or ""


def table_of(relation: Any) -> str:
    """Return a table's name, with its schema where that is not ``public``."""
    return _qualified(relation.schemaname, relation.relname)


def name_of(item: Any) -> str:
    """Return the name that an object in a DROP or ALTER is called by."""
    match kind_of(item):
        case "list":
            parts = [each.string.sval for each in item.list.items if kind_of(each) == "string"]
        case "type_name":
            parts = [each.string.sval for each in item.type_name.names]
        case "object_with_args":
            parts = [each.string.sval for each in item.object_with_args.objname]
        case _:
            parts = [item.string.sval]
    return _qualified(".".join(parts[:-1]), parts[-1] if parts else "")


def _qualified(schema: str, name: str) -> str:
    return name if schema in {"", "public"} else f"{schema}.{name}"


def calls_in(node: Any) -> Iterator[str]:
    """Give the names of the functions that an expression calls, without ``pg_catalog``."""
    for _, child in _parser().walk(node):
        if child.DESCRIPTOR.name == "FuncCall":
            names = [each.string.sval for each in child.funcname]
            yield ".".join(names[1:] if names[0] == "pg_catalog" else names)
