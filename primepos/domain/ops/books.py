"""The auditor's questions: each finds what must not exist, over the rows this transaction may see.

I1 an acknowledged sale exists, I2 no torn sale, I3 numbers gapless and unique, I4 ledger balanced and stock equal to
its movements, I5 nothing crosses tenants, I6 the chains verify. Run as ``primepos_system`` they cover every tenant,
inside a tenant only that one: the same SQL, the policies decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from primepos.domain.ops.schemas import Problem
from primepos.domain.sales.chain import GENESIS, body_hash, link_hash, series_name
from primepos.domain.sales.schemas import LineTax, SaleLine, SalePayment, SaleTax

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from primepos.core.db import UnitOfWork


@dataclass(frozen=True, slots=True)
class Check:
    """A question whose every row is a problem: ``(tenant_id, what)``."""

    invariant: str
    name: str
    sql: str
    pending: bool = False


CHECKS = (
    Check(
        "I1",
        "acknowledged sales exist",
        "SELECT a.tenant_id, a.subject || ' was acknowledged and is not booked' FROM audit_events a"
        " WHERE a.operation IN ('sales.book', 'sales.deliver') AND a.outcome = 'done'"
        " AND NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = a.tenant_id"
        " AND s.id = substr(a.subject, 6)::uuid)",
    ),
    Check(
        "I1",
        "booked sales were acknowledged",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' has no audit row' FROM sales s"
        " WHERE s.kind <> 'imported' AND NOT EXISTS (SELECT FROM audit_events a WHERE a.tenant_id = s.tenant_id"
        " AND a.outcome = 'done' AND (a.subject = 'sale:' || s.id OR a.subject = 'sale:' || s.void_of))",
    ),
    Check(
        "I2",
        "lines add up to their sale",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ': its lines do not add up' FROM sales s"
        " LEFT JOIN (SELECT tenant_id, sale_id, sum(base) AS base, sum(tax) AS tax FROM sale_lines GROUP BY 1, 2) l"
        " ON l.tenant_id = s.tenant_id AND l.sale_id = s.id"
        " WHERE l.base IS DISTINCT FROM s.base OR l.tax IS DISTINCT FROM s.tax",
    ),
    Check(
        "I2",
        "payments equal the total",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ': its payments are not its total' FROM sales s"
        " LEFT JOIN (SELECT tenant_id, sale_id, sum(amount) AS paid FROM payments GROUP BY 1, 2) p"
        " ON p.tenant_id = s.tenant_id AND p.sale_id = s.id"
        " WHERE s.kind <> 'imported' AND coalesce(p.paid, 0) <> s.total",
    ),
    Check(
        "I2",
        "taxes equal the sale's tax",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ': its taxes are not its tax' FROM sales s"
        " LEFT JOIN (SELECT tenant_id, sale_id, sum(amount) AS tax FROM sale_taxes GROUP BY 1, 2) t"
        " ON t.tenant_id = s.tenant_id AND t.sale_id = s.id"
        " WHERE s.kind <> 'imported' AND coalesce(t.tax, 0) <> s.tax",
    ),
    Check(
        "I2",
        "movements match their line",
        "SELECT m.tenant_id, 'movement ' || m.id || ' does not match its sale line' FROM stock_movements m"
        " LEFT JOIN sale_lines l ON l.tenant_id = m.tenant_id AND l.sale_id = m.sale_id AND l.line_no = m.line_no"
        " WHERE m.sale_id IS NOT NULL"
        " AND (l.quantity IS DISTINCT FROM -m.quantity OR l.product_id IS DISTINCT FROM m.product_id)",
    ),
    Check(
        "I2",
        "a void mirrors its sale",
        "SELECT v.tenant_id, 'void ' || v.receipt || ' does not mirror its sale' FROM sales v"
        " JOIN sales s ON s.tenant_id = v.tenant_id AND s.id = v.void_of"
        " WHERE v.total <> -s.total OR v.base <> -s.base OR v.tax <> -s.tax OR v.rounding <> -s.rounding",
    ),
    Check(
        "I3",
        "server series have no gap",
        "SELECT r.tenant_id, 'series ' || r.prefix || '/' || e.epoch || ' has ' || e.n || ' numbers up to ' || e.last"
        " FROM registers r JOIN (SELECT tenant_id, register_id, epoch, count(*) AS n, max(number) AS last FROM sales"
        " WHERE number IS NOT NULL GROUP BY 1, 2, 3) e ON e.tenant_id = r.tenant_id AND e.register_id = r.id"
        " WHERE r.kind = 'server' AND e.n <> e.last",
    ),
    Check(
        "I3",
        "till series have no gap",
        "SELECT r.tenant_id, 'series ' || r.prefix || '/' || e.epoch || ' waits for ' || (e.last - e.n) || ' sale(s)'"
        " FROM registers r JOIN (SELECT tenant_id, register_id, epoch, count(*) AS n, max(number) AS last FROM sales"
        " WHERE number IS NOT NULL GROUP BY 1, 2, 3) e ON e.tenant_id = r.tenant_id AND e.register_id = r.id"
        " WHERE r.kind = 'till' AND e.n <> e.last",
        pending=True,
    ),
    Check(
        "I3",
        "the register knows its head",
        "SELECT r.tenant_id, 'register ' || r.prefix || ' goes on with ' || r.next_number || ' after '"
        " || coalesce(max(s.number), 0) FROM registers r LEFT JOIN sales s ON s.tenant_id = r.tenant_id"
        " AND s.register_id = r.id AND s.epoch = r.epoch"
        " GROUP BY r.tenant_id, r.id, r.prefix, r.next_number HAVING r.next_number <> coalesce(max(s.number), 0) + 1",
    ),
    Check(
        "I4",
        "every sale's ledger balances",
        "SELECT tenant_id, 'sale ' || sale_id || ': debit and credit differ by ' || sum(amount) FROM ledger_entries"
        " GROUP BY tenant_id, sale_id HAVING sum(amount) <> 0",
    ),
    Check(
        "I4",
        "ledger legs match their sale",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ': its ledger is not its figures' FROM sales s"
        " LEFT JOIN (SELECT tenant_id, sale_id, sum(amount) FILTER (WHERE account IN ('cash', 'card')) AS paid,"
        " sum(amount) FILTER (WHERE account = 'revenue') AS revenue FROM ledger_entries GROUP BY 1, 2) l"
        " ON l.tenant_id = s.tenant_id AND l.sale_id = s.id"
        " WHERE s.kind <> 'imported' AND (coalesce(l.paid, 0) <> s.total OR coalesce(-l.revenue, 0) <> s.base)",
    ),
    Check(
        "I4",
        "stock equals its movements",
        "SELECT coalesce(l.tenant_id, m.tenant_id), 'product ' || coalesce(l.product_id, m.product_id) || ': level '"
        " || coalesce(l.quantity::text, 'none') || ', movements ' || coalesce(m.quantity::text, 'none')"
        " FROM stock_levels l FULL JOIN (SELECT tenant_id, outlet_id, product_id, sum(quantity) AS quantity"
        " FROM stock_movements GROUP BY 1, 2, 3) m USING (tenant_id, outlet_id, product_id)"
        " WHERE coalesce(l.quantity, 0) <> coalesce(m.quantity, 0)",
    ),
    Check(
        "I4",
        "a closed shift's figures hold",
        "SELECT h.tenant_id, 'shift ' || h.id || ': expected ' || h.expected || ', booked '"
        " || (h.opening_float + coalesce(c.cash, 0)) FROM shifts h"
        " LEFT JOIN (SELECT s.tenant_id, s.shift_id, sum(p.amount) AS cash FROM sales s JOIN payments p"
        " ON p.tenant_id = s.tenant_id AND p.sale_id = s.id AND p.kind IN ('cash', 'change')"
        " WHERE NOT 'LATE' = ANY(s.flags) GROUP BY 1, 2) c ON c.tenant_id = h.tenant_id AND c.shift_id = h.id"
        " WHERE h.closed_at IS NOT NULL AND h.expected <> h.opening_float + coalesce(c.cash, 0)",
    ),
    Check(
        "I5",
        "lines belong to their sale's tenant",
        "SELECT l.tenant_id, 'line of sale ' || l.sale_id || ' has no sale in its tenant' FROM sale_lines l"
        " WHERE NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = l.tenant_id AND s.id = l.sale_id)",
    ),
    Check(
        "I5",
        "a sale's shift is of its register",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' is in a shift of another register' FROM sales s"
        " JOIN shifts h ON h.tenant_id = s.tenant_id AND h.id = s.shift_id WHERE h.register_id <> s.register_id",
    ),
)


def failed_checks(uow: UnitOfWork, most: int) -> Iterator[Problem]:
    """Run every question and give what it finds, at most ``most`` of each."""
    for check in CHECKS:
        for row in uow.rows(f"SELECT * FROM ({check.sql}) AS found(tenant_id, what) LIMIT {int(most)}"):  # noqa: S608  constants and an int
            yield Problem(
                invariant=check.invariant,
                check=check.name,
                tenant_id=row["tenant_id"],
                what=row["what"],
                pending=check.pending,
            )


_CHAIN = """
SELECT s.tenant_id, s.register_id, s.id, s.kind, s.void_of, r.prefix, s.epoch, s.number, s.receipt, s.business_date,
       s.sold_at, s.cashier, s.currency, s.base, s.tax, s.rounding, s.total, s.body_hash, s.prev_hash, s.hash
  FROM sales s JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id
 WHERE s.number IS NOT NULL
   AND (s.tenant_id, s.register_id, s.epoch, s.number) > (%(tenant)s, %(register)s, %(epoch)s, %(number)s)
 ORDER BY s.tenant_id, s.register_id, s.epoch, s.number
 LIMIT 1000
"""
_PARTS = {
    "lines": "SELECT x.tenant_id, x.sale_id, product_id, sku, name, quantity, unit_price, discount, base, tax, total,"
    " taxes FROM sale_lines x",
    "taxes": "SELECT x.tenant_id, x.sale_id, code, name, rate, base, amount FROM sale_taxes x",
    "payments": "SELECT x.tenant_id, x.sale_id, kind, amount, reference FROM payments x",
}
_ORDER = {"lines": "line_no", "taxes": "tax_no", "payments": "seq"}
# The same sale id may live in two tenants, so a page is asked for by pairs.
_OF_PAGE = (
    " JOIN unnest(%(tenants)s::int[], %(sales)s::uuid[]) AS p(tenant_id, sale_id)"
    " ON p.tenant_id = x.tenant_id AND p.sale_id = x.sale_id ORDER BY x.tenant_id, x.sale_id, x."
)
_NIL = "00000000-0000-0000-0000-000000000000"


def chain_pages(uow: UnitOfWork) -> Iterator[list[dict[str, Any]]]:
    """Give every numbered sale in chain order, a thousand at a time."""
    mark: dict[str, Any] = {"tenant": 0, "register": _NIL, "epoch": 0, "number": 0}
    while page := uow.rows(_CHAIN, mark):
        yield page
        last = page[-1]
        mark = {
            "tenant": last["tenant_id"],
            "register": last["register_id"],
            "epoch": last["epoch"],
            "number": last["number"],
        }


def broken_chains(uow: UnitOfWork, *, bodies: bool) -> Iterator[tuple[str, Problem | None]]:
    """Walk every chain from its genesis; give the series of each sale with what is wrong with it, or None.

    A link after a missing number waits for it: whether it holds shows when the missing sale arrives.
    """
    previous: tuple[Any, ...] = ()
    prev_hash, prev_number = GENESIS, 0
    for page in chain_pages(uow):
        contents = _contents(uow, page) if bodies else {}
        for sale in page:
            chain = (sale["tenant_id"], sale["register_id"], sale["epoch"])
            if chain != previous:
                previous, prev_hash, prev_number = chain, GENESIS, 0
            series = series_name(sale["prefix"], sale["epoch"])
            name = f"{sale['tenant_id']}:{series}"
            wrong = _wrong_with(sale, series, prev_hash if sale["number"] == prev_number + 1 else None)
            if wrong is None and bodies and contents[sale["tenant_id"], sale["id"]] != bytes(sale["body_hash"]).hex():
                wrong = "its content is not what was sealed"
            prev_hash, prev_number = bytes(sale["hash"]).hex(), sale["number"]
            yield name, None if wrong is None else _problem(sale, wrong)


def _problem(sale: dict[str, Any], wrong: str) -> Problem:
    return Problem(
        invariant="I6",
        check="the chain verifies",
        tenant_id=sale["tenant_id"],
        what=f"sale {sale['receipt']}: {wrong}",
    )


def _wrong_with(sale: dict[str, Any], series: str, expected_prev: str | None) -> str | None:
    prev_hash = bytes(sale["prev_hash"]).hex()
    if expected_prev is not None and prev_hash != expected_prev:
        return "it does not follow the sale before it"
    body = bytes(sale["body_hash"]).hex()
    if link_hash(prev_hash, series, sale["number"], body) != bytes(sale["hash"]).hex():
        return "its seal is not of its place and content"
    return None


def _of_sale(row: dict[str, Any]) -> tuple[int, UUID]:
    return row["tenant_id"], row["sale_id"]


def _contents(uow: UnitOfWork, page: list[dict[str, Any]]) -> dict[tuple[int, UUID], str]:
    """Work out the body hash of each sale of a page from its stored rows: three statements a page."""
    which = {"tenants": [sale["tenant_id"] for sale in page], "sales": [sale["id"] for sale in page]}
    parts: dict[str, dict[tuple[int, UUID], list[dict[str, Any]]]] = {}
    for name, sql in _PARTS.items():
        found = uow.rows(sql + _OF_PAGE + _ORDER[name], which)
        parts[name] = {key: list(rows) for key, rows in groupby(found, key=_of_sale)}
    return {
        key: _content(sale, {name: found.get(key, []) for name, found in parts.items()})
        for sale in page
        for key in [(sale["tenant_id"], sale["id"])]
    }


def _content(sale: dict[str, Any], parts: dict[str, list[dict[str, Any]]]) -> str:
    return body_hash(
        sale_id=sale["id"],
        kind=sale["kind"],
        void_of=sale["void_of"],
        business_date=sale["business_date"],
        sold_at=sale["sold_at"],
        cashier=sale["cashier"],
        currency=sale["currency"],
        lines=[
            SaleLine(
                product_id=row["product_id"],
                sku=row["sku"],
                name=row["name"],
                quantity=row["quantity"],
                unit_price=row["unit_price"],
                discount=row["discount"],
                base=row["base"],
                tax=row["tax"],
                total=row["total"],
                taxes=[LineTax(code=code, rate=Decimal(rate), amount=amount) for code, rate, amount in row["taxes"]],
            )
            for row in parts["lines"]
        ],
        taxes=[
            SaleTax(code=row["code"], name=row["name"], rate=row["rate"], base=row["base"], amount=row["amount"])
            for row in parts["taxes"]
        ],
        payments=[
            SalePayment(kind=row["kind"], amount=row["amount"], reference=row["reference"]) for row in parts["payments"]
        ],
        base=sale["base"],
        tax=sale["tax"],
        rounding=sale["rounding"],
        total=sale["total"],
    )


def counted(uow: UnitOfWork) -> tuple[int, int]:
    """Return how many tenants and sales there are to look at."""
    found = uow.rows("SELECT (SELECT count(*) FROM tenants) AS tenants, (SELECT count(*) FROM sales) AS sales")[0]
    return found["tenants"], found["sales"]
