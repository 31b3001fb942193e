"""``primepos db``: the embedded PostgreSQL of this data directory."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from primepos import bootstrap
from primepos.cli.options import EnvFileOption, JsonFlag, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import NotFound, RuleViolation
from primepos.core.settings import load_settings

if TYPE_CHECKING:
    from primepos.core.embedded import Cluster

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Start, stop and look at the embedded PostgreSQL.",
)


class NotEmbedded(RuleViolation):
    """DATABASE_URL names a server of its own: there is nothing embedded to look after."""

    code = "NOT_EMBEDDED"
    template = "DATABASE_URL names another server; the embedded one is not used"


class PsqlMissing(NotFound):
    """The server programs in use come without psql."""

    code = "PSQL_MISSING"
    template = "There is no psql beside the server programs in {where}, nor on the path"


@app.command(epilog=examples("primepos db start", "primepos db start --json"))
def start(*, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Start the server, creating the database at first; it runs until `db stop`, or until the machine does."""
    cluster = _cluster(env_file)
    info = cluster.ensure_running()
    cluster.create_database(bootstrap.EMBEDDED_DATABASE)
    if as_json:
        emit({**_status(cluster), "was_started": info.was_started}, as_json=True)
    else:
        note(f"PostgreSQL {info.version_major} {'started' if info.was_started else 'was running'} on port {info.port}.")


@app.command(epilog=examples("primepos db stop", "primepos db stop --yes --json"))
def stop(*, yes: YesFlag = False, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Stop the server in good order. Programs that use it lose their connections; a till goes on by its journal."""
    cluster = _cluster(env_file)
    found = cluster.status()
    if found.state == "running" and found.has_users:
        confirm_destruction("Other programs are using this database.", yes)
    was_running = cluster.stop()
    if as_json:
        emit({**_status(cluster), "was_running": was_running}, as_json=True)
    else:
        note("Stopped." if was_running else "It was not running.")


@app.command(epilog=examples("primepos db status", "primepos db status --json | jq .port"))
def status(*, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Say whether the server runs, where its files are and whether somebody uses it; nothing is started."""
    emit(_status(_cluster(env_file)), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos db upgrade",
        "primepos db upgrade --from /usr/lib/postgresql/15/bin --json",
        "primepos db upgrade --discard-old --yes",
    )
)
def upgrade(
    *,
    old: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="The old version's programs; found if installed.",
        ),
    ] = None,
    discard_old: Annotated[
        bool, typer.Option("--discard-old", help="Instead delete the data that earlier upgrades left.")
    ] = False,
    yes: YesFlag = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Move the data to the major version of PostgreSQL that is installed now, with pg_upgrade.

    The old data are kept beside the new ones until --discard-old, and stay in use if anything fails. Nobody may be
    using the server. Killed half-way, it is either finished by the next start or begun again by the next upgrade.
    """
    from primepos.core.embedded import find_binaries

    cluster = _cluster(env_file)
    if discard_old:
        confirm_destruction("This deletes the data of older versions of PostgreSQL for good.", yes)
        gone = [str(each) for each in cluster.discard_old()]
        emit({"discarded": gone}, as_json=True) if as_json else note(
            f"Deleted {', '.join(gone)}." if gone else "There was nothing to delete."
        )
        return
    done = cluster.upgrade(None if old is None else find_binaries(old))
    if as_json:
        told = None if done is None else {"from": done.from_major, "to": done.to_major, "old_data": str(done.old_data)}
        emit({**_status(cluster), "upgraded": told}, as_json=True)
    elif done is None:
        note("Nothing to do: the data are of the installed version.")
    else:
        note(
            f"PostgreSQL {done.from_major} became {done.to_major}. The old data are in {done.old_data}; when all is"
            " well, `primepos db upgrade --discard-old` deletes them."
        )


@app.command(
    epilog=examples("primepos db psql", "primepos db psql -- -c 'SELECT count(*) FROM sales'"),
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def psql(
    context: typer.Context,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="As the superuser, who sees past row-level security.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Open psql in the embedded database; what follows `--` is passed on to it.

    As the owner one sees the tables and, behind row-level security, no tenant's rows. With --json the connection is
    printed instead of opened, password included.
    """
    cluster = _cluster(env_file)
    cluster.ensure_running()
    cluster.create_database(bootstrap.EMBEDDED_DATABASE)
    name = bootstrap.EMBEDDED_DATABASE
    url = cluster.admin_url(name) if admin else cluster.owner_url(name)
    if as_json:
        emit({"url": url}, as_json=True)
        return
    finished = subprocess.run([_psql(cluster), *context.args], env={**os.environ, **_libpq(url)}, check=False)
    raise typer.Exit(finished.returncode)


def _cluster(env_file: Path | None) -> Cluster:
    settings = load_settings(env_file=env_file, component="migrate")
    if not settings.uses_embedded_database:
        raise NotEmbedded
    return bootstrap.embedded_cluster(settings)


def _status(cluster: Cluster) -> dict[str, Any]:
    found = cluster.status()
    return {
        "state": found.state,
        "port": found.port,
        "version_major": found.data_major,
        "data_dir": str(cluster.data_dir),
        "pgdata": None if found.pgdata is None else str(found.pgdata),
        "has_users": found.has_users,
    }


def _psql(cluster: Cluster) -> str:
    import shutil

    beside = cluster.binaries.psql_path
    found = str(beside) if beside.is_file() else shutil.which("psql")
    if found is None:
        raise PsqlMissing(where=str(cluster.binaries.bin_dir))
    return found


def _libpq(url: str) -> dict[str, str]:
    """Return a connection as libpq's variables: on a command line the password would be seen by every account."""
    from primepos.core.database_url import parse_database_url

    address = parse_database_url(url)
    return {
        "PGHOST": address.host,
        "PGPORT": str(address.port),
        "PGUSER": address.user,
        "PGPASSWORD": address.password.reveal(),
        "PGDATABASE": address.name,
    }
