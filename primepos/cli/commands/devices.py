"""``primepos devices``: which computers are the tills of a tenant."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.domain.accounts.service import enrol_device, list_devices, revoke_device

RegisterArgument = Annotated[
    str, typer.Argument(metavar="REGISTER", help="The register's prefix, OUTLET/CODE, code or id.")
]
_PAGE = 200

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Enrol, list and revoke the devices of tills.",
)


@app.command(
    epilog=examples("primepos devices enrol MAIN-TILL-1 --yes", "primepos devices enrol main/till-1 --yes --json")
)
def enrol(
    register: RegisterArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a device one of the tills and print its tokens, once; whichever device was this till before is out.

    Keep the refresh token where only the till reads it: it delivers sales and lets staff sign in by PIN.
    """
    place = Workplace(tenant, env_file)
    found = place.register(register)
    confirm_destruction(f"A device that is {found.prefix} today is shut out.", yes)
    emit(place.run(enrol_device, {"register_id": found.id}), as_json=as_json)
    note("Shown once: keep the refresh token on that device, in a file only it reads.")


@app.command(name="list", epilog=examples("primepos devices list", "primepos devices list --json | jq length"))
def list_(*, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """List the tills that a device is enrolled as, and since when."""
    place = Workplace(tenant, env_file)
    rows: list[Any] = []
    after = None
    while True:
        page = place.run(list_devices, {"after": after, "limit": _PAGE})
        rows += page.items
        after = page.next
        if after is None:
            break
    emit(rows, as_json=as_json, columns=("code", "name", "enrolled_at", "register_id"))


@app.command(epilog=examples("primepos devices revoke MAIN-TILL-1 --yes"))
def revoke(
    register: RegisterArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Shut a lost or stolen till out: its tokens are dead within five seconds.

    Sales that it has not delivered can be delivered only after it is enrolled again.
    """
    place = Workplace(tenant, env_file)
    found = place.register(register)
    confirm_destruction(f"{found.prefix} can deliver nothing until a device is enrolled as it again.", yes)
    place.run(revoke_device, {"register_id": found.id})
    emit({"register_id": found.id, "prefix": found.prefix, "revoked": True}, as_json=as_json)
