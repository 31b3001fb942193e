"""What time does to value: authorisations run out, cards expire, points lapse; and whose value it is after a merge."""

from __future__ import annotations

import calendar
from datetime import date
from typing import TYPE_CHECKING, Any

from primepos.domain.jobs.nightly import Chore, across_tenants
from primepos.domain.jobs.tasks import TASKS
from primepos.domain.values import holds, queries
from primepos.domain.values.ledger import Move, move, today
from primepos.domain.values.points import rule_of
from primepos.domain.values.schemas import Tidied

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.core.context import Context
    from primepos.core.operations import App

_BATCH = 200
_JOB = "values.tidy"


def months_later(day: date, months: int) -> date:
    """Return the same day of the month so many months on, or back; the last of a month that has no such day."""
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def good_until(ctx: Context, day: date) -> date | None:
    """Return the last day of a gift card issued on ``day``, by the tenant's rule; None is for ever."""
    months = ctx.tenant.settings.get("gift_card_months")
    return None if not months else months_later(day, months)


def tidy(ctx: Context) -> Tidied:
    """Do for one tenant what time has brought; the locks of accounts are taken in the order of their ids."""
    now = ctx.clock.now()
    return Tidied(
        authorisations=holds.sweep(ctx.uow, ctx.tenant_id, now),
        cards=_expire_cards(ctx),
        points=_lapse_points(ctx, now),
        merged=_follow_merged(ctx),
    )


def _expire_cards(ctx: Context) -> int:
    """Take what is left on cards whose last day is over, and close them."""
    done = 0
    while found := queries.over_cards(ctx, today(ctx), _BATCH):
        ids = [row["id"] for row in found]
        move(ctx, [Move(account_id=row["id"], amount=-row["balance"], cause="expire", forced=True) for row in found])
        queries.close(ctx, ids)
        done += len(found)
    return done


def _lapse_points(ctx: Context, now: datetime) -> int:
    """Take the points that were not used within the months that the programme gives."""
    rule = rule_of(ctx.tenant.settings)
    if rule is None or rule.expiry_months is None:
        return 0
    before = now.replace(hour=0, minute=0, second=0, microsecond=0)
    last = months_later(before.date(), -rule.expiry_months)
    before = before.replace(year=last.year, month=last.month, day=last.day)
    done = 0
    while found := queries.lapsed_points(ctx, before, _BATCH):
        move(ctx, [Move(account_id=each, amount=-old, cause="expire", forced=True) for each, old in found.items()])
        done += len(found)
    return done


def _follow_merged(ctx: Context) -> int:
    """Move what belongs to merged customers to whom they were merged into; what is authorised waits for its end."""
    done = 0
    for row in queries.of_merged(ctx, _BATCH):
        if row["into_account"] is None:
            queries.give_to(ctx, row["id"], row["into_customer"])
            done += 1
            continue
        locked = queries.lock_accounts(ctx, [row["id"], row["into_account"]])
        source = locked[row["id"]]
        if source["held"] or source["state"] == "closed":
            continue
        if source["balance"]:
            moves = [
                Move(account_id=row["id"], amount=-source["balance"], cause="merge", forced=True),
                Move(account_id=row["into_account"], amount=source["balance"], cause="merge", n=1, forced=True),
            ]
            move(ctx, moves)
        queries.close(ctx, [row["id"]])
        done += 1
    return done


_TENANTS = """
SELECT t.id FROM tenants t
 WHERE EXISTS (SELECT FROM authorisations a WHERE a.tenant_id = t.id AND a.state = 'held' AND a.expires_at <= %(at)s)
    OR EXISTS (SELECT FROM value_accounts v WHERE v.tenant_id = t.id AND v.balance <> 0 AND v.state <> 'closed'
                  AND (v.expires_on < %(at)s::date OR v.kind = 'points' OR v.customer_id IN (
                       SELECT c.id FROM customers c WHERE c.tenant_id = t.id AND c.merged_into IS NOT NULL)))
 ORDER BY t.id
"""


def tidy_all(app: App) -> dict[str, Any]:
    """Tidy the value of every tenant that has any to tidy; says how many tenants there were."""
    at = app.clock.now()
    found = across_tenants(app, lambda uow: uow.rows(_TENANTS, {"at": at}), read_only=True)
    for row in found:
        TASKS[_JOB].run(app, {"tenant_id": row["id"]})
    return {"tenants": len(found)}


VALUES = Chore("values", "Let authorisations, cards and points run out", tidy_all)
