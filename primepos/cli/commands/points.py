"""``primepos points``: the programme for regular customers, and what they have of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.holdings import customer_of, plain, show_page, sure
from primepos.cli.naming import Workplace
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.ids import new_id
from primepos.domain.tenancy.service import update_settings
from primepos.domain.values.service import adjust_points, list_value, of_customer

CustomerArgument = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's number or id.")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Points of regular customers."
)


@app.command(
    epilog=examples(
        "primepos points rule --earn 1 --per 1.00 --burn 100 --worth 1.00",
        "primepos points rule --earn 1 --per 1.00 --burn 100 --worth 1.00 --exclude Tobacco --expire-after 24",
        "primepos points rule --none --yes",
    )
)
def rule(
    *,
    earn: Annotated[int | None, typer.Option(min=1, help="So many points ...")] = None,
    per: Annotated[str | None, typer.Option(metavar="AMOUNT", help="... for each so much that is spent.")] = None,
    burn: Annotated[int | None, typer.Option(min=1, help="So many points ...")] = None,
    worth: Annotated[str | None, typer.Option(metavar="AMOUNT", help="... pay for so much.")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="CATEGORY", help="Earns nothing; may be given again.")
    ] = None,
    expire_after: Annotated[int | None, typer.Option(min=1, max=240, help="Months after which points lapse.")] = None,
    none: Annotated[bool, typer.Option("--none", help="End the programme.")] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the programme, or set it: what is earned, what points pay for, when they lapse."""
    place = Workplace(tenant, env_file)
    if none:
        confirm_destruction("The programme will end; what customers have stays on record.", yes)
        place.run(update_settings, {"settings": {"points": None}})
    elif earn is not None and per is not None and burn is not None and worth is not None:
        programme: dict[str, Any] = {
            "earn": earn,
            "per_minor": place.minor("--per", per),
            "burn": burn,
            "worth_minor": place.minor("--worth", worth),
            "excluded_categories": [place.category(each).id for each in exclude or []],
            "expiry_months": expire_after,
        }
        place.run(update_settings, {"settings": {"points": programme}})
    elif any(each is not None for each in (earn, per, burn, worth, exclude, expire_after)):
        raise typer.BadParameter("a rule needs all of --earn, --per, --burn and --worth")
    place = Workplace(tenant, env_file)
    found = place.current.settings.points
    if as_json:
        emit(found, as_json=True)
    elif found is None:
        note("This shop gives no points.")
    else:
        note(f"{found.earn} for each {place.major(found.per_minor)} spent; "
             f"{found.burn} pay {place.major(found.worth_minor)}; "
             + ("they stay" if found.expiry_months is None else f"they lapse after {found.expiry_months} months")
             + f"; {len(found.excluded_categories)} categories earn none.")  # fmt: skip


@app.command(epilog=examples("primepos points show 1001"))
def show(
    customer: CustomerArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a customer's points and what they pay for."""
    place = Workplace(tenant, env_file)
    items = place.run(of_customer, {"customer_id": customer_of(place, customer)}).items
    found = next((each for each in items if each.kind == "points"), None)
    if found is None:
        note("No points yet.")
        return
    row = plain(found)
    emit(found if as_json else {**row, "worth": place.major(found.worth)}, as_json=as_json)


@app.command(name="list", epilog=examples("primepos points list --in-use --json"))
def list_(
    *,
    in_use: Annotated[bool, typer.Option("--in-use", help="Leave out those at zero.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List who has points."""
    place = Workplace(tenant, env_file)
    page = place.run(list_value, {"kind": "points", "in_use": in_use, "limit": limit, "after": after})
    show_page(place, page, ("customer", "balance", "held", "state"), as_json=as_json, as_csv=as_csv, points=True)


@app.command(epilog=examples("primepos points adjust 1001 --by 200 --reason 'sorry for the wait' --yes"))
def adjust(
    customer: CustomerArgument,
    *,
    by: Annotated[str, typer.Option(metavar="N", help="So many points more, or with a minus fewer.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the entry.")],
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a customer points, or take some away, with a reason."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {"id": new_id(), "amount": sure("--by", by), "reason": reason}
    data["customer_id"] = customer_of(place, customer)
    confirm_destruction(f"The points of customer {customer} will change by {by}.", yes)
    emit(place.run(adjust_points, data), as_json=as_json)
