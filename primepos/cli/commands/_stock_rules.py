"""``primepos stock``: what a shop lays down about its stock, and what tills hold of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace
from primepos.cli.numbered import goods
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.ids import new_id
from primepos.domain.inventory.service import (
    allot_stock,
    list_allotments,
    list_low,
    list_reasons,
    release_stock,
    set_policy,
    set_reason,
    set_reorder,
    show_policy,
)

OneOutlet = Annotated[str | None, typer.Option("--outlet", metavar="OUTLET", help="Only this outlet.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most this many.")]
Till = Annotated[str, typer.Argument(metavar="TILL", help="Its receipt prefix, OUTLET/CODE or id.")]
_HELD = ("register", "sku", "name", "allotted", "free")


def low(
    *,
    outlet: OneOutlet = None,
    limit: Limit = 200,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what has come down to its minimum, and how much fills it up."""
    place = Workplace(tenant, env_file)
    page = place.run(list_low, {"outlet_id": None if outlet is None else place.outlet(outlet).id, "limit": limit})
    columns = ("outlet", "sku", "name", "quantity", "minimum", "target", "in_transit", "suggested")
    _print(page, columns, as_json=as_json, as_csv=as_csv)


def reorder(
    product: Annotated[str, typer.Argument(metavar="SKU", help="The product's SKU or id.")],
    *,
    outlet: Annotated[str, typer.Option("--outlet", metavar="OUTLET", help="The outlet's code or id.")],
    minimum: Annotated[str | None, typer.Option("--min", metavar="N", help="Order again at N or fewer.")] = None,
    target: Annotated[str | None, typer.Option(metavar="N", help="Fill it up to N.")] = None,
    never: Annotated[bool, typer.Option("--never", help="Take the reorder point away.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say when to order a product again, and up to how much."""
    if (minimum is None) != never:
        raise typer.BadParameter("give --min, or --never")
    place = Workplace(tenant, env_file)
    which = {"outlet_id": place.outlet(outlet).id, "product_id": place.product(product).id}
    done = place.run(set_reorder, {**which, "minimum": minimum, "target": target})
    emit(done, as_json=as_json, columns=None if as_json else ("minimum", "target"))


def policy(
    rule: Annotated[str | None, typer.Argument(metavar="[RULE]", help="allow, warn, block or inherit.")] = None,
    *,
    outlet: Annotated[str | None, typer.Option("--outlet", metavar="OUTLET", help="In this outlet.")] = None,
    product: Annotated[str | None, typer.Option(metavar="SKU", help="Of this product.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show, or set for an outlet or a product, what happens when stock would fall below zero."""
    place = Workplace(tenant, env_file)
    which = {
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "product_id": None if product is None else place.product(product).id,
    }
    if rule is None:
        emit(place.run(show_policy, which), as_json=as_json)
        return
    done = place.run(set_policy, {**which, "policy": None if rule == "inherit" else rule})
    emit(done, as_json=as_json)


def reasons(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those out of use too.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the reasons for correcting stock, and which way each goes."""
    found = Workplace(tenant, env_file).run(list_reasons, {"all": every})
    emit(found.items, as_json=as_json, columns=("code", "name", "direction", "archived"))


def reason(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Short, as tasting.")],
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What it is called.")],
    direction: Annotated[str, typer.Option(help="out, in or either.")],
    archived: Annotated[bool, typer.Option("--archived", help="Take it out of use.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a reason for correcting stock, or change one."""
    data = {"code": code, "name": name, "direction": direction, "archived": archived}
    emit(Workplace(tenant, env_file).run(set_reason, data), as_json=as_json)


def allot(
    till: Till,
    lines: Annotated[list[str], typer.Argument(metavar="SKU:N...", help="What it gets.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a till so many of its outlet's goods to sell, offline too; to others they are not there."""
    place = Workplace(tenant, env_file)
    given, _ = goods(place, "SKU:N", lines)
    done = place.run(allot_stock, {"id": new_id(), "register_id": place.register(till).id, "lines": given})
    emit(done if as_json else done.items, as_json=as_json, columns=None if as_json else _HELD)


def release(
    till: Till,
    lines: Annotated[list[str] | None, typer.Argument(metavar="[SKU:N]...", help="Which goods; all without.")] = None,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take back what a till holds; let it deliver its sales first."""
    place = Workplace(tenant, env_file)
    taken, _ = goods(place, "SKU:N", lines or [])
    register = place.register(till)
    confirm_destruction(f"What {register.prefix} sells offline from now on may not be there.", yes)
    done = place.run(release_stock, {"id": new_id(), "register_id": register.id, "lines": taken})
    emit(done if as_json else done.items, as_json=as_json, columns=None if as_json else _HELD)


def allotments(
    *,
    till: Annotated[str | None, typer.Option(metavar="TILL", help="Only this till.")] = None,
    limit: Limit = 200,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what tills hold."""
    place = Workplace(tenant, env_file)
    asked = {"register_id": None if till is None else place.register(till).id, "limit": limit}
    _print(place.run(list_allotments, asked), _HELD, as_json=as_json, as_csv=as_csv)


def add_to(app: typer.Typer) -> None:
    """Put these commands into ``primepos stock``."""
    for command, lines in (
        (low, ("primepos stock low --outlet main",)),
        (reorder, ("primepos stock reorder MILK-1 --outlet main --min 12 --target 48",)),
        (
            policy,
            (
                "primepos stock policy",
                "primepos stock policy block --product MILK-1",
                "primepos stock policy --outlet main",
            ),
        ),
        (reasons, ("primepos stock reasons --all",)),
        (reason, ("primepos stock reason tasting --name 'For tasting' --direction out",)),
        (allot, ("primepos stock allot MAIN-1 MILK-1:10",)),
        (release, ("primepos stock release MAIN-1 --yes", "primepos stock release MAIN-1 MILK-1:4 --yes")),
        (allotments, ("primepos stock allotments --till MAIN-1",)),
    ):
        app.command(epilog=examples(*lines))(command)


def _print(page: Any, columns: tuple[str, ...], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        emit(page, as_json=True)
        return
    emit(page.items, as_json=False, as_csv=as_csv, columns=columns)
    if page.next:
        note("There are more than are shown; see --limit.")
