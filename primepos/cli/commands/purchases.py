"""``primepos purchases``: orders, deliveries on them and goods that go back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.commands.suppliers import find_supplier
from primepos.cli.naming import Workplace
from primepos.cli.numbered import costed, goods, numbered
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.domain.purchasing.errors import OrderNotFound, SupplierReturnNotFound
from primepos.domain.purchasing.service import (
    approve_order,
    cancel_order,
    close_order,
    create_order,
    credit_return,
    get_order,
    get_supplier_return,
    list_orders,
    list_receipts,
    list_supplier_returns,
    receive_order,
    return_to_supplier,
    send_order,
    suggest_orders,
    update_order,
)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number or id.")]
ReturnNumber = Annotated[str, typer.Argument(metavar="NUMBER", help="The return's number or id.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most this many.")]
After = Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")]
Expected = Annotated[str | None, typer.Option("--expected", metavar="DATE", help="When it should come, as 2026-03-31.")]
Over = Annotated[str | None, typer.Option("--over", metavar="PERCENT", help="How much more may be taken in.")]
Text = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="A note.")]
_GOODS = "What, how many units, and what a pack costs where it is not the supplier's list price."
_ROW = ("number", "supplier", "outlet", "state", "expected_on", "total", "created_by", "created_at")
_LINE = ("sku", "name", "supplier_sku", "quantity", "pack_size", "cost", "amount", "received", "returned", "open")
_RETURN = ("number", "order", "supplier", "outlet", "state", "expected", "credited", "reason", "returned_at")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Order goods and take them in."
)
returns = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Send goods back.")
app.add_typer(returns, name="returns")


@app.command(
    epilog=examples(
        "primepos purchases suggest --outlet main",
        "primepos purchases suggest --outlet main --supplier dairy --order",
    )
)
def suggest(
    *,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only for this outlet.")] = None,
    supplier: Annotated[str | None, typer.Option(metavar="SUPPLIER", help="Only from this one.")] = None,
    order: Annotated[
        bool, typer.Option("--order", help="Draft an order of it; needs --outlet and --supplier.")
    ] = False,
    limit: Limit = 200,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Suggest what to order: what has come down to its minimum, in whole packs."""
    if order and (outlet is None or supplier is None):
        raise InvalidInput("--order needs --outlet and --supplier")
    place = Workplace(tenant, env_file)
    asked = {
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "supplier_id": None if supplier is None else find_supplier(place, supplier),
        "limit": limit,
    }
    page = place.run(suggest_orders, asked)
    if order:
        if not page.items:
            note("There is nothing to order.")
            return
        lines = [{"product_id": each.product_id, "quantity": each.suggested} for each in page.items]
        ends = {"supplier_id": asked["supplier_id"], "outlet_id": asked["outlet_id"]}
        _show(place, place.run(create_order, {"id": new_id(), **ends, "lines": lines}), as_json=as_json)
        return
    if as_json:
        emit(page, as_json=True)
        return
    columns = (
        "outlet",
        "sku",
        "name",
        "quantity",
        "minimum",
        "target",
        "in_transit",
        "on_order",
        "supplier",
        "suggested",
    )
    emit(page.items, as_json=False, as_csv=as_csv, columns=columns)


@app.command(
    epilog=examples(
        "primepos purchases create dairy MILK-1:48 CHEESE:10@11.40 --outlet main --expected 2026-03-31",
        "primepos purchases create dairy APPLES:100@0.85 --outlet main --over 5",
    )
)
def create(
    supplier: Annotated[str, typer.Argument(metavar="SUPPLIER", help="The supplier's code or id.")],
    lines: Annotated[list[str], typer.Argument(metavar="SKU:N[@COST]...", help=_GOODS)],
    *,
    outlet: Annotated[str, typer.Option(metavar="OUTLET", help="Where it is to be delivered.")],
    expected: Expected = None,
    over: Over = None,
    text: Text = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Draft an order."""
    place = Workplace(tenant, env_file)
    data = {
        "id": new_id(),
        "supplier_id": find_supplier(place, supplier),
        "outlet_id": place.outlet(outlet).id,
        "lines": costed(place, "SKU:N", lines, "cost")[0],
        **_given(expected_on=expected, over_percent=over, note=text),
    }
    _show(place, place.run(create_order, data), as_json=as_json)


@app.command(
    epilog=examples("primepos purchases update 1 --expected 2026-04-02", "primepos purchases update 1 MILK-1:60")
)
def update(
    order: Number,
    lines: Annotated[list[str] | None, typer.Argument(metavar="[SKU:N[@COST]]...", help="All lines anew.")] = None,
    *,
    expected: Expected = None,
    over: Over = None,
    text: Text = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a draft; what is left out stays."""
    place = Workplace(tenant, env_file)
    changes = _given(expected_on=expected, over_percent=over, note=text)
    if lines:
        changes["lines"] = costed(place, "SKU:N", lines, "cost")[0]
    _show(place, place.run(update_order, {"id": _order(place, order), **changes}), as_json=as_json)


@app.command(epilog=examples("primepos purchases approve 1"))
def approve(
    order: Number, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Approve a draft; it stays as it is."""
    _step(approve_order, order, tenant, env_file, as_json=as_json)


@app.command(epilog=examples("primepos purchases send 1"))
def send(
    order: Number, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Note that an approved order went to the supplier. Nothing is mailed: print it, or copy it."""
    _step(send_order, order, tenant, env_file, as_json=as_json)


@app.command(epilog=examples("primepos purchases cancel 1 --yes"))
def cancel(
    order: Number,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Cancel an order of which nothing has arrived."""
    confirm_destruction("The order will be cancelled.", yes)
    _step(cancel_order, order, tenant, env_file, as_json=as_json)


@app.command(epilog=examples("primepos purchases close 1 --yes"))
def close(
    order: Number,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """End an order; what has not come is cancelled."""
    confirm_destruction("What has not come will not be waited for.", yes)
    _step(close_order, order, tenant, env_file, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos purchases receive 1 --reference 'note 4711'", "primepos purchases receive 1 MILK-1:36@9.90 CHEESE:10"
    )
)
def receive(
    order: Number,
    lines: Annotated[
        list[str] | None, typer.Argument(metavar="[SKU:N[@COST]]...", help="What arrived; all that is open without.")
    ] = None,
    *,
    reference: Annotated[str, typer.Option(metavar="TEXT", help="The delivery note's number.")] = "",
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take in a delivery, whole or in part, at what a pack really cost."""
    place = Workplace(tenant, env_file)
    data = {
        "id": new_id(),
        "order_id": _order(place, order),
        "lines": costed(place, "SKU:N", lines or [], "cost")[0],
        "reference": reference,
    }
    done = place.run(receive_order, data)
    if as_json:
        emit(done, as_json=True)
        return
    _lines(place, done.lines)
    note(f"Order {done.order} is {done.state.replace('_', ' ')}.")


@app.command(epilog=examples("primepos purchases receipts 1"))
def receipts(
    order: Number, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """List the deliveries of an order."""
    place = Workplace(tenant, env_file)
    found = place.run(list_receipts, {"order_id": _order(place, order)})
    if as_json:
        emit(found, as_json=True)
        return
    for each in found.items:
        note(f"{each.received_at:%Y-%m-%d %H:%M} {each.received_by} {each.reference}".rstrip())
        _lines(place, each.lines)


@app.command(epilog=examples("primepos purchases show 1", "primepos purchases show 1 --json | jq .lines"))
def show(
    order: Number, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show an order and what of it has come."""
    _step(get_order, order, tenant, env_file, as_json=as_json)


@app.command(name="list", epilog=examples("primepos purchases list --state sent", "primepos purchases list --json"))
def list_(
    *,
    state: Annotated[
        str | None, typer.Option(help="draft, approved, sent, partly_received, received, closed or cancelled.")
    ] = None,
    supplier: Annotated[str | None, typer.Option(metavar="SUPPLIER", help="Only from this one.")] = None,
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Only for this outlet.")] = None,
    limit: Limit = 50,
    after: After = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List orders, the newest first."""
    place = Workplace(tenant, env_file)
    asked = {
        "state": state,
        "supplier_id": None if supplier is None else find_supplier(place, supplier),
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "limit": limit,
        "after": after,
    }
    page = place.run(list_orders, asked)
    if as_json:
        emit(page, as_json=True)
        return
    emit([_major(place, each, ("total",), _ROW) for each in page.items], as_json=False, as_csv=as_csv, columns=_ROW)
    if page.next:
        note(f"There are more: --after {page.next}")


@returns.command(
    name="create", epilog=examples("primepos purchases returns create 1 MILK-1:6 --reason 'past its date' --yes")
)
def create_return(
    order: Number,
    lines: Annotated[list[str], typer.Argument(metavar="SKU:N...", help="What goes back.")],
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    outlet: Annotated[str | None, typer.Option(metavar="OUTLET", help="Where it is, if it was moved.")] = None,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Send goods of an order back, and expect a credit of what they cost."""
    place = Workplace(tenant, env_file)
    data = {
        "id": new_id(),
        "order_id": _order(place, order),
        "outlet_id": None if outlet is None else place.outlet(outlet).id,
        "lines": goods(place, "SKU:N", lines)[0],
        "reason": reason,
    }
    confirm_destruction("The goods will leave the stock.", yes)
    _show_return(place, place.run(return_to_supplier, data), as_json=as_json)


@returns.command(epilog=examples("primepos purchases returns credit 1 4.80"))
def credit(
    number: ReturnNumber,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What the supplier credited.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Note what the supplier credited."""
    place = Workplace(tenant, env_file)
    data = {"id": _return(place, number), "amount": place.minor("AMOUNT", amount)}
    _show_return(place, place.run(credit_return, data), as_json=as_json)


@returns.command(name="show", epilog=examples("primepos purchases returns show 1"))
def show_return(
    number: ReturnNumber, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show a return."""
    place = Workplace(tenant, env_file)
    _show_return(place, place.run(get_supplier_return, {"id": _return(place, number)}), as_json=as_json)


@returns.command(name="list", epilog=examples("primepos purchases returns list --open"))
def list_returns(
    *,
    open_: Annotated[bool, typer.Option("--open", help="Only those whose credit has not come.")] = False,
    limit: Limit = 50,
    after: After = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List returns, the newest first."""
    place = Workplace(tenant, env_file)
    page = place.run(list_supplier_returns, {"open": open_, "limit": limit, "after": after})
    if as_json:
        emit(page, as_json=True)
        return
    rows = [_major(place, each, ("expected", "credited"), _RETURN) for each in page.items]
    emit(rows, as_json=False, columns=_RETURN)
    if page.next:
        note(f"There are more: --after {page.next}")


def _order(place: Workplace, text: str) -> Any:
    return numbered(place, list_orders, text, OrderNotFound)


def _return(place: Workplace, text: str) -> Any:
    return numbered(place, list_supplier_returns, text, SupplierReturnNotFound)


def _step(operation: Any, order: str, tenant: str | None, env_file: Any, *, as_json: bool) -> None:
    place = Workplace(tenant, env_file)
    _show(place, place.run(operation, {"id": _order(place, order)}), as_json=as_json)


def _show(place: Workplace, order: Any, *, as_json: bool) -> None:
    if as_json:
        emit(order, as_json=True)
        return
    head = (*_ROW, "approved_by", "sent_at", "closed_at", "over_percent", "note")
    emit(_major(place, order, ("total",), head), as_json=False, columns=head)
    typer.echo()
    emit([_major(place, each, ("amount",), _LINE) for each in order.lines], as_json=False, columns=_LINE)


def _show_return(place: Workplace, found: Any, *, as_json: bool) -> None:
    if as_json:
        emit(found, as_json=True)
        return
    emit(_major(place, found, ("expected", "credited"), _RETURN), as_json=False, columns=_RETURN)
    typer.echo()
    columns = ("sku", "name", "quantity", "amount")
    emit([_major(place, each, ("amount",), columns) for each in found.lines], as_json=False, columns=columns)


def _lines(place: Workplace, lines: Any) -> None:
    columns = ("sku", "name", "quantity", "amount")
    emit([_major(place, each, ("amount",), columns) for each in lines], as_json=False, columns=columns)


def _major(place: Workplace, record: Any, money: tuple[str, ...], columns: tuple[str, ...]) -> dict[str, Any]:
    """Return the columns of a record, its amounts in currency units."""
    return {name: place.major(getattr(record, name)) if name in money else getattr(record, name) for name in columns}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
