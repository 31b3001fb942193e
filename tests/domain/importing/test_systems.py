"""Moving in from Square, Loyverse, Shopify and WooCommerce: every file told by its columns, every total exact."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from primepos.cli import session
from primepos.cli.main import app as cli
from primepos.cli.main import run
from tests.domain.importing import files
from tests.factories import assert_books_hold, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from primepos.core.operations import App
    from tests.factories import Shop

SYSTEMS = ("square", "loyverse", "shopify", "woocommerce")


@pytest.fixture(autouse=True)
def opened(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command line on the test's App, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    session.use_app(app)
    yield
    session.use_app(None)


def bring_in(shop: Shop, what: str, path: Path, text: str, *options: str, encoding: str = "utf-8") -> int:
    path.write_bytes(text.encode(encoding))
    return run(cli, ["import", what, str(path), "--tenant", shop.slug, *options])


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def everything(app: App, shop: Shop) -> dict[str, list[str]]:
    return {
        table: [
            row["row"]
            for row in rows(
                app, f"SELECT t::text AS row FROM {table} t WHERE tenant_id = %s ORDER BY 1", (shop.tenant_id,)
            )
        ]
        for table in ("products", "product_barcodes", "product_variants", "product_options", "stock_levels",
                      "stock_movements", "customers", "sales", "sale_lines")
    }  # fmt: skip


@pytest.mark.parametrize("system", SYSTEMS)
def test_products_and_their_stock_move_in_and_again_changes_nothing(
    app: App, shop: Shop, tmp_path: Path, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, text = tmp_path / "items.csv", files.PRODUCTS[system]
    refused = files.REFUSED_PRODUCTS[system]

    assert bring_in(shop, "products", file, text, "--json") == (1 if refused else 0)
    wanted = files.EXPECTED_PRODUCTS[system]
    first = told(capsys)
    assert (first["created"], first["refused"]) == (len(wanted), len(refused))
    made = rows(
        app,
        "SELECT p.sku, p.name, p.unit_price, c.name AS category, p.sold_by, p.track_stock, parent.sku AS parent"
        " FROM products p LEFT JOIN categories c ON c.tenant_id = p.tenant_id AND c.id = p.category_id"
        " LEFT JOIN product_variants v ON v.tenant_id = p.tenant_id AND v.product_id = p.id"
        " LEFT JOIN products parent ON parent.tenant_id = v.tenant_id AND parent.id = v.parent_id"
        " WHERE p.tenant_id = %s AND p.sku = ANY(%s) ORDER BY p.sku",
        (shop.tenant_id, list(wanted)),
    )
    assert {row.pop("sku"): tuple(row.values()) for row in made} == {
        sku: (name, Decimal(price), *rest) for sku, (name, price, *rest) in wanted.items()
    }
    if refused:
        with (tmp_path / "items.errors.csv").open() as errors:
            assert [row["error_code"] for row in csv.DictReader(errors)] == refused

    assert bring_in(shop, "stock", file, text, "--json") == 0
    counted = told(capsys)
    levels = files.EXPECTED_STOCK[system]
    assert counted["changed"] == len([each for each in levels.values() if each != "0"])
    there = rows(
        app,
        "SELECT p.sku, l.quantity FROM stock_levels l JOIN products p ON p.tenant_id = l.tenant_id"
        " AND p.id = l.product_id WHERE l.tenant_id = %s AND p.sku = ANY(%s)",
        (shop.tenant_id, list(wanted)),
    )
    assert {row["sku"]: row["quantity"] for row in there} == {sku: Decimal(n) for sku, n in levels.items()}

    before = everything(app, shop)
    run(cli, ["import", "products", str(file), "--tenant", shop.slug])
    run(cli, ["import", "stock", str(file), "--tenant", shop.slug])
    # The same goods in another file: nothing is new in it.
    bring_in(shop, "products", tmp_path / "again.csv", text + "\r\n", "--json")
    capsys.readouterr()
    assert everything(app, shop) == before
    assert_books_hold(app, shop)


@pytest.mark.parametrize("system", SYSTEMS)
def test_customers_move_in_and_again_changes_nothing(
    app: App, shop: Shop, tmp_path: Path, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, text = tmp_path / "people.csv", files.CUSTOMERS[system]
    assert bring_in(shop, "customers", file, text, "--dry-run", "--json") == 0
    rehearsed = told(capsys)
    assert (rehearsed["created"], rehearsed["dry_run"]) == (2, True)
    assert everything(app, shop)["customers"] == []

    assert bring_in(shop, "customers", file, text, "--json") == 0
    assert told(capsys)["created"] == 2
    names = rows(app, "SELECT name FROM customers WHERE tenant_id = %s ORDER BY name", (shop.tenant_id,))
    assert [row["name"] for row in names] == files.EXPECTED_CUSTOMERS[system]

    before = everything(app, shop)
    assert bring_in(shop, "customers", tmp_path / "again.csv", text + "\r\n", "--json") == 0
    again = told(capsys)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)
    assert everything(app, shop) == before


@pytest.mark.parametrize("system", SYSTEMS)
def test_past_sales_move_in_to_the_cent_and_again_changes_nothing(
    app: App, shop: Shop, tmp_path: Path, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, text = tmp_path / "sales.csv", files.SALES[system]
    wanted = files.EXPECTED_SALES[system]
    assert bring_in(shop, "sales", file, text, "--json") == 0

    months = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(Decimal(month["booked_sum"]) for month in months) == Decimal(sum(t for t, _ in wanted.values())) / 100
    assert [month["exact_sum"] for month in months] == [month["booked_sum"] for month in months]
    stored = rows(
        app,
        "SELECT s.external_number, s.total, s.tax, sum(l.total)::bigint AS lines, sum(l.tax)::bigint AS taxes"
        " FROM sales s JOIN sale_lines l ON l.tenant_id = s.tenant_id AND l.sale_id = s.id"
        " WHERE s.tenant_id = %s GROUP BY 1, 2, 3",
        (shop.tenant_id,),
    )
    assert {row["external_number"]: (row["total"], row["tax"]) for row in stored} == wanted
    assert all((row["lines"], row["taxes"]) == (row["total"], row["tax"]) for row in stored)

    before = everything(app, shop)
    assert bring_in(shop, "sales", tmp_path / "again.csv", text + "\r\n", "--json") == 0
    capsys.readouterr()
    assert everything(app, shop) == before
    assert_books_hold(app, shop)


def test_the_clock_of_a_sale_is_its_own_zone_and_a_line_keeps_what_was_taken_off(
    app: App, shop: Shop, tmp_path: Path
) -> None:
    bring_in(shop, "sales", tmp_path / "s.csv", files.SALES["square"])
    bring_in(shop, "sales", tmp_path / "o.csv", files.SALES["shopify"])
    sold = rows(
        app,
        "SELECT external_number, sold_at, business_date::text AS day, customer_number FROM sales"
        " WHERE tenant_id = %s AND external_number IN ('T1', '#1001') ORDER BY 1",
        (shop.tenant_id,),
    )
    assert [
        (row["external_number"], row["sold_at"].isoformat(), row["day"], row["customer_number"]) for row in sold
    ] == [
        ("#1001", "2026-02-04T04:30:00+00:00", "2026-02-04", None),
        ("T1", "2026-01-14T22:52:03+00:00", "2026-01-14", "SQ1"),
    ]
    lines = rows(
        app,
        "SELECT l.sku, l.quantity, l.unit_price, l.discount, l.total, l.tax FROM sale_lines l JOIN sales s"
        " ON s.tenant_id = l.tenant_id AND s.id = l.sale_id WHERE l.tenant_id = %s"
        " AND s.external_number IN ('T1', '#1001') ORDER BY s.external_number, l.line_no",
        (shop.tenant_id,),
    )
    assert [tuple(map(str, row.values())) for row in lines] == [
        ("SH-M", "1.000", "29.9000", "0", "3471", "481"),
        ("SH-L", "1.000", "29.9000", "0", "3471", "481"),
        ("DISCOUNT", "1.000", "-5.0000", "0", "-500", "0"),
        ("SHIPPING", "1.000", "4.9500", "0", "574", "79"),
        ("HB-1", "3.000", "3.3333", "100", "960", "60"),
        ("TEE-S", "1.000", "18.0000", "0", "1919", "119"),
    ]
    # Shipping and the discount are no goods.
    made = rows(app, "SELECT sku FROM products WHERE tenant_id = %s AND sku = upper(sku)", (shop.tenant_id,))
    assert {row["sku"] for row in made} == {"A-1", "B-2", "C-3", "SH-M", "SH-L", "HB-1", "TEE-S"}


def test_every_known_header_is_told_by_its_columns(shared_data: Path) -> None:
    from primepos.domain.importing.errors import WrongExport
    from primepos.domain.importing.files import examine
    from primepos.domain.importing.registry import KINDS, detect
    from primepos.domain.importing.tables import read_header

    found = {}
    for path in sorted((shared_data / "pos-export-headers").glob("*.csv")):
        _, header = read_header(examine(path))
        kinds = []
        for kind in KINDS:
            try:
                system = detect(kind, header, path.name).system
            except WrongExport:
                continue
            if system != "generic":
                kinds.append(f"{system} {kind}")
        found[path.stem] = kinds
    assert found == {
        "loyverse-item-sales-summary-13col": [],
        "loyverse-items-21col": ["loyverse products", "loyverse stock"],
        "loyverse-receipts-19col": ["loyverse sales"],
        "shopify-inventory-19col": ["shopify stock"],
        "shopify-orders-79col": ["shopify sales"],
        "shopify-products-2023": ["shopify products", "shopify stock"],
        "square-item-library-26col": ["square products", "square stock"],
        "square-item-library-old-13col": ["square products", "square stock"],
        "square-items-detail-2026-33col": ["square sales"],
        "square-items-detail-2026-35col": ["square sales"],
        "square-transactions-2026-55col": ["square-transactions sales"],
        "woocommerce-products-export-40col": ["woocommerce products", "woocommerce stock"],
    }


def test_a_known_export_of_something_else_is_named(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bring_in(shop, "products", tmp_path / "o.csv", files.SALES["shopify"]) == 2
    assert "looks like Shopify's order export, which holds no products" in capsys.readouterr().err


def test_dates_that_can_be_read_in_two_ways_are_refused_with_rows_to_look_at(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "number,date,sku,quantity,price\n1,03/04/2026,A-1,1,1.00\n2,05/06/2026,A-1,1,1.00\n3,07/08/2026,A-1,1,1.00\n"
    file = tmp_path / "s.csv"
    assert bring_in(shop, "sales", file, text) == 2
    err = capsys.readouterr().err
    assert "row 2: 03/04/2026, row 3: 05/06/2026, row 4: 07/08/2026" in err
    assert "--date-format" in err
    assert everything(app, shop)["sales"] == []
    assert bring_in(shop, "sales", file, text, "--date-format", "dmy") == 0
    days = rows(app, "SELECT business_date::text AS day FROM sales WHERE tenant_id = %s ORDER BY 1", (shop.tenant_id,))
    assert [row["day"] for row in days] == ["2026-04-03", "2026-06-05", "2026-08-07"]


def test_one_date_that_proves_its_order_settles_the_others(app: App, shop: Shop, tmp_path: Path) -> None:
    text = "number,date,sku,quantity,price\n1,03/04/2026,A-1,1,1.00\n2,05/16/2026,A-1,1,1.00\n"
    assert bring_in(shop, "sales", tmp_path / "s.csv", text) == 0
    days = rows(app, "SELECT business_date::text AS day FROM sales WHERE tenant_id = %s ORDER BY 1", (shop.tenant_id,))
    assert [row["day"] for row in days] == ["2026-03-04", "2026-05-16"]


def test_numbers_that_can_be_read_in_two_ways_are_refused_with_rows_to_look_at(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.csv"
    assert bring_in(shop, "products", file, "sku;name;price\nX;Ex;1.234\nY;Why;2\n") == 2
    err = capsys.readouterr().err
    assert "row 2: 1.234" in err
    assert "--decimal" in err
    assert bring_in(shop, "products", file, "sku;name;price\nX;Ex;1.234\nY;Why;2\n", "--decimal", "comma") == 0
    price = rows(app, "SELECT unit_price FROM products WHERE tenant_id = %s AND sku = 'X'", (shop.tenant_id,))
    assert price == [{"unit_price": Decimal(1234)}]


def test_a_german_list_needs_no_questions(app: App, shop: Shop, tmp_path: Path) -> None:
    text = "Artikelnummer;Bezeichnung;VK brutto;Warengruppe\n007;Käse;1.234,50 €;Kühl\n008;Öl;12,5;Kühl\n"
    assert bring_in(shop, "products", tmp_path / "p.csv", text, encoding="utf-16") == 0
    made = rows(
        app, "SELECT sku, name, unit_price FROM products WHERE tenant_id = %s AND sku LIKE '00%%'", (shop.tenant_id,)
    )
    assert sorted(tuple(row.values()) for row in made) == [
        ("007", "Käse", Decimal("1234.5")),
        ("008", "Öl", Decimal("12.5")),
    ]


def test_unknown_columns_are_proposed_and_once_named_remembered(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Nr;Was es ist;Kostet\nP-1;Pear;2.50\nP-2;Plum;3.75\n"
    file = tmp_path / "p.csv"
    assert bring_in(shop, "products", file, text) == 2
    err = capsys.readouterr().err
    assert 'name=Was es ist"' in err
    assert 'unit_price=Kostet"' in err
    options = ["--map", "sku=Nr", "--map", "name=Was es ist", "--map", "unit_price=Kostet"]
    assert bring_in(shop, "products", file, text, *options) == 0
    # Another file of the same shape, its columns elsewhere.
    other = "Kostet;Nr;Was es ist\n4.50;P-3;Peach\n"
    assert bring_in(shop, "products", tmp_path / "q.csv", other) == 0
    assert "read as last time" in capsys.readouterr().err
    made = rows(app, "SELECT sku, name FROM products WHERE tenant_id = %s AND sku LIKE 'P-%%'", (shop.tenant_id,))
    assert sorted(tuple(row.values()) for row in made) == [("P-1", "Pear"), ("P-2", "Plum"), ("P-3", "Peach")]


def test_a_person_is_shown_the_columns_and_corrects_them(
    app: App, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from primepos.cli import preparing

    answers = iter(["barcode=Nr", "nonsense=Nr", "sku=Nr", "name=Was es ist", "unit_price=Kostet", ""])
    monkeypatch.setattr(preparing.typer, "prompt", lambda *_, **__: next(answers))
    monkeypatch.setattr(preparing.Asked, "can_ask", lambda _: True)
    text = "Nr;Was es ist;Kostet\nP-1;Pear;2.50\n"
    assert bring_in(shop, "products", tmp_path / "p.csv", text) == 0
    made = rows(app, "SELECT name, unit_price FROM products WHERE tenant_id = %s AND sku = 'P-1'", (shop.tenant_id,))
    assert made == [{"name": "Pear", "unit_price": Decimal("2.5")}]
    assert list(answers) == []


def test_strict_changes_nothing_where_a_row_is_refused(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(app, shop)
    text = "sku,name,price\nX,Ex,1.00\nY,,2.00\n"
    assert bring_in(shop, "products", tmp_path / "p.csv", text, "--strict", "--json") == 1
    assert told(capsys)["dry_run"] is True
    assert everything(app, shop) == before
    mended = "error_row,error_code,error_problem,sku,name,price\n3,MISSING_VALUE,name is empty,Y,Why,2.00\n"
    assert bring_in(shop, "products", tmp_path / "m.csv", mended, "--strict", "--json") == 0
    assert told(capsys)["created"] == 1


def test_a_spoilt_byte_refuses_its_row_alone_and_comes_back_in_the_errors(app: App, shop: Shop, tmp_path: Path) -> None:
    good = "".join(f"K-{n},Käse {n},1.50\n" for n in range(20))
    file = tmp_path / "p.csv"
    file.write_bytes(f"sku,name,price\n{good}".encode() + b"BAD,K\xe4se,2.50\n")
    assert run(cli, ["import", "products", str(file), "--tenant", shop.slug]) == 1
    assert b"22,BAD_ENCODING" in (tmp_path / "p.errors.csv").read_bytes()
    assert b"BAD,K\xe4se,2.50" in (tmp_path / "p.errors.csv").read_bytes()
    made = rows(
        app, "SELECT count(*) AS n FROM products WHERE tenant_id = %s AND name LIKE 'Käse%%'", (shop.tenant_id,)
    )
    assert made == [{"n": 20}]


def test_stock_of_unknown_places_products_and_twice_is_told_row_by_row(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "sku,location,quantity\nA-1,Moon,5\n"
    run(cli, ["outlets", "create", "second", "--name", "Second", "--tenant", shop.slug])
    capsys.readouterr()
    assert bring_in(shop, "stock", tmp_path / "s.csv", text) == 2
    assert "Say which outlet Moon is" in capsys.readouterr().err
    text = "sku,location,quantity\nA-1,Moon,5\nNOPE,Moon,1\nA-1,Moon,6\n4006381333931,Moon,2\nC-3,Moon,x\n"
    assert bring_in(shop, "stock", tmp_path / "s.csv", text, "--location", "Moon=second", "--json") == 1
    assert told(capsys)["changed"] == 2
    with (tmp_path / "s.errors.csv").open() as errors:
        refused = {(row["sku"], row["error_code"]) for row in csv.DictReader(errors)}
    assert refused == {("NOPE", "UNKNOWN_PRODUCT"), ("A-1", "SKU_TWICE"), ("C-3", "BAD_NUMBER")}
    levels = rows(
        app,
        "SELECT p.sku, l.quantity FROM stock_levels l JOIN products p ON p.tenant_id = l.tenant_id"
        " AND p.id = l.product_id JOIN outlets o ON o.tenant_id = l.tenant_id AND o.id = l.outlet_id"
        " WHERE l.tenant_id = %s AND o.code = 'second' ORDER BY 1",
        (shop.tenant_id,),
    )
    assert [tuple(row.values()) for row in levels] == [("A-1", Decimal(5)), ("B-2", Decimal(2))]
