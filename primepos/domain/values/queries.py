"""Reading value, and opening accounts. The rules of balances are in ``ledger``."""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from primepos.domain.customers.errors import CustomerNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.core.context import Context
    from primepos.core.db import UnitOfWork

# What was authorised and has run out is held no more, whatever the account's row still says.
_VALUE: Final = """
SELECT v.id AS account_id, v.kind, v.customer_id, v.code_tail AS tail, v.currency, v.balance, v.floor, v.entries,
       v.state, v.expires_on, v.opened_at, v.code_hash, v.request_hash,
       coalesce((SELECT concat_ws(' ', c.number, c.name) FROM customers c
                  WHERE c.tenant_id = v.tenant_id AND c.id = v.customer_id), '') AS customer,
       v.held - coalesce((SELECT sum(a.amount) FROM authorisations a
                           WHERE a.tenant_id = v.tenant_id AND a.account_id = v.id AND a.state = 'held'
                             AND a.expires_at <= %(at)s), 0)::bigint AS held
  FROM value_accounts v
 WHERE v.tenant_id = %(tenant)s
"""
_BY_ID: Final = f"{_VALUE} AND v.id = %(id)s"
_BY_CODE: Final = f"{_VALUE} AND v.code_hash = %(hash)s"
_PAGE: Final = (
    _VALUE
    + """
   AND v.kind = %(kind)s AND (%(state)s::text IS NULL OR v.state = %(state)s)
   AND (%(tail)s::text IS NULL OR v.code_tail LIKE '%%' || %(tail)s::text)
   AND (NOT %(in_use)s OR v.balance <> 0)
   AND (%(after)s::uuid IS NULL OR v.id < %(after)s)
 ORDER BY v.id DESC LIMIT %(limit)s
"""
)
_OF_CUSTOMER: Final = (
    _VALUE
    + """
   AND v.customer_id IN (SELECT c.id FROM customers c
                          WHERE c.tenant_id = %(tenant)s AND (c.id = %(customer)s OR c.merged_into = %(customer)s))
   AND (v.customer_id = %(customer)s OR v.state <> 'closed')
 ORDER BY v.kind, v.id
"""
)


def account(ctx: Context, account_id: UUID) -> dict[str, Any] | None:
    """Return an account by id, or None."""
    return _one(ctx, _BY_ID, {"id": account_id})


def card(ctx: Context, hashed: bytes) -> dict[str, Any] | None:
    """Return the gift card whose code has this hash, or None."""
    return _one(ctx, _BY_CODE, {"hash": hashed})


def _one(ctx: Context, statement: str, values: dict[str, Any]) -> dict[str, Any] | None:
    found = ctx.uow.rows(statement, {"tenant": ctx.tenant_id, "at": ctx.clock.now(), **values})
    return found[0] if found else None


def of_customer(ctx: Context, customer_id: UUID) -> list[dict[str, Any]]:
    """Return everything a customer has, gift cards in their name and what records merged into theirs still have."""
    return ctx.uow.rows(_OF_CUSTOMER, {"tenant": ctx.tenant_id, "at": ctx.clock.now(), "customer": customer_id})


def page(
    ctx: Context, kind: str, *, state: str | None, tail: str | None, in_use: bool, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Return a page of accounts of a kind, the newest first."""
    return ctx.uow.rows(
        _PAGE,
        {
            "tenant": ctx.tenant_id,
            "at": ctx.clock.now(),
            "kind": kind,
            "state": state,
            "tail": tail,
            "in_use": in_use,
            "after": after,
            "limit": limit,
        },
    )


def holder(ctx: Context, customer_id: UUID) -> UUID:
    """Return the customer, or the one their record was merged into. Raises: CustomerNotFound."""
    found = ctx.uow.rows(
        "SELECT coalesce(merged_into, id) AS id FROM customers WHERE tenant_id = %s AND id = %s AND erased_at IS NULL",
        (ctx.tenant_id, customer_id),
    )
    if not found:
        raise CustomerNotFound(customer=str(customer_id))
    survivor: UUID = found[0]["id"]
    return survivor


def open_account(ctx: Context, values: dict[str, Any]) -> None:
    """Add an account with a balance of zero; a twin ends the attempt."""
    ctx.uow.run(
        "INSERT INTO value_accounts (tenant_id, id, kind, customer_id, code_hash, code_tail, currency, floor,"
        " expires_on, opened_at, opened_by, request_hash) VALUES (%(tenant)s, %(id)s, %(kind)s, %(customer)s,"
        " %(code_hash)s, %(tail)s, %(currency)s, %(floor)s, %(expires_on)s, %(at)s, %(by)s, %(hash)s)",
        {
            "tenant": ctx.tenant_id,
            "customer": None,
            "code_hash": None,
            "tail": "",
            "floor": 0,
            "expires_on": None,
            "hash": None,
            "at": ctx.clock.now(),
            "by": ctx.identity.name[:200],
            **values,
        },
    )


def holders_account(ctx: Context, customer_id: UUID, kind: str) -> UUID | None:
    """Return the id of a customer's account of a kind, or None."""
    found = ctx.uow.rows(
        "SELECT id FROM value_accounts WHERE tenant_id = %s AND customer_id = %s AND kind = %s AND kind <> 'gift_card'",
        (ctx.tenant_id, customer_id, kind),
    )
    return found[0]["id"] if found else None


def set_floor(ctx: Context, account_id: UUID, floor: int) -> int:
    """Set how far below zero an account may go, and return what it was."""
    found = ctx.uow.rows(
        "UPDATE value_accounts v SET floor = %(floor)s FROM (SELECT id, floor FROM value_accounts"
        " WHERE tenant_id = %(tenant)s AND id = %(id)s FOR UPDATE) was"
        " WHERE v.tenant_id = %(tenant)s AND v.id = was.id RETURNING was.floor",
        {"tenant": ctx.tenant_id, "id": account_id, "floor": floor},
    )
    before: int = found[0]["floor"]
    return before


def set_state(ctx: Context, account_id: UUID, state: str) -> bool:
    """Block an account or let it be used again; a closed one stays closed and is told by False."""
    return bool(
        ctx.uow.run(
            "UPDATE value_accounts SET state = %s WHERE tenant_id = %s AND id = %s AND state <> 'closed'",
            (state, ctx.tenant_id, account_id),
        )
    )


def act(ctx: Context, act_id: UUID) -> dict[str, Any] | None:
    """Return the entry that an act with this id wrote, or None."""
    found = ctx.uow.rows(
        "SELECT account_id, entry_no, amount, balance, request_hash FROM value_entries"
        " WHERE tenant_id = %s AND act_id = %s",
        (ctx.tenant_id, act_id),
    )
    return found[0] if found else None


_ENTRIES: Final = """
SELECT e.entry_no, e.at, e.business_date, e.cause, e.amount, e.balance, e.worth, e.sale_id, s.receipt, e.of_sale_id,
       e.reason, e.actor
  FROM value_entries e LEFT JOIN sales s ON s.tenant_id = e.tenant_id AND s.id = e.sale_id
 WHERE e.tenant_id = %(tenant)s AND e.account_id = %(account)s
"""


def entries(uow: UnitOfWork, tenant_id: int, account_id: UUID, after: int | None, limit: int) -> list[dict[str, Any]]:
    """Return a page of what made a balance, newest first."""
    return uow.rows(
        f"{_ENTRIES} AND (%(after)s::bigint IS NULL OR e.entry_no < %(after)s)"
        " ORDER BY e.entry_no DESC LIMIT %(limit)s",
        {"tenant": tenant_id, "account": account_id, "after": after, "limit": limit},
    )


def statement(
    uow: UnitOfWork, tenant_id: int, account_id: UUID, since: date | None, until: date | None, limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """Return the balance before a period and the entries in it, oldest first; by business days."""
    values = {"tenant": tenant_id, "account": account_id, "since": since, "until": until, "limit": limit}
    with uow.pipeline() as pipe:
        before = pipe.execute(
            "SELECT coalesce(sum(amount), 0)::bigint FROM value_entries WHERE tenant_id = %(tenant)s"
            " AND account_id = %(account)s AND business_date < %(since)s::date",
            values,
        )
        within = pipe.execute(
            f"{_ENTRIES} AND (%(since)s::date IS NULL OR e.business_date >= %(since)s)"
            " AND (%(until)s::date IS NULL OR e.business_date <= %(until)s)"
            " ORDER BY e.business_date, e.entry_no LIMIT %(limit)s",
            values,
            as_dicts=True,
        )
    opening = before.fetchone()
    return (opening[0] if opening else 0), within.fetchall()


# What is said to pay or undo a sale settles that sale; everything else that came in settles the oldest first.
_OPEN: Final = """
WITH items AS (
    SELECT e.account_id, v.customer_id, coalesce(e.of_sale_id, e.sale_id) AS sale_id,
           CASE WHEN coalesce(e.of_sale_id, e.sale_id) IS NULL THEN e.entry_no END AS own,
           sum(e.amount)::bigint AS net, -coalesce(sum(e.amount) FILTER (WHERE e.amount < 0), 0)::bigint AS charged,
           min(e.business_date) AS since, min(e.entry_no) AS first_no
      FROM value_entries e JOIN value_accounts v ON v.tenant_id = e.tenant_id AND v.id = e.account_id
     WHERE e.tenant_id = %(tenant)s AND v.kind = 'account' AND e.business_date <= %(on)s
       AND (%(customer)s::uuid IS NULL OR v.customer_id = %(customer)s)
       AND (%(account_id)s::uuid IS NULL OR v.id = %(account_id)s)
     GROUP BY 1, 2, 3, 4
), pool AS (
    SELECT account_id, sum(net)::bigint AS amount FROM items WHERE net > 0 GROUP BY 1
), debts AS (
    SELECT i.*, least(-i.net, greatest(0, sum(-i.net) OVER w - coalesce(p.amount, 0)))::bigint AS open
      FROM items i LEFT JOIN pool p ON p.account_id = i.account_id
     WHERE i.net < 0
    WINDOW w AS (PARTITION BY i.account_id ORDER BY i.since, i.first_no)
)
"""
_AGEING: Final = (
    _OPEN
    + """
SELECT account_id, customer_id, coalesce((SELECT concat_ws(' ', c.number, c.name) FROM customers c
                                          WHERE c.tenant_id = %(tenant)s AND c.id = customer_id), '') AS customer,
       sum(open)::bigint AS owed,
       coalesce(sum(open) FILTER (WHERE %(on)s::date - since <= 30), 0)::bigint AS days_0_30,
       coalesce(sum(open) FILTER (WHERE %(on)s::date - since BETWEEN 31 AND 60), 0)::bigint AS days_31_60,
       coalesce(sum(open) FILTER (WHERE %(on)s::date - since BETWEEN 61 AND 90), 0)::bigint AS days_61_90,
       coalesce(sum(open) FILTER (WHERE %(on)s::date - since > 90), 0)::bigint AS days_over_90,
       min(since) FILTER (WHERE open > 0) AS oldest_on
  FROM debts GROUP BY 1, 2
HAVING sum(open) > 0 AND (%(owed)s::bigint IS NULL OR (sum(open), account_id) < (%(owed)s, %(account)s::uuid))
 ORDER BY 4 DESC, 1 DESC LIMIT %(limit)s
"""
)
_OPEN_SALES: Final = (
    _OPEN
    + """
SELECT d.sale_id, s.receipt, d.since AS business_date, d.charged, d.open
  FROM debts d LEFT JOIN sales s ON s.tenant_id = %(tenant)s AND s.id = d.sale_id
 WHERE d.open > 0 ORDER BY d.since, d.first_no LIMIT %(limit)s
"""
)


_OPEN_OF_SALE: Final = (
    _OPEN
    + """
SELECT open FROM debts WHERE sale_id = %(sale)s
"""
)


def ageing(
    ctx: Context, on: date, customer_id: UUID | None, after: tuple[int, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """Return who owes how much since when, the largest debt first."""
    return ctx.uow.rows(
        _AGEING,
        {
            "tenant": ctx.tenant_id,
            "on": on,
            "customer": customer_id,
            "account_id": None,
            "owed": after[0] if after else None,
            "account": after[1] if after else None,
            "limit": limit,
        },
    )


def open_sales(ctx: Context, on: date, customer_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Return what a customer's debt is made of, the oldest first."""
    values = {"tenant": ctx.tenant_id, "on": on, "customer": customer_id, "account_id": None, "limit": limit}
    return ctx.uow.rows(_OPEN_SALES, values)


def open_of_sale(ctx: Context, account_id: UUID, sale_id: UUID) -> int:
    """Return what of a sale on account is still open, in minor units."""
    found = ctx.uow.rows(
        _OPEN_OF_SALE,
        {"tenant": ctx.tenant_id, "on": date.max, "customer": None, "account_id": account_id, "sale": sale_id},
    )
    return sum(row["open"] for row in found)


def liabilities(ctx: Context) -> list[dict[str, Any]]:
    """Return what the shop owes and is owed, by kind."""
    return ctx.uow.rows(
        "SELECT kind, count(*) FILTER (WHERE balance <> 0) AS accounts,"
        " coalesce(sum(balance) FILTER (WHERE balance > 0), 0)::bigint AS owed_to_customers,"
        " coalesce(-sum(balance) FILTER (WHERE balance < 0), 0)::bigint AS owed_by_customers,"
        " coalesce(sum(held), 0)::bigint AS held"
        " FROM value_accounts WHERE tenant_id = %s GROUP BY kind ORDER BY kind",
        (ctx.tenant_id,),
    )


def set_allotment(ctx: Context, values: dict[str, Any]) -> dict[str, Any]:
    """Say what a register may take offline; the same id again leaves what was drawn as it is."""
    return ctx.uow.rows(
        "INSERT INTO value_allotments AS a (tenant_id, register_id, kind, id, amount, used, made_at, expires_at,"
        " made_by) VALUES (%(tenant)s, %(register_id)s, %(kind)s, %(id)s, %(amount)s, 0, %(at)s, %(expires_at)s,"
        " %(by)s) ON CONFLICT (tenant_id, register_id, kind) DO UPDATE SET id = excluded.id,"
        " amount = CASE WHEN a.id = excluded.id THEN a.amount ELSE excluded.amount END,"
        " used = CASE WHEN a.id = excluded.id THEN a.used ELSE 0 END,"
        " made_at = CASE WHEN a.id = excluded.id THEN a.made_at ELSE excluded.made_at END,"
        " expires_at = CASE WHEN a.id = excluded.id THEN a.expires_at ELSE excluded.expires_at END,"
        " made_by = CASE WHEN a.id = excluded.id THEN a.made_by ELSE excluded.made_by END"
        " RETURNING register_id, kind, amount, used, expires_at",
        {"tenant": ctx.tenant_id, "at": ctx.clock.now(), "by": ctx.identity.name[:200], **values},
    )[0]


def allotments(ctx: Context, register_id: UUID | None) -> list[dict[str, Any]]:
    """Return what registers may take offline, of the outlets whoever asks works in."""
    outlets = None if ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
    return ctx.uow.rows(
        "SELECT a.register_id, a.kind, a.amount, a.used, a.expires_at FROM value_allotments a"
        " JOIN registers r ON r.tenant_id = a.tenant_id AND r.id = a.register_id"
        " WHERE a.tenant_id = %(tenant)s AND (%(register)s::uuid IS NULL OR a.register_id = %(register)s)"
        " AND (%(outlets)s::uuid[] IS NULL OR r.outlet_id = ANY(%(outlets)s)) ORDER BY a.register_id, a.kind",
        {"tenant": ctx.tenant_id, "register": register_id, "outlets": outlets},
    )


def draw_allotment(ctx: Context, register_id: UUID, kind: str, amount: int, at: datetime) -> bool:
    """Draw on a register's allotment what a delivered sale took offline; tell whether it was within it.

    It is counted either way: what happened has happened.
    """
    found = ctx.uow.rows(
        "UPDATE value_allotments SET used = used + %(amount)s"
        " WHERE tenant_id = %(tenant)s AND register_id = %(register)s AND kind = %(kind)s"
        " RETURNING used <= amount AND expires_at > %(at)s AS is_within",
        {"tenant": ctx.tenant_id, "register": register_id, "kind": kind, "amount": amount, "at": at},
    )
    return bool(found and found[0]["is_within"])


def over_cards(ctx: Context, on: date, limit: int) -> list[dict[str, Any]]:
    """Return gift cards whose last day is over and that still hold money, none of it authorised."""
    return ctx.uow.rows(
        "SELECT id, balance FROM value_accounts WHERE tenant_id = %(tenant)s AND kind = 'gift_card'"
        " AND expires_on < %(on)s AND balance > 0 AND held = 0 ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
        {"tenant": ctx.tenant_id, "on": on, "limit": limit},
    )


_OLD_POINTS: Final = """
SELECT id, old FROM (
    SELECT v.id, v.balance - coalesce((SELECT sum(e.amount) FROM value_entries e WHERE e.tenant_id = v.tenant_id
                                          AND e.account_id = v.id AND e.amount > 0 AND e.at >= %(before)s), 0)::bigint
           AS old
      FROM value_accounts v
     WHERE v.tenant_id = %(tenant)s AND v.kind = 'points' AND v.balance > 0 AND v.held = 0
       AND (%(ids)s::uuid[] IS NULL OR v.id = ANY(%(ids)s))) x
 WHERE old > 0 ORDER BY id LIMIT %(limit)s
"""


def lapsed_points(ctx: Context, before: datetime, limit: int) -> dict[UUID, int]:
    """Lock accounts with points that were earned before a moment and never used; return how many points that are.

    The oldest are used first, so what is left of a balance is the newest of what came in: all beyond what came in
    since then is old. Looked at again under the locks: what was earned meanwhile is not old.
    """
    values: dict[str, Any] = {"tenant": ctx.tenant_id, "before": before, "ids": None, "limit": limit}
    ids = [row["id"] for row in ctx.uow.rows(_OLD_POINTS, values)]
    if not ids:
        return {}
    lock_accounts(ctx, ids)
    return {row["id"]: row["old"] for row in ctx.uow.rows(_OLD_POINTS, {**values, "ids": ids})}


def of_merged(ctx: Context, limit: int) -> list[dict[str, Any]]:
    """Return accounts whose customer was merged into another, with that customer and their account of the kind."""
    return ctx.uow.rows(
        "SELECT v.id, v.kind, v.balance, v.held, v.floor, c.merged_into AS into_customer, t.id AS into_account"
        " FROM value_accounts v JOIN customers c ON c.tenant_id = v.tenant_id AND c.id = v.customer_id"
        " LEFT JOIN value_accounts t ON t.tenant_id = v.tenant_id AND t.customer_id = c.merged_into"
        " AND t.kind = v.kind AND t.kind <> 'gift_card'"
        " WHERE v.tenant_id = %s AND c.merged_into IS NOT NULL AND v.state <> 'closed' ORDER BY v.id LIMIT %s",
        (ctx.tenant_id, limit),
    )


def give_to(ctx: Context, account_id: UUID, customer_id: UUID) -> None:
    """Put an account in another customer's name."""
    ctx.uow.run(
        "UPDATE value_accounts SET customer_id = %s WHERE tenant_id = %s AND id = %s",
        (customer_id, ctx.tenant_id, account_id),
    )


def lock_accounts(ctx: Context, ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    """Lock accounts by id until the commit and return them as they are."""
    found = ctx.uow.rows(
        "SELECT id, kind, balance, held, floor, state, entries FROM value_accounts"
        " WHERE tenant_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE",
        (ctx.tenant_id, ids),
    )
    return {row["id"]: row for row in found}


def close(ctx: Context, ids: list[UUID]) -> None:
    """Close accounts for good."""
    ctx.uow.run(
        "UPDATE value_accounts SET state = 'closed' WHERE tenant_id = %s AND id = ANY(%s)", (ctx.tenant_id, ids)
    )
