"""``primepos tenants``: make tenants, look at them, suspend and resume them, and set one up from a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from msgspec.structs import asdict

from primepos.cli import session
from primepos.cli.options import EnvFileOption, JsonFlag, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.cli.provisioning import Provisioner, load_shop, show_plan, show_secrets
from primepos.core.errors import InvalidInput
from primepos.core.settings_types import Secret
from primepos.domain.tenancy.service import create_tenant, list_tenants, resume_tenant, show_tenant, suspend_tenant

SlugArgument = Annotated[str, typer.Argument(metavar="SLUG", help="The tenant's short name.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit trail.")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Create, apply, list and suspend tenants."
)


@app.command(
    epilog=examples(
        "primepos tenants create corner --name 'Corner shop' --currency EUR --zone Europe/Berlin --country DE",
        "primepos tenants create kiosk --name Kiosk --currency CHF --zone Europe/Zurich --json",
    )
)
def create(
    slug: SlugArgument,
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="The shop's or chain's name.")],
    currency: Annotated[str, typer.Option(metavar="CODE", help="ISO 4217 code; stays for good.")],
    zone: Annotated[str, typer.Option(metavar="ZONE", help="IANA time zone, such as Europe/Berlin.")],
    country: Annotated[str, typer.Option(metavar="CODE", help="ISO 3166 code of two letters.")] = "",
    day_starts: Annotated[int, typer.Option(min=0, max=12, help="Hour at which the business day begins.")] = 0,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make an empty tenant. `tenants apply` makes one with outlets, taxes, staff and products from a file."""
    data = {
        "slug": slug,
        "name": name,
        "currency": currency,
        "zone": zone,
        "country": country,
        "day_starts_hour": day_starts,
    }
    _show(session.run_in_system(create_tenant, data, env_file=env_file), as_json=as_json)


@app.command(name="list", epilog=examples("primepos tenants list", "primepos tenants list --status suspended --json"))
def list_(
    *,
    status: Annotated[Literal["active", "suspended"] | None, typer.Option(help="Only those of this standing.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="SLUG", help="Go on after this one.")] = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the tenants of this installation by short name."""
    page = session.run_in_system(list_tenants, {"status": status, "limit": limit, "after": after}, env_file=env_file)
    if as_json:
        emit(page, as_json=True)
        return
    emit(page.items, as_json=False, columns=("slug", "name", "status", "currency", "zone"))
    if page.next:
        note(f"There are more: --after {page.next}")


@app.command(epilog=examples("primepos tenants show corner", "primepos tenants show corner --json | jq .settings"))
def show(slug: SlugArgument, *, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Show one tenant and how it is set up."""
    _show(session.run_in_system(show_tenant, {"slug": slug}, env_file=env_file), as_json=as_json)


@app.command(epilog=examples("primepos tenants suspend corner --reason 'invoice 17 unpaid' --yes"))
def suspend(
    slug: SlugArgument,
    *,
    reason: ReasonOption = "",
    yes: YesFlag = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Suspend a tenant: nobody signs in and nothing is sold until it is resumed. What tills sold is delivered."""
    confirm_destruction(f"Nobody of {slug!r} will be able to sell.", yes)
    found = session.run_in_system(suspend_tenant, {"slug": slug, "reason": reason}, env_file=env_file)
    _show(found, as_json=as_json)


@app.command(epilog=examples("primepos tenants resume corner --reason 'invoice 17 paid'"))
def resume(
    slug: SlugArgument, *, reason: ReasonOption = "", env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Let a suspended tenant go on."""
    _show(session.run_in_system(resume_tenant, {"slug": slug, "reason": reason}, env_file=env_file), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos tenants apply -f chain.yaml --plan",
        "primepos tenants apply -f chain.yaml --yes",
        "primepos tenants apply -f chain.yaml --yes --json | jq .counts",
    )
)
def apply(
    *,
    file: Annotated[
        Path, typer.Option("--file", "-f", metavar="FILE", exists=True, dir_okay=False, help="YAML or JSON; see docs.")
    ],
    plan_only: Annotated[
        bool, typer.Option("--plan", "--dry-run", help="Show what would be done and change nothing.")
    ] = False,
    yes: YesFlag = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a tenant with its outlets, taxes, staff and products be as a file says.

    Shows what is new and what differs, asks, and applies just that, all or nothing. The same file again changes
    nothing. What the file does not name stays as it is: nothing is ever deleted. docs/provisioning.md describes the
    file; JSON output has the counts, every change, and the PINs and passwords that were made, this once.
    """
    shop = load_shop(file)
    work = Provisioner(session.open_app(env_file), shop)
    plan = work.plan()
    if not as_json:
        show_plan(plan)
    if plan_only or plan.is_empty:
        if as_json:
            emit({"tenant": shop.tenant.slug, "applied": False, **asdict(plan)}, as_json=True)
        return
    confirm_destruction(f"This changes tenant {shop.tenant.slug!r} as shown.", yes)
    applied = work.apply()
    if as_json:
        done = {"tenant": shop.tenant.slug, "applied": True, "changes": applied.changes, "counts": plan.counts}
        emit({**done, "pins": applied.pins, "passwords": applied.passwords}, as_json=True)
        return
    show_secrets(applied)
    note("Applied.")


@app.command(
    epilog=examples("primepos tenants export corner > corner.yaml", "primepos tenants export corner --json | jq .taxes")
)
def export(slug: SlugArgument, *, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Print a tenant as the file that `tenants apply` takes; applied to the same tenant, it changes nothing.

    Without what is archived, and without secrets: PINs and passwords are made anew where it is applied. To move a
    whole shop with its sales, use `tenants move-out`.
    """
    from primepos.cli.provisioning import written_shop

    found, left_out = written_shop(session.open_app(env_file), slug)
    if as_json:
        emit(found, as_json=True)
    else:
        import yaml

        typer.echo(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120), nl=False)
    for what, number in left_out.items():
        note(f"Left out: {number} {what}")


FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The sealed file.", dir_okay=False)]
KeyOption = Annotated[
    str | None,
    typer.Option("--key-env", metavar="NAME", help="The variable with the key of the file; else BACKUP_KEY is it."),
]


@app.command(
    name="move-out",
    epilog=examples(
        "primepos tenants move-out corner corner.tenant --yes",
        "primepos tenants move-out corner corner.tenant --key-env MOVE_KEY --yes --json",
    ),
)
def move_out(
    slug: SlugArgument,
    file: FileArgument,
    *,
    key_env: KeyOption = None,
    yes: YesFlag = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Close a shop here and write all of it to one sealed file, to be brought in on another server.

    The shop is read only from then on: nobody signs in and no till delivers. `tenants resume` takes it back, as long
    as it is not in use elsewhere. Passwords and PINs stay behind.
    """
    from primepos.cli.moving import write_out

    confirm_destruction(f"{slug!r} is closed on this server.", yes)
    running = session.open_app(env_file)
    counts = write_out(running, session.operator_identity(running, slug), file, _key(running, key_env))
    emit({"tenant": slug, "file": str(file), "rows": sum(counts.values())}, as_json=as_json)


@app.command(
    name="move-in",
    epilog=examples(
        "primepos tenants move-in corner.tenant",
        "primepos tenants move-in corner.tenant --key-env MOVE_KEY --json",
    ),
)
def move_in(
    file: FileArgument, *, key_env: KeyOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Bring a shop in from a file of `tenants move-out`; seen by nobody before it is whole. Again goes on."""
    from primepos.cli.moving import read_in

    running = session.open_app(env_file)
    slug, counts = read_in(running, file, _key(running, key_env))
    emit({"tenant": slug, "rows": sum(counts.values())}, as_json=as_json)
    if not as_json:
        note("Everybody chooses a new password (`users reset-password`), staff get new PINs, tills are enrolled anew.")


@app.command(name="give-up", epilog=examples("primepos tenants give-up corner --yes"))
def give_up(
    slug: SlugArgument, *, yes: YesFlag = False, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Remove what arrived of a shop whose move-in was interrupted and will not go on."""
    from primepos.domain.moving.service import give_up_arrival

    confirm_destruction(f"What arrived of {slug!r} is removed.", yes)
    emit(session.run_in_system(give_up_arrival, {"slug": slug}, env_file=env_file), as_json=as_json)


erasing = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Erase a tenant: an owner and an administrator of the installation together, and not before its time.",
)
app.add_typer(erasing, name="erase")
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The erasure's id, as asking printed it.")]


@erasing.command(epilog=examples("primepos tenants erase ask corner --scope personal --reason 'closing down' --json"))
def ask(
    slug: SlugArgument,
    *,
    scope: Annotated[Literal["personal", "everything"], typer.Option(help="Customers and staff, or everything.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept.")],
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask for an erasure. Sign in (PRIMEPOS_TOKEN): at one shell two people cannot be told apart."""
    from primepos.core.ids import new_id
    from primepos.domain.moving.service import ask_erasure

    data = {"id": new_id(), "slug": slug, "scope": scope, "reason": reason}
    emit(session.run_in_system(ask_erasure, data, env_file=env_file), as_json=as_json)


@erasing.command(epilog=examples("primepos tenants erase agree corner 0190a1b2-..."))
def agree(slug: SlugArgument, id_: IdArgument, *, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Agree to what the other side asked for; it can be done thirty days later."""
    from primepos.domain.moving.service import agree_erasure

    emit(session.run_in_system(agree_erasure, {"slug": slug, "id": id_}, env_file=env_file), as_json=as_json)


@erasing.command(epilog=examples("primepos tenants erase cancel corner 0190a1b2-..."))
def cancel(slug: SlugArgument, id_: IdArgument, *, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Call an erasure off, as long as it was not done."""
    from primepos.domain.moving.service import cancel_erasure

    emit(session.run_in_system(cancel_erasure, {"slug": slug, "id": id_}, env_file=env_file), as_json=as_json)


@erasing.command(name="run", epilog=examples("primepos tenants erase run corner 0190a1b2-... --yes"))
def run_(
    slug: SlugArgument,
    id_: IdArgument,
    *,
    yes: YesFlag = False,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Do an erasure whose time has come. There is no way back."""
    from primepos.domain.moving.service import run_erasure

    confirm_destruction(f"What was agreed on is erased of {slug!r} for good.", yes)
    emit(session.run_in_system(run_erasure, {"slug": slug, "id": id_}, env_file=env_file), as_json=as_json)


def _key(running: Any, key_env: str | None) -> Secret:
    """Return the key of a moved shop's file. Raises: InvalidInput where there is none."""
    given = Secret(os.environ.get(key_env, "")) if key_env else running.settings.backup_key
    if not given:
        raise InvalidInput("There is no key: set BACKUP_KEY, or name a variable with --key-env")
    return given


def _show(tenant: Any, *, as_json: bool) -> None:
    emit(tenant, as_json=as_json)
