"""``primepos ops``: what the operator of an installation checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from primepos.cli import session
from primepos.cli.exits import ExitCode
from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import emit, note
from primepos.domain.ops.service import verify_books, verify_own_books

if TYPE_CHECKING:
    from primepos.adapters.database_report import DatabaseReport, Running, Waiting
    from primepos.deploy.cost import Cost

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Verify the books, look at the database, add up the bill.",
)


@app.callback()
def ops() -> None:
    """Verify the books, look at the database, add up the bill."""


@app.command(
    name="verify-books",
    epilog=examples(
        "primepos ops verify-books",
        "primepos ops verify-books --tenant corner",
        "primepos ops verify-books --quick --json | jq .problems",
    ),
)
def verify_books_(
    *,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-T", metavar="SLUG", help="Only this tenant's books; all without it.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out working every sale's content hash out again.")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="At most this many problems.")] = 100,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Audit the books, reading only: exit code 0 when they hold, 1 when they do not.

    Acknowledged sales exist (I1), none is torn (I2), numbers have no gap (I3), ledger and stock balance (I4), nothing
    crosses tenants (I5), the chains verify (I6). A gap that a till's next delivery still fills is pending, no error.
    """
    data = {"bodies": not quick, "most_problems": most}
    if tenant is None:
        found = session.run_in_system(verify_books, data, env_file=env_file)
    else:
        found = session.run_in_tenant(verify_own_books, data, tenant=tenant, env_file=env_file)
    if as_json:
        emit(found, as_json=True)
    else:
        if found.problems:
            emit(found.problems, as_json=False, columns=("invariant", "check", "tenant", "what", "pending"))
        counted = ((found.sales, "sale"), (found.chains, "chain"), (found.tenants, "tenant"), (found.checks, "check"))
        sales, chains, tenants, checks = (f"{count} {what}{'' if count == 1 else 's'}" for count, what in counted)
        looked = f"{sales} in {chains} of {tenants}, {checks}"
        note(f"The books {'hold' if found.ok else 'DO NOT HOLD'}: {looked}.")
    if not found.ok:
        raise typer.Exit(ExitCode.FAILED)


@app.command(
    name="db",
    epilog=examples(
        "primepos ops db",
        "primepos ops db --longer-than 60 --most 5",
        "primepos ops db --json | jq .findings",
    ),
)
def look_at_database(
    *,
    longer_than: Annotated[
        int, typer.Option("--longer-than", min=0, metavar="SECONDS", help="Show what runs at least this long.")
    ] = 5,
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="At most this many rows of each list.")] = 10,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what PostgreSQL is busy with and how the database fares, changing nothing.

    Connections by program and state, statements that run long, who waits for whose lock, the statements that take most
    time (with the extension pg_stat_statements), the largest tables and what of them is dead, indexes that nobody uses
    or whose build failed, cache hits, and how close transaction ids are to running out. Statements are shown without
    the values in them.
    """
    from primepos.adapters.database_report import database_report
    from primepos.adapters.readiness import plain_url

    prime = session.open_app(env_file)
    report = database_report(plain_url(prime.database.engine.url), longer_than_s=longer_than, most=most)
    if as_json:
        emit(report, as_json=True)
        return
    _print_report(report)


@app.command(
    name="cost",
    epilog=examples(
        "primepos ops cost",
        "primepos ops cost --file deploy/render.yaml --json | jq .total_cents",
        "primepos ops cost --prices ours.toml            a table of your own",
    ),
)
def add_up_cost(
    *,
    file: Annotated[
        Path, typer.Option("--file", "-f", metavar="FILE", help="The blueprint, instead of render.yaml here.")
    ] = Path("render.yaml"),
    prices: Annotated[
        Path | None, typer.Option("--prices", metavar="FILE", exists=True, dir_okay=False, help="Prices of your own.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Add up what render.yaml costs a month: plans, instances, disks.

    By a dated table of prices; what Render charges is on https://render.com/pricing. A plan without a known price is an
    error. Where a service may scale, both ends are shown.
    """
    from primepos.deploy.cost import cost_of, prices_of

    cost = cost_of(file, None if prices is None else prices_of(prices))
    if as_json:
        emit(cost, as_json=True)
        return
    _print_cost(cost)


def _print_report(report: DatabaseReport) -> None:
    hits = ", ".join(
        f"{what} {'-' if percent is None else f'{percent} %'}"
        for what, percent in (
            ("tables", report.table_cache_hit_percent),
            ("indexes", report.index_cache_hit_percent),
        )
    )
    emit(
        {
            "database": report.database,
            "PostgreSQL": report.server_version,
            "size": _size(report.bytes),
            "connections": f"{report.used_connections} of {report.max_connections}",
            "found in cache": hits,
            "oldest transaction id": f"{report.freeze_age} (vacuum forced at {report.freeze_age_limit})",
        },
        as_json=False,
    )
    _print_part("Connections", report.connections, ("application", "role", "state", "connections", "oldest_s"))
    running = [_row(each) for each in report.running]
    _print_part("Running long", running, ("pid", "application", "state", "seconds", "waits_for", "statement"))
    waiting = [_waiting_row(each) for each in report.waiting]
    _print_part("Waiting for locks", waiting, ("pid", "application", "seconds", "lock", "held_by", "statement"))
    if report.slow is None:
        note("Statements by time: not counted here (CREATE EXTENSION pg_stat_statements).")
    else:
        _print_part("Statements by time", report.slow, ("calls", "total_s", "mean_ms", "rows", "statement"))
    tables = [{**_fields(each), "size": _size(each.bytes)} for each in report.tables]
    _print_part("Largest tables", tables, ("table", "size", "rows", "dead_rows", "dead_percent", "last_vacuum"))
    indexes = [{**_fields(each), "size": _size(each.bytes)} for each in report.indexes]
    _print_part("Indexes to look at", indexes, ("index", "table", "size", "state"))
    if not report.sees_all:
        note("Sessions of other roles are hidden: GRANT pg_read_all_stats to this login to see them.")
    for each in report.findings:
        note(f"! {each.what} (docs/runbooks/{each.runbook}.md)")
    if not report.findings:
        note("Nothing to look at.")


def _print_part(title: str, records: Sequence[object], columns: tuple[str, ...]) -> None:
    if not records:
        note(f"{title}: none.")
        return
    note(f"{title}:")
    emit(records, as_json=False, columns=columns)


def _print_cost(cost: Cost) -> None:
    rows = [
        {
            "resource": each.resource,
            "what": each.what,
            "count": str(each.count) if each.count == each.most_count else f"{each.count} to {each.most_count}",
            "each": _money(each.unit_cents),
            "a month": _span(each.cents, each.most_cents),
        }
        for each in cost.lines
    ]
    total = _span(cost.total_cents, cost.most_cents)
    emit(
        [*rows, {"resource": "total", "what": cost.currency, "count": "", "each": "", "a month": total}], as_json=False
    )
    note(f"Prices as of {cost.as_of}: {cost.source}.")
    for each in cost.notes:
        note(each)


def _span(least: int, most: int) -> str:
    return _money(least) if least == most else f"{_money(least)} to {_money(most)}"


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _size(size: int) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 10_000:
            return f"{size} {unit}"
        size //= 1024
    return f"{size} TB"


def _fields(record: msgspec.Struct) -> dict[str, object]:
    return msgspec.structs.asdict(record)


def _row(running: Running) -> dict[str, object]:
    return _fields(running)


def _waiting_row(waiting: Waiting) -> dict[str, object]:
    holders = ", ".join(f"{each.pid} ({each.application}, {each.state})" for each in waiting.held_by)
    lock = waiting.lock if waiting.relation is None else f"{waiting.lock} on {waiting.relation}"
    return {**_fields(waiting), "held_by": holders or "(not seen)", "lock": lock}
