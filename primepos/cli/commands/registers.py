"""``primepos registers``: the tills of an outlet and their series of receipts."""

from __future__ import annotations

from typing import Annotated

import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit
from primepos.domain.outlets.service import (
    archive_register,
    create_register,
    get_register,
    list_registers,
    start_new_epoch,
    unarchive_register,
)

RegisterArgument = Annotated[
    str, typer.Argument(metavar="REGISTER", help="The register's prefix, OUTLET/CODE, code or id.")
]
_COLUMNS = ("prefix", "code", "name", "kind", "epoch", "next_number", "archived_at")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Manage the registers of an outlet."
)


@app.command(
    epilog=examples(
        "primepos registers create till-1 --outlet main --name 'Till 1'",
        "primepos registers create till-2 --outlet main --name 'Till 2' --prefix M2 --json",
    )
)
def create(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Unique in the outlet.")],
    *,
    outlet: Annotated[str, typer.Option(metavar="OUTLET", help="The outlet's code or id.")],
    name: Annotated[str, typer.Option(metavar="TEXT", help="What the till is called.")],
    prefix: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="What its receipt numbers begin with; made of the codes.")
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a till to an outlet."""
    place = Workplace(tenant, env_file)
    data = {"outlet_id": place.outlet(outlet).id, "code": code, "name": name, "prefix": prefix}
    emit(place.run(create_register, data), as_json=as_json)


@app.command(
    name="list", epilog=examples("primepos registers list", "primepos registers list --outlet main --archived --json")
)
def list_(
    *,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only this outlet's.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List registers, the server's own first in each outlet."""
    place = Workplace(tenant, env_file)
    outlet_id = None if outlet is None else place.outlet(outlet).id
    found = place.run(list_registers, {"outlet_id": outlet_id, "archived": archived})
    emit(found.items, as_json=as_json, columns=_COLUMNS if archived else _COLUMNS[:-1])


@app.command(epilog=examples("primepos registers show MAIN-TILL-1", "primepos registers show main/till-1 --json"))
def show(
    register: RegisterArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a register and the head of its series."""
    place = Workplace(tenant, env_file)
    emit(place.run(get_register, {"id": place.register(register).id}), as_json=as_json)


@app.command(epilog=examples("primepos registers archive MAIN-TILL-2 --yes"))
def archive(
    register: RegisterArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a till out of use; its series ends where it is."""
    place = Workplace(tenant, env_file)
    found = place.register(register)
    confirm_destruction(f"Nothing more will be sold at {found.prefix}.", yes)
    emit(place.run(archive_register, {"id": found.id}), as_json=as_json)


@app.command(epilog=examples("primepos registers unarchive MAIN-TILL-2"))
def unarchive(
    register: RegisterArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take an archived till into use again; its series goes on."""
    place = Workplace(tenant, env_file)
    emit(place.run(unarchive_register, {"id": place.register(register).id}), as_json=as_json)


@app.command(
    name="new-epoch", epilog=examples("primepos registers new-epoch MAIN-TILL-1 --reason 'disk broke on 3 May' --yes")
)
def new_epoch(
    register: RegisterArgument,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; stands in the audit trail beside the gap.")],
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Begin a new series for a till that lost its disk: next epoch, number 1.

    Sales of the old series that never arrived here are declared lost. Do not do this to a till that still has its
    journal: what it has not delivered yet could not be booked any more.
    """
    place = Workplace(tenant, env_file)
    found = place.register(register)
    confirm_destruction(
        f"Series {found.prefix}/{found.epoch} ends; its sales from number {found.next_number} on are declared lost.",
        yes,
    )
    emit(place.run(start_new_epoch, {"id": found.id, "reason": reason}), as_json=as_json)
