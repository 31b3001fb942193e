"""``primepos stock``: what an outlet has, what moved it, and corrections."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.commands import _stock_counts, _stock_rules, _stock_transfers
from primepos.cli.naming import Workplace, by_sku
from primepos.cli.numbered import costed
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.inventory.service import (
    adjust_stock,
    explain_stock,
    list_costs,
    list_levels,
    list_movements,
    open_stock,
    receive_stock,
    revalue_stock,
)

LimitOption = Annotated[int, typer.Option(min=1, max=200, help="At most this many.")]
AfterOption = Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")]
OneOutlet = Annotated[str | None, typer.Option("--outlet", metavar="OUTLET", help="Only this outlet.")]
TheOutlet = Annotated[str, typer.Option("--outlet", metavar="OUTLET", help="The outlet's code or id.")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Show, move, count and correct stock."
)
app.add_typer(_stock_transfers.app, name="transfers")
app.add_typer(_stock_counts.app, name="counts")


@app.command(
    epilog=examples(
        "primepos stock levels --outlet main",
        "primepos stock levels --at-most 0 --csv > missing.csv",
        "primepos stock levels --product MILK-1 --json",
    )
)
def levels(
    *,
    outlet: OneOutlet = None,
    product: Annotated[str | None, typer.Option(metavar="SKU", help="Only this product.")] = None,
    at_most: Annotated[str | None, typer.Option(metavar="N", help="Only where there is no more than this.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List how much there is, the lowest first. Products that never moved are left out."""
    place = Workplace(tenant, env_file)
    asked = {
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "product_id": None if product is None else place.product(product).id,
        "at_most": at_most,
        "limit": limit,
        "after": after,
    }
    _print(
        place.run(list_levels, asked), ("outlet", "sku", "name", "quantity", "allotted"), as_json=as_json, as_csv=as_csv
    )


@app.command(epilog=examples("primepos stock movements MILK-1", "primepos stock movements MILK-1 --outlet main --json"))
def movements(
    product: Annotated[str, typer.Argument(metavar="SKU", help="The product's SKU or id.")],
    *,
    outlet: OneOutlet = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what moved a product's stock, newest first."""
    place = Workplace(tenant, env_file)
    asked = {
        "product_id": place.product(product).id,
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "limit": limit,
        "after": after,
    }
    columns = ("at", "kind", "quantity", "reason_code", "reason", "actor_name", "sale_id", "document_id")
    _print(place.run(list_movements, asked), columns, as_json=as_json, as_csv=as_csv)


@app.command(
    epilog=examples(
        "primepos stock adjust --outlet main --why damage --quantity MILK-1:2 --yes",
        "primepos stock adjust --outlet main --reason 'broken bottles' --by MILK-1:-2 --yes",
        "primepos stock adjust --outlet main --reason 'count of 3 May' --counted MILK-1:40 --counted APPLES:12.350 -y",
    )
)
def adjust(
    *,
    outlet: TheOutlet,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; stands beside every movement.")] = None,
    why: Annotated[str | None, typer.Option(metavar="CODE", help="One of `primepos stock reasons`.")] = None,
    quantity: Annotated[
        list[str] | None, typer.Option(metavar="SKU:N", help="N that --why takes away or adds; may be given again.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="SKU:N", help="N more, or fewer; may be given again.")
    ] = None,
    counted: Annotated[
        list[str] | None, typer.Option(metavar="SKU:N", help="N were counted; may be given again.")
    ] = None,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Correct an outlet's stock by differences or by what was counted; all lines or none."""
    place = Workplace(tenant, env_file)
    names: dict[Any, str] = {}
    lines = []
    for option, field, texts in (
        ("--quantity", "quantity", quantity),
        ("--by", "delta", by),
        ("--counted", "counted", counted),
    ):
        for text in texts or []:
            sku, amount = by_sku(option, text)
            product = place.product(sku)
            names[product.id] = product.sku
            lines.append({"product_id": product.id, field: amount})
    if not lines:
        raise InvalidInput("Say what to correct with --quantity, --by or --counted")
    data = {"outlet_id": place.outlet(outlet).id, "reason": reason, "reason_code": why, "lines": lines}
    confirm_destruction(f"The stock of {', '.join(names.values())} will be changed.", yes)
    _moved(place.run(adjust_stock, data), names, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos stock receive MILK-1:48 APPLES:20.5 --outlet main --reason 'note 4711'",
        "primepos stock receive MILK-1:48@0.89 --outlet main",
    )
)
def receive(
    goods: Annotated[
        list[str], typer.Argument(metavar="SKU:N[@COST]...", help="What came in, how much, and what one cost.")
    ],
    *,
    outlet: TheOutlet,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="The delivery note, for example.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take goods into an outlet's stock; all lines or none. On an order: `primepos purchases receive`."""
    place = Workplace(tenant, env_file)
    lines, names = costed(place, "SKU:N", goods, "unit_cost")
    data = {"outlet_id": place.outlet(outlet).id, "reason": reason, "lines": lines}
    _moved(place.run(receive_stock, data), names, as_json=as_json)


@app.command(epilog=examples("primepos stock opening MILK-1:40@0.85 APPLES:12.5 --outlet main"))
def opening(
    goods: Annotated[
        list[str], typer.Argument(metavar="SKU:N[@COST]...", help="What was there, how much, and what one cost.")
    ],
    *,
    outlet: TheOutlet,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="A note.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what an outlet had of goods that never moved there; afterwards it is counted."""
    place = Workplace(tenant, env_file)
    lines, names = costed(place, "SKU:N", goods, "unit_cost")
    data = {"outlet_id": place.outlet(outlet).id, "reason": reason, "lines": lines}
    _moved(place.run(open_stock, data), names, as_json=as_json)


@app.command(
    epilog=examples("primepos stock explain MILK-1 --outlet main", "primepos stock explain MILK-1 --outlet main --json")
)
def explain(
    product: Annotated[str, typer.Argument(metavar="SKU", help="The product's SKU or id.")],
    *,
    outlet: TheOutlet,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest this many movements one by one.")] = 100,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Explain a level: every movement with its document and the level after it."""
    place = Workplace(tenant, env_file)
    asked = {"product_id": place.product(product).id, "outlet_id": place.outlet(outlet).id, "limit": limit}
    found = place.run(explain_stock, asked)
    if as_json:
        emit(found, as_json=True)
        return
    rows: list[Any] = [{"kind": "opening", "running": found.opening}, *found.movements]
    columns = ("at", "kind", "quantity", "running", "document", "reason_code", "reason", "actor_name")
    emit([_record(each, columns) for each in rows], as_json=False, columns=columns)
    note(f"The level is {found.level}" + ("." if found.holds else ", which is not what its movements add up to!"))
    if found.in_transit or found.allotted:
        note(f"In transit to here: {found.in_transit}; held by tills: {found.allotted}.")


@app.command(epilog=examples("primepos stock costs --outlet main", "primepos stock costs --csv > worth.csv"))
def costs(
    *,
    outlet: OneOutlet = None,
    product: Annotated[str | None, typer.Option(metavar="SKU", help="Only this product.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what stock is worth: the average cost of one, and of all of it.

    The table and the CSV show the currency's units; JSON has minor units, an average with six decimals.
    """
    place = Workplace(tenant, env_file)
    asked = {
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "product_id": None if product is None else place.product(product).id,
        "limit": limit,
        "after": after,
    }
    page = place.run(list_costs, asked)
    if as_json:
        emit(page, as_json=True)
        return
    _costs(place, page.items, as_csv=as_csv)
    if page.next:
        note(f"There are more: --after {page.next}")


@app.command(epilog=examples("primepos stock revalue MILK-1@0.85 --outlet main --reason 'first count' --yes"))
def revalue(
    goods: Annotated[list[str], typer.Argument(metavar="SKU@COST...", help="What one of each is worth.")],
    *,
    outlet: TheOutlet,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Set what goods are worth, where no cost is known or a wrong one; nothing moves."""
    place = Workplace(tenant, env_file)
    lines = []
    for text in goods:
        sku, sign, cost = text.rpartition("@")
        if not sign:
            raise InvalidInput(f"Write {text!r} as SKU@COST")
        lines.append({"product_id": place.product(sku).id, "unit_cost": cost})
    confirm_destruction("The average cost will be changed, and margins from now on.", yes)
    data = {"outlet_id": place.outlet(outlet).id, "reason": reason, "lines": lines}
    done = place.run(revalue_stock, data)
    if as_json:
        emit(done, as_json=True)
        return
    _costs(place, done.items, as_csv=False)


_stock_rules.add_to(app)


def _record(row: Any, columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: row.get(name) if isinstance(row, dict) else getattr(row, name) for name in columns}


def _costs(place: Workplace, rows: Any, *, as_csv: bool) -> None:
    minor = 10**place.current.currency_exponent
    shown = [
        {
            "outlet": each.outlet,
            "sku": each.sku,
            "name": each.name,
            "quantity": each.quantity,
            "average_cost": None if each.average_cost is None else each.average_cost / minor,
            "value": place.major(each.value),
        }
        for each in rows
    ]
    columns = ("outlet", "sku", "name", "quantity", "average_cost", "value")
    emit(shown, as_json=False, as_csv=as_csv, columns=columns)


def _print(page: Any, columns: tuple[str, ...], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        emit(page, as_json=True)
        return
    emit(page.items, as_json=False, as_csv=as_csv, columns=columns)
    if page.next:
        note(f"There are more: --after {page.next}")


def _moved(done: Any, names: dict[Any, str], *, as_json: bool) -> None:
    if as_json:
        emit(done, as_json=True)
        return
    rows = [{"sku": names[line.product_id], "moved": line.moved, "now": line.quantity} for line in done.lines]
    emit(rows, as_json=False)
