"""Statements without what somebody put into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.core.sql_text import without_literals

CANARY = "canary"


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("SELECT 1", "SELECT ?"),
        ("SELECT a.b1 FROM t2 WHERE x = 'o''clock' AND y=-1.5e3", "SELECT a.b1 FROM t2 WHERE x = ? AND y=-?"),
        ('SELECT * FROM "Odd name 7" WHERE id = $1 LIMIT $2', 'SELECT * FROM "Odd name 7" WHERE id = $1 LIMIT $2'),
        ("SELECT %s, %(name)s", "SELECT %s, %(name)s"),
        (r"SELECT E'it\'s canary', 'x'", "SELECT ?, ?"),
        ("SELECT U&'canary', B'101', x'ff', N'canary'", "SELECT ?, ?, ?, ?"),
        ("SELECT $$canary 'x' $$, $tag$ canary $$ $tag$", "SELECT ?, ?"),
        ("SELECT /* canary */ 1 -- canary\n FROM t", "SELECT ? FROM t"),
        ("SELECT 'cut off canar", "SELECT ?"),
        ("SELECT $q$ cut off canar", "SELECT ?"),
        ("SELECT 1 /* cut off canar", "SELECT ?"),
        ("WHERE id IN (1, 2, 3, 'x')", "WHERE id IN (?, ...)"),
        ("SET LOCAL app.tenant = '12'; COPY t FROM STDIN", "SET LOCAL app.tenant = ?; COPY t FROM STDIN"),
        ("SELECT 0x1F, 1_000, .5, 12abc", "SELECT ?, ?, ?, ?"),
    ],
)
def test_literals_become_question_marks(given_, shown):
    assert without_literals(given_) == shown
    assert CANARY[:5] not in without_literals(given_)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00")))
def test_no_quoted_text_survives(text):
    quoted = text.replace("'", "''")
    shown = without_literals(f"SELECT a FROM t WHERE b = '{quoted}' AND c = $1")
    assert shown == "SELECT a FROM t WHERE b = ? AND c = $1"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("unit", ["'", "$a$", "/*", '"', "e'", "1", "(?,", "--", "$"])
def test_no_statement_makes_it_run_away(unit):
    without_literals(unit * 20_000)
