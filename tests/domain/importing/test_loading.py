"""Loading files through the operations: exact, once only, resumable, whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import json
import lzma
import os
import subprocess
import sys
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.cli import intake, session
from primepos.cli.main import app as cli
from primepos.cli.main import run
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.catalog.service import create_product
from primepos.domain.importing.errors import ImportMoved, WhichOutlet
from primepos.domain.importing.queries import imported_id
from primepos.domain.importing.service import (
    load_products,
    load_sales,
    plan_products,
    plan_sales,
    sales_by_month,
)
from primepos.domain.outlets.errors import OutletArchived, OutletNotFound
from primepos.domain.outlets.service import archive_outlet, create_outlet
from primepos.domain.reporting.service import report_sales, summarise_day
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import create_tenant, suspend_tenant
from tests.conftest import NOON
from tests.factories import a_shop, assert_books_hold, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.operations import App
    from tests.factories import Shop

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
RUN = {"fingerprint": "0" * 64, "source": "old", "file_name": "old.csv"}
ADDED = ("sales", "sale_lines", "products", "import_runs", "stock_levels", "stock_movements", "payments", "outlets")


@pytest.fixture(autouse=True)
def opened(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command line on the test's App, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    session.use_app(app)
    yield
    session.use_app(None)


def here(app: App, shop: Shop) -> dict[str, int]:
    return {
        table: rows(app, f"SELECT count(*) AS n FROM {table} WHERE tenant_id = %s", (shop.tenant_id,))[0]["n"]
        for table in ADDED
    }


def a_sale(number: str = "1", *lines: tuple[str, str, str, str], **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "sold_at": NOON,
        "business_date": date(2026, 3, 2),
        "lines": list(lines or [("A-1", "Apple", "2", "1.005")]),
        **changes,
    }


def load(app: App, shop: Shop, *sales: dict[str, Any], **changes: Any) -> Any:
    data = {"run": RUN, "start": 0, "rows": len(sales), "sales": list(sales), "is_last": True, **changes}
    return app.run(
        load_sales, changes.pop("identity", None) or shop.owner, {k: v for k, v in data.items() if k != "identity"}
    )


def command(shop: Shop, what: str, file: Path, *options: str) -> int:
    return run(cli, ["import", what, str(file), "--tenant", shop.slug, *options])


def months(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def expected(shared_data: Path) -> dict[str, dict[str, str]]:
    with (shared_data / "online-retail" / "expected-totals.csv").open() as file:
        return {row["month"]: row for row in csv.DictReader(file)}


def assert_expected(found: dict[str, Any], wanted: dict[str, str]) -> None:
    assert {name: str(found[name]) for name in wanted} == wanted
    assert found["exact_sum"] == wanted["sum_qty_x_price"]
    assert found["booked_sum"] == str(Decimal(wanted["sum_qty_x_price"]).quantize(Decimal("0.01")))


def test_a_real_month_is_reproduced_to_the_last_digit(
    app: App, shop: Shop, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shared_data / "online-retail" / "online-retail-2011-04.csv.xz"
    stock = here(app, shop)["stock_levels"]

    assert command(shop, "sales", file, "--from", "online-retail", "--json") == 0

    (found,) = months(capsys)
    assert_expected(found, expected(shared_data)["2011-04"])
    assert (found["rounded_lines"], found["booked_sum"], found["exact_sum"]) == (1, "493207.12", "493207.121")
    there = here(app, shop)
    assert (there["sales"], there["sale_lines"], there["payments"], there["stock_levels"]) == (1744, 29916, 0, stock)
    assert_books_hold(app, shop)
    report = app.run(report_sales, shop.owner, {"group_by": "month"})
    assert [(row.key, row.sales, row.lines, row.total) for row in report.rows] == [("2011-04", 1744, 29916, 49320712)]

    # The same file again: nothing is changed, the same figures are printed.
    assert command(shop, "sales", file, "--from", "online-retail", "--json") == 0
    assert months(capsys) == [found]
    assert here(app, shop) == there


@pytest.mark.long
def test_all_six_months_are_reproduced_side_by_side(
    app: App, shop: Shop, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = expected(shared_data)
    for month in wanted:
        file = shared_data / "online-retail" / f"online-retail-{month}.csv.xz"
        assert command(shop, "sales", file, "--from", "online-retail", "--json") == 0
        (found,) = months(capsys)
        assert_expected(found, wanted[month])
    every = app.run(sales_by_month, shop.owner, {"source": "online-retail"}).rows
    assert [each.month for each in every] == list(wanted)
    assert sum(each.lines for each in every) == 209_029


def test_imported_sales_are_records_of_their_own_kind(app: App, shop: Shop) -> None:
    before = here(app, shop)
    done = load(
        app,
        shop,
        a_sale("1", ("A-1", "Apple, old", "2", "1.005"), ("X", "New", "-1", "3"), customer="17850"),
        a_sale("C1", ("X", "New", "-3", "0.335"), is_cancellation=True),
        goods=[
            {"sku": "A-1", "name": "Another apple", "unit_price": "7"},
            {"sku": "X", "name": "New", "unit_price": "3"},
        ],
    )

    assert (done.sales, done.sales_known, done.lines, done.products, done.rows_done) == (2, 0, 3, 1, 2)
    sales = rows(
        app,
        "SELECT external_number, kind, source, receipt, register_id, shift_id, number, hash, cashier, base, tax,"
        " rounding, total, customer_number, reason, flags, sold_at FROM sales"
        " WHERE tenant_id = %s ORDER BY external_number",
        (shop.tenant_id,),
    )
    plain = {
        "kind": "imported", "source": "old", "register_id": None, "shift_id": None, "number": None, "hash": None,
        "cashier": "", "tax": 0, "rounding": 0, "flags": [], "sold_at": NOON,
    }  # fmt: skip
    one = {"external_number": "1", "receipt": "1", "base": -99, "total": -99}
    two = {"external_number": "C1", "receipt": "C1", "base": -101, "total": -101}
    assert sales == [
        {**plain, **one, "customer_number": "17850", "reason": None},
        {**plain, **two, "customer_number": None, "reason": "cancellation"},
    ]
    lines = rows(
        app,
        "SELECT l.sku, l.name, l.quantity, l.unit_price, l.total, l.product_id IS NOT NULL AS linked FROM sale_lines l"
        " WHERE l.tenant_id = %s ORDER BY l.total",
        (shop.tenant_id,),
    )
    # 2 x 1.005 is 2.01 exactly; -3 x 0.335 is -1.005, away from zero -1.01.
    assert [tuple(line.values()) for line in lines] == [
        ("X", "New", Decimal(-1), Decimal(3), -300, True),
        ("X", "New", Decimal(-3), Decimal("0.335"), -101, True),
        ("A-1", "Apple, old", Decimal(2), Decimal("1.005"), 201, True),
    ]
    made = rows(
        app, "SELECT sku, name, unit_price, track_stock FROM products WHERE tenant_id = %s AND sku IN ('A-1', 'X')"
        " ORDER BY sku", (shop.tenant_id,)
    )  # fmt: skip
    assert [tuple(each.values()) for each in made] == [
        ("A-1", "Apple", Decimal(1), True),
        ("X", "New", Decimal(3), False),
    ]
    assert here(app, shop) == {**before, "sales": 2, "sale_lines": 3, "products": 4, "import_runs": 1}
    assert_books_hold(app, shop)


def test_the_id_of_an_imported_sale_is_always_the_same_and_ordered_by_time(shop: Shop, other_shop: Shop) -> None:
    one = imported_id(shop.key, "old", "1", NOON)
    assert one == imported_id(shop.key, "old", "1", NOON)
    assert (one.version, one.variant) == (8, UUID(int=0x8000_0000_0000_0000 << 0).variant)
    assert one.int >> 80 == int(NOON.timestamp()) * 1000
    others = {imported_id(other_shop.key, "old", "1", NOON), imported_id(shop.key, "new", "1", NOON),
              imported_id(shop.key, "old", "2", NOON)}  # fmt: skip
    assert len(others | {one}) == 4


def test_a_known_number_is_left_as_it_is(app: App, shop: Shop) -> None:
    load(app, shop, a_sale("1"))
    again = load(app, shop, a_sale("1", ("A-1", "Apple", "9", "9")), a_sale("2"), run={**RUN, "fingerprint": "1" * 64})
    assert (again.sales, again.sales_known, again.lines) == (1, 1, 1)
    told = rows(app, "SELECT sum(total)::bigint AS total FROM sales WHERE tenant_id = %s", (shop.tenant_id,))
    assert told == [{"total": 402}]
    elsewhere = load(app, shop, a_sale("1"), run={**RUN, "fingerprint": "2" * 64, "source": "older"})
    assert elsewhere.sales == 1


def test_a_batch_that_is_behind_changes_nothing_and_one_ahead_is_refused(app: App, shop: Shop) -> None:
    load(app, shop, a_sale("1"), a_sale("2"), is_last=False)
    before = here(app, shop)
    behind = load(app, shop, a_sale("1"), a_sale("2"), is_last=False)
    assert (behind.rows_done, behind.sales, behind.sales_known) == (2, 0, 0)
    for start in (1, 3):
        with pytest.raises(ImportMoved, match="has come to row 2"):
            load(app, shop, a_sale("8"), a_sale("9"), start=start)
    assert here(app, shop) == before
    load(app, shop, a_sale("3"), start=2)
    plan = app.run(plan_sales, shop.owner, {"fingerprint": RUN["fingerprint"], "source": "old"})
    assert (plan.rows_done, plan.is_finished) == (3, True)
    assert load(app, shop, a_sale("4"), start=3).sales == 0


def test_two_that_import_the_same_file_at_once_load_it_once(app: App, shop: Shop) -> None:
    done: list[Any] = []
    begin = threading.Barrier(2)

    def go() -> None:
        begin.wait()
        done.append(load(app, shop, *(a_sale(str(n)) for n in range(50))).sales)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(done) == [0, 50]
    assert here(app, shop)["sale_lines"] == 50


def test_an_import_takes_the_summaries_of_its_days_away_and_queues_new_ones(app: App, shop: Shop) -> None:
    load(app, shop, a_sale("1"))
    asked = {"outlet_id": shop.outlet_id, "business_date": date(2026, 3, 2)}
    assert app.run(summarise_day, shop.owner, asked).sales == 1
    load(app, shop, a_sale("2"), a_sale("3", business_date=date(2026, 3, 1)), run={**RUN, "fingerprint": "1" * 64})
    assert rows(app, "SELECT 1 FROM day_summaries WHERE tenant_id = %s", (shop.tenant_id,)) == []
    assert app.run(report_sales, shop.owner, {}).total.sales == 3
    queued = rows(
        app,
        "SELECT args ->> 'business_date' AS day, count(*) AS n FROM procrastinate_jobs"
        " WHERE (args ->> 'tenant_id')::int = %s GROUP BY 1 ORDER BY 1",
        (shop.tenant_id,),
    )
    assert [(each["day"], each["n"]) for each in queued] == [("2026-03-01", 1), ("2026-03-02", 2)]


def test_the_figures_of_a_month_come_from_what_is_stored(app: App, shop: Shop) -> None:
    load(app, shop, a_sale("1", ("A", "A", "1", "0.001")), a_sale("C2", ("A", "A", "-1", "5"), is_cancellation=True))
    (found,) = app.run(sales_by_month, shop.owner, {"source": "old"}).rows
    assert (found.month, found.lines, found.invoices, found.cancellation_invoices, found.trading_days) == (
        "2026-03", 2, 2, 1, 1,
    )  # fmt: skip
    assert (str(found.exact_sum), str(found.booked_sum), str(found.of_which_cancellations), found.rounded_lines) == (
        "-4.999", "-5.00", "-5.00", 1,
    )  # fmt: skip
    assert app.run(sales_by_month, shop.owner, {"source": "none"}).rows == []
    assert app.run(sales_by_month, shop.owner, {"source": "old", "months": ["2026-04"]}).rows == []


@given(
    lines=st.lists(
        st.tuples(st.decimals(-999, 999, places=3), st.decimals(-999, 999, places=4)), min_size=1, max_size=12
    )
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_are_exact_whatever_the_lines(app: App, lines: list[tuple[Decimal, Decimal]]) -> None:
    shop = a_shop(app)
    load(app, shop, a_sale("1", *(("A", "A", f"{q:f}", f"{p:f}") for q, p in lines)))
    (found,) = app.run(sales_by_month, shop.owner, {"source": "old"}).rows
    exact = sum((q * p for q, p in lines), Decimal(0))
    booked = sum((intake_rounded(q * p) for q, p in lines), Decimal(0))
    assert (found.exact_sum, found.booked_sum) == (exact, booked)
    assert found.rounded_lines == sum(q * p != intake_rounded(q * p) for q, p in lines)


def intake_rounded(amount: Decimal) -> Decimal:
    from decimal import ROUND_HALF_UP

    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def test_only_the_owner_may_change_the_past_and_cashiers_may_not_load_products(app: App, shop: Shop) -> None:
    before = here(app, shop)
    for who in (shop.manager, shop.clerk, shop.cashier, shop.accountant, shop.device):
        with pytest.raises(PermissionDenied):
            load(app, shop, a_sale("1"), identity=who)
        with pytest.raises(PermissionDenied):
            app.run(plan_sales, who, {"fingerprint": RUN["fingerprint"], "source": "old"})
    for who in (shop.cashier, shop.accountant, shop.device):
        with pytest.raises(PermissionDenied):
            app.run(load_products, who, {"run": RUN, "start": 0, "rows": 0, "products": []})
        with pytest.raises(PermissionDenied):
            app.run(plan_products, who, {"fingerprint": RUN["fingerprint"]})
    with pytest.raises(PermissionDenied):
        app.run(sales_by_month, shop.clerk, {"source": "old"})
    assert here(app, shop) == before


def test_another_tenants_imports_are_neither_seen_nor_known(app: App, shop: Shop, other_shop: Shop) -> None:
    load(app, shop, a_sale("1"))
    before = here(app, shop)
    asked = {"fingerprint": RUN["fingerprint"], "source": "old", "numbers": ["1"], "skus": ["A-1", "none"]}
    plan = app.run(plan_sales, other_shop.owner, asked)
    assert (plan.rows_done, plan.known_numbers, plan.known_skus) == (0, 0, 1)
    assert app.run(sales_by_month, other_shop.owner, {"source": "old"}).rows == []
    assert load(app, other_shop, a_sale("1")).sales == 1
    assert here(app, shop) == before


def test_a_suspended_tenant_imports_nothing(app: App, shop: Shop) -> None:
    from primepos.core.context import operator

    app.run(suspend_tenant, operator("op"), {"slug": shop.slug})
    with pytest.raises(TenantSuspended):
        load(app, shop, a_sale("1"))
    assert here(app, shop)["sales"] == 0


def test_the_outlet_must_be_told_where_there_are_several(app: App, shop: Shop) -> None:
    second = app.run(create_outlet, shop.owner, {"code": "north", "name": "North"})
    with pytest.raises(WhichOutlet, match="main, north"):
        load(app, shop, a_sale("1"))
    with pytest.raises(OutletNotFound):
        load(app, shop, a_sale("1"), outlet="south")
    assert load(app, shop, a_sale("1"), outlet="north").outlet == "north"
    assert app.run(sales_by_month, shop.owner, {"source": "old", "outlet": "main"}).rows == []
    app.run(archive_outlet, shop.owner, {"id": second.id})
    with pytest.raises(OutletArchived):
        load(app, shop, a_sale("2"), outlet="north")


def test_a_tenant_without_outlet_and_taxes_can_begin_with_its_history(
    app: App, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from primepos.core.context import operator
    from primepos.domain.tenancy.lookup import operator_in

    slug = f"new-{UUID(int=0).hex[:4]}-{a_shop(app).slug}"
    app.run(create_tenant, operator("op"), {"slug": slug, "name": "New", "currency": "EUR", "zone": "Europe/Paris"})
    who = operator_in(app.database, slug, "op")
    done = app.run(
        load_sales,
        who,
        {
            "run": RUN,
            "start": 0,
            "rows": 1,
            "sales": [a_sale("1")],
            "goods": [{"sku": "A-1", "name": "A", "unit_price": "1"}],
        },
    )
    assert (done.outlet, done.sales, done.products) == ("main", 1, 0)
    made = rows(app, "SELECT kind, prefix FROM registers WHERE tenant_id = %s", (who.tenant_id,))
    assert made == [{"kind": "server", "prefix": "MAIN-0"}]
    linked = rows(app, "SELECT product_id FROM sale_lines WHERE tenant_id = %s", (who.tenant_id,))
    assert linked == [{"product_id": None}]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("A", "A", "1", "1.23456"), "decimal places"),
        (("A", "A", "x", "1"), "not a plain decimal"),
        (("A", "A", "999999999", "9999999999"), "too large"),
        (("A", "A\tB", "1", "1"), "lines"),
        (("A", "A\\.", "1", "1"), None),
    ],
)
def test_what_the_reader_would_refuse_the_server_refuses_too(
    app: App, shop: Shop, line: tuple[str, str, str, str], said: str | None
) -> None:
    if said is None:
        load(app, shop, a_sale("1", line))
        assert rows(app, "SELECT name FROM sale_lines WHERE tenant_id = %s", (shop.tenant_id,)) == [{"name": line[1]}]
        return
    with pytest.raises(InvalidInput, match=said):
        load(app, shop, a_sale("1", line))
    assert here(app, shop)["import_runs"] == 0


def retail_file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "retail.csv.xz"
    path.write_bytes(lzma.compress((HEADER + "".join(f"{line}\n" for line in lines)).encode()))
    return path


def many(count: int) -> list[str]:
    """Lines of as many sales, two each, in April 2011; the second lines follow after all the first ones."""
    first = [f"{n},A,Apple,1,2011-04-{n % 28 + 1:02} 10:00:00,1.25,,UK" for n in range(count)]
    return first + [f"{n},b,bread,2,2011-04-{n % 28 + 1:02} 10:00:00,0.5,,UK" for n in range(count)]


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = retail_file(tmp_path, *many(30))
    before = here(app, shop)
    assert command(shop, "sales", file, "--from", "online-retail", "--dry-run", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "rows": 60, "refused": 0, "sales": 30, "sales_known": 0, "lines": 60, "products": 2, "dry_run": True,
    }  # fmt: skip
    assert "would be" in err
    assert here(app, shop) == before


class Stopped(Exception):
    pass


def test_an_import_that_was_stopped_goes_on_after_the_last_batch(
    app: App, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = many(40)
    lines[5] = lines[5].replace(",1.25,", ",oops,")
    file = retail_file(tmp_path, *lines)
    monkeypatch.setattr(intake, "BATCH_ROWS", 10)
    send, sent = intake._send_sales, []

    def stop_at_the_fourth(job: Any, given: Any, before: Any) -> Any:
        if given["start"] == 30:
            raise Stopped
        sent.append(given["start"])
        return send(job, given, before)

    def remember(job: Any, given: Any, before: Any) -> Any:
        sent.append(given["start"])
        return send(job, given, before)

    monkeypatch.setattr(intake, "_send_sales", stop_at_the_fourth)
    assert command(shop, "sales", file, "--from", "online-retail", "--json") == 70
    assert capsys.readouterr().out == ""
    assert sent[:3] == [0, 10, 20]
    assert here(app, shop)["sales"] == 14
    sent.clear()

    monkeypatch.setattr(intake, "_send_sales", remember)
    # Another size of batch must not matter.
    monkeypatch.setattr(intake, "BATCH_ROWS", 16)
    assert command(shop, "sales", file, "--from", "online-retail", "--json") == 1
    out, err = capsys.readouterr()
    assert "Going on after row 30" in err
    assert sent == [30, 46, 62, 78]
    (found,) = [json.loads(line) for line in out.splitlines()]
    assert (found["lines"], found["invoices"], found["exact_sum"], found["booked_sum"]) == (78, 39, "87.75", "87.75")
    runs = rows(
        app,
        "SELECT rows_done, finished_at IS NOT NULL AS done FROM import_runs WHERE tenant_id = %s",
        (shop.tenant_id,),
    )
    assert runs == [{"rows_done": 80, "done": True}]
    with (tmp_path / "retail.errors.csv").open() as errors:
        refused = list(csv.DictReader(errors))
    assert [(row["error_row"], row["error_code"], row["InvoiceNo"]) for row in refused] == [
        ("7", "BAD_NUMBER", "5"),
        ("47", "SALE_INCOMPLETE", "5"),
    ]


@pytest.mark.slow
def test_an_import_that_was_killed_goes_on_and_comes_out_exact(
    make_app: Callable[..., App],
    fresh_database: str,
    shared_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone = make_app(fresh_database)
    shop = a_shop(alone)
    session.use_app(alone)
    file = shared_data / "online-retail" / "online-retail-2010-12.csv.xz"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PRIMEPOS", "PG"))},
        "PRIMEPOS_ENV": "test",
        "DATABASE_URL": fresh_database,
        "PRIMEPOS_DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
    }
    line = [sys.executable, "-m", "primepos", "import", "sales", str(file), "--from", "online-retail", "-T", shop.slug]
    process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not rows(alone, "SELECT 1 FROM import_runs WHERE rows_done > 0"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
                break
    finally:
        process.kill()
        process.wait()

    assert command(shop, "sales", file, "--from", "online-retail", "--json") == 0

    assert_expected(months(capsys)[0], expected(shared_data)["2010-12"])
    assert here(alone, shop)["sales"] == 2025


def test_a_batch_that_comes_too_early_waits_for_the_one_before(
    app: App, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first batch is held up until the second has been turned away once."""
    file = retail_file(tmp_path, *many(15))
    monkeypatch.setattr(intake, "BATCH_ROWS", 10)
    real, early = app.run, threading.Event()

    def late_first(operation: Any, who: Any, data: Any) -> Any:
        if operation is load_sales and data["start"] == 0 and data["rows"]:
            assert early.wait(20)
        try:
            return real(operation, who, data)
        except ImportMoved:
            early.set()
            raise

    monkeypatch.setattr(app, "run", late_first)
    assert command(shop, "sales", file, "--from", "online-retail", "--json") == 0
    assert early.is_set()
    assert months(capsys)[0]["lines"] == 30
    assert here(app, shop)["sales"] == 15


def test_refused_rows_can_be_mended_and_fed_again(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = retail_file(
        tmp_path,
        "1,A,Apple,1,2011-04-01 10:00:00,1.00,,UK",
        "2,A,=cmd|x,1,2011-04-01 10:00:00,oops,,UK",
        "2,B,Bread,-1,2011-04-01 10:00:00,2.00,,UK",
    )
    assert command(shop, "sales", file, "--from", "online-retail", "--errors", "bad.csv", "--json") == 1
    assert months(capsys)[0]["lines"] == 1
    text = (tmp_path / "bad.csv").read_text()
    assert "'=cmd|x" in text
    (tmp_path / "bad.csv").write_text(text.replace("oops", "3.00"))

    assert command(shop, "sales", tmp_path / "bad.csv", "--from", "online-retail", "--json") == 0

    found = months(capsys)[0]
    assert (found["lines"], found["invoices"], found["exact_sum"]) == (3, 2, "2.00")
    names = rows(app, "SELECT name FROM sale_lines WHERE tenant_id = %s ORDER BY name", (shop.tenant_id,))
    assert [each["name"] for each in names] == ["=cmd|x", "Apple", "Bread"]


def test_a_file_of_nothing_but_a_header_is_an_import_of_nothing(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(shop, "sales", retail_file(tmp_path), "--from", "online-retail", "--json") == 0
    assert capsys.readouterr().out == ""
    assert here(app, shop)["sales"] == 0


def test_generic_sales_are_read_by_a_mapping(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kasse.csv"
    file.write_bytes(
        "Beleg;Zeit;Artikel;Text;Menge;Einzelpreis;Kunde\n"
        "1001;02.03.2026 00:30;B-2;Bröt;1,5;1.002,50;7\n1001;02.03.2026 00:30;A-1;Äpfel;-2;0,99;7\n".encode("cp1252")
    )
    options = [
        "--map", "Beleg=number", "--map", "Zeit=sold_at", "--map", "Artikel=sku", "--map", "Text=name",
        "--map", "Menge=quantity", "--map", "Einzelpreis=unit_price", "--map", "Kunde=customer",
        "--date-format", "%d.%m.%Y %H:%M", "--decimal", "comma", "--source", "kasse", "--outlet", "main",
    ]  # fmt: skip
    assert command(shop, "sales", file, *options, "--json") == 0
    (found,) = months(capsys)
    assert (found["month"], found["exact_sum"], found["rounded_lines"]) == ("2026-03", "1501.77", 0)
    sale = rows(app, "SELECT business_date, sold_at, source FROM sales WHERE tenant_id = %s", (shop.tenant_id,))[0]
    # Half past midnight in Berlin is the evening before in UTC, and the local day counts.
    assert (sale["business_date"], sale["sold_at"].isoformat(), sale["source"]) == (
        date(2026, 3, 2), "2026-03-01T23:30:00+00:00", "kasse",
    )  # fmt: skip
    # Read otherwise, the file is another import, but its sales stay known.
    assert command(shop, "sales", file, *options, "--zone", "Europe/London", "--json") == 0
    assert months(capsys) == [found]


def test_products_are_made_and_brought_in_line(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app.run(
        create_product,
        shop.owner,
        {"sku": "D-4", "name": "Dill", "unit_price": "1", "barcodes": [{"code": "5449000000996"}]},
    )
    file = tmp_path / "p.csv"
    file.write_text(
        "SKU,Name,Price,Barcode\n"
        'A-1,"Apple, green",1.2345,4006381333948\nN-1,=1+1,0,\nN-2,New,x,\nN-3,Third,2,5449000000996\nB-2,Bread,2.50,\n'
    )
    assert command(shop, "products", file, "--json") == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "rows": 5, "refused": 2, "created": 2, "updated": 1, "unchanged": 1, "prices_kept": 0, "barcodes_taken": 1,
        "dry_run": False,
    }  # fmt: skip
    assert "2 rows were refused; they are in p.errors.csv" in err
    made = rows(
        app,
        "SELECT sku, name, unit_price FROM products WHERE tenant_id = %s AND sku <> 'C-3' ORDER BY sku",
        (shop.tenant_id,),
    )
    assert [tuple(each.values()) for each in made] == [
        ("A-1", "Apple, green", Decimal("1.2345")),
        ("B-2", "Bread", Decimal("2.5000")),
        ("D-4", "Dill", Decimal(1)),
        ("N-1", "=1+1", Decimal(0)),
        ("N-3", "Third", Decimal(2)),
    ]
    with (tmp_path / "p.errors.csv").open() as errors:
        told = [(row["error_row"], row["error_code"], row["SKU"]) for row in csv.DictReader(errors)]
    assert told == [("4", "BAD_NUMBER", "N-2"), ("5", "BARCODE_TAKEN", "N-3")]

    before = rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY sku", (shop.tenant_id,))
    assert command(shop, "products", file, "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"rows": 5, "refused": 1, "dry_run": False}
    assert rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY sku", (shop.tenant_id,)) == before


def test_a_product_import_goes_on_where_it_stopped(
    app: App, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.csv"
    file.write_text("sku,name,price\n" + "".join(f"P{n},Thing {n},{n}\n" for n in range(25)))
    monkeypatch.setattr(intake, "BATCH_ROWS", 10)
    real, calls = app.run, []

    def fail_third(operation: Any, *arguments: Any, **more: Any) -> Any:
        if operation.name == "importing.load_products":
            calls.append(operation.name)
            if len(calls) == 3:
                raise Stopped
        return real(operation, *arguments, **more)

    monkeypatch.setattr(app, "run", fail_third)
    assert command(shop, "products", file, "--json") == 70
    assert here(app, shop)["products"] == 3 + 20
    capsys.readouterr()
    assert command(shop, "products", file, "--json") == 0
    out, err = capsys.readouterr()
    assert "Going on after row 20" in err
    assert json.loads(out)["created"] == 5
    assert here(app, shop)["products"] == 3 + 25


def test_a_dry_run_of_products_changes_nothing(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.csv"
    file.write_text("code;title\nA-1;Apple\nN-1;New\n")
    before = here(app, shop)
    options = ["--set", "unit_price=3", "--set", "tax_class=standard", "--dry-run", "--json"]
    assert command(shop, "products", file, *options) == 0
    assert json.loads(capsys.readouterr().out) == {
        "rows": 2, "refused": 0, "created": 1, "updated": 1, "unchanged": 0, "prices_kept": 0, "barcodes_taken": 0,
        "dry_run": True, "samples": {"created": ["N-1"], "updated": ["A-1: 1 -> 3"]},
    }  # fmt: skip
    assert here(app, shop) == before


def test_a_clerk_loads_products_but_leaves_known_prices(app: App, shop: Shop) -> None:
    products = [{"sku": "A-1", "name": "Apple", "unit_price": "9"}, {"sku": "N", "name": "New", "unit_price": "2"}]
    done = app.run(
        load_products, shop.clerk, {"run": RUN, "start": 0, "rows": 2, "products": products, "is_last": True}
    )
    assert (done.created, done.unchanged, done.prices_kept) == (1, 1, 1)
    price = rows(app, "SELECT unit_price FROM products WHERE tenant_id = %s AND sku = 'A-1'", (shop.tenant_id,))
    assert price == [{"unit_price": Decimal(1)}]


def test_wrong_options_are_told_before_anything_is_read(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.csv"
    file.write_text("sku,name,price\nA,A,1\n")
    for options, said in (
        (["--from", "moon"], "--from: one of primepos, square"),
        (["--map", "sku"], "--map: 'sku' is not of the form"),
        (["--decimal", "both"], "--decimal: point or comma"),
        (["--delimiter", "ab"], "--delimiter: one sign"),
        (["--errors", str(file)], "--errors: that is the file itself"),
    ):
        assert command(shop, "products", file, *options) == 2
        assert said in capsys.readouterr().err
    assert command(shop, "sales", file, "--zone", "Mars/North") == 2
    assert "--zone: there is no zone" in capsys.readouterr().err
    assert command(shop, "sales", file) == 2
    assert "no column for number, sold_at, quantity" in capsys.readouterr().err
    assert here(app, shop)["import_runs"] == 0
