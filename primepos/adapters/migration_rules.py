"""The rules of ``primepos migrate lint``: what each is called, how bad it is, and how it is looked at.

A rule is a function over one statement, or over one file, that gives the places at which it is broken. The rules
themselves are in ``migration_rules_*``; those of a table in use leave out the tables that the same file creates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from primepos.adapters.migration_sql import table_of
from primepos.core.settings_rules import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from primepos.adapters.migration_notes import Allowance
    from primepos.adapters.migration_source import Source, Statement

__all__ = ["RULES", "Broken", "Context", "Finding", "Rule", "Severity", "per_file", "per_statement"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``instead`` says what to do; ``squawk`` names the rules of that linter which it covers."""

    id: str
    severity: Severity
    title: str
    instead: str
    squawk: tuple[str, ...] = ()


RULES: Final[dict[str, Rule]] = {
    rule.id: rule
    for rule in (
        Rule(
            "MIG033", Severity.HIGH, "lock_timeout of at most 10 s and a statement_timeout hold",
            "Begin an SQL file with SET lock_timeout = '2s' and SET statement_timeout = '5s'; revisions have them.",
            ("require-lock-timeout", "require-statement-timeout"),
        ),
        Rule(
            "MIG034", Severity.HIGH, "An index on a table in use is built and dropped CONCURRENTLY",
            "add_index() and drop_index() of migration_steps, outside the transaction.",
            ("require-concurrent-index-creation", "require-concurrent-index-deletion",
             "require-concurrent-reindex", "require-concurrent-partition-detach"),
        ),
        Rule(
            "MIG035", Severity.CRITICAL, "CONCURRENTLY stands outside a transaction, and what does can be run again",
            "Use the steps of migration_steps, and IF NOT EXISTS or IF EXISTS for all else in the file.",
            ("ban-concurrent-index-creation-in-transaction", "prefer-robust-stmts", "transaction-nesting",
             "ban-uncommitted-transaction"),
        ),
        Rule(
            "MIG036", Severity.CRITICAL, "A new column that must have a value has a constant default",
            "Add it nullable or with a constant DEFAULT: releases before this one do not know it.",
            ("adding-required-field",),
        ),
        Rule(
            "MIG037", Severity.HIGH, "SET NOT NULL comes after a validated CHECK (... IS NOT NULL)",
            "Add CHECK (column IS NOT NULL) NOT VALID, validate() it in a later revision, then SET NOT NULL.",
            ("adding-not-nullable-field",),
        ),
        Rule(
            "MIG038", Severity.HIGH, "A foreign key or CHECK is added NOT VALID and validated in a later transaction",
            "ADD CONSTRAINT ... NOT VALID here, validate() in a revision of phase migrate.",
            ("constraint-missing-not-valid", "adding-foreign-key-constraint", "ban-alter-domain-with-add-constraint"),
        ),
        Rule(
            "MIG039", Severity.HIGH, "Nothing is renamed and no table is written anew",
            "Add a new column, backfill it, read the new one, and drop the old one in a later release.",
            ("renaming-column", "renaming-table", "renaming-object", "ban-set-schema", "changing-column-type",
             "prefer-repack"),
        ),
        Rule(
            "MIG040", Severity.CRITICAL, "Something is taken away only in a contract that names who stopped using it",
            "'Phase: contract' and 'Unused since: X.Y.Z', an earlier release than the one this ships in.",
            ("ban-drop-column", "ban-drop-table", "ban-drop-not-null", "ban-drop-view", "ban-drop-function",
             "ban-drop-type", "ban-drop-schema", "ban-drop-sequence", "ban-drop-domain", "ban-drop-constraint",
             "ban-drop-generated-expression", "ban-drop-extension", "ban-drop-default", "ban-alter-identity"),
        ),
        Rule(
            "MIG041", Severity.HIGH, "UNIQUE and PRIMARY KEY are added USING an index built before",
            "add_index(..., unique=True), then ADD CONSTRAINT ... UNIQUE USING INDEX.",
            ("disallowed-unique-constraint", "adding-serial-primary-key-field", "constraint-missing-not-valid"),
        ),
        Rule(
            "MIG042", Severity.MEDIUM, "A new column has no volatile default and is not generated and stored",
            "Add it without, then SET DEFAULT for new rows and backfill() the old ones.",
            ("adding-field-with-default",),
        ),
        Rule(
            "MIG043", Severity.LOW, "Columns are bigint, identity, text, timestamptz and jsonb",
            "Types that never have to be changed later.",
            ("prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity", "prefer-text-field",
             "prefer-timestamp-tz", "ban-char-field", "ban-create-domain-with-constraint", "identifier-too-long",
             "require-enum-value-ordering"),
        ),
        Rule(
            "MIG044", Severity.HIGH, "Rows are changed in batches, in a revision of their own",
            "backfill() of migration_steps in a revision of phase migrate.",
            ("ban-duplicate-column-assignments",),
        ),
        Rule(
            "MIG045", Severity.MEDIUM, "There is a way down, or a reason why not",
            "Write downgrade(), or 'Irreversible: why' in the docstring.",
        ),
        Rule(
            "MIG046", Severity.HIGH, "The phase is said, and expand and contract are never of one release",
            "'Phase: expand', 'migrate' or 'contract', and 'Release: X.Y.Z'; a contract waits for the next release.",
        ),
        Rule(
            "MIG049", Severity.CRITICAL, "No TRUNCATE CASCADE, no DROP DATABASE",
            "Drop what is unused, table by table.",
            ("ban-truncate-cascade", "ban-drop-database"),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Broken:
    """A place at which a rule is broken; ``location`` is that of a node, for the line."""

    message: str
    location: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule broken in a file. ``allowed`` is what lets it pass, ``note`` why an allowance for it does not hold."""

    rule: str
    severity: Severity
    path: str
    line: int
    message: str
    instead: str
    statement: str = ""
    allowed: Allowance | None = None
    note: str | None = None

    def __str__(self) -> str:
        more = f" ({self.note})" if self.note else ""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}{more}"


@dataclass(slots=True)
class Context:
    """What is known so far of the file that is looked at, and of those before it.

    ``made`` are the tables that this file creates, nobody uses them yet. ``null_checks`` maps a table and constraint to
    the column it keeps from being empty, ``constraints`` are all that were added, ``filled`` the columns for which such
    a constraint was validated ('' for one that no file here added).
    """

    source: Source
    today: date
    made: set[str] = field(default_factory=set)
    null_checks: dict[tuple[str, str], str] = field(default_factory=dict)
    constraints: set[tuple[str, str]] = field(default_factory=set)
    filled: set[tuple[str, str]] = field(default_factory=set)
    # Constraints added NOT VALID in the transaction that is open.
    unproven: set[tuple[str, str]] = field(default_factory=set)
    dropped: set[tuple[str, str]] = field(default_factory=set)
    limits: dict[str, int] = field(default_factory=dict)
    limits_asked: set[str] = field(default_factory=set)

    def in_use(self, table: str) -> bool:
        """Tell whether somebody may be using a table while this runs."""
        return table not in self.made

    def in_use_relation(self, relation: object) -> bool:
        """As :meth:`in_use`, for a node that names a table."""
        return self.in_use(table_of(relation))


StatementRule = Callable[[Context, "Statement"], "Iterable[Broken]"]
FileRule = Callable[[Context], "Iterable[Broken]"]
STATEMENT_RULES: Final[list[tuple[str, StatementRule]]] = []
FILE_RULES: Final[list[tuple[str, FileRule]]] = []


def per_statement(rule: str) -> Callable[[StatementRule], StatementRule]:
    """Register a function over one statement of a file."""

    def register(function: StatementRule) -> StatementRule:
        STATEMENT_RULES.append((rule, function))
        return function

    return register


def per_file(rule: str) -> Callable[[FileRule], FileRule]:
    """Register a function over a file as a whole, after its statements."""

    def register(function: FileRule) -> FileRule:
        FILE_RULES.append((rule, function))
        return function

    return register
