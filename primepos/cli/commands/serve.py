"""``primepos serve``: the HTTP API."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import to_json
from primepos.cli.session import open_app

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "primepos serve",
        "primepos serve --port 0 --json            a free port, and the URL as JSON",
        "primepos serve --workers 4                on a machine with four cores",
        "primepos serve --with-worker              API and background jobs in one process",
    )
)
def serve(
    *,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on, instead of HOST.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on, instead of PORT; 0 takes any.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=64, help="Processes, instead of WEB_CONCURRENCY.")
    ] = None,
    with_worker: Annotated[bool, typer.Option("--with-worker", help="Run background jobs here too.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C.

    The environment is checked first: if it is not fit, every problem is listed and nothing starts (exit code 78).
    The URL is printed as one line on stdout, log lines go to stderr.
    """
    prime = open_app(env_file, component="serve")
    settings = prime.settings

    def announce(url: str) -> None:
        typer.echo(to_json({"url": url}) if as_json else f"PrimePOS API on {url}")

    # By name: loading it takes the whole HTTP stack, and one face does not import another.
    import_module("primepos.api.serving").serve(
        prime,
        host=host or settings.host,
        port=settings.port if port is None else port,
        processes=workers or settings.web_concurrency,
        with_worker=with_worker,
        env_file=env_file,
        announce=announce,
    )
