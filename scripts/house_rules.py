"""The house rules that no other tool knows, checked on the syntax tree of every module of the package.

    python scripts/house_rules.py

A line that must break a rule says so, on it or on the line above, with a reason:

    # house: allow commit because the journal is SQLite and has its own transactions
"""

from __future__ import annotations

import ast
import fnmatch
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "primepos"

RULES = {
    "commit": "only the runner and the unit of work in core/db.py commit and roll back",
    "text": "SQL text belongs in core/db.py: it passes by the tenant scope",
    "insert": "a Core insert() passes by the tenant scope; use the session, or core/db.py",
    "session": "sessions and engines are made in core/db.py only",
    "handler": "operations run through App.run; only the runner in core/operations.py calls a handler",
    "float": "no float near money, quantity or rate: use int or Decimal",
    "system-session": "system_session() passes by tenants: for tenancy, accounts, jobs, ops, worker, bootstrap, core",
    "service": "a public function of a service is an @operation with a permission",
    "suppression": "a suppression names its code and a reason: `# noqa: X123 - why`, `# type: ignore[x]  # why`",
    "unfinished": "nothing unfinished in the tree",
    "name": "a module is named for what it holds",
    "allow": "an allowance names a rule that is broken here, and a reason of three words or more",
}

# Migrations run as the owner of the schema, before there is a tenant.
_MIGRATIONS = "primepos/adapters/migration*.py"

# Where each rule does not hold, or (`ONLY`) the only places where it does.
EXEMPT = {
    # The runner ends the unit of work that core/db.py began.
    "commit": ("primepos/core/db.py", "primepos/core/operations.py", _MIGRATIONS),
    "text": ("primepos/core/db.py", _MIGRATIONS),
    "insert": ("primepos/core/db.py",),
    "session": ("primepos/core/db.py", _MIGRATIONS),
    "handler": ("primepos/core/operations.py",),
    "system-session": (
        "primepos/domain/tenancy/*",
        "primepos/domain/accounts/*",
        "primepos/domain/jobs/*",
        "primepos/domain/ops/*",
        "primepos/worker.py",
        "primepos/bootstrap.py",
        "primepos/core/*",
    ),
}
ONLY = {
    "float": (
        "primepos/pricing/*",
        "primepos/core/amounts.py",
        "primepos/domain/sales/*",
        "primepos/domain/payments/*",
        "primepos/domain/cash/*",
        "primepos/domain/inventory/*",
        "primepos/domain/catalog/*",
    ),
    "service": ("primepos/domain/*/service.py",),
}

_ORM = ("sqlalchemy", "sqlmodel")
_MAKERS = {
    "text": "text",
    "insert": "insert",
    "Session": "session",
    "scoped_session": "session",
    "sessionmaker": "session",
    "create_engine": "session",
}
_SCHEMA_KEYWORDS = {"postgresql_where", "server_default"}
_BAD_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
_ALLOW = re.compile(r"#\s*house:\s*allow\s+(?P<rule>[\w-]+)(?:\s+because\s+(?P<reason>.*))?")
_UNFINISHED = re.compile(r"\b(?:TODO|FIXME|HACK)\b")
_NOQA = re.compile(r"#\s*noqa\b(?P<codes>:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)?(?P<reason>.*)", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*type:\s*ignore\b(?P<codes>\[[\w, -]+\])?(?P<reason>.*)")
_PRAGMA = re.compile(r"#\s*pragma:\s*no (?:cover|branch)\b(?P<reason>.*)")


@dataclass(frozen=True, order=True)
class Violation:
    """One line of one file that breaks one rule."""

    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {RULES[self.rule]}"


def check_source(source: str, path: str) -> list[Violation]:
    """Return the violations in the text of one module; ``path`` is relative to the root, with slashes."""
    tree = ast.parse(source, path)
    comments = dict(_comments(source))
    found = {
        *_NodeRules(path, tree).found,
        *_comment_violations(path, comments),
        *_name_violations(path),
    }
    found = {violation for violation in found if _applies(violation.rule, path)}
    return sorted(_after_allowances(path, comments, found))


def check_tree(root: Path) -> list[Violation]:
    """Return the violations in every module of the package below ``root``."""
    found: list[Violation] = []
    for file in sorted((root / PACKAGE).rglob("*.py")):
        found += check_source(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix())
    return found


def _applies(rule: str, path: str) -> bool:
    if rule in ONLY:
        return any(fnmatch.fnmatch(path, pattern) for pattern in ONLY[rule])
    return not any(fnmatch.fnmatch(path, pattern) for pattern in EXEMPT.get(rule, ()))


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _comment_violations(path: str, comments: dict[int, str]) -> Iterator[Violation]:
    for line, comment in comments.items():
        if _UNFINISHED.search(comment):
            yield Violation(path, line, "unfinished")
        for pattern in (_NOQA, _IGNORE, _PRAGMA):
            match = pattern.search(comment)
            if match and not (match.groupdict().get("codes", True) and len(match["reason"].split()) > 1):
                yield Violation(path, line, "suppression")


def _name_violations(path: str) -> Iterator[Violation]:
    if {part.removesuffix(".py") for part in path.split("/")} & _BAD_NAMES:
        yield Violation(path, 1, "name")


def _after_allowances(path: str, comments: dict[int, str], found: set[Violation]) -> Iterator[Violation]:
    remaining = set(found)
    for line, comment in comments.items():
        match = _ALLOW.search(comment)
        if not match:
            continue
        covered = {
            violation for violation in found if violation.rule == match["rule"] and violation.line in {line, line + 1}
        }
        if covered and len((match["reason"] or "").split()) >= 3:
            remaining -= covered
        else:
            yield Violation(path, line, "allow")
    yield from remaining


class _NodeRules(ast.NodeVisitor):
    """Walks one module; knows which local names come from SQLAlchemy or SQLModel."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path = path
        self.found: set[Violation] = set()
        self._orm_modules: set[str] = set()
        self._orm_names: dict[str, str] = {}
        self._in_schema = 0
        self._service(tree)
        self.visit(tree)

    def _add(self, node: ast.AST, rule: str) -> None:
        self.found.add(Violation(self.path, getattr(node, "lineno", 1), rule))

    def _service(self, tree: ast.Module) -> None:
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                calls = [d for d in node.decorator_list if isinstance(d, ast.Call) and _called(d) == "operation"]
                if not any(keyword.arg == "permission" for call in calls for keyword in call.keywords):
                    self._add(node, "service")

    def visit_Import(self, node: ast.Import) -> None:
        """Remember ``import sqlalchemy as sa``."""
        for alias in node.names:
            if alias.name.split(".")[0] in _ORM:
                self._orm_modules.add(alias.asname or alias.name.split(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Remember ``from sqlalchemy import insert as put``; see ``system_session`` come in."""
        for alias in node.names:
            if alias.name == "system_session":
                self._add(node, "system-session")
            if (node.module or "").split(".")[0] in _ORM:
                if alias.name in _MAKERS:
                    self._orm_names[alias.asname or alias.name] = _MAKERS[alias.name]
                elif alias.name.islower():
                    self._orm_modules.add(alias.asname or alias.name)

    def visit_Call(self, node: ast.Call) -> None:
        """Judge what is called."""
        function = node.func
        if isinstance(function, ast.Name) and function.id in self._orm_names:
            self._orm_call(node, self._orm_names[function.id])
        elif isinstance(function, ast.Attribute):
            if function.attr in {"commit", "rollback"}:
                self._add(node, "commit")
            elif function.attr == "exec_driver_sql":
                self._add(node, "text")
            elif function.attr == "handler":
                self._add(node, "handler")
            elif function.attr in _MAKERS and _root(function) in self._orm_modules:
                self._orm_call(node, _MAKERS[function.attr])
        if isinstance(function, ast.Name) and function.id == "isinstance":
            # To refuse a float one has to name it.
            return
        self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        """Enter ``server_default=...`` and its like: text there is part of the schema and reads no row."""
        self._in_schema += node.arg in _SCHEMA_KEYWORDS
        self.generic_visit(node)
        self._in_schema -= node.arg in _SCHEMA_KEYWORDS

    def visit_Dict(self, node: ast.Dict) -> None:
        """Enter ``{"server_default": ...}``, as SQLModel wants it."""
        for key, value in zip(node.keys, node.values, strict=True):
            is_schema = isinstance(key, ast.Constant) and key.value in _SCHEMA_KEYWORDS
            self._in_schema += is_schema
            self.visit(value)
            self._in_schema -= is_schema

    def _orm_call(self, node: ast.Call, rule: str) -> None:
        if not (rule == "text" and self._in_schema):
            self._add(node, rule)

    def visit_Raise(self, node: ast.Raise) -> None:
        """See what is not written yet."""
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(raised, ast.Name) and raised.id == "NotImplementedError":
            self._add(node, "unfinished")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """See the type ``float``, and ``system_session``."""
        if node.id == "float":
            self._add(node, "float")
        elif node.id == "system_session":
            self._add(node, "system-session")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """See ``db.system_session``."""
        if node.attr == "system_session":
            self._add(node, "system-session")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """See a float literal."""
        if isinstance(node.value, float):
            self._add(node, "float")


def _called(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _root(node: ast.Attribute) -> str:
    value: ast.expr = node
    while isinstance(value, ast.Attribute):
        value = value.value
    return value.id if isinstance(value, ast.Name) else ""


def main() -> int:
    """Print every violation; return 1 if there is one."""
    found = check_tree(ROOT)
    for violation in found:
        print(violation, file=sys.stderr)
    print(f"house rules: {len(found)} violations" if found else "house rules kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
