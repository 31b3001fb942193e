"""docs/features.md promises nothing that is not there: operations and tests it names exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from primepos.api.app import endpoints
from primepos.core.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "features.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.split("## Ten")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| capability", "| **"))
]


def test_the_page_is_read() -> None:
    assert endpoints is not None, "which declares every operation"
    assert len(ROWS) > 80
    assert {row[1] for row in ROWS} == {"Y", "P", "N"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_holds_what_it_says(row: list[str]) -> None:
    capability, stands, where, shown = row
    named = re.findall(r"`([a-z]+\.[a-z_]+)`", where)
    assert [each for each in named if each not in OPERATIONS] == []
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", shown)
    for file, name in tests:
        functions = {
            node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)
        }
        assert name in functions, f"{capability}: {file} has no {name}"
    if stands == "Y":
        assert tests, f"{capability} is shown by no test"
        assert where, f"{capability} says not where"
    else:
        assert shown, f"{capability} has no reason"
