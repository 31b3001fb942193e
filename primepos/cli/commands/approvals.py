"""``primepos approvals``: ask for another person's consent from elsewhere, and answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from primepos.cli.naming import Workplace, required_id
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, examples
from primepos.cli.output import emit, note
from primepos.core.ids import new_id
from primepos.domain.staff.service import (
    ask_approval,
    get_approval,
    give_approval,
    list_approvals,
    refuse_approval,
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The approval's id.")]
State = Literal["asked", "granted", "refused", "used", "expired"]
_COLUMNS = ("id", "state", "operation", "acts", "asked_by", "decided_by", "expires_at", "note")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Ask another person for consent, and answer.",
)


@app.command(
    epilog=examples(
        "primepos approvals ask sales.void sale:void --amount 12.50 --subject sale:0190a3c4-...",
        "primepos approvals ask sales.book sale:line_discount --percent 15 --json",
        "PRIMEPOS_APPROVAL=0190a3c4-... primepos sales void M1-000042 --reason 'wrong item' --yes",
    )
)
def ask(
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="What was refused, such as sales.void.")],
    permission: Annotated[str, typer.Argument(metavar="PERMISSION", help="What it lacks, such as sale:void.")],
    *,
    amount: Annotated[str | None, typer.Option(metavar="AMOUNT", help="How much, as 12.50.")] = None,
    percent: Annotated[str | None, typer.Option(metavar="PERCENT", help="How much is taken off.")] = None,
    sold_on: Annotated[str | None, typer.Option(metavar="DATE", help="Of the sale it goes back to.")] = None,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Where.")] = None,
    subject: Annotated[str | None, typer.Option(metavar="TEXT", help="Of what, as the refusal named it.")] = None,
    why: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="A word to whoever answers.")] = None,
    approval_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="Your own id for it.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask for consent to what was refused with APPROVAL_REQUIRED; `--json` on the refused command shows what to ask.

    It waits two minutes for an answer. Then run the command again with PRIMEPOS_APPROVAL set to its id.
    """
    place = Workplace(tenant, env_file)
    act: dict[str, Any] = {
        "permission": permission,
        "percent": percent,
        "amount": None if amount is None else place.minor("--amount", amount),
        "sold_on": sold_on,
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "subject": subject,
    }
    given = new_id() if approval_id is None else required_id("--id", approval_id)
    asked = place.run(ask_approval, {"id": given, "operation": operation, "acts": [act], "note": why})
    _show(place, asked, as_json=as_json)


@app.command(name="list", epilog=examples("primepos approvals list", "primepos approvals list --state used --json"))
def list_(
    *,
    state: Annotated[State | None, typer.Option(help="Only these; `asked` are those that wait.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="PLACE", help="Go on where the page before ended.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List what was asked and how it ended, newest first."""
    place = Workplace(tenant, env_file)
    page = place.run(list_approvals, {"state": state, "limit": limit, "after": after})
    if as_json:
        emit(page, as_json=True)
        return
    emit([_row(place, each) for each in page.items], as_json=False, columns=_COLUMNS)
    if page.next:
        note(f"There are more: --after {page.next}")


@app.command(epilog=examples("primepos approvals show 0190a3c4-... --json"))
def show(
    approval: IdArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show how an approval stands."""
    place = Workplace(tenant, env_file)
    _show(place, place.run(get_approval, {"id": required_id("ID", approval)}), as_json=as_json)


@app.command(epilog=examples("primepos approvals grant 0190a3c4-..."))
def grant(
    approval: IdArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Agree; whoever asked has two minutes to do it, once. You must hold the act yourself, within your limits."""
    place = Workplace(tenant, env_file)
    _show(place, place.run(give_approval, {"id": required_id("ID", approval)}), as_json=as_json)


@app.command(epilog=examples("primepos approvals refuse 0190a3c4-..."))
def refuse(
    approval: IdArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Refuse what was asked."""
    place = Workplace(tenant, env_file)
    _show(place, place.run(refuse_approval, {"id": required_id("ID", approval)}), as_json=as_json)


def _row(place: Workplace, approval: Any) -> dict[str, Any]:
    import msgspec

    row: dict[str, Any] = msgspec.structs.asdict(approval)
    return row | {"acts": "; ".join(_said(place, each) for each in approval.acts)}


def _said(place: Workplace, act: Any) -> str:
    """Return an act in a few words, its amount in the shop's currency."""
    said = [
        None if act.percent is None else f"{act.percent.normalize():f}%",
        None if act.amount is None else f"{place.major(act.amount)} {place.current.currency}",
        None if act.sold_on is None else f"of {act.sold_on}",
        act.subject,
    ]
    return " ".join([act.permission, *(each for each in said if each is not None)])


def _show(place: Workplace, approval: Any, *, as_json: bool) -> None:
    if as_json:
        emit(approval, as_json=True)
    else:
        emit(_row(place, approval), as_json=False, columns=_COLUMNS)
