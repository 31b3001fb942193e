"""Exports: whole, exact, harmless, and back again byte for byte."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.cli import session
from primepos.cli.main import app as cli
from primepos.cli.main import run
from primepos.core.db import run_in_transaction
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.catalog.models import TaxClass
from primepos.domain.catalog.service import create_product
from primepos.domain.exporting.datasets import NAMES
from primepos.domain.exporting.errors import NotByDay, UnknownDataset
from primepos.domain.exporting.schemas import ColumnOut
from primepos.domain.exporting.service import list_datasets, read_part
from primepos.domain.exporting.writing import CsvWriter, SheetWriter, harmless, original
from primepos.domain.importing.files import examine
from primepos.domain.importing.service import load_products
from primepos.domain.outlets.models import Outlet
from primepos.domain.sales.service import book_sale
from primepos.domain.tenancy.models import Tenant
from tests.domain.importing import files
from tests.factories import basket, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App
    from tests.factories import Shop

WORKED_OUT = ("=1+1", "+4917", "-2", "@SUM(A1)", "\tx", "'", "''=1", "'quoted'", "＝1+1", "'=1+1")


@pytest.fixture(autouse=True)
def opened(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command line on the test's App, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    session.use_app(app)
    yield
    session.use_app(None)


@pytest.fixture
def bare_shop(app: App, shop: Shop) -> Shop:
    """A tenant with an outlet and a tax class of the same code, and nothing else."""

    def work(uow: UnitOfWork) -> tuple[int, Any]:
        tenant = Tenant(
            slug=f"bare-{new_id().hex[-12:]}", name="Bare", currency="EUR", zone="Europe/Berlin", country="DE"
        )
        uow.session.add(tenant)
        uow.session.flush()
        outlet = Outlet(tenant_id=tenant.id, code="main", name="Main street")
        uow.session.add_all([outlet, TaxClass(tenant_id=tenant.id, code="standard", name="Standard")])
        uow.session.flush()
        uow.commit()
        return tenant.id, tenant.slug

    tenant_id, slug = run_in_transaction(app.database.system_session, work)
    return replace(shop, tenant_id=tenant_id, slug=slug, people={})


def exported(shop: Shop, name: str, into: Path, *options: str) -> bytes:
    assert run(cli, ["export", name, "--into", str(into), "--tenant", shop.slug, *options]) == 0
    return into.read_bytes()


def part(app: App, shop: Shop, dataset: str, **asked: Any) -> Any:
    return app.run(read_part, shop.owner, {"dataset": dataset, **asked})


@given(st.text())
def test_what_is_made_harmless_comes_back_and_begins_with_nothing_that_is_worked_out(text: str) -> None:
    assert original(harmless(text)) == text
    assert harmless(text)[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}


@given(
    st.lists(
        st.tuples(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\x00\r"))), max_size=5
    )
)
def test_every_text_survives_a_csv(texts: list[tuple[str]]) -> None:
    into = io.StringIO(newline="")
    writer = CsvWriter(into)
    writer.begin("x", [ColumnOut(name="a", kind="text"), ColumnOut(name="n", kind="number")])
    writer.write([(text, "-1.5") for (text,) in texts])
    _, *found = csv.reader(io.StringIO(into.getvalue(), newline=""))
    assert [(original(cell), number) for cell, number in found] == [(text, "-1.5") for (text,) in texts]


def test_a_sheet_holds_texts_and_numbers_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    columns = [ColumnOut(name="a", kind="text"), ColumnOut(name="n", kind="money")]
    with SheetWriter(path) as book:
        book.begin("things", columns)
        book.write([(text, "-4.35") for text in WORKED_OUT if "\t" not in text])
        book.write([("long", "12345678901234.56")])
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    with examine(path).open() as text:
        _, *found = csv.reader(text)
    assert [original(cell) for cell, _ in found[:-1]] == [text for text in WORKED_OUT if "\t" not in text]
    assert {number for _, number in found[:-1]} == {"-4.35"}
    assert found[-1] == ["long", "12345678901234.56"]


def test_every_table_can_be_read_in_parts_of_one_row(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    app.run(book_sale, shop.cashier, basket(shop))
    for name in NAMES:
        whole = part(app, shop, name)
        assert whole.next is None
        found: list[list[str]] = []
        after = None
        while True:
            one = part(app, shop, name, limit=1, after=after)
            assert len(one.rows) <= 1
            found += one.rows
            after = one.next
            if after is None:
                break
        # Reading sets nothing down, so the trail did not grow meanwhile.
        assert found == whole.rows, name
        assert all(len(row) == len(whole.columns) for row in whole.rows)
    assert {name for name in NAMES if not part(app, shop, name).rows} == {
        "customers", "variants", "prices", "units", "kits",
    }  # fmt: skip


def test_sales_lines_taxes_and_payments_add_up(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))

    def column(dataset: str, name: str) -> list[str]:
        found = part(app, shop, dataset)
        place = [each.name for each in found.columns].index(name)
        return [row[place] for row in found.rows]

    total = column("sales", "total")
    assert len(total) == 1
    assert sum(map(Decimal, column("sale_lines", "total"))) == Decimal(total[0])
    assert sum(map(Decimal, column("payments", "amount"))) == Decimal(total[0])
    assert sum(map(Decimal, column("sale_taxes", "amount"))) == Decimal(column("sales", "tax")[0])


def test_only_what_happened_can_be_asked_for_by_day(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    day = sale.business_date.isoformat()
    assert len(part(app, shop, "sale_lines", from_on=day, to_on=day).rows) > 0
    assert part(app, shop, "sales", from_on="2099-01-01").rows == []
    for name in ("products", "customers", "audit"):
        with pytest.raises(NotByDay):
            part(app, shop, name, to_on=day)


def test_who_may_not_read_a_table_may_not_export_it(app: App, shop: Shop) -> None:
    with pytest.raises(PermissionDenied):
        app.run(read_part, shop.cashier, {"dataset": "products"})
    with pytest.raises(PermissionDenied) as denied:
        app.run(read_part, shop.manager, {"dataset": "audit"})
    assert denied.value.data["permission"] == "audit:read"
    allowed = {row.name for row in app.run(list_datasets, shop.manager).rows if row.is_open}
    assert allowed == set(NAMES) - {"audit"}
    with pytest.raises(UnknownDataset):
        part(app, shop, "users")
    for wrong in ("x", "WyJ4Il0"):
        with pytest.raises(InvalidInput):
            part(app, shop, "sales", after=wrong)


def test_one_tenants_export_holds_nothing_of_another(app: App, shop: Shop, other_shop: Shop) -> None:
    app.run(book_sale, other_shop.cashier, basket(other_shop))
    app.run(create_product, other_shop.owner, {"sku": "THEIRS", "name": "Theirs", "unit_price": "1"})
    for name in NAMES:
        assert "THEIRS" not in str(part(app, shop, name).rows)
    assert part(app, shop, "sales").rows == []


def _fill(app: App, shop: Shop, tmp_path: Path) -> None:
    """Give a shop products with variants and packs, customers and stock, with texts that are a spreadsheet's dread."""
    for system in ("square", "shopify", "loyverse"):
        path = tmp_path / f"{system}.csv"
        path.write_text(files.PRODUCTS[system])
        run(cli, ["import", "products", str(path), "--tenant", shop.slug])
        run(cli, ["import", "stock", str(path), "--tenant", shop.slug])
        people = tmp_path / f"{system}-people.csv"
        people.write_text(files.CUSTOMERS[system])
        assert run(cli, ["import", "customers", str(people), "--tenant", shop.slug]) == 0
    goods = [
        {"sku": text.strip(), "name": text.strip(), "unit_price": "1.2345", "category": "=cmd|' /C calc'!A0"}
        for text in WORKED_OUT
    ]
    goods.append({
        "sku": " blanks ", "name": "Packs", "unit_price": "0", "sold_by": "weight",
        "barcodes": [{"code": "4006381333962"}, {"code": "=6PACK", "quantity": "6"}],
    })  # fmt: skip
    run_key = {"fingerprint": new_id().hex * 2, "source": "test", "file_name": "x"}
    app.run(
        load_products,
        shop.owner,
        {"run": run_key, "start": 0, "rows": 1, "products": goods, "archived": ["@SUM(A1)"], "is_last": True},
    )


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_comes_back_byte_for_byte(
    app: App, shop: Shop, bare_shop: Shop, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _fill(app, shop, tmp_path)
    for name in ("products", "customers", "stock"):
        first = exported(shop, name, tmp_path / f"{name}.csv")
        assert len(first.splitlines()) > 3
        file = tmp_path / f"{name}.{form}"
        exported(shop, name, file)
        capsys.readouterr()
        assert run(cli, ["import", name, str(file), "--tenant", bare_shop.slug, "--json"]) == 0, capsys.readouterr().err
        assert json.loads(capsys.readouterr().out)["refused"] == 0
        assert exported(bare_shop, name, tmp_path / f"{name}-again.csv") == first


def test_a_parent_without_variants_stays_one_and_a_kit_is_refused(app: App, shop: Shop, tmp_path: Path) -> None:
    header = exported(shop, "products", tmp_path / "p.csv").decode().splitlines()[0]
    rows_of = "P-1,Parent,,standard,5,each,yes,,,parent,,,,,,,,no\n"
    (tmp_path / "in.csv").write_text(f"{header}\n{rows_of}K-1,Kit,,standard,9,each,yes,,,kit,,,,,,,,no\n")
    assert run(cli, ["import", "products", str(tmp_path / "in.csv"), "--tenant", shop.slug]) == 1
    assert "KIT_REFUSED" in (tmp_path / "in.errors.csv").read_text()
    assert rows_of in exported(shop, "products", tmp_path / "p.csv").decode()


def test_all_goes_into_a_folder_a_zip_or_one_spreadsheet(
    app: App, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    assert run(cli, ["export", "all", "--into", "out", "--tenant", shop.slug, "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["rows"]
    assert set(counts) == set(NAMES)
    assert {path.stem for path in (tmp_path / "out").iterdir()} == set(NAMES)
    assert run(cli, ["export", "all", "--into", "out.zip", "--tenant", shop.slug]) == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("sales.csv") == (tmp_path / "out" / "sales.csv").read_bytes()
    assert run(cli, ["export", "all", "--into", "out.xlsx", "--from-on", "2026-01-01", "--tenant", shop.slug]) == 0
    assert examine(tmp_path / "out.xlsx", sheet="sales").is_sheet
    assert (tmp_path / "out.zip").stat().st_mode & 0o077 == 0


def test_a_locale_is_for_the_eye(app: App, shop: Shop, tmp_path: Path) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    text = exported(shop, "sales", tmp_path / "s.csv", "--locale", "de").decode()
    assert text.startswith("\ufeffreceipt;outlet;business_date;")
    assert ";02.03.2026;" in text
    assert run(cli, ["export", "sales", "--locale", "xx-yy", "--tenant", shop.slug]) == 2
    assert run(cli, ["export", "sales", "--into", "s.xlsx", "--locale", "de", "--tenant", shop.slug]) == 2


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(
        alphabet=st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Zs")), min_size=1, max_size=30
    )
)
def test_any_name_a_product_can_have_comes_back(
    app: App, shop: Shop, bare_shop: Shop, tmp_path: Path, name: str
) -> None:
    sku = new_id().hex
    app.run(create_product, shop.owner, {"sku": sku, "name": name, "unit_price": "1"})
    exported(shop, "products", tmp_path / "p.csv")
    assert run(cli, ["import", "products", str(tmp_path / "p.csv"), "--tenant", bare_shop.slug]) == 0
    stored = [
        rows(app, "SELECT name FROM products WHERE tenant_id = %s AND sku = %s", (each.tenant_id, sku))
        for each in (shop, bare_shop)
    ]
    assert stored[0] == stored[1]
    assert len(stored[0]) == 1


def test_naughty_strings_come_back(
    app: App, shop: Shop, bare_shop: Shop, tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    naughty = json.loads((shared_data / "bad-input" / "blns.json").read_text(encoding="utf-8"))
    header = "sku,name,price"
    with (tmp_path / "n.csv").open("w", newline="", encoding="utf-8", errors="replace") as file:
        file.write(f"{header}\n")
        writer = csv.writer(file)
        writer.writerows([f"n-{n}", text.replace("\x00", ""), "1.50"] for n, text in enumerate(naughty))
    run(cli, ["import", "products", str(tmp_path / "n.csv"), "--tenant", shop.slug, "--json"])
    done = json.loads(capsys.readouterr().out)
    # What is refused is empty or has characters that cannot be shown; nothing stops the rest.
    assert done["rows"] == done["created"] + done["refused"] == len(naughty)
    assert done["created"] > 400
    for form in ("csv", "xlsx"):
        first = exported(shop, "products", tmp_path / "products.csv")
        exported(shop, "products", tmp_path / f"products.{form}")
        capsys.readouterr()
        run(cli, ["import", "products", str(tmp_path / f"products.{form}"), "--tenant", bare_shop.slug, "--json"])
        assert json.loads(capsys.readouterr().out)["refused"] == 0
        assert exported(bare_shop, "products", tmp_path / "again.csv") == first
