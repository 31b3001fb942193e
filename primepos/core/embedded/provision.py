"""Making a cluster: initdb, the owner role, and new passwords when the old ones are lost."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from typing import TYPE_CHECKING

from primepos.core.embedded.connect import OWNER, SUPERUSER, connected
from primepos.core.embedded.errors import EmbeddedPostgresFailed
from primepos.core.embedded.postmaster import run_as

if TYPE_CHECKING:
    from pathlib import Path

    from primepos.core.embedded.binaries import Binaries
    from primepos.core.embedded.place import Place

_BUILTIN_LOCALE_SINCE = 17

#: Written once into postgresql.conf, which is the operator's from then on.
INITIAL_SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "jit": "off",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%u.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def _locale_options(major: int) -> list[list[str]]:
    """What to ask initdb for, best first: UTF-8 that sorts by code point, alike on every machine."""
    if major >= _BUILTIN_LOCALE_SINCE:
        return [["--locale-provider=builtin", "--locale=C.UTF-8"]]
    # Before 17 the C library must know the name; not every one does.
    return [["--locale-provider=libc", f"--locale={name}"] for name in ("C.UTF-8", "C")]


def create_pgdata(binaries: Binaries, place: Place, *, is_durable: bool, target: Path | None = None) -> None:
    """Run initdb in a staging directory and move the result into place in one step: a half-made cluster never counts.

    The place is ``target``, or the cluster's own.

    Raises:
        EmbeddedPostgresFailed: initdb failed; its output is in the error's ``log``.
    """
    staging = place.staging
    output = ""
    for locale in _locale_options(binaries.version_major):
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        fresh, password_file = staging / "pgdata", staging / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(superuser_password(place), encoding="utf-8")
        _give(place, staging, password_file)
        result = run_as(
            [binaries.tool("initdb"), "-D", fresh, "-U", SUPERUSER, f"--pwfile={password_file}", "--encoding=UTF8",
             "--auth=scram-sha-256", "--data-checksums", "--no-instructions", *locale,
             *([] if is_durable else ["--no-sync"])],
            place.account,
        )  # fmt: skip
        if result.returncode == 0:
            _append_settings(fresh / "postgresql.conf")
            fresh.rename(target or place.pgdata)
            shutil.rmtree(staging)
            return
        output = result.stdout
    shutil.rmtree(staging, ignore_errors=True)
    raise EmbeddedPostgresFailed(data_dir=str(place.pgdata), what="could not be created by initdb", log=output)


def _give(place: Place, *paths: Path) -> None:
    if sys.platform != "win32" and place.account is not None:
        for path in paths:
            os.chown(path, place.account.uid, place.account.gid, follow_symlinks=False)


def _append_settings(conf: Path) -> None:
    lines = "".join(f"{name} = '{value}'\n" for name, value in INITIAL_SETTINGS.items())
    descriptor = os.open(conf, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"\n# PrimePOS's choices at initdb; yours to change.\n{lines}")


def superuser_password(place: Place) -> str:
    """The superuser's password, made and stored when there is none."""
    if not place.superuser_password_file.is_file():
        place.write(place.superuser_password_file, secrets.token_urlsafe(24))
    return place.superuser_password_file.read_text(encoding="utf-8")


def reset_superuser_password(binaries: Binaries, place: Place) -> None:
    """Give the superuser of a stopped cluster a new password, since the file with the old one is gone.

    Raises:
        EmbeddedPostgresFailed: the server could not run in single-user mode.
    """
    password = secrets.token_urlsafe(24)
    result = run_as(
        [binaries.tool("postgres"), "--single", "-D", place.pgdata, "-c", "logging_collector=off", "postgres"],
        place.account,
        f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n",
    )
    if result.returncode != 0 or "ERROR" in result.stdout:
        raise EmbeddedPostgresFailed(
            data_dir=str(place.pgdata), what="could not be given a new superuser password", log=result.stdout
        )
    place.write(place.superuser_password_file, password)


def ensure_owner(place: Place, port: int) -> str:
    """The owner role's password; the role is created, or given a new password, when its file is missing.

    The owner may log in and create roles and databases, nothing more. It does not inherit: before PostgreSQL 16 that is
    the only way to hold the application's roles without having their rights all the time. Since on 15 a role that does
    not inherit has no use of pg_database_owner either, the schema public of new databases is made its own.
    """
    from psycopg import sql

    file = place.owner_password_file
    if file.is_file():
        return file.read_text(encoding="utf-8")
    password = secrets.token_urlsafe(24)
    role = sql.Identifier(OWNER)
    with connected(port, SUPERUSER, superuser_password(place), "template1") as connection:
        # The password's file must never outlive the role, in a cluster that trades safety for speed neither.
        connection.execute("SET synchronous_commit = on")
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone()
        # The verifier is computed here, so that the password itself never reaches the server or its log.
        verifier = connection.pgconn.encrypt_password(password.encode(), OWNER.encode(), b"scram-sha-256").decode()
        connection.execute(
            sql.SQL(
                "{verb} ROLE {role} LOGIN CREATEROLE CREATEDB NOSUPERUSER NOBYPASSRLS NOREPLICATION NOINHERIT"
                " PASSWORD {verifier}"
            ).format(verb=sql.SQL("ALTER" if exists else "CREATE"), role=role, verifier=sql.Literal(verifier))
        )
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {role}").format(role=role))
    place.write(file, password)
    return password
