"""Connections of the launcher itself: asking who answers on a port, and administration."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import quote

from primepos.core.embedded.postmaster import parent_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

HOST = "127.0.0.1"
#: Has every right and bypasses row-level security: for the launcher and the operator only.
SUPERUSER = "postgres"
#: Owns the databases. Neither superuser nor BYPASSRLS, like the role a managed host gives.
OWNER = "primepos_owner"

_CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True)
class Answer:
    """A server that proved to serve the data directory asked about."""

    port: int
    version_major: int
    is_durable: bool
    postmaster_pid: int | None


@dataclass(frozen=True)
class Silence:
    """Why nobody who serves the data directory answered; ``is_refused`` when a server there rejected our password."""

    why: str
    is_refused: bool = False


def url(port: int, role: str, password: str, dbname: str) -> str:
    """A libpq URL on the loopback address."""
    return f"postgresql://{quote(role, safe='')}:{quote(password, safe='')}@{HOST}:{port}/{quote(dbname, safe='')}"


@contextlib.contextmanager
def connected(
    port: int, role: str, password: str, dbname: str = "postgres"
) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """An autocommit connection for the block, closed after it.

    Every setting that PG* variables of the environment could bend is given. Where libpq can, it insists on SCRAM, by
    which the server proves to know our password too: a stranger on our port learns nothing and cannot pose as ours.
    """
    import psycopg

    insist: dict[str, Any] = {"require_auth": "scram-sha-256"} if psycopg.pq.version() >= 160000 else {}
    with psycopg.connect(
        host=HOST,
        hostaddr=HOST,
        port=port,
        user=role,
        password=password,
        dbname=dbname,
        autocommit=True,
        connect_timeout=_CONNECT_TIMEOUT_S,
        sslmode="disable",
        gssencmode="disable",
        channel_binding="disable",
        target_session_attrs="any",
        client_encoding="utf8",
        application_name="primepos launcher",
        options="-c client_min_messages=warning",
        **insist,
    ) as connection:
        yield connection


def ask(port: int, password: str, pgdata: Path) -> Answer | Silence:
    """Ask the server on ``port`` whether it serves ``pgdata``; the only proof of life that counts."""
    import psycopg

    question: LiteralString = (
        "SELECT current_setting('data_directory'), current_setting('server_version_num')::int / 10000,"
        " current_setting('fsync')::bool, pg_backend_pid()"
    )
    try:
        with connected(port, SUPERUSER, password) as connection:
            row = connection.execute(question).fetchone()
            assert row is not None  # noqa: S101 - a SELECT without FROM has one row
            directory, major, is_durable, backend = row
            postmaster = parent_of(backend)
    except psycopg.Error as error:
        why = str(error).strip()
        return Silence(why, is_refused="password authentication failed" in why)
    with contextlib.suppress(OSError):
        if Path(directory).samefile(pgdata):
            return Answer(port, major, is_durable, postmaster)
    return Silence(f"port {port} belongs to another server, of {directory}")
