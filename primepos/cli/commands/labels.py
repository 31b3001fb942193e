"""``primepos labels``: labels with barcode, name and price, on sheets as PDF."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace, required_id
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, examples
from primepos.cli.output import emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.catalog.service import list_labels, list_sheets, print_labels

SkuArguments = Annotated[
    list[str] | None, typer.Argument(metavar="SKU[/UNIT][:COPIES]...", help="Products, or units of them.")
]
SinceOption = Annotated[
    str | None, typer.Option("--prices-since", metavar="TIME", help="Those whose price was set since, as 2026-03-01.")
]
OrderOption = Annotated[
    str | None, typer.Option("--order", metavar="ID", help="What came in of this purchase order, a label a piece.")
]
ReceiptOption = Annotated[str | None, typer.Option("--receipt", metavar="ID", help="Only this delivery of the order.")]
TaxFlag = Annotated[bool, typer.Option("--with-tax/--without-tax", help="What the customer pays, or the bare price.")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Print labels for shelves and goods."
)


@app.command(
    name="print",
    epilog=examples(
        "primepos labels print MILK-1 COLA/six-pack:3 --out labels.pdf",
        "primepos labels print --prices-since 2026-03-01 --sheet L7651 --start 14 --out labels.pdf",
        "primepos labels print --order 0198c0de-0000-7000-8000-000000000001 --out labels.pdf",
    ),
)
def print_(
    skus: SkuArguments = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", dir_okay=False, help="The PDF to write.")],
    sheet: Annotated[str, typer.Option(metavar="NAME", help="`primepos labels sheets` lists them.")] = "L7160",
    start: Annotated[int, typer.Option(min=1, help="The first free label of the first sheet.")] = 1,
    copies: Annotated[int, typer.Option(min=1, max=1000, help="Of each.")] = 1,
    prices_since: SinceOption = None,
    order: OrderOption = None,
    receipt: ReceiptOption = None,
    with_tax: TaxFlag = True,
    locale: Annotated[str | None, typer.Option(metavar="LOCALE", help="How amounts are written, as de_DE.")] = None,
    outlines: Annotated[
        bool, typer.Option("--outlines", help="Draw the edges, to try a sheet on plain paper.")
    ] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Draw labels on sheets as PDF: barcode, name, price, price per kilogram or litre."""
    place = Workplace(tenant, env_file)
    asked = _asked(place, skus, prices_since, (order, receipt), copies, with_tax=with_tax)
    done = place.run(print_labels, {**asked, "sheet": sheet, "start": start, "locale": locale, "outlines": outlines})
    out.write_bytes(done.content)
    told = {"file": str(out), "labels": done.labels, "pages": done.pages, "without_code": done.without_code}
    emit(told, as_json=as_json)
    if done.without_code and not as_json:
        note("Without a barcode: they have none, or the label has no room for it.")


@app.command(
    epilog=examples(
        "primepos labels preview MILK-1 COLA/six-pack", "primepos labels preview --prices-since 2026-03-01 --json"
    )
)
def preview(
    skus: SkuArguments = None,
    *,
    copies: Annotated[int, typer.Option(min=1, max=1000, help="Of each.")] = 1,
    prices_since: SinceOption = None,
    order: OrderOption = None,
    receipt: ReceiptOption = None,
    with_tax: TaxFlag = True,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Show what would stand on the labels, for another program to print."""
    place = Workplace(tenant, env_file)
    found = place.run(list_labels, _asked(place, skus, prices_since, (order, receipt), copies, with_tax=with_tax))
    columns = ("sku", "name", "price", "per_price", "per", "code", "symbology", "copies")
    emit(found.items, as_json=as_json, as_csv=as_csv, columns=columns)


@app.command(epilog=examples("primepos labels sheets", "primepos labels sheets --json"))
def sheets(
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the sheets of labels that can be printed on."""
    found = Workplace(tenant, env_file).run(list_sheets, {})
    emit(found.items, as_json=as_json, columns=("name", "about", "labels"))


def _asked(
    place: Workplace,
    skus: list[str] | None,
    prices_since: str | None,
    came_in: tuple[str | None, str | None],
    copies: int,
    *,
    with_tax: bool,
) -> dict[str, Any]:
    items = [_item(text) for text in skus or []]
    if came_in != (None, None):
        items += _received(place, *came_in)
    return {
        "items": items,
        "prices_since": None if prices_since is None else _moment(place, prices_since),
        "copies": copies,
        "with_tax": with_tax,
    }


def _item(text: str) -> dict[str, Any]:
    rest, colon, copies = text.rpartition(":")
    if not colon or not copies.isdecimal():
        rest, copies = text, "1"
    sku, _, unit = rest.partition("/")
    return {"sku": sku, "unit": unit or None, "copies": int(copies)}


def _received(place: Workplace, order: str | None, receipt: str | None) -> list[dict[str, Any]]:
    """Return a label a whole piece of what came in of a purchase order, or with one delivery of it."""
    from primepos.domain.purchasing.service import list_receipts

    if order is None:
        raise InvalidInput("--receipt: name the --order that it belongs to")
    found = place.run(list_receipts, {"order_id": required_id("--order", order)}).items
    pieces: dict[Any, int] = {}
    for each in found:
        if receipt in {None, str(each.id), each.reference}:
            for line in each.lines:
                pieces[line.product_id] = pieces.get(line.product_id, 0) + max(1, int(line.quantity))
    return [{"product_id": product, "copies": min(1000, count)} for product, count in pieces.items()]


def _moment(place: Workplace, text: str) -> datetime:
    """Return a day or moment in the shop's own time."""
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--prices-since: {text!r} is no day or time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(place.current.zone))
