"""Never-rules 9 and 10: the tree keeps them, and each rule catches what it is for."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from scripts.house_rules import EXEMPT, ONLY, RULES, Violation, check_source, check_tree

ROOT = Path(__file__).resolve().parents[2]
ANYWHERE = "primepos/domain/sales/posting.py"


def rules_broken(source: str, path: str = ANYWHERE) -> list[str]:
    return [violation.rule for violation in check_source(dedent(source), path)]


def test_the_package_keeps_the_house_rules():
    assert check_tree(ROOT) == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("commit", "ctx.db.commit()"),
        ("commit", "unit.session.rollback()"),
        ("text", "from sqlalchemy import text\nrows(text('SELECT 1'))"),
        ("text", "from sqlmodel import text as sql\nsql('SELECT 1')"),
        ("text", "import sqlalchemy as sa\nsa.text('SELECT 1')"),
        ("text", "def late():\n    import sqlalchemy\n    sqlalchemy.sql.text('SELECT 1')"),
        ("text", "connection.exec_driver_sql('SELECT 1')"),
        ("insert", "from sqlalchemy.dialects.postgresql import insert as put\nput(table)"),
        ("insert", "import sqlalchemy as sa\nsa.insert(table)"),
        ("insert", "from sqlalchemy.dialects import postgresql\npostgresql.insert(table)"),
        ("session", "from sqlmodel import Session\nSession(engine)"),
        ("session", "from sqlalchemy import orm\norm.Session(engine)"),
        ("session", "from sqlalchemy.orm import sessionmaker\nsessionmaker(engine)"),
        ("session", "from sqlmodel import create_engine\ncreate_engine(url)"),
        ("handler", "refund_sale.handler(ctx, data)"),
        ("float", "RATE = 0.2"),
        ("float", "float(amount)"),
        ("float", "def rate() -> float: ..."),
        ("system-session", "from primepos.core.db import system_session"),
        ("system-session", "import primepos.core.db as db\ndb.system_session(reason='x')"),
        ("suppression", "x = 1  # noqa"),
        ("suppression", "x = 1  # noqa: E501"),
        ("suppression", "x = 1  # type: ignore"),
        ("suppression", "x = 1  # type: ignore[arg-type]"),
        ("suppression", "x = 1  # pragma: no cover"),
        ("unfinished", "# TODO: later\nx = 1"),
        ("unfinished", "def later():\n    raise NotImplementedError"),
        ("unfinished", "def later():\n    raise NotImplementedError('soon')"),
    ],
)
def test_a_broken_rule_is_found(rule, source):
    assert rules_broken(source) == [rule]


@pytest.mark.parametrize(
    "source",
    [
        "note.text('hello')",
        "rows.insert(0, row)",
        "from textual.widgets import Input\nInput().insert('x')",
        "from sqlalchemy import Index, text\nIndex('i', postgresql_where=text('void_of IS NOT NULL'))",
        "from sqlalchemy import text\nField(sa_column_kwargs={'server_default': text('0')})",
        "from collections import Session\nSession()",
        "logging.handlers = []",
        "if isinstance(amount, float): raise TypeError",
        "RATE = Decimal('0.2')",
        "x = 1  # noqa: E501 - the line is a vector from the standard",
        "x = 1  # type: ignore[arg-type]  # the stub is wrong",
        "raise ValueError('XXX is the currency of no currency')",
    ],
)
def test_what_only_looks_alike_is_not_found(source):
    assert rules_broken(source) == []


def test_a_float_is_fine_far_from_money():
    assert rules_broken("timeout_s = 0.5", "primepos/tui/base.py") == []


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        ("commit", "primepos/core/db.py", "session.commit()"),
        ("handler", "primepos/core/operations.py", "operation.handler(ctx, data)"),
        ("system-session", "primepos/domain/tenancy/service.py", "from primepos.core.db import system_session"),
        ("system-session", "primepos/worker.py", "from primepos.core.db import system_session"),
    ],
)
def test_the_one_place_of_a_thing_is_exempt(rule, path, source):
    assert rules_broken(source, path) == []
    assert rules_broken(source) == [rule]


@pytest.mark.parametrize(
    ("source", "broken"),
    [
        ("@operation('sales.book', permission=Permission.SALE_BOOK)\ndef book(ctx, data): ...", []),
        ("@operations.operation('sales.book', permission=P)\ndef book(ctx, data): ...", []),
        ("def _rows(ctx): ...", []),
        ("def book(ctx, data): ...", ["service"]),
        ("@operation('sales.book')\ndef book(ctx, data): ...", ["service"]),
        ("@cache\ndef book(ctx, data): ...", ["service"]),
    ],
)
def test_a_service_holds_operations_only(source, broken):
    assert rules_broken(source, "primepos/domain/sales/service.py") == broken
    assert rules_broken(source, "primepos/domain/sales/queries.py") == []


@pytest.mark.parametrize("name", ["utils", "helpers", "manager", "common"])
def test_a_module_must_be_named_for_what_it_holds(name):
    assert rules_broken("", f"primepos/core/{name}.py") == ["name"]
    assert rules_broken("", f"primepos/{name}/amounts.py") == ["name"]


@pytest.mark.parametrize(
    "source",
    [
        "# house: allow commit because the journal is SQLite\nconnection.commit()",
        "connection.commit()  # house: allow commit because the journal is SQLite",
    ],
)
def test_an_allowance_with_a_reason_is_accepted(source):
    assert rules_broken(source) == []


@pytest.mark.parametrize(
    "comment",
    [
        "# house: allow commit",
        "# house: allow commit because needed",
        "# house: allow float because the journal is SQLite",
    ],
)
def test_an_allowance_without_reason_or_for_another_rule_does_not_help(comment):
    assert sorted(rules_broken(f"connection.commit()  {comment}")) == ["allow", "commit"]


def test_an_allowance_that_nothing_needs_is_found():
    assert rules_broken("x = 1  # house: allow commit because the journal is SQLite") == ["allow"]


def test_an_allowance_reaches_the_next_line_and_no_further():
    source = "# house: allow commit because the journal is SQLite\na.commit()\nb.commit()"
    assert check_source(source, ANYWHERE) == [Violation(ANYWHERE, 3, "commit")]


def test_a_violation_reads_like_a_compiler_message():
    text = str(Violation("primepos/core/ids.py", 7, "float"))
    assert text == f"primepos/core/ids.py:7: float: {RULES['float']}"


def test_every_place_named_belongs_to_a_known_rule():
    assert {*EXEMPT, *ONLY} <= set(RULES)
