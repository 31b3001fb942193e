"""Follows what SQL is put together from, through the package's syntax trees."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from primepos.deploy.source_scan import Found, Source, called, package_sources


@cache
def package_sql() -> tuple[Found, ...]:
    """Return what :func:`sql_built` finds in the package."""
    return tuple(sql_built(package_sources()))


_SQL = re.compile(
    r"\b(?:SELECT\b.+?\bFROM\b|INSERT\s+INTO\b|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\b|MERGE\s+INTO\b|TRUNCATE\s+\S"
    r"|(?:CREATE|ALTER|DROP)\s+(?:TABLE|INDEX|UNIQUE|ROLE|USER|VIEW|FUNCTION|SCHEMA|SEQUENCE|DATABASE|POLICY|TYPE)\b"
    r"|(?:GRANT|REVOKE)\s+.+?\s(?:TO|FROM|ON)\b|SET\s+(?:LOCAL\s+|SESSION\s+)?(?:ROLE\b|\w+\s*(?:=|TO)\s))",
    re.IGNORECASE | re.DOTALL,
)
_SHOUTED = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP|GRANT|REVOKE|SET|FROM|INTO)\b"
)
_SINKS: Final = frozenset({"execute", "executemany", "exec_driver_sql", "rows", "run", "copy", "stream", "text", "SQL"})
_IMPORTS = re.compile(
    r"^\s*(?:(?P<whole>import)|from\s+(?:psycopg|sqlalchemy|sqlmodel)[\w.]*\s+import)\s+"
    r"(?P<names>(?(whole)(?:psycopg|sqlalchemy|sqlmodel)[^\n]*|(?:\([^)]*\)|[^\n]*)))",
    re.MULTILINE,
)
_RAW: Final = frozenset({"text", "SQL"})
# They quote what they are given.
_QUOTES: Final = frozenset({"Identifier", "Literal", "Placeholder"})
_KEEPS: Final = frozenset(
    {"strip", "lstrip", "rstrip", "replace", "removeprefix", "removesuffix", "lower", "upper", "split"}
)
_ADDS: Final = frozenset({"append", "extend", "add", "insert", "update"})
_NUMBERS: Final = frozenset({"int", "len", "bool", "range"})
_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
# A module is worth parsing when it holds SQL or speaks to a database, and puts texts together. Plain words, not
# patterns: this reads the whole package each time.
_SPEAKS: Final = (
    "psycopg", "sqlalchemy", "sqlmodel", "sqlite3", "uow", "cursor", "execute", "SELECT ", "INSERT ", "UPDATE ",
    "DELETE ", "CREATE ", "ALTER ", "DROP ", "GRANT ", "REVOKE ", "TRUNCATE ",
)  # fmt: skip
_BUILDS: Final = ('f"', "f'", 'F"', "F'", ".format(", ".join(", "+", "%", "text(", "SQL(")
_LOOKED_AT: Final = (*_BUILDS, "execute", "exec_driver_sql(", "rows(", "run(", "copy(", "stream(")


def sql_built(sources: Iterable[Source]) -> list[Found]:
    """Return where a statement is put together from anything but the program's own constants.

    A part may be a constant, a number, a choice between such, what a loop over such gives, or a local name that only
    ever holds such. Text that looks like SQL is judged wherever it stands, any text where it is handed to a database.
    """
    found: set[Found] = set()
    for source in sources:
        if any(word in source.text for word in _BUILDS) and any(word in source.text for word in _SPEAKS):
            found.update(_Statements(source).found)
    return sorted(found)


@dataclass
class _Scope:
    """What local names of one function, or of the module, were ever given."""

    name: str
    given: dict[str, list[ast.expr | None]] = field(default_factory=dict)


class _Statements:
    """Judges one module."""

    def __init__(self, source: Source) -> None:
        self._path = source.path
        # Lines on which a text is put together or handed over: what holds none of them is passed by.
        self._lines = [
            number for number, line in enumerate(source.text.split("\n"), 1) if any(word in line for word in _LOOKED_AT)
        ]
        tree = ast.parse(source.text, source.path)
        self._module = _Scope("")
        _collect(tree.body, self._module)
        self._raw = set(_raw_names(source.text))
        self.found: list[Found] = []
        self._walk(tree, self._module)

    def _walk(self, node: ast.AST, scope: _Scope) -> None:
        for child in ast.iter_child_nodes(node):
            first = getattr(child, "lineno", None)
            if first is not None and not self._builds_within(first, child.end_lineno or first):  # type: ignore[attr-defined]  # has one as well
                continue
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                self._walk(child, _local(child, scope))
                continue
            if isinstance(child, ast.ClassDef):
                self._walk(child, scope)
                continue
            if isinstance(child, (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)):
                self._walk(child, self._looped(child.generators, scope, frozenset()))
                continue
            if self._is_broken(child, scope):
                # What is inside a broken statement is broken for the same reason.
                continue
            self._walk(child, scope)

    def _builds_within(self, first: int, last: int) -> bool:
        at = bisect_left(self._lines, first)
        return at < len(self._lines) and self._lines[at] <= last

    def _is_broken(self, node: ast.AST, scope: _Scope) -> bool:
        if isinstance(node, ast.expr) and _is_built(node) and _SQL.search(_text_of(node)) and _shouts(_text_of(node)):
            return self._judge(node, scope)
        if isinstance(node, ast.Call) and called(node) in _SINKS and node.args:
            first, is_raw = node.args[0], self._takes_raw_sql(node.func)
            # What is taken for SQL must be the program's own, whether it was put together here or not.
            is_handed_over = isinstance(node.func, ast.Attribute) and called(node) not in _RAW
            if is_handed_over and isinstance(first, ast.Name):
                return self._judge_name(first.id, scope)
            if is_raw or (is_handed_over and _is_built(first)):
                return self._judge(first, scope)
        return False

    def _judge_name(self, name: str, scope: _Scope) -> bool:
        """Judge what a local name that is handed to a database was ever given; what came as an argument is not here."""
        given = scope.given.get(name, [])
        if None in given or not any(one is not None and _is_built(one) for one in given):
            return False
        broken = [one for one in given if one is not None and self._judge(one, scope)]
        return bool(broken)

    def _takes_raw_sql(self, function: ast.expr) -> bool:
        """Whether this is SQLAlchemy's ``text`` or psycopg's ``SQL``, under the name this module gave it."""
        match function:
            case ast.Name(id=name):
                return name in self._raw
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return name in _RAW and owner in self._raw
            case _:
                return False

    def _judge(self, node: ast.expr, scope: _Scope) -> bool:
        loose = [part for part in _parts(node) if not self._is_safe(part, scope, frozenset())]
        if not loose:
            return False
        what = f"a statement is built from {ast.unparse(loose[0])[:60]}"
        self.found.append(Found(self._path, node.lineno, what, scope.name))
        return True

    def _is_safe(  # noqa: C901, PLR0911, PLR0912 - one answer a kind of expression
        self, node: ast.expr | None, scope: _Scope, seen: frozenset[str]
    ) -> bool:
        match node:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return self._is_safe_name(name, scope, seen)
            case ast.Attribute(attr=name):
                return bool(_CONSTANT.fullmatch(name))
            case ast.IfExp(body=one, orelse=other):
                return self._is_safe(one, scope, seen) and self._is_safe(other, scope, seen)
            case ast.BoolOp(values=values):
                return all(self._is_safe(one, scope, seen) for one in values)
            case ast.Tuple(elts=each) | ast.List(elts=each) | ast.Set(elts=each):
                return all(self._is_safe(one, scope, seen) for one in each)
            case ast.Starred(value=value) | ast.FormattedValue(value=value):
                return self._is_safe(value, scope, seen)
            case ast.Dict(keys=keys, values=values):
                return all(self._is_safe(one, scope, seen) for one in [*filter(None, keys), *values])
            case ast.Subscript(value=value):
                return self._is_safe(value, scope, seen)
            case ast.GeneratorExp(elt=elt, generators=loops) | ast.ListComp(elt=elt, generators=loops):
                return self._is_safe(elt, self._looped(loops, scope, seen), seen)
            case ast.Call():
                return self._is_safe_call(node, scope, seen)
            case ast.BinOp(left=left, right=right):
                return self._is_safe(left, scope, seen) and self._is_safe(right, scope, seen)
            case ast.JoinedStr():
                return all(self._is_safe(one, scope, seen) for one in _parts(node))
            case _:
                return False

    def _is_safe_name(self, name: str, scope: _Scope, seen: frozenset[str]) -> bool:
        if name in seen:
            return True
        given = scope.given.get(name)
        if given is not None:
            return all(self._is_safe(one, scope, seen | {name}) for one in given)
        at_module = self._module.given.get(name)
        if at_module is not None:
            return all(self._is_safe(one, self._module, seen | {name}) for one in at_module)
        # Imported: a constant by the way it is written.
        return bool(_CONSTANT.fullmatch(name))

    def _looped(self, loops: list[ast.comprehension], scope: _Scope, seen: frozenset[str]) -> _Scope:
        """Return what names hold inside a comprehension: what is looped over, or the list that lets them pass."""
        inner = _Scope(scope.name, dict(scope.given))
        for loop in loops:
            # Judged before its own names are known: in ``for x in x`` the second one is the outer one.
            source = loop.iter if self._is_safe(loop.iter, inner, seen) else None
            for one in ast.walk(loop.target):
                if isinstance(one, ast.Name):
                    inner.given[one.id] = [source if source is not None else _filter_of(one.id, loop)]
        return inner

    def _is_safe_call(self, node: ast.Call, scope: _Scope, seen: frozenset[str]) -> bool:
        name = called(node)
        if name in _QUOTES:
            return True
        if isinstance(node.func, ast.Name):
            if name in _NUMBERS:
                return True
            return name in {"sorted", "tuple", "list", "str"} and all(
                self._is_safe(one, scope, seen) for one in node.args
            )
        if isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if name in {"join", "format"}:
                given = [*node.args, *(one.value for one in node.keywords)]
                return self._is_safe(owner, scope, seen) and all(self._is_safe(one, scope, seen) for one in given)
            if name == "as_string":
                return self._is_safe(owner, scope, seen)
            if name in _KEEPS or name in {"keys", "items", "values"}:
                return self._is_safe(owner, scope, seen) and all(self._is_safe(one, scope, seen) for one in node.args)
        return False


def _raw_names(text: str) -> Iterator[str]:
    """Return the local names of SQLAlchemy's and psycopg's makers of SQL, and of the modules they are in."""
    for found in _IMPORTS.finditer(text):
        for one in re.split(r"[,()\n]", found["names"]):
            name, _, local = one.partition("#")[0].strip().partition(" as ")
            if found["whole"] or name in {*_RAW, "sql"}:
                yield local.strip() or name


def _filter_of(name: str, loop: ast.comprehension) -> ast.expr | None:
    """Return the list in ``for name in anything if name in LIST``."""
    for test in loop.ifs:
        match test:
            case ast.Compare(left=ast.Name(id=left), ops=[ast.In()], comparators=[listed]) if left == name:
                return listed
    return None


def _is_built(node: ast.expr) -> bool:
    """Whether a text is put together here, rather than written down or taken from somewhere."""
    match node:
        case ast.JoinedStr(values=values):
            return any(isinstance(one, ast.FormattedValue) for one in values)
        case ast.BinOp(op=ast.Add()):
            return _has_text(node)
        case ast.BinOp(left=left, op=ast.Mod()):
            return isinstance(left, (ast.Constant, ast.JoinedStr)) and _has_text(left)
        case ast.Call(func=ast.Attribute(value=owner, attr="format" | "join")):
            # sql.SQL(...).format(...) quotes; what goes into sql.SQL is judged by itself.
            return _has_text(owner) and not (isinstance(owner, ast.Call) and called(owner) == "SQL")
        case _:
            return False


def _has_text(node: ast.expr) -> bool:
    return any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in ast.walk(node))


def _text_of(node: ast.expr) -> str:
    return " ".join(one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _shouts(text: str) -> bool:
    """Whether keywords are in capitals, as the house writes them; small ones count where there are several."""
    return bool(_SHOUTED.search(text)) or len(re.findall(r"\b(?:select|from|where|insert|into|values|set)\b", text)) > 2


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """Return what a text is put together from."""
    match node:
        case ast.JoinedStr(values=values):
            for one in values:
                yield from _parts(one.value) if isinstance(one, ast.FormattedValue) else (one,)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _parts(left)
            yield from _parts(right)
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            yield left
            yield right
        case _:
            yield node


def _local(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, outer: _Scope) -> _Scope:
    """Return what names hold inside a function: its arguments come from anywhere, the rest is what it gives them."""
    name = getattr(function, "name", outer.name)
    scope = _Scope(name, dict(outer.given) if outer.name else {})
    arguments = function.args
    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if one is not None:
            scope.given[one.arg] = [None]
    if not isinstance(function, ast.Lambda):
        _collect(function.body, scope)
    return scope


def _collect(body: list[ast.stmt], scope: _Scope) -> None:  # noqa: C901, PLR0912 - one answer a kind of statement
    """Note what each name is given, nested functions and classes apart."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                continue
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    _give(target, value, scope)
            case ast.AnnAssign(target=target, value=value):
                _give(target, value, scope)
            case ast.AugAssign(target=target, value=value):
                _give(target, value, scope)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=act), args=[*_, value])):
                if act in _ADDS:
                    scope.given.setdefault(name, []).append(value)
            case ast.For(target=target, iter=loop) | ast.AsyncFor(target=target, iter=loop):
                _give(target, loop, scope)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        _give(item.optional_vars, None, scope)
            case _:
                pass
        for name in ("body", "orelse", "finalbody"):
            _collect(getattr(statement, name, []), scope)
        for handler in getattr(statement, "handlers", []):
            _collect(handler.body, scope)
        for case in getattr(statement, "cases", []):
            _collect(case.body, scope)


def _give(target: ast.expr, value: ast.expr | None, scope: _Scope) -> None:
    if isinstance(target, ast.Name):
        scope.given.setdefault(target.id, []).append(value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        same = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
        for number, one in enumerate(target.elts):
            _give(one, value.elts[number] if same and isinstance(value, (ast.Tuple, ast.List)) else value, scope)
