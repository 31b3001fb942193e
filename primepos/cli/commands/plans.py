"""``primepos plans``: what tenants may have, which of them has which plan, and how much they use."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from primepos.cli import session
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, examples
from primepos.cli.output import emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.plans.service import (
    assign_plan,
    create_plan,
    list_plans,
    plan_history,
    read_usage,
    update_plan,
)

CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The plan's code, such as small.")]
SlugArgument = Annotated[str, typer.Argument(metavar="SLUG", help="The tenant's short name.")]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="WHAT=N",
        help="outlets, registers, users, products or sales_a_month; N is a number, or none for without bound. May be"
        " given again.",
    ),
]
WithoutOption = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="FEATURE", help="A feature the plan does not have. May be given again."),
]
_LIMITS = ("outlets", "registers", "users", "products", "sales_a_month")
_COLUMNS = ("code", "name", *_LIMITS, "without", "archived_at")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Say how much tenants may have, and see how much they use.",
)


@app.command(
    epilog=examples(
        "primepos plans create small --name Small --limit outlets=1 --limit registers=2 --limit sales_a_month=5000",
        "primepos plans create chain --name Chain --json",
    )
)
def create(
    code: CodeArgument,
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What customers call it.")],
    limit: LimitOption = None,
    without: WithoutOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a plan. What is not limited is without bound; sales beyond the plan are booked all the same."""
    data = {"code": code, "name": name, "without": without or [], **_limits(limit)}
    emit(session.run_in_system(create_plan, data, env_file=env_file), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos plans update small --limit products=1000 --limit users=none",
        "primepos plans update small --archive --json",
    )
)
def update(
    code: CodeArgument,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What customers call it.")] = None,
    limit: LimitOption = None,
    without: WithoutOption = None,
    archive: Annotated[
        bool | None, typer.Option("--archive/--unarchive", help="Give it to nobody any more, or again.")
    ] = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a plan for everybody who has it; who has more than a lowered limit keeps it."""
    given = {"name": name, "without": without, "archived": archive}
    data = {"code": code, **{key: value for key, value in given.items() if value is not None}, **_limits(limit)}
    emit(session.run_in_system(update_plan, data, env_file=env_file), as_json=as_json)


@app.command(name="list", epilog=examples("primepos plans list", "primepos plans list --json"))
def list_(*, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """List the plans of this installation."""
    emit(session.run_in_system(list_plans, {}, env_file=env_file).items, as_json=as_json, columns=_COLUMNS)


@app.command(
    epilog=examples("primepos plans assign corner small", "primepos plans assign corner chain --from 2027-01-01 --json")
)
def assign(
    slug: SlugArgument,
    code: CodeArgument,
    *,
    starts: Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on; else today.")] = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a tenant a plan from a day on; the days before keep theirs."""
    data = {"slug": slug, "plan": code, "starts_on": None if starts is None else _day(starts)}
    emit(session.run_in_system(assign_plan, data, env_file=env_file).items, as_json=as_json)


@app.command(epilog=examples("primepos plans history corner", "primepos plans history corner --json"))
def history(slug: SlugArgument, *, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Show which plans a tenant has, had and will have."""
    emit(session.run_in_system(plan_history, {"slug": slug}, env_file=env_file).items, as_json=as_json)


@app.command(
    epilog=examples("primepos plans usage", "primepos plans usage --since 2026-01 --until 2026-06 --tenant corner")
)
def usage(
    *,
    since: Annotated[str | None, typer.Option(metavar="MONTH", help="First month, as 2026-01; else this one.")] = None,
    until: Annotated[str | None, typer.Option(metavar="MONTH", help="Last month; else this one.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what counts against the plan now, and sales and lines by month."""
    found = session.run_in_tenant(read_usage, {"since": since, "until": until}, tenant=tenant, env_file=env_file)
    if as_json:
        emit(found, as_json=True)
        return
    note(f"Plan: {found.plan or 'none, nothing is limited'}")
    emit(found.now, as_json=False, columns=("what", "used", "limit"))
    emit(found.months, as_json=False, columns=("month", "sales", "lines", "others", "plan", "limit", "over"))


def _limits(given: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in given or ():
        what, _, number = each.partition("=")
        if what not in _LIMITS or not (number.isdecimal() or number == "none"):
            raise InvalidInput(f"--limit takes WHAT=N, WHAT one of {', '.join(_LIMITS)}, not {each!r}")
        found[what] = None if number == "none" else int(number)
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no date; write it as 2026-03-31") from None
