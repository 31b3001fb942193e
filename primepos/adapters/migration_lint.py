"""``primepos migrate lint``: looks through migrations for what would stop a shop that is open, or lose its data.

No database is asked. Revisions up to ``start_after`` in ``migrations/lint.toml`` are history, applied everywhere, and
left out; what they build is known to the rules all the same.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

# Their rules register themselves when they are imported.
from primepos.adapters import migration_rules_files as _files
from primepos.adapters import migration_rules_tables as _tables
from primepos.adapters.migration_errors import MigrationUnreadable
from primepos.adapters.migration_notes import ships_in
from primepos.adapters.migration_rules import FILE_RULES, RULES, STATEMENT_RULES, Broken, Context, Finding, Severity
from primepos.adapters.migration_source import Source, Statement, read_revisions, read_sql
from primepos.adapters.migration_sql import enum, kind_of, table_of
from primepos.adapters.schema_revision import script_location

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from primepos.adapters.migration_notes import Allowance

__all__ = ["Report", "lint", "start_after"]

del _files, _tables
WEIGHT = {Severity.CRITICAL: 3, Severity.HIGH: 2, Severity.MEDIUM: 1, Severity.LOW: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found, and how much was looked at. ``allowed`` are findings that an allowance lets pass."""

    findings: tuple[Finding, ...]
    allowed: tuple[Finding, ...]
    files: int
    statements: int
    history: int

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings that are at least so bad."""
        return tuple(each for each in self.findings if WEIGHT[each.severity] >= WEIGHT[severity])


def lint(
    files: Sequence[Path] = (), *, location: Path | None = None, today: date | None = None, history: bool = True
) -> Report:
    """Look through files, or through all revisions; ``history`` False looks at those long applied too.

    A file is an SQL file, or a revision in the directory of the migrations.

    Raises: SqlParserMissing, MigrationUnreadable.
    """
    day = today or datetime.now(UTC).date()
    here = location or script_location()
    revisions = _revisions(files, location)
    after = start_after(location) if history and not files else None
    sources = [*revisions, *(read_sql(each) for each in files if each.suffix != ".py")]
    wanted = {each.resolve() for each in files}
    found: list[Finding] = []
    statements = left_out = 0
    context: Context | None = None
    looked_at: list[Source] = []
    for source in sources:
        context = _next(context, source, day)
        broken = list(_broken(context))
        if source.is_revision and after is not None and source.revision <= after:
            left_out += 1
            continue
        if files and source.path.resolve() not in wanted:
            continue
        looked_at.append(source)
        statements += len(source.statements)
        found += _judged(source, broken, _shown(source.path, here), day)
    found += _one_release(looked_at, here, day)
    return Report(
        findings=tuple(each for each in found if each.allowed is None),
        allowed=tuple(each for each in found if each.allowed is not None),
        files=len(looked_at),
        statements=statements,
        history=left_out,
    )


def start_after(location: Path | None = None) -> str | None:
    """Return the newest revision that is history, None where all are looked at. Raises MigrationUnreadable."""
    try:
        told = tomllib.loads((location or script_location()).joinpath("lint.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MigrationUnreadable(file="lint.toml", problem=str(error)) from error
    value = told.get("start_after")
    return None if value is None else str(value)


def _revisions(files: Sequence[Path], location: Path | None) -> list[Source]:
    python = [each for each in files if each.suffix == ".py"]
    if files and not python:
        return []
    known = read_revisions(location)
    paths = {each.path.resolve() for each in known}
    for each in python:
        if each.resolve() not in paths:
            raise MigrationUnreadable(file=each.name, problem="it is none of the revisions in migrations/versions")
    return known


def _shown(path: Path, here: Path) -> str:
    """Return a path as a person in the project writes it."""
    for base in (here.parent, Path.cwd()):
        if path.resolve().is_relative_to(base.resolve()):
            return path.resolve().relative_to(base.resolve()).as_posix()
    return str(path)


def _next(before: Context | None, source: Source, today: date) -> Context:
    context = Context(source, today)
    if before is not None:
        context.null_checks, context.constraints, context.filled = before.null_checks, before.constraints, before.filled
    return context


def _broken(context: Context) -> Iterator[tuple[str, Statement | None, Broken]]:
    for statement in context.source.statements:
        for each in (statement, *statement.inner):
            for rule, function in STATEMENT_RULES:
                for broken in function(context, each):
                    yield rule, each, broken
            _learn(context, each)
    for rule, file_function in FILE_RULES:
        for broken in file_function(context):
            yield rule, None, broken


def _learn(context: Context, statement: Statement) -> None:
    """Note what a statement makes of the database, for the rules of those after it."""
    node = statement.node
    if not statement.in_transaction:
        context.unproven.clear()
    match statement.kind:
        case "create_stmt" | "create_foreign_table_stmt":
            relation = node.relation if statement.kind == "create_stmt" else node.base_stmt.relation
            context.made.add(table_of(relation))
        case "create_table_as_stmt":
            context.made.add(table_of(node.into.rel))
        case "select_stmt" if node.HasField("into_clause"):
            context.made.add(table_of(node.into_clause.rel))
        case "view_stmt":
            context.made.add(table_of(node.view))
        case "create_seq_stmt":
            context.made.add(table_of(node.sequence))
        case "alter_table_stmt":
            for part in node.cmds:
                _learn_part(context, table_of(node.relation), part.alter_table_cmd)
        case _:
            pass


def _learn_part(context: Context, table: str, part: object) -> None:
    name = enum(part, "subtype")
    constraint = getattr(part, "def").constraint if name == "AT_AddConstraint" else None
    if constraint is not None:
        column = _kept_full(constraint)
        context.constraints.add((table, constraint.conname))
        if column:
            context.null_checks[table, constraint.conname] = column
        if constraint.skip_validation:
            context.unproven.add((table, constraint.conname))
        elif column:
            context.filled.add((table, column))
    elif name == "AT_ValidateConstraint":
        told = part.name  # type: ignore[attr-defined]  # a node of the parser
        if (table, told) in context.null_checks or (table, told) not in context.constraints:
            context.filled.add((table, context.null_checks.get((table, told), "")))
    elif name == "AT_DropConstraint" and part.missing_ok:  # type: ignore[attr-defined]  # a node of the parser
        context.dropped.add((table, part.name))  # type: ignore[attr-defined]  # a node of the parser


def _kept_full(constraint: object) -> str:
    """Return the column of CHECK (column IS NOT NULL), empty for another constraint."""
    if enum(constraint, "contype") != "CONSTR_CHECK":
        return ""
    expression = constraint.raw_expr  # type: ignore[attr-defined]  # a node of the parser
    if kind_of(expression) != "null_test" or enum(expression.null_test, "nulltesttype") != "IS_NOT_NULL":
        return ""
    fields = expression.null_test.arg.column_ref.fields
    return str(fields[-1].string.sval) if fields else ""


# --- allowances ------------------------------------------------------------------------------------------------------


def _judged(
    source: Source, broken: Iterable[tuple[str, Statement | None, Broken]], path: str, today: date
) -> Iterator[Finding]:
    used: set[Allowance] = set()
    for rule, statement, each in broken:
        allowances = _of_the_file(source) if statement is None else statement.allowances
        asked = next((one for one in allowances if one.rule == rule), None)
        if asked is not None:
            used.add(asked)
        yield _finding(rule, each, source, statement, path, asked, today)
    everything = {one for each in source.statements for one in each.allowances} | set(source.allowances)
    for unused in sorted(everything - used, key=lambda one: (one.line, one.rule)):
        yield _unused(unused, path, today)


def _of_the_file(source: Source) -> tuple[Allowance, ...]:
    """Return what is asked for at the top of a file: above its first statement is above the file too."""
    first = source.statements[0].allowances if source.statements else ()
    return (*source.allowances, *first)


def _finding(
    rule: str,
    broken: Broken,
    source: Source,
    statement: Statement | None,
    path: str,
    asked: Allowance | None,
    today: date,
) -> Finding:
    fault = asked.fault_on(today) if asked else None
    return Finding(
        rule=rule,
        severity=RULES[rule].severity,
        path=path,
        line=source.label_line if statement is None else statement.line_at(broken.location),
        message=broken.message,
        instead=RULES[rule].instead,
        statement="" if statement is None else " ".join(statement.parsed.text.split())[:200],
        allowed=asked if fault is None else None,
        note=fault,
    )


def _unused(allowance: Allowance, path: str, today: date) -> Finding:
    """An allowance that lets nothing pass hides the next mistake."""
    known = RULES.get(allowance.rule)
    why = "breaks no such rule" if known else f"{allowance.rule or 'it'} is no rule of this lint"
    return Finding(
        rule=allowance.rule if known else "MIG043",
        severity=Severity.LOW,
        path=path,
        line=allowance.line,
        message=f"an allowance for nothing: the statement below it {why}"
        if known
        else f"an allowance for nothing: {why}",
        instead="Remove the comment, or put it right above the statement it is for.",
        note=allowance.fault_on(today),
    )


def _one_release(sources: Sequence[Source], here: Path, today: date) -> Iterator[Finding]:
    expanding = {number for each in sources if each.labels.phase == "expand" and (number := ships_in(each.labels))}
    for source in sources:
        number = ships_in(source.labels)
        if source.labels.phase == "contract" and number in expanding:
            message = "one release expands and contracts: the release before it runs during the switch"
            asked = next((one for one in _of_the_file(source) if one.rule == "MIG046"), None)
            yield _finding("MIG046", Broken(message), source, None, _shown(source.path, here), asked, today)
