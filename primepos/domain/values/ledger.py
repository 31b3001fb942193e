"""How value moves: entries and the balances they make are written together, guarded in the statement that writes.

Lock order, the same for everybody: value accounts by id, then what is authorised of them and the register's
allotments; a booking takes them before stock levels and the register's row. Authorisations of an account are only
touched by who holds its row, so two that cross wait for each other at the accounts and never in a circle.

What may be taken is ``balance - held - floor``. What was authorised and has run out counts no more from that second
on, whether or not the job has come by: the statement that looks at an account lets its old authorisations go.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from primepos.core.clock import business_date
from primepos.domain.values.errors import ValueBlocked, ValueExpired, ValueNotFound, ValueShort

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import psycopg

    from primepos.core.context import Context
    from primepos.core.db import Pipeline

Kind = Literal["gift_card", "store_credit", "account", "points"]
Cause = Literal["issue", "sale", "refund", "void", "payment", "adjust", "expire", "merge"]


class Move(Struct, frozen=True, kw_only=True):
    """One entry to be written: ``amount`` in minor units, or points, above zero where the holder gets more.

    ``forced``: it happened already, or must not fail for the holder having spent it: taken whatever is there. ``n``
    orders the entries of one statement; ``worth`` and ``by_line`` are of points, see the model.
    """

    account_id: UUID
    amount: int
    cause: Cause
    n: int = 0
    line_no: int | None = None
    payment_seq: int | None = None
    of_sale_id: UUID | None = None
    authorisation_id: UUID | None = None
    worth: int | None = None
    by_line: list[list[int]] | None = None
    forced: bool = False
    act_id: UUID | None = None
    request_hash: str | None = None
    reason: str | None = None


class Moved(Struct, frozen=True, kw_only=True):
    """What became of an account: its balance after all entries, or why nothing was taken from it.

    ``available`` is what could be taken before; ``is_short`` that more was taken than was there, by force.
    """

    account_id: UUID
    kind: Kind
    state: str
    expires_on: date | None
    available: int
    balance: int | None
    entry_no: int | None
    is_short: bool
    captured: list[UUID]
    seals: dict[str, str]


#: What the trail keeps of an entry ``e`` of an account ``v``, so that none is changed, added or taken out unseen.
SEAL: Final = (
    "md5(ROW(e.account_id, e.entry_no, e.at AT TIME ZONE 'UTC', e.business_date, e.cause, e.amount, e.balance, e.worth,"
    " e.sale_id, e.line_no, e.payment_seq, e.of_sale_id, e.authorisation_id, e.by_line, e.is_forced, e.act_id,"
    " e.request_hash, e.reason, e.actor_id, e.actor, v.kind, v.currency, v.code_hash, v.code_tail, v.expires_on,"
    " v.opened_at AT TIME ZONE 'UTC', v.opened_by)::text)"
)

_MOVE: Final = " ".join(
    """
WITH asked AS MATERIALIZED (
    SELECT x.* FROM json_to_recordset(%(moves)s::json) AS x(
        n int, account_id uuid, amount bigint, cause text, line_no bigint, payment_seq bigint, of_sale_id uuid,
        authorisation_id uuid, worth bigint, by_line jsonb, forced boolean, act_id uuid, request_hash text,
        reason text)
), locked AS MATERIALIZED (
    SELECT v.id, v.kind, v.balance, v.held, v.floor, v.entries, v.state, v.expires_on, v.currency, v.code_hash,
           v.code_tail, v.opened_at, v.opened_by
      FROM value_accounts v
     WHERE v.tenant_id = %(tenant)s AND v.id IN (SELECT account_id FROM asked)
     ORDER BY v.id FOR UPDATE
), settled AS (
    UPDATE authorisations a
       SET state = CASE WHEN a.expires_at > %(at)s THEN 'captured' ELSE 'expired' END, settled_at = %(at)s,
           captured = CASE WHEN a.expires_at > %(at)s THEN (SELECT -sum(q.amount) FROM asked q
                            WHERE q.authorisation_id = a.id AND q.account_id = a.account_id) END
      FROM locked
     WHERE a.tenant_id = %(tenant)s AND a.account_id = locked.id AND a.state = 'held'
       AND (a.expires_at <= %(at)s OR ((a.sale_id IS NULL OR a.sale_id = %(sale)s::uuid) AND EXISTS (
            SELECT FROM asked q WHERE q.authorisation_id = a.id AND q.account_id = a.account_id)))
    RETURNING a.id, a.account_id, a.amount, a.state
), freed AS (
    SELECT account_id, sum(amount)::bigint AS amount, array_agg(id) FILTER (WHERE state = 'captured') AS captured
      FROM settled GROUP BY 1
), summed AS (
    SELECT account_id, sum(amount)::bigint AS amount, count(*) AS entries,
           coalesce(sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS taken,
           coalesce(sum(amount) FILTER (WHERE amount < 0 AND NOT forced), 0)::bigint AS guarded,
           bool_and(forced) AS is_forced
      FROM asked GROUP BY 1
), judged AS MATERIALIZED (
    SELECT l.*, s.amount, s.entries AS added, s.taken, coalesce(f.amount, 0) AS freed, f.captured,
           l.balance - l.held + coalesce(f.amount, 0) - l.floor AS available,
           s.is_forced OR (l.state <> 'closed' AND (l.expires_on IS NULL OR l.expires_on >= %(today)s)
                           AND (s.guarded = 0 OR l.state = 'active')
                           AND (s.guarded = 0 OR l.balance - l.held + coalesce(f.amount, 0) + s.guarded >= l.floor)
                          ) AS holds
      FROM locked l JOIN summed s ON s.account_id = l.id LEFT JOIN freed f ON f.account_id = l.id
), moved AS (
    UPDATE value_accounts v
       SET balance = v.balance + j.amount, held = v.held - j.freed, entries = v.entries + j.added
      FROM judged j
     WHERE v.tenant_id = %(tenant)s AND v.id = j.id AND j.holds
    RETURNING v.id, v.balance, v.entries
), entered AS (
    INSERT INTO value_entries (tenant_id, account_id, entry_no, at, business_date, cause, amount, balance, worth,
                               sale_id, line_no, payment_seq, of_sale_id, authorisation_id, by_line, is_forced,
                               act_id, request_hash, reason, actor_id, actor)
    SELECT %(tenant)s, q.account_id, j.entries + row_number() OVER w, %(at)s, %(today)s, q.cause, q.amount,
           j.balance + sum(q.amount) OVER w, q.worth,
           %(sale)s::uuid, q.line_no, q.payment_seq, q.of_sale_id,
           q.authorisation_id, q.by_line,
           q.amount < 0 AND j.available + sum(least(q.amount, 0)) OVER w < 0,
           q.act_id, decode(q.request_hash, 'hex'), q.reason, %(actor_id)s::uuid, %(actor)s
      FROM asked q JOIN moved m ON m.id = q.account_id JOIN judged j ON j.id = q.account_id
    WINDOW w AS (PARTITION BY q.account_id ORDER BY q.n ROWS UNBOUNDED PRECEDING)
    RETURNING *
), sealed AS (
    SELECT e.account_id, json_object_agg(e.account_id || ':' || e.entry_no, <seal>) AS seals
      FROM entered e JOIN locked v ON v.id = e.account_id GROUP BY 1
)
SELECT j.id, j.kind, j.state, j.expires_on, j.available::bigint, m.balance, m.entries,
       j.available + j.taken < 0, coalesce(j.captured, '{}'), s.seals
  FROM judged j LEFT JOIN moved m ON m.id = j.id LEFT JOIN sealed s ON s.account_id = j.id
 ORDER BY j.id
""".replace("<seal>", SEAL).split()
)

_encode = msgspec.json.Encoder().encode


def ask_moves(
    pipe: Pipeline,
    tenant_id: int,
    moves: Sequence[Move],
    *,
    sale_id: UUID | None,
    at: datetime,
    day: date,
    actor_id: UUID | None,
    actor: str,
) -> psycopg.Cursor[Any]:
    """Send moves that belong together, all of one sale or of none: one statement; read it with :func:`moved_from`.

    An account that does not hold what is asked of it stays as it was and is answered without a balance: the caller
    must then end the transaction, as :func:`require_moved` does.
    """
    return pipe.execute(
        _MOVE,
        {
            "tenant": tenant_id,
            "moves": _encode(moves).decode(),
            "sale": sale_id,
            "at": at,
            "today": day,
            "actor_id": actor_id,
            "actor": actor[:200],
        },
    )


def moved_from(cursor: psycopg.Cursor[Any]) -> dict[UUID, Moved]:
    """Read what became of each account; one that is not there is missing."""
    found = [
        Moved(
            account_id=row[0],
            kind=row[1],
            state=row[2],
            expires_on=row[3],
            available=row[4],
            balance=row[5],
            entry_no=row[6],
            is_short=row[7],
            captured=row[8],
            seals=row[9] or {},
        )
        for row in cursor.fetchall()
    ]
    return {each.account_id: each for each in found}


def note_seals(ctx: Context, moved: Mapping[UUID, Moved]) -> None:
    """Keep the seals of the entries in the trail, with the act that wrote them."""
    kept = ctx.audit.data.setdefault("value_seals", {})
    for each in moved.values():
        kept.update(each.seals)


def require_moved(moves: Sequence[Move], moved: dict[UUID, Moved], day: date) -> None:
    """Refuse where an account did not hold what was asked of it; the transaction must then end.

    Raises: ValueNotFound, ValueBlocked, ValueExpired, ValueShort.
    """
    for each in moves:
        found = moved.get(each.account_id)
        if found is None:
            raise ValueNotFound
        if found.balance is not None:
            continue
        asked = -sum(other.amount for other in moves if other.account_id == each.account_id and other.amount < 0)
        raise refusal_of(found.kind, found.state, found.expires_on, found.available, asked, day)


def refusal_of(
    kind: str, state: str, expires_on: date | None, available: int, asked: int, day: date
) -> ValueBlocked | ValueExpired | ValueShort:
    """Return why an account gives nothing."""
    named = kind.replace("_", " ")
    if state == "closed" or (asked and state != "active"):
        return ValueBlocked(kind=named, state=state)
    if expires_on is not None and expires_on < day:
        return ValueExpired(kind=named, until=expires_on.isoformat())
    return ValueShort(kind=named, available=max(0, available), asked=asked)


def today(ctx: Context) -> date:
    """Return the tenant's business day."""
    tenant = ctx.tenant
    return business_date(ctx.clock.now(), tenant.zone, tenant.day_starts_hour)


def move(ctx: Context, moves: Sequence[Move]) -> dict[UUID, Moved]:
    """Write moves that belong to no sale, and return what became of the accounts.

    Raises: ValueNotFound, ValueBlocked, ValueExpired, ValueShort; nothing may be committed then.
    """
    day = today(ctx)
    with ctx.uow.pipeline() as pipe:
        cursor = ask_moves(
            pipe,
            ctx.tenant_id,
            moves,
            sale_id=None,
            at=ctx.clock.now(),
            day=day,
            actor_id=ctx.identity.actor_id,
            actor=ctx.identity.name,
        )
    moved = moved_from(cursor)
    require_moved(moves, moved, day)
    note_seals(ctx, moved)
    return moved
