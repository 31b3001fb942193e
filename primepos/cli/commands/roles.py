"""``primepos roles``: what people may do; the built-in roles to look at, and the shop's own to make."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.staff.service import create_role, delete_role, list_roles, show_role, update_role

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The role's name, such as shift_lead.")]
GrantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grant",
        metavar="PERMISSION=WHAT",
        help="allow, approve or deny; limits after commas: refund:with_receipt=allow,max_amount=50.00,days_back=30,"
        "outlet=main. May be given again.",
    ),
]
_COLUMNS = ("name", "title", "is_built_in", "people", "permissions")
_GRANT_COLUMNS = ("permission", "decision", "own", "max_percent", "max_amount", "days_back", "outlets")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Say what people may do: roles, their permissions and limits.",
)


@app.command(name="list", epilog=examples("primepos roles list", "primepos roles list --json"))
def list_(*, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """List the built-in roles and the shop's own."""
    found = Workplace(tenant, env_file).run(list_roles, {})
    if as_json:
        emit(found, as_json=True)
        return
    emit([_row(each) for each in found.items], as_json=False, columns=_COLUMNS)


@app.command(epilog=examples("primepos roles show cashier", "primepos roles show shift_lead --json"))
def show(
    name: NameArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show what a role may do and within which limits; what is not listed is denied."""
    place = Workplace(tenant, env_file)
    _show(place, place.run(show_role, {"name": name}), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos roles create shift_lead --title 'Shift lead' --like cashier \\",
        "    --grant refund:with_receipt=allow,max_amount=50.00,days_back=30 --grant approval:give=allow",
        "primepos roles create counter --title Counter --grant sale:create=allow --grant product:read=allow --json",
    )
)
def create(
    name: NameArgument,
    *,
    title: Annotated[str, typer.Option(metavar="TEXT", help="What people call it.")],
    like: Annotated[str | None, typer.Option(metavar="ROLE", help="Begin as this role; else with nothing.")] = None,
    grant: GrantOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a role of the shop's own. Nobody grants more than they hold."""
    place = Workplace(tenant, env_file)
    data = {"name": name, "title": title, "like": like, "grants": [_grant(place, each) for each in grant or ()]}
    _show(place, place.run(create_role, data), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos roles update shift_lead --grant sale:line_discount=allow,max_percent=15",
        "primepos roles update shift_lead --grant sale:void=deny --title 'Early shift' --json",
    )
)
def update(
    name: NameArgument,
    *,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Call it this from now on.")] = None,
    grant: GrantOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what a role may do; what is not named stays. It holds at once, at a till from the next sign-in on."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {"name": name, "grants": [_grant(place, each) for each in grant or ()]}
    if title is not None:
        data["title"] = title
    _show(place, place.run(update_role, data), as_json=as_json)


@app.command(epilog=examples("primepos roles delete shift_lead --yes"))
def delete(
    name: NameArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Delete a role that nobody has any more."""
    place = Workplace(tenant, env_file)
    confirm_destruction(f"The role {name} will be gone.", yes)
    place.run(delete_role, {"name": name})
    if as_json:
        emit({"name": name, "deleted": True}, as_json=True)
    else:
        note(f"{name} is deleted.")


def _grant(place: Workplace, text: str) -> dict[str, Any]:
    """Return one ``PERMISSION=DECISION,limit=value`` as the operation takes it. Raises ``INVALID_INPUT``."""
    permission, equals, rest = text.partition("=")
    decision, *limits = rest.split(",")
    if not equals or not permission:
        raise InvalidInput(f"--grant: write {text!r} as PERMISSION=allow, PERMISSION=approve or PERMISSION=deny")
    made: dict[str, Any] = {"permission": permission, "decision": decision}
    outlets: list[str] = []
    for limit in limits:
        name, _, value = limit.partition("=")
        if name == "outlet":
            outlets.append(value)
        elif name == "own" and value in {"", "yes"}:
            made["own"] = True
        elif name == "max_percent":
            made[name] = value
        elif name == "max_amount":
            made[name] = place.minor("--grant max_amount", value)
        elif name == "days_back" and value.isascii() and value.isdigit():
            made[name] = int(value)
        else:
            raise InvalidInput(
                f"--grant: {limit!r} is none of own, max_percent=P, max_amount=AMOUNT, days_back=DAYS, outlet=CODE"
            )
    if outlets:
        made["outlet_ids"] = place.outlet_ids(outlets)
    return made


def _row(role: Any) -> dict[str, Any]:
    return {
        "name": role.name,
        "title": role.title,
        "is_built_in": role.is_built_in,
        "people": role.people,
        "permissions": len(role.grants),
    }


def _show(place: Workplace, role: Any, *, as_json: bool) -> None:
    if as_json:
        emit(role, as_json=True)
        return
    kind = "built in" if role.is_built_in else f"version {role.version}"
    note(f"{role.name}: {role.title}, {kind}, {role.people} people")
    shown = [
        {
            "permission": each.permission,
            "decision": each.decision,
            "own": "own" if each.own else None,
            "max_percent": each.max_percent,
            "max_amount": place.major(each.max_amount),
            "days_back": each.days_back,
            "outlets": None if each.outlet_ids is None else len(each.outlet_ids),
        }
        for each in role.grants
    ]
    emit(shown, as_json=False, columns=_GRANT_COLUMNS)
