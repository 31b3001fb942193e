"""Closing periods, and giving out what an export holds."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime
from typing import Any

import msgspec

from primepos.core.clock import business_date
from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.fiscal import queries, sealing
from primepos.domain.fiscal.errors import PeriodNotOver, SeriesNotFound
from primepos.domain.fiscal.schemas import (
    AskOutline,
    AskSales,
    Closed,
    ClosePeriod,
    ClosingList,
    ClosingOut,
    ExportedSale,
    ExportedSales,
    ListClosings,
    Outline,
    Period,
    SeriesOutline,
    WaitingSeries,
)
from primepos.domain.sales.chain import GENESIS, series_name
from primepos.domain.sales.queries import read_series


@operation("fiscal.close_period", permission=Permission.FISCAL_CLOSE_PERIOD, raises=(PeriodNotOver,))
def close_period(ctx: Context, data: ClosePeriod) -> Closed:
    """Close every series through a day, month or year: totals of what is new, and totals of everything so far.

    A closing covers numbers, not dates: it goes from where the one before ended to the last number before the first
    sale of a later day, so nothing can fall between two. Where a till has not delivered a number yet, the series is
    closed up to it and named under ``waiting``. Safe to repeat: what is closed stays, and nothing new closes nothing.
    """
    tenant = ctx.tenant
    now = ctx.clock.now()
    today = business_date(now, tenant.zone, tenant.day_starts_hour)
    until = _end_of(data.period, data.until or today)
    if data.until is not None and data.until > today:
        raise PeriodNotOver(period=data.period, latest=today.isoformat())
    before = queries.latest_closings(ctx.uow, ctx.tenant_id, data.period)
    ranges = queries.open_ranges(ctx.uow, ctx.tenant_id, data.period, until)
    made: list[ClosingOut] = []
    rows: list[dict[str, Any]] = []
    for found in ranges:
        if found["to_number"] < found["from_number"]:
            continue
        last = before.get((found["register_id"], found["epoch"]))
        closing = _sealed(ctx, found, last, period=data.period, until=until, at=now)
        made.append(closing)
        rows.append(
            {
                **msgspec.to_builtins(closing),
                "taxes": found["taxes"],
                "register_id": str(found["register_id"]),
                "epoch": found["epoch"],
            }
        )
    if rows:
        queries.insert_closings(ctx.uow, ctx.tenant_id, rows, at=now, actor_id=ctx.identity.actor_id)
    ctx.note(
        f"closing:{data.period}:{until}", closings=[f"{each.series}#{each.closing_no}:{each.hash}" for each in made]
    )
    waiting = [WaitingSeries(series=each["series"], missing=each["missing"]) for each in ranges if each["missing"]]
    return Closed(closings=made, waiting=waiting)


def _sealed(
    ctx: Context, found: dict[str, Any], last: ClosingOut | None, *, period: Period, until: date, at: datetime
) -> ClosingOut:
    closing = ClosingOut(
        series=found["series"],
        period=period,
        closing_no=1 if last is None else last.closing_no + 1,
        until=until,
        from_number=found["from_number"],
        to_number=found["to_number"],
        **{
            name: found[name]
            for name in ("sales", "voids", "refunds", "base", "tax", "rounding", "value", "total", "sold")
        },
        grand_total=found["total"] + (0 if last is None else last.grand_total),
        grand_sold=found["sold"] + (0 if last is None else last.grand_sold),
        taxes=queries.taxes_from(found["taxes"]),
        last_hash=found["last_hash"],
        prev_hash=GENESIS if last is None else last.hash,
        hash="",
        closed_at=at,
        closed_by=ctx.identity.name,
    )
    return msgspec.structs.replace(closing, hash=sealing.closing_hash(closing))


def _end_of(period: Period, day: date) -> date:
    if period == "year":
        return date(day.year, 12, 31)
    if period == "month":
        return date(day.year, day.month, monthrange(day.year, day.month)[1])
    return day


@operation("fiscal.list_closings", permission=Permission.FISCAL_VERIFY, reads=True)
def list_closings(ctx: Context, data: ListClosings) -> ClosingList:
    """List the closings of a kind of period, newest first."""
    return ClosingList(items=queries.closings_of(ctx.uow, ctx.tenant_id, period=data.period, limit=data.limit))


@operation("fiscal.outline", permission=Permission.FISCAL_VERIFY, reads=True)
def outline(ctx: Context, data: AskOutline) -> Outline:
    """Say what an export holds at this moment: every series with its head, every closing, the key that seals it."""
    del data
    tenant = ctx.tenant
    secret = ctx.settings.secret_key.reveal()
    made = Outline(
        shop=tenant.slug,
        currency=tenant.currency.code,
        zone=tenant.zone,
        made_at=ctx.clock.now(),
        key=sealing.public_key(secret),
        series=[SeriesOutline(**row) for row in queries.series_of(ctx.uow, ctx.tenant_id)],
        closings=queries.closings_of(ctx.uow, ctx.tenant_id, period=None),
        signature="",
    )
    return msgspec.structs.replace(made, signature=sealing.sign(secret, sealing.outline_digest(made)))


@operation("fiscal.sales", permission=Permission.FISCAL_VERIFY, reads=True, raises=(SeriesNotFound,))
def exported_sales(ctx: Context, data: AskSales) -> ExportedSales:
    """Give the sales of a series in order, with everything their seals cover."""
    prefix, found = read_series(
        ctx.uow, ctx.tenant_id, data.register_id, data.epoch, after=data.after, up_to=data.up_to, limit=data.limit
    )
    if not prefix:
        raise SeriesNotFound
    series = series_name(prefix, data.epoch)
    names = [name for name in ExportedSale.__struct_fields__ if name != "series"]
    return ExportedSales(
        items=[ExportedSale(series=series, **{name: getattr(sale, name) for name in names}) for sale in found]
    )
