"""``primepos lots``: lots and serial numbers, from the delivery to the customer."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace, required_id
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.inventory.lot_operations import (
    kit_availability,
    list_lots,
    receive_lots,
    trace_lot,
    write_off_lots,
)

LineArguments = Annotated[
    list[str], typer.Argument(metavar="SKU/LOT[=QUANTITY][@DAY]...", help="Lot or serial number; DAY is its last.")
]
OutletOption = Annotated[str, typer.Option(metavar="CODE", help="The outlet.")]
IdOption = Annotated[
    str | None, typer.Option("--id", metavar="UUID", help="Yours, to repeat the call safely after a lost answer.")
]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Look after lots and serial numbers."
)


@app.command(
    epilog=examples(
        "primepos lots receive YOGHURT/L2431=48@2026-04-30 --outlet main",
        "primepos lots receive PHONE/SN-1001 PHONE/SN-1002 --outlet main --in-stock",
    )
)
def receive(
    lines: LineArguments,
    *,
    outlet: OutletOption,
    in_stock: Annotated[
        bool, typer.Option("--in-stock", help="They are in stock already, and only get their lots.")
    ] = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Such as the delivery note.")] = None,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take goods into stock under their lots or serial numbers."""
    place = Workplace(tenant, env_file)
    data = {
        "id": None if own_id is None else required_id("--id", own_id),
        "outlet_id": place.outlet(outlet).id,
        "lines": [_line(place, text) for text in lines],
        "in_stock": in_stock,
        "reason": reason,
    }
    emit(place.run(receive_lots, data).lines, as_json=as_json)


@app.command(
    name="write-off",
    epilog=examples("primepos lots write-off YOGHURT/L2431=3 --outlet main --reason expired --yes"),
)
def write_off(
    lines: LineArguments,
    *,
    outlet: OutletOption,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why: expired, broken, recalled.")],
    yes: YesFlag = False,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take goods of lots out of stock for good."""
    place = Workplace(tenant, env_file)
    confirm_destruction(f"{', '.join(lines)} will leave the stock.", yes)
    data = {
        "id": None if own_id is None else required_id("--id", own_id),
        "outlet_id": place.outlet(outlet).id,
        "lines": [_line(place, text) for text in lines],
        "reason": reason,
    }
    emit(place.run(write_off_lots, data).lines, as_json=as_json)


@app.command(
    name="list",
    epilog=examples(
        "primepos lots list --sku YOGHURT --outlet main",
        "primepos lots list --expires-by 2026-04-30 --csv",
    ),
)
def list_(
    *,
    sku: Annotated[str | None, typer.Option(metavar="SKU", help="Only of this product.")] = None,
    outlet: Annotated[str | None, typer.Option(metavar="CODE", help="Only in this outlet.")] = None,
    expires_by: Annotated[str | None, typer.Option(metavar="DAY", help="Only those that expire by this day.")] = None,
    gone: Annotated[bool, typer.Option("--gone", help="Those that are used up, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List lots in stock, the first to expire first: of one product, the one to sell next."""
    place = Workplace(tenant, env_file)
    data = {
        "product_id": None if sku is None else place.product(sku).id,
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "expires_by": expires_by,
        "gone": gone,
        "limit": limit,
        "after": after,
    }
    page = place.run(list_lots, data)
    if as_json:
        emit(page, as_json=True)
        return
    columns = ("outlet", "sku", "name", "lot", "expires_on", "is_expired", "quantity")
    emit(page.items, as_json=False, as_csv=as_csv, columns=columns)
    if page.next:
        note(f"There are more: --after {page.next}")


@app.command(epilog=examples("primepos lots trace YOGHURT L2431", "primepos lots trace PHONE SN-1001 --json"))
def trace(
    sku: Annotated[str, typer.Argument(metavar="SKU", help="The product's SKU or id.")],
    lot: Annotated[str, typer.Argument(metavar="LOT", help="Lot or serial number.")],
    *,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Say where a lot came from and went: each movement, of a sale its receipt and customer."""
    place = Workplace(tenant, env_file)
    found = place.run(trace_lot, {"product_id": place.product(sku).id, "lot": lot, "after": after})
    if as_json:
        emit(found, as_json=True)
        return
    columns = ("at", "outlet", "kind", "quantity", "receipt", "customer", "reason", "actor_name")
    emit(found.items, as_json=False, as_csv=as_csv, columns=columns)
    if found.next:
        note(f"There are more: --after {found.next}")


@app.command(epilog=examples("primepos lots kits BREAKFAST --outlet main"))
def kits(
    sku: Annotated[str, typer.Argument(metavar="SKU", help="The kit's SKU or id.")],
    *,
    outlet: OutletOption,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how many of a kit an outlet can make, and which component is scarcest."""
    place = Workplace(tenant, env_file)
    data = {"outlet_id": place.outlet(outlet).id, "product_id": place.product(sku).id}
    found = place.run(kit_availability, data)
    if as_json:
        emit(found, as_json=True)
        return
    emit(found.components, as_json=False, columns=("sku", "quantity", "in_stock", "enough_for"))
    note(f"Enough for {found.available}" if found.available is not None else "Nothing of it is counted")


def _line(place: Workplace, text: str) -> dict[str, Any]:
    """Read ``SKU/LOT=QUANTITY@DAY``; the quantity is one and the day unknown where they are not given."""
    rest, _, day = text.partition("@")
    named, _, quantity = rest.partition("=")
    sku, slash, lot = named.partition("/")
    if not slash or not lot:
        raise InvalidInput(f"write {text!r} as SKU/LOT, SKU/LOT=QUANTITY or SKU/LOT=QUANTITY@DAY")
    return {
        "product_id": place.product(sku).id,
        "lot": lot,
        "quantity": quantity or "1",
        "expires_on": day or None,
    }
