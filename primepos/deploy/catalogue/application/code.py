"""What the code and the files beside it must not hold."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from primepos.deploy.check import HIGH, MEDIUM, Outcome, Place, check, failed, not_applicable, passed
from primepos.deploy.shown import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from primepos.deploy.target import Target

# Statements put together from what the scan cannot follow, read by a person: the function, and why it is safe.
REVIEWED: Final[Mapping[str, str]] = {
    "primepos/adapters/backup/filling.py:_give_back": "kinds and quoted names, as the catalogue gives them",
    "primepos/adapters/backup/snapshot.py:_open_sequences": "names as the catalogue gives them, quoted by it",
    "primepos/core/embedded/provision.py:reset_superuser_password": "a password made a line above, of URL-safe letters",
    "primepos/core/models.py:json_column": "the default of a column, written in the model; part of the schema",
    "primepos/deploy/catalogue/database/rows.py:books_hold": "the same questions, asked by the gate",
    "primepos/domain/customers/standing.py:open_holds": "questions that the features' models register at import",
    "primepos/domain/exporting/datasets.py:_of_variant": "names written in the same module, put together at import",
    "primepos/domain/exporting/queries.py:_statement": "columns of the datasets, constants; values are Literals",
    "primepos/domain/exporting/queries.py:compare": "keys of the datasets, constants; values are Literals",
    "primepos/domain/moving/queries.py:count_rows": "names of tables, as the models give them",
    "primepos/domain/moving/queries.py:erase_everything": "names of tables and columns, as the models give them",
    "primepos/domain/moving/tables.py:reading": "names of tables and columns, as the models give them",
    "primepos/domain/moving/tables.py:writing": "names of tables and columns, as the models give them",
    "primepos/domain/ops/books.py:failed_checks": "the auditor's questions, constants of the module beside it",
}
# Migrations write SQL for a living: their texts are the program's own, run by the owner before there is a tenant.
MIGRATIONS: Final = "primepos/adapters/migration"

_KEY_FILES: Final = ("*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_ed25519*", ".env", ".env.*", "*.env", ".pgpass")
_NO_SECRET: Final = frozenset({".env.example", "frontend.env"})
_OTHERS: Final = stat.S_IRWXO


@check(
    "SEC028",
    HIGH,
    rule="no SQL is put together from values outside migrations",
    remedy="pass values as parameters; names come from a list in the code, or through psycopg.sql.Identifier",
    anchor="Brakeman SQL",
)
def sql_is_not_built_from_values(_target: Target) -> Outcome:
    """Scan the package's syntax trees; what a person has reviewed is on the list above."""
    from primepos.deploy.source_scan import package_sources
    from primepos.deploy.sql_scan import package_sql

    found = [
        one
        for one in package_sql()
        if not one.path.startswith(MIGRATIONS) and f"{one.path}:{one.function}" not in REVIEWED
    ]
    if found:
        return failed(listed([f"{one.place}: {one.what}" for one in found]), *(one.place for one in found))
    return passed(f"{len(package_sources())} modules scanned; {len(REVIEWED)} functions reviewed by hand")


@check(
    "SEC029",
    MEDIUM,
    rule="files with keys can be read by their owner only, not by everybody on the machine",
    remedy="chmod 600 FILE",
    anchor="Enlightn FilePermissions",
)
def key_files_are_private(target: Target) -> Outcome:
    """Look at the permissions of every file that holds keys: settings, certificates' keys, the data directory's."""
    if os.name != "posix":
        return not_applicable("permissions of files are not told by mode here")
    seen, wrong = 0, []
    for path in sorted(set(_key_files(target))):
        seen += 1
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            wrong.append((path, mode))
    if wrong:
        places = [Place(_relative(path, target.root)) for path, _ in wrong]
        return failed(listed([f"{_relative(path, target.root)} has mode {mode:04o}" for path, mode in wrong]), *places)
    return passed(f"{seen} files with keys, none open to everybody")


def _key_files(target: Target) -> Iterator[Path]:
    if target.env_file is not None and target.env_file.is_file():
        yield target.env_file
    folders = [target.root, target.root / "deploy"]
    data = target.examination.values.get("PRIMEPOS_DATA_DIR")
    if isinstance(data, Path):
        folders.append(data)
    for folder in folders:
        for pattern in _KEY_FILES:
            for path in folder.glob(pattern):
                if path.is_file() and path.name not in _NO_SECRET and path != target.frontend_env:
                    yield path


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.name
