"""``primepos pricelists``: other prices for some customers, outlets or hours, and what a product costs or cost."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec
import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit
from primepos.cli.terms import (
    CustomersOption,
    DayOption,
    FromOption,
    GroupsOption,
    HoursOption,
    OutletsOption,
    UntilOption,
    customer_id,
    moment,
    named,
    shown,
    terms_of,
)
from primepos.core.errors import InvalidInput
from primepos.domain.offers.errors import PriceListNotFound
from primepos.domain.offers.service import (
    archive_price_list,
    ask_price,
    create_price_list,
    list_price_lists,
    set_list_prices,
    show_price_list,
    update_price_list,
)

ListArgument = Annotated[str, typer.Argument(metavar="LIST", help="The price list's code or id.")]
PriorityOption = Annotated[int | None, typer.Option(help="The higher one is asked first; 0 unless given.")]
StepOption = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Round worked-out prices to this, as 0.05.")]
_COLUMNS = ("code", "name", "priority", "terms", "archived_at")
_PRICES = ("sku", "category", "kind", "amount", "from_quantity", "since", "until", "set_by")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Manage price lists; ask what a thing costs.",
)


def price_list(place: Workplace, text: str) -> Any:
    """Return the price list with this code or id, archived or not. Raises ``PRICE_LIST_NOT_FOUND``."""
    for archived in (False, True):
        found = named(place.run(list_price_lists, {"archived": archived}).items, text)
        if found is not None:
            return found
    raise PriceListNotFound(price_list=text, hint="`primepos pricelists list` shows the codes.")


@app.command(
    epilog=examples(
        "primepos pricelists create trade 'Trade prices' --group trade",
        "primepos pricelists create happy 'Happy hour' --day fri --hours 17:00-19:00 --priority 5",
    )
)
def create(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A short name that stays.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people read.")],
    *,
    priority: PriorityOption = None,
    step: StepOption = None,
    since: FromOption = None,
    until: UntilOption = None,
    day: DayOption = None,
    hours: HoursOption = None,
    outlet: OutletsOption = None,
    group: GroupsOption = None,
    customer: CustomersOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a price list; without options it is for everybody. Set its prices with `primepos pricelists set`."""
    place = Workplace(tenant, env_file)
    terms = terms_of(
        place, since=since, until=until, days=day, hours=hours, outlets=outlet, groups=group, customers=customer
    )
    data = {"code": code, "name": name, "priority": priority or 0, "step": step, "terms": terms or {}}
    _emit(place.run(create_price_list, data), as_json=as_json)


@app.command(
    epilog=examples("primepos pricelists update trade --priority 10", "primepos pricelists update trade --back")
)
def update(
    which: ListArgument,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Another name.")] = None,
    priority: PriorityOption = None,
    step: StepOption = None,
    since: FromOption = None,
    until: UntilOption = None,
    day: DayOption = None,
    hours: HoursOption = None,
    outlet: OutletsOption = None,
    group: GroupsOption = None,
    customer: CustomersOption = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="For everybody, everywhere, always.")] = False,
    back: Annotated[bool, typer.Option("--back", help="Take an archived list into use again.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a price list. If you say when, where or for whom, say all of it: it replaces what was."""
    place = Workplace(tenant, env_file)
    terms = terms_of(
        place, since=since, until=until, days=day, hours=hours, outlets=outlet, groups=group, customers=customer
    )
    given = {"name": name, "priority": priority, "step": step, "terms": {} if everybody else terms}
    data = {key: value for key, value in given.items() if value is not None}
    data |= {"archived": False} if back else {}
    _emit(place.run(update_price_list, {"id": price_list(place, which).id, **data}), as_json=as_json)


@app.command(name="list", epilog=examples("primepos pricelists list", "primepos pricelists list --archived --json"))
def list_(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List the price lists in the order in which they are asked."""
    found = Workplace(tenant, env_file).run(list_price_lists, {"archived": archived}).items
    emit(found if as_json else [_row(each) for each in found], as_json=as_json, as_csv=as_csv, columns=_COLUMNS)


@app.command(
    epilog=examples(
        "primepos pricelists show trade", "primepos pricelists show trade --at 2026-01-01 --csv > prices.csv"
    )
)
def show(
    which: ListArgument,
    *,
    at: Annotated[str | None, typer.Option(metavar="MOMENT", help="As they were then.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Show the prices of a list, as they are or were at a moment."""
    place = Workplace(tenant, env_file)
    asked: dict[str, Any] = {"id": price_list(place, which).id, "limit": 1000}
    if at is not None:
        asked["at"] = moment("--at", at, place)
    prices: list[Any] = []
    while True:
        page = place.run(show_price_list, asked)
        prices += page.prices
        if page.next is None:
            break
        asked["after"] = page.next
    emit(prices, as_json=as_json, as_csv=as_csv, columns=_PRICES)


@app.command(
    name="set",
    epilog=examples(
        "primepos pricelists set trade APPLE=0.90 APPLE@10=0.80         0.80 each from ten on",
        "primepos pricelists set trade --category Fruit=-15            15 percent off a category",
        "primepos pricelists set trade --category Tools=+40 --all=-5   40 percent on the cost; 5 off the rest",
        "primepos pricelists set trade APPLE=                          out of the list again",
    ),
)
def set_(
    which: ListArgument,
    prices: Annotated[
        list[str] | None, typer.Argument(metavar="[SKU=PRICE]...", help="A price, -N percent off, +N on the cost.")
    ] = None,
    *,
    category: Annotated[
        list[str] | None, typer.Option("--category", metavar="NAME=-N", help="Percent off, or +N percent on the cost.")
    ] = None,
    everything: Annotated[
        str | None, typer.Option("--all", metavar="-N", help="Percent off everything else, or +N on the cost.")
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Set prices of a list from now on; prices not named stay, and what was before is kept."""
    place = Workplace(tenant, env_file)
    rows = [_price(each, "sku") for each in prices or ()] + [_price(each, "category") for each in category or ()]
    if everything is not None:
        rows.append(_price(f"={everything}", None))
    if not rows:
        raise InvalidInput("Say at least one price, as APPLE=0.90")
    data = {"price_list_id": price_list(place, which).id, "prices": rows}
    emit(place.run(set_list_prices, data).prices, as_json=as_json, columns=_PRICES)


@app.command(
    epilog=examples(
        "primepos pricelists price APPLE --outlet main --customer 1001",
        "primepos pricelists price APPLE --outlet main --at 2026-01-01T12:00 --quantity 10 --json",
    )
)
def price(
    product: Annotated[str, typer.Argument(metavar="SKU", help="The product's SKU or id.")],
    *,
    outlet: Annotated[str, typer.Option("--outlet", metavar="CODE", help="Where it is sold.")],
    quantity: Annotated[str, typer.Option(metavar="N", help="How many of it.")] = "1",
    customer: Annotated[str | None, typer.Option("--customer", metavar="NUMBER", help="Who buys.")] = None,
    at: Annotated[str | None, typer.Option(metavar="MOMENT", help="What it cost then.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what one of a product costs or cost, by which rule, and how its prices changed."""
    place = Workplace(tenant, env_file)
    asked: dict[str, Any] = {
        "outlet_id": place.outlet(outlet).id,
        "product_id": place.product(product).id,
        "quantity": quantity,
        "customer_id": None if customer is None else customer_id(place, customer),
        "at": None if at is None else moment("--at", at, place),
    }
    found = place.run(ask_price, asked)
    if as_json:
        emit(found, as_json=True)
        return
    emit(found, as_json=False, columns=("sku", "unit_price", "rule", "catalogue_price", "quantity", "at"))
    typer.echo("")
    emit(found.changes, as_json=False, columns=("at", "price_list", "kind", "amount", "from_quantity", "by"))


@app.command(epilog=examples("primepos pricelists archive trade --yes"))
def archive(
    which: ListArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a price list out of use; its prices and their history stay."""
    place = Workplace(tenant, env_file)
    found = price_list(place, which)
    confirm_destruction(f"Nothing is sold by {found.name!r} any more.", yes)
    _emit(place.run(archive_price_list, {"id": found.id}), as_json=as_json)


def _price(text: str, what: str | None) -> dict[str, Any]:
    """Read ``GOODS[@QUANTITY]=AMOUNT``: a price, -N percent off or +N percent on the cost; nothing takes it out."""
    goods, equals, amount = text.rpartition("=")
    if not equals or (what is not None and not goods):
        raise InvalidInput(f"Write {text!r} as SKU=PRICE")
    name, at, quantity = goods.rpartition("@") if "@" in goods else (goods, "", "1")
    row: dict[str, Any] = {"from_quantity": quantity if at else "1"}
    if what is not None:
        row[what] = name
    amount = amount.strip()
    if not amount:
        return {**row, "kind": "price" if what == "sku" else "percent_off", "amount": None}
    kind = {"-": "percent_off", "+": "cost_plus"}.get(amount[0], "price")
    try:
        return {**row, "kind": kind, "amount": Decimal(amount.lstrip("+-").removesuffix("%"))}
    except InvalidOperation:
        raise InvalidInput(f"{text!r}: {amount!r} is no price") from None


def _row(found: Any) -> dict[str, Any]:
    return {**msgspec.structs.asdict(found), "terms": shown(found.terms)}


def _emit(found: Any, *, as_json: bool) -> None:
    emit(found if as_json else _row(found), as_json=as_json, columns=(*_COLUMNS, "step", "id"))
