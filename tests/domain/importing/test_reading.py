"""Reading what other systems leave: encodings, delimiters, quotes, numbers, times, naughty texts."""

from __future__ import annotations

import csv
import gzip
import json
import lzma
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.core.amounts import InvalidAmount
from primepos.domain.importing.cells import (
    CellProblem,
    clean,
    line_total,
    read_choice,
    read_moment,
    read_name,
    read_price,
    read_quantity,
    read_sku,
)
from primepos.domain.importing.dialects import GENERIC, GENERIC_PRODUCTS, ONLINE_RETAIL
from primepos.domain.importing.errors import ColumnsMissing, FileUnreadable, UnknownColumn, UnknownField
from primepos.domain.importing.files import examine
from primepos.domain.importing.products_reader import read_products
from primepos.domain.importing.refusals import Refusal, RefusalFile
from primepos.domain.importing.sales_reader import read_sales
from primepos.domain.importing.tables import Layout, read_layout, rows

if TYPE_CHECKING:
    from pathlib import Path

    from primepos.domain.importing.sales_reader import SaleUnit

PRODUCT_FIELDS = GENERIC_PRODUCTS.fields
SALES_HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def a_file(tmp_path: Path, content: str | bytes, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(path: Path, **reading: str) -> list[list[str]]:
    """Every row of a file, read with nothing expected of its columns."""
    known = examine(path, reading.get("encoding"))
    layout = read_layout(known, {}, delimiter=reading.get("delimiter", ","))
    return [cells for _, cells in rows(known, layout)]


def retail(tmp_path: Path, *lines: str, header: str = SALES_HEADER, exponent: int = 2) -> list[SaleUnit]:
    known = examine(a_file(tmp_path, header + "".join(f"{line}\n" for line in lines)))
    layout = read_layout(known, ONLINE_RETAIL.fields)
    return list(read_sales(known, layout, ONLINE_RETAIL, zone="Europe/London", exponent=exponent).sales())


def test_the_csv_spectrum_is_read_as_its_authors_say(shared_data: Path) -> None:
    folder = shared_data / "bad-input" / "csv-spectrum"
    files = sorted((folder / "csvs").glob("*.csv"))
    assert len(files) >= 10
    for file in files:
        wanted = json.loads((folder / "json" / f"{file.stem}.json").read_text())
        known = examine(file)
        layout = read_layout(known, {}, delimiter=",")
        # The suite counts a row with empty cells; we pass over one that is empty altogether.
        found = [dict(zip(layout.header, cells, strict=False)) for _, cells in rows(known, layout)]
        assert found == [row for row in wanted if any(row.values())], file.name


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("a,b\nä,€\n".encode(), "utf-8"),
        ("a,b\nä,€\n".encode("utf-8-sig"), "utf-8-sig"),
        ("a,b\nä,€\n".encode("utf-16"), "utf-16"),
        ("a,b\nä,€\n".encode("utf-16-be").join([b"\xfe\xff", b""]), "utf-16"),
        ("a,b\nä,€\n".encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_is_told_from_the_bytes(tmp_path: Path, content: bytes, encoding: str) -> None:
    path = a_file(tmp_path, content)
    assert examine(path).encoding == encoding
    assert table(path) == [["ä", "€"]]


def test_text_in_no_known_encoding_is_refused_unless_it_is_named(tmp_path: Path) -> None:
    path = a_file(tmp_path, b"a\n\x81\x8d\n")
    with pytest.raises(FileUnreadable, match="neither UTF-8 nor Windows-1252"):
        examine(path)
    assert table(path, encoding="latin-1") == [["\x81\x8d"]]
    with pytest.raises(FileUnreadable, match="not ascii"):
        examine(path, "ascii")
    with pytest.raises(FileUnreadable, match="no encoding klingon"):
        examine(path, "klingon")


def test_a_late_stray_byte_changes_the_guess_for_the_whole_file(tmp_path: Path) -> None:
    path = a_file(tmp_path, b"a\n" + b"x\n" * 1_100_000 + "ä\n".encode("cp1252"))
    assert examine(path).encoding == "cp1252"


@pytest.mark.parametrize("pack", [lzma.compress, gzip.compress, bytes])
def test_packed_files_hold_the_same_as_plain_ones(tmp_path: Path, pack) -> None:
    plain = examine(a_file(tmp_path, "a\n1\n", "plain"))
    packed = examine(a_file(tmp_path, pack(b"a\n1\n"), "packed"))
    assert (packed.sha256, packed.size) == (plain.sha256, 4)
    assert table(packed.path) == [["1"]]


@pytest.mark.parametrize("pack", [lzma.compress, gzip.compress])
def test_a_damaged_or_cut_file_is_refused(tmp_path: Path, pack) -> None:
    whole = pack(b"a\n" + bytes(range(256)) * 4000)
    with pytest.raises(FileUnreadable, match="damaged or cut off"):
        examine(a_file(tmp_path, whole[: len(whole) // 2]))
    with pytest.raises(FileUnreadable, match="damaged or cut off"):
        examine(a_file(tmp_path, whole[:40] + b"\x00\xff" * 30 + whole[100:]))


def test_a_bomb_is_refused_before_it_fills_anything(tmp_path: Path) -> None:
    path = a_file(tmp_path, lzma.compress(b"0" * 5_000_000))
    assert path.stat().st_size < 5000
    with pytest.raises(FileUnreadable, match="unpacks to more than 1 MiB"):
        examine(path, most_bytes=1024**2)


def test_a_file_that_is_not_there_or_empty_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="No such file"):
        examine(tmp_path / "none.csv")
    known = examine(a_file(tmp_path, b""))
    with pytest.raises(ColumnsMissing, match="no column for name, unit_price; it has none"):
        read_layout(known, PRODUCT_FIELDS)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_makes_sense_of_the_header(tmp_path: Path, delimiter: str) -> None:
    header = delimiter.join(["SKU", "Product Name", "Price, net", "Retail Price"])
    if delimiter == ",":
        header = header.replace("Price, net", '"Price, net"')
    layout = read_layout(examine(a_file(tmp_path, f"{header}\n")), PRODUCT_FIELDS)
    assert (layout.delimiter, layout.places) == (delimiter, {"sku": 0, "name": 1, "unit_price": 3})


def test_columns_are_found_by_name_whatever_their_place_case_and_signs(tmp_path: Path) -> None:
    layout = read_layout(examine(a_file(tmp_path, "unit-PRICE,Foo,ITEM_NAME,Variant SKU\n")), PRODUCT_FIELDS)
    assert layout.places == {"unit_price": 0, "name": 2, "sku": 3}


def test_a_mapping_comes_before_the_known_names(tmp_path: Path) -> None:
    file = examine(a_file(tmp_path, "Name,Bezeichnung,Preis=Netto\n"))
    layout = read_layout(file, PRODUCT_FIELDS, mapping={"bezeichnung": "name", "Preis=Netto": "unit_price"})
    assert layout.places == {"name": 1, "unit_price": 2}
    layout = read_layout(file, PRODUCT_FIELDS, fixed={"unit_price": "1"})
    assert (layout.places, layout.cell(["Tea"], "unit_price"), layout.cell(["Tea"], "sku")) == ({"name": 0}, "1", "")


def test_a_mapping_that_names_nothing_is_refused(tmp_path: Path) -> None:
    file = examine(a_file(tmp_path, "Name,Price\n"))
    with pytest.raises(UnknownColumn, match="no column Preis; the file has Name, Price"):
        read_layout(file, PRODUCT_FIELDS, mapping={"Preis": "unit_price"})
    with pytest.raises(UnknownField, match="no field cost; the fields are sku, name"):
        read_layout(file, PRODUCT_FIELDS, mapping={"Price": "cost"})


def test_every_known_export_finds_its_columns(shared_data: Path) -> None:
    """Real exports of other systems: products that carry a name and a price are understood without a mapping."""
    for name in ("square-item-library-26col.csv", "shopify-products-2023.csv", "woocommerce-products-export-40col.csv"):
        layout = read_layout(examine(shared_data / "pos-export-headers" / name), PRODUCT_FIELDS)
        assert {"sku", "name", "unit_price"} <= set(layout.places), name


def test_a_quote_that_is_never_closed_is_told_and_not_swallowed(tmp_path: Path) -> None:
    path = a_file(tmp_path, 'a,b\n1,"2\n' + "x,y\n" * 60_000)
    with pytest.raises(FileUnreadable, match=r"after row 1: .*is a quote never closed"):
        table(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", "8"),
        ("-1", "-1"),
        ("17850.0", "17850.0"),
        ("$8.00", "8.00"),
        ("-$3.00", "-3.00"),
        ("($33.62)", "-33.62"),
        (" $1,149.00 ", "1149.00"),
        ("1,149", "1149"),
        ("GBP 2.55", "2.55"),
        ("2.55 EUR", "2.55"),
        ("1e3", "1000"),
        ("0.001", "0.001"),
        ("1\u00a0149.5", "1149.5"),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: str) -> None:
    assert read_price(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1.149,00", "1149.00"), ("2,5", "2.5"), ("3", "3"), ("-1.000", "-1000"), ("1 149,5", "1149.5")]
)
def test_decimal_commas_are_read_where_they_are_announced(text: str, value: str) -> None:
    assert read_price(text, True) == value


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1,14", "NaN", "inf", "0x10", "1e99", "٣", "--1", "1,1490.00"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(CellProblem) as caught:
        read_price(text)
    assert caught.value.code == ("BAD_NUMBER" if text else "MISSING_VALUE")


def test_more_places_than_can_be_kept_are_refused_rather_than_rounded() -> None:
    assert (read_price("1.23450"), read_quantity("1.5000")) == ("1.2345", "1.500")
    for read, text in ((read_price, "1.23456"), (read_quantity, "1.2345")):
        with pytest.raises(CellProblem, match="decimal places"):
            read(text)


@given(
    quantity=st.decimals(-9999, 9999, places=3), price=st.decimals(-9999, 9999, places=4), exponent=st.integers(0, 3)
)
def test_a_line_is_rounded_half_up_like_any_amount(quantity: Decimal, price: Decimal, exponent: int) -> None:
    exact = quantity * price * 10**exponent
    wanted = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert line_total(str(quantity), str(price), exponent) == wanted


def test_a_line_too_large_for_a_ledger_is_refused() -> None:
    with pytest.raises(InvalidAmount, match="too large"):
        line_total("999999999", "9999999999", 2)


def test_local_times_become_utc_and_keep_their_local_day() -> None:
    def london(text: str, *formats: str) -> tuple[datetime, date]:
        return read_moment(text, "Europe/London", formats)

    assert london("2010-12-01 08:26:00") == (datetime(2010, 12, 1, 8, 26, tzinfo=UTC), date(2010, 12, 1))
    assert london("2011-07-01 00:30:00") == (datetime(2011, 6, 30, 23, 30, tzinfo=UTC), date(2011, 7, 1))
    assert london("2011-07-01T00:30+05:00") == (datetime(2011, 6, 30, 19, 30, tzinfo=UTC), date(2011, 6, 30))
    assert london("2011-03-02") == (datetime(2011, 3, 2, tzinfo=UTC), date(2011, 3, 2))
    assert london("12/1/2010 8:26", "%m/%d/%Y %H:%M")[1] == date(2010, 12, 1)
    # The hour that happened twice is its first.
    assert london("2011-10-30 01:30")[0] == datetime(2011, 10, 30, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "20110302", "2011-13-01", "0001-01-01", "9999-12-31 23:59", "2011-02-30"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(CellProblem) as caught:
        read_moment(text, "Europe/London", ())
    assert caught.value.code == ("BAD_DATE" if text else "MISSING_VALUE")


def test_codes_keep_case_and_zeros_and_texts_lose_outer_blanks() -> None:
    assert (read_sku(" 00085123a "), read_sku("85123A")) == ("00085123a", "85123A")
    assert read_name("  WHITE  HANGING\tHEART \n") == "WHITE HANGING HEART"
    assert read_choice(" Yes ", "x") is True
    assert read_choice("", "x") is None
    with pytest.raises(CellProblem, match="neither yes nor no"):
        read_choice("maybe", "x")


def test_a_formula_stays_text_and_loses_only_the_apostrophe_put_before_it() -> None:
    given_cells = ["=1+1", "'=1+1", "'-3", "'007", "'90s", "'tis", "'", ""]
    assert [clean(each) for each in given_cells] == ["=1+1", "=1+1", "-3", "007", "'90s", "'tis", "'", ""]


def test_naughty_texts_are_taken_whole_or_refused_with_a_reason(shared_data: Path) -> None:
    naughty = json.loads((shared_data / "bad-input" / "blns.json").read_text())
    for file in sorted((shared_data / "bad-input" / "fuzzdb").glob("[!_]*.txt")):
        naughty += file.read_text(encoding="utf-8", errors="replace").splitlines()
    assert len(naughty) > 500
    taken, codes = 0, set()
    for text in naughty:
        try:
            name = read_name(text)
        except CellProblem as problem:
            codes.add(problem.code)
        else:
            taken += 1
            assert "\x00" not in name
            assert "\n" not in name
            assert name == name.strip()
    assert taken > 400
    assert codes <= {"TEXT_REFUSED", "NUL_CHARACTER"}


def test_a_nul_is_refused_politely() -> None:
    with pytest.raises(CellProblem, match="contains a NUL character") as caught:
        read_name("a\x00b")
    assert caught.value.code == "NUL_CHARACTER"


def test_lines_of_a_sale_are_put_together_wherever_they_stand(tmp_path: Path) -> None:
    units = retail(
        tmp_path,
        "1,A,Apple,1,2010-12-01 08:30,1.00,17850.0,UK",
        "2,A,Apple,1,2010-12-01 08:31,1.00,,UK",
        "1,B,,2,2010-12-01 08:29,0.50,17850.0,UK",
    )
    assert [(unit.rows, unit.sale and unit.sale.number) for unit in units] == [(1, "2"), (2, "1")]
    sale = units[1].sale
    assert sale is not None
    assert [(line.sku, line.name, line.quantity, line.unit_price) for line in sale.lines] == [
        ("A", "Apple", "1", "1.00"),
        ("B", "B", "2", "0.50"),
    ]
    assert (sale.sold_at, sale.customer, sale.is_cancellation) == (
        datetime(2010, 12, 1, 8, 29, tzinfo=UTC),
        "17850",
        False,
    )


def test_repeated_lines_are_no_duplicates(tmp_path: Path) -> None:
    line = "1,A,Apple,1,2010-12-01 08:30,1.00,,UK"
    (unit,) = retail(tmp_path, line, line)
    assert unit.sale is not None
    assert len(unit.sale.lines) == 2


def test_cancellations_and_corrections_are_told_by_their_number(tmp_path: Path) -> None:
    units = retail(
        tmp_path,
        "C1,A,Apple,-1,2010-12-01 08:30,1.00,,UK",
        "A1,B,Adjust bad debt,1,2010-12-01 08:30,-11062.06,,UK",
        "2,D,Discount,-1,2010-12-01 08:30,27.50,,UK",
    )
    told = [(unit.sale.number, unit.sale.is_cancellation) for unit in units if unit.sale is not None]
    assert told == [("C1", True), ("A1", False), ("2", False)]


def test_a_generic_sale_whose_every_line_came_back_is_a_cancellation(tmp_path: Path) -> None:
    file = examine(
        a_file(
            tmp_path,
            "Receipt;Date;Time;SKU;Qty;Price\n1;2026-03-02;9:05;A;-1;1,50\n2;2026-03-02;09:06;A;-1;1\n2;2026-03-02;09:06;B;1;2\n",
        )
    )
    layout = read_layout(file, GENERIC.fields)
    found = read_sales(
        file, layout, GENERIC, zone="Europe/Berlin", exponent=2, formats=("%Y-%m-%d %H:%M",), decimal_comma=True
    )
    told = [(unit.sale.number, unit.sale.is_cancellation, unit.sale.sold_at) for unit in found.sales() if unit.sale]
    assert told == [
        ("1", True, datetime(2026, 3, 2, 8, 5, tzinfo=UTC)),
        ("2", False, datetime(2026, 3, 2, 8, 6, tzinfo=UTC)),
    ]


def test_goods_go_by_their_most_frequent_name_and_their_last_price(tmp_path: Path) -> None:
    content = SALES_HEADER + "".join(
        f"{n},A,{name},{quantity},2010-12-01 08:3{n},{price},,UK\n"
        for n, (name, quantity, price) in enumerate(
            [
                ("Heart", 1, "2.55"),
                ("HEART", 1, "2.55"),
                ("Heart", 1, "3.00"),
                ("damaged", -5, "0.0"),
                ("", -1, "-1.00"),
            ]
        )
    )
    known = examine(a_file(tmp_path, content + "9,Z,,1,2010-12-01 08:39,0,,UK\n"))
    found = read_sales(known, read_layout(known, ONLINE_RETAIL.fields), ONLINE_RETAIL, zone="Europe/London", exponent=2)
    assert (found.goods("A").name, found.goods("A").unit_price) == ("Heart", Decimal("3.00"))
    assert (found.goods("Z").name, found.goods("Z").unit_price) == ("Z", Decimal(0))
    assert found.total_rows == 6


def test_a_sale_with_a_line_that_cannot_be_read_is_refused_whole(tmp_path: Path) -> None:
    units = retail(
        tmp_path,
        "1,A,Apple,1,2010-12-01 08:30,1.00,,UK",
        "1,B,Bread,x,2010-12-01 08:30,1.00,,UK",
        "1,C,Cheese,1,2010-12-01 08:30,1.00,,UK,more",
        "2,A,Apple,1,2010-12-01 08:30,1.00,,UK",
        ",A,Apple,1,2010-12-01 08:30,1.00,,UK",
    )
    assert [(each.row, each.code) for unit in units for each in unit.refusals] == [
        (2, "SALE_INCOMPLETE"),
        (3, "BAD_NUMBER"),
        (4, "TOO_MANY_CELLS"),
        (6, "MISSING_VALUE"),
    ]
    assert [unit.sale.number for unit in units if unit.sale is not None] == ["2"]
    assert sum(unit.rows for unit in units) == 5


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1,,Apple,1,2010-12-01 08:30,1.00,,UK", "MISSING_VALUE"),
        ("1,A,Apple,1,2010-12-01 08:30,,,UK", "MISSING_VALUE"),
        ("1,A,Apple,1.2345,2010-12-01 08:30,1,,UK", "BAD_NUMBER"),
        ("1,A,Apple,1,soon,1,,UK", "BAD_DATE"),
        ("1,A,App\x00le,1,2010-12-01 08:30,1,,UK", "NUL_CHARACTER"),
        (f"1,A,{'x' * 201},1,2010-12-01 08:30,1,,UK", "TEXT_REFUSED"),
        ("1,A,\u202eelppA,1,2010-12-01 08:30,1,,UK", "TEXT_REFUSED"),
        ("1,A,Apple,999999999,2010-12-01 08:30,9999999999,,UK", "AMOUNT_TOO_LARGE"),
        (f"{'9' * 65},A,Apple,1,2010-12-01 08:30,1,,UK", "TEXT_REFUSED"),
    ],
)
def test_each_kind_of_bad_line_has_its_code(tmp_path: Path, line: str, code: str) -> None:
    (unit,) = retail(tmp_path, line)
    assert (unit.sale, [each.code for each in unit.refusals]) == (None, [code])


def test_products_are_read_field_by_field(tmp_path: Path) -> None:
    content = (
        "sku,name,price,barcode,category,tax class,sold by,track stock\n"
        "A-1,Apple,1.00,4006381333931 4006381333948,Fruit,std,kg,no\n"
        ",Bread,2.5,'5449000000996,,,,\n"
    )
    known = examine(a_file(tmp_path, content))
    layout = read_layout(known, PRODUCT_FIELDS)
    apple, bread = [unit.product for unit in read_products(known, layout, tax_classes=frozenset({"std"})).products()]
    assert apple is not None
    assert bread is not None
    assert (apple.sku, apple.unit_price, apple.category, apple.tax_class, apple.sold_by, apple.track_stock) == (
        "A-1", Decimal("1.00"), "Fruit", "std", "weight", False,
    )  # fmt: skip
    assert [code.code for code in apple.barcodes] == ["4006381333931", "4006381333948"]
    assert (bread.sku, bread.track_stock, bread.sold_by) == ("5449000000996", None, None)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (",Apple,1,,,,,", "MISSING_VALUE"),
        ("A,,1,,,,,", "MISSING_VALUE"),
        ("A,Apple,,,,,,", "MISSING_VALUE"),
        ("A,Apple,-1,,,,,", "BAD_NUMBER"),
        ("A,Apple,1,ä,,,,", "VALUE_REFUSED"),
        ("A,Apple,1,,,moon,,", "UNKNOWN_TAX_CLASS"),
        ("A,Apple,1,,,,by luck,", "BAD_CHOICE"),
        ("A,Apple,1,,,,,perhaps", "BAD_CHOICE"),
    ],
)
def test_each_kind_of_bad_product_has_its_code(tmp_path: Path, row: str, code: str) -> None:
    known = examine(a_file(tmp_path, f"sku,name,price,barcode,category,tax class,sold by,track stock\n{row}\n"))
    layout = read_layout(known, PRODUCT_FIELDS)
    (unit,) = read_products(known, layout, tax_classes=frozenset()).products()
    assert (unit.product, [each.code for each in unit.refusals]) == (None, [code])


def test_refused_rows_can_be_mended_and_read_again(tmp_path: Path) -> None:
    header = ("InvoiceNo", "Note, free")
    with RefusalFile(tmp_path / "no.csv", header) as none:
        none.add([])
    assert not (tmp_path / "no.csv").exists()
    with RefusalFile(tmp_path / "e.csv", header) as refused:
        refused.add([Refusal(7, "BAD_NUMBER", "no number", ["1", "=1+1"]), Refusal(9, "X", "y", ["-3", "-x", "more"])])
    assert refused.count == 2
    text = (tmp_path / "e.csv").read_text()
    assert text == (
        'error_row,error_code,error_problem,InvoiceNo,"Note, free"\n'
        "7,BAD_NUMBER,no number,1,'=1+1\n"
        "9,X,y,-3,'-x,more\n"
    )
    known = examine(tmp_path / "e.csv")
    layout = read_layout(known, {"number": ONLINE_RETAIL.fields["number"]})
    assert [layout.cell(cells, "number") for _, cells in rows(known, layout)] == ["1", "-3"]
    # Fed again and refused again, a row carries its new reason only.
    with RefusalFile(tmp_path / "f.csv", layout.header) as refused:
        refused.add([Refusal(2, "BAD_DATE", "no date", cells) for _, cells in rows(known, layout)][:1])
    assert list(csv.reader((tmp_path / "f.csv").open())) == [
        ["error_row", "error_code", "error_problem", "InvoiceNo", "Note, free"],
        ["2", "BAD_DATE", "no date", "1", "'=1+1"],
    ]


def test_a_short_row_lacks_its_last_cells() -> None:
    layout = Layout(",", ("a", "b"), {"x": 0, "y": 1})
    assert (layout.cell(["1"], "x"), layout.cell(["1"], "y")) == ("1", "")
