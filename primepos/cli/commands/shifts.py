"""``primepos shifts``: open and close the shifts of tills, and print their X and Z reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from primepos.cli.counting import foreign_counts, pieces_of, tender_counts
from primepos.cli.naming import Workplace, id_of
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import cell_text, confirm_destruction, emit, note
from primepos.core.errors import NotFound
from primepos.core.ids import new_id
from primepos.core.operations import OPERATIONS
from primepos.domain.cash.service import (
    close_shift,
    count_cash,
    end_shift,
    force_close_shift,
    join_shift,
    list_shifts,
    open_shift,
    preflight,
    shift_figures,
    show_shift,
)
from primepos.domain.outlets import service as outlet_operations
from primepos.domain.tenancy import service as tenancy_operations

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.domain.cash.schemas import ShiftOut

RegisterArgument = Annotated[
    str, typer.Argument(metavar="REGISTER", help="The till's prefix, OUTLET/CODE, code or id.")
]
ShiftArgument = Annotated[
    str, typer.Argument(metavar="SHIFT", help="The shift's id, or a register: its open shift, else its last one.")
]
CountedOption = Annotated[str, typer.Option(metavar="AMOUNT", help="The cash counted in the drawer.")]
PiecesOption = Annotated[
    str | None, typer.Option(metavar="PIECES", help="The same by coins and notes: '2*50 3*20 4*0.50'.")
]
ForeignOption = Annotated[
    list[str] | None, typer.Option("--foreign", metavar="CODE=AMOUNT", help="Cash of another currency; repeatable.")
]
_MONEY = ("opening_float", "expected", "counted", "difference", "opening_difference", "taken_out")
_COLUMNS = ("register", "z_number", "business_date", "opened_at", "opened_by", "closed_at", *_MONEY, "id")
# What a report asks for, by name: importing the modules is what declares the operations.
_DECLARED = (outlet_operations, tenancy_operations)

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Open, close and list shifts."
)


class NoShift(NotFound):
    """The register has had no shift yet, or has none open."""

    code = "NO_SHIFT"
    template = "{register} has no {what}shift"


@app.command(
    name="open",
    epilog=examples(
        "primepos shifts open MAIN-TILL-1 --float 100.00 --json",
        "primepos shifts open MAIN-TILL-1 --float 100.00 --pieces '1*50 2*20 10*1'",
    ),
)
def open_(
    register: RegisterArgument,
    *,
    opening_float: Annotated[str, typer.Option("--float", metavar="AMOUNT", help="The cash counted in the drawer.")],
    pieces: PiecesOption = None,
    foreign: ForeignOption = None,
    reason: Annotated[str | None, typer.Option(help="Why it is not what the last closing left.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Open a till's shift with a counted float, in the tenant's currency."""
    place = Workplace(tenant, env_file)
    till = place.register(register)
    data = {
        "id": new_id(),
        "register_id": till.id,
        "opening_float": place.minor("--float", opening_float),
        "denominations": pieces_of(place, pieces),
        "foreign": foreign_counts(foreign),
        "reason": reason,
    }
    _show(place, place.run(open_shift, data), till.prefix, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos shifts close MAIN-TILL-1 --counted 412.35 --yes",
        "primepos shifts close main/till-1 --counted 412.35 --to-safe 312.35 --tender card=85.20 --yes",
        "primepos shifts close main/till-1 --counted 0 --reason 'drawer stolen' --json",
    )
)
def close(
    shift: ShiftArgument,
    *,
    counted: CountedOption,
    pieces: PiecesOption = None,
    foreign: ForeignOption = None,
    tender: Annotated[
        list[str] | None,
        typer.Option("--tender", metavar="KIND=AMOUNT", help="What was counted of another tender; repeatable."),
    ] = None,
    to_safe: Annotated[str, typer.Option(metavar="AMOUNT", help="How much of the count goes into the safe.")] = "0",
    reason: Annotated[str | None, typer.Option(help="Why the drawer is off.")] = None,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Close a shift with the counted cash: it gets its Z number and is final.

    A till closes its own shifts; this is for one whose till is gone.
    """
    place = Workplace(tenant, env_file)
    amount = place.minor("--counted", counted)
    found = shift_named(place, shift, open_only=True)
    confirm_destruction(f"The shift opened by {cell_text(found.opened_by)} will be closed for good.", yes)
    data = {
        "shift_id": found.id,
        "counted": amount,
        "denominations": pieces_of(place, pieces),
        "foreign": foreign_counts(foreign),
        "tenders": tender_counts(place, tender),
        "to_safe": place.minor("--to-safe", to_safe),
        "reason": reason,
    }
    _show(place, place.run(close_shift, data), None, as_json=as_json)


@app.command(
    name="force-close", epilog=examples("primepos shifts force-close MAIN-TILL-1 --reason 'till was stolen' --yes")
)
def force_close(
    shift: ShiftArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why its own till does not close it.")],
    counted: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="The cash in the drawer, where it could be counted.")
    ] = None,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Close a shift that was left open; what its till delivers later is late and stands on the supplement."""
    place = Workplace(tenant, env_file)
    amount = None if counted is None else place.minor("--counted", counted)
    found = shift_named(place, shift, open_only=True)
    confirm_destruction(f"The shift opened by {cell_text(found.opened_by)} will be closed for good.", yes)
    data = {"shift_id": found.id, "reason": reason, "counted": amount}
    _show(place, place.run(force_close_shift, data), None, as_json=as_json)


@app.command(epilog=examples("primepos shifts end MAIN-TILL-1"))
def end(
    shift: ShiftArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Say that a shift sells no more; its drawer is still to be counted."""
    place = Workplace(tenant, env_file)
    found = shift_named(place, shift, open_only=True)
    _show(place, place.run(end_shift, {"shift_id": found.id}), None, as_json=as_json)


@app.command(epilog=examples("primepos shifts join MAIN-TILL-1"))
def join(
    shift: ShiftArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Say that you work in an open shift; its reports name everybody who did."""
    place = Workplace(tenant, env_file)
    found = shift_named(place, shift, open_only=True)
    _show(place, place.run(join_shift, {"shift_id": found.id}), None, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos shifts count MAIN-TILL-1 --counted 230.50",
        "primepos shifts count MAIN-TILL-1 --counted 230.50 --pieces '4*50 1*20 1*10 1*0.50' --json",
    )
)
def count(
    shift: ShiftArgument,
    *,
    counted: CountedOption,
    pieces: PiecesOption = None,
    closing: Annotated[
        bool, typer.Option("--closing", help="A count towards the closing; count as often as needed.")
    ] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Count the drawer of an open shift; the count is kept and changes nothing."""
    place = Workplace(tenant, env_file)
    data = {
        "id": new_id(),
        "shift_id": shift_named(place, shift, open_only=True).id,
        "counted": place.minor("--counted", counted),
        "kind": "closing" if closing else "spot",
        "denominations": pieces_of(place, pieces),
    }
    made = place.run(count_cash, data)
    if as_json:
        emit(made, as_json=True)
        return
    row = {name: getattr(made, name) for name in ("kind", "counted_at", "actor")}
    row |= {name: place.major(getattr(made, name)) for name in ("counted", "expected", "difference")}
    emit({name: value for name, value in row.items() if value is not None}, as_json=False)


@app.command(
    name="preflight",
    epilog=examples("primepos shifts preflight MAIN-TILL-1", "primepos shifts preflight MAIN-TILL-1 --printed 118"),
)
def preflight_(
    shift: ShiftArgument,
    *,
    held: Annotated[int, typer.Option(min=0, help="Sales on hold at the till.")] = 0,
    unsent: Annotated[int, typer.Option(min=0, help="Records that the till has not sent.")] = 0,
    printed: Annotated[
        int | None, typer.Option(min=0, metavar="NUMBER", help="The till's last receipt number.")
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List everything that stands in the way of closing a shift, at once. What only the till knows can be told."""
    place = Workplace(tenant, env_file)
    found = shift_named(place, shift)
    asked = {"shift_id": found.id, "held": held, "unsent": unsent, "number": printed}
    if printed is not None:
        asked["epoch"] = place.register(str(found.register_id)).epoch
    told = place.run(preflight, asked)
    if as_json:
        emit(told, as_json=True)
        return
    rows = [
        {"what": what, "code": each.code, "text": each.text, "items": ", ".join(each.items)}
        for what, findings in (("blocker", told.blockers), ("warning", told.warnings))
        for each in findings
    ]
    emit(rows, as_json=False, columns=("what", "code", "text", "items"))


@app.command(
    name="list", epilog=examples("primepos shifts list", "primepos shifts list --register MAIN-TILL-1 --open --json")
)
def list_(
    *,
    register: Annotated[str | None, typer.Option(metavar="REGISTER", help="Only this till's.")] = None,
    is_open: Annotated[bool | None, typer.Option("--open/--closed", help="Only those still open, or closed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List shifts, newest first. The table shows amounts in the tenant's currency, JSON in minor units."""
    place = Workplace(tenant, env_file)
    register_id = None if register is None else place.register(register).id
    page = place.run(list_shifts, {"register_id": register_id, "is_open": is_open, "limit": limit, "after": after})
    if as_json:
        emit(page, as_json=True)
        return
    prefixes = _prefixes(place)
    emit([_row(place, each, prefixes.get(each.register_id)) for each in page.items], as_json=False, columns=_COLUMNS)
    if page.next:
        note(f"There are more: --after {page.next}")


@app.command(epilog=examples("primepos shifts show MAIN-TILL-1", "primepos shifts show MAIN-TILL-1 --json"))
def show(
    shift: ShiftArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show one shift."""
    place = Workplace(tenant, env_file)
    _show(place, shift_named(place, shift), None, as_json=as_json)


@app.command(epilog=examples("primepos shifts report MAIN-TILL-1", "primepos shifts report MAIN-TILL-1 --json"))
def report(
    shift: ShiftArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Print the X report of an open shift or the Z report of a closed one, as on paper.

    JSON has the figures in minor units. Printing changes nothing and can be repeated; a Z is printed from what was
    stored at the closing, and marked COPY: its original is what closing shows at the till.
    """
    place = Workplace(tenant, env_file)
    found = shift_named(place, shift)
    figures = place.run(shift_figures, {"shift_id": found.id})
    if as_json:
        emit(figures, as_json=True)
        return
    for line in z_slip(place, figures):
        typer.echo(cell_text(line))


def z_slip(place: Workplace, figures: Any) -> list[str]:
    """Return a shift's figures as the till prints them."""
    from primepos.till.place import ask_place
    from primepos.till.shift_report import report_lines

    return report_lines(figures, ask_place(_ByName(place), figures.shift.register_id), copy=True)


class _ByName:
    """Runs operations by name as the person at this shell, as the till's own code asks for them."""

    def __init__(self, place: Workplace) -> None:
        self._place = place

    def run(self, operation: str, data: Any = None, *, person: Any = None) -> Any:
        del person
        return self._place.run(OPERATIONS[operation], data)


def shift_named(place: Workplace, text: str, *, open_only: bool = False) -> ShiftOut:
    """Return a shift by id, or the open one of a register, else its last. Raises ``SHIFT_NOT_FOUND``, ``NO_SHIFT``."""
    given = id_of(text)
    if given is not None:
        found: ShiftOut = place.run(show_shift, {"shift_id": given})
        return found
    till = place.register(text)
    asked = {"register_id": till.id, "limit": 1, "is_open": True if open_only else None}
    page = place.run(list_shifts, asked)
    if not page.items:
        raise NoShift(register=till.prefix, what="open " if open_only else "")
    last: ShiftOut = page.items[0]
    return last


def _prefixes(place: Workplace) -> dict[UUID, str]:
    from primepos.domain.outlets.service import list_registers

    return {
        each.id: each.prefix
        for archived in (False, True)
        for each in place.run(list_registers, {"archived": archived}).items
    }


def _row(place: Workplace, shift: Any, register: str | None) -> dict[str, Any]:
    values = msgspec.structs.asdict(shift)
    return {**values, "register": register, **{name: place.major(values[name]) for name in _MONEY}}


def _show(place: Workplace, shift: Any, register: str | None, *, as_json: bool) -> None:
    if as_json:
        emit(shift, as_json=True)
        return
    prefix = register or _prefixes(place).get(shift.register_id)
    row = _row(place, shift, prefix)
    emit({name: row[name] for name in _COLUMNS if row[name] is not None}, as_json=False)
