"""``primepos stock``: what an outlet has, what moved it, and corrections."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace, by_sku
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.inventory.service import adjust_stock, list_levels, list_movements, receive_stock

LimitOption = Annotated[int, typer.Option(min=1, max=200, help="At most this many.")]
AfterOption = Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")]
OneOutlet = Annotated[str | None, typer.Option("--outlet", metavar="OUTLET", help="Only this outlet.")]
TheOutlet = Annotated[str, typer.Option("--outlet", metavar="OUTLET", help="The outlet's code or id.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Show and adjust stock.")


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
    _print(place.run(list_levels, asked), ("outlet", "sku", "name", "quantity"), as_json=as_json, as_csv=as_csv)


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
    columns = ("at", "kind", "quantity", "reason", "actor_name", "sale_id")
    _print(place.run(list_movements, asked), columns, as_json=as_json, as_csv=as_csv)


@app.command(
    epilog=examples(
        "primepos stock adjust --outlet main --reason 'broken bottles' --by MILK-1:-2 --yes",
        "primepos stock adjust --outlet main --reason 'count of 3 May' --counted MILK-1:40 --counted APPLES:12.350 -y",
    )
)
def adjust(
    *,
    outlet: TheOutlet,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; stands beside every movement.")],
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
    for option, field, texts in (("--by", "delta", by), ("--counted", "counted", counted)):
        for text in texts or []:
            sku, quantity = by_sku(option, text)
            product = place.product(sku)
            names[product.id] = product.sku
            lines.append({"product_id": product.id, field: quantity})
    if not lines:
        raise InvalidInput("Say what to correct with --by or --counted")
    data = {"outlet_id": place.outlet(outlet).id, "reason": reason, "lines": lines}
    confirm_destruction(f"The stock of {', '.join(names.values())} will be changed.", yes)
    _moved(place.run(adjust_stock, data), names, as_json=as_json)


@app.command(epilog=examples("primepos stock receive MILK-1:48 APPLES:20.5 --outlet main --reason 'note 4711'"))
def receive(
    goods: Annotated[list[str], typer.Argument(metavar="SKU:N...", help="What came in, and how much of it.")],
    *,
    outlet: TheOutlet,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="The delivery note, for example.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take goods into an outlet's stock; all lines or none."""
    place = Workplace(tenant, env_file)
    names: dict[Any, str] = {}
    lines = []
    for text in goods:
        sku, quantity = by_sku("SKU:N", text)
        product = place.product(sku)
        names[product.id] = product.sku
        lines.append({"product_id": product.id, "quantity": quantity})
    data = {"outlet_id": place.outlet(outlet).id, "reason": reason, "lines": lines}
    _moved(place.run(receive_stock, data), names, as_json=as_json)


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
