"""``primepos sales``: look at sales, book one, void one, take goods back."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from primepos.cli.commands.price import read_cases
from primepos.cli.explaining import explained
from primepos.cli.naming import Workplace, by_sku, id_of, required_id
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import cell_text, confirm_destruction, emit, note
from primepos.core.amounts import currency, parse_quantity, plain_amount
from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.domain.returns.service import exchange_goods, refund_sale, refundable, return_goods
from primepos.domain.sales.errors import SaleNotFound
from primepos.domain.sales.service import book_sale, get_sale, list_sales, void_sale

SaleArgument = Annotated[str, typer.Argument(metavar="SALE", help="The sale's receipt number or id.")]
_MOST_BYTES = 4 * 1024 * 1024
_COLUMNS = ("receipt", "kind", "business_date", "sold_at", "cashier", "lines", "total", "currency", "flags", "id")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="List, show, book, void and refund sales."
)


@app.command(
    name="list",
    epilog=examples(
        "primepos sales list --outlet main --since 2026-03-01",
        "primepos sales list --flagged --json | jq '.items[].flags'",
        "primepos sales list --since 2026-03-01 --until 2026-03-01 --all --csv > day.csv",
    ),
)
def list_(
    *,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only this outlet.")] = None,
    shift: Annotated[str | None, typer.Option(metavar="ID", help="Only this shift.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="First business day, as 2026-03-01.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last business day, itself included.")] = None,
    receipt: Annotated[str | None, typer.Option(metavar="NUMBER", help="Only this receipt, as printed.")] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Only those that a person should look at.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every page.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List sales, voids and refunds, newest business day first.

    Table and CSV show totals in their currency, JSON in minor units.
    """
    place = Workplace(tenant, env_file)
    asked = {
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "shift_id": None if shift is None else required_id("--shift", shift),
        "since": _day("--since", since),
        "until": _day("--until", until),
        "receipt": receipt,
        "flagged": flagged,
        "limit": 200 if every else limit,
    }
    items: list[Any] = []
    while True:
        page = place.run(list_sales, {**asked, "after": after})
        items += page.items
        after = page.next
        if after is None or not every:
            break
    if as_json:
        emit({"items": items, "next": after}, as_json=True)
        return
    rows = [
        {**msgspec.structs.asdict(each), "total": _major(each.total, each), "flags": " ".join(each.flags)}
        for each in items
    ]
    emit(rows, as_json=False, as_csv=as_csv, columns=_COLUMNS)
    if after:
        note(f"There are more: --after {after}, or --all")


@app.command(
    epilog=examples(
        "primepos sales show MAIN-0-000017",
        "primepos sales show MAIN-0-000017 --explain                       how each figure came about",
        "primepos sales show 0198c0de-0000-7000-8000-000000000001 --json",
    )
)
def show(
    sale: SaleArgument,
    *,
    explain: Annotated[bool, typer.Option("--explain", help="Say of each line why it costs what it does.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one sale with its lines, taxes and payments."""
    place = Workplace(tenant, env_file)
    found = place.run(get_sale, {"id": _sale_id(place, sale)})
    _show(found, as_json=as_json)
    if explain and not as_json:
        for sentence in explained(found):
            typer.echo(cell_text(sentence))


@app.command(
    epilog=examples(
        "primepos sales void MAIN-0-000017 --reason 'rung up twice' --yes",
        "primepos sales void 0198c0de-0000-7000-8000-000000000001 --reason 'wrong customer' --yes --json",
    )
)
def void(
    sale: SaleArgument,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; stands in the counter-record.")],
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Undo a sale in its own shift by a counter-record with a number of its own; afterwards it is a refund.

    Only sales booked by the server: a till voids its own.
    """
    place = Workplace(tenant, env_file)
    found = place.run(get_sale, {"id": _sale_id(place, sale)})
    total = f"{_major(found.total, found)} {found.currency}"
    confirm_destruction(f"Receipt {found.receipt} over {total} will be undone.", yes)
    data = {"id": new_id(), "sale_id": found.id, "reason": reason}
    _show(place.run(void_sale, data), as_json=as_json)


@app.command(
    epilog=examples(
        """echo '{"lines": [{"sku": "MILK-1", "quantity": 2}], "tenders": [{"kind": "cash", "amount": 500}]}' \\
      | primepos sales book --outlet main --json""",
        "primepos sales book --tenant corner < sale.json",
    )
)
def book(
    *,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Where, unless the JSON says it.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Price and book a sale given as JSON on stdin, into the outlet's own series.

    Keys: lines (product_id or sku, quantity, unit_price, discount_percent, discount), values (what is sold onto gift
    cards, credit or accounts), tenders (kind, amount, code of a gift card), customer_id, ticket_discount,
    ticket_discount_percent, total, outlet_id and id. Amounts are minor units, a unit price is in currency units. With
    an id of your own (a UUID) the call can be repeated safely; without one it is made.
    """
    place = Workplace(tenant, env_file)
    data = read_sale()
    if outlet is not None:
        data["outlet_id"] = place.outlet(outlet).id
    data.setdefault("id", new_id())
    _show(place.run(book_sale, data), as_json=as_json)


@app.command(
    name="refundable",
    epilog=examples("primepos sales refundable MAIN-0-000017", "primepos sales refundable MAIN-0-000017 --json"),
)
def refundable_(
    sale: SaleArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show what can still come back of a sale, line by line, and what it is worth."""
    place = Workplace(tenant, env_file)
    found = place.run(refundable, {"id": _sale_id(place, sale)})
    if as_json:
        emit(found, as_json=True)
        return
    rows = [{**msgspec.structs.asdict(each), "amount": _major(each.amount, found)} for each in found.lines]
    emit(rows, as_json=False, columns=("line_no", "sku", "name", "sold", "returned", "left", "amount"))
    note(f"Worth {_major(found.amount, found)} {found.currency}, {_major(found.cards, found)} of it can go to cards.")


@app.command(
    epilog=examples(
        "primepos sales refund MAIN-0-000017 --reason 'broken seal' --yes              everything that is left",
        "primepos sales refund MAIN-0-000017 --line 2 --line 3:0.5 --reason 'too many' --yes",
        "primepos sales refund MAIN-0-000017 --line 1 --no-restock --cash 4.90 --reason spoilt --yes --json",
    )
)
def refund(
    sale: SaleArgument,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; stands in the record.")],
    line: Annotated[
        list[str] | None,
        typer.Option("--line", metavar="NO[:QUANTITY]", help="A line that comes back; repeat it. All that is left."),
    ] = None,
    cash: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Pay back this much in cash.")] = None,
    card: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Pay back this much to the card.")] = None,
    store_credit: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Give this much as store credit to the sale's customer.")
    ] = None,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Where; the sale's own by default.")] = None,
    restock: Annotated[bool, typer.Option("--restock/--no-restock", help="Whether it can be sold again.")] = True,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take goods back by their receipt; the money goes where it came from, cards first, unless you say otherwise."""
    place = Workplace(tenant, env_file)
    found = place.run(get_sale, {"id": _sale_id(place, sale)})
    lines = [{**_line(each), "restock": restock} for each in line or []]
    if not restock and not lines:
        left = place.run(refundable, {"id": found.id}).lines
        lines = [{"line_no": each.line_no, "restock": False} for each in left if each.left]
    tenders = _tenders(place, card=card, store_credit=store_credit, cash=cash)
    what = "what is left" if line is None else ", ".join(f"line {each}" for each in line)
    confirm_destruction(f"{what.capitalize()} of receipt {found.receipt} comes back, and its money is paid out.", yes)
    data = {"id": new_id(), "sale_id": found.id, "lines": lines, "tenders": tenders, "reason": reason}
    if outlet is not None:
        data["outlet_id"] = place.outlet(outlet).id
    _show(place.run(refund_sale, data), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos sales exchange MAIN-0-000017 --line 2 --sku MILK-1 --reason 'wrong size' --yes",
        "primepos sales exchange MAIN-0-000017 --line 1:1 --sku CHEESE:0.4 --cash 5.00 --reason wish --yes --json",
    )
)
def exchange(
    sale: SaleArgument,
    *,
    line: Annotated[list[str], typer.Option("--line", metavar="NO[:QUANTITY]", help="A line that comes back.")],
    sku: Annotated[list[str], typer.Option("--sku", metavar="SKU[:QUANTITY]", help="What is taken instead.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; stands in the record.")],
    cash: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Cash for the difference.")] = None,
    card: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Card for the difference.")] = None,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Where; the sale's own by default.")] = None,
    restock: Annotated[bool, typer.Option("--restock/--no-restock", help="Whether it can be sold again.")] = True,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take lines of a receipt back and sell other goods in one record; only the difference is paid, either way.

    Where the customer owes, say how it is paid with --cash and --card; where the shop does, leave them out.
    """
    place = Workplace(tenant, env_file)
    found = place.run(get_sale, {"id": _sale_id(place, sale)})
    confirm_destruction(f"Goods of receipt {found.receipt} come back, others are taken.", yes)
    data = {
        "id": new_id(),
        "sale_id": found.id,
        "returns": [{**_line(each), "restock": restock} for each in line],
        "lines": [_goods(each) for each in sku],
        "tenders": _tenders(place, card=card, cash=cash),
        "reason": reason,
    }
    if outlet is not None:
        data["outlet_id"] = place.outlet(outlet).id
    _show(place.run(exchange_goods, data), as_json=as_json)


def _tenders(place: Workplace, **given: str | None) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "amount": place.minor(f"--{kind.replace('_', '-')}", text)}
        for kind, text in given.items()
        if text is not None
    ]


@app.command(
    name="return",
    epilog=examples(
        "primepos sales return --outlet main --sku MILK-1 --reason 'receipt lost' --yes",
        "primepos sales return --outlet main --sku MILK-1:2 --sku CHEESE:0.4 --no-restock --reason spoilt --yes --json",
    ),
)
def return_(
    *,
    sku: Annotated[list[str], typer.Option("--sku", metavar="SKU[:QUANTITY]", help="What comes back; repeat it.")],
    outlet: Annotated[str, typer.Option(metavar="OUTLET", help="Where it comes back.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; stands in the record.")],
    restock: Annotated[bool, typer.Option("--restock/--no-restock", help="Whether it can be sold again.")] = True,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take goods back whose receipt is lost: at today's prices, for cash, flagged for somebody to look at.

    With the receipt use `sales refund`, which never gives back more than was paid.
    """
    place = Workplace(tenant, env_file)
    lines = [{**_goods(each), "restock": restock} for each in sku]
    where = place.outlet(outlet)
    confirm_destruction(f"Cash is paid out at {where.name!r} for goods without a receipt.", yes)
    data = {"id": new_id(), "outlet_id": where.id, "lines": lines, "reason": reason}
    _show(place.run(return_goods, data), as_json=as_json)


def _goods(text: str) -> dict[str, Any]:
    if ":" not in text:
        return {"sku": text}
    sku, quantity = by_sku("--sku", text)
    return {"sku": sku, "quantity": quantity}


def _line(text: str) -> dict[str, Any]:
    number, colon, quantity = text.partition(":")
    if not number.isascii() or not number.isdigit():
        raise InvalidInput(f"--line: write {text!r} as NO or NO:QUANTITY")
    return {"line_no": int(number), **({"quantity": parse_quantity(quantity)} if colon else {})}


def _sale_id(place: Workplace, text: str) -> UUID:
    """Return the id of a sale given by id or receipt number, the newest where a series began anew.

    Raises:
        SaleNotFound: no sale of this shop has it.
    """
    given = id_of(text)
    if given is not None:
        return given
    found = place.run(list_sales, {"receipt": text, "limit": 1}).items
    if not found:
        raise SaleNotFound(sale=text)
    first: UUID = found[0].id
    return first


def read_sale() -> dict[str, Any]:
    """Read one JSON object from stdin; numbers become integers or decimals, never floats.

    Raises:
        InvalidInput: a terminal, too much, no JSON, or something else than one object.
    """
    if sys.stdin.isatty():
        raise InvalidInput("Give the sale as JSON on stdin", hint="See primepos sales book --help.")
    raw = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise InvalidInput("The input is larger than 4 MiB")
    found = read_cases(raw)
    if len(found) != 1 or not isinstance(found[0], dict):
        raise InvalidInput("Give one sale as a JSON object")
    whole: dict[str, Any] = _whole(found[0])
    return whole


def _whole(value: Any) -> Any:
    """Turn decimals without a fraction into integers, as minor units must be."""
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if hasattr(value, "is_finite") and value == value.to_integral_value():
        return int(value)
    return value


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option}: {text!r} is no date; write it as 2026-03-01") from None


def _major(minor: int, sale: Any) -> Any:
    return plain_amount(minor, currency(sale.currency).exponent)


def _show(sale: Any, *, as_json: bool) -> None:
    if as_json:
        emit(sale, as_json=True)
        return
    money = ("base", "tax", "rounding", "total", "change")
    head = {
        "receipt": sale.receipt,
        "kind": sale.kind,
        "sold_at": sale.sold_at,
        "business_date": sale.business_date,
        "cashier": sale.cashier,
        **{name: _major(getattr(sale, name), sale) for name in money},
        "currency": sale.currency,
        "flags": " ".join(sale.flags),
        "reason": sale.reason,
        "void_of": sale.void_of,
        "voided_by": sale.voided_by,
        "id": sale.id,
    }
    emit({name: value for name, value in head.items() if value not in {None, ""}}, as_json=False)
    for title, items, names in (
        ("Lines", sale.lines, ("sku", "name", "quantity", "unit_price", "discount", "tax", "total")),
        ("Taxes", sale.taxes, ("code", "name", "rate", "base", "amount")),
        ("Payments", sale.payments, ("kind", "amount", "reference")),
    ):
        typer.echo(f"\n{title}")
        rows = [
            {
                name: _major(getattr(each, name), sale)
                if name in {"discount", "tax", "total", "base", "amount"}
                else getattr(each, name)
                for name in names
            }
            for each in items
        ]
        emit(rows, as_json=False, columns=names)
