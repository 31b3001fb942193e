"""Reads the package's own source for what must not be in it: SQL put together from values, connections of one's own.

Only files whose text can hold such a thing are parsed: parsing all of them costs more than the rest of the gate.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import primepos
from primepos.deploy.check import Place


@dataclass(frozen=True, slots=True)
class Source:
    """One module: its path from the project's root, with slashes, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One place in the source, and what is wrong with it."""

    path: str
    line: int
    what: str
    function: str = ""

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.path, self.line)


@cache
def package_sources() -> tuple[Source, ...]:
    """Return every module of the package; migrations that travel inside it are none of them."""
    root = Path(primepos.__path__[0])
    return tuple(
        Source(f"{root.name}/{file.relative_to(root).as_posix()}", file.read_text(encoding="utf-8"))
        for file in sorted(root.rglob("*.py"))
        if "_migrations" not in file.parts
    )


@cache
def package_connections() -> tuple[Found, ...]:
    """Return what :func:`connections_made` finds in the package."""
    return tuple(connections_made(package_sources()))


# --- connections -----------------------------------------------------------------------------------------------------

_MAKERS: Final = {
    "Session": "a session of its own", "sessionmaker": "a maker of sessions", "scoped_session": "a maker of sessions",
    "create_engine": "an engine of its own", "create_async_engine": "an engine of its own",
}  # fmt: skip
_MAKES = re.compile(r"\b(?:Session|sessionmaker|scoped_session|create_(?:async_)?engine)\(")
# The unit of work, and what runs as the owner of the schema before there is a tenant.
_MAY_CONNECT: Final = ("primepos/core/db.py", "primepos/adapters/migration")


def connections_made(sources: Iterable[Source]) -> list[Found]:
    """Return where SQLAlchemy sessions and engines are made outside the unit of work."""
    found = []
    for source in sources:
        if source.path.startswith(_MAY_CONNECT) or ("sqlalchemy" not in source.text and "sqlmodel" not in source.text):
            continue
        if not _MAKES.search(source.text):
            continue
        found += [
            Found(source.path, node.lineno, _MAKERS[called(node)])
            for node in ast.walk(ast.parse(source.text, source.path))
            if isinstance(node, ast.Call) and called(node) in _MAKERS
        ]
    return sorted(found)


def called(node: ast.Call) -> str:
    """Return the last part of the name of what is called."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
