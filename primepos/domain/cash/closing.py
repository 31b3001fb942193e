"""Opening and closing a drawer: what it should hold, what was counted, the difference booked, the Z stored.

Everything here runs under the lock of the register's row, so a sale, a movement and a closing of one register take
turns: what is booked before the closing is in its Z, what comes after it is late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.core.amounts import currency as currency_of
from primepos.core.clock import utc_text
from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.core.permissions import Decision, Permission
from primepos.domain.cash import ledger, queries
from primepos.domain.cash.denominations import check_count, usual
from primepos.domain.cash.errors import CloseBlocked, DifferenceUnexplained, TooMuchTakenOut
from primepos.domain.cash.finding import find_shift, keep_seals
from primepos.domain.cash.ledger import Counted, Variance
from primepos.domain.cash.reports import tally, work_out
from primepos.domain.cash.schemas import CashRules, CloseShift, ForeignCount, OpenShift

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.core.db import UnitOfWork

_NO_REASON = "not explained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Who does something around a drawer, when, and who consented. ``delivered``: it happened, so it is taken."""

    actor_id: UUID | None
    actor: str
    at: datetime
    approver_id: UUID | None = None
    approver: str | None = None
    delivered: bool = False

    def values(self) -> dict[str, Any]:
        """Return it as the statements of the ledger name it."""
        return {
            "actor_id": self.actor_id,
            "actor": self.actor,
            "at": self.at,
            "approver_id": self.approver_id,
            "approver": self.approver,
        }


def acting(ctx: Context) -> Acting:
    """Return the caller of an operation, and the other person who agreed where there is one, as of now."""
    approver = ctx.approver
    return Acting(
        actor_id=ctx.identity.actor_id,
        actor=ctx.identity.name[:200],
        at=ctx.clock.now(),
        approver_id=None if approver is None else approver.actor_id,
        approver=None if approver is None else approver.name[:200],
    )


def sees_expected(ctx: Context) -> bool:
    """Tell whether the caller may know what the cash should be; who may not counts blind."""
    return ctx.identity.grant(Permission.SHIFT_EXPECTED_READ).decision is Decision.ALLOW


def known_values(ctx: Context, currency: str) -> Collection[int]:
    """Return the coins and notes of a currency by value: the tenant's own, else the usual ones."""
    own = queries.denominations(ctx.uow, ctx.tenant_id, currency)
    return {value for value, _ in own or usual(currency)}


def count_opening(ctx: Context, shift: Mapping[str, Any], data: OpenShift, who: Acting) -> None:
    """Store how the float was counted, and its difference from what the last closing left, as a record of its own.

    Odoo took the expected end from the count before, so a float that was off became a false loss at the close
    (odoo/odoo #108694); here it is booked at the opening, and the shift starts with what is really there.
    Raises: what :func:`_check_pieces` refuses.
    """
    home = ctx.tenant.currency.code
    _check_pieces(ctx, data.opening_float, data.denominations, data.foreign, who)
    counts = [
        Counted(id=new_id(), currency=each.currency, counted=each.counted, denominations=each.denominations)
        for each in data.foreign
    ]
    if data.denominations is not None:
        counts.append(
            Counted(
                id=new_id(),
                currency=home,
                counted=data.opening_float,
                expected=shift["expected_float"],
                denominations=data.denominations,
            )
        )
    values = {"shift": data.id, "kind": "opening", **who.values()}
    if counts:
        keep_seals(ctx, ledger.insert_counts(ctx.uow, ctx.tenant_id, values, counts))
    amount = shift["opening_difference"] or 0
    values |= {"reason": data.reason or _NO_REASON, "business_date": shift["business_date"]}
    found = [Variance(id=new_id(), tender="cash", currency=home, amount=amount)]
    keep_seals(ctx, ledger.book_variances(ctx.uow, ctx.tenant_id, values, found))


def close_counted(ctx: Context, shift: Mapping[str, Any], data: CloseShift, who: Acting) -> None:
    """Close a shift with what was counted, book the difference, put into the safe what goes there, store the Z.

    What was delivered happened and is taken as it is; anybody else is held to the rules that the shift was opened
    under. Raises CloseBlocked, DifferenceUnexplained, TooMuchTakenOut, ApprovalRequired, PermissionDenied, and what
    :func:`_check_pieces` refuses; nothing is changed then.
    """
    home = ctx.tenant.currency.code
    rules = msgspec.convert(shift["rules"], CashRules)
    _check_pieces(ctx, data.counted, data.denominations, data.foreign, who)
    if data.to_safe > data.counted:
        raise TooMuchTakenOut(counted=data.counted, taken=data.to_safe)
    expected = queries.drawer(ctx.uow, ctx.tenant_id, shift["id"])
    if not who.delivered:
        held = data.held
        if rules.held_at_close == "block":
            held = max(held, len(queries.held_at(ctx.uow, ctx.tenant_id, shift["register_id"])))
        _require_unblocked(data, rules, expected, home, held)
    difference = data.counted - expected[home]
    over = rules.difference_limit is not None and abs(difference) > rules.difference_limit
    if over and not who.delivered:
        ctx.require(
            Permission.SHIFT_CLOSE_OVER_LIMIT,
            # The refusal says what it is about: who counts blind must not read the difference there.
            amount=difference if sees_expected(ctx) else None,
            outlet_id=shift["outlet_id"],
            subject=f"shift:{shift['id']}",
        )
        if data.reason is None:
            raise DifferenceUnexplained
    counted = {("cash", home): data.counted}
    counted |= {("cash", each.currency): each.counted for each in data.foreign}
    counted |= {(each.kind, home): each.counted for each in data.tenders}
    missing = (
        queries.missing_receipts(ctx.uow, ctx.tenant_id, shift, epoch=data.printed.epoch, number=data.printed.number)
        if data.printed is not None
        else []
    )
    sealed = _finish(
        ctx.uow,
        ctx.tenant_id,
        shift,
        home,
        who,
        expected=expected,
        counted=counted,
        reason=data.reason,
        taken_out=data.to_safe,
        missing=missing,
        unsent=data.unsent,
    )
    keep_seals(ctx, sealed)
    _store_counts(ctx, shift, data, expected, who)
    _take_to_safe(ctx, shift, data, who)
    ctx.note(f"shift:{shift['id']}", over_limit=over)


def close_uncounted(ctx: Context, shift: Mapping[str, Any], who: Acting, *, reason: str, counted: int | None) -> None:
    """Close a shift that was left open, by whoever may, with the count there is, if any."""
    home = ctx.tenant.currency.code
    sealed = _finish(
        ctx.uow,
        ctx.tenant_id,
        shift,
        home,
        who,
        expected=queries.drawer(ctx.uow, ctx.tenant_id, shift["id"]),
        counted={} if counted is None else {("cash", home): counted},
        reason=reason,
        forced=True,
    )
    keep_seals(ctx, sealed)


def closed_and_noted(ctx: Context, shift: dict[str, Any]) -> dict[str, Any]:
    """Return a shift that was closed just now, with the trail told and the summaries of its day queued."""
    ctx.defer(
        "reporting.summarise_day",
        tenant_id=ctx.tenant_id,
        outlet_id=str(shift["outlet_id"]),
        business_date=shift["business_date"].isoformat(),
    )
    closed = find_shift(ctx, shift["id"])
    ctx.note(
        f"shift:{shift['id']}",
        closed_at=utc_text(closed["closed_at"]),
        z_number=closed["z_number"],
        expected=closed["expected"],
        counted=closed["counted"],
        difference=closed["difference"],
        ended_at=utc_text(closed["ended_at"]),
        ended_by=closed["ended_by"],
        ended_by_id=None if closed["ended_by_id"] is None else str(closed["ended_by_id"]),
        taken_out=closed["taken_out"],
        reason=closed["reason"],
        approved_by=closed["approved_by"],
        approved_by_id=None if closed["approved_by_id"] is None else str(closed["approved_by_id"]),
        forced=closed["forced"],
    )
    return closed


def roll_server_shift(uow: UnitOfWork, tenant_id: int, register_id: UUID, day: date, at: datetime) -> UUID | None:
    """See that the server's own register has the shift of business day ``day`` open, closing an older one.

    Returns the shift it opened, or None where another caller was faster. Nobody counts a drawer here: it closes
    itself with nothing counted and no difference.
    """
    register = queries.lock_register(uow, tenant_id, register_id)
    if register is None:
        return None
    who = Acting(actor_id=None, actor="server", at=at)
    if register["open_shift_id"] is not None:
        current = queries.find_shift(uow, tenant_id, register["open_shift_id"])
        if current is not None and current["business_date"] >= day:
            return None
        if current is not None:
            home = queries.home_currency(uow, tenant_id)
            expected = queries.drawer(uow, tenant_id, current["id"])
            _finish(uow, tenant_id, current, home, who, expected=expected, counted={})
    shift_id = new_id()
    queries.insert_shift(
        uow,
        tenant_id,
        shift_id=shift_id,
        register_id=register_id,
        business_date=day,
        opened_at=at,
        actor_id=None,
        actor="server",
        opening_float=0,
    )
    return shift_id


def _finish(
    uow: UnitOfWork,
    tenant_id: int,
    shift: Mapping[str, Any],
    home: str,
    who: Acting,
    *,
    expected: Mapping[str, int],
    counted: Mapping[tuple[str, str], int],
    reason: str | None = None,
    taken_out: int = 0,
    forced: bool = False,
    missing: Sequence[str] = (),
    unsent: int = 0,
) -> ledger.Sealed:
    """Close, number, book every difference and store the Z, or nothing of it (frappe/erpnext #43392).

    Returns the seals of what was written.
    """
    queries.write_closing(
        uow,
        tenant_id,
        {
            "shift": shift["id"],
            "register": shift["register_id"],
            "at": who.at,
            "actor": who.actor_id,
            "name": who.actor,
            "expected": expected[home],
            "counted": counted.get(("cash", home)),
            "taken_out": taken_out,
            "reason": reason,
            "approver": who.approver_id,
            "approver_name": who.approver,
            "forced": forced,
        },
    )
    closed = queries.find_shift(uow, tenant_id, shift["id"])
    assert closed is not None  # noqa: S101 - it was closed a statement ago, under its register's lock
    figures = work_out(uow, tenant_id, closed, home, missing=missing, unsent=unsent, made_at=who.at)
    tallies = tally(expected, figures.tenders, home, counted)
    figures = msgspec.structs.replace(figures, tallies=tallies)
    sealed = ledger.book_variances(
        uow,
        tenant_id,
        {
            "shift": shift["id"],
            "kind": "closing",
            "reason": reason or _NO_REASON,
            "business_date": shift["business_date"],
            **who.values(),
        },
        [
            Variance(id=new_id(), tender=each.kind, currency=each.currency, amount=each.difference or 0)
            for each in tallies
        ],
    )
    return sealed | ledger.insert_report(
        uow,
        tenant_id,
        shift_id=shift["id"],
        register_id=shift["register_id"],
        z_number=closed["z_number"],
        made_at=who.at,
        figures=msgspec.json.encode(figures).decode(),
    )


def _check_pieces(
    ctx: Context, counted: int, pieces: dict[str, int] | None, foreign: Sequence[ForeignCount], who: Acting
) -> None:
    """See that every count by coins and notes comes to its total, and no currency is counted twice.

    A till has counted by the table it had, which may have changed since: there only the total is looked at.
    Raises CountMismatch, DenominationUnknown, InvalidInput, UnknownCurrency, TooMuchTakenOut.
    """
    home = ctx.tenant.currency.code
    currencies = [each.currency for each in foreign]
    if home in currencies or len(set(currencies)) != len(currencies):
        raise InvalidInput("foreign: name each other currency once")
    for each in foreign:
        currency_of(each.currency)
        if each.to_safe > each.counted:
            raise TooMuchTakenOut(counted=each.counted, taken=each.to_safe)
    for currency, total, given in (
        (home, counted, pieces),
        *((each.currency, each.counted, each.denominations) for each in foreign),
    ):
        if given is not None:
            known = () if who.delivered else known_values(ctx, currency)
            check_count(total, given, known, currency)


def _require_unblocked(data: CloseShift, rules: CashRules, expected: Mapping[str, int], home: str, held: int) -> None:
    """Name everything that stands in the way of closing. Raises CloseBlocked, InvalidInput."""
    kinds = [each.kind for each in data.tenders]
    if len(set(kinds)) != len(kinds) or "cash" in kinds or "change" in kinds:
        raise InvalidInput("tenders: name each tender that is not cash once")
    problems = []
    if held and rules.held_at_close == "block":
        problems.append(f"{held} sale(s) on hold")
    counted = {home, *(each.currency for each in data.foreign)}
    problems += [f"{each} was not counted" for each, amount in expected.items() if amount and each not in counted]
    if problems:
        raise CloseBlocked(problems=", ".join(problems))


def _store_counts(
    ctx: Context, shift: Mapping[str, Any], data: CloseShift, expected: Mapping[str, int], who: Acting
) -> None:
    home = ctx.tenant.currency.code
    counts = [
        Counted(
            id=new_id(),
            currency=home,
            counted=data.counted,
            expected=expected[home],
            denominations=data.denominations,
        ),
        *(
            Counted(
                id=new_id(),
                currency=each.currency,
                counted=each.counted,
                expected=expected.get(each.currency, 0),
                denominations=each.denominations,
            )
            for each in data.foreign
        ),
    ]
    values = {"shift": shift["id"], "kind": "closing", **who.values()}
    keep_seals(ctx, ledger.insert_counts(ctx.uow, ctx.tenant_id, values, counts))


def _take_to_safe(ctx: Context, shift: Mapping[str, Any], data: CloseShift, who: Acting) -> None:
    """Put what is not left in the drawer into the safe, currency by currency in the order of their names."""
    home = ctx.tenant.currency.code
    amounts = {home: data.to_safe} | {each.currency: each.to_safe for each in data.foreign}
    for currency, amount in sorted(amounts.items()):
        if not amount:
            continue
        entry = {
            "id": new_id(),
            "outlet": shift["outlet_id"],
            "currency": currency,
            "kind": "closing",
            "amount": amount,
            "shift": shift["id"],
            "reason": f"closing of {shift['register']}",
            "reference": "",
            **who.values(),
        }
        keep_seals(ctx, ledger.move_safe(ctx.uow, ctx.tenant_id, entry))
