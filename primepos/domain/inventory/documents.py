"""Acts on stock that carry the caller's id are done once, however often they are asked for.

Documents are numbered from 1 in each tenant, under a lock that whoever makes one holds until the commit; it is taken
before any row's.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

import msgspec

from primepos.domain.inventory.errors import StockConflict

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.context import Context

Out = TypeVar("Out", bound=msgspec.Struct)
Act = Literal[
    "adjust",
    "receive",
    "opening",
    "revalue",
    "allot",
    "release",
    "transfer",
    "ship",
    "arrive",
    "settle",
    "count",
    "tally",
    "recount",
    "order",
    "purchase",
    "return",
]
Numbered = Literal["stock_transfers", "stock_counts", "purchase_orders", "supplier_returns"]
_NEXT: Final[dict[Numbered, str]] = {
    "stock_transfers": "SELECT coalesce(max(number), 0) + 1 AS number FROM stock_transfers WHERE tenant_id = %s",
    "stock_counts": "SELECT coalesce(max(number), 0) + 1 AS number FROM stock_counts WHERE tenant_id = %s",
    "purchase_orders": "SELECT coalesce(max(number), 0) + 1 AS number FROM purchase_orders WHERE tenant_id = %s",
    "supplier_returns": "SELECT coalesce(max(number), 0) + 1 AS number FROM supplier_returns WHERE tenant_id = %s",
}

# Twins take turns: who comes second finds the answer, not a document that is past this step.
_TURN = "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))"
_KNOWN = "SELECT request_hash, answer FROM stock_documents WHERE tenant_id = %s AND id = %s"
_KEEP = (
    "INSERT INTO stock_documents (tenant_id, id, outlet_id, kind, at, request_hash, answer)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)"
)
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Asked(Protocol):
    """An act's input: it has the caller's id, or none."""

    @property
    def id(self) -> UUID | None:
        """The caller's id."""
        ...


def once(
    ctx: Context, kind: Act, data: Asked, act: Callable[[], Out], *, answer: type[Out], outlet_id: UUID | None = None
) -> Out:
    """Do ``act`` and keep its answer under ``data.id``, or give the answer that is kept; without an id, just do it.

    The answer is kept with ``outlet_id``, or with the outlet that ``data`` or the answer names.
    Raises: :class:`StockConflict` when the id was used for something else.
    """
    if data.id is None:
        return act()
    fingerprint = hashlib.sha256(_encode([kind, data])).digest()
    with ctx.uow.pipeline() as pipe:
        pipe.execute(_TURN, (str(data.id), ctx.tenant_id))
        found = pipe.execute(_KNOWN, (ctx.tenant_id, data.id), as_dicts=True)
    known = found.fetchall()
    if known:
        if bytes(known[0]["request_hash"]) != fingerprint:
            raise StockConflict(id=str(data.id))
        ctx.note(f"{kind}:{data.id}", replayed=True)
        return msgspec.convert(known[0]["answer"], answer)
    done = act()
    place = outlet_id or getattr(data, "outlet_id", None) or getattr(done, "outlet_id", None)
    kept = _encode(done).decode()
    ctx.uow.run(_KEEP, (ctx.tenant_id, data.id, place, kind, ctx.clock.now(), fingerprint, kept))
    return done


def next_number(ctx: Context, table: Numbered) -> int:
    """Return the number of the tenant's next document of a kind; others who make one wait until the commit."""
    ctx.uow.rows("SELECT pg_advisory_xact_lock(hashtext(%s), %s)", (table, ctx.tenant_id))
    found: int = ctx.uow.rows(_NEXT[table], (ctx.tenant_id,))[0]["number"]
    return found


def signed(ctx: Context, act: str) -> dict[str, Any]:
    """Return who did something and when, as parameters named for the columns of a document."""
    return {
        f"{act}_at": ctx.clock.now(),
        f"{act}_by_id": ctx.identity.actor_id,
        f"{act}_by": ctx.identity.name[:200],
    }
