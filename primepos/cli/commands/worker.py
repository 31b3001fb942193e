"""``primepos worker``: run background jobs."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from primepos.cli import session
from primepos.cli.options import EnvFileOption, examples

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "primepos worker                       run jobs until told to stop",
        "primepos worker --once                run what is waiting, then leave",
        "primepos worker --no-listen           behind a pooler in transaction mode",
    )
)
def worker(
    *,
    once: Annotated[bool, typer.Option("--once", help="Leave when the queue is empty.")] = False,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=64, help="Jobs at the same time.")] = 2,
    listen: Annotated[
        bool,
        typer.Option(
            "--listen/--no-listen", help="Hear of new jobs at once (needs a direct connection), or ask every 5 seconds."
        ),
    ] = True,
    env_file: EnvFileOption = None,
) -> None:
    """Run background jobs, such as the summaries of closed days.

    SIGTERM and Ctrl-C let running jobs finish, for at most half a minute. A job that fails for a passing reason is
    tried again, at growing intervals; a job whose worker died is taken over by the next one. Any number of workers may
    run at once.
    """
    # By name: the faces stand side by side and know nothing of each other.
    run_worker = import_module("primepos.worker").run_worker
    from primepos.adapters.backup.keeper import keeper

    application = session.open_app(env_file, component="worker")
    with keeper(application.settings, application.clock, env_file=env_file):
        run_worker(application, concurrency=concurrency, listen=listen, once=once)
