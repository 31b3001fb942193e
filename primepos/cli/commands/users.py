"""``primepos users``: people with a password and an e-mail address, and staff with a code and a PIN."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from primepos.cli import session
from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.accounts.service import (
    create_superuser as create_superuser_operation,
)
from primepos.domain.accounts.service import (
    create_user,
    disable_user,
    enable_user,
    list_users,
    reset_password,
    set_role,
)
from primepos.domain.staff.service import archive_staff, create_staff, list_staff, reset_pin, set_pin, update_staff

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail address.")]
CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The person's staff code.")]
NameOption = Annotated[str, typer.Option(metavar="TEXT", help="What the person is called.")]
_ROLES = "owner, manager, cashier, stock_clerk, accountant, or one of your own (`primepos roles list`)."
RoleOption = Annotated[str, typer.Option(metavar="ROLE", help=f"What the person may do: {_ROLES}")]
OutletsOption = Annotated[
    list[str] | None, typer.Option("--outlet", metavar="OUTLET", help="Only this outlet; may be given again.")
]
AllOutletsFlag = Annotated[bool, typer.Option("--all-outlets", help="Every outlet from now on.")]

PASSWORD = "PRIMEPOS_PASSWORD"  # noqa: S105  the name of a variable, not a password
PIN = "PRIMEPOS_PIN"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Create people, set their roles and reset passwords.",
)


class NoTerminal(InvalidInput):
    """A secret is needed, and there is nobody to ask for it."""

    code = "NO_TERMINAL"
    template = "A {what} is needed and there is no terminal to ask at"

    def __init__(self, what: str, variable: str) -> None:
        super().__init__(what=what, variable=variable, hint=f"Set {variable} for this one command.")


@app.command(
    epilog=examples(
        "primepos users create ann@shop.test --name Ann --role manager --outlet main",
        "PRIMEPOS_PASSWORD='a long sentence' primepos users create bob@shop.test --name Bob --role owner --json",
    )
)
def create(
    email: EmailArgument,
    *,
    name: NameOption,
    role: RoleOption = "cashier",
    outlet: OutletsOption = None,
    ask_password: Annotated[bool, typer.Option("--ask-password", help="Ask for a password now.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a person into the tenant.

    A password is taken from PRIMEPOS_PASSWORD or asked for, never from the command line. Without one a temporary
    password is made, shown this once, and good to choose another.
    """
    place = Workplace(tenant, env_file)
    password = _secret("password", PASSWORD) if ask_password or os.environ.get(PASSWORD) else None
    data = {
        "email": email,
        "name": name,
        "role": role,
        "outlet_ids": place.outlet_ids(outlet) if outlet else None,
        "password": password,
    }
    made = place.run(create_user, data)
    if as_json:
        emit(made, as_json=True)
        return
    emit(made.user, as_json=False)
    if not made.is_new:
        note("This person had an account already and keeps its password.")
    if made.temporary_password is not None:
        emit({"temporary_password": made.temporary_password}, as_json=False)
        note(f"Shown this once; it works until {made.password_expires_at} and only to choose another.")


@app.command(name="list", epilog=examples("primepos users list", "primepos users list --staff --json"))
def list_(
    *,
    staff: Annotated[bool, typer.Option("--staff", help="Those who sign in at a till by PIN.")] = False,
    archived: Annotated[bool, typer.Option("--archived", help="With --staff: those who left.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="TEXT", help="Go on after this e-mail address or code.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the people of the tenant by e-mail address, or its staff by code."""
    place = Workplace(tenant, env_file)
    page: Any
    if staff:
        page = place.run(list_staff, {"limit": limit, "after": after, "archived": archived})
    else:
        page = place.run(list_users, {"limit": limit, "after": after})
    if as_json:
        emit(page, as_json=True)
        return
    emit(page.items, as_json=False, columns=("code", "name", "role", "pin") if staff else _USER_COLUMNS)
    if page.next:
        note(f"There are more: --after {page.next}")


_USER_COLUMNS = ("email", "name", "role", "is_disabled")


@app.command(
    name="set-role",
    epilog=examples(
        "primepos users set-role ann@shop.test manager",
        "primepos users set-role ann@shop.test cashier --outlet main --outlet airport --json",
    ),
)
def set_role_(
    email: EmailArgument,
    role: Annotated[str, typer.Argument(metavar="ROLE", help=f"What the person is from now on: {_ROLES}")],
    *,
    outlet: OutletsOption = None,
    all_outlets: AllOutletsFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a person another role, or other outlets; without outlets given, those stay."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {"email": email, "role": role, **_outlets(place, outlet, all_outlets)}
    emit(place.run(set_role, data), as_json=as_json)


@app.command(epilog=examples("primepos users disable ann@shop.test --yes"))
def disable(
    email: EmailArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Shut a person out of the tenant; their sessions end. `users enable` lets them in again."""
    place = Workplace(tenant, env_file)
    confirm_destruction(f"{email} will be signed out and shut out.", yes)
    emit(place.run(disable_user, {"email": email}), as_json=as_json)


@app.command(epilog=examples("primepos users enable ann@shop.test"))
def enable(
    email: EmailArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Let a person who was shut out in again."""
    emit(Workplace(tenant, env_file).run(enable_user, {"email": email}), as_json=as_json)


@app.command(name="reset-password", epilog=examples("primepos users reset-password ann@shop.test --yes"))
def reset_password_(
    email: EmailArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a temporary password for a person who lost theirs; all their sessions end. It is shown this once."""
    place = Workplace(tenant, env_file)
    confirm_destruction(f"The password of {email} stops working.", yes)
    made = place.run(reset_password, {"email": email})
    emit(made, as_json=as_json, columns=("password", "expires_at"))


@app.command(
    name="create-superuser",
    epilog=examples(
        "primepos users create-superuser --email ops@host.test --name Ops",
        "PRIMEPOS_PASSWORD='a long sentence' primepos users create-superuser --email ops@host.test --name Ops --json",
    ),
)
def create_superuser(
    *,
    email: Annotated[str, typer.Option(metavar="EMAIL", help="The person's e-mail address.")],
    name: NameOption = "Administrator",
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make an administrator of the installation: makes and suspends tenants, never sees what is in them.

    The password is taken from PRIMEPOS_PASSWORD or asked for; weak ones are refused.
    """
    data = {"email": email, "name": name, "password": _secret("password", PASSWORD)}
    emit(session.run_in_system(create_superuser_operation, data, env_file=env_file), as_json=as_json)


# --- staff -----------------------------------------------------------------------------------------------------------


@app.command(
    name="create-staff",
    epilog=examples(
        "primepos users create-staff 12 --name Eve --role cashier --outlet main",
        "PRIMEPOS_PIN=482915 primepos users create-staff 13 --name Jo --role manager --json",
    ),
)
def create_staff_(
    code: CodeArgument,
    *,
    name: NameOption,
    role: RoleOption = "cashier",
    outlet: OutletsOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a person who signs in at a till.

    A PIN is taken from PRIMEPOS_PIN, never from the command line; without one it is made and shown this once.
    """
    place = Workplace(tenant, env_file)
    chosen = os.environ.get(PIN)
    outlets = place.outlet_ids(outlet) if outlet else None
    made = place.run(create_staff, {"code": code, "name": name, "role": role, "outlet_ids": outlets, "pin": chosen})
    if chosen:
        emit(made, as_json=as_json)
        return
    _show_pin(place.run(reset_pin, {"staff_id": made.id}), as_json=as_json)


@app.command(
    name="change-staff",
    epilog=examples("primepos users change-staff 12 --role manager", "primepos users change-staff 12 --all-outlets"),
)
def change_staff(
    code: CodeArgument,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="The new name.")] = None,
    role: Annotated[str | None, typer.Option(metavar="ROLE", help=f"The new role: {_ROLES}")] = None,
    outlet: OutletsOption = None,
    all_outlets: AllOutletsFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change the name, role or outlets of a person at the till; what is not given stays."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {"staff_id": _staff_id(place, code), **_outlets(place, outlet, all_outlets)}
    data |= {field: value for field, value in (("name", name), ("role", role)) if value is not None}
    emit(place.run(update_staff, data), as_json=as_json)


@app.command(name="archive-staff", epilog=examples("primepos users archive-staff 12 --yes"))
def archive_staff_(
    code: CodeArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a person off the staff: the PIN opens nothing any more, what they sold keeps their name."""
    place = Workplace(tenant, env_file)
    confirm_destruction(f"The PIN of {code} stops working.", yes)
    emit(place.run(archive_staff, {"code": code}), as_json=as_json)


@app.command(
    name="reset-pin",
    epilog=examples("primepos users reset-pin 12", "PRIMEPOS_PIN=482915 primepos users reset-pin 12 --json"),
)
def reset_pin_(
    code: CodeArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a person at the till a new PIN and unlock it: the one in PRIMEPOS_PIN, else one that is shown this once."""
    place = Workplace(tenant, env_file)
    chosen = os.environ.get(PIN)
    if chosen:
        emit(place.run(set_pin, {"code": code, "pin": chosen}), as_json=as_json)
        return
    _show_pin(place.run(reset_pin, {"code": code}), as_json=as_json)


def _show_pin(made: Any, *, as_json: bool) -> None:
    if as_json:
        emit(made, as_json=True)
        return
    emit({"code": made.staff.code, "name": made.staff.name, "pin": made.pin}, as_json=False)
    note("The PIN is shown this once.")


def _staff_id(place: Workplace, code: str) -> Any:
    after: str | None = None
    while True:
        page = place.run(list_staff, {"limit": 200, "after": after})
        for row in page.items:
            if row.code.upper() == code.upper():
                return row.id
        if page.next is None:
            from primepos.domain.staff.errors import StaffNotFound

            raise StaffNotFound
        after = page.next


def _outlets(place: Workplace, outlet: list[str] | None, all_outlets: bool) -> dict[str, Any]:
    if outlet and all_outlets:
        raise InvalidInput("Give either --outlet or --all-outlets")
    if all_outlets:
        return {"outlet_ids": None}
    return {"outlet_ids": place.outlet_ids(outlet)} if outlet else {}


def _secret(what: str, variable: str) -> str:
    """Return a secret from the environment or, asked for twice, from the person at the terminal."""
    given = os.environ.get(variable)
    if given:
        return given
    if not sys.stdin.isatty():
        raise NoTerminal(what, variable)
    import getpass

    first = getpass.getpass(f"{what.capitalize()}: ")
    if getpass.getpass("Once more: ") != first:
        raise InvalidInput(f"The two {what}s differ; nothing was changed")
    return first
