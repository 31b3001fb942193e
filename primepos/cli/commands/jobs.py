"""``primepos jobs``: look into the queue, and run what is to be done every night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from primepos.cli import session
from primepos.cli.exits import ExitCode
from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import emit, note

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Look after background and nightly jobs."
)

NumberArgument = Annotated[int, typer.Argument(min=1, metavar="NUMBER", help="The job's number, as `jobs list` shows.")]
_COLUMNS = ("number", "task", "tenant", "status", "attempts", "at", "scheduled_at")


@app.callback()
def jobs() -> None:
    """Look after background and nightly jobs."""


@app.command(
    name="list",
    epilog=examples(
        "primepos jobs list",
        "primepos jobs list --status failed --json",
        "primepos jobs list --nightly                when each nightly job last went well",
    ),
)
def list_(
    *,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="todo, doing, failed, cancelled or aborted.")
    ] = None,
    task: Annotated[str | None, typer.Option(metavar="NAME", help="Only jobs of this kind.")] = None,
    after: Annotated[int | None, typer.Option(min=1, help="Go on below this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most this many.")] = 50,
    nightly_: Annotated[bool, typer.Option("--nightly", help="The nightly jobs instead of the queue.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the jobs in the queue, newest first. Jobs that succeeded have left it."""
    if nightly_:
        from primepos.cli.chores import CHORES
        from primepos.domain.jobs.nightly import states

        emit(states(session.open_app(env_file, component="jobs"), CHORES), as_json=as_json)
        return
    from primepos.domain.jobs.service import list_jobs

    asked = {"status": status, "task": task, "after": after, "limit": limit}
    page = session.run_in_system(list_jobs, asked, env_file=env_file)
    if as_json:
        emit(page, as_json=True)
        return
    emit(page.items, as_json=False, columns=_COLUMNS)
    if page.next is not None:
        note(f"There are more: --after {page.next}")


@app.command(epilog=examples("primepos jobs retry 4711"))
def retry(number: NumberArgument, *, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Put a failed job back into the queue; a worker takes it at once."""
    from primepos.domain.jobs.service import retry_job

    emit(session.run_in_system(retry_job, {"number": number}, env_file=env_file), as_json=as_json)


@app.command(epilog=examples("primepos jobs cancel 4711"))
def cancel(number: NumberArgument, *, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Take a waiting job out of the queue for good."""
    from primepos.domain.jobs.service import cancel_job

    emit(session.run_in_system(cancel_job, {"number": number}, env_file=env_file), as_json=as_json)


@app.command(epilog=examples("primepos jobs run backup", "primepos jobs run summaries sessions"))
def run(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names of nightly jobs: `jobs list --nightly`.")
    ],
    *,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Run some of the nightly jobs now. Exit code 1 when one of them failed."""
    _run(names, env_file, as_json=as_json)


@app.command(epilog=examples("primepos jobs nightly", "primepos jobs nightly --json | jq '.[] | select(.code)'"))
def nightly(*, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Run all nightly jobs, one after the other: what cron calls once a night.

    One process at a time. A job that fails does not keep the others from running; the exit code is 1 then. Run twice,
    the second run finds little to do. `jobs list --nightly` shows when each last went well.
    """
    _run((), env_file, as_json=as_json)


def _run(names: Sequence[str], env_file: Path | None, *, as_json: bool) -> None:
    from primepos.cli.chores import CHORES
    from primepos.domain.jobs.nightly import run_chores

    ended = run_chores(session.open_app(env_file, component="jobs"), CHORES, names)
    if as_json:
        emit(ended, as_json=True)
    else:
        emit(ended, as_json=False, columns=("name", "outcome", "did", "took_ms", "problem"))
    if any(each.outcome == "failed" for each in ended):
        raise typer.Exit(ExitCode.FAILED)
