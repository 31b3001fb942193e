"""What a file proves of its numbers and dates, what it does not, and spreadsheets that are none."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
import xlsxwriter

from primepos.domain.importing.cells import CellProblem, read_moment, read_price, read_quantity
from primepos.domain.importing.errors import FileUnreadable
from primepos.domain.importing.files import examine
from primepos.domain.importing.habits import DateEvidence, NumberEvidence
from primepos.domain.importing.mapping import fingerprint_of_header, propose, read_pairs
from primepos.domain.importing.registry import EXPORTS
from primepos.domain.importing.tables import read_layout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("cell", "sign"),
    [
        ("1.234,50", ","), ("1,234.50", "."), ("12,5", ","), ("12.5", "."), ("0.250", "."), (",250", ","),
        ("1.234.567", ","), ("1,234,567", "."), ("1234.567", "."), ("$1,234.50", "."), ("1.234,50 €", ","),
        ("1 234,5 kr", ","), ("12", None), ("1.234", None), ("1,234", None), ("abc", None), ("", None),
        ("(33.62)", "."), ("-12,50", ","), ("12,34,567.00", "."),
    ],
)  # fmt: skip
def test_a_number_proves_its_decimal_sign_or_nothing(cell: str, sign: str | None) -> None:
    found = NumberEvidence()
    found.add(2, cell)
    assert found.sign == sign
    assert bool(found.samples) == (cell in {"1.234", "1,234"})


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("13/04/2026", "dmy"), ("04/13/2026", "mdy"), ("2026/04/13", "ymd"), ("1.2.2026", "dmy"), ("01-16-26", "mdy"),
        ("03/04/2026", None), ("5/5/2026", None), ("2026-04-13", "ymd"), ("Apr 3, 2026", None), ("", None),
    ],
)  # fmt: skip
def test_a_date_proves_its_order_or_nothing(cell: str, order: str | None) -> None:
    found = DateEvidence()
    found.add(2, cell)
    assert found.order == order
    assert bool(found.samples) == (cell == "03/04/2026")


@pytest.mark.parametrize(
    ("cell", "formats", "moment"),
    [
        ("1/15/26 3:25 PM", ("mdy",), "2026-01-15T15:25:00"),
        ("15/01/2026 15:25", ("dmy",), "2026-01-15T15:25:00"),
        ("12:05", (), None),
        ("1/15/26 12:05 AM", ("mdy",), "2026-01-15T00:05:00"),
        ("1/15/26 13:05 PM", ("mdy",), None),
        ("15.01.2026", (), "2026-01-15T00:00:00"),
        ("Jan 15, 2026 3:25 pm", (), "2026-01-15T15:25:00"),
        ("15 January 2026", (), "2026-01-15T00:00:00"),
        ("2026-01-15 10:22:33 -0500", (), "2026-01-15T15:22:33"),
        ("2026-01-15T10:22:33Z", (), "2026-01-15T10:22:33"),
        ("31/02/2026", ("dmy",), None),
        ("03/04/2026", (), None),
    ],
)
def test_moments_as_tills_write_them(cell: str, formats: tuple[str, ...], moment: str | None) -> None:
    if moment is None:
        with pytest.raises(CellProblem, match="date"):
            read_moment(cell, "UTC", formats)
    else:
        assert read_moment(cell, "UTC", formats)[0].isoformat() == f"{moment}+00:00"


def test_numbers_as_people_write_them() -> None:
    assert read_price("1'234.50") == "1234.50"
    assert read_price("12,34,567.00") == "1234567.00"
    assert read_quantity("12.50-") == "-12.50"
    assert read_quantity("\u22122") == "-2"
    assert read_price("1.234,50 €", decimal_comma=True) == "1234.50"


def test_a_mapping_is_proposed_by_likeness_and_by_looks(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Nr;Was es ist;Unser Preis;Code128\nA1;Black tea;4,90;4006381333948\nB2;Mug;12,00;4006381333931\n")
    known, wanted = examine(path), EXPORTS["products"].generic.fields
    layout = read_layout(known, {}, delimiter=";")
    found = {each.field: (each.column, each.is_certain) for each in propose(known, layout, wanted)}
    assert found == {
        "sku": ("Nr", False), "name": ("Was es ist", False), "unit_price": ("Unser Preis", False),
        "barcode": ("Code128", False),
    }  # fmt: skip


def test_pairs_are_read_either_way_and_headers_known_in_any_order() -> None:
    wanted = EXPORTS["products"].generic.fields
    header = ("Preis=Netto", "Art. No", "name")
    assert read_pairs(["unit_price=Preis=Netto", "Art. No=sku"], header, wanted) == {
        "Preis=Netto": "unit_price", "Art. No": "sku",
    }  # fmt: skip
    assert fingerprint_of_header(["A", "b "]) == fingerprint_of_header(["B", "error_row", "a"])


def test_a_sheet_keeps_its_row_numbers_and_its_values(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("empty")
        sheet = book.add_worksheet("goods")
        sheet.write_row(1, 1, ["sku", "price", "ok"])
        sheet.write_row(2, 1, [4006381333931, 4.35, True])
        sheet.write_formula(3, 2, "=1+1", None, 2)
    with examine(path).open() as text:
        assert text.read() == ",,,\n,sku,price,ok\n,4006381333931,4.35,yes\n,,2,\n"
    with pytest.raises(FileUnreadable, match="there is no sheet nothing"):
        examine(path, sheet="nothing")


def test_a_sheet_that_would_fill_the_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "b")
    with pytest.raises(FileUnreadable, match="spans more than"):
        examine(path)


def test_what_only_looks_like_a_sheet_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("content.xml", "<x/>")
    for name, content in (
        ("a.ods", packed.getvalue()),
        ("b.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
        ("c.xlsx", b"PK\x03\x04broken"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileUnreadable):
            examine(tmp_path / name)
