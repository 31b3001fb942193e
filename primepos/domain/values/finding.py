"""Whose value a record means: by the code of a card, by an account's id, or by what a customer has of a kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from primepos.core.ids import new_id
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.values import queries
from primepos.domain.values.codes import code_hash, code_of, made_code, tail_of
from primepos.domain.values.errors import ValueNotFound
from primepos.domain.values.ledger import today
from primepos.domain.values.tidying import good_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

    from primepos.core.context import Context
    from primepos.core.db import Pipeline, UnitOfWork

# Each part by an index of its own. A customer's own account comes before what records merged into theirs still have.
_FIND: Final = """
WITH who AS (
    SELECT s.id FROM customers c
      JOIN customers s ON s.tenant_id = c.tenant_id AND s.id = coalesce(c.merged_into, c.id) AND s.erased_at IS NULL
     WHERE c.tenant_id = %(tenant)s AND c.id = %(customer)s::uuid
), whose AS (
    SELECT id FROM who
    UNION ALL SELECT m.id FROM customers m, who WHERE m.tenant_id = %(tenant)s AND m.merged_into = who.id
), found AS (
    SELECT v.id FROM value_accounts v WHERE v.tenant_id = %(tenant)s AND v.id = ANY(%(ids)s::uuid[])
    UNION SELECT v.id FROM value_accounts v WHERE v.tenant_id = %(tenant)s AND v.code_hash = ANY(%(hashes)s::bytea[])
    UNION SELECT v.id FROM value_accounts v
           WHERE v.tenant_id = %(tenant)s AND v.kind <> 'gift_card' AND v.state <> 'closed'
             AND v.customer_id IN (SELECT id FROM whose)
)
SELECT w.id, v.id, v.kind, v.customer_id, v.code_tail, v.code_hash,
       v.kind <> 'gift_card' AND v.state <> 'closed' AND v.customer_id IN (SELECT id FROM whose)
  FROM (SELECT (SELECT id FROM who) AS id) w
  LEFT JOIN (found f JOIN value_accounts v ON v.tenant_id = %(tenant)s AND v.id = f.id) ON true
 ORDER BY v.customer_id IS NOT DISTINCT FROM w.id DESC, v.id
"""
_OPEN: Final = """
INSERT INTO value_accounts (tenant_id, id, kind, customer_id, code_hash, code_tail, currency, expires_on, opened_at,
                            opened_by)
SELECT %(tenant)s, x.id, x.kind, x.customer_id, decode(x.code_hash, 'hex'), x.code_tail, x.currency, x.expires_on,
       %(at)s, %(by)s
  FROM json_to_recordset(%(opened)s::json)
       AS x(id uuid, kind text, customer_id uuid, code_hash text, code_tail text, currency text, expires_on date)
 ORDER BY x.id
"""
_OF_SALE: Final = """
SELECT e.account_id, v.kind, e.amount, e.cause, e.line_no, e.payment_seq, e.worth, e.by_line, e.sale_id, v.code_tail,
       e.of_sale_id
  FROM value_entries e JOIN value_accounts v ON v.tenant_id = e.tenant_id AND v.id = e.account_id
 WHERE e.tenant_id = %(tenant)s AND (e.sale_id = %(sale)s OR e.of_sale_id = %(sale)s)
 ORDER BY e.account_id, e.entry_no
"""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Holding:
    """One account that a record may mean."""

    id: UUID
    kind: str
    customer_id: UUID | None
    tail: str


@dataclass(slots=True)
class Found:
    """The accounts a record names, and those to be opened for it."""

    key: UUID
    customer_id: UUID | None = None
    by_id: dict[UUID, Holding] = field(default_factory=dict)
    by_hash: dict[bytes, Holding] = field(default_factory=dict)
    of_customer: dict[str, Holding] = field(default_factory=dict)
    opened: list[dict[str, Any]] = field(default_factory=list)

    def named(self, kind: str, code: str | None, account_id: UUID | None) -> Holding:
        """Return the account of a kind that a code, an id or the customer means. Raises: ValueNotFound."""
        found = None
        if code is not None:
            found = self.by_hash.get(code_hash(self.key, code_of(code)))
        elif account_id is not None:
            found = self.by_id.get(account_id)
        else:
            found = self.of_customer.get(kind)
        if found is None or found.kind != kind:
            raise ValueNotFound
        return found

    def customers(self, ctx: Context, kind: str) -> Holding:
        """Return what the customer has of a kind, to be opened with the record where there is none.

        Raises: CustomerNotFound: the record names no customer.
        """
        known = self.of_customer.get(kind)
        if known is not None:
            return known
        if self.customer_id is None:
            raise CustomerNotFound(customer="on this record")
        made = Holding(new_id(), kind, self.customer_id, "")
        currency = None if kind == "points" else ctx.tenant.currency.code
        self.opened.append({"id": made.id, "kind": kind, "customer_id": made.customer_id, "code_tail": "",
                            "currency": currency})  # fmt: skip
        self.of_customer[kind] = self.by_id[made.id] = made
        return made

    def new_card(self, ctx: Context, card_id: UUID, code: str | None) -> Holding:
        """Return a gift card to be opened with the record. Raises: CodeRefused."""
        plain = made_code(ctx.settings.secret_key, self.key, card_id) if code is None else code_of(code)
        made = Holding(card_id, "gift_card", self.customer_id, tail_of(plain))
        until = good_until(ctx, today(ctx))
        self.opened.append(
            {
                "id": card_id,
                "kind": "gift_card",
                "customer_id": self.customer_id,
                "code_hash": code_hash(self.key, plain).hex(),
                "code_tail": made.tail,
                "currency": ctx.tenant.currency.code,
                "expires_on": until,
            }
        )
        self.by_id[card_id] = made
        return made


def find(
    ctx: Context,
    *,
    codes: Iterable[str] = (),
    ids: Iterable[UUID] = (),
    customer_id: UUID | None = None,
    is_strict: bool = True,
) -> Found:
    """Return the accounts that codes, ids and a customer mean: one statement.

    Without ``is_strict`` a customer who is not here is nobody. Raises: CodeRefused, CustomerNotFound.
    """
    key = ctx.tenant.key
    hashes = [code_hash(key, code_of(each)) for each in codes]
    with ctx.uow.pipeline() as pipe:
        cursor = pipe.execute(
            _FIND, {"tenant": ctx.tenant_id, "customer": customer_id, "ids": list(ids), "hashes": hashes}
        )
    found = Found(key)
    for who, account_id, kind, holder, tail, hashed, is_theirs in cursor.fetchall():
        found.customer_id = who
        if account_id is None:
            continue
        holding = Holding(account_id, kind, holder, tail)
        found.by_id[account_id] = holding
        if hashed is not None:
            found.by_hash[bytes(hashed)] = holding
        if is_theirs and kind not in found.of_customer:
            found.of_customer[kind] = holding
    if is_strict and customer_id is not None and found.customer_id is None:
        raise CustomerNotFound(customer=str(customer_id))
    return found


def ask_open(pipe: Pipeline, ctx: Context, opened: Iterable[dict[str, Any]]) -> psycopg.Cursor[Any]:
    """Send the accounts to be opened, all at zero; a twin of one ends the attempt."""
    values = {"tenant": ctx.tenant_id, "at": ctx.clock.now(), "by": ctx.identity.name[:200]}
    return pipe.execute(_OPEN, {**values, "opened": _encode(list(opened)).decode()})


@dataclass(frozen=True, slots=True)
class SaleEntry:
    """One entry of a sale, or of what undid or paid it."""

    account_id: UUID
    kind: str
    amount: int
    cause: str
    line_no: int | None
    payment_seq: int | None
    worth: int | None
    by_line: list[list[int]] | None
    sale_id: UUID
    tail: str
    of_sale_id: UUID | None


def entries_of_sale(uow: UnitOfWork, tenant_id: int, sale_id: UUID) -> tuple[list[SaleEntry], list[SaleEntry]]:
    """Return a sale's own entries, and those of the records that undid or paid it."""
    with uow.pipeline() as pipe:
        cursor = pipe.execute(_OF_SALE, {"tenant": tenant_id, "sale": sale_id})
    found = [SaleEntry(*row) for row in cursor.fetchall()]
    return [each for each in found if each.sale_id == sale_id], [each for each in found if each.sale_id != sale_id]


def lock(ctx: Context, ids: Iterable[UUID]) -> None:
    """Lock accounts in the order of their ids until the commit."""
    queries.lock_accounts(ctx, sorted(ids))
