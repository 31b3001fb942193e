"""``primepos accounts``: customers who buy on account: limit, statement, ageing, money that comes in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.holdings import customer_of, day, in_major, show_page
from primepos.cli.naming import Workplace, id_of
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.domain.sales.errors import SaleNotFound
from primepos.domain.sales.service import list_sales, pay_for_sale, pay_onto_account, show_settlement
from primepos.domain.values.service import (
    adjust_account,
    ageing,
    list_value,
    of_customer,
    open_sales,
    set_limit,
    statement,
)

CustomerArgument = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's number or id.")]
SaleArgument = Annotated[str, typer.Argument(metavar="SALE", help="The sale's receipt number or id.")]
LimitOption = Annotated[int, typer.Option(min=1, max=200, help="At most this many.")]
AfterOption = Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")]
CashOption = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Cash that was handed over.")]
CardOption = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Taken from a bank card.")]
GiftOption = Annotated[
    list[str] | None, typer.Option("--gift-card", metavar="CODE:AMOUNT", help="From a gift card; may be given again.")
]
_HAS = ("kind", "balance", "available", "limit", "state", "tail", "worth", "account_id")
_ENTRIES = ("business_date", "cause", "amount", "balance", "receipt", "reason", "actor")
_AGEING = ("customer", "owed", "days_0_30", "days_31_60", "days_61_90", "days_over_90", "oldest_on")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Customers' accounts: limit, statement, ageing, payments.",
)


@app.command(epilog=examples("primepos accounts show 1001", "primepos accounts show 1001 --json | jq '.items'"))
def show(
    customer: CustomerArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show everything of value a customer has: account, store credit, points, gift cards in their name."""
    place = Workplace(tenant, env_file)
    page = place.run(of_customer, {"customer_id": customer_of(place, customer)})
    show_page(place, page, _HAS, as_json=as_json, as_csv=False)


@app.command(name="list", epilog=examples("primepos accounts list --in-use", "primepos accounts list --json"))
def list_(
    *,
    in_use: Annotated[bool, typer.Option("--in-use", help="Leave out those at zero.")] = False,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List customers' accounts; below zero the customer owes."""
    place = Workplace(tenant, env_file)
    page = place.run(list_value, {"kind": "account", "in_use": in_use, "limit": limit, "after": after})
    columns = ("customer", "balance", "available", "limit", "opened_at")
    show_page(place, page, columns, as_json=as_json, as_csv=as_csv)


@app.command(epilog=examples("primepos accounts limit 1001 500.00", "primepos accounts limit 1001 0"))
def limit(
    customer: CustomerArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much may be owed; 0 ends buying on account.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how much a customer may owe; opens the account where there is none."""
    place = Workplace(tenant, env_file)
    data = {"customer_id": customer_of(place, customer), "limit": place.minor("AMOUNT", amount)}
    found = place.run(set_limit, data)
    emit(found if as_json else in_major(place, found), as_json=as_json)


@app.command(
    name="statement",
    epilog=examples(
        "primepos accounts statement 1001 --since 2026-03-01 --until 2026-03-31",
        "primepos accounts statement 1001 --csv > march.csv",
    ),
)
def statement_(
    customer: CustomerArgument,
    *,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="The first business day.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="The last business day.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Print a customer's account over a period: opening balance, entries, closing balance."""
    place = Workplace(tenant, env_file)
    asked = {
        "customer_id": customer_of(place, customer),
        "since": day("--since", since),
        "until": day("--until", until),
    }
    found = place.run(statement, asked)
    if as_json:
        emit(found, as_json=True)
        return
    emit([in_major(place, row) for row in found.entries], as_json=False, as_csv=as_csv, columns=_ENTRIES)
    note(f"Opening {place.major(found.opening)}, closing {place.major(found.closing)} {found.currency}.")
    if not found.is_complete:
        note("There are more entries: ask for a shorter period.")


@app.command(
    name="ageing", epilog=examples("primepos accounts ageing", "primepos accounts ageing --on 2026-03-31 --csv")
)
def ageing_(
    *,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="As of this business day; today if left out.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER", help="Only this one.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Say who owes how much since when, the largest debt first."""
    place = Workplace(tenant, env_file)
    asked: dict[str, Any] = {"on": day("--on", on), "limit": limit, "after": after}
    asked["customer_id"] = None if customer is None else customer_of(place, customer)
    show_page(place, place.run(ageing, asked), _AGEING, as_json=as_json, as_csv=as_csv)


@app.command(name="open", epilog=examples("primepos accounts open 1001"))
def open_(
    customer: CustomerArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List the sales of which a customer's debt is made, the oldest first."""
    place = Workplace(tenant, env_file)
    page = place.run(open_sales, {"customer_id": customer_of(place, customer)})
    columns = ("receipt", "business_date", "charged", "open", "sale_id")
    show_page(place, page, columns, as_json=as_json, as_csv=as_csv)


@app.command(
    epilog=examples(
        "primepos accounts pay 1001 120.00 --outlet main --cash 150",
        "primepos accounts pay 1001 120.00 --outlet main --card 120.00 --json",
    )
)
def pay(
    customer: CustomerArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What goes onto the account.")],
    *,
    outlet: Annotated[str, typer.Option(metavar="OUTLET", help="Where: the outlet's code or id.")],
    cash: CashOption = None,
    card: CardOption = None,
    gift_card: GiftOption = None,
    text: Annotated[str, typer.Option("--note", metavar="TEXT", help="Printed on the receipt.")] = "",
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Book money that a customer brings; it settles the oldest sales first. Without a tender all of it is cash."""
    place = Workplace(tenant, env_file)
    data = {
        "id": new_id(),
        "customer_id": customer_of(place, customer),
        "outlet_id": place.outlet(outlet).id,
        "amount": place.minor("AMOUNT", amount),
        "tenders": _tenders(place, cash, card, gift_card, amount),
        "note": text,
    }
    _booked(place, place.run(pay_onto_account, data), as_json=as_json)


@app.command(
    name="pay-sale",
    epilog=examples(
        "primepos accounts pay-sale T1-000042 --cash 50",
        "primepos accounts pay-sale T1-000042 --amount 20 --card 20",
    ),
)
def pay_sale(
    sale: SaleArgument,
    *,
    amount: Annotated[str | None, typer.Option(metavar="AMOUNT", help="All that is open if left out.")] = None,
    cash: CashOption = None,
    card: CardOption = None,
    gift_card: GiftOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Book money that comes in for one sale on account."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {"id": new_id(), "sale_id": _sale(place, sale)}
    data["amount"] = None if amount is None else place.minor("--amount", amount)
    data["tenders"] = _tenders(place, cash, card, gift_card, amount)
    _booked(place, place.run(pay_for_sale, data), as_json=as_json)


@app.command(epilog=examples("primepos accounts settlement T1-000042"))
def settlement(
    sale: SaleArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how far a sale is paid: open, part paid or paid."""
    place = Workplace(tenant, env_file)
    found = place.run(show_settlement, {"id": _sale(place, sale)})
    if as_json:
        emit(found, as_json=True)
        return
    row = in_major(place, found)
    emit({name: row[name] for name in ("receipt", "total", "on_account", "open", "status")}, as_json=False)


@app.command(epilog=examples("primepos accounts adjust 1001 --by -80.00 --reason 'balance of the old system' --yes"))
def adjust(
    customer: CustomerArgument,
    *,
    by: Annotated[str, typer.Option(metavar="AMOUNT", help="In the customer's favour, or with a minus against.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the entry.")],
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put an account right: an old balance taken over, a debt written off."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {"id": new_id(), "amount": place.minor("--by", by), "reason": reason}
    data["customer_id"] = customer_of(place, customer)
    confirm_destruction(f"The account of customer {customer} will change by {by}.", yes)
    done = place.run(adjust_account, data)
    emit(done if as_json else in_major(place, done), as_json=as_json)


def _tenders(
    place: Workplace, cash: str | None, card: str | None, gift_cards: list[str] | None, whole: str | None
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind, text in (("cash", cash), ("card", card)):
        if text is not None:
            found.append({"kind": kind, "amount": place.minor(f"--{kind}", text)})
    for text in gift_cards or []:
        code, colon, amount = text.rpartition(":")
        if not colon:
            raise InvalidInput(f"--gift-card: write {text!r} as CODE:AMOUNT")
        found.append({"kind": "gift_card", "code": code, "amount": place.minor("--gift-card", amount)})
    if found:
        return found
    if whole is None:
        raise InvalidInput("Say what was paid with --cash, --card or --gift-card")
    return [{"kind": "cash", "amount": place.minor("AMOUNT", whole)}]


def _booked(place: Workplace, sale: Any, *, as_json: bool) -> None:
    if as_json:
        emit(sale, as_json=True)
        return
    emit({"receipt": sale.receipt, "total": place.major(sale.total), "change": place.major(sale.change)}, as_json=False)


def _sale(place: Workplace, text: str) -> Any:
    """Return the id of a sale given by its id or receipt number. Raises ``SALE_NOT_FOUND``."""
    given = id_of(text)
    if given is not None:
        return given
    found = place.run(list_sales, {"receipt": text, "limit": 1}).items
    if not found:
        raise SaleNotFound(sale=text)
    return found[0].id
