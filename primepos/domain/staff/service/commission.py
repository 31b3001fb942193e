"""What people earn of what they sold, and figures by person.

A rate is only ever added, under the lock of the person's row; what it was is said by the days it is valid from.
"""

from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

import msgspec

from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.accounts.errors import OutletsNotFound, OwnRole
from primepos.domain.accounts.queries import check_outlets
from primepos.domain.accounts.standing import require_other
from primepos.domain.staff.days import moments_of, require_days
from primepos.domain.staff.errors import StaffArchived, StaffNotFound
from primepos.domain.staff.pins import code_of
from primepos.domain.staff.queries import commission as queries
from primepos.domain.staff.queries import find_staff
from primepos.domain.staff.schemas.commission import (
    AskCommission,
    AskStaffFigures,
    CommissionOut,
    CommissionRow,
    ListRates,
    RateOut,
    RatesOut,
    SetCommission,
    StaffFigure,
    StaffReport,
)


@operation(
    "staff.set_commission",
    permission=Permission.COMMISSION_WRITE,
    raises=(StaffNotFound, StaffArchived, OwnRole),
)
def set_commission(ctx: Context, data: SetCommission) -> RateOut:
    """Say what a person gets of their sales, in percent of the amount before tax, from a day on.

    What was said for other days stays; sales and what comes back of them go by the day they were sold. Nobody sets
    their own. The same again changes nothing. Raises StaffNotFound, StaffArchived, OwnRole.
    """
    code = None if data.code is None else code_of(data.code)
    row = find_staff(ctx.uow, ctx.tenant_id, staff_id=data.staff_id, code=code)
    if row["archived_at"] is not None:
        raise StaffArchived(name=row["name"])
    require_other(ctx, row["id"])
    if row["user_id"] is not None:
        require_other(ctx, row["user_id"])
    day = data.valid_from or ctx.today
    ctx.note(f"staff:{row['id']}", percent=f"{data.percent:f}", valid_from=day.isoformat())
    if queries.rate_on(ctx.uow, ctx.tenant_id, row["id"], day) != data.percent:
        queries.set_rate(
            ctx.uow,
            ctx.tenant_id,
            {
                "staff_id": row["id"],
                "valid_from": day,
                "percent": data.percent,
                "now": ctx.clock.now(),
                "by_id": ctx.identity.actor_id,
                "by": ctx.identity.name,
            },
        )
    every = queries.rates(ctx.uow, ctx.tenant_id, row["id"])
    return next(msgspec.convert(each, RateOut) for each in every if each["valid_from"] == day)


@operation("staff.rates", permission=Permission.REPORT_STAFF, reads=True)
def list_rates(ctx: Context, data: ListRates) -> RatesOut:
    """List the rates of commission that count, by person and the day they are valid from."""
    rows = queries.rates(ctx.uow, ctx.tenant_id, data.staff_id)
    return RatesOut(items=[msgspec.convert(row, RateOut) for row in rows])


@operation("staff.commission", permission=Permission.REPORT_STAFF, reads=True, raises=(OutletsNotFound,))
def report_commission(ctx: Context, data: AskCommission) -> CommissionOut:
    """Work out what people earn of what they sold on these business days; amounts in minor units.

    Who sold is the salesperson of the sale, else the cashier. Voids and refunds take off what was sold, from whoever
    sold it and at the rate of that day, on the day they are booked. Goods taken back without a receipt, and what is no
    revenue (gift cards, deposits), count for nobody. Raises OutletsNotFound.
    """
    require_days(data.since, data.until)
    rows = queries.commission(
        ctx.uow,
        ctx.tenant_id,
        since=data.since,
        until=data.until,
        staff_id=data.staff_id,
        outlets=_outlets(ctx, data.outlet_id),
    )
    shown = [CommissionRow(**row, commission=_share(row["base"], row["percent"])) for row in rows]
    tenant = ctx.tenant
    return CommissionOut(
        since=data.since,
        until=data.until,
        currency=tenant.currency.code,
        currency_exponent=tenant.currency.exponent,
        rows=shown,
        commission=sum(row.commission for row in shown),
    )


@operation("staff.report", permission=Permission.REPORT_STAFF, reads=True, raises=(OutletsNotFound,))
def report_staff(ctx: Context, data: AskStaffFigures) -> StaffReport:
    """Report by person what they sold, refunded, voided, took off and changed, and drawers opened for no sale.

    By who rang it up, on business days; what they agreed to goes by the moment. Amounts in minor units.
    Raises OutletsNotFound.
    """
    require_days(data.since, data.until)
    from_at, to_at = moments_of(ctx, data.since, data.until)
    rows = queries.figures(
        ctx.uow,
        ctx.tenant_id,
        since=data.since,
        until=data.until,
        from_at=from_at,
        to_at=to_at,
        outlets=_outlets(ctx, data.outlet_id),
    )
    tenant = ctx.tenant
    return StaffReport(
        since=data.since,
        until=data.until,
        currency=tenant.currency.code,
        currency_exponent=tenant.currency.exponent,
        rows=[StaffFigure(**row) for row in rows],
    )


def _share(base: int, percent: Decimal) -> int:
    """Return a percentage of minor units, rounded half up, away from zero."""
    return int((base * percent / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _outlets(ctx: Context, outlet_id: UUID | None) -> list[UUID] | None:
    """Return the outlets to look at, of those the caller works in; None is every one. Raises OutletsNotFound."""
    mine = ctx.identity.outlet_ids
    if outlet_id is None:
        return None if mine is None else sorted(mine)
    if not ctx.identity.may_use_outlet(outlet_id):
        raise OutletsNotFound
    return check_outlets(ctx.uow, ctx.tenant_id, [outlet_id])
