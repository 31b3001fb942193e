"""``primepos staff``: badges, the time clock, commission and figures by person."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from primepos.cli.naming import Workplace, required_id
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.clock import business_date
from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.domain.staff.errors import StaffNotFound
from primepos.domain.staff.service import (
    add_entry,
    clock_in,
    clock_out,
    correct_entry,
    list_entries,
    list_rates,
    list_staff,
    report_commission,
    report_staff,
    set_badge,
    set_commission,
    take_badge,
    worked_hours,
)

CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The person's staff code.")]
RegisterOption = Annotated[
    str | None, typer.Option("--register", metavar="REGISTER", help="Where they stand; its prefix or OUTLET/CODE.")
]
SinceOption = Annotated[str | None, typer.Option(metavar="DATE", help="First business day; a week ago.")]
UntilOption = Annotated[str | None, typer.Option(metavar="DATE", help="Last business day; today.")]
OutletOption = Annotated[str | None, typer.Option(metavar="OUTLET", help="Only this outlet's.")]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.")]
_PIN, _BADGE = "PRIMEPOS_PIN", "PRIMEPOS_BADGE"
_ENTRY = ("id", "code", "name", "clocked_in_at", "clocked_out_at", "in_at", "out_at", "corrections", "reason")
_HOURS = ("code", "name", "day", "hours", "entries", "is_open", "is_corrected")
_COMMISSION = ("code", "name", "percent", "sold", "returned", "base", "commission")
_FIGURES = (
    "code", "name", "sales", "sold", "refunds", "refunded", "voids", "voided", "discounts", "discounted",
    "overrides", "removed", "no_sales", "approvals",
)  # fmt: skip

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Badges, the time clock, commission, and who did what.",
)


@app.command(
    epilog=examples(
        "primepos staff badge 12                                 makes one; shown this once",
        "PRIMEPOS_BADGE=0012345678 primepos staff badge 12 --json    one that you have",
        "primepos staff badge 12 --take --yes",
    )
)
def badge(
    code: CodeArgument,
    *,
    take: Annotated[bool, typer.Option("--take", help="Take it away instead.")] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a person a badge that signs them in at a till, in place of the one they have.

    What it says is taken from PRIMEPOS_BADGE, never from the command line; without it one is made.
    """
    place = Workplace(tenant, env_file)
    if take:
        confirm_destruction(f"The badge of {code} stops working.", yes)
        emit(place.run(take_badge, {"code": code}), as_json=as_json)
        return
    made = place.run(set_badge, {"code": code, "badge": os.environ.get(_BADGE)})
    if as_json:
        emit(made, as_json=True)
        return
    shown = {"code": made.staff.code, "name": made.staff.name}
    emit(shown if made.badge is None else shown | {"badge": made.badge}, as_json=False)
    if made.badge is not None:
        note("What the badge says is shown this once: write it on a card, or print it as a code.")


# --- the time clock --------------------------------------------------------------------------------------------------


@app.command(
    name="clock-in",
    epilog=examples(
        "PRIMEPOS_PIN=482915 primepos staff clock-in 12 --register M1",
        "PRIMEPOS_BADGE=0012345678 primepos staff clock-in --register M1 --json",
    ),
)
def clock_in_(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="Staff code; none with a badge.")] = None,
    *,
    register: RegisterOption = None,
    entry_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="Your own id for the entry.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Begin to work, now: by code and PRIMEPOS_PIN, by PRIMEPOS_BADGE, or as whoever PRIMEPOS_TOKEN is."""
    place = Workplace(tenant, env_file)
    given = new_id() if entry_id is None else required_id("--id", entry_id)
    emit(place.run(clock_in, {"id": given, **_shown(place, code, register)}), as_json=as_json, columns=_ENTRY)


@app.command(
    name="clock-out",
    epilog=examples("PRIMEPOS_PIN=482915 primepos staff clock-out 12 --register M1"),
)
def clock_out_(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="Staff code; none with a badge.")] = None,
    *,
    register: RegisterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Stop working, now: by code and PRIMEPOS_PIN, by PRIMEPOS_BADGE, or as whoever PRIMEPOS_TOKEN is."""
    place = Workplace(tenant, env_file)
    emit(place.run(clock_out, _shown(place, code, register)), as_json=as_json, columns=_ENTRY)


@app.command(
    epilog=examples(
        "primepos staff clock --since 2026-03-01 --until 2026-03-31",
        "primepos staff clock --person 12 --json",
    )
)
def clock(
    *,
    person: Annotated[str | None, typer.Option(metavar="CODE", help="Only this person's.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="PLACE", help="Go on where the page before ended.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List entries of the time clock: as they were clocked, and as they count after corrections."""
    place = Workplace(tenant, env_file)
    data = {**_days(place, since, until), "staff_id": _id(place, person), "limit": limit, "after": after}
    page = place.run(list_entries, data)
    if as_json:
        emit(page, as_json=True)
        return
    emit(page.items, as_json=False, columns=_ENTRY)
    if page.next:
        note(f"There are more: --after {page.next}")


@app.command(
    epilog=examples(
        "primepos staff correct 0190a3c4-... --in '2026-03-02 08:00' --out '2026-03-02 16:30' --reason 'forgot'",
        "primepos staff correct 0190a3c4-... --never --reason 'clocked for a friend' --json",
    )
)
def correct(
    entry: Annotated[str, typer.Argument(metavar="ID", help="The entry's id.")],
    *,
    reason: ReasonOption,
    began: Annotated[str | None, typer.Option("--in", metavar="TIME", help="When it began, local time.")] = None,
    ended: Annotated[str | None, typer.Option("--out", metavar="TIME", help="When it ended, local time.")] = None,
    never: Annotated[bool, typer.Option("--never", help="There was no such work.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a stretch of work was in truth; what was clocked stays beside it."""
    place = Workplace(tenant, env_file)
    if never != (began is None and ended is None):
        raise InvalidInput("Give --in and --out, or --never")
    data = {
        "id": new_id(),
        "entry_id": required_id("ID", entry),
        "reason": reason,
        "in_at": None if began is None else _moment(place, "--in", began),
        "out_at": None if ended is None else _moment(place, "--out", ended),
    }
    emit(place.run(correct_entry, data), as_json=as_json, columns=_ENTRY)


@app.command(
    name="add-hours",
    epilog=examples(
        "primepos staff add-hours 12 --in '2026-03-02 08:00' --out '2026-03-02 16:30' --reason 'clock was down'"
    ),
)
def add_hours(
    code: CodeArgument,
    *,
    began: Annotated[str, typer.Option("--in", metavar="TIME", help="When it began, local time.")],
    ended: Annotated[str, typer.Option("--out", metavar="TIME", help="When it ended, local time.")],
    reason: ReasonOption,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a stretch of work that nobody clocked."""
    place = Workplace(tenant, env_file)
    data = {
        "id": new_id(),
        "staff_id": _id(place, code),
        "in_at": _moment(place, "--in", began),
        "out_at": _moment(place, "--out", ended),
        "reason": reason,
    }
    emit(place.run(add_entry, data), as_json=as_json, columns=_ENTRY)


@app.command(
    epilog=examples(
        "primepos staff hours --since 2026-03-01 --until 2026-03-31", "primepos staff hours --person 12 --csv"
    )
)
def hours(
    *,
    person: Annotated[str | None, typer.Option(metavar="CODE", help="Only this person's.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_csv: CsvFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Add up what people worked, by person and day; corrections count."""
    place = Workplace(tenant, env_file)
    found = place.run(worked_hours, {**_days(place, since, until), "staff_id": _id(place, person)})
    if as_json:
        emit(found, as_json=True)
        return
    shown = [
        {name: getattr(row, name) for name in _HOURS if name != "hours"} | {"hours": _clock(row.seconds)}
        for row in found.rows
    ]
    emit(shown, as_json=False, as_csv=as_csv, columns=_HOURS)
    note(f"In all {_clock(found.seconds)} hours.")


# --- commission and figures ------------------------------------------------------------------------------------------


@app.command(
    name="set-commission",
    epilog=examples(
        "primepos staff set-commission 12 2.5", "primepos staff set-commission 12 3 --from 2026-04-01 --json"
    ),
)
def set_commission_(
    code: CodeArgument,
    percent: Annotated[str, typer.Argument(metavar="PERCENT", help="Of what they sell, before tax.")],
    *,
    valid_from: Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on; today.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a person gets of their sales from a day on."""
    data = {"code": code, "percent": percent, "valid_from": valid_from}
    emit(Workplace(tenant, env_file).run(set_commission, data), as_json=as_json)


@app.command(epilog=examples("primepos staff rates", "primepos staff rates --json"))
def rates(*, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """List the rates of commission."""
    found = Workplace(tenant, env_file).run(list_rates, {})
    emit(
        found if as_json else found.items,
        as_json=as_json,
        columns=None if as_json else ("code", "name", "valid_from", "percent", "set_by"),
    )


@app.command(
    epilog=examples(
        "primepos staff commission --since 2026-03-01 --until 2026-03-31", "primepos staff commission --json"
    )
)
def commission(
    *,
    person: Annotated[str | None, typer.Option(metavar="CODE", help="Only this person's.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    outlet: OutletOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_csv: CsvFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Work out what people earn of what they sold; what came back is taken off."""
    place = Workplace(tenant, env_file)
    found = place.run(report_commission, {**_reach(place, since, until, outlet), "staff_id": _id(place, person)})
    if as_json:
        emit(found, as_json=True)
        return
    amounts = ("sold", "returned", "base", "commission")
    emit(_in_currency(place, found.rows, _COMMISSION, amounts), as_json=False, as_csv=as_csv, columns=_COMMISSION)


@app.command(
    epilog=examples("primepos staff report --since 2026-03-01 --until 2026-03-31", "primepos staff report --csv")
)
def report(
    *,
    since: SinceOption = None,
    until: UntilOption = None,
    outlet: OutletOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_csv: CsvFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Show by person what they sold, refunded, voided, took off and changed, and drawers opened for no sale."""
    place = Workplace(tenant, env_file)
    found = place.run(report_staff, _reach(place, since, until, outlet))
    if as_json:
        emit(found, as_json=True)
        return
    amounts = ("sold", "refunded", "voided", "discounted")
    emit(_in_currency(place, found.rows, _FIGURES, amounts), as_json=False, as_csv=as_csv, columns=_FIGURES)


def _shown(place: Workplace, code: str | None, register: str | None) -> dict[str, Any]:
    """Return who clocks and where, from the command line and the environment."""
    shown = {"code": code, "pin": os.environ.get(_PIN) if code else None}
    if code is None:
        shown["badge"] = os.environ.get(_BADGE)
    return shown | {"register_id": None if register is None else place.register(register).id}


def _id(place: Workplace, code: str | None) -> Any:
    if code is None:
        return None
    after: str | None = None
    while True:
        page = place.run(list_staff, {"limit": 200, "after": after})
        for row in page.items:
            if row.code.upper() == code.upper():
                return row.id
        if page.next is None:
            raise StaffNotFound
        after = page.next


def _days(place: Workplace, since: str | None, until: str | None) -> dict[str, Any]:
    """Return the business days to look at; without any, the last seven."""
    current = place.current
    today = business_date(place.app.clock.now(), current.zone, current.day_starts_hour)
    return {"since": since or str(today - timedelta(days=6)), "until": until or str(today)}


def _reach(place: Workplace, since: str | None, until: str | None, outlet: str | None) -> dict[str, Any]:
    outlet_id = None if outlet is None else place.outlet(outlet).id
    return {**_days(place, since, until), "outlet_id": outlet_id}


def _moment(place: Workplace, option: str, text: str) -> datetime:
    """Return a local time of the shop as a moment. Raises ``INVALID_INPUT``."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option}: write {text!r} as '2026-03-02 08:00'") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(place.current.zone))


def _clock(seconds: int) -> str:
    """Return seconds as hours and minutes."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}"


def _in_currency(
    place: Workplace, rows: Any, columns: tuple[str, ...], amounts: tuple[str, ...]
) -> list[dict[str, Any]]:
    return [
        {name: place.major(getattr(row, name)) if name in amounts else getattr(row, name) for name in columns}
        for row in rows
    ]
