"""Reading sales, and what a booking needs to know before it is priced."""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from primepos.domain.sales.schemas import (
    LineDetails,
    LineTax,
    ReturnedLine,
    SaleLine,
    SaleOut,
    SalePayment,
    SaleRow,
    SaleTax,
)
from primepos.pricing.taxes import TaxRule

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import psycopg

    from primepos.core.db import Pipeline, UnitOfWork
    from primepos.domain.sales.schemas import DeliverSale

_PLACE = """
SELECT t.currency, t.zone, t.day_starts_hour, t.settings, t.status,
       coalesce(o.settings->>'stock_policy', t.settings->>'stock_policy', 'allow') AS stock_policy,
       o.archived_at IS NOT NULL AS is_archived,
       r.id AS register_id, r.outlet_id, r.prefix, r.epoch, r.kind, s.id AS shift_id, s.business_date,
       e.id AS known_id, e.request_hash AS known_hash, {taken} AS is_number_taken, v.version AS offers_version
  FROM registers r
  JOIN tenants t ON t.id = r.tenant_id
  JOIN outlets o ON o.tenant_id = r.tenant_id AND o.id = r.outlet_id
  LEFT JOIN shifts s ON s.tenant_id = r.tenant_id AND s.id = {shift}
  LEFT JOIN sales e ON e.tenant_id = r.tenant_id AND e.id = %(sale)s
  LEFT JOIN offer_versions v ON v.tenant_id = r.tenant_id
 WHERE r.tenant_id = %(tenant)s AND {which}
"""
_SERVER_PLACE = _PLACE.format(
    shift="r.open_shift_id", which="r.outlet_id = %(outlet)s AND r.kind = 'server'", taken="false"
)
# A till's sale can only be in a shift of that till: another drawer's count would answer for its cash.
_TILL_PLACE = _PLACE.format(
    shift="%(shift)s AND s.register_id = r.id",
    which="r.id = %(register)s AND r.kind = 'till'",
    taken="EXISTS (SELECT FROM sales n WHERE n.tenant_id = r.tenant_id AND n.register_id = r.id"
    " AND n.epoch = %(epoch)s AND n.number = %(number)s)",
)
_VOIDED = (
    "SELECT o.kind, o.register_id, o.shift_id, o.base, o.tax, o.rounding, o.value, o.total,"
    " EXISTS (SELECT FROM sales v WHERE v.tenant_id = o.tenant_id AND v.void_of = o.id) AS is_voided,"
    " EXISTS (SELECT FROM sale_returns b WHERE b.tenant_id = o.tenant_id AND b.of_sale_id = o.id) AS is_refunded"
    " FROM sales o"
    " WHERE o.tenant_id = %(tenant)s AND o.id = %(sale)s"
)

# What only some goods have is looked at for those: the parts of a kit, and what a line asked for (its pack, its lot).
_PRODUCT = (
    "SELECT p.id, p.sku, p.name, p.unit_price, p.track_stock, p.tax_class_id, p.archived_at IS NOT NULL AS is_archived,"
    " p.kind, p.tracking, p.minimum_age, coalesce(p.unit, CASE p.sold_by WHEN 'weight' THEN 'kg' ELSE 'piece' END),"
    " CASE WHEN %(packs)s THEN (SELECT json_agg(json_build_array(u.code, u.factor::text, u.unit_price::text))::text"
    " FROM product_units u WHERE u.tenant_id = p.tenant_id AND u.product_id = p.id) END,"
    " CASE p.kind WHEN 'kit' THEN (SELECT json_agg(json_build_array(m.id, m.sku, k.quantity::text, m.track_stock,"
    " m.archived_at IS NOT NULL) ORDER BY k.position)::text FROM kit_components k"
    " JOIN products m ON m.tenant_id = k.tenant_id AND m.id = k.component_id"
    " WHERE k.tenant_id = p.tenant_id AND k.kit_id = p.id) END,"
    " CASE WHEN p.tracking <> 'none' THEN (SELECT json_object_agg(l.lot, l.expires_on)::text FROM stock_lots l"
    " WHERE l.tenant_id = p.tenant_id AND l.product_id = p.id AND l.lot = ANY(%(lots)s)) END"
    " FROM products p WHERE p.tenant_id = %(tenant)s AND "
)
_BY_ID = _PRODUCT + "p.id = ANY(%(ids)s)"
_BY_SKU = _PRODUCT + "p.sku = ANY(%(skus)s)"
_BY_BOTH = f"{_BY_ID} UNION ALL {_BY_SKU}"
_CLASS_TAXES = """
SELECT c.tax_class_id, json_agg(json_build_array(t.id, t.code, t.name, t.kind, t.amount::text, t.included,
                                                 t.affects_base, t.base_affected) ORDER BY c.sequence)::text
  FROM tax_class_taxes c JOIN taxes t ON t.tenant_id = c.tenant_id AND t.id = c.tax_id
 WHERE c.tenant_id = %(tenant)s
 GROUP BY c.tax_class_id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sale is booked: register, series, shift, and the tenant's rules.

    ``offers_version`` is None where the tenant never had an offer.
    """

    currency: str
    zone: str
    day_starts_hour: int
    settings: dict[str, Any]
    status: str
    stock_policy: str
    is_archived: bool
    register_id: UUID
    outlet_id: UUID
    prefix: str
    epoch: int
    kind: str
    shift_id: UUID | None
    business_date: date | None
    known_id: UUID | None
    known_hash: bytes | None
    is_number_taken: bool
    offers_version: int | None


@dataclass(frozen=True, slots=True)
class Goods:
    """A product as the catalogue has it at this moment.

    ``units``, ``components`` and ``lots`` are JSON, read by :mod:`primepos.domain.sales.packing`; ``unit`` and
    ``factor`` are of the pack that a line sells, of which ``unit_price`` is the price then.
    """

    id: UUID
    sku: str
    name: str
    unit_price: Decimal
    track_stock: bool
    tax_class_id: UUID
    is_archived: bool
    kind: str = "simple"
    tracking: str = "none"
    minimum_age: int | None = None
    base_unit: str = "piece"
    units: str | None = None
    components: str | None = None
    lots: str | None = None
    unit: str = ""
    factor: Decimal = Decimal(1)


def ask_server_place(pipe: Pipeline, tenant_id: int, outlet_id: UUID, sale_id: UUID) -> psycopg.Cursor[Any]:
    """Ask for the outlet's own register, and whether this sale is booked already."""
    return pipe.execute(_SERVER_PLACE, {"tenant": tenant_id, "outlet": outlet_id, "sale": sale_id})


def ask_till_place(pipe: Pipeline, tenant_id: int, sale: DeliverSale) -> psycopg.Cursor[Any]:
    """Ask for a till's register, whether this sale is booked already, and whether its number is."""
    return pipe.execute(
        _TILL_PLACE,
        {
            "tenant": tenant_id,
            "register": sale.register_id,
            "shift": sale.shift_id,
            "sale": sale.id,
            "epoch": sale.epoch,
            "number": sale.number,
        },
    )


def ask_voided(pipe: Pipeline, tenant_id: int, sale_id: UUID | None) -> psycopg.Cursor[Any]:
    """Ask for what a till's void must mirror."""
    return pipe.execute(_VOIDED, {"tenant": tenant_id, "sale": sale_id}, as_dicts=True)


def place_from(cursor: psycopg.Cursor[Any]) -> Place | None:
    """Read the answer of one of the two questions above."""
    row = cursor.fetchone()
    return None if row is None else Place(*row)


def ask_goods(
    pipe: Pipeline,
    tenant_id: int,
    ids: Sequence[UUID],
    skus: Sequence[str],
    *,
    packs: bool = False,
    lots: Sequence[str] = (),
) -> tuple[psycopg.Cursor[Any], psycopg.Cursor[Any]]:
    """Ask for the products of a cart and for the taxes of every tax class: two statements, whatever the cart.

    With ``packs`` their units are told too, and of ``lots`` when they expire.
    """
    sql = _BY_BOTH if ids and skus else _BY_SKU if skus else _BY_ID
    asked = {"tenant": tenant_id, "ids": list(ids), "skus": list(skus), "packs": packs, "lots": list(lots)}
    goods = pipe.execute(sql, asked)
    taxes = pipe.execute(_CLASS_TAXES, {"tenant": tenant_id})
    return goods, taxes


def goods_from(cursor: psycopg.Cursor[Any]) -> list[Goods]:
    """Read the products that were asked for."""
    return [Goods(*row) for row in cursor.fetchall()]


def taxes_from(cursor: psycopg.Cursor[Any]) -> dict[UUID, tuple[TaxRule, ...]]:
    """Read the taxes of each class in their order."""
    return {tax_class: _rules(text) for tax_class, text in cursor.fetchall()}


@lru_cache(maxsize=4096)
def _rules(text: str) -> tuple[TaxRule, ...]:
    """Turn a class's taxes into rules; the text is the key, so a changed tax is never served stale."""
    return tuple(
        TaxRule(
            id=code,
            name=name,
            kind=kind,
            amount=Decimal(amount),
            included=included,
            affects_base=affects_base,
            base_affected=base_affected,
        )
        for _, code, name, kind, amount, included, affects_base, base_affected in msgspec.json.decode(text)
    )


_SALE = """
SELECT s.*, v.id AS voided_by FROM sales s
  LEFT JOIN sales v ON v.tenant_id = s.tenant_id AND v.void_of = s.id
 WHERE s.tenant_id = %(tenant)s AND s.id = %(sale)s
"""
LINE_COLUMNS = (
    "product_id", "sku", "name", "quantity", "unit_price", "discount", "base", "tax", "total", "taxes", "kind", "unit",
    "factor", "lot", "note", "details",
)  # fmt: skip
PAYMENT_COLUMNS = (
    "kind", "amount", "reference", "account_id", "authorisation_id", "currency", "foreign_amount", "rate"
)  # fmt: skip
_LINES = (
    f"SELECT {', '.join(LINE_COLUMNS)} FROM sale_lines"
    " WHERE tenant_id = %(tenant)s AND sale_id = %(sale)s ORDER BY line_no"
)
_TAXES = (
    "SELECT code, name, rate, base, amount FROM sale_taxes"
    " WHERE tenant_id = %(tenant)s AND sale_id = %(sale)s ORDER BY tax_no"
)
_PAYMENTS = (
    f"SELECT {', '.join(PAYMENT_COLUMNS)} FROM payments"
    " WHERE tenant_id = %(tenant)s AND sale_id = %(sale)s ORDER BY seq"
)
_RETURNS = (
    "SELECT b.line_no, b.of_sale_id, b.of_line_no, b.quantity, b.nth, b.before, b.sold FROM sale_returns b"
    " JOIN sales s ON s.tenant_id = b.tenant_id AND s.id = b.sale_id AND s.kind <> 'void'"
    " WHERE b.tenant_id = %(tenant)s AND b.sale_id = %(sale)s ORDER BY b.line_no"
)


def read_sale(uow: UnitOfWork, tenant_id: int, sale_id: UUID) -> SaleOut | None:
    """Return a sale whole, or None: five statements in one round trip."""
    which = {"tenant": tenant_id, "sale": sale_id}
    with uow.pipeline() as pipe:
        head = pipe.execute(_SALE, which, as_dicts=True)
        lines = pipe.execute(_LINES, which)
        taxes = pipe.execute(_TAXES, which)
        payments = pipe.execute(_PAYMENTS, which)
        returns = pipe.execute(_RETURNS, which, as_dicts=True)
    sale = head.fetchone()
    if sale is None:
        return None
    return _assemble(
        sale,
        [line_from(row) for row in lines.fetchall()],
        [SaleTax(code=r[0], name=r[1], rate=r[2], base=r[3], amount=r[4]) for r in taxes.fetchall()],
        [payment_from(row) for row in payments.fetchall()],
        [ReturnedLine(**row) for row in returns.fetchall()],
    )


def _assemble(
    sale: dict[str, Any],
    lines: list[SaleLine],
    taxes: list[SaleTax],
    payments: list[SalePayment],
    returns: list[ReturnedLine],
) -> SaleOut:
    return SaleOut(
        id=sale["id"],
        kind=sale["kind"],
        receipt=sale["receipt"],
        outlet_id=sale["outlet_id"],
        register_id=sale["register_id"],
        shift_id=sale["shift_id"],
        epoch=sale["epoch"],
        number=sale["number"],
        business_date=sale["business_date"],
        sold_at=sale["sold_at"],
        received_at=sale["received_at"],
        cashier=sale["cashier"],
        currency=sale["currency"],
        base=sale["base"],
        tax=sale["tax"],
        rounding=sale["rounding"],
        total=sale["total"],
        change=change_of(payments),
        lines=lines,
        taxes=taxes,
        payments=payments,
        prev_hash=None if sale["prev_hash"] is None else bytes(sale["prev_hash"]).hex(),
        hash=None if sale["hash"] is None else bytes(sale["hash"]).hex(),
        flags=sale["flags"],
        void_of=sale["void_of"],
        voided_by=sale["voided_by"],
        reason=sale["reason"],
        external_number=sale["external_number"],
        returns=returns,
        value=sale["value"],
        customer_id=sale["customer_id"],
        salesperson_id=sale["salesperson_id"],
        note=sale["note"],
    )


def change_of(payments: Sequence[SalePayment]) -> int:
    """Return what was given back, as a positive figure for a sale."""
    return -sum(each.amount for each in payments if each.kind == "change")


_MOST_DIGITS = 18
_LIST = """
SELECT s.id, s.kind, s.receipt, s.outlet_id, s.business_date, s.sold_at, s.cashier, s.currency, s.total,
       (SELECT count(*) FROM sale_lines l WHERE l.tenant_id = s.tenant_id AND l.sale_id = s.id) AS lines,
       s.flags, s.void_of
  FROM sales s
 WHERE s.tenant_id = %(tenant)s
   AND (%(outlets)s::uuid[] IS NULL OR s.outlet_id = ANY(%(outlets)s))
   AND (%(shift)s::uuid IS NULL OR s.shift_id = %(shift)s)
   AND (%(since)s::date IS NULL OR s.business_date >= %(since)s)
   AND (%(until)s::date IS NULL OR s.business_date <= %(until)s)
   AND (%(prefix)s::text IS NULL OR s.number = %(number)s::bigint AND s.register_id IN (
        SELECT r.id FROM registers r WHERE r.tenant_id = %(tenant)s AND r.prefix = %(prefix)s))
   AND (NOT %(flagged)s OR cardinality(s.flags) > 0)
   AND (%(after_date)s::date IS NULL OR (s.business_date, s.id) < (%(after_date)s, %(after_id)s::uuid))
 ORDER BY s.business_date DESC, s.id DESC
 LIMIT %(limit)s
"""


def list_sales(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    outlets: list[UUID] | None,
    shift_id: UUID | None,
    since: date | None,
    until: date | None,
    flagged: bool,
    receipt: str | None,
    after: tuple[date, UUID] | None,
    limit: int,
) -> list[SaleRow]:
    """Return a page of sales, newest business day first, by keyset: no page is dearer than the first."""
    prefix, _, number = (receipt or "").strip().rpartition("-")
    if receipt is not None and not (prefix and number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        return []
    found = uow.rows(
        _LIST,
        {
            "tenant": tenant_id,
            "outlets": outlets,
            "shift": shift_id,
            "since": since,
            "until": until,
            "flagged": flagged,
            "prefix": prefix if receipt is not None else None,
            "number": int(number) if receipt is not None else None,
            "after_date": after[0] if after else None,
            "after_id": after[1] if after else None,
            "limit": limit,
        },
    )
    return [SaleRow(**row) for row in found]


def is_shift_open(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> bool:
    """Tell whether a shift still takes sales."""
    found = uow.rows(
        "SELECT closed_at IS NULL AS is_open FROM shifts WHERE tenant_id = %s AND id = %s", (tenant_id, shift_id)
    )
    return bool(found and found[0]["is_open"])


def goods_moved(uow: UnitOfWork, tenant_id: int, sale_id: UUID) -> list[tuple[int, UUID, Decimal]]:
    """Return what a sale took from stock: ``(line number, product, quantity sold)``."""
    found = uow.rows(
        "SELECT line_no, product_id, -quantity AS sold FROM stock_movements"
        " WHERE tenant_id = %s AND sale_id = %s ORDER BY line_no",
        (tenant_id, sale_id),
    )
    return [(row["line_no"], row["product_id"], row["sold"]) for row in found]


_BACK = "SELECT DISTINCT b.sale_id FROM sale_returns b WHERE b.tenant_id = %(tenant)s AND b.of_sale_id = %(sale)s"
_EARLIER = (
    "SELECT b.of_line_no, count(*) AS times, sum(b.quantity) AS quantity FROM sale_returns b"
    " WHERE b.tenant_id = %(tenant)s AND b.of_sale_id = %(sale)s GROUP BY b.of_line_no"
)
_EARLIER_TAXES = (
    "SELECT t.code, t.rate, sum(t.base)::bigint FROM sale_taxes t"
    f" WHERE t.tenant_id = %(tenant)s AND t.sale_id IN ({_BACK}) GROUP BY t.code, t.rate"
)
_EARLIER_CARDS = (
    "SELECT p.reference, sum(p.amount)::bigint FROM payments p WHERE p.tenant_id = %(tenant)s AND p.kind = 'card'"
    f" AND p.sale_id IN ({_BACK}) GROUP BY p.reference"
)


def returned_before(
    uow: UnitOfWork, tenant_id: int, sale_id: UUID
) -> tuple[dict[int, int], dict[int, Decimal], dict[tuple[str, Decimal], int], dict[str, int]]:
    """Return what came back of a sale so far: how often and how much by line, the base by tax, the amount by card.

    Bases and amounts are as booked, below zero. Three statements in one round trip.
    """
    which = {"tenant": tenant_id, "sale": sale_id}
    with uow.pipeline() as pipe:
        lines_cursor = pipe.execute(_EARLIER, which)
        taxes_cursor = pipe.execute(_EARLIER_TAXES, which)
        cards_cursor = pipe.execute(_EARLIER_CARDS, which)
    lines = lines_cursor.fetchall()
    return (
        {line: times for line, times, _ in lines},
        {line: quantity for line, _, quantity in lines},
        {(code, rate): base for code, rate, base in taxes_cursor.fetchall()},
        dict(cards_cursor.fetchall()),
    )


def value_paid_back(uow: UnitOfWork, tenant_id: int, sale_id: UUID) -> dict[UUID, int]:
    """Return what went back to value accounts for a sale so far, below zero, by account."""
    found = uow.rows(
        "SELECT p.account_id, sum(p.amount)::bigint AS amount FROM payments p WHERE p.tenant_id = %(tenant)s"
        f" AND p.account_id IS NOT NULL AND p.amount < 0 AND p.sale_id IN ({_BACK}) GROUP BY p.account_id",
        {"tenant": tenant_id, "sale": sale_id},
    )
    return {row["account_id"]: row["amount"] for row in found}


def products_in(
    uow: UnitOfWork, tenant_id: int, categories: Collection[UUID], lines: Sequence[SaleLine]
) -> set[UUID | None]:
    """Return the products of these lines that are in one of the categories."""
    found = uow.rows(
        "SELECT id FROM products WHERE tenant_id = %s AND id = ANY(%s) AND category_id = ANY(%s)",
        (tenant_id, [line.product_id for line in lines if line.product_id is not None], list(categories)),
    )
    return {row["id"] for row in found}


_IN_SERIES = (
    "FROM sales s WHERE s.tenant_id = %(tenant)s AND s.register_id = %(register)s AND s.epoch = %(epoch)s"
    " AND s.number > %(after)s AND s.number <= %(up_to)s ORDER BY s.number LIMIT %(limit)s"
)
_OF_SERIES = f"x.tenant_id = %(tenant)s AND x.sale_id IN (SELECT s.id {_IN_SERIES})"
_SERIES_LINES = (
    f"SELECT x.sale_id, {', '.join(LINE_COLUMNS)} FROM sale_lines x WHERE {_OF_SERIES} ORDER BY x.sale_id, x.line_no"
)
_SERIES_TAXES = (
    f"SELECT x.sale_id, x.code, x.name, x.rate, x.base, x.amount FROM sale_taxes x WHERE {_OF_SERIES}"
    " ORDER BY x.sale_id, x.tax_no"
)
_SERIES_PAYMENTS = (
    f"SELECT x.sale_id, {', '.join(PAYMENT_COLUMNS)} FROM payments x WHERE {_OF_SERIES} ORDER BY x.sale_id, x.seq"
)
_SERIES_RETURNS = (
    "SELECT x.sale_id, x.line_no, x.of_sale_id, x.of_line_no, x.quantity, x.nth, x.before, x.sold FROM sale_returns x"
    " JOIN sales r ON r.tenant_id = x.tenant_id AND r.id = x.sale_id AND r.kind <> 'void'"
    f" WHERE {_OF_SERIES} ORDER BY x.sale_id, x.line_no"
)


def read_series(
    uow: UnitOfWork, tenant_id: int, register_id: UUID, epoch: int, *, after: int, up_to: int, limit: int
) -> tuple[str, list[SaleOut]]:
    """Return a register's prefix and the sales of its series after a number, in order: one round trip.

    The prefix is empty where there is no such register.
    """
    which = {
        "tenant": tenant_id, "register": register_id, "epoch": epoch, "after": after, "up_to": up_to, "limit": limit,
    }  # fmt: skip
    with uow.pipeline() as pipe:
        prefix = pipe.execute(
            "SELECT prefix FROM registers WHERE tenant_id = %(tenant)s AND id = %(register)s",
            {"tenant": tenant_id, "register": register_id},
        )
        heads = pipe.execute(f"SELECT s.*, NULL AS voided_by {_IN_SERIES}", which, as_dicts=True)
        lines = pipe.execute(_SERIES_LINES, which)
        taxes = pipe.execute(_SERIES_TAXES, which)
        payments = pipe.execute(_SERIES_PAYMENTS, which)
        returns = pipe.execute(_SERIES_RETURNS, which, as_dicts=True)
    named = prefix.fetchone()
    lines_of: dict[UUID, list[SaleLine]] = {}
    for row in lines.fetchall():
        lines_of.setdefault(row[0], []).append(line_from(row[1:]))
    taxes_of: dict[UUID, list[SaleTax]] = {}
    for sale, code, name, rate, base, amount in taxes.fetchall():
        taxes_of.setdefault(sale, []).append(SaleTax(code=code, name=name, rate=rate, base=base, amount=amount))
    payments_of: dict[UUID, list[SalePayment]] = {}
    for row in payments.fetchall():
        payments_of.setdefault(row[0], []).append(payment_from(row[1:]))
    returns_of: dict[UUID, list[ReturnedLine]] = {}
    for row in returns.fetchall():
        returns_of.setdefault(row.pop("sale_id"), []).append(ReturnedLine(**row))
    found = [
        _assemble(
            head,
            lines_of.get(head["id"], []),
            taxes_of.get(head["id"], []),
            payments_of.get(head["id"], []),
            returns_of.get(head["id"], []),
        )
        for head in heads.fetchall()
    ]
    return ("" if named is None else named[0]), found


def line_from(row: Sequence[Any]) -> SaleLine:
    """Return a line from its row, in the order of :data:`LINE_COLUMNS`.

    Raises:
        ValueError, TypeError, msgspec.ValidationError: the row holds what no booking writes.
    """
    return SaleLine(
        product_id=row[0],
        sku=row[1],
        name=row[2],
        quantity=row[3],
        unit_price=row[4],
        discount=row[5],
        base=row[6],
        tax=row[7],
        total=row[8],
        taxes=[LineTax(code=code, rate=Decimal(rate), amount=amount) for code, rate, amount in row[9]],
        kind=row[10],
        unit=row[11],
        factor=row[12],
        lot=row[13],
        note=row[14],
        details=None if row[15] is None else msgspec.convert(row[15], LineDetails),
    )


def payment_from(row: Sequence[Any]) -> SalePayment:
    """Return a payment from its row, in the order of :data:`PAYMENT_COLUMNS`."""
    return SalePayment(
        kind=row[0],
        amount=row[1],
        reference=row[2],
        account_id=row[3],
        authorisation_id=row[4],
        currency=row[5],
        foreign_amount=row[6],
        rate=row[7],
    )
