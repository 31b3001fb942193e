"""``primepos till``: the till at this terminal, or a recorded shift played through it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from primepos.cli.exits import ExitCode
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, examples
from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from primepos.core.operations import App
    from primepos.domain.payments.terminal import CardTerminal
    from primepos.till.till import Till

_MOST_SCRIPT_BYTES = 4 * 1024 * 1024

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "primepos till                                      the only till of the only shop",
        "primepos till --tenant corner --outlet main --register till-1",
        "primepos till --terminal simulator                 card payments that can be declined, late or lost",
        "primepos till --script saturday.till               play a recorded shift, print receipt and Z",
        "primepos till --keys                               the card of keys, to print and pin up",
        "primepos till --unsent --json                      what this till has not delivered, and why",
        "primepos till --send                               deliver it now, what was refused included",
    )
)
def till(
    *,
    tenant: TenantOption = None,
    outlet: Annotated[str | None, typer.Option(metavar="CODE", help="The outlet, if there are several.")] = None,
    register: Annotated[str | None, typer.Option(metavar="CODE", help="The till, if there are several.")] = None,
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Play a recorded shift instead of a screen."),
    ] = None,
    terminal: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The card terminal that is connected: `simulator`, to try and to train."),
    ] = None,
    keys: Annotated[bool, typer.Option("--keys", help="Print what every key does, and leave.")] = False,
    show_unsent: Annotated[bool, typer.Option("--unsent", help="Show what is not delivered, and leave.")] = False,
    send: Annotated[
        bool, typer.Option("--send", help="Deliver what is not delivered, what was refused included, and leave.")
    ] = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Open the till: sign in by code and PIN, scan, take money, close the shift.

    What is paid is in the till's journal on this disk before its receipt is shown, and is delivered from there.
    """
    if keys:
        from primepos.till.keys import card

        typer.echo(card())
        return
    if show_unsent or send:
        from primepos.cli.session import open_app

        _deliver(till_opener(open_app(env_file), tenant, outlet, register), send=send, as_json=as_json)
        return
    if script is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput("The till needs a terminal", hint="Use --script FILE to play a recorded shift without one.")
    from primepos.cli.session import open_app

    application = open_app(env_file)
    opener = till_opener(application, tenant, outlet, register, _terminal(application, terminal))
    if script is not None:
        _play(opener, script)
        return
    _log_to_file(application)
    from primepos.adapters.backup.keeper import keeper

    # By name: the screen's library must not load before the till does.
    run_till = import_module("primepos.tui.till.app").run_till
    with keeper(application.settings, application.clock, env_file=env_file):
        run_till(_telling(application, opener))


def till_opener(
    application: App,
    tenant: str | None,
    outlet: str | None,
    register: str | None,
    terminal: CardTerminal | None = None,
) -> Callable[[Callable[[int], None] | None], Till]:
    """Return what opens the till that is meant; its argument hears how many products have come.

    Raises:
        WhichTenant, TenantNotFound: see :func:`primepos.cli.session.operator_identity`.
        NoSuchTill: no till has this code, or several could be meant.
    """
    from primepos.bootstrap import build_local_runner
    from primepos.cli.session import operator_identity
    from primepos.domain.outlets.service import list_outlets, list_registers
    from primepos.till.errors import NoSuchTill
    from primepos.till.till import open_till

    identity = operator_identity(application, tenant)
    outlets = {each.id: each for each in application.run(list_outlets, identity).items}
    found = [
        each
        for each in application.run(list_registers, identity).items
        if each.kind == "till"
        and each.outlet_id in outlets
        and outlet in {None, outlets[each.outlet_id].code}
        and register in {None, each.code, each.prefix}
    ]
    if len(found) != 1:
        codes = ", ".join(f"{outlets[each.outlet_id].code}/{each.code}" for each in found)
        problem = f"Several tills could be meant: {codes}" if found else "There is no such till"
        raise NoSuchTill(problem=problem, hint="Name one with --outlet and --register; `primepos registers list`.")
    chosen = found[0]
    assert identity.tenant_id is not None, "an operator in a tenant has one"  # noqa: S101 - narrows the type
    runner = build_local_runner(application, chosen.id, chosen.outlet_id, identity.tenant_id, chosen.name)

    def opener(progress: Callable[[int], None] | None = None) -> Till:
        return open_till(
            runner,
            chosen.id,
            data_dir=application.settings.data_dir,
            clock=application.clock,
            progress=progress,
            terminal=terminal,
        )

    return opener


def _terminal(application: App, name: str | None) -> CardTerminal | None:
    """Return the card terminal of this name, None where none is connected.

    Raises:
        NoSuchTerminal: see :func:`primepos.adapters.terminals.opening.open_terminal`.
    """
    if name is None:
        return None
    from primepos.adapters.terminals.opening import open_terminal

    environment = application.settings.environment
    return open_terminal(name, real_money=environment.value in {"shop", "production"})


def _deliver(opener: Callable[[Callable[[int], None] | None], Till], *, send: bool, as_json: bool) -> None:
    from primepos.cli.output import emit, note
    from primepos.till.outbox import send_again, unsent

    with opener(None) as opened:
        left = send_again(opened) if send else unsent(opened.journal)
    emit(left, as_json=as_json, columns=("seq", "kind", "number", "at", "state", "error", "why"))
    if send and left:
        note("Not everything was taken: mend what is named under `why`, then send again.")
        raise typer.Exit(ExitCode.FAILED)
    if not left:
        note("Everything is delivered.")


def _telling(
    application: App, opener: Callable[[Callable[[int], None] | None], Till]
) -> Callable[[Callable[[int], None] | None], Till]:
    """Return an opener whose till says first what is wrong with the shop's backups, if anything is."""
    from primepos.adapters.backup.attempts import trouble

    def telling(progress: Callable[[int], None] | None = None) -> Till:
        opened = opener(progress)
        told = trouble(application.settings)
        if told is not None:
            opened.desk.show("Backup", [told, "Selling goes on. `primepos backup list` tells more."])
        return opened

    return telling


def _play(opener: Callable[[Callable[[int], None] | None], Till], script: Path) -> None:
    from primepos.till.script import play

    with script.open("rb") as stream:
        raw = stream.read(_MOST_SCRIPT_BYTES + 1)
    if len(raw) > _MOST_SCRIPT_BYTES:
        raise InvalidInput("The script is larger than 4 MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("The script is not UTF-8 text") from None
    with opener(None) as opened:
        played = play(opened, text)
    if played.receipts:
        typer.echo(played.receipts[-1])
    for report in played.reports:
        typer.echo(f"\n{report}")


def _log_to_file(application: App) -> None:
    """Write the log beside the journal: lines on stderr would be drawn over the screen."""
    from primepos.core.log import configure_logging

    home = application.settings.data_dir / "till"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    stream = (home / "till.log").open("a", encoding="utf-8", buffering=1)
    configure_logging(application.settings, stream)
