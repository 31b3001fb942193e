"""Acts on stock that carry the caller's id are done once, however often they are asked for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from primepos.domain.inventory.errors import StockConflict
from primepos.domain.inventory.schemas import StockMoved

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.context import Context
    from primepos.domain.inventory.ledger import Kind
    from primepos.domain.inventory.schemas import AdjustStock, OpenStock, ReceiveStock

_KNOWN = "SELECT request_hash, answer FROM stock_documents WHERE tenant_id = %s AND id = %s"
_KEEP = (
    "INSERT INTO stock_documents (tenant_id, id, outlet_id, kind, at, request_hash, answer)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)"
)
_encode = msgspec.json.Encoder(decimal_format="string").encode


def once(
    ctx: Context, kind: Kind, data: AdjustStock | ReceiveStock | OpenStock, act: Callable[[], StockMoved]
) -> StockMoved:
    """Do ``act`` and keep its answer under ``data.id``, or give the answer that is kept; without an id, just do it.

    A twin that was faster makes the key fail, the transaction runs again and finds its answer.
    Raises: :class:`StockConflict` when the id was used for something else.
    """
    if data.id is None:
        return act()
    fingerprint = hashlib.sha256(_encode([kind, data])).digest()
    known = ctx.uow.rows(_KNOWN, (ctx.tenant_id, data.id))
    if known:
        if bytes(known[0]["request_hash"]) != fingerprint:
            raise StockConflict(id=str(data.id))
        ctx.note(f"outlet {data.outlet_id}", replayed=True)
        return msgspec.convert(known[0]["answer"], StockMoved)
    done = act()
    answer = _encode(done).decode()
    ctx.uow.run(_KEEP, (ctx.tenant_id, data.id, data.outlet_id, kind, ctx.clock.now(), fingerprint, answer))
    return done
