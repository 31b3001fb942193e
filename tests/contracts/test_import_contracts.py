"""Never-rules 1-8: each import contract of pyproject.toml breaks when it should, tried on a skeleton of the tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
FEATURES = (
    "ops reporting importing provisioning fiscal returns sales cash payments inventory catalog staff outlets accounts"
    " tenancy audit jobs".split()
)
MODULES = [
    *(f"domain/{feature}/{name}" for feature in FEATURES for name in ("models", "schemas", "service", "queries")),
    *(
        "core/db",
        "core/models",
        "core/operations",
        "core/amounts",
        "core/errors",
        "pricing/cart",
        "adapters/migrations",
    ),
    *("bootstrap", "remote", "worker", "__main__", "till/engine", "till/delivery", "deploy/gate"),
    *("cli/main", "cli/commands/sales", "tui/till/app", "api/app", "api/routes/sales"),
]


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory):
    """Return a tree with the real names and the imports that the design allows."""
    root = tmp_path_factory.mktemp("skeleton")
    shutil.copy(ROOT / "pyproject.toml", root)
    for module in MODULES:
        file = root / "primepos" / f"{module}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('"""Nothing."""\n')
        for folder in (file.parent, *file.parent.parents):
            if folder == root:
                break
            (folder / "__init__.py").touch()
    allowed = {
        "__main__": "primepos.cli.main",
        "cli/commands/sales": "primepos.domain.sales.service, primepos.bootstrap, typer",
        "api/app": "primepos.domain.sales.service, litestar",
        "bootstrap": "primepos.domain.sales.service, primepos.core.db, primepos.domain.audit.queries",
        "domain/sales/service": "primepos.domain.inventory.queries, primepos.domain.sales.queries",
        "domain/sales/queries": "primepos.core.db, primepos.domain.sales.models, primepos.pricing.cart, sqlalchemy",
        "core/db": "sqlalchemy, primepos.core.errors",
    }
    for module, targets in allowed.items():
        (root / "primepos" / f"{module}.py").write_text(f"import {targets}\n")
    return root


def broken(root: Path) -> set[str]:
    """Return the ids of the contracts that do not hold in a tree."""
    script = Path(sysconfig.get_path("scripts")) / "lint-imports"
    answer = subprocess.run(
        [sys.executable, script, "--no-cache", "--no-logo"], cwd=root, capture_output=True, text=True, check=False
    )
    verdicts = dict(re.findall(r"^(\d\. .*) (KEPT|BROKEN)", answer.stdout, re.MULTILINE))
    assert set(verdicts) == set(CONTRACTS.values()), answer.stdout + answer.stderr
    return {identifier for identifier, name in CONTRACTS.items() if verdicts[name] == "BROKEN"}


def test_the_tree_of_the_design_keeps_every_contract(skeleton):
    assert broken(skeleton) == set()


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("floors", "core/errors", "import primepos.adapters.migrations"),
        ("floors", "pricing/cart", "import primepos.domain.sales.schemas"),
        ("floors", "till/engine", "import primepos.cli.main"),
        ("floors", "deploy/gate", "import primepos.till.engine"),
        ("floors", "cli/main", "def late():\n    import primepos.tui.till.app"),
        ("floors", "strange", "import primepos.core.errors"),
        ("features", "domain/inventory/queries", "import primepos.domain.sales.queries"),
        ("features", "domain/cash/queries", "import primepos.domain.payments.schemas"),
        ("features", "domain/strange/__init__", ""),
        ("door", "cli/commands/sales", "from primepos.domain.sales import models"),
        ("door", "api/routes/sales", "from primepos.core.db import open_unit"),
        ("door", "tui/till/app", "import primepos.domain.sales.queries"),
        ("services", "domain/sales/schemas", "import primepos.domain.inventory.service"),
        ("services", "domain/sales/queries", "def late():\n    from primepos.domain.inventory import service"),
        ("no-database-in-faces", "cli/main", "import sqlalchemy.orm"),
        ("no-database-in-faces", "tui/till/app", "from sqlmodel import Session"),
        ("no-database-in-faces", "api/app", "import psycopg"),
        ("no-face-below", "domain/sales/schemas", "import typer"),
        ("no-face-below", "till/engine", "from textual.app import App"),
        ("no-face-below", "core/errors", "import rich.console"),
        ("no-sql-in-services", "domain/sales/service", "import sqlalchemy"),
        ("no-cycles", "core/errors", "import primepos.core.db"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(skeleton, tmp_path, contract, module, line):
    tree = tmp_path / "tree"
    shutil.copytree(skeleton, tree)
    file = tree / "primepos" / f"{module}.py"
    file.parent.mkdir(exist_ok=True)
    (file.parent / "__init__.py").touch()
    with file.open("a") as text:
        text.write(f"{line}\n")
    assert contract in broken(tree)
