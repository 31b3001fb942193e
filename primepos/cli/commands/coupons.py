"""``primepos coupons``: codes that call a promotion."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from primepos.cli.commands.promotions import promotion
from primepos.cli.naming import Workplace, required_id
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit
from primepos.cli.terms import FromOption, UntilOption, customer_id, moment
from primepos.core.ids import new_id
from primepos.domain.offers.service import (
    block_coupon,
    check_coupon,
    create_coupons,
    hold_coupon,
    list_coupons,
    release_coupon,
)

CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The coupon's code, as printed.")]
CustomerOption = Annotated[str | None, typer.Option("--customer", metavar="NUMBER", help="Who may use it.")]
_COLUMNS = ("code", "promotion", "most_uses", "used", "held", "left", "valid_from", "valid_to", "blocked_reason")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Make, check and block coupons."
)


@app.command(
    epilog=examples(
        "primepos coupons create off5 --count 100 --csv > print.csv     single-use, codes nobody can guess",
        "primepos coupons create off5 --code SUMMER26 --unlimited --until 2026-09-01",
    )
)
def create(
    which: Annotated[str, typer.Argument(metavar="PROMOTION", help="The promotion it calls, by code or id.")],
    *,
    count: Annotated[int, typer.Option(min=0, max=1000, help="How many, with codes of their own.")] = 0,
    code: Annotated[list[str] | None, typer.Option("--code", metavar="CODE", help="This code; again for more.")] = None,
    prefix: Annotated[str, typer.Option(metavar="TEXT", help="Stands before made codes.")] = "",
    uses: Annotated[int, typer.Option(min=1, metavar="N", help="How often each may be used.")] = 1,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="As often as anybody likes.")] = False,
    customer: CustomerOption = None,
    since: FromOption = None,
    until: UntilOption = None,
    batch: Annotated[
        str | None, typer.Option("--id", metavar="UUID", help="Makes the call safe to repeat: same id, same coupons.")
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Make coupons of a promotion that needs one, single-use unless you say otherwise."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {
        "id": new_id() if batch is None else required_id("--id", batch),
        "promotion_id": promotion(place, which).id,
        "count": count,
        "codes": [each.upper() for each in code or ()],
        "prefix": prefix.upper(),
        "most_uses": None if unlimited else uses,
        "customer_id": None if customer is None else customer_id(place, customer),
        "valid_from": None if since is None else moment("--from", since, place),
        "valid_to": None if until is None else moment("--until", until, place),
    }
    made = place.run(create_coupons, data)
    emit(made if as_json else made.items, as_json=as_json, as_csv=as_csv, columns=_COLUMNS)


@app.command(name="list", epilog=examples("primepos coupons list --promotion off5", "primepos coupons list --csv"))
def list_(
    *,
    which: Annotated[str | None, typer.Option("--promotion", metavar="CODE", help="Of this promotion.")] = None,
    customer: CustomerOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 1000,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List coupons by code with what is left of them."""
    place = Workplace(tenant, env_file)
    asked: dict[str, Any] = {
        "promotion_id": None if which is None else promotion(place, which).id,
        "customer_id": None if customer is None else customer_id(place, customer),
    }
    found: list[Any] = []
    while len(found) < limit:
        page = place.run(list_coupons, {**asked, "limit": min(200, limit - len(found))})
        found += page.items
        if page.next is None:
            break
        asked["after"] = page.next
    emit(found, as_json=as_json, as_csv=as_csv, columns=_COLUMNS)


@app.command(epilog=examples("primepos coupons check SUMMER26", "primepos coupons check may-abcde-fghjk --json"))
def check(
    code: CodeArgument,
    *,
    customer: CustomerOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say whether a coupon could be used now, and why not."""
    place = Workplace(tenant, env_file)
    found = place.run(check_coupon, {"code": code, "customer_id": _customer(place, customer)})
    if as_json:
        emit(found, as_json=True)
        return
    emit(found.coupon, as_json=False, columns=_COLUMNS)
    typer.echo("It can be used." if found.usable else f"It cannot be used: {found.problem}.")


@app.command(epilog=examples("primepos coupons block SUMMER26 --reason 'copied on the web' --yes"))
def block(
    code: CodeArgument,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the trail.")],
    undo: Annotated[bool, typer.Option("--undo", help="Let it be used again.")] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Block a coupon, or let a blocked one be used again."""
    if not undo:
        confirm_destruction(f"Nobody can use {code.upper()} any more.", yes)
    place = Workplace(tenant, env_file)
    emit(place.run(block_coupon, {"code": code, "reason": reason, "blocked": not undo}), as_json=as_json)


@app.command(epilog=examples("primepos coupons hold MAY-ABCDE-FGHJK --outlet main"))
def hold(
    code: CodeArgument,
    *,
    outlet: Annotated[str, typer.Option("--outlet", metavar="CODE", help="Where the ticket is.")],
    customer: CustomerOption = None,
    hold_id: Annotated[str | None, typer.Option("--id", metavar="UUID", help="The hold's id, to repeat it.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Keep one use of a coupon for a ticket, for 15 minutes; the sale names the id."""
    place = Workplace(tenant, env_file)
    data = {
        "id": new_id() if hold_id is None else required_id("--id", hold_id),
        "outlet_id": place.outlet(outlet).id,
        "code": code,
        "customer_id": _customer(place, customer),
    }
    emit(place.run(hold_coupon, data), as_json=as_json)


@app.command(epilog=examples("primepos coupons release 0190a5c2-7d3e-7000-8000-000000000001"))
def release(
    hold_id: Annotated[str, typer.Argument(metavar="ID", help="The hold's id.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a held use of a coupon back before its time."""
    place = Workplace(tenant, env_file)
    emit(place.run(release_coupon, {"id": required_id("ID", hold_id)}), as_json=as_json)


def _customer(place: Workplace, text: str | None) -> UUID | None:
    return None if text is None else customer_id(place, text)
