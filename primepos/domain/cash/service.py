"""Opening, closing and reading shifts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from primepos.core.clock import business_date, is_plausible, utc_text
from primepos.core.context import Context
from primepos.core.errors import InvalidInput
from primepos.core.operations import operation
from primepos.core.permissions import Decision, Permission
from primepos.domain.cash import queries
from primepos.domain.cash.errors import (
    NoSuchRegister,
    NotYourShift,
    ShiftAlreadyOpen,
    ShiftClosed,
    ShiftNotFound,
)
from primepos.domain.cash.schemas import (
    CloseShift,
    ListShifts,
    OpenShift,
    ShiftFigures,
    ShiftOut,
    ShiftPage,
    ShowShift,
    TaxFigure,
    TenderFigure,
)


@operation("cash.open_shift", permission=Permission.SHIFT_OPEN, raises=(NoSuchRegister, ShiftAlreadyOpen))
def open_shift(ctx: Context, data: OpenShift) -> ShiftOut:
    """Open a till's shift with a counted float, in minor units.

    The business day is the tenant's at the moment of opening and stays the shift's, past midnight too. The same
    ``id`` again answers with the stored shift; another one while a shift is open is refused.
    """
    register = queries.lock_register(ctx.uow, ctx.tenant_id, data.register_id)
    if register is None or register["archived_at"] is not None or register["kind"] != "till":
        raise NoSuchRegister
    if not ctx.identity.may_use_outlet(register["outlet_id"]):
        raise NoSuchRegister
    known = queries.find_shift(ctx.uow, ctx.tenant_id, data.id)
    if (
        known is not None
        and (known["register_id"], known["opening_float"]) == (data.register_id, data.opening_float)
        and data.opened_at in (None, known["opened_at"])
    ):
        return _out(ctx, known)
    if known is not None or register["open_shift_id"] is not None:
        raise ShiftAlreadyOpen
    tenant = ctx.tenant
    opened_at = data.opened_at or ctx.clock.now()
    if not is_plausible(opened_at):
        raise InvalidInput("opened_at: outside the calendar")
    queries.insert_shift(
        ctx.uow,
        ctx.tenant_id,
        shift_id=data.id,
        register_id=data.register_id,
        business_date=business_date(opened_at, tenant.zone, tenant.day_starts_hour),
        opened_at=opened_at,
        actor_id=ctx.identity.actor_id,
        actor=ctx.identity.name,
        opening_float=data.opening_float,
    )
    opened = _find(ctx, data.id)
    ctx.note(
        f"shift:{data.id}",
        register=register["prefix"],
        opening_float=data.opening_float,
        opened_at=utc_text(opened["opened_at"]),
        business_date=opened["business_date"].isoformat(),
    )
    return _out(ctx, opened)


@operation("cash.close_shift", permission=Permission.SHIFT_CLOSE, raises=(ShiftNotFound, ShiftClosed, NotYourShift))
def close_shift(ctx: Context, data: CloseShift) -> ShiftOut:
    """Close a shift with the counted cash and give it its Z number; final.

    Safe to repeat: the same person with the same count is told what was stored.

    ``expected`` is the counted opening plus the cash of this shift's own sales less change; ``difference`` is
    counted minus expected. Who may not read expected figures gets them as null. The summaries of the business
    day are queued in the same transaction.
    """
    shift = _find(ctx, data.shift_id)
    queries.lock_register(ctx.uow, ctx.tenant_id, shift["register_id"])
    shift = _find(ctx, data.shift_id)
    if shift["closed_at"] is not None:
        if (shift["counted"], shift["closed_by_id"]) != (data.counted, ctx.identity.actor_id):
            raise ShiftClosed
        ctx.note(f"shift:{data.shift_id}", replayed=True)
        return _out(ctx, shift)
    if ctx.grant.own and shift["opened_by_id"] != ctx.identity.actor_id:
        raise NotYourShift
    queries.close_shift(
        ctx.uow,
        ctx.tenant_id,
        shift,
        at=ctx.clock.now(),
        actor_id=ctx.identity.actor_id,
        actor=ctx.identity.name,
        counted=data.counted,
    )
    ctx.defer(
        "reporting.summarise_day",
        tenant_id=ctx.tenant_id,
        outlet_id=str(shift["outlet_id"]),
        business_date=shift["business_date"].isoformat(),
    )
    closed = _find(ctx, data.shift_id)
    ctx.note(
        f"shift:{data.shift_id}",
        closed_at=utc_text(closed["closed_at"]),
        z_number=closed["z_number"],
        expected=closed["expected"],
        counted=closed["counted"],
        difference=closed["difference"],
    )
    return _out(ctx, closed)


@operation("cash.show_shift", permission=Permission.SHIFT_OPEN, reads=True, raises=(ShiftNotFound,))
def show_shift(ctx: Context, data: ShowShift) -> ShiftOut:
    """Show one shift of one's own outlets."""
    return _show(ctx, data.shift_id)


@operation("cash.list_shifts", permission=Permission.SHIFT_OPEN, reads=True)
def list_shifts(ctx: Context, data: ListShifts) -> ShiftPage:
    """List shifts, newest first, by keyset."""
    after_at, after_id = _cursor(data.after)
    outlets = None if ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
    found = queries.page_of_shifts(
        ctx.uow,
        ctx.tenant_id,
        {
            "register": data.register_id,
            "outlets": outlets,
            "is_open": data.is_open,
            "after_at": after_at,
            "after_id": after_id,
            "limit": data.limit + 1,
        },
    )
    items = [_out(ctx, each) for each in found[: data.limit]]
    more = len(found) > data.limit
    return ShiftPage(items=items, next=f"{items[-1].opened_at.isoformat()}~{items[-1].id}" if more else None)


@operation("cash.shift_figures", permission=Permission.SHIFT_CLOSE, reads=True, raises=(ShiftNotFound,))
def shift_figures(ctx: Context, data: ShowShift) -> ShiftFigures:
    """Give the figures of a shift: an X report while it is open, the Z report once it is closed.

    Reading changes nothing and can be repeated for ever. Until the close, who closes blind gets no figure from which
    the cash could be worked out: no totals, no taxes, no cash tender.
    """
    shift = _find(ctx, data.shift_id)
    if ctx.grant.own and shift["opened_by_id"] != ctx.identity.actor_id:
        raise ShiftNotFound
    head, tenders, taxes = queries.figures(ctx.uow, ctx.tenant_id, data.shift_id)
    blind = shift["closed_at"] is None and not _sees_expected(ctx)
    return ShiftFigures(
        shift=_out(ctx, shift),
        currency=ctx.tenant.currency.code,
        register=shift["register"],
        sales=head["sales"],
        voids=head["voids"],
        refunds=head["refunds"],
        first_receipt=head["first_receipt"],
        last_receipt=head["last_receipt"],
        base=None if blind else head["base"],
        tax=None if blind else head["tax"],
        rounding=None if blind else head["rounding"],
        total=None if blind else head["total"],
        tenders=[TenderFigure(**each) for each in tenders if not (blind and each["kind"] == "cash")],
        taxes=[TaxFigure(**{**each, "rate": f"{each['rate'].normalize():f}"}) for each in taxes if not blind],
        late=head["late"],
    )


def _find(ctx: Context, shift_id: UUID) -> dict[str, Any]:
    shift = queries.find_shift(ctx.uow, ctx.tenant_id, shift_id)
    if shift is None or not ctx.identity.may_use_outlet(shift["outlet_id"]):
        raise ShiftNotFound
    return shift


def _show(ctx: Context, shift_id: UUID) -> ShiftOut:
    return _out(ctx, _find(ctx, shift_id))


def _sees_expected(ctx: Context) -> bool:
    return ctx.identity.grant(Permission.SHIFT_EXPECTED_READ).decision is Decision.ALLOW


def _out(ctx: Context, shift: dict[str, Any]) -> ShiftOut:
    sees = _sees_expected(ctx)
    fields = {name: shift[name] for name in ShiftOut.__struct_fields__}
    if not sees:
        fields["expected"] = fields["difference"] = None
    return ShiftOut(**fields)


def _cursor(after: str | None) -> tuple[datetime | None, UUID | None]:
    if after is None:
        return None, None
    try:
        at, _, last = after.partition("~")
        return datetime.fromisoformat(at), UUID(last)
    except ValueError:
        raise InvalidInput("after: not a page mark of this list") from None
