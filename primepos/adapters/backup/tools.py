"""PostgreSQL's client programs: which one speaks with which server, and how it is told the password unseen."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from primepos.adapters.backup.errors import BackupToolMissing
from primepos.core.embedded.binaries import client_dirs
from primepos.core.embedded.postmaster import server_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

Program = Literal["pg_dump", "pg_restore", "psql"]

_EXE = ".exe" if sys.platform == "win32" else ""
_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)\S*)")


@dataclass(frozen=True, slots=True)
class Tool:
    """One program, and the release of PostgreSQL it is of."""

    path: Path
    version: str

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.partition(".")[0])


def major_of(version: str) -> int:
    """Return the major of a version such as ``18.4`` or ``16beta1``."""
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0


def find_tool(program: Program, major: int, named: Path | None, *, least: int = 0) -> Tool:
    """Return a program for a server of this major version: of the same one, else of the next newer.

    A newer pg_dump reads an older server, never the other way round. ``named`` (PRIMEPOS_PG_BIN) is used or refused,
    never passed over. ``least`` asks for at least that version, whatever the server's.

    Raises:
        BackupToolMissing: there is none, or the one named is too old.
    """
    wanted = max(major, least)
    folders = [named] if named is not None else list(client_dirs())
    found = [tool for folder in folders if (tool := _inspect(folder / f"{program}{_EXE}")) is not None]
    fitting = [tool for tool in found if tool.major >= wanted]
    if not fitting:
        looked = ", ".join(f"{tool.path} ({tool.version})" for tool in found) or ", ".join(str(f) for f in folders)
        raise BackupToolMissing(program=program, major=wanted, looked=looked or "the usual places")
    return min(fitting, key=lambda tool: tool.major)


def _inspect(path: Path) -> Tool | None:
    if not path.is_file():
        return None
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(answer.stdout)
    return None if match is None else Tool(path.absolute(), match[1])


@contextlib.contextmanager
def login(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give ``--dbname`` and the environment by which a program logs in at ``url``.

    The password is in neither: both can be read by others on the machine. It is in a file of mode 0600 that is there
    for the length of the block.
    """
    parts: dict[str, Any] = dict(conninfo_to_dict(url))
    password = parts.pop("password", None)
    parts.setdefault("connect_timeout", "10")
    environment = server_environment()
    with tempfile.TemporaryDirectory(prefix="primepos-") as home:
        if password is not None:
            file = Path(home) / "pgpass"
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write("*:*:*:*:" + str(password).replace("\\", "\\\\").replace(":", "\\:") + "\n")
            environment["PGPASSFILE"] = str(file)
        yield make_conninfo(**parts), environment


def said(stderr: bytes) -> str:
    """Return the gist of what a program complained of, for an error: its first lines, not its whole log."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return " / ".join(lines[:3])[:600] or "it said nothing"
