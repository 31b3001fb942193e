"""``primepos cash``: cash beside sales, the safe, coins and notes, over and short, other counts for closed shifts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from primepos.cli.naming import Workplace, required_id
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.amounts import Money, plain_amount
from primepos.core.amounts import currency as currency_of
from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.domain.cash.service import (
    bank_deposit,
    count_safe,
    decide_adjustment,
    list_adjustments,
    list_denominations,
    list_movements,
    list_safe_entries,
    list_safes,
    list_variances,
    move_cash,
    open_drawer,
    propose_adjustment,
    set_denominations,
)

ShiftArgument = Annotated[
    str, typer.Argument(metavar="SHIFT", help="The shift's id, or a register: its open shift, else its last one.")
]
AmountArgument = Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, in currency units.")]
ReasonOption = Annotated[str, typer.Option(help="Why.")]
ReferenceOption = Annotated[str, typer.Option(metavar="TEXT", help="A number on paper: receipt, bag, slip.")]
CurrencyOption = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="Another currency than the shop's own.")
]
IdOption = Annotated[
    str | None, typer.Option("--id", metavar="UUID", help="Your own id: the same again is answered, not done twice.")
]
OutletOption = Annotated[str, typer.Option("--outlet", metavar="OUTLET", help="The outlet's code or id.")]
LimitOption = Annotated[int, typer.Option(min=1, max=200, help="At most this many.")]
AfterOption = Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Move cash beside sales, look after the safe, coins and notes, over and short.",
)


@app.command(name="in", epilog=examples("primepos cash in MAIN-TILL-1 50.00 --reason 'change from the bank'"))
def in_(
    shift: ShiftArgument,
    amount: AmountArgument,
    *,
    reason: ReasonOption,
    reference: ReferenceOption = "",
    currency: CurrencyOption = None,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put cash into a drawer that no sale brought."""
    place = Workplace(tenant, env_file)
    _move(place, "paid_in", shift, amount, (reason, reference, currency, own_id), as_json=as_json)


@app.command(epilog=examples("primepos cash out MAIN-TILL-1 12.40 --reason stamps --reference R-118"))
def out(
    shift: ShiftArgument,
    amount: AmountArgument,
    *,
    reason: ReasonOption,
    reference: ReferenceOption = "",
    currency: CurrencyOption = None,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Pay something from a drawer."""
    place = Workplace(tenant, env_file)
    _move(place, "paid_out", shift, amount, (reason, reference, currency, own_id), as_json=as_json)


@app.command(epilog=examples("primepos cash drop MAIN-TILL-1 200.00 --reason 'drawer full' --reference bag-17"))
def drop(
    shift: ShiftArgument,
    amount: AmountArgument,
    *,
    reason: ReasonOption,
    reference: ReferenceOption = "",
    currency: CurrencyOption = None,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put cash from a drawer into the outlet's safe."""
    place = Workplace(tenant, env_file)
    _move(place, "drop", shift, amount, (reason, reference, currency, own_id), as_json=as_json)


@app.command(epilog=examples("primepos cash loan MAIN-TILL-1 50.00 --reason 'out of coins'"))
def loan(
    shift: ShiftArgument,
    amount: AmountArgument,
    *,
    reason: ReasonOption,
    reference: ReferenceOption = "",
    currency: CurrencyOption = None,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put cash from the outlet's safe into a drawer."""
    place = Workplace(tenant, env_file)
    _move(place, "loan", shift, amount, (reason, reference, currency, own_id), as_json=as_json)


@app.command(epilog=examples("primepos cash pickup MAIN-TILL-1 300.00 --reason 'security van' --reference 4711"))
def pickup(
    shift: ShiftArgument,
    amount: AmountArgument,
    *,
    reason: ReasonOption,
    reference: ReferenceOption = "",
    currency: CurrencyOption = None,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Have cash from a drawer taken out of the shop at once."""
    place = Workplace(tenant, env_file)
    _move(place, "pickup", shift, amount, (reason, reference, currency, own_id), as_json=as_json)


@app.command(name="no-sale", epilog=examples("primepos cash no-sale MAIN-TILL-1 --reason 'gave change'"))
def no_sale(
    shift: ShiftArgument,
    *,
    reason: ReasonOption,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write down that a drawer was opened for no sale."""
    place = Workplace(tenant, env_file)
    data = {"id": _id(own_id), "shift_id": _shift_id(place, shift), "reason": reason}
    made = place.run(open_drawer, data)
    emit(made if as_json else _written(made, ("amount",)), as_json=as_json)


@app.command(
    epilog=examples("primepos cash movements --shift MAIN-TILL-1", "primepos cash movements --kind no_sale --csv")
)
def movements(
    *,
    shift: Annotated[str | None, typer.Option(metavar="SHIFT", help="Only this shift's: its id or register.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only paid_in, paid_out, drop, loan, pickup or no_sale.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what moved cash beside sales, newest first."""
    place = Workplace(tenant, env_file)
    shift_id = None if shift is None else _shift_id(place, shift)
    page = place.run(list_movements, {"shift_id": shift_id, "kind": kind, "limit": limit, "after": after})
    columns = ("moved_at", "kind", "amount", "currency", "reason", "reference", "actor", "approved_by", "late")
    _list(page, columns, ("amount",), as_json=as_json, as_csv=as_csv)


@app.command(epilog=examples("primepos cash safes", "primepos cash safes --outlet main --json"))
def safes(
    *,
    outlet: Annotated[str | None, typer.Option("--outlet", metavar="OUTLET", help="Only this outlet's.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what the safes hold."""
    place = Workplace(tenant, env_file)
    found = place.run(list_safes, {"outlet_id": None if outlet is None else place.outlet(outlet).id})
    if as_json:
        emit(found, as_json=True)
        return
    rows = [_written(each, ("balance",)) for each in found.items]
    emit(rows, as_json=False, columns=("outlet", "balance", "currency", "entries"))


@app.command(epilog=examples("primepos cash entries --outlet main", "primepos cash entries --outlet main --csv"))
def entries(
    *,
    outlet: OutletOption,
    currency: CurrencyOption = None,
    before: Annotated[int | None, typer.Option(min=1, metavar="N", help="Go on below this number.")] = None,
    limit: LimitOption = 50,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what came into a safe and left it, newest first."""
    place = Workplace(tenant, env_file)
    asked = {"outlet_id": place.outlet(outlet).id, "currency": currency, "before": before, "limit": limit}
    page = place.run(list_safe_entries, asked)
    columns = ("entry_no", "moved_at", "kind", "amount", "balance", "currency", "reason", "reference", "actor")
    _list(page, columns, ("amount", "balance"), as_json=as_json, as_csv=as_csv, mark="--before")


@app.command(
    epilog=examples("primepos cash deposit 1500.00 --outlet main --reason 'evening deposit' --reference slip-88 --yes")
)
def deposit(
    amount: AmountArgument,
    *,
    outlet: OutletOption,
    reason: ReasonOption,
    reference: ReferenceOption = "",
    currency: CurrencyOption = None,
    own_id: IdOption = None,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take cash from the safe to the bank; a safe never goes below zero."""
    place = Workplace(tenant, env_file)
    data = {
        "id": _id(own_id),
        "outlet_id": place.outlet(outlet).id,
        "amount": _minor(place, amount, currency),
        "reason": reason,
        "reference": reference,
        "currency": currency,
    }
    confirm_destruction(f"{amount} will leave the safe of {outlet}.", yes)
    made = place.run(bank_deposit, data)
    emit(made if as_json else _written(made, ("amount", "balance")), as_json=as_json)


@app.command(
    name="count-safe", epilog=examples("primepos cash count-safe 1820.00 --outlet main --reason 'monthly count' --yes")
)
def count_safe_(
    counted: Annotated[str, typer.Argument(metavar="AMOUNT", help="What the safe holds.")],
    *,
    outlet: OutletOption,
    reason: ReasonOption,
    currency: CurrencyOption = None,
    own_id: IdOption = None,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what the safe holds; the difference becomes an entry of it."""
    place = Workplace(tenant, env_file)
    data = {
        "id": _id(own_id),
        "outlet_id": place.outlet(outlet).id,
        "counted": _minor(place, counted, currency),
        "reason": reason,
        "currency": currency,
    }
    confirm_destruction(f"The safe of {outlet} will hold {counted} by the books.", yes)
    made = place.run(count_safe, data)
    emit(made if as_json else _written(made, ("amount", "balance")), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos cash denominations",
        "primepos cash denominations --currency CHF --set '5 10 20 50 100 200 500 1000n 2000n' --yes",
        "primepos cash denominations --usual --yes",
    )
)
def denominations(
    *,
    currency: CurrencyOption = None,
    chosen: Annotated[
        str | None, typer.Option("--set", metavar="VALUES", help="Count these, in minor units; notes as 500n.")
    ] = None,
    usual: Annotated[bool, typer.Option("--usual", help="Go back to the usual coins and notes.")] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the coins and notes that are counted, or set them."""
    place = Workplace(tenant, env_file)
    if chosen is None and not usual:
        found = place.run(list_denominations, {"currency": currency})
    else:
        code = currency or place.current.currency
        confirm_destruction(f"The coins and notes of {code} will be others.", yes)
        found = place.run(set_denominations, {"currency": code, "items": _denominations(chosen or "")})
    if as_json:
        emit(found, as_json=True)
        return
    exponent = currency_of(found.currency).exponent
    rows = [{"value": plain_amount(each.value, exponent), "kind": each.kind} for each in found.items]
    emit(rows, as_json=False, columns=("value", "kind"))


@app.command(
    epilog=examples("primepos cash variances --since 2026-03-01 --csv", "primepos cash variances --shift MAIN-TILL-1")
)
def variances(
    *,
    shift: Annotated[str | None, typer.Option(metavar="SHIFT", help="Only this shift's: its id or register.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this business day on.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="To this business day.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what was booked as over or short: at openings, at closings, by adjustments; newest first."""
    place = Workplace(tenant, env_file)
    asked = {
        "shift_id": None if shift is None else _shift_id(place, shift),
        "since": None if since is None else since.date(),
        "until": None if until is None else until.date(),
        "limit": limit,
        "after": after,
    }
    page = place.run(list_variances, asked)
    columns = ("business_date", "register", "kind", "tender", "amount", "currency", "reason", "actor", "approved_by")
    _list(page, columns, ("amount",), as_json=as_json, as_csv=as_csv)


@app.command(epilog=examples("primepos cash adjust MAIN-TILL-1 --counted 402.35 --reason 'ten overlooked'"))
def adjust(
    shift: ShiftArgument,
    *,
    counted: Annotated[str, typer.Option(metavar="AMOUNT", help="What should have been counted.")],
    reason: ReasonOption,
    currency: CurrencyOption = None,
    own_id: IdOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Propose another count for a closed shift; somebody else has to confirm it. Its Z stays as it is."""
    place = Workplace(tenant, env_file)
    data = {
        "id": _id(own_id),
        "shift_id": _shift_id(place, shift),
        "counted": _minor(place, counted, currency),
        "reason": reason,
        "currency": currency,
    }
    made = place.run(propose_adjustment, data)
    emit(made if as_json else _written(made, ("counted_before", "counted_after")), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos cash decide 0190f0c4-0000-7000-8000-000000000000 --confirm --yes",
        "primepos cash decide 0190f0c4-0000-7000-8000-000000000000 --refuse --yes",
    )
)
def decide(
    adjustment: Annotated[str, typer.Argument(metavar="ID", help="The adjustment's id.")],
    *,
    confirm: Annotated[bool, typer.Option("--confirm/--refuse", help="Whether the other count is right.")],
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Confirm or refuse a count that somebody else has proposed."""
    place = Workplace(tenant, env_file)
    data = {"id": required_id("ID", adjustment), "confirm": confirm}
    confirm_destruction(f"The adjustment will be {'confirmed' if confirm else 'refused'} for good.", yes)
    made = place.run(decide_adjustment, data)
    emit(made if as_json else _written(made, ("counted_before", "counted_after")), as_json=as_json)


@app.command(epilog=examples("primepos cash adjustments --waiting", "primepos cash adjustments --shift MAIN-TILL-1"))
def adjustments(
    *,
    shift: Annotated[str | None, typer.Option(metavar="SHIFT", help="Only this shift's: its id or register.")] = None,
    waiting: Annotated[bool | None, typer.Option("--waiting/--decided", help="Only those that wait, or not.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List other counts that were proposed for closed shifts, newest first."""
    place = Workplace(tenant, env_file)
    shift_id = None if shift is None else _shift_id(place, shift)
    page = place.run(list_adjustments, {"shift_id": shift_id, "waiting": waiting, "limit": limit, "after": after})
    columns = ("proposed_at", "counted_before", "counted_after", "reason", "proposed_by", "confirmed", "decided_by")
    _list(page, (*columns, "id"), ("counted_before", "counted_after"), as_json=as_json, as_csv=as_csv)


def _move(
    place: Workplace,
    kind: str,
    shift: str,
    amount: str,
    more: tuple[str, str, str | None, str | None],
    *,
    as_json: bool,
) -> None:
    reason, reference, currency, own_id = more
    data = {
        "id": _id(own_id),
        "shift_id": _shift_id(place, shift),
        "kind": kind,
        "amount": _minor(place, amount, currency),
        "reason": reason,
        "reference": reference,
        "currency": currency,
    }
    made = place.run(move_cash, data)
    emit(made if as_json else _written(made, ("amount",)), as_json=as_json)


def _shift_id(place: Workplace, text: str) -> Any:
    from primepos.cli.commands.shifts import shift_named

    return shift_named(place, text).id


def _id(text: str | None) -> Any:
    return new_id() if text is None else required_id("--id", text)


def _minor(place: Workplace, text: str, currency: str | None) -> int:
    return Money.from_decimal(text, currency or place.current.currency).minor


def _written(made: Any, amounts: tuple[str, ...]) -> dict[str, Any]:
    """Return a record with its amounts in units of its own currency, without what is empty."""
    values = msgspec.structs.asdict(made)
    exponent = currency_of(values["currency"]).exponent
    values |= {name: plain_amount(values[name], exponent) for name in amounts}
    return {name: value for name, value in values.items() if value not in (None, "")}


def _list(
    page: Any,
    columns: tuple[str, ...],
    amounts: tuple[str, ...],
    *,
    as_json: bool,
    as_csv: bool,
    mark: str = "--after",
) -> None:
    if as_json:
        emit(page, as_json=True)
        return
    emit([_written(each, amounts) for each in page.items], as_json=False, as_csv=as_csv, columns=columns)
    if page.next:
        note(f"There are more: {mark} {page.next}")


def _denominations(text: str) -> list[dict[str, Any]]:
    """Read ``5 10 500n``: values in minor units, those of notes with an n. Raises ``INVALID_INPUT``."""
    found = []
    for each in text.split():
        digits = each.removesuffix("n")
        if not (digits.isascii() and digits.isdigit()):
            raise InvalidInput(f"--set: {each!r} is no value in minor units")
        found.append({"value": int(digits), "kind": "note" if each.endswith("n") else "coin"})
    return found
