"""Which revision the schema is at and which is the newest, without loading Alembic: every start in a shop asks this."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import psycopg
from psycopg import errors as pg_errors

from primepos.adapters.migration_errors import DatabaseUnreachable

_REVISION: Final = re.compile(r'^revision = "(\w+)"', re.MULTILINE)


def script_location() -> Path:
    """Return the directory of the migrations: inside an installed wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def newest() -> str:
    """Return the newest revision this code knows; revisions are numbered in their order."""
    files = (script_location() / "versions").glob("*.py")
    return max(found[1] for file in files if (found := _REVISION.search(file.read_text(encoding="utf-8"))))


def is_current(url: str) -> bool:
    """Tell whether the database at ``url`` (the owner's) is at the newest revision. Raises DatabaseUnreachable."""
    try:
        with psycopg.connect(url, connect_timeout=10, application_name="primepos") as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except pg_errors.UndefinedTable:
        return False
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(problem=str(error).strip().splitlines()[0][:300]) from error
    return row is not None and row[0] == newest()
