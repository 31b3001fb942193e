"""Migrations as they are looked into: each file with its labels and the statements it stands for, line by line.

A revision is asked for its SQL without a database, all of them in one go; who wrote a statement is seen on the stack,
so that a finding can name the line of the Python that says it.
"""

from __future__ import annotations

import ast
import io
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from primepos.adapters import migration_steps
from primepos.adapters.migration_errors import MigrationUnreadable, SqlNotUnderstood
from primepos.adapters.migration_files import BASE, HEAD, STATEMENT_TIMEOUT, config_for, scripts_in
from primepos.adapters.migration_notes import Allowance, Labels, allowances_in, labels_in, labels_of
from primepos.adapters.migration_sql import Parsed, body_statements, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from alembic.script import Script

# Alembic's own words for the transaction around a revision, and around what runs outside it.
_EDGES: Final = {"emit_begin", "emit_commit"}
# A revision is a program: it may go wrong in any way.
_ANY_FAULT: Final = (
    ArithmeticError, AttributeError, CommandError, ImportError, LookupError, NameError, OSError, RuntimeError,
    SQLAlchemyError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
# Alembic keeps what is being run in a module.
_ONE_AT_A_TIME: Final = threading.Lock()
_STEPS: Final = migration_steps.__file__


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a migration. ``step`` names what of :mod:`primepos.adapters.migration_steps` made it.

    ``inner`` are the statements that a DO block spells out.
    """

    parsed: Parsed
    line: int
    in_transaction: bool
    step: str | None = None
    in_block: bool = False
    allowances: tuple[Allowance, ...] = ()
    inner: tuple[Statement, ...] = ()
    exact: bool = True

    @property
    def kind(self) -> str:
        """The kind of PostgreSQL's node, such as ``alter_table_stmt``."""
        return self.parsed.kind

    @property
    def node(self) -> Any:
        """PostgreSQL's node."""
        return self.parsed.node

    def line_at(self, location: int | None) -> int:
        """Return the line of the file at which a node stands."""
        if location is None or not self.exact or location < self.parsed.start:
            return self.line
        return self.line + self.parsed.line_at(location) - self.parsed.line_at()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One migration: its labels and statements. ``revision`` is empty for a file of SQL."""

    path: Path
    labels: Labels
    statements: tuple[Statement, ...]
    revision: str = ""
    statement_timeout: str = STATEMENT_TIMEOUT
    goes_down: bool = True
    label_line: int = 1
    allowances: tuple[Allowance, ...] = ()

    @property
    def is_revision(self) -> bool:
        """Whether the runner applies it, with its timeouts."""
        return bool(self.revision)


# --- SQL files -------------------------------------------------------------------------------------------------------


def read_sql(path: Path) -> Source:
    """Return what a file of SQL stands for. Raises SqlParserMissing, SqlNotUnderstood, MigrationUnreadable."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationUnreadable(file=path.name, problem=getattr(error, "strerror", None) or str(error)) from error
    labels = labels_in(text)
    try:
        parsed = parse(text)
    except SqlNotUnderstood as error:
        line = error.data["line"] + 1
        raise MigrationUnreadable(file=f"{path.name}:{line}", problem=error.data["problem"]) from error
    statements = tuple(_of_file(parsed, in_transaction=labels.transactional))
    used = {allowance for each in statements for allowance in each.allowances}
    return Source(
        path=path,
        labels=labels,
        statements=statements,
        goes_down=path.with_suffix(".down.sql").exists(),
        allowances=tuple(each for each in allowances_in(text) if each not in used),
    )


def _of_file(parsed: list[Parsed], *, in_transaction: bool) -> Iterator[Statement]:
    inside = in_transaction
    for each in parsed:
        allowances = allowances_in(each.comments, each.line_at(each.begin) + 1)
        made = Statement(parsed=each, line=each.line_at() + 1, in_transaction=inside, allowances=tuple(allowances))
        yield replace(made, inner=tuple(_inner(made)))
        if each.kind == "transaction_stmt":
            inside = _inside_after(each, inside=inside)


def _inside_after(edge: Parsed, *, inside: bool) -> bool:
    word = edge.text.split()[0].upper()
    if word in {"BEGIN", "START"}:
        return True
    return False if word in {"COMMIT", "END", "ROLLBACK", "ABORT"} else inside


def _inner(block: Statement) -> Iterator[Statement]:
    if block.kind == "do_stmt" and block.step is None:
        for each in body_statements(block.parsed):
            yield Statement(
                parsed=each,
                line=block.line,
                in_transaction=block.in_transaction,
                in_block=True,
                allowances=block.allowances,
                exact=False,
            )


# --- revisions -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Written:
    """What one revision wrote, with the line of its file that asked for it."""

    text: str
    line: int
    in_transaction: bool
    step: str | None


class _Recorder(io.StringIO):
    """Takes the SQL that Alembic writes, and sees on the stack which line of which revision asked for it."""

    def __init__(self, files: dict[str, list[_Written]]) -> None:
        super().__init__()
        self.files = files
        self.inside: dict[str, bool] = {}

    def write(self, text: str) -> int:
        """Keep one statement."""
        step, edge = None, False
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the stack is what says who asks
        while frame is not None:
            name = frame.f_code.co_filename
            if name == _STEPS and not frame.f_code.co_name.startswith("_"):
                step = frame.f_code.co_name
            edge = edge or frame.f_code.co_name in _EDGES
            if name in self.files:
                inside = self.inside.get(name, True)
                if edge:
                    self.inside[name] = not text.startswith("COMMIT")
                else:
                    self.files[name].append(_Written(text, frame.f_lineno, inside, step))
                break
            frame = frame.f_back
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


def read_revisions(location: Path | None = None) -> list[Source]:
    """Return the revisions, oldest first. Raises SqlParserMissing, MigrationUnreadable."""
    scripts = list(reversed(list(scripts_in(location).iterate_revisions(HEAD, BASE))))
    recorder = _Recorder({each.module.__file__ or "": [] for each in scripts})
    config = config_for(location=location, output=recorder)
    # Alembic loads the files anew: their code bears the same names.
    try:
        with _ONE_AT_A_TIME:
            command.upgrade(config, f"{BASE}:{HEAD}", sql=True)
    except _ANY_FAULT as error:
        at = next((Path(name).name for name in recorder.files if name in _files_of(error)), "a revision")
        problem = f"it does not run without a database ({type(error).__name__}: {str(error)[:200]})"
        raise MigrationUnreadable(file=at, problem=problem) from error
    return [_read_revision(each, recorder.files[each.module.__file__ or ""]) for each in scripts]


def _files_of(error: BaseException) -> set[str]:
    names, trace = set(), error.__traceback__
    while trace is not None:
        names.add(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return names


def _read_revision(script: Script, written: list[_Written]) -> Source:
    path = Path(script.path)
    text = path.read_text(encoding="utf-8")
    place = _Place(text)
    statements = tuple(statement for each in written for statement in _of_written(path, each, place))
    used = {(allowance.rule, allowance.line) for each in statements for allowance in each.allowances}
    return Source(
        path=path,
        labels=labels_of(script.module.__doc__ or ""),
        statements=statements,
        revision=script.revision,
        statement_timeout=getattr(script.module, "statement_timeout", STATEMENT_TIMEOUT),
        goes_down=place.goes_down(),
        label_line=place.label_line(),
        allowances=tuple(each for each in allowances_in(text) if (each.rule, each.line) not in used),
    )


def _of_written(path: Path, written: _Written, place: _Place) -> Iterator[Statement]:
    try:
        parsed = parse(written.text)
    except SqlNotUnderstood as error:
        problem = error.data["problem"]
        raise MigrationUnreadable(file=f"{path.name}:{written.line}", problem=problem) from error
    first = place.of_text(written.text)
    above = place.allowances(written.line)
    for each in parsed:
        inside_text = allowances_in(each.comments, (first or written.line) + (each.line_at(each.begin) if first else 0))
        made = Statement(
            parsed=each,
            line=written.line if first is None else first + each.line_at(),
            in_transaction=written.in_transaction,
            step=written.step,
            allowances=(*above, *inside_text),
            exact=first is not None,
        )
        yield replace(made, inner=tuple(_inner(made)))


class _Place:
    """Finds things in the text of a revision."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._tree = ast.parse(text)
        self._spans = sorted(
            (node.lineno, node.end_lineno or node.lineno) for node in ast.walk(self._tree) if isinstance(node, ast.stmt)
        )

    def of_text(self, sql: str) -> int | None:
        """Return the line at which an SQL text is written out, None where it is put together."""
        lines = [line.strip().rstrip(";") for line in sql.strip().splitlines()]
        stripped = [line.strip() for line in self._lines]
        if len(lines) == 1:
            holding = [number for number, line in enumerate(stripped, 1) if lines[0] and lines[0] in line]
            return holding[0] if len(holding) == 1 else None
        found = [
            number
            for number in range(1, len(stripped) - len(lines) + 2)
            if all(wanted in stripped[number - 1 + offset].replace("\\\\", "\\") for offset, wanted in enumerate(lines))
        ]
        return found[0] if len(found) == 1 else None

    def allowances(self, line: int) -> list[Allowance]:
        """Return what is asked for in the comments right above the Python statement at a line."""
        inner = [first for first, last in self._spans if first <= line <= last]
        first = above = max(inner, default=line)
        while above > 1 and self._lines[above - 2].strip().startswith("#"):
            above -= 1
        return allowances_in("\n".join(self._lines[above - 1 : first - 1]), above)

    def label_line(self) -> int:
        """Return the line of the phase, or the first."""
        return next((n for n, line in enumerate(self._lines, 1) if line.strip().startswith("Phase:")), 1)

    def goes_down(self) -> bool:
        """Tell whether there is a way down: one that does something, or says why nothing is to be done."""
        for node in self._tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
                acts = [
                    each for each in node.body if not isinstance(each, (ast.Pass, ast.Raise)) and not _is_text(each)
                ]
                return bool(acts) or (len(node.body) == 1 and ast.get_docstring(node) is not None)
        return False


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
