"""``primepos demo``: a shop to try, in a database of its own, with nothing to install."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from primepos.cli.options import EnvFileOption, JsonFlag, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.amounts import plain_amount
from primepos.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.cli.demo.day import Day
    from primepos.cli.demo.house import DemoHouse
    from primepos.core.settings import Settings
    from primepos.till.till import Till

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "primepos demo                 at a terminal: the till, ready to sell",
        "primepos demo --no-till       sell a scripted day, print receipt, Z report and totals",
        "primepos demo --json | jq .figures.total",
        "primepos demo reset --yes     throw the demo and its sales away",
    ),
)
def demo(
    context: typer.Context,
    *,
    no_till: Annotated[bool, typer.Option("--no-till", help="Sell a scripted day, at a terminal too.")] = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Try PrimePOS with a demo shop: its own PostgreSQL, 45 products, staff and a till.

    At a terminal the till opens, signed in and with an open shift. Without one, a scripted day is sold through the
    same till, journal and server, and its receipt, Z report and totals are printed. The shop keeps what was sold; a
    second run starts in seconds.
    """
    if context.invoked_subcommand is not None:
        return
    settings = _settings(env_file)
    from primepos.cli.demo.house import DemoHouse

    with DemoHouse(settings, tell=note).opened() as house:
        if no_till or as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            _sell_a_day(house, as_json=as_json)
        else:
            _open_till(house)


@app.command(epilog=examples("primepos demo reset --yes", "primepos demo reset --yes --json"))
def reset(*, yes: YesFlag = False, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Throw the demo shop away with everything that was sold in it; the next `primepos demo` makes a new one."""
    settings = _settings(env_file)
    from primepos.cli.demo.house import DemoHouse, exists

    there = exists(settings)
    if there:
        confirm_destruction(f"The demo shop in {settings.data_dir} and its sales will be gone.", yes)
        with DemoHouse(settings, tell=note).opened() as house:
            house.throw_away()
    if as_json:
        emit({"removed": there, "data_dir": str(settings.data_dir)}, as_json=True)
    else:
        note("The demo shop is gone." if there else "There is no demo shop here.")


def _settings(env_file: Any) -> Settings:
    from primepos.core.log import configure_logging

    settings = load_settings(env_file=env_file, component="cli")
    configure_logging(settings)
    return settings


def _sell_a_day(house: DemoHouse, *, as_json: bool) -> None:
    from primepos.cli.demo.day import play_day

    note("Selling a day at the till ...")
    day = play_day(house)
    if as_json:
        told = {
            "tenant": "demo",
            "receipt": day.receipt,
            "z_report": day.z_report,
            "figures": day.figures,
            "day": {"taxes": day.by_tax, "tenders": day.by_tender, "products": day.by_product},
            "books_hold": day.books.ok,
        }
        emit(told, as_json=True)
        return
    typer.echo(f"{day.receipt}\n\n\n{day.z_report}\n")
    _print_totals(day)
    _tell_what_next(house)


def _print_totals(day: Day) -> None:
    total = day.by_tax.total
    write = _writer(day.by_tax.currency_exponent)
    date = day.figures.shift.business_date
    typer.echo(f"\nThe day's totals, {date}, {day.by_tax.currency} (all tills, this run and earlier ones)\n")
    head = {
        "sales": total.sales,
        "voids": total.voids,
        "net": write(total.base),
        "VAT": write(total.tax),
        "rounding": write(total.rounding),
        "total": write(total.total),
    }
    emit(head, as_json=False)
    typer.echo()
    emit(
        [{"VAT": each.name, "net": write(each.base), "amount": write(each.tax)} for each in day.by_tax.rows],
        as_json=False,
    )
    typer.echo()
    emit([{"tender": each.name, "total": write(each.total)} for each in day.by_tender.rows], as_json=False)
    typer.echo()
    emit(
        [
            {"best product": each.name, "quantity": each.quantity, "total": write(each.total)}
            for each in day.by_product.rows
        ],
        as_json=False,
    )
    books = day.books
    note(f"\nThe books {'hold' if books.ok else 'DO NOT HOLD'}: {books.sales} sales, {books.checks} checks.")


def _writer(exponent: int) -> Callable[[int | None], Any]:
    return lambda minor: None if minor is None else plain_amount(minor, exponent)


def _open_till(house: DemoHouse) -> None:
    """Hand over a till that is signed in and has an open shift."""
    from primepos.till.engine import Command
    from primepos.till.keys import Mode

    lines = _welcome(house)

    def opener(progress: Callable[[int], None]) -> Till:
        till = house.open_free_till(fresh=False, progress=progress)
        cashier = next(each for each in house.people() if each["role"] == "cashier")
        for text in (cashier["code"], cashier["pin"]):
            till.engine.handle(Command("enter", text))
        if till.engine.mode is Mode.NO_SHIFT:
            till.engine.handle(Command("enter", "100"))
        till.desk.show("Welcome to the demo shop", lines, wide=True)
        return till

    from primepos.cli.demo.house import log_to_file

    log_to_file(house.settings)
    # By name: the screen's library must not load before the till does.
    import_module("primepos.tui.till.app").run_till(opener)
    _tell_what_next(house)


def _welcome(house: DemoHouse) -> list[str]:
    people = [f"  {each['code']:<4}{each['name']:<8}{each['role']:<12}PIN {each['pin']}" for each in house.people()]
    return [
        "You are signed in and the shift is open. Try:",
        "  5901234123457 Enter      scan spaghetti",
        "  3*2000000000121 Enter    three croissants",
        "  2100101012501 Enter      a scale's label: 1.250 kg bananas",
        "  F2                       search by name",
        "  Enter, then 50 Enter     pay with a 50 euro note",
        "  F1                       every key; Ctrl+E closes the shift; Ctrl+Q leaves",
        "",
        "Staff codes and PINs (a manager approves big discounts and voids):",
        *people,
        "",
        "Enter puts this away.",
    ]


def _tell_what_next(house: DemoHouse) -> None:
    note("\nStaff codes and PINs of the demo:")
    for each in house.people():
        note(f"  {each['code']:<4}{each['name']:<8}{each['role']:<12}PIN {each['pin']}")
    program = _program()
    note(
        "\nLook around:\n"
        f"  {program} demo                 the till, at a terminal\n"
        f"  {program} sales list\n"
        f"  {program} report sales --by product\n"
        f"  {program} shifts report Q1\n"
        f"  {program} demo reset           throws the demo away"
    )


def _program() -> str:
    """Return how to call PrimePOS from this directory: by name where the path finds it, else by where it is."""
    beside = Path(sys.executable).with_name("primepos")
    found = shutil.which("primepos")
    if not beside.is_file() or (found is not None and Path(found).samefile(beside)):
        return "primepos"
    try:
        return shlex.quote(str(beside.relative_to(Path.cwd())))
    except ValueError:
        return shlex.quote(str(beside))
