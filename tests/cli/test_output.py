"""What commands print."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

import msgspec
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from primepos.cli import output
from primepos.cli.output import ConfirmationRequired, cell_text, confirm_destruction, emit, note, to_json

SALE = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    price: Decimal | None = None
    tags: tuple[str, ...] = ()


@dataclass
class Pair:
    left: int
    right: str


class Colour(Enum):
    RED = "red"


class Odd:
    def __str__(self) -> str:
        return "odd"


class Terminal(io.StringIO):
    """A stdout or stdin that says it is a terminal."""

    def isatty(self) -> bool:
        return True


ROWS = [Row(sku="A-1", price=Decimal("1.50")), Row(sku="B", price=None, tags=("x", "y"))]


def test_json_keeps_decimals_as_strings_and_times_in_iso():
    data = {
        "id": SALE,
        "price": Decimal("0.1000"),
        "at": datetime(2026, 5, 1, 8, 0, tzinfo=UTC),
        "on": date(2026, 5, 1),
        "colour": Colour.RED,
        "odd": Odd(),
        "pair": Pair(1, "r"),
    }
    assert json.loads(to_json(data)) == {
        "id": str(SALE),
        "price": "0.1000",
        "at": "2026-05-01T08:00:00Z",
        "on": "2026-05-01",
        "colour": "red",
        "odd": "odd",
        "pair": {"left": 1, "right": "r"},
    }


def test_json_carries_every_field_whatever_the_columns(capsys):
    emit(ROWS, as_json=True, columns=["sku"])
    assert json.loads(capsys.readouterr().out) == [
        {"sku": "A-1", "price": "1.50", "tags": []},
        {"sku": "B", "price": None, "tags": ["x", "y"]},
    ]


def test_json_of_a_generator_is_a_list(capsys):
    emit((row for row in ROWS[:1]), as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"sku": "A-1", "price": "1.50", "tags": []}]


def test_json_is_one_line_when_piped_and_indented_at_a_terminal(monkeypatch):
    for stream, lines in ((io.StringIO(), 1), (Terminal(), 4)):
        monkeypatch.setattr(sys, "stdout", stream)
        emit({"a": 1, "b": 2}, as_json=True)
        assert stream.getvalue().count("\n") == lines


def test_many_records_piped_are_aligned_columns(capsys):
    emit(ROWS, as_json=False, columns=["sku", "price"])
    assert capsys.readouterr().out == "sku  price\nA-1  1.50\nB\n"


def test_a_piped_table_is_never_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    emit([{"name": "x" * 200}], as_json=False)
    assert "x" * 200 in capsys.readouterr().out


def test_one_record_is_lines_of_name_and_value(capsys):
    emit(Row(sku="A", price=Decimal(2)), as_json=False, columns={"sku": "SKU", "price": "unit price"})
    assert capsys.readouterr().out == "SKU         A\nunit price  2\n"


def test_no_records_print_the_headings_only(capsys):
    emit([], as_json=False, columns=["sku", "unit_price"])
    assert capsys.readouterr().out == "sku  unit price\n"


def test_records_with_different_fields_show_all_of_them(capsys):
    emit([{"a": 1}, {"b": True}], as_json=False)
    assert capsys.readouterr().out == "a  b\n1\n   yes\n"


def test_plain_values_and_dataclasses_are_records_too(capsys):
    emit([Pair(1, "r")], as_json=False)
    emit(["x"], as_json=False)
    assert capsys.readouterr().out == "left  right\n1     r\nvalue\nx\n"


def test_a_table_is_drawn_at_a_terminal_and_markup_is_text(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    emit([{"name": "[red]Tea[/red]", "price": Decimal("-1.50")}], as_json=False)
    drawn = stream.getvalue()
    assert "[red]Tea[/red]" in drawn
    assert "-1.50" in drawn
    assert "─" in drawn
    assert "\x1b[31m" not in drawn


def test_csv_has_the_names_of_fields_and_quotes_what_needs_it(capsys):
    emit([{"sku": 'a"b', "note": "x,y"}], as_json=False, as_csv=True)
    assert capsys.readouterr().out == 'sku,note\n"a""b","x,y"\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_csv_cells_that_a_spreadsheet_would_run_are_neutralised(capsys, start):
    emit([{"name": f"{start}cmd|x"}], as_json=False, as_csv=True)
    assert capsys.readouterr().out == f"name\n'{start}cmd|x\n"


@pytest.mark.parametrize("number", [Decimal("-3.00"), -7, "+4", "-0.5"])
def test_csv_negative_numbers_stay_numbers(capsys, number):
    emit([{"amount": number}], as_json=False, as_csv=True)
    assert capsys.readouterr().out == f"amount\n{number}\n"


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text()), min_size=1))
def test_csv_can_be_read_back_with_as_many_rows(records):
    names = sorted({name for record in records for name in record} | {"a"})
    text = output._csv(names, [[record.get(name) for name in names] for record in records])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == names
    assert len(rows) == len(records) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "\t", "\r"))]
    assert all(Decimal(cell).is_finite() for row in rows for cell in row if cell.startswith(("+", "-")))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (Decimal("1.20"), "1.20"),
        ({"a": Decimal(1)}, '{"a":"1"}'),
        (("x",), '["x"]'),
        (Row(sku="A"), '{"sku":"A","price":null,"tags":[]}'),
        ("a\x1b[2Jb\nc", "a�[2Jb / c"),
        (datetime(2026, 5, 1, 8, 0, 0, 250, tzinfo=UTC), "2026-05-01 08:00:00+00:00"),
        ("safe\u202eexe", "safe�exe"),
        ("Zoë ☕", "Zoë ☕"),
    ],
)
def test_a_cell_reads_as(value, text):
    assert cell_text(value) == text


def test_a_note_leaves_stdout_alone(capsys):
    note("12 rows read")
    assert capsys.readouterr() == ("", "12 rows read\n")


def test_destruction_with_yes_asks_nothing(capsys):
    confirm_destruction("This erases everything.", yes=True)
    assert capsys.readouterr() == ("", "")


def test_destruction_without_a_terminal_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(ConfirmationRequired) as refusal:
        confirm_destruction("This erases everything.", yes=False)
    assert refusal.value.code == "CONFIRMATION_REQUIRED"
    assert refusal.value.message == "This erases everything. This needs a confirmation."
    assert refusal.value.hint == "Add --yes if you mean it."


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("\n", 1)])
def test_destruction_answered_no_changes_nothing(monkeypatch, capsys, answer, code):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with pytest.raises(typer.Exit) as leaving:
        confirm_destruction("This erases everything.", yes=False)
    assert leaving.value.exit_code == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("Nothing was changed.\n")


def test_destruction_answered_yes_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    confirm_destruction("This erases everything.", yes=False)
    assert capsys.readouterr().out == ""
