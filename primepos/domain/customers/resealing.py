"""Sealing with the newest key what an older one sealed, so that the older one can be thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos.domain.customers.contact import phone_tail
from primepos.domain.customers.recording import EMAIL, PHONE, keys_of, opened

if TYPE_CHECKING:
    from primepos.core.context import Context

_STALE: Final = """
SELECT id, email_sealed, phone_sealed FROM customers
 WHERE tenant_id = %(tenant)s
   AND (substring(email_sealed FROM 1 FOR 5) <> %(newest)s OR substring(phone_sealed FROM 1 FOR 5) <> %(newest)s)
 ORDER BY id LIMIT %(limit)s FOR UPDATE
"""
# No new version: what people wrote is the same.
_RESEAL: Final = """
UPDATE customers c SET email_sealed = g.email_sealed, email_hash = g.email_hash, phone_sealed = g.phone_sealed,
       phone_hash = g.phone_hash, request_hash = NULL
  FROM unnest(%(ids)s::uuid[], %(emails)s::bytea[], %(email_hashes)s::bytea[], %(phones)s::bytea[],
              %(phone_hashes)s::bytea[]) AS g(id, email_sealed, email_hash, phone_sealed, phone_hash)
 WHERE c.tenant_id = %(tenant)s AND c.id = g.id
"""


def reseal(ctx: Context, limit: int) -> tuple[int, bool]:
    """Seal anew up to ``limit`` records, locked in the order of their ids; return how many, and whether more are left.

    The hash of the request that made a record goes: it is under the old key, and nobody repeats a call that long after.
    Raises: ``FIELD_KEY_MISSING``.
    """
    keys, tenant = keys_of(ctx), ctx.tenant_id
    found = ctx.uow.rows(_STALE, {"tenant": tenant, "newest": keys.newest, "limit": limit + 1})
    stale = found[:limit]
    if not stale:
        return 0, False
    plain = [(row["id"], *opened(keys, tenant, row)) for row in stale]
    ctx.uow.run(
        _RESEAL,
        {
            "tenant": tenant,
            "ids": [each for each, _, _ in plain],
            "emails": [e and keys.seal(e, EMAIL, tenant, each) for each, e, _ in plain],
            "email_hashes": [e and keys.hash(e, EMAIL, tenant) for _, e, _ in plain],
            "phones": [p and keys.seal(p, PHONE, tenant, each) for each, _, p in plain],
            "phone_hashes": [p and keys.hash(phone_tail(p), PHONE, tenant) for _, _, p in plain],
        },
    )
    return len(stale), len(found) > limit
