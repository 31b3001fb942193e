"""``primepos stock transfers``: goods on their way between locations."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace
from primepos.cli.numbered import goods, numbered
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.ids import new_id
from primepos.domain.inventory.errors import TransferNotFound
from primepos.domain.inventory.service import (
    cancel_transfer,
    close_transfer,
    get_transfer,
    list_in_transit,
    list_transfers,
    receive_transfer,
    request_transfer,
    ship_transfer,
)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The transfer's number or id.")]
GoodsOption = Annotated[list[str] | None, typer.Argument(metavar="[SKU:N]...", help="Which goods; all without.")]
_ROW = ("number", "from_outlet", "to_outlet", "state", "requested_by", "requested_at")
_LINE = ("sku", "name", "requested", "shipped", "received", "damaged", "lost", "back", "over", "in_transit")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Move goods between locations."
)


@app.command(epilog=examples("primepos stock transfers request MILK-1:24 APPLES:10 --from depot --to main"))
def request(
    lines: Annotated[list[str], typer.Argument(metavar="SKU:N...", help="What is wanted, and how much of it.")],
    *,
    source: Annotated[str, typer.Option("--from", metavar="OUTLET", help="Where it is.")],
    target: Annotated[str, typer.Option("--to", metavar="OUTLET", help="Where it is wanted.")],
    text: Annotated[str, typer.Option("--note", metavar="TEXT", help="A note for the other place.")] = "",
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask another location for goods; nothing moves yet."""
    place = Workplace(tenant, env_file)
    wanted, _ = goods(place, "SKU:N", lines)
    ends = {"from_outlet_id": place.outlet(source).id, "to_outlet_id": place.outlet(target).id}
    _show(place.run(request_transfer, {"id": new_id(), **ends, "lines": wanted, "note": text}), as_json=as_json)


@app.command(epilog=examples("primepos stock transfers ship 1", "primepos stock transfers ship 1 MILK-1:20 APPLES:0"))
def ship(
    transfer: Number,
    lines: GoodsOption = None,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send the goods: all that was asked for, or what is named."""
    place = Workplace(tenant, env_file)
    sent, _ = goods(place, "SKU:N", lines or [])
    data = {"id": new_id(), "transfer_id": _id(place, transfer), "lines": sent}
    _show(place.run(ship_transfer, data), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos stock transfers receive 1", "primepos stock transfers receive 1 MILK-1:18 --damaged MILK-1:2"
    )
)
def receive(
    transfer: Number,
    lines: GoodsOption = None,
    *,
    damaged: Annotated[
        list[str] | None, typer.Option(metavar="SKU:N", help="N arrived broken; may be given again.")
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take in what arrived: all that is in transit, or what is named; the rest may come later."""
    place = Workplace(tenant, env_file)
    arrived: dict[Any, dict[str, Any]] = {}
    for field, texts in (("received", lines), ("damaged", damaged)):
        for line in goods(place, "SKU:N", texts or [], field)[0]:
            arrived.setdefault(line["product_id"], {"product_id": line["product_id"]}).update(line)
    data = {"id": new_id(), "transfer_id": _id(place, transfer), "lines": list(arrived.values())}
    _show(place.run(receive_transfer, data), as_json=as_json)


@app.command(
    epilog=examples("primepos stock transfers close 1 --lost", "primepos stock transfers close 1 --back --yes")
)
def close(
    transfer: Number,
    *,
    lost: Annotated[bool, typer.Option("--lost/--back", help="What is missing is lost, or never left.")] = True,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """End a transfer of which something never arrived."""
    place = Workplace(tenant, env_file)
    found = _id(place, transfer)
    if lost:
        confirm_destruction("What is still in transit will be written off.", yes)
    data = {"id": new_id(), "transfer_id": found, "missing": "lost" if lost else "back"}
    _show(place.run(close_transfer, data), as_json=as_json)


@app.command(epilog=examples("primepos stock transfers cancel 1"))
def cancel(
    transfer: Number, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Take a request back before it is shipped."""
    place = Workplace(tenant, env_file)
    _show(place.run(cancel_transfer, {"id": _id(place, transfer)}), as_json=as_json)


@app.command(epilog=examples("primepos stock transfers show 1 --json"))
def show(
    transfer: Number, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show a transfer and where each of its goods is."""
    place = Workplace(tenant, env_file)
    _show(place.run(get_transfer, {"id": _id(place, transfer)}), as_json=as_json)


@app.command(name="list", epilog=examples("primepos stock transfers list --state in_transit"))
def list_(
    *,
    state: Annotated[str | None, typer.Option(help="requested, in_transit, closed or cancelled.")] = None,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only from or to this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List transfers, the newest first."""
    place = Workplace(tenant, env_file)
    asked = {
        "state": state,
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "limit": limit,
        "after": after,
    }
    page = place.run(list_transfers, asked)
    emit(page if as_json else page.items, as_json=as_json, columns=None if as_json else _ROW)
    if page.next and not as_json:
        note(f"There are more: --after {page.next}")


@app.command(name="in-transit", epilog=examples("primepos stock transfers in-transit --outlet main"))
def in_transit(
    *,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only from or to this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 200,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the goods that are on their way, and what they are worth."""
    place = Workplace(tenant, env_file)
    asked = {"outlet_id": None if outlet is None else place.outlet(outlet).id, "limit": limit}
    page = place.run(list_in_transit, asked)
    if as_json:
        emit(page, as_json=True)
        return
    rows = [
        {
            "transfer": each.number,
            "from": each.from_outlet,
            "to": each.to_outlet,
            "sku": each.sku,
            "name": each.name,
            "quantity": each.quantity,
            "value": place.major(each.value),
        }
        for each in page.items
    ]
    emit(rows, as_json=False, columns=("transfer", "from", "to", "sku", "name", "quantity", "value"))
    if page.next:
        note("There are more than are shown.")


def _id(place: Workplace, text: str) -> Any:
    return numbered(place, list_transfers, text, TransferNotFound)


def _show(transfer: Any, *, as_json: bool) -> None:
    if as_json:
        emit(transfer, as_json=True)
        return
    emit(transfer, as_json=False, columns=(*_ROW, "shipped_at", "closed_at", "note"))
    typer.echo()
    emit(transfer.lines, as_json=False, columns=_LINE)
