"""``primepos stock counts``: counting while the shop goes on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace
from primepos.cli.numbered import goods, numbered
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.ids import new_id
from primepos.domain.inventory.errors import CountNotFound
from primepos.domain.inventory.service import (
    add_counted,
    approve_count,
    cancel_count,
    get_count,
    list_count_lines,
    list_counts,
    open_count,
    recount_stock,
)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The count's number or id.")]
_ROW = ("number", "outlet", "scope", "state", "lines", "counted", "different", "opened_by", "opened_at")
_LINE = ("sku", "name", "counted", "expected", "difference", "counted_at", "posted")

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Count stock.")


@app.command(
    name="open",
    epilog=examples(
        "primepos stock counts open --outlet main",
        "primepos stock counts open --outlet main --category Dairy",
        "primepos stock counts open --outlet main --product MILK-1 --product APPLES --show-expected",
    ),
)
def open_(
    *,
    outlet: Annotated[str, typer.Option(metavar="OUTLET", help="Where to count.")],
    category: Annotated[str | None, typer.Option(metavar="NAME", help="Only this category.")] = None,
    product: Annotated[
        list[str] | None, typer.Option(metavar="SKU", help="Only this product; may be given again.")
    ] = None,
    blind: Annotated[bool, typer.Option("--blind/--show-expected", help="Hide what is expected from counters.")] = True,
    text: Annotated[str, typer.Option("--note", metavar="TEXT", help="A note.")] = "",
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Begin to count a location, a category of it or some products; selling goes on."""
    place = Workplace(tenant, env_file)
    data = {
        "id": new_id(),
        "outlet_id": place.outlet(outlet).id,
        "category_id": None if category is None else place.category(category).id,
        "product_ids": [place.product(each).id for each in product or []],
        "blind": blind,
        "note": text,
    }
    emit(place.run(open_count, data), as_json=as_json, columns=None if as_json else _ROW)


@app.command(
    epilog=examples("primepos stock counts add 1 MILK-1:24 APPLES:12.350", "primepos stock counts add 1 MILK-1:-1")
)
def add(
    count: Number,
    lines: Annotated[list[str], typer.Argument(metavar="SKU:N...", help="What was counted in one go.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add what you counted to what others did."""
    place = Workplace(tenant, env_file)
    counted, names = goods(place, "SKU:N", lines)
    done = place.run(add_counted, {"id": new_id(), "count_id": _id(place, count), "lines": counted})
    _tally(done, names, as_json=as_json)


@app.command(epilog=examples("primepos stock counts recount 1 MILK-1"))
def recount(
    count: Number,
    products: Annotated[list[str], typer.Argument(metavar="SKU...", help="Which products.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Have products counted again from nothing; what was counted before stays on record."""
    place = Workplace(tenant, env_file)
    names = {found.id: found.sku for found in (place.product(each) for each in products)}
    data = {"id": new_id(), "count_id": _id(place, count), "product_ids": list(names)}
    _tally(place.run(recount_stock, data), names, as_json=as_json)


@app.command(
    epilog=examples("primepos stock counts lines 1 --only uncounted", "primepos stock counts lines 1 --csv > count.csv")
)
def lines(
    count: Number,
    *,
    only: Annotated[str | None, typer.Option(metavar="WHICH", help="uncounted or different.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 200,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what is counted and what was expected."""
    place = Workplace(tenant, env_file)
    page = place.run(list_count_lines, {"id": _id(place, count), "only": only, "limit": limit, "after": after})
    if as_json:
        emit(page, as_json=True)
        return
    emit(page.items, as_json=False, as_csv=as_csv, columns=_LINE)
    if page.next:
        note(f"There are more: --after {page.next}")


@app.command(
    epilog=examples("primepos stock counts approve 1 --yes", "primepos stock counts approve 1 --uncounted-are-zero")
)
def approve(
    count: Number,
    *,
    uncounted_are_zero: Annotated[
        bool, typer.Option("--uncounted-are-zero", help="What nobody counted is not there.")
    ] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make levels follow the count."""
    place = Workplace(tenant, env_file)
    found = place.run(get_count, {"id": _id(place, count)})
    confirm_destruction(f"{found.different} of {found.lines} levels will be changed.", yes)
    done = place.run(approve_count, {"id": found.id, "uncounted_are_zero": uncounted_are_zero})
    emit(done, as_json=as_json, columns=None if as_json else _ROW)


@app.command(epilog=examples("primepos stock counts cancel 1 --yes"))
def cancel(
    count: Number,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a count up; levels stay as they are."""
    place = Workplace(tenant, env_file)
    found = _id(place, count)
    confirm_destruction("What was counted will not be used.", yes)
    emit(place.run(cancel_count, {"id": found}), as_json=as_json, columns=None if as_json else _ROW)


@app.command(epilog=examples("primepos stock counts show 1"))
def show(
    count: Number, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show how far a count is."""
    place = Workplace(tenant, env_file)
    emit(place.run(get_count, {"id": _id(place, count)}), as_json=as_json, columns=None if as_json else _ROW)


@app.command(name="list", epilog=examples("primepos stock counts list --state open"))
def list_(
    *,
    state: Annotated[str | None, typer.Option(help="open, approved or cancelled.")] = None,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only this outlet.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List counts, the newest first."""
    place = Workplace(tenant, env_file)
    asked = {"state": state, "outlet_id": None if outlet is None else place.outlet(outlet).id, "limit": limit}
    page = place.run(list_counts, asked)
    emit(page if as_json else page.items, as_json=as_json, columns=None if as_json else _ROW)


def _id(place: Workplace, text: str) -> Any:
    return numbered(place, list_counts, text, CountNotFound)


def _tally(done: Any, names: dict[Any, str], *, as_json: bool) -> None:
    if as_json:
        emit(done, as_json=True)
        return
    rows = [{"sku": names[line.product_id], "round": line.round, "counted": line.counted} for line in done.lines]
    emit(rows, as_json=False)
