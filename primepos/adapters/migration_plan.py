"""What going up would do, statement by statement: the locks, what is written anew or read, and what the lint says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from primepos.adapters.migration_files import HEAD, Revision, revisions
from primepos.adapters.migration_lint import lint
from primepos.adapters.migration_locks import HOLD_UP_SALES, Lock, locks_of, rewrites_of, scans_of
from primepos.adapters.migration_source import read_revisions
from primepos.adapters.migration_sql import table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.adapters.migration_rules import Finding
    from primepos.adapters.migration_source import Source, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One statement. Tables that the same plan creates are left out: nobody uses them yet.

    ``step`` names the step of migration_steps that sends it, outside the transaction where ``in_transaction`` is False.
    """

    sql: str
    line: int
    locks: tuple[Lock, ...]
    rewrites: tuple[str, ...]
    scans: tuple[str, ...]
    in_transaction: bool
    step: str | None
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """What applying one revision means. ``findings`` are those of its file as a whole."""

    revision: Revision
    statements: tuple[Planned, ...]
    findings: tuple[str, ...]

    @property
    def locks(self) -> tuple[str, ...]:
        """The locks that whoever sells waits for, as ``TABLE: MODE``."""
        found = (lock for each in self.statements for lock in each.locks if lock.mode in HOLD_UP_SALES)
        return tuple(dict.fromkeys(str(lock) for lock in found))

    @property
    def rewrites(self) -> tuple[str, ...]:
        """The tables that PostgreSQL writes anew."""
        return tuple(dict.fromkeys(table for each in self.statements for table in each.rewrites))


def plan(lower: str | None, upper: str = HEAD) -> list[PlanStep]:
    """Return what going up to a revision would do, oldest first.

    Raises: RevisionUnknown, WrongDirection, SqlParserMissing, MigrationUnreadable.
    """
    wanted = revisions(lower, upper)
    if not wanted:
        return []
    sources = {source.revision: source for source in read_revisions()}
    findings = lint().findings
    made: set[str] = set()
    steps = []
    for revision in wanted:
        source = sources[revision.revision]
        made |= set(_made(source))
        own = [each for each in findings if each.path.endswith(f"/{revision.file}")]
        steps.append(
            PlanStep(
                revision=revision,
                statements=tuple(_planned(each, made, own) for each in source.statements),
                findings=tuple(f"{each.rule}: {each.message}" for each in own if not each.statement),
            )
        )
    return steps


def _made(source: Source) -> Iterator[str]:
    for each in source.statements:
        if each.kind == "create_stmt":
            yield table_of(each.node.relation)
        elif each.kind == "create_table_as_stmt":
            yield table_of(each.node.into.rel)


def _planned(statement: Statement, made: set[str], findings: list[Finding]) -> Planned:
    words = " ".join(statement.parsed.text.split())[:200]
    return Planned(
        sql=statement.parsed.text,
        line=statement.line,
        locks=tuple(each for each in locks_of(statement) if each.table not in made),
        rewrites=tuple(each for each in rewrites_of(statement) if each not in made),
        scans=tuple(each for each in scans_of(statement) if each not in made),
        in_transaction=statement.in_transaction,
        step=statement.step,
        findings=tuple(f"{each.rule}: {each.message}" for each in findings if each.statement == words),
    )
