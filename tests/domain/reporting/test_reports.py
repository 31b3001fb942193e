"""Reports equal the booked rows, with and without summaries, and show each person their own outlets only."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.db import apart
from primepos.core.errors import InvalidInput, PermissionDenied, PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.outlets.errors import OutletNotFound
from primepos.domain.reporting.service import report_sales, summarise_day
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, basket, rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App
    from primepos.domain.reporting.schemas import SalesReport
    from tests.factories import Shop

MONDAY = date(2026, 3, 2)
GROUPINGS = ("day", "month", "outlet", "product", "tax", "tender", "hour")


def report(app: App, shop: Shop, by: str = "day", **asked: Any) -> SalesReport:
    return app.run(report_sales, asked.pop("identity", shop.owner), {"group_by": by, **asked})


def flat(found: SalesReport) -> list[tuple[Any, ...]]:
    """The rows as tuples without what is None; value, which most sell none of, only where there is any."""
    return [
        tuple(
            figure
            for name, figure in msgspec.structs.asdict(row).items()
            if figure is not None and figure != "" and (name, figure) != ("value", 0)
        )
        for row in found.rows
    ]


def summarise(app: App, shop: Shop, day: date = MONDAY) -> dict[str, Any]:
    return msgspec.structs.asdict(
        app.run(summarise_day, shop.owner, {"outlet_id": shop.outlet_id, "business_date": day})
    )


def stored(app: App, shop: Shop) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return (
        rows(app, "SELECT * FROM day_summaries WHERE tenant_id = %s ORDER BY 2, 3", (shop.tenant_id,)),
        rows(app, "SELECT * FROM product_day_summaries WHERE tenant_id = %s ORDER BY 2, 3, 4", (shop.tenant_id,)),
    )


def an_imported_sale(app: App, shop: Shop, day: date, total: int = 999) -> None:
    """Put a sale of an older system beside the booked ones."""

    def work(uow: UnitOfWork) -> None:
        sale = new_id()
        uow.run(
            "INSERT INTO sales (tenant_id, id, kind, outlet_id, receipt, business_date, sold_at, cashier, currency,"
            " base, tax, rounding, total, source, external_number)"
            " VALUES (%s, %s, 'imported', %s, 'X1', %s, %s, '', 'EUR', %s, 0, 0, %s, 'old', %s)",
            (shop.tenant_id, sale, shop.outlet_id, day, NOON, total, total, str(sale)),
        )
        uow.run(
            "INSERT INTO sale_lines (tenant_id, sale_id, line_no, sku, name, quantity, unit_price, discount, base, tax,"
            " total) VALUES (%s, %s, 1, 'A-1', 'Old apple', 1, 9.99, 0, %s, 0, %s)",
            (shop.tenant_id, sale, total, total),
        )

    apart(lambda: app.database.tenant(shop.tenant_id), work)


def test_a_shop_that_sold_nothing_has_no_rows_and_a_total_of_zero(app: App, shop: Shop) -> None:
    for by in GROUPINGS:
        found = report(app, shop, by, since=date(1, 1, 1), until=date(9999, 12, 31))
        assert found.rows == []
        assert (found.total.sales, found.total.lines, found.total.total) == (0, 0, 0)


def test_sales_are_reported_by_every_kind_of_row(app: App, shop: Shop, clock: FrozenClock) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    clock.advance(timedelta(days=1, hours=2))
    app.run(book_sale, shop.cashier, basket(shop, tenders=[{"kind": "card", "amount": 450}]))

    assert flat(report(app, shop, "day")) == [
        ("2026-03-02", 1, 0, 0, 2, 378, 72, 0, 450),
        ("2026-03-03", 1, 0, 0, 2, 378, 72, 0, 450),
    ]
    assert flat(report(app, shop, "month")) == [("2026-03", 2, 0, 0, 4, 756, 144, 0, 900)]
    assert flat(report(app, shop, "outlet")) == [("main", "Main street", 2, 0, 0, 4, 756, 144, 0, 900)]
    assert flat(report(app, shop, "product")) == [
        ("B-2", "Bread", Decimal("2.000"), 420, 80, 500),
        ("A-1", "Apple", Decimal("4.000"), 336, 64, 400),
    ]
    assert flat(report(app, shop, "tax")) == [("std", "VAT 19%", 756, 144)]
    assert flat(report(app, shop, "tender")) == [("card", "Card", 450), ("cash", "Cash", 450)]
    # Noon UTC is 13:00 in Berlin.
    assert flat(report(app, shop, "hour")) == [("13", 1, 0, 0, 2, 378, 72, 0, 450), ("15", 1, 0, 0, 2, 378, 72, 0, 450)]
    only = report(app, shop, "day", since=date(2026, 3, 3), until=date(2026, 3, 3))
    assert (flat(only), only.total.total) == ([("2026-03-03", 1, 0, 0, 2, 378, 72, 0, 450)], 450)


def test_a_void_takes_off_what_it_undoes_and_is_counted_apart(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    app.run(book_sale, shop.cashier, basket(shop))
    app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong"})
    assert flat(report(app, shop)) == [("2026-03-02", 2, 1, 0, 4, 378, 72, 0, 450)]
    assert flat(report(app, shop, "product")) == [
        ("B-2", "Bread", Decimal("1.000"), 210, 40, 250),
        ("A-1", "Apple", Decimal("2.000"), 168, 32, 200),
    ]


def test_imported_sales_count_and_their_tender_is_not_recorded(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    an_imported_sale(app, shop, MONDAY)
    assert flat(report(app, shop)) == [("2026-03-02", 2, 0, 0, 3, 1377, 72, 0, 1449)]
    assert flat(report(app, shop, "tender")) == [("cash", "Cash", 450), ("unrecorded", "Not recorded", 999)]
    summarise(app, shop)
    assert flat(report(app, shop, "tender")) == [("cash", "Cash", 450), ("unrecorded", "Not recorded", 999)]


def test_a_limit_leaves_rows_out_but_never_changes_the_total(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    found = report(app, shop, "product", limit=1)
    assert [row.key for row in found.rows] == ["B-2"]
    assert (found.is_complete, found.total.total) == (False, 450)


def test_a_range_that_ends_before_it_begins_is_refused(app: App, shop: Shop) -> None:
    with pytest.raises(InvalidInput, match="since is after until"):
        report(app, shop, since=date(2026, 3, 2), until=date(2026, 3, 1))


def test_a_summary_answers_as_the_rows_do(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    sale = app.run(book_sale, shop.cashier, basket(shop, tenders=[{"kind": "card", "amount": 450}]))
    app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong"})
    an_imported_sale(app, shop, MONDAY - timedelta(days=3))
    before = [report(app, shop, by) for by in GROUPINGS]

    assert summarise(app, shop) == {
        "outlet_id": shop.outlet_id,
        "business_date": MONDAY,
        "sales": 2,
        "voids": 1,
        "refunds": 0,
        "products": 2,
        "total": 450,
    }
    days, goods = stored(app, shop)
    assert [{k: v for k, v in day.items() if k not in {"tenant_id", "outlet_id"}} for day in days] == [
        {
            "business_date": MONDAY,
            "sales": 2,
            "voids": 1,
            "refunds": 0,
            "lines": 4,
            "base": 378,
            "tax": 72,
            "rounding": 0,
            "total": 450,
            "cash": 450,
            "card": 0,
            "value": 0,
            "tenders": None,
        }
    ]
    assert [(row["sku"], row["quantity"], row["total"]) for row in goods] == [("A-1", 2, 200), ("B-2", 1, 250)]
    assert [report(app, shop, by) for by in GROUPINGS] == before


def test_the_summary_is_what_is_read(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    summarise(app, shop)
    change = "UPDATE day_summaries SET total = total + 1, base = base + 1 WHERE tenant_id = %s"
    apart(lambda: app.database.tenant(shop.tenant_id), lambda uow: uow.run(change, (shop.tenant_id,)))
    assert report(app, shop).total.total == 451


def test_summarising_twice_makes_the_same_rows(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    summarise(app, shop)
    once = stored(app, shop)
    summarise(app, shop)
    assert stored(app, shop) == once


def test_a_day_without_sales_gets_no_summary(app: App, shop: Shop) -> None:
    assert summarise(app, shop)["sales"] == 0
    assert stored(app, shop) == ([], [])


def test_a_sale_that_comes_late_takes_the_summary_away_and_is_counted(app: App, shop: Shop, clock: FrozenClock) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    app.run(deliver_sale, shop.device, till.sell())
    late = till.sell()
    summarise(app, shop)
    clock.advance(timedelta(days=3))

    app.run(deliver_sale, shop.device, late)

    assert stored(app, shop)[0] == []
    assert report(app, shop).total.total == 900
    summarise(app, shop)
    assert report(app, shop).total.total == 900
    an_imported_sale(app, shop, MONDAY)
    assert (stored(app, shop)[0], report(app, shop).total.total) == ([], 1899)


def test_a_sale_booked_while_the_summary_is_made_is_never_lost(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    errors: list[BaseException] = []

    def run(work: Any) -> None:
        try:
            for _ in range(12):
                work()
        except (PrimePOSError, psycopg.Error) as error:
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(lambda: app.run(book_sale, shop.cashier, basket(shop)),)),
        threading.Thread(target=run, args=(lambda: app.run(book_sale, shop.cashier, basket(shop)),)),
        threading.Thread(target=run, args=(lambda: summarise(app, shop),)),
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert errors == []
    assert report(app, shop).total.sales == 25
    summarise(app, shop)
    assert (report(app, shop).total.sales, report(app, shop).total.total) == (25, 25 * 450)


@given(
    plan=st.lists(
        st.tuples(st.sampled_from(["book", "card", "void", "import", "summarise"]), st.integers(0, 3)), max_size=14
    ),
    by=st.sampled_from(GROUPINGS),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_report_adds_up_to_the_booked_rows(
    app: App, clock: FrozenClock, plan: list[tuple[str, int]], by: str
) -> None:
    shop = a_shop(app)
    start = clock.now()
    try:
        for act, days in plan:
            if act == "book":
                app.run(book_sale, shop.cashier, basket(shop))
            elif act == "card":
                app.run(book_sale, shop.cashier, basket(shop, tenders=[{"kind": "card", "amount": 450}]))
            elif act == "void":
                sale = app.run(book_sale, shop.cashier, basket(shop))
                app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong"})
            elif act == "import":
                an_imported_sale(app, shop, clock.now().date() - timedelta(days=days), total=100 + days)
            else:
                summarise(app, shop, clock.now().date() - timedelta(days=days))
            clock.advance(timedelta(hours=9))
    finally:
        clock.advance(start - clock.now())

    truth = rows(
        app,
        "SELECT count(*) FILTER (WHERE kind <> 'void')::int AS sales,"
        " count(*) FILTER (WHERE kind = 'void')::int AS voids,"
        " coalesce(sum(base), 0)::bigint AS base, coalesce(sum(tax), 0)::bigint AS tax,"
        " coalesce(sum(total), 0)::bigint AS total FROM sales WHERE tenant_id = %s",
        (shop.tenant_id,),
    )[0]
    found = report(app, shop, by)
    whole = found.total
    assert {name: getattr(whole, name) for name in truth} == truth
    if by == "tax":
        assert sum(row.tax or 0 for row in found.rows) == whole.tax
    elif by == "product":
        assert sum(row.total or 0 for row in found.rows) + (whole.rounding or 0) == whole.total
    else:
        assert sum(row.total or 0 for row in found.rows) == whole.total
    if by in {"day", "month", "outlet", "hour"}:
        for name in ("sales", "voids", "lines", "base", "tax", "rounding"):
            assert sum(getattr(row, name) for row in found.rows) == getattr(whole, name)


def test_who_works_in_some_outlets_sees_those(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    here = replace(shop.cashier, outlet_ids=frozenset({shop.outlet_id}))
    away = replace(shop.cashier, outlet_ids=frozenset({new_id()}))
    assert report(app, shop, identity=here).total.total == 450
    assert report(app, shop, identity=away).total.total == 0
    with pytest.raises(OutletNotFound):
        report(app, shop, identity=away, outlet_id=shop.outlet_id)


def test_another_tenants_figures_stay_unseen(app: App, shop: Shop, other_shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    summarise(app, shop)
    for by in GROUPINGS:
        assert report(app, other_shop, by).total.total == 0
    with pytest.raises(OutletNotFound):
        report(app, other_shop, outlet_id=shop.outlet_id)
    with pytest.raises(OutletNotFound):
        app.run(summarise_day, other_shop.owner, {"outlet_id": shop.outlet_id, "business_date": MONDAY})
    assert len(stored(app, shop)[0]) == 1


def test_a_stock_clerk_may_not_see_sales_figures(app: App, shop: Shop) -> None:
    with pytest.raises(PermissionDenied):
        report(app, shop, identity=shop.clerk)
    with pytest.raises(PermissionDenied):
        app.run(summarise_day, shop.clerk, {"outlet_id": shop.outlet_id, "business_date": MONDAY})
