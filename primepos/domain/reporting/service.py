"""Reports over sales, and the job that keeps them quick."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from primepos.core.amounts import round_half_up
from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.jobs.tasks import job
from primepos.domain.outlets.errors import OutletNotFound
from primepos.domain.reporting import margins, queries
from primepos.domain.reporting.schemas import (
    AskMargin,
    AskSales,
    DaySummaryOut,
    MarginFigure,
    MarginReport,
    SalesFigure,
    SalesReport,
    SummariseDay,
)

_COUNTS = ("sales", "voids", "refunds", "lines", "base", "tax", "rounding", "value", "total")


@operation("reporting.sales", permission=Permission.REPORT_SALES, reads=True, raises=(OutletNotFound,))
def report_sales(ctx: Context, data: AskSales) -> SalesReport:
    """Report what was sold: by day, month, outlet, product, tax, tender or hour; amounts in minor units.

    Imported sales count, voids take off what they undo. Who works in some outlets gets the figures of those.
    The figures equal the booked rows at the moment of asking: days whose summary stands are read from it, every other
    from its rows. The range goes by business days, hours by the tenant's zone.
    """
    outlets: list[UUID] | None = None
    if data.outlet_id is not None or data.outlet is not None:
        outlets = [_outlet(ctx, data.outlet_id, data.outlet)]
    elif ctx.identity.outlet_ids is not None:
        outlets = sorted(ctx.identity.outlet_ids)
    tenant = ctx.tenant
    rows, total = queries.sales_figures(
        ctx.uow,
        ctx.tenant_id,
        group_by=data.group_by,
        since=data.since,
        until=data.until,
        outlets=outlets,
        zone=tenant.zone,
    )
    rows.sort(key=_largest_first if data.group_by == "product" else _by_key)
    if data.group_by == "tax":
        rows = [{**row, "name": _with_rate(row["name"], row["quantity"]), "quantity": None} for row in rows]
    figures = [_figure(row) for row in rows[: data.limit]]
    return SalesReport(
        currency=tenant.currency.code,
        currency_exponent=tenant.currency.exponent,
        group_by=data.group_by,
        since=data.since,
        until=data.until,
        rows=figures,
        total=_figure({**{name: total[name] or 0 for name in _COUNTS}, "key": "total", "name": "", "quantity": None}),
        is_complete=len(figures) == len(rows),
    )


@operation("reporting.margin", permission=Permission.REPORT_MARGIN, reads=True, raises=(OutletNotFound,))
def report_margin(ctx: Context, data: AskMargin) -> MarginReport:
    """Report what was earned on goods: by product, category, outlet, day or month; amounts in minor units.

    The cost of a line is what its goods were worth, by the moving average, when it was booked; lines without a known
    cost are named and stay out of the margin. Voids and refunds are taken off. Who works in some outlets gets the
    figures of those.
    """
    outlets: list[UUID] | None = None
    if data.outlet_id is not None or data.outlet is not None:
        outlets = [_outlet(ctx, data.outlet_id, data.outlet)]
    elif ctx.identity.outlet_ids is not None:
        outlets = sorted(ctx.identity.outlet_ids)
    rows, total = margins.margins(
        ctx.uow, ctx.tenant_id, group_by=data.group_by, since=data.since, until=data.until, outlets=outlets
    )
    figures = [_margin(row) for row in rows]
    in_time = data.group_by in {"day", "month"}
    figures.sort(key=lambda each: (0 if in_time else -each.margin, each.key))
    currency = ctx.tenant.currency
    return MarginReport(
        currency=currency.code,
        currency_exponent=currency.exponent,
        group_by=data.group_by,
        since=data.since,
        until=data.until,
        rows=figures[: data.limit],
        total=_margin({**total, "key": "total", "name": ""}),
        is_complete=len(figures) <= data.limit,
    )


def _margin(row: dict[str, Any]) -> MarginFigure:
    margin = row["known_base"] - row["cost"]
    share = Decimal(100 * margin) / row["known_base"] if row["known_base"] else None
    return MarginFigure(
        key=row["key"],
        name=row["name"],
        lines=row["lines"],
        quantity=row["quantity"],
        base=row["base"],
        known_base=row["known_base"],
        cost=row["cost"],
        margin=margin,
        percent=None if share is None else round_half_up(share, Decimal("0.01")),
        uncosted_lines=row["uncosted_lines"],
        uncosted_base=row["uncosted_base"],
    )


@operation("reporting.summarise_day", permission=Permission.REPORT_SALES, raises=(OutletNotFound,))
def summarise_day(ctx: Context, data: SummariseDay) -> DaySummaryOut:
    """Make the summaries of one outlet's business day anew from its booked rows; the closing of a shift queues it.

    Safe to repeat: the same rows make the same summary. It is made under a lock of that outlet and day, so a sale
    that is being booked is either in it or takes it away again. A day without sales has no summary.
    """
    _outlet(ctx, data.outlet_id)
    made = queries.summarise_day(ctx.uow, ctx.tenant_id, data.outlet_id, data.business_date)
    ctx.note(f"day:{data.outlet_id}:{data.business_date}", **made)
    return DaySummaryOut(outlet_id=data.outlet_id, business_date=data.business_date, **made)


job(summarise_day)


def _outlet(ctx: Context, outlet_id: UUID | None, code: str | None = None) -> UUID:
    """Return the outlet, if it is the tenant's and the caller works in it; one answer for both, so ids tell nothing."""
    found = queries.outlet_named(ctx.uow, ctx.tenant_id, outlet_id=outlet_id, code=code)
    if found is None or not ctx.identity.may_use_outlet(found):
        raise OutletNotFound
    return found


def _by_key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["key"], row["quantity"] or 0)


def _largest_first(row: dict[str, Any]) -> tuple[Any, ...]:
    return (-row["total"], row["key"])


def _figure(row: dict[str, Any]) -> SalesFigure:
    return SalesFigure(**{name: row[name] for name in SalesFigure.__struct_fields__})


def _with_rate(name: str, rate: Decimal) -> str:
    """Return a tax's name with its rate, unless the name says it already: VAT 19 % and not VAT 19 % (19 %)."""
    shown = f"{rate.normalize():f}"
    return name if re.search(rf"(?<![\d.,]){re.escape(shown)}\s?%", name) else f"{name} ({shown} %)"
