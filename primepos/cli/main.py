"""The root command, and the edge where every outcome becomes text on stderr and an exit code.

What only a failure needs is imported when it happens: `primepos --help` and completion must stay light.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer

from primepos import __version__
from primepos.cli.exits import ExitCode, exit_code_for
from primepos.cli.lazy import LazyGroup
from primepos.core.errors import InternalError, PrimePOSError

EPILOG = """\b
Examples:
  primepos demo                             a shop to try, nothing to install
  primepos init                             set up your own shop on this machine
  primepos tenants apply -f chain.yaml      provision a chain from one file
  primepos sales list --tenant corner --json
"""

app = typer.Typer(
    name="primepos",
    cls=LazyGroup,
    help="PrimePOS: a point of sale from one terminal window to ten thousand shops.",
    epilog=EPILOG,
    no_args_is_help=True,
    # Rich costs more than all the rest of `--help`; tables load it when they are printed.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"primepos {__version__}")
        raise typer.Exit


def _show_tracebacks(asked: bool) -> None:
    if asked:
        # In the environment, so that processes started by this one follow.
        os.environ["PRIMEPOS_DEBUG"] = "1"


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and leave.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", callback=_show_tracebacks, is_eager=True, help="Show tracebacks of unexpected errors."),
    ] = False,
) -> None:
    """PrimePOS: a point of sale from one terminal window to ten thousand shops."""


def run(cli: typer.Typer, args: Sequence[str]) -> int:
    """Run the command line ``args`` and return the exit code; nothing is raised.

    A refusal is one line on stderr (a JSON object if ``--json`` is among the arguments), never a traceback. An
    unexpected exception is written to the crash log and shown only with ``--debug`` or PRIMEPOS_DEBUG.
    """
    as_json = wants_json(args)
    try:
        result = typer.main.get_command(cli).main(list(args), prog_name="primepos", standalone_mode=False)
        sys.stdout.flush()
    except PrimePOSError as error:
        from primepos.cli.output import print_error

        print_error(error, as_json=as_json)
        return exit_code_for(error.kind)
    except typer.TyperException as error:
        return _refuse_usage(error, as_json=as_json)
    except typer.Abort:
        typer.echo("Aborted.", err=True)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as leaving:
        return _code_of(leaving)
    except Exception as error:  # noqa: BLE001 - the edge: a bug must end as a code and a crash report
        return _report_bug(error, as_json=as_json)
    return result if isinstance(result, int) else ExitCode.OK


def wants_json(args: Sequence[str]) -> bool:
    """Tell whether ``--json`` or ``--format json`` is among the options; what follows ``--`` is no option."""
    options = list(args)
    if "--" in options:
        options = options[: options.index("--")]
    return "--json" in options or "--format=json" in options or ("--format", "json") in pairwise(options)


def _refuse_usage(error: typer.TyperException, *, as_json: bool) -> int:
    if as_json:
        from primepos.cli.output import to_json

        message = error.format_message()
        typer.echo(to_json({"code": "USAGE", "message": message, "data": {}}), err=True)
    else:
        show = getattr(error, "show", None)
        if show is None:
            typer.echo(f"Error: {error.format_message()}", err=True)
        else:
            show()
    return error.exit_code


def _reader_left() -> int:
    # `primepos sales list | head` is no error; the interpreter must not complain while it flushes at the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.FAILED


def _code_of(leaving: SystemExit) -> int:
    if leaving.code is None:
        return ExitCode.OK
    if isinstance(leaving.code, int):
        return leaving.code
    typer.echo(str(leaving.code), err=True)
    return ExitCode.FAILED


def _report_bug(error: Exception, *, as_json: bool) -> int:
    import traceback

    from primepos.cli.output import print_error
    from primepos.core.log import redactor

    trace = redactor().blank("".join(traceback.format_exception(error)))
    _tell_tracker(error)
    hint = f"The details are in {path}." if (path := _write_crash(trace)) else "Run again with --debug to see it."
    if os.environ.get("PRIMEPOS_DEBUG", "") not in {"", "0"}:
        typer.echo(trace, err=True)
    print_error(InternalError("Internal error", hint=hint), as_json=as_json)
    return ExitCode.BUG


def _tell_tracker(error: Exception) -> None:
    """Report a bug where SENTRY_DSN says, also from a command that failed before it had read the settings."""
    from primepos.adapters.telemetry.starting import flush_telemetry, start_telemetry
    from primepos.core.log import report_failure
    from primepos.core.settings import load_settings

    if "primepos.adapters.telemetry.sentry" not in sys.modules:
        try:
            start_telemetry(load_settings(component="cli"))
        except PrimePOSError:
            # The environment is not fit; whoever ran the command sees the bug, and the crash log has it.
            return
    report_failure(error, component="cli")
    flush_telemetry()


def _write_crash(trace: str) -> str | None:
    """Append a traceback to the crash log of this account (mode 0600) and return its path; None if it cannot."""
    from datetime import UTC, datetime

    from platformdirs import user_log_path

    try:
        path = user_log_path("primepos", appauthor=False, ensure_exists=True) / "crash.log"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat()} primepos {__version__}\n{trace}\n")
    except OSError:
        return None
    return str(path)
