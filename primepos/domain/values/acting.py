"""Acts on value that carry the caller's id, done once however often they are asked for; and opening accounts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from primepos.core.db import TransactionRetry
from primepos.core.errors import RuleViolation
from primepos.core.ids import new_id
from primepos.domain.values import queries
from primepos.domain.values.errors import ValueConflict
from primepos.domain.values.ledger import Cause, Move, move
from primepos.domain.values.schemas import Adjusted

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.values.schemas import AdjustHolder, AdjustValue, Authorise, IssueCard

_encode = msgspec.json.Encoder().encode


def fingerprint(ctx: Context, data: IssueCard | AdjustValue | AdjustHolder | Authorise) -> bytes:
    """Return what tells a repeated call from another one under the same id; keyed, since a card's code is in it."""
    return hashlib.blake2b(_encode(data), key=ctx.tenant.key.bytes, digest_size=32).digest()


def known_act(ctx: Context, act_id: UUID, hashed: bytes) -> Adjusted | None:
    """Return what an act with this id wrote before, or None. Raises: ValueConflict."""
    known = queries.act(ctx, act_id)
    if known is None:
        return None
    if bytes(known["request_hash"] or b"") != hashed:
        raise ValueConflict(id=str(act_id))
    ctx.note(f"value:{known['account_id']}", replayed=True)
    return Adjusted(
        account_id=known["account_id"], entry_no=known["entry_no"], amount=known["amount"], balance=known["balance"]
    )


def adjust(
    ctx: Context, account_id: UUID, data: AdjustValue | AdjustHolder, hashed: bytes, cause: Cause = "adjust"
) -> Adjusted:
    """Write one entry with its reason. Raises: ValueNotFound, ValueBlocked, ValueExpired, ValueShort."""
    asked = Move(
        account_id=account_id,
        amount=data.amount,
        cause=cause,
        act_id=data.id,
        request_hash=hashed.hex(),
        reason=data.reason,
    )
    try:
        moved = move(ctx, [asked])[account_id]
    except RuleViolation:
        if queries.act(ctx, data.id) is not None:
            # A twin of this very call was faster and took it: look again and answer as it was answered.
            raise TransactionRetry from None
        raise
    done = Adjusted(account_id=account_id, entry_no=moved.entry_no or 0, amount=data.amount, balance=moved.balance or 0)
    ctx.note(
        f"value:{account_id}",
        kind=moved.kind,
        entry=done.entry_no,
        amount=data.amount,
        balance=done.balance,
        reason=data.reason,
    )
    return done


def holders_account(ctx: Context, customer_id: UUID, kind: str) -> UUID:
    """Return a customer's account of a kind, opened now where there is none. Raises: CustomerNotFound."""
    survivor = queries.holder(ctx, customer_id)
    found = queries.holders_account(ctx, survivor, kind)
    if found is not None:
        return found
    made = new_id()
    currency = None if kind == "points" else ctx.tenant.currency.code
    queries.open_account(ctx, {"id": made, "kind": kind, "customer": survivor, "currency": currency})
    return made
