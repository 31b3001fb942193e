"""Reading customers: one, a page, those that match, what they bought, everything about one.

Statements name their tenant; row-level security stands behind that. Everything that is searched by is compared with
operators that row-level security lets an index serve: equality, and ranges of words in the order of their bytes.
"""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.customers.contact import (
    fold,
    looks_like_email,
    looks_like_phone,
    phone_tail,
    same_phone,
    words_of,
)
from primepos.domain.customers.errors import CustomerGroupNotFound, CustomerNotFound
from primepos.domain.customers.models import CustomerGroup
from primepos.domain.customers.recording import EMAIL, PHONE, keys_of, opened
from primepos.domain.customers.schemas import (
    AskHistory,
    BoughtLine,
    BoughtRow,
    BoughtSale,
    ChangeNote,
    ConsentOut,
    CustomerGroupOut,
    CustomerOut,
    CustomerPage,
    CustomerSummary,
    CustomerTotals,
    ListCustomers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.core.context import Context

MOST_SALES_GIVEN: Final = 10_000
_MOST_NEAR: Final = 300
_MOST_WORDS: Final = 6
# Above every character there is: what begins with a word is below the word followed by it.
_LAST: Final = "\U0010ffff"

_GROUPS: Final = (
    "ARRAY(SELECT g.code FROM customer_group_members b"
    " JOIN customer_groups g ON g.tenant_id = b.tenant_id AND g.id = b.group_id AND g.archived_at IS NULL"
    " WHERE b.tenant_id = c.tenant_id AND b.customer_id = c.id ORDER BY g.code) AS groups"
)
_MERGED: Final = (
    "ARRAY(SELECT m.id FROM customers m WHERE m.tenant_id = c.tenant_id AND m.merged_into = c.id ORDER BY m.id)"
)
# The latest word on each purpose counts, whichever of a person's records it was given under.
_AGREED: Final = (
    "ARRAY(SELECT x.purpose FROM (SELECT DISTINCT ON (k.purpose) k.purpose, k.given FROM customer_consents k"
    f" WHERE k.tenant_id = c.tenant_id AND k.customer_id = ANY({_MERGED} || c.id)"
    " ORDER BY k.purpose, k.id DESC) AS x WHERE x.given ORDER BY x.purpose) AS consents"
)
_WHOLE: Final = f"SELECT c.*, {_GROUPS}, {_MERGED} AS merged_from, {_AGREED} FROM customers c"
_BY_ID: Final = (
    f"{_WHOLE} JOIN customers a ON a.tenant_id = c.tenant_id AND coalesce(a.merged_into, a.id) = c.id"
    " WHERE c.tenant_id = %(tenant)s AND a.tenant_id = %(tenant)s AND "
)
_EVERY: Final = f"{_WHOLE} WHERE c.tenant_id = %(tenant)s AND c.id = ANY(%(ids)s::uuid[]) ORDER BY c.id"
_SUMMARY: Final = (
    f"SELECT c.id, c.number, c.name, c.company, c.email_sealed, c.phone_sealed, c.archived_at, {_GROUPS}"
    " FROM customers c WHERE c.tenant_id = %(tenant)s"
)
_PAGE: Final = (
    f"{_SUMMARY} AND c.merged_into IS NULL AND c.erased_at IS NULL AND (c.archived_at IS NOT NULL) = %(archived)s"
    " AND (%(group)s::uuid IS NULL OR EXISTS (SELECT FROM customer_group_members b WHERE b.tenant_id = c.tenant_id"
    " AND b.customer_id = c.id AND b.group_id = %(group)s::uuid))"
)
_PAGES: Final = {
    False: f"{_PAGE} ORDER BY c.name, c.id LIMIT %(limit)s",
    True: f"{_PAGE} AND (c.name, c.id) > (%(name)s, %(id)s::uuid) ORDER BY c.name, c.id LIMIT %(limit)s",
}
_FOUND: Final = f"{_SUMMARY} AND c.id = ANY(%(ids)s::uuid[]) AND c.archived_at IS NULL AND c.erased_at IS NULL"
_EXACT: Final = (
    "SELECT c.id, coalesce(c.merged_into, c.id) AS stands, c.phone_sealed, NULL::bytea AS email_sealed FROM customers c"
    " WHERE c.tenant_id = %(tenant)s AND "
)
# Each word is a range of an index, and what is in all of them is found by hashing: whatever the planner knows, or does
# not know yet, of a tenant, that costs no more than reading the ranges.
_WORD: Final = (
    "SELECT w.customer_id AS id FROM customer_words w"
    " WHERE w.tenant_id = %(tenant)s AND w.word >= %(word{n})s AND w.word < %(end{n})s"
)
_CONSENTS: Final = (
    "SELECT purpose, given, how, at, actor_name AS by FROM customer_consents"
    " WHERE tenant_id = %(tenant)s AND customer_id = ANY(%(ids)s::uuid[]) ORDER BY id"
)
# Who works in some outlets only sees what was bought there. The row of a void says no more than that its sale is one.
_BOUGHT: Final = """
SELECT s.id, s.kind, s.receipt, s.outlet_id, s.business_date, s.sold_at, s.currency, s.total,
       EXISTS (SELECT FROM sales v WHERE v.tenant_id = s.tenant_id AND v.void_of = s.id) AS is_voided
  FROM sales s
 WHERE s.tenant_id = %(tenant)s AND s.customer_id = ANY(%(ids)s::uuid[]) AND s.kind <> 'void'
   AND (%(outlets)s::uuid[] IS NULL OR s.outlet_id = ANY(%(outlets)s::uuid[]))
"""
_BOUGHT_PAGES: Final = {
    False: f"{_BOUGHT} ORDER BY s.business_date DESC, s.id DESC LIMIT %(limit)s",
    True: f"{_BOUGHT} AND (s.business_date, s.id) < (%(day)s::date, %(id)s::uuid)"
    " ORDER BY s.business_date DESC, s.id DESC LIMIT %(limit)s",
}
_TOTALS: Final = """
SELECT count(*) FILTER (WHERE s.kind IN ('sale', 'imported')) AS visits,
       coalesce(sum(s.total - s.value), 0)::bigint AS spent, max(s.sold_at) AS last_seen
  FROM sales s
 WHERE s.tenant_id = %(tenant)s AND s.customer_id = ANY(%(ids)s::uuid[]) AND s.kind <> 'void'
   AND NOT EXISTS (SELECT FROM sales v WHERE v.tenant_id = s.tenant_id AND v.void_of = s.id)
"""
_LINES: Final = (
    "SELECT sale_id, sku, name, quantity::text AS quantity, total FROM sale_lines"
    " WHERE tenant_id = %(tenant)s AND sale_id = ANY(%(sales)s::uuid[]) ORDER BY sale_id, line_no"
)
_SALES_COUNT: Final = (
    "SELECT count(*) AS n FROM sales WHERE tenant_id = %(tenant)s AND customer_id = ANY(%(ids)s::uuid[])"
    " AND kind <> 'void'"
)
_CHANGES: Final = (
    "SELECT at, operation FROM audit_events WHERE tenant_id = %(tenant)s AND subject = ANY(%(subjects)s::text[])"
    " AND outcome = 'done' AND at >= %(since)s ORDER BY id LIMIT 1000"
)


def subject_of(customer_id: UUID) -> str:
    """Return how the audit trail names a customer: by nothing that says who it is."""
    return f"customer:{customer_id}"


def get_customer(ctx: Context, customer_id: UUID | None = None, number: str | None = None) -> CustomerOut:
    """Return a customer by id or number; a merged record answers with its survivor. Raises: ``CUSTOMER_NOT_FOUND``."""
    which = "a.id = %(id)s" if customer_id is not None else "a.number = %(number)s"
    values = {"tenant": ctx.tenant_id, "id": customer_id, "number": number}
    found = ctx.uow.rows(_BY_ID + which, values)
    if not found:
        raise CustomerNotFound(customer=str(customer_id if customer_id is not None else number))
    return _out(ctx, found[0])


def get_records(ctx: Context, ids: Sequence[UUID]) -> list[CustomerOut]:
    """Return records as they are, merged ones too."""
    return [_out(ctx, row) for row in ctx.uow.rows(_EVERY, {"tenant": ctx.tenant_id, "ids": list(ids)})]


def _out(ctx: Context, row: dict[str, Any]) -> CustomerOut:
    email, phone = opened(keys_of(ctx), ctx.tenant_id, row)
    kept = {name: row[name] for name in CustomerOut.__struct_fields__ if name in row}
    return CustomerOut(**{**kept, "number": row["number"] or "", "email": email, "phone": phone})


def _summary(ctx: Context, row: dict[str, Any], *, exact: bool = False) -> CustomerSummary:
    email, phone = opened(keys_of(ctx), ctx.tenant_id, row)
    return CustomerSummary(
        id=row["id"],
        number=row["number"] or "",
        name=row["name"],
        company=row["company"],
        email=email,
        phone=phone,
        groups=row["groups"],
        archived_at=row["archived_at"],
        exact=exact,
    )


def list_customers(ctx: Context, data: ListCustomers) -> CustomerPage:
    """Return a page by name; one row more is read to know whether there is another. Raises: no such group."""
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "archived": data.archived,
        "group": None if data.group is None else find_group(ctx, data.group).id,
        "limit": data.limit + 1,
    }
    if data.after is not None:
        values["name"], values["id"] = decode_cursor(data.after, str, UUID)
    found = ctx.uow.rows(_PAGES[data.after is not None], values)
    page = [_summary(ctx, row) for row in found[: data.limit]]
    more = len(found) > data.limit
    return CustomerPage(items=page, next=encode_cursor(page[-1].name, str(page[-1].id)) if more else None)


def search_customers(ctx: Context, query: str, limit: int) -> list[CustomerSummary]:
    """Return customers by number, e-mail or phone, then by beginnings of words of name, company and number."""
    exact = _exact(ctx, query.strip())
    near = _near(ctx, query)
    if not exact and not near:
        return []
    found = ctx.uow.rows(_FOUND, {"tenant": ctx.tenant_id, "ids": sorted({*exact, *near})})
    start = fold(query.strip())

    def place(row: dict[str, Any]) -> tuple[bool, bool, str, UUID]:
        name = fold(row["name"])
        return row["id"] not in exact, not name.startswith(start), name, row["id"]

    return [_summary(ctx, row, exact=row["id"] in exact) for row in sorted(found, key=place)[:limit]]


def _exact(ctx: Context, text: str) -> set[UUID]:
    """Return whose number, e-mail or phone this is; each way is one look into an index."""
    keys, tenant = keys_of(ctx), ctx.tenant_id
    ways = [f"({_EXACT} c.number = %(number)s)"] if text else []
    values: dict[str, Any] = {"tenant": tenant, "number": text}
    if (email := looks_like_email(text)) is not None:
        ways.append(f"({_EXACT} c.email_hash = ANY(%(emails)s::bytea[]))")
        values["emails"] = keys.hashes(email, EMAIL, tenant)
    phone = looks_like_phone(text)
    if phone is not None:
        ways.append(f"({_EXACT} c.phone_hash = ANY(%(phones)s::bytea[]))")
        values["phones"] = keys.hashes(phone_tail(phone), PHONE, tenant)
    if not ways:
        return set()
    found: set[UUID] = set()
    for n, way in enumerate(ways):
        for row in ctx.uow.rows(way, values):
            # What ends alike is found alike; whether it is the same telephone only the number itself tells.
            if n and phone is not None and not same_phone(phone, opened(keys, tenant, row)[1] or ""):
                continue
            found.add(row["stands"])
    return found


def near_sql(words: int) -> str:
    """Return the statement that finds records by the beginnings of so many words."""
    ranges = " INTERSECT ".join(_WORD.format(n=n) for n in range(words))
    return f"SELECT DISTINCT f.id FROM ({ranges}) AS f LIMIT {_MOST_NEAR}"


def _near(ctx: Context, query: str) -> set[UUID]:
    words = sorted(words_of(query), key=len, reverse=True)[:_MOST_WORDS]
    if not words:
        return set()
    values: dict[str, Any] = {"tenant": ctx.tenant_id}
    for n, word in enumerate(words):
        values[f"word{n}"], values[f"end{n}"] = word, word + _LAST
    sql = near_sql(len(words))
    return {row["id"] for row in ctx.uow.rows(sql, values)}


def emails_known(ctx: Context, emails: Sequence[str]) -> dict[str, list[UUID]]:
    """Return the records that have each of these e-mail addresses, merged ones left out."""
    keys, tenant = keys_of(ctx), ctx.tenant_id
    by_hash = {each: email for email in emails for each in keys.hashes(email, EMAIL, tenant)}
    found: dict[str, list[UUID]] = {}
    for row in ctx.uow.rows(
        "SELECT id, email_hash FROM customers WHERE tenant_id = %(tenant)s AND email_hash = ANY(%(hashes)s::bytea[])"
        " AND merged_into IS NULL ORDER BY id",
        {"tenant": tenant, "hashes": list(by_hash)},
    ):
        found.setdefault(by_hash[bytes(row["email_hash"])], []).append(row["id"])
    return found


def numbers_known(ctx: Context, numbers: Sequence[str]) -> dict[str, UUID]:
    """Return which record, a merged one perhaps, has each of these numbers."""
    found = ctx.uow.rows(
        "SELECT number, id FROM customers WHERE tenant_id = %(tenant)s AND number = ANY(%(numbers)s::text[])",
        {"tenant": ctx.tenant_id, "numbers": list(numbers)},
    )
    return {row["number"]: row["id"] for row in found}


def ids_known(ctx: Context, ids: Sequence[UUID]) -> set[UUID]:
    """Return which of these ids are records, erased and merged ones too."""
    found = ctx.uow.rows(
        "SELECT id FROM customers WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s::uuid[])",
        {"tenant": ctx.tenant_id, "ids": list(ids)},
    )
    return {row["id"] for row in found}


def purposes_told(ctx: Context, ids: Sequence[UUID]) -> set[tuple[UUID, str]]:
    """Return for which purposes these records ever said yes or no."""
    found = ctx.uow.rows(
        "SELECT DISTINCT customer_id, purpose FROM customer_consents"
        " WHERE tenant_id = %(tenant)s AND customer_id = ANY(%(ids)s::uuid[])",
        {"tenant": ctx.tenant_id, "ids": list(ids)},
    )
    return {(row["customer_id"], row["purpose"]) for row in found}


def list_consents(ctx: Context, ids: Sequence[UUID]) -> list[ConsentOut]:
    """Return everything these records agreed to or withdrew, oldest first."""
    return [ConsentOut(**row) for row in ctx.uow.rows(_CONSENTS, {"tenant": ctx.tenant_id, "ids": list(ids)})]


def bought(ctx: Context, ids: Sequence[UUID], data: AskHistory) -> tuple[list[BoughtRow], str | None]:
    """Return a page of the sales of a person's records, newest first, and the mark of the next page."""
    values = _asked(ctx, ids, data.limit + 1)
    if data.after is not None:
        values["day"], values["id"] = decode_cursor(data.after, date, UUID)
    found = [BoughtRow(**row) for row in ctx.uow.rows(_BOUGHT_PAGES[data.after is not None], values)]
    page, end = found[: data.limit], found[data.limit - 1 : data.limit]
    mark = encode_cursor(end[0].business_date.isoformat(), str(end[0].id)) if len(found) > data.limit else None
    return page, mark


def bought_whole(ctx: Context, ids: Sequence[UUID]) -> list[BoughtSale]:
    """Return the latest sales of a person's records with their lines, newest first; two statements."""
    heads = [BoughtRow(**row) for row in ctx.uow.rows(_BOUGHT_PAGES[False], _asked(ctx, ids, MOST_SALES_GIVEN))]
    lines: dict[UUID, list[BoughtLine]] = {}
    for row in ctx.uow.rows(_LINES, {"tenant": ctx.tenant_id, "sales": [each.id for each in heads]}):
        lines.setdefault(row.pop("sale_id"), []).append(BoughtLine(**row))
    return [BoughtSale(sale=each, lines=lines.get(each.id, [])) for each in heads]


def _asked(ctx: Context, ids: Sequence[UUID], limit: int) -> dict[str, Any]:
    outlets = ctx.identity.outlet_ids
    return {
        "tenant": ctx.tenant_id,
        "ids": list(ids),
        "outlets": None if outlets is None else list(outlets),
        "limit": limit,
    }


def totals_of(ctx: Context, ids: Sequence[UUID]) -> CustomerTotals:
    """Return what a person's records came to, over every outlet."""
    found = ctx.uow.rows(_TOTALS, {"tenant": ctx.tenant_id, "ids": list(ids)})[0]
    return CustomerTotals(currency=ctx.tenant.currency.code, **found)


def count_sales(ctx: Context, ids: Sequence[UUID]) -> int:
    """Return how many sales name a person."""
    return int(ctx.uow.rows(_SALES_COUNT, {"tenant": ctx.tenant_id, "ids": list(ids)})[0]["n"])


def changes_of(ctx: Context, records: Sequence[CustomerOut]) -> list[ChangeNote]:
    """Return what the audit trail says was done to a person's records, oldest first."""
    values = {
        "tenant": ctx.tenant_id,
        "subjects": [subject_of(each.id) for each in records],
        "since": min(each.created_at for each in records),
    }
    return [ChangeNote(**row) for row in ctx.uow.rows(_CHANGES, values)]


# --- groups ----------------------------------------------------------------------------------------------------------


def find_group(ctx: Context, code: str | None = None, group_id: UUID | None = None) -> CustomerGroup:
    """Return a group by code or id, archived or not, locked when named by id. Raises: ``CUSTOMER_GROUP_NOT_FOUND``."""
    query = sa.select(CustomerGroup)
    if group_id is not None:
        query = query.where(col(CustomerGroup.id) == group_id).with_for_update()
    else:
        query = query.where(col(CustomerGroup.code) == code)
    found: CustomerGroup | None = ctx.uow.session.scalars(query).one_or_none()
    if found is None:
        raise CustomerGroupNotFound(group=code if code is not None else str(group_id))
    return found


def add_group(ctx: Context, code: str, name: str) -> CustomerGroup:
    """Add a group. Raises: ``DUPLICATE_CUSTOMER_GROUP``."""
    group = CustomerGroup(tenant_id=ctx.tenant_id, code=code, name=name)
    ctx.uow.session.add(group)
    ctx.uow.flush()
    return group


def list_groups(ctx: Context, *, archived: bool) -> list[CustomerGroupOut]:
    """Return groups by code."""
    found = ctx.uow.rows(
        "SELECT id, code, name, archived_at FROM customer_groups"
        " WHERE tenant_id = %(tenant)s AND (archived_at IS NOT NULL) = %(archived)s ORDER BY code",
        {"tenant": ctx.tenant_id, "archived": archived},
    )
    return [CustomerGroupOut(**row) for row in found]


def group_out(group: CustomerGroup) -> CustomerGroupOut:
    """Return a group as operations give it."""
    return CustomerGroupOut(id=group.id, code=group.code, name=group.name, archived_at=group.archived_at)
