"""Files handed in over the API: a job imports them, its ticket tells, and nothing happens twice."""

from __future__ import annotations

import base64
import csv
import io
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.context import ANONYMOUS
from primepos.core.errors import InvalidInput, PermissionDenied, Unauthenticated
from primepos.core.ids import new_id
from primepos.domain.importing.errors import ImportDiffers, ImportMoved, ImportNotFound
from primepos.domain.importing.service import (
    add_part,
    find_mapping,
    load_customers,
    load_stock,
    plan_customers,
    plan_stock,
    refused_rows,
    run_upload,
    save_mapping,
    submit_import,
)
from primepos.domain.jobs.errors import TicketNotFound
from primepos.domain.jobs.service import show_job
from primepos.domain.jobs.tasks import TASKS, system_actor
from primepos.domain.outlets.errors import OutletNotFound
from tests.domain.importing import files
from tests.factories import assert_books_hold, rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from tests.factories import Shop

GOODS = "sku,name,price\nA-1,Apple,1.20\nN-1,New,3.00\nN-2,,4.00\n"


def a_file(text: str = GOODS, kind: str = "products", **more: Any) -> dict[str, Any]:
    content = base64.b64encode(text.encode()).decode()
    return {"id": str(new_id()), "kind": kind, "file_name": "goods.csv", "content": content, **more}


def work(app: App, shop: Shop, upload: dict[str, Any]) -> Any:
    """Run the job as the worker does, and return its ticket."""
    TASKS["importing.run_upload"].run(app, {"tenant_id": shop.tenant_id, "id": upload["id"]})
    return app.run(show_job, shop.owner, {"id": upload["id"]})


def queued(app: App, upload: dict[str, Any]) -> int:
    found = rows(
        app,
        "SELECT count(*) AS n FROM procrastinate_jobs WHERE args->>'id' = %s AND task_name = 'importing.run_upload'",
        (upload["id"],),
    )  # fmt: skip
    return int(found[0]["n"])


def test_a_file_is_imported_by_a_job_and_its_ticket_tells(app: App, shop: Shop) -> None:
    upload = a_file()
    assert app.run(submit_import, shop.owner, upload).missing == []
    assert app.run(submit_import, shop.owner, upload).missing == []
    assert queued(app, upload) == 1
    assert app.run(show_job, shop.owner, {"id": upload["id"]}).state == "waiting"

    ticket = work(app, shop, upload)
    assert (ticket.state, ticket.rows_done, ticket.rows_total, ticket.error) == ("done", 3, 3, None)
    assert {name: ticket.outcome[name] for name in ("rows", "created", "updated", "refused")} == {
        "rows": 3, "created": 1, "updated": 1, "refused": 1,
    }  # fmt: skip
    refused = app.run(refused_rows, shop.owner, {"id": upload["id"]})
    assert refused.file_name == "goods.errors.csv"
    assert [row["error_code"] for row in csv.DictReader(io.StringIO(refused.csv))] == ["MISSING_VALUE"]
    # The file itself is gone; run once more, by a worker that died after the commit, nothing happens.
    assert rows(app, "SELECT 1 FROM import_parts WHERE tenant_id = %s", (shop.tenant_id,)) == []
    before = rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY sku", (shop.tenant_id,))
    assert work(app, shop, upload) == ticket
    # The same file under another id changes nothing either.
    again = a_file()
    app.run(submit_import, shop.owner, again)
    assert work(app, shop, again).state == "done"
    assert rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY sku", (shop.tenant_id,)) == before
    with pytest.raises(ImportDiffers):
        app.run(submit_import, shop.owner, {**upload, "content": a_file("sku\nX\n")["content"]})


def test_a_large_file_comes_in_parts_in_any_order(app: App, shop: Shop) -> None:
    text = "sku,name,price\n" + "".join(f"L-{n},Thing {n},1.50\n" for n in range(5000))
    cut = [text[n : n + 40_000] for n in range(0, len(text), 40_000)]
    upload = {"id": str(new_id()), "kind": "products", "file_name": "large.csv", "parts": len(cut)}
    assert app.run(submit_import, shop.owner, upload).missing == list(range(1, len(cut) + 1))
    parts = [
        {"id": upload["id"], "part_no": n, "content": base64.b64encode(piece.encode()).decode()}
        for n, piece in enumerate(cut, 1)
    ]
    for part in reversed(parts[1:]):
        app.run(add_part, shop.owner, part)
    assert app.run(add_part, shop.owner, parts[2]).missing == [1]
    with pytest.raises(ImportDiffers):
        app.run(add_part, shop.owner, {**parts[2], "content": parts[1]["content"]})
    assert app.run(show_job, shop.owner, {"id": upload["id"]}).state == "preparing"
    assert queued(app, upload) == 0
    assert app.run(add_part, shop.owner, parts[0]).missing == []
    assert app.run(add_part, shop.owner, parts[0]).missing == []
    assert queued(app, upload) == 1
    ticket = work(app, shop, upload)
    assert (ticket.state, ticket.outcome["created"], ticket.rows_done) == ("done", 5000, 5000)
    assert app.run(add_part, shop.owner, parts[0]).missing == []


def test_two_who_send_the_last_two_parts_at_once_start_one_job(app: App, shop: Shop) -> None:
    for _ in range(5):
        upload = {"id": str(new_id()), "kind": "products", "file_name": "x.csv", "parts": 2}
        app.run(submit_import, shop.owner, upload)
        ready = threading.Barrier(2)
        answers: list[Any] = []

        def send(number: int, upload: dict[str, Any] = upload, ready: Any = ready, answers: Any = answers) -> None:
            ready.wait()
            part = {"id": upload["id"], "part_no": number, "content": base64.b64encode(b"sku,name,price\n").decode()}
            answers.append(app.run(add_part, shop.owner, part).missing)

        threads = [threading.Thread(target=send, args=(n,)) for n in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(len, answers)) == [0, 1]
        assert queued(app, upload) == 1


def test_a_rehearsal_changes_nothing_and_the_file_can_be_imported_after_it(app: App, shop: Shop) -> None:
    rehearsal = a_file(reading={"dry_run": True})
    before = rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY sku", (shop.tenant_id,))
    app.run(submit_import, shop.owner, rehearsal)
    ticket = work(app, shop, rehearsal)
    assert (ticket.state, ticket.outcome["created"], ticket.outcome["dry_run"]) == ("done", 1, True)
    assert rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY sku", (shop.tenant_id,)) == before
    real = a_file()
    app.run(submit_import, shop.owner, real)
    assert work(app, shop, real).outcome["created"] == 1


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("products", "Nr;Ding\n1;x\n", "COLUMNS_MISSING"),
        ("products", files.SALES["shopify"], "WRONG_EXPORT"),
        ("sales", "number,date,sku,quantity,price\n1,03/04/2026,A-1,1,1.00\n", "DATES_AMBIGUOUS"),
        ("stock", "sku,location,quantity\nA-1,Moon,1\nA-1,Mars,1\n", "LOCATION_UNKNOWN"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_on_its_ticket(app: App, shop: Shop, kind: str, text: str, code: str) -> None:
    upload = a_file(text, kind)
    app.run(submit_import, shop.owner, upload)
    ticket = work(app, shop, upload)
    assert ticket.state == "failed"
    assert ticket.error.code == code
    assert rows(app, "SELECT 1 FROM import_parts WHERE tenant_id = %s", (shop.tenant_id,)) == []


@pytest.mark.parametrize("system", ["square", "shopify"])
def test_sales_customers_and_stock_come_in_by_job_too(app: App, shop: Shop, system: str) -> None:
    for kind, text in (
        ("products", files.PRODUCTS[system]),
        ("stock", files.PRODUCTS[system]),
        ("customers", files.CUSTOMERS[system]),
        ("sales", files.SALES[system]),
    ):
        upload = a_file(text, kind)
        app.run(submit_import, shop.owner, upload)
        ticket = work(app, shop, upload)
        assert ticket.state == "done", ticket.error
    total = rows(app, "SELECT sum(total)::bigint AS total FROM sales WHERE tenant_id = %s", (shop.tenant_id,))
    assert total == [{"total": sum(each for each, _ in files.EXPECTED_SALES[system].values())}]
    assert_books_hold(app, shop)


def test_the_job_may_do_what_its_sender_may(app: App, shop: Shop) -> None:
    upload = a_file()
    app.run(submit_import, shop.clerk, upload)
    ticket = work(app, shop, upload)
    assert ticket.outcome["prices_kept"] == 1
    price = rows(app, "SELECT unit_price FROM products WHERE tenant_id = %s AND sku = 'A-1'", (shop.tenant_id,))
    assert price == [{"unit_price": Decimal(1)}]
    for kind in ("customers", "sales", "stock"):
        with pytest.raises(PermissionDenied):
            app.run(submit_import, shop.clerk, a_file(kind=kind))
    with pytest.raises(PermissionDenied):
        app.run(submit_import, shop.cashier, a_file())


def test_a_job_is_seen_by_who_asked_and_by_who_runs_the_shop_alone(app: App, shop: Shop, other_shop: Shop) -> None:
    upload = a_file()
    app.run(submit_import, shop.manager, upload)
    which = {"id": upload["id"]}
    assert app.run(show_job, shop.manager, which).asked_by == "Manager"
    assert app.run(show_job, shop.owner, which).state == "waiting"
    for stranger in (shop.clerk, other_shop.owner):
        with pytest.raises(TicketNotFound):
            app.run(show_job, stranger, which)
        with pytest.raises(ImportNotFound):
            app.run(refused_rows, stranger, which)
        with pytest.raises(ImportNotFound):
            app.run(add_part, stranger, {**which, "part_no": 1, "content": "eA=="})
    with pytest.raises(ImportNotFound):
        app.run(run_upload, system_actor(other_shop.tenant_id), which)
    with pytest.raises(InvalidInput):
        app.run(submit_import, shop.owner, a_file(parts=2))


def test_how_a_shape_is_read_is_kept_for_the_tenant_alone(app: App, shop: Shop, other_shop: Shop) -> None:
    which = {"kind": "products", "header": "ab" * 32}
    said = {**which, "columns": {"Nr": "sku"}, "decimal": "comma", "date_formats": ["dmy"]}
    app.run(save_mapping, shop.clerk, said)
    app.run(save_mapping, shop.clerk, {**said, "columns": {"No": "sku"}})
    found = app.run(find_mapping, shop.owner, which)
    assert (found.columns, found.decimal, found.date_formats) == ({"No": "sku"}, "comma", ["dmy"])
    assert app.run(find_mapping, other_shop.owner, which).columns == {}
    for operation, data in ((save_mapping, said), (find_mapping, which)):
        with pytest.raises(PermissionDenied):
            app.run(operation, shop.cashier, data)


def test_what_is_the_owners_to_bring_in_is_refused_to_others(app: App, shop: Shop) -> None:
    key = {"fingerprint": "0" * 64, "source": "old", "file_name": "old.csv"}
    batch = {"run": key, "start": 0, "rows": 0}
    for operation, data, identity in (
        (plan_customers, {"fingerprint": "0" * 64}, shop.manager),
        (load_customers, {**batch, "customers": []}, shop.manager),
        (plan_stock, {"fingerprint": "0" * 64}, shop.cashier),
        (load_stock, {**batch, "levels": []}, shop.cashier),
        (show_job, {"id": new_id()}, ANONYMOUS),
    ):
        with pytest.raises((PermissionDenied, Unauthenticated)):
            app.run(operation, identity, data)


def test_a_batch_of_stock_that_is_behind_changes_nothing(app: App, shop: Shop) -> None:
    key = {"fingerprint": "1" * 64, "source": "old", "file_name": "old.csv"}
    level = {"sku": "A-1", "outlet": "main", "quantity": "7"}
    batch = {"run": key, "start": 0, "rows": 1, "levels": [level]}
    assert app.run(load_stock, shop.owner, batch).changed == 1
    assert app.run(load_stock, shop.owner, {**batch, "levels": [{**level, "quantity": "9"}]}).changed == 0
    with pytest.raises(ImportMoved):
        app.run(load_stock, shop.owner, {**batch, "start": 5})
    with pytest.raises(OutletNotFound):
        app.run(load_stock, shop.owner, {**batch, "start": 1, "levels": [{**level, "outlet": "moon"}]})
    there = rows(app, "SELECT quantity FROM stock_levels WHERE tenant_id = %s", (shop.tenant_id,))
    assert there == [{"quantity": Decimal(7)}]
    assert_books_hold(app, shop)


def test_two_imports_of_stock_at_once_take_turns(app: App, shop: Shop) -> None:
    ready = threading.Barrier(4)
    failures: list[BaseException] = []

    def count(number: int) -> None:
        key = {"fingerprint": f"{number:064x}", "source": "old", "file_name": "old.csv"}
        levels = [{"sku": sku, "outlet": "main", "quantity": str(number)} for sku in ("A-1", "B-2", "C-3")]
        if number % 2:
            levels.reverse()
        ready.wait()
        try:
            app.run(load_stock, shop.owner, {"run": key, "start": 0, "rows": 3, "levels": levels, "is_last": True})
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=count, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    # One count was the last, for all three; and every level is the sum of its movements.
    there = rows(app, "SELECT DISTINCT quantity FROM stock_levels WHERE tenant_id = %s", (shop.tenant_id,))
    assert len(there) == 1
    assert_books_hold(app, shop)
