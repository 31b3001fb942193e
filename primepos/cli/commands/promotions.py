"""``primepos promotions``: what takes money off by itself, and what a cart would get."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import typer

from primepos.cli.naming import Workplace, by_sku
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import cell_text, confirm_destruction, emit
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
from primepos.domain.offers.errors import PromotionNotFound
from primepos.domain.offers.service import (
    archive_promotion,
    create_promotion,
    list_promotions,
    show_promotion,
    try_promotions,
    update_promotion,
)

Kind = Literal["percent", "amount", "n_for_m", "nth", "bundle", "mix", "spend"]
PromotionArgument = Annotated[str, typer.Argument(metavar="PROMOTION", help="The promotion's code or id.")]
SkuOption = Annotated[list[str] | None, typer.Option("--sku", help="For this product; again for more.")]
CategoryOption = Annotated[list[str] | None, typer.Option("--category", help="For this category; again for more.")]
PartOption = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="SKU:N", help="A part of a bundle: N of a product. Again for more."),
]
PercentOption = Annotated[str | None, typer.Option("--percent", metavar="N", help="Percent off.")]
AmountOption = Annotated[str | None, typer.Option("--amount", metavar="AMOUNT", help="Off each, or the price of all.")]
CountOption = Annotated[int | None, typer.Option("--count", metavar="N", help="Of each N pieces.")]
PayOption = Annotated[int | None, typer.Option("--pay", metavar="M", help="M are paid.")]
SpendOption = Annotated[str | None, typer.Option("--spend", metavar="AMOUNT", help="From this amount on.")]
MostOption = Annotated[int | None, typer.Option("--most", metavar="N", help="At most so often on one ticket.")]
PriorityOption = Annotated[int | None, typer.Option(help="The higher one comes first; 0 unless given.")]
RepeatFlag = Annotated[bool | None, typer.Option("--repeat/--once", help="Again for each --spend.")]
StackableFlag = Annotated[bool | None, typer.Option("--stackable/--exclusive", help="Adds to others, or not.")]
CouponFlag = Annotated[bool | None, typer.Option("--coupon/--no-coupon", help="Only with a coupon.")]
_COLUMNS = ("code", "name", "kind", "what", "priority", "stackable", "needs_coupon", "terms", "archived_at")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Manage promotions, and try a cart."
)


def promotion(place: Workplace, text: str) -> Any:
    """Return the promotion with this code or id, archived or not. Raises ``PROMOTION_NOT_FOUND``."""
    for archived in (False, True):
        found = named(place.run(list_promotions, {"archived": archived}).items, text)
        if found is not None:
            return found
    raise PromotionNotFound(promotion=text, hint="`primepos promotions list` shows the codes.")


@app.command(
    epilog=examples(
        "primepos promotions create 3for2 'Three for two' --kind n_for_m --count 3 --pay 2 --category Fruit",
        "primepos promotions create second 'Second at half price' --kind nth --count 2 --percent 50 --sku APPLE",
        "primepos promotions create snack 'Bread and cheese' --kind bundle --part BREAD:1 --part CHEESE:1 --amount 10",
        "primepos promotions create happy 'Happy hour' --kind percent --percent 20 --hours 17:00-19:00 --stackable",
        "primepos promotions create off5 '5 off from 50' --kind spend --spend 50 --amount 5 --coupon",
    )
)
def create(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A short name that stays, frozen with each sale.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the receipt says.")],
    *,
    kind: Annotated[Kind, typer.Option(help="What it takes off.")],
    percent: PercentOption = None,
    amount: AmountOption = None,
    count: CountOption = None,
    pay: PayOption = None,
    spend: SpendOption = None,
    repeat: RepeatFlag = None,
    sku: SkuOption = None,
    category: CategoryOption = None,
    part: PartOption = None,
    priority: PriorityOption = None,
    stackable: StackableFlag = None,
    coupon: CouponFlag = None,
    most: MostOption = None,
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
    """Add a promotion: percent, amount, n_for_m (3 for 2), nth (the second at 50 %), mix, bundle, or spend.

    Without products and categories it is for everything. An exclusive one has its goods for itself; the best for the
    customer is chosen.
    """
    place = Workplace(tenant, env_file)
    terms = terms_of(
        place, since=since, until=until, days=day, hours=hours, outlets=outlet, groups=group, customers=customer
    )
    data = _figures(
        place, percent=percent, amount=amount, count=count, pay=pay, spend=spend, repeat=repeat, sku=sku,
        category=category, part=part, priority=priority, stackable=stackable, coupon=coupon, most=most, terms=terms,
    )  # fmt: skip
    _emit(place, place.run(create_promotion, {"code": code, "name": name, "kind": kind, **data}), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos promotions update happy --percent 25", "primepos promotions update happy --exclusive --back"
    )
)
def update(
    which: PromotionArgument,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Another name.")] = None,
    percent: PercentOption = None,
    amount: AmountOption = None,
    count: CountOption = None,
    pay: PayOption = None,
    spend: SpendOption = None,
    repeat: RepeatFlag = None,
    sku: SkuOption = None,
    category: CategoryOption = None,
    part: PartOption = None,
    priority: PriorityOption = None,
    stackable: StackableFlag = None,
    coupon: CouponFlag = None,
    most: MostOption = None,
    since: FromOption = None,
    until: UntilOption = None,
    day: DayOption = None,
    hours: HoursOption = None,
    outlet: OutletsOption = None,
    group: GroupsOption = None,
    customer: CustomersOption = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="For everybody, everywhere, always.")] = False,
    back: Annotated[bool, typer.Option("--back", help="Take an archived promotion into use again.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a promotion from now on. Goods, and when, where and for whom, replace what was if you name any."""
    place = Workplace(tenant, env_file)
    terms = terms_of(
        place, since=since, until=until, days=day, hours=hours, outlets=outlet, groups=group, customers=customer
    )
    data = _figures(
        place, percent=percent, amount=amount, count=count, pay=pay, spend=spend, repeat=repeat, sku=sku,
        category=category, part=part, priority=priority, stackable=stackable, coupon=coupon, most=most,
        terms={} if everybody else terms,
    )  # fmt: skip
    data |= {} if name is None else {"name": name}
    data |= {"archived": False} if back else {}
    _emit(place, place.run(update_promotion, {"id": promotion(place, which).id, **data}), as_json=as_json)


@app.command(name="list", epilog=examples("primepos promotions list", "primepos promotions list --archived --json"))
def list_(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List the promotions in the order in which they are applied."""
    place = Workplace(tenant, env_file)
    found = place.run(list_promotions, {"archived": archived}).items
    rows = found if as_json else [_row(place, each) for each in found]
    emit(rows, as_json=as_json, as_csv=as_csv, columns=_COLUMNS)


@app.command(epilog=examples("primepos promotions show 3for2", "primepos promotions show 3for2 --json | jq .goods"))
def show(
    which: PromotionArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a promotion."""
    place = Workplace(tenant, env_file)
    _emit(place, place.run(show_promotion, {"id": promotion(place, which).id}), as_json=as_json)


@app.command(epilog=examples("primepos promotions archive 3for2 --yes"))
def archive(
    which: PromotionArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """End a promotion; its coupons cannot be used any more."""
    place = Workplace(tenant, env_file)
    found = promotion(place, which)
    confirm_destruction(f"Nobody gets {found.name!r} any more.", yes)
    _emit(place, place.run(archive_promotion, {"id": found.id}), as_json=as_json)


@app.command(
    name="try",
    epilog=examples(
        "primepos promotions try APPLE:3 BREAD:1 --outlet main",
        "primepos promotions try APPLE:3 --outlet main --customer 1001 --coupon MAY-ABCDE-FGHJK --at 2026-05-01T17:30",
    ),
)
def try_(
    lines: Annotated[list[str], typer.Argument(metavar="SKU:N...", help="What is in the cart.")],
    *,
    outlet: Annotated[str, typer.Option("--outlet", metavar="CODE", help="Where it is sold.")],
    customer: Annotated[str | None, typer.Option("--customer", metavar="NUMBER", help="Who buys.")] = None,
    coupon: Annotated[list[str] | None, typer.Option("--coupon", metavar="CODE", help="Again for more.")] = None,
    at: Annotated[str | None, typer.Option(metavar="MOMENT", help="At another moment than now.")] = None,
    tax_mapping: Annotated[str | None, typer.Option("--tax-mapping", metavar="CODE", help="Under these taxes.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a cart would cost, line by line: list prices, promotions, taxes. Nothing is stored or used."""
    place = Workplace(tenant, env_file)
    wanted = [by_sku("SKU:N", each) if ":" in each else (each, 1) for each in lines]
    found = place.run(
        try_promotions,
        {
            "outlet_id": place.outlet(outlet).id,
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in wanted],
            "customer_id": None if customer is None else customer_id(place, customer),
            "coupons": coupon or [],
            "at": None if at is None else moment("--at", at, place),
            "tax_mapping": tax_mapping,
        },
    )
    if as_json:
        emit(found, as_json=True)
        return
    rows = [
        {
            "sku": line.sku, "quantity": line.quantity, "unit_price": line.unit_price, "rule": line.rule,
            "promotions": ", ".join(f"{each.code} -{place.major(each.amount)}" for each in line.promotions),
            "tax": place.major(line.tax), "total": place.major(line.total),
        }
        for line in found.lines
    ]  # fmt: skip
    emit([*rows, {"sku": "all", "tax": place.major(found.tax), "total": place.major(found.total)}], as_json=False)
    for line in found.lines:
        typer.echo(f"\n{cell_text(line.name)}")
        for sentence in line.explain:
            typer.echo(f"  {cell_text(sentence)}")


def _figures(
    place: Workplace,
    *,
    percent: str | None,
    amount: str | None,
    count: int | None,
    pay: int | None,
    spend: str | None,
    repeat: bool | None,
    sku: list[str] | None,
    category: list[str] | None,
    part: list[str] | None,
    priority: int | None,
    stackable: bool | None,
    coupon: bool | None,
    most: int | None,
    terms: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return what was said of a promotion, as operations take it."""
    said = {
        "percent": percent,
        "amount": None if amount is None else place.minor("--amount", amount),
        "count": count,
        "pay": pay,
        "threshold": None if spend is None else place.minor("--spend", spend),
        "repeat": repeat,
        "goods": {"skus": sku or [], "categories": category or []} if sku or category else None,
        "parts": [_part(each) for each in part] if part else None,
        "priority": priority,
        "stackable": stackable,
        "needs_coupon": coupon,
        "most_per_ticket": most,
        "terms": terms,
    }
    return {name: value for name, value in said.items() if value is not None}


def _part(text: str) -> dict[str, Any]:
    name, quantity = by_sku("--part", text) if ":" in text else (text, 1)
    if quantity != int(quantity):
        raise InvalidInput(f"--part: {text!r} is not of whole pieces")
    return {"skus": [name], "count": int(quantity)}


def _what(place: Workplace, each: Any) -> str:
    """Say what a promotion takes off, in a few words."""
    off = f"{each.percent.normalize():f} %" if each.percent else str(place.major(each.amount))
    match each.kind:
        case "n_for_m":
            return f"{each.count} for {each.pay}"
        case "nth":
            return f"each {each.count}. {off} off"
        case "mix":
            return f"any {each.count} for {off}"
        case "bundle":
            return f"{sum(part.count for part in each.parts)} together for {off}"
        case "spend":
            return f"{off} off from {place.major(each.threshold)}"
        case _:
            return f"{off} off"


def _row(place: Workplace, found: Any) -> dict[str, Any]:
    return {**msgspec.structs.asdict(found), "terms": shown(found.terms), "what": _what(place, found)}


def _emit(place: Workplace, found: Any, *, as_json: bool) -> None:
    emit(found if as_json else _row(place, found), as_json=as_json, columns=(*_COLUMNS, "most_per_ticket", "id"))
