"""``primepos orders``: tickets on hold, quotes, layaways; and what was taken off tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from primepos.cli.naming import Workplace, by_sku, id_of
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.domain.orders.schemas import TicketOut

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Keep tickets for later: on hold, quotes, layaways with deposits.",
)

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="Its number or id.")]
_ROWS = {
    "number": "number", "kind": "kind", "state": "state", "label": "label", "lines": "lines", "total": "total",
    "deposit": "deposit", "valid_until": "valid until", "changed_by": "by", "changed_at": "changed",
}  # fmt: skip
_REMOVED = {
    "at": "at", "person": "person", "approver": "approver", "act": "act", "sku": "sku", "name": "name",
    "quantity": "quantity", "amount": "amount",
}  # fmt: skip


@app.command(
    epilog=examples(
        "primepos orders save --outlet main --sku MILK-1:2 --label 'Mrs. Jones'",
        "primepos orders save --kind quote --until 2026-12-31 --outlet main --sku CHAIR:6 --discount 5",
        "primepos orders save --kind layaway --customer 123 --outlet main --sku BIKE --json",
        "primepos orders save --change 17 --outlet main --sku MILK-1:3",
    )
)
def save(
    *,
    outlet: Annotated[str, typer.Option(metavar="OUTLET", help="Where it is sold.")],
    sku: Annotated[list[str], typer.Option("--sku", metavar="SKU[:QUANTITY]", help="What it sells; repeat it.")],
    kind: Annotated[str, typer.Option(metavar="KIND", help="held, quote or layaway.")] = "held",
    until: Annotated[str | None, typer.Option(metavar="DATE", help="How long a quote's prices are valid.")] = None,
    discount: Annotated[str | None, typer.Option(metavar="PERCENT", help="Off the whole ticket.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER", help="Number or id of the customer.")] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="What to find it by.")] = "",
    text: Annotated[str, typer.Option("--note", metavar="TEXT", help="A note that the sale will carry.")] = "",
    change: Annotated[str | None, typer.Option(metavar="ORDER", help="The order to change.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a ticket aside, or change one that is."""
    from primepos.core.ids import new_id
    from primepos.domain.orders.service import get_order, save_order

    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {
        "id": new_id(), "kind": kind, "outlet_id": place.outlet(outlet).id, "lines": [_goods(each) for each in sku],
        "label": label, "note": text, "valid_until": until,
    }  # fmt: skip
    if discount is not None:
        data["ticket_discount_percent"] = discount
    if customer is not None:
        data["customer_id"] = _customer(place, customer)
    if change is not None:
        data["id"] = _order_id(place, change)
        data["version"] = place.run(get_order, {"id": data["id"]}).version
    _show(place, place.run(save_order, data), as_json=as_json)


@app.command(
    name="list",
    epilog=examples("primepos orders list", "primepos orders list --kind quote", "primepos orders list --ended --json"),
)
def list_(
    *,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="held, quote or layaway.")] = None,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only this outlet.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER", help="Only of this customer.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Those that are sold or cancelled.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List orders of every register, newest first."""
    from primepos.domain.orders.service import list_orders

    place = Workplace(tenant, env_file)
    asked: dict[str, Any] = {"kind": kind, "ended": ended, "limit": limit}
    if outlet is not None:
        asked["outlet_id"] = place.outlet(outlet).id
    if customer is not None:
        asked["customer_id"] = _customer(place, customer)
    found = place.run(list_orders, asked)
    if as_json:
        emit(found.items, as_json=True)
        return
    rows = [
        {name: getattr(each, name) for name in _ROWS}
        | {"total": place.major(each.total), "deposit": place.major(each.deposit)}
        for each in found.items
    ]
    emit(rows, as_json=False, columns=_ROWS)
    if found.next is not None:
        note(f"There are more; see --limit. Amounts in {place.current.currency}.")


@app.command(epilog=examples("primepos orders show 17", "primepos orders show 17 --json"))
def show(
    order: OrderArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show one order with what it sells."""
    from primepos.domain.orders.service import get_order

    place = Workplace(tenant, env_file)
    _show(place, place.run(get_order, {"id": _order_id(place, order)}), as_json=as_json)


@app.command(epilog=examples("primepos orders take 17", "primepos orders take 17 --json"))
def take(
    order: OrderArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Take an order over from whichever register has it."""
    from primepos.domain.orders.service import get_order, take_over

    place = Workplace(tenant, env_file)
    found = place.run(get_order, {"id": _order_id(place, order)})
    _show(place, place.run(take_over, {"id": found.id, "version": found.version}), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos orders cancel 17 --reason 'not wanted' --yes", "primepos orders cancel 17 --reason x --json"
    )
)
def cancel(
    order: OrderArgument,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give an order up; its deposit is given back first (`orders return-deposit`)."""
    from primepos.domain.orders.service import cancel_order, get_order

    place = Workplace(tenant, env_file)
    found = place.run(get_order, {"id": _order_id(place, order)})
    confirm_destruction(f"Order {found.number} is given up.", yes)
    data = {"id": found.id, "version": found.version, "reason": reason}
    _show(place, place.run(cancel_order, data), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos orders sell 17 --cash 20.00", "primepos orders sell 17 --card 12.50 --age-confirmed --json"
    )
)
def sell(
    order: OrderArgument,
    *,
    cash: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Cash that is handed over.")] = None,
    card: Annotated[str | None, typer.Option(metavar="AMOUNT", help="What a card pays.")] = None,
    age_confirmed: Annotated[bool, typer.Option("--age-confirmed", help="The customer is old enough.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sell an order: its deposit pays first, cash and card the rest."""
    from primepos.core.ids import new_id
    from primepos.domain.orders.service import get_order, sell_order

    place = Workplace(tenant, env_file)
    found = place.run(get_order, {"id": _order_id(place, order)})
    sold = place.run(
        sell_order,
        {
            "id": found.id, "version": found.version, "sale_id": new_id(), "age_confirmed": age_confirmed,
            "tenders": _tenders(place, cash=cash, card=card),
        },
    )  # fmt: skip
    emit(sold, as_json=as_json, columns=None if as_json else ("receipt", "total", "change", "currency"))


@app.command(epilog=examples("primepos orders deposit 17 --cash 50.00", "primepos orders deposit 17 --card 50 --json"))
def deposit(
    order: OrderArgument,
    *,
    cash: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Cash that is paid.")] = None,
    card: Annotated[str | None, typer.Option(metavar="AMOUNT", help="What a card pays.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take money on an order; it has a receipt of its own."""
    from primepos.core.ids import new_id
    from primepos.domain.orders.service import pay_deposit

    place = Workplace(tenant, env_file)
    tenders = _tenders(place, cash=cash, card=card)
    if not tenders:
        raise InvalidInput("Say how it is paid: --cash or --card")
    data = {
        "id": _order_id(place, order), "sale_id": new_id(), "amount": sum(each["amount"] for each in tenders),
        "tenders": tenders,
    }  # fmt: skip
    _told(place, place.run(pay_deposit, data), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos orders return-deposit 17 --reason 'not wanted' --yes",
        "primepos orders return-deposit 17 --to card --reason 'not wanted' --yes --json",
    )
)
def return_deposit(
    order: OrderArgument,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    to: Annotated[str, typer.Option(metavar="KIND", help="cash or card.")] = "cash",
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give back everything that was paid on an order and is not used."""
    from primepos.core.ids import new_id
    from primepos.domain.orders.service import get_order
    from primepos.domain.orders.service import return_deposit as give_back

    place = Workplace(tenant, env_file)
    found = place.run(get_order, {"id": _order_id(place, order)})
    confirm_destruction(f"{place.major(found.deposit)} are paid out for order {found.number}.", yes)
    data = {"id": found.id, "sale_id": new_id(), "reason": reason, "to": to}
    _told(place, place.run(give_back, data), as_json=as_json)


@app.command(epilog=examples("primepos orders removed", "primepos orders removed --person Anna --json"))
def removed(
    *,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only this outlet.")] = None,
    person: Annotated[str | None, typer.Option(metavar="NAME", help="Only by this person.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List what was taken off tickets before they were paid: by whom, with whose consent."""
    from primepos.domain.orders.service import list_removed

    place = Workplace(tenant, env_file)
    asked: dict[str, Any] = {"person": person, "limit": limit}
    if outlet is not None:
        asked["outlet_id"] = place.outlet(outlet).id
    found = place.run(list_removed, asked)
    rows = [
        {name: getattr(each, name) for name in _REMOVED} | {"amount": place.major(each.amount)} for each in found.items
    ]
    emit(found.items if as_json else rows, as_json=as_json, columns=None if as_json else _REMOVED)


def _show(place: Workplace, order: TicketOut, *, as_json: bool) -> None:
    if as_json:
        emit(order, as_json=True)
        return
    emit(
        {
            "number": order.number, "kind": order.kind, "state": order.state, "version": order.version,
            "label": order.label, "total": place.major(order.total), "deposit": place.major(order.deposit),
            "valid until": order.valid_until, "changed by": order.changed_by, "id": order.id,
        },
        as_json=False,
    )  # fmt: skip


def _told(place: Workplace, done: Any, *, as_json: bool) -> None:
    if as_json:
        emit(done, as_json=True)
        return
    emit(
        {
            "receipt": done.sale.receipt, "paid": place.major(done.sale.total), "order": done.order.number,
            "deposit": place.major(done.order.deposit), "total": place.major(done.order.total),
        },
        as_json=False,
    )  # fmt: skip


def _tenders(place: Workplace, **given: str | None) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "amount": place.minor(f"--{kind}", text)} for kind, text in given.items() if text is not None
    ]


def _goods(text: str) -> dict[str, Any]:
    if ":" not in text:
        return {"sku": text}
    sku, quantity = by_sku("--sku", text)
    return {"sku": sku, "quantity": quantity}


def _order_id(place: Workplace, text: str) -> UUID:
    """Return the id of an order given by id or number. Raises: OrderNotFound."""
    from primepos.domain.orders.errors import OrderNotFound
    from primepos.domain.orders.service import list_orders

    given = id_of(text)
    if given is not None:
        return given
    if not (text.isascii() and text.isdigit() and len(text) < len(str(2**63))):
        raise OrderNotFound(order=text)
    for ended in (False, True):
        for each in place.run(list_orders, {"after": int(text) + 1, "ended": ended, "limit": 1}).items:
            if each.number == int(text):
                found: UUID = each.id
                return found
    raise OrderNotFound(order=text)


def _customer(place: Workplace, text: str) -> UUID:
    """Return the id of a customer given by id or number. Raises: CustomerNotFound."""
    from primepos.domain.customers.service import get_customer

    given = id_of(text)
    if given is not None:
        return given
    found: UUID = place.run(get_customer, {"number": text}).id
    return found
