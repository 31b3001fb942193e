"""Whoever edits the books by hand is found: every column of every booked table, changed alone by a superuser.

The matrix is made from the catalogue of the database, so a new column is in it from the day it is made. What a check
constraint refuses even a superuser counts as found; what cannot be seen is in ``UNSEEN`` with its reason.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest
from psycopg.rows import dict_row

from primepos.core.ids import new_id
from primepos.domain.cash.service import close_shift, count_cash, move_cash, open_drawer, open_shift
from primepos.domain.fiscal.service import close_period
from primepos.domain.inventory.service import receive_stock
from primepos.domain.ops import books as auditing
from primepos.domain.ops import stock_costs
from primepos.domain.ops.service import verify_own_books
from primepos.domain.outlets.service import create_register
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.schemas import SalePayment
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from primepos.domain.values.service import issue_card, set_limit
from tests.conftest import NOON
from tests.domain.values.value_world import a_customer
from tests.factories import TillSeries, a_product, a_shift, a_shop, basket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from primepos.core.clock import FrozenClock
    from primepos.core.context import Identity
    from primepos.core.embedded.cluster import Cluster
    from primepos.core.operations import App
    from tests.factories import Shop

BOOKED = (
    "sales",
    "sale_lines",
    "sale_taxes",
    "payments",
    "sale_returns",
    "fiscal_closings",
    "ledger_entries",
    "stock_movements",
    "stock_levels",
    "shifts",
    "cash_movements",
    "cash_counts",
    "cash_variances",
    "shift_reports",
    "safe_entries",
    "safes",
    "value_accounts",
    "value_entries",
    "registers",
)
RECEIVED = "goods received by hand: who, when and why are free text of the act, in no other row but the trail's"
REQUEST = "the request itself is not kept: a wrong one makes a repeat a conflict"
NAMED = "the name on the screen or the order of rows; no figure hangs on it"
UNSEEN = {
    ("stock_movements", "receive", "at"): RECEIVED,
    ("stock_movements", "receive", "actor_id"): RECEIVED,
    ("stock_movements", "receive", "actor_name"): RECEIVED,
    ("stock_movements", "receive", "reason"): RECEIVED,
    ("stock_movements", "receive", "kind"): "a receipt called an adjustment moves the same goods",
    ("stock_movements", "receive", "id"): NAMED,
    ("stock_movements", "sale", "id"): NAMED,
    ("stock_movements", "void", "id"): NAMED,
    ("stock_movements", "refund", "id"): NAMED,
    **{("value_accounts", sort, "request_hash"): REQUEST for sort in ("card", "account")},
    **{
        ("value_accounts", sort, "customer_id"): "whose it is follows a merge; no figure hangs on it"
        for sort in ("card", "account")
    },
    ("registers", "till", "created_at"): NAMED,
    ("registers", "till", "updated_at"): NAMED,
    ("registers", "till", "archived_at"): "taking a till out of use is no figure; the trail has it",
    ("registers", "till", "code"): NAMED,
    ("registers", "till", "name"): NAMED,
    ("registers", "server", "created_at"): NAMED,
    ("registers", "server", "updated_at"): NAMED,
    ("registers", "server", "archived_at"): "taking a till out of use is no figure; the trail has it",
    ("registers", "server", "code"): NAMED,
    ("registers", "server", "name"): NAMED,
    ("sales", "booked", "request_hash"): "the request itself is not kept: a wrong one makes a repeat a conflict",
    ("sales", "refund", "request_hash"): "the request itself is not kept: a wrong one makes a repeat a conflict",
}


@pytest.fixture(scope="module")
def url(cluster: Cluster, template: str) -> Iterator[str]:
    """A database of this module's own, whose books are spoilt and mended again and again."""
    name = f"auditor_{template}"
    cluster.create_database(name, template)
    yield cluster.owner_url(name)
    cluster.drop_database(name)


@pytest.fixture
def books(make_app: Callable[..., App], url: str, clock: FrozenClock) -> tuple[App, Shop]:
    """A shop with every kind of row: booked, voided, delivered, flagged, late; open, closed and rolled shifts."""
    app = make_app(url)
    shop = a_shop(app)
    service = a_product(app, shop, sku="SERVICE", price="5.00", track_stock=False)
    app.run(
        receive_stock,
        shop.owner,
        {
            "outlet_id": shop.outlet_id,
            "lines": [{"product_id": each, "quantity": "50", "unit_cost": "0.40"} for each in shop.products],
            "reason": "first",
        },
    )
    lines = [{"product_id": shop.products[0], "quantity": "2"}, {"product_id": service, "quantity": "1"}]
    for _ in range(2):
        app.run(book_sale, shop.cashier, basket(shop, lines=lines))
    card = [{"kind": "cash", "amount": 100}, {"kind": "card", "amount": 350, "reference": "4711"}]
    sale = app.run(book_sale, shop.cashier, basket(shop, tenders=card))
    app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong table"})
    clock.advance(timedelta(days=1))
    sold = app.run(book_sale, shop.cashier, basket(shop, lines=lines))
    back = {"sale_id": sold.id, "lines": [{"line_no": 1, "quantity": "1"}], "reason": "too many"}
    app.run(refund_sale, shop.manager, {"id": new_id(), **back})
    app.run(refund_sale, shop.manager, {"id": new_id(), **back, "lines": [{"line_no": 1}, {"line_no": 2}]})

    app.run(close_period, shop.owner, {})
    app.run(book_sale, shop.cashier, basket(shop, lines=lines))
    first = a_shift(app, shop)
    till = TillSeries(shop, first, NOON)
    app.run(deliver_sale, shop.device, till.sell(cashier_id=shop.cashier.actor_id, business_date=NOON.date()))
    app.run(deliver_sale, shop.device, till.sell(payments=[SalePayment(kind="card", amount=450, reference="1")]))
    late = till.sell()
    for kind, amount in (("drop", 200), ("paid_out", 50)):
        moved = {"id": new_id(), "shift_id": first, "kind": kind, "amount": amount, "reason": "too much"}
        app.run(move_cash, shop.manager, moved)
    app.run(open_drawer, shop.manager, {"id": new_id(), "shift_id": first, "reason": "a banknote fell in"})
    app.run(count_cash, shop.cashier, {"id": new_id(), "shift_id": first, "counted": 9_000})
    app.run(close_shift, shop.cashier, {"shift_id": first, "counted": 10_400, "to_safe": 300})
    app.run(deliver_sale, shop.device, late)
    till.shift_id = a_shift(app, shop)
    app.run(deliver_sale, shop.device, till.sell())
    card = {"id": new_id(), "amount": 900, "reason": "a prize", "code": "CARD-0000-0001"}
    app.run(issue_card, shop.owner, card)
    ada = a_customer(app, shop)
    app.run(set_limit, shop.owner, {"customer_id": ada, "limit": 5000})
    owed = [{"kind": "gift_card", "code": card["code"], "amount": 400}, {"kind": "account", "amount": 500}]
    app.run(book_sale, shop.owner, basket(shop, lines=[{**lines[0], "quantity": "9"}], tenders=owed, customer_id=ada))
    # Rows a reference can be turned to: another till with a shift and a sale of its own, another outlet's level.
    app.run(close_period, shop.owner, {})
    made = app.run(create_register, shop.owner, {"outlet_id": shop.outlet_id, "code": "till-2", "name": "Till 2"})
    app.run(open_shift, shop.cashier, {"id": new_id(), "register_id": made.id, "opening_float": 5})
    return app, shop


# Which rows of a table are tried: one of each sort, found by a condition on the row t.
SORTS = {
    "sales": {
        "booked": "kind = 'sale' AND register_id = {server} AND number = 1",
        "void": "kind = 'void'",
        "refund": "kind = 'refund'",
        "delivered": "register_id = {till} AND number = 1",
        "late": "'LATE' = ANY(flags)",
        "last": "register_id = {till} AND number = 4",
    },
    "sale_lines": {
        "tracked": "sku = 'B-2'",
        "untracked": "sku = 'SERVICE'",
        "returned": "sale_id IN (SELECT id FROM sales WHERE kind = 'refund')",
    },
    "sale_returns": {"refund": "nth = 2", "void": "sale_id IN (SELECT id FROM sales WHERE kind = 'void')"},
    "sale_taxes": {"any": "true"},
    "payments": {"cash": "kind = 'cash'", "card": "kind = 'card'", "change": "kind = 'change'"},
    "ledger_entries": {
        "cash": "account = 'cash'",
        "card": "account = 'card'",
        "revenue": "account = 'revenue'",
        "tax": "account = 'tax:std'",
    },
    "fiscal_closings": {"server": "register_id = {server} AND closing_no = 2", "till": "register_id = {till}"},
    "stock_movements": {
        "sale": "kind = 'sale'",
        "void": "kind = 'void'",
        "refund": "kind = 'refund'",
        "receive": "kind = 'receive'",
    },
    "stock_levels": {"any": "true"},
    "shifts": {
        "open": "register_id = {till} AND closed_at IS NULL",
        "closed": "register_id = {till} AND closed_at IS NOT NULL",
        "rolled": "register_id = {server} AND closed_at IS NOT NULL",
        "server": "register_id = {server} AND closed_at IS NULL",
    },
    "cash_movements": {"drop": "kind = 'drop'", "paid out": "kind = 'paid_out'", "no sale": "kind = 'no_sale'"},
    "cash_counts": {"any": "kind = 'spot'"},
    "cash_variances": {"opening": "kind = 'opening'", "closing": "kind = 'closing'"},
    "shift_reports": {"till": "register_id = {till}"},
    "safe_entries": {"drop": "kind = 'drop'", "closing": "kind = 'closing'"},
    "safes": {"any": "true"},
    "registers": {"till": "id = {till}", "server": "id = {server}"},
    "value_accounts": {"card": "kind = 'gift_card'", "account": "kind = 'account'"},
    "value_entries": {"issue": "cause = 'issue'", "sale": "cause = 'sale'"},
}
OTHER = {
    "kind": [
        ("sales", "sale", "void"),
        ("payments", "cash", "card"),
        ("stock_movements", "sale", "adjust"),
        ("cash_movements", "drop", "pickup"),
        ("value_accounts", "gift_card", "store_credit"),
    ],
}


def changes_of(table: str, column: str, kind: str) -> list[str]:
    """Return SQL expressions that make another value of a column ``t.<column>``."""
    name = f"t.{column}"
    if column == "kind":
        found = [
            f"CASE {name} WHEN '{old}' THEN '{new}' ELSE '{old}' END"
            for where, old, new in OTHER["kind"]
            if where == table
        ]
        return found or [f"CASE {name} WHEN 'till' THEN 'server' ELSE 'till' END"]
    if column in (
        "outlet_id",
        "register_id",
        "shift_id",
        "product_id",
        "sale_id",
        "of_sale_id",
        "open_shift_id",
        "void_of",
    ):
        other = {
            "outlet_id": "outlets",
            "register_id": "registers",
            "shift_id": "shifts",
            "open_shift_id": "shifts",
            "product_id": "products",
            "sale_id": "sales",
            "of_sale_id": "sales",
            "void_of": "sales",
        }[column]
        others = f"SELECT o.id FROM {other} o WHERE o.tenant_id = t.tenant_id AND o.id <> {name} ORDER BY o.id"
        return [f"({others} ASC LIMIT 1)", f"({others} DESC LIMIT 1)", "gen_random_uuid()", "NULL"]
    by_type = {
        "integer": [f"{name} + 1", f"-{name}", "NULL"],
        "bigint": [f"{name} + 1", f"-{name}", "0", "NULL"],
        "numeric": [f"{name} + 0.001", f"-{name}"],
        "text": [f"coalesce({name}, '') || 'x'", f"upper({name}) || ' '", "''", "NULL"],
        "uuid": ["gen_random_uuid()", "NULL"],
        "date": [f"{name} + 1", f"{name} - 1"],
        "timestamp with time zone": [f"coalesce({name}, now()) + interval '1 microsecond'", "now()", "NULL"],
        "bytea": [f"sha256(coalesce({name}, ''))", "''", "NULL"],
        "ARRAY": [f"{name} || '{{X}}'", "'{}'"],
        "jsonb": ["'[]'", "'{\"x\": 1}'", '\'[["std", "x", 1]]\'', "NULL"],
        "boolean": [f"NOT {name}"],
    }
    return by_type[kind]


def columns(connection: psycopg.Connection[Any], table: str) -> list[tuple[str, str]]:
    """Return name and type of each column."""
    return connection.execute(
        "SELECT column_name::text, data_type::text FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
        (table,),
    ).fetchall()


class Forger:
    """A superuser in one transaction: changes a row, has the auditor look at it, and takes it back."""

    def __init__(self, app: App, shop: Shop, connection: psycopg.Connection[Any]) -> None:
        self.app, self.shop, self.connection = app, shop, connection

    def where(self, table: str, sort: str) -> str:
        """Return the condition of one row of this sort."""
        condition = SORTS[table][sort].format(till=f"'{self.shop.till_id}'", server=f"'{self.shop.server_id}'")
        return (
            f"t.ctid = (SELECT t.ctid FROM {table} t WHERE t.tenant_id = {self.shop.tenant_id} AND {condition} LIMIT 1)"
        )

    def tried(self, statement: str) -> tuple[bool, bool]:
        """Run one statement past triggers and foreign keys; tell whether it changed anything, and was found."""
        with self.connection.transaction(force_rollback=True):
            self.connection.execute("SET LOCAL session_replication_role = replica")
            try:
                with self.connection.transaction():
                    done = self.connection.execute(statement.encode()).rowcount
            except psycopg.IntegrityError:
                return True, True
            except psycopg.errors.GeneratedAlways:
                return True, True
            return done > 0, done > 0 and not audit(self.connection, self.shop.tenant_id)


def audit(connection: psycopg.Connection[Any], tenant_id: int) -> bool:
    """Ask the auditor's own questions on the forger's connection; True says the books hold."""

    class Reader:
        def rows(self, statement: str, parameters: Any = ()) -> list[dict[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(statement.encode(), parameters or None).fetchall()

        def allow_time(self, _milliseconds: int) -> None:
            return

    # As the tenant sees it: the policies keep the module's other shops out.
    connection.execute(
        "SELECT set_config('role', 'primepos_app', true), set_config('app.tenant', %s, true)", (str(tenant_id),)
    )
    uow: Any = Reader()
    slugs = auditing.tenants_of(uow)
    # Everything the operation asks, what finds most first: the rest need not be asked once one thing is found.
    found = chain(
        (problem for _, problem in auditing.broken_chains(uow, slugs, bodies=True) if problem is not None),
        auditing.failed_checks(uow, slugs, 1),
        auditing.broken_closings(uow, slugs),
        stock_costs.wrong_averages(uow, slugs),
    )
    try:
        return all(problem.pending for problem in found)
    finally:
        connection.execute("SELECT set_config('role', 'none', true)")


@pytest.fixture
def forger(books: tuple[App, Shop], url: str, cluster: Cluster) -> Iterator[Forger]:
    """A superuser beside the shop's books, which hold."""
    app, shop = books
    assert app.run(verify_own_books, shop.owner, {}).problems == []
    with psycopg.connect(superuser_url(cluster, url), autocommit=True) as connection:
        yield Forger(app, shop, connection)


def superuser_url(cluster: Cluster, url: str) -> str:
    """Return the same database's URL for the server's superuser."""
    return cluster.admin_url(url.rsplit("/", 1)[1].split("?", maxsplit=1)[0])


@pytest.mark.parametrize("table", BOOKED)
def test_every_changed_column_is_found(forger: Forger, table: str) -> None:
    unseen, tried = [], 0
    for sort in SORTS[table]:
        where = forger.where(table, sort)
        for column, kind in columns(forger.connection, table):
            for change in changes_of(table, column, kind):
                changed, found = forger.tried(
                    f"UPDATE {table} t SET {column} = {change} WHERE {where} AND t.{column} IS DISTINCT FROM {change}"
                )
                tried += changed
                if changed and not found and (table, sort, column) not in UNSEEN:
                    unseen.append(f"{table} ({sort}): {column} = {change}")
    assert unseen == []
    assert tried >= 10


@pytest.mark.parametrize("table", BOOKED[:-1])
def test_every_removed_or_doubled_row_is_found(forger: Forger, table: str) -> None:
    unseen = []
    for sort in SORTS[table]:
        where = forger.where(table, sort)
        changed, found = forger.tried(f"DELETE FROM {table} t WHERE {where}")
        assert changed, sort
        if not found:
            unseen.append(f"{table} ({sort}) removed")
    assert unseen == []


def test_two_changes_that_agree_with_each_other_are_found(forger: Forger) -> None:
    tenant = forger.shop.tenant_id
    pairs = {
        "a movement taken out with its level": (
            f"WITH gone AS (DELETE FROM stock_movements t WHERE {forger.where('stock_movements', 'sale')} RETURNING *)"
            f" UPDATE stock_levels l SET quantity = l.quantity - gone.quantity FROM gone WHERE l.tenant_id = {tenant}"
            " AND l.outlet_id = gone.outlet_id AND l.product_id = gone.product_id"
        ),
        "cash called card in payment and ledger": (
            f"WITH p AS (UPDATE payments t SET kind = 'card' WHERE {forger.where('payments', 'cash')} RETURNING *)"
            f" UPDATE ledger_entries e SET account = 'card' FROM p WHERE e.tenant_id = {tenant}"
            " AND e.sale_id = p.sale_id AND e.account = 'cash'"
        ),
        "a smaller count with its difference": (
            f"UPDATE shifts t SET counted = counted - 100, difference = difference - 100"
            f" WHERE {forger.where('shifts', 'closed')}"
        ),
        "two payments that change places": (
            f"UPDATE payments t SET amount = CASE t.seq WHEN 1 THEN t.amount + 50 ELSE t.amount - 50 END"
            f" WHERE t.tenant_id = {tenant} AND t.sale_id = (SELECT sale_id FROM payments WHERE tenant_id = {tenant}"
            " AND kind = 'card' AND amount = 350)"
        ),
        "the last sale of a series with everything of it": (
            f"WITH s AS (DELETE FROM sales t WHERE {forger.where('sales', 'last')} RETURNING *),"
            " a AS (DELETE FROM sale_lines x USING s WHERE x.tenant_id = s.tenant_id AND x.sale_id = s.id),"
            " b AS (DELETE FROM sale_taxes x USING s WHERE x.tenant_id = s.tenant_id AND x.sale_id = s.id),"
            " c AS (DELETE FROM payments x USING s WHERE x.tenant_id = s.tenant_id AND x.sale_id = s.id),"
            " d AS (DELETE FROM ledger_entries x USING s WHERE x.tenant_id = s.tenant_id AND x.sale_id = s.id),"
            " e AS (DELETE FROM stock_movements x USING s WHERE x.tenant_id = s.tenant_id AND x.sale_id = s.id)"
            " UPDATE registers r SET next_number = s.number, last_hash = s.prev_hash FROM s"
            " WHERE r.tenant_id = s.tenant_id AND r.id = s.register_id"
        ),
    }
    for name, statement in pairs.items():
        assert forger.tried(statement) == (True, True), name


def test_a_trail_made_unreadable_does_not_stop_the_auditor(forger: Forger) -> None:
    for text in ("sale:not-a-uuid", "", "sale:"):
        assert forger.tried(
            f"UPDATE audit_events SET subject = '{text}' WHERE tenant_id = {forger.shop.tenant_id}"
            " AND operation = 'sales.book'"
        ) == (True, True)


def test_what_is_wrong_is_told_before_what_is_only_waited_for(
    make_app: Callable[..., App], fresh_database: str, cluster: Cluster
) -> None:
    app = make_app(fresh_database)
    shop = a_shop(app)
    for n in range(4):
        made = app.run(create_register, shop.owner, {"outlet_id": shop.outlet_id, "code": f"t{n}", "name": "T"})
        shift = app.run(open_shift, shop.cashier, {"id": new_id(), "register_id": made.id, "opening_float": 0}).id
        till = TillSeries(shop, shift, NOON, prefix=made.prefix)
        sale = till.seal(msgspec.structs.replace(till.sell(skip=1), register_id=made.id))
        app.run(deliver_sale, device_of(shop, made.id), sale)
    app.run(book_sale, shop.cashier, basket(shop))
    found = app.run(verify_own_books, shop.owner, {"most_problems": 2})
    assert (found.ok, {each.pending for each in found.problems}) == (True, {True})

    for spoil in ("UPDATE sale_lines SET name = 'Other'", "UPDATE payments SET amount = amount + 1"):
        with psycopg.connect(superuser_url(cluster, fresh_database), autocommit=True) as connection:
            connection.execute(spoil.encode())
        found = app.run(verify_own_books, shop.owner, {"most_problems": 2})
        assert (found.ok, {each.pending for each in found.problems}) == (False, {False})


def device_of(shop: Shop, register_id: UUID) -> Identity:
    """Return the device identity of another till of the shop."""
    return replace(shop.device, actor_id=register_id, register_id=register_id)
