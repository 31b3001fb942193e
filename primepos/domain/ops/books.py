"""The auditor at work: it asks every question of :mod:`checks` and walks every chain (I6), reading only.

Run as ``primepos_system`` they cover every tenant,
inside a tenant only that one: the same SQL, the policies decide.
"""

# ruff: noqa: S608 - statements are put together from constants; values are parameters

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.domain.fiscal.queries import closing_from, every_closing
from primepos.domain.fiscal.sealing import closing_hash
from primepos.domain.ops.checks import CHECKS
from primepos.domain.ops.schemas import Problem
from primepos.domain.sales.chain import GENESIS, body_hash, link_hash, series_name
from primepos.domain.sales.queries import LINE_COLUMNS, PAYMENT_COLUMNS, line_from, payment_from
from primepos.domain.sales.schemas import ReturnedLine, SaleTax

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from primepos.core.db import UnitOfWork


def failed_checks(uow: UnitOfWork, slugs: Mapping[int, str], most: int) -> Iterator[Problem]:
    """Run every question and give what it finds, at most ``most`` of each; ``slugs`` names the tenants."""
    # Whole tables are read, often ones that nobody has counted for the planner yet: pairing their rows one by one
    # would take the square of their number.
    _pair_one_by_one(uow, allowed=False)
    for check in CHECKS:
        for row in uow.rows(f"SELECT * FROM ({check.sql}) AS found(tenant_id, what) LIMIT {int(most)}"):
            yield Problem(
                invariant=check.invariant,
                check=check.name,
                tenant=slugs.get(row["tenant_id"], "?"),
                what=row["what"],
                pending=check.pending,
            )
    _pair_one_by_one(uow, allowed=True)


def _pair_one_by_one(uow: UnitOfWork, *, allowed: bool) -> None:
    uow.rows("SELECT set_config('enable_nestloop', %s, true)", ("on" if allowed else "off",))


_CHAIN = """
SELECT s.tenant_id, s.register_id, s.id, s.kind, s.void_of, s.reason, s.shift_id, r.prefix, s.epoch,
       s.number, s.receipt, s.business_date,
       s.sold_at, s.cashier, s.currency, s.base, s.tax, s.rounding, s.total, s.body_hash, s.prev_hash, s.hash,
       s.value, s.customer_id, s.salesperson_id, s.note
  FROM sales s JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id
 WHERE s.number IS NOT NULL
   AND (s.tenant_id, s.register_id, s.epoch, s.number) > (%(tenant)s, %(register)s, %(epoch)s, %(number)s)
 ORDER BY s.tenant_id, s.register_id, s.epoch, s.number
 LIMIT 1000
"""
_PARTS = {
    "lines": f"SELECT x.tenant_id, x.sale_id, {', '.join(LINE_COLUMNS)} FROM sale_lines x",
    "taxes": "SELECT x.tenant_id, x.sale_id, code, name, rate, base, amount FROM sale_taxes x",
    "payments": f"SELECT x.tenant_id, x.sale_id, {', '.join(PAYMENT_COLUMNS)} FROM payments x",
    "returns": "SELECT x.tenant_id, x.sale_id, line_no, of_sale_id, of_line_no, nth, before, quantity, sold"
    " FROM sale_returns x",
}
_ORDER = {"lines": "line_no", "taxes": "tax_no", "payments": "seq", "returns": "line_no"}
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


def broken_chains(uow: UnitOfWork, slugs: Mapping[int, str], *, bodies: bool) -> Iterator[tuple[str, Problem | None]]:
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
            yield name, None if wrong is None else _problem(slugs, sale, wrong)


def _problem(slugs: Mapping[int, str], sale: dict[str, Any], wrong: str) -> Problem:
    return Problem(
        invariant="I6",
        check="the chain verifies",
        tenant=slugs.get(sale["tenant_id"], "?"),
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


def _contents(uow: UnitOfWork, page: list[dict[str, Any]]) -> dict[tuple[int, UUID], str | None]:
    """Work out the body hash of each sale of a page from its stored rows, None where they are no sale's.

    Four statements a page.
    """
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


def _content(sale: dict[str, Any], parts: dict[str, list[dict[str, Any]]]) -> str | None:
    try:
        return _body(sale, parts)
    except (ArithmeticError, TypeError, ValueError, msgspec.ValidationError):
        # Whatever somebody put there is not what was sealed, and must not end the audit.
        return None


def _body(sale: dict[str, Any], parts: dict[str, list[dict[str, Any]]]) -> str:
    return body_hash(
        sale_id=sale["id"],
        kind=sale["kind"],
        void_of=sale["void_of"],
        reason=sale["reason"],
        shift_id=sale["shift_id"],
        business_date=sale["business_date"],
        sold_at=sale["sold_at"],
        cashier=sale["cashier"],
        currency=sale["currency"],
        lines=[line_from([row[name] for name in LINE_COLUMNS]) for row in parts["lines"]],
        taxes=[
            SaleTax(code=row["code"], name=row["name"], rate=row["rate"], base=row["base"], amount=row["amount"])
            for row in parts["taxes"]
        ],
        payments=[payment_from([row[name] for name in PAYMENT_COLUMNS]) for row in parts["payments"]],
        base=sale["base"],
        tax=sale["tax"],
        rounding=sale["rounding"],
        total=sale["total"],
        # What a void takes back is said by what it undoes.
        returns=[
            ReturnedLine(**{name: row[name] for name in ReturnedLine.__struct_fields__}) for row in parts["returns"]
        ]
        if sale["kind"] != "void"
        else (),
        value=sale["value"],
        customer_id=sale["customer_id"],
        salesperson_id=sale["salesperson_id"],
        note=sale["note"],
    )


def broken_closings(uow: UnitOfWork, slugs: Mapping[int, str]) -> Iterator[Problem]:
    """Work the seal of every closing out again."""
    for row in every_closing(uow):
        if _sealed_as(row) != row["hash"]:
            yield Problem(
                invariant="I6",
                check="closings are as sealed",
                tenant=slugs.get(row["tenant_id"], "?"),
                what=f"{row['period']} closing {row['closing_no']} of {row['series']} is not what was sealed",
            )


def _sealed_as(row: dict[str, Any]) -> str | None:
    try:
        return closing_hash(closing_from(row))
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        # Whatever somebody put there is no closing, and must not end the audit.
        return None


def tenants_of(uow: UnitOfWork) -> dict[int, str]:
    """Return the slugs of the tenants there are to look at."""
    return {row["id"]: row["slug"] for row in uow.rows("SELECT id, slug FROM tenants")}


def sales_of(uow: UnitOfWork) -> int:
    """Return how many sales there are to look at."""
    count: int = uow.rows("SELECT count(*) AS n FROM sales")[0]["n"]
    return count
