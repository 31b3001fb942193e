"""Files in and tables out over HTTP."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from tests.domain.importing.test_uploads import a_file, work

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from primepos.core.operations import App
    from tests.factories import Shop

CSV = {"Accept": "text/csv"}


def test_over_http_a_file_goes_in_and_tables_come_out(app: App, shop: Shop, ask: Callable[..., Any]) -> None:
    upload = a_file()
    answer = ask(shop.owner, "POST", "/api/v1/imports", json=upload)
    assert (answer.status_code, answer.json()) == (202, {"id": upload["id"], "missing": []})
    work(app, shop, upload)
    job = ask(shop.owner, "GET", f"/api/v1/jobs/{upload['id']}")
    assert (job.status_code, job.json()["state"]) == (200, "done")
    table = ask(shop.owner, "GET", "/api/v1/exports/products", headers=CSV)
    assert table.status_code == 200
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"] == 'attachment; filename="products.csv"'
    found = {row["sku"]: row["unit_price"] for row in csv.DictReader(io.StringIO(table.text))}
    assert found == {"A-1": "1.2", "B-2": "2.5", "C-3": "9.99", "N-1": "3"}
    part = ask(shop.owner, "GET", "/api/v1/exports/products", params={"limit": 1}).json()
    assert (len(part["rows"]), part["rows"][0][0]) == (1, "A-1")
    assert ask(shop.cashier, "GET", "/api/v1/exports/products", headers=CSV).status_code == 403
    assert ask(None, "GET", "/api/v1/exports/products", headers=CSV).status_code == 401
    assert ask(shop.owner, "GET", "/api/v1/exports/nothing", headers=CSV).status_code == 404


def test_a_table_of_many_parts_is_streamed_whole(
    app: App, shop: Shop, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from primepos.api import streaming

    monkeypatch.setattr(streaming, "MOST_ROWS", 1)
    table = ask(shop.owner, "GET", "/api/v1/exports/products", headers=CSV)
    assert [row["sku"] for row in csv.DictReader(io.StringIO(table.text))] == ["A-1", "B-2", "C-3"]
