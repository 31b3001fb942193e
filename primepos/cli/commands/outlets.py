"""``primepos outlets``: the shops of a tenant."""

from __future__ import annotations

from typing import Annotated

import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit
from primepos.domain.outlets.service import (
    archive_outlet,
    create_outlet,
    get_outlet,
    list_outlets,
    unarchive_outlet,
)

OutletArgument = Annotated[str, typer.Argument(metavar="OUTLET", help="The outlet's code or id.")]
_COLUMNS = ("code", "name", "kind", "address", "archived_at")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Manage the shops of a tenant."
)


@app.command(
    epilog=examples(
        "primepos outlets create main --name 'Main street'",
        "primepos outlets create airport --name Airport --address 'Gate 4' --server-prefix AIR --json",
        "primepos outlets create depot --name 'The warehouse' --warehouse",
    )
)
def create(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Short, stays for good; receipts begin with it.")],
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What the outlet is called.")],
    address: Annotated[str, typer.Option(metavar="TEXT", help="Printed on receipts.")] = "",
    server_prefix: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="What receipts booked without a till begin with.")
    ] = None,
    warehouse: Annotated[bool, typer.Option("--warehouse", help="It keeps goods and sells nothing.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add an outlet. Tills are added by `registers create`."""
    kind = "warehouse" if warehouse else "shop"
    data = {"code": code, "name": name, "address": address, "server_prefix": server_prefix, "kind": kind}
    emit(Workplace(tenant, env_file).run(create_outlet, data), as_json=as_json)


@app.command(name="list", epilog=examples("primepos outlets list", "primepos outlets list --archived --json"))
def list_(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the outlets by code."""
    found = Workplace(tenant, env_file).run(list_outlets, {"archived": archived})
    emit(found.items, as_json=as_json, columns=_COLUMNS if archived else _COLUMNS[:-1])


@app.command(epilog=examples("primepos outlets show main", "primepos outlets show main --json | jq .registers"))
def show(
    outlet: OutletArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show an outlet and its registers."""
    place = Workplace(tenant, env_file)
    found = place.run(get_outlet, {"id": place.outlet(outlet).id})
    if as_json:
        emit(found, as_json=True)
        return
    emit(found, as_json=False, columns=("id", *_COLUMNS))
    typer.echo()
    emit(found.registers, as_json=False, columns=("code", "name", "kind", "prefix", "next_number"))


@app.command(epilog=examples("primepos outlets archive airport --yes"))
def archive(
    outlet: OutletArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take an outlet out of use; nothing of it is deleted, and it can be taken into use again."""
    place = Workplace(tenant, env_file)
    found = place.outlet(outlet)
    confirm_destruction(f"Nothing more will be sold in {found.name!r}.", yes)
    emit(place.run(archive_outlet, {"id": found.id}), as_json=as_json, columns=("id", *_COLUMNS))


@app.command(epilog=examples("primepos outlets unarchive airport"))
def unarchive(
    outlet: OutletArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Take an archived outlet into use again."""
    place = Workplace(tenant, env_file)
    found = place.run(unarchive_outlet, {"id": place.outlet(outlet).id})
    emit(found, as_json=as_json, columns=("id", *_COLUMNS))
