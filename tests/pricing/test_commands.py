"""``primepos price`` and ``primepos barcode``: plain data in, plain data out, refusals on stderr with exit code 2."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from primepos.cli.main import app, run

SHARED = Path(os.environ.get("PRIMEPOS_SHARED_DATA") or Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
CASE = {"price": 52.5, "taxes": [{"type": "percent", "amount": 12, "included": True, "name": "VAT"}]}


class Piped(io.TextIOWrapper):
    """A standard input that is no terminal."""


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command line in this process; gives exit code, stdout and stderr."""

    def run_it(*args, given=b""):
        raw = given if isinstance(given, bytes) else json.dumps(given).encode()
        monkeypatch.setattr(sys, "stdin", Piped(io.BytesIO(raw), encoding="utf-8"))
        code = run(app, args)
        out, err = capsys.readouterr()
        return code, out, err

    return run_it


def test_a_case_on_stdin_is_answered_as_json(call):
    code, out, err = call("price", "--json", given=CASE)
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "base": "46.87",
        "taxes": ["5.63"],
        "total": "52.50",
        "lines": [
            {
                "base": "46.87",
                "taxes": ["5.63"],
                "total": "52.50",
                "explain": [
                    "1 x 52.5 = 52.5",
                    "VAT 12 % included on 46.875: 5.625 -> 5.63",
                    "base takes the rest of the price: 46.875 -> 46.87",
                    "total: 52.50",
                ],
            }
        ],
    }


def test_numbers_never_pass_through_binary_floating_point(call):
    code, out, _ = call("price", "--json", given=b'{"price": 9007199253.740993, "precision": 1e-06}')
    assert (code, json.loads(out)["total"]) == (0, "9007199253.740993")


def test_a_list_of_cases_is_answered_one_line_each(call):
    code, out, _ = call("price", "--json", given=[CASE, {"price": 1}])
    assert code == 0
    assert [json.loads(line)["total"] for line in out.splitlines()] == ["52.50", "1.00"]


def test_without_json_the_answer_is_readable(call):
    code, out, _ = call("price", given={"lines": [CASE, {"price": 1, "qty": -1}]})
    assert code == 0
    assert out.splitlines() == [
        "line  base   taxes  total",
        "1     46.87  5.63   52.50",
        "2     -1.00         -1.00",
        "all   45.87  5.63   51.50",
        "sale: base 46.87, tax 5.63, total 52.50",
        "return: base -1.00, tax 0.00, total -1.00",
        "",
        "Line 1",
        "  1 x 52.5 = 52.5",
        "  VAT 12 % included on 46.875: 5.625 -> 5.63",
        "  base takes the rest of the price: 46.875 -> 46.87",
        "  total: 52.50",
        "",
        "Line 2",
        "  -1 x 1 = -1",
        "  base: -1 -> -1.00",
        "  total: -1.00",
    ]


def test_a_case_in_a_file_is_read_too(call, tmp_path):
    file = tmp_path / "case.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(CASE).encode())
    code, out, _ = call("price", str(file), "--json")
    assert (code, json.loads(out)["total"]) == (0, "52.50")


@pytest.mark.parametrize(
    "given",
    [
        *(b"", b"[", b"{", b"\xff\xfe", b"NaN", b'{"price": NaN}', b'{"price": Infinity}', b'{"price": 1e999999999}'),
        *(b'{"price": 1e-999999999}', b"5", b'"x"', b"[[]]", b"null", b"{}", b"\x00", b"[" * 100_000),
        pytest.param(b'{"price": ' + b"9" * 100_000 + b"}", id="a number of 100,000 digits"),
        pytest.param(b" " * (16 * 1024 * 1024 + 1), id="too large"),
    ],
)
def test_what_is_no_case_is_refused_with_nothing_on_stdout(call, given):
    code, out, err = call("price", "--json", given=given)
    assert (code, out) == (2, "")
    assert json.loads(err)["code"] == "INVALID_INPUT"


def test_a_refusal_names_the_case_and_the_field_and_answers_none(call):
    code, out, err = call("price", "--json", given=[CASE, {"lines": [CASE, {"price": "x"}]}])
    assert (code, out) == (2, "")
    assert json.loads(err)["data"] == {
        "problems": [{"field": "lines[1].price", "problem": "not a plain decimal number", "code": "INVALID_AMOUNT"}]
    }
    assert "Case 2" in json.loads(err)["message"]


def test_a_discount_above_the_price_is_refused(call):
    code, _, err = call("price", "--json", given={"price": 1, "discount_amount": 2})
    assert code == 2
    assert json.loads(err)["data"]["problems"][0]["code"] == "DISCOUNT_TOO_LARGE"


def test_a_terminal_is_told_what_to_give(call, monkeypatch):
    monkeypatch.setattr(Piped, "isatty", lambda _: True)
    code, out, err = call("price")
    assert (code, out) == (2, "")
    assert "stdin" in err


def test_naughty_files_are_refused_or_answered_but_never_crash(call):
    folder = SHARED / "bad-input"
    if not folder.exists():
        pytest.skip("no shared data")
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 20
    for file in files:
        code, out, err = call("price", "--json", given=file.read_bytes())
        assert code == 2 or json.loads(out), file
        assert "Traceback" not in err


def test_every_case_of_the_shared_files_is_answered_by_the_real_program():
    path = SHARED / "cases" / "tax_cases.json"
    if not path.exists():
        pytest.skip("no shared data")
    cases = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
    done = subprocess.run(
        [sys.executable, "-m", "primepos", "price", "--json"],
        input=path.read_bytes(),
        capture_output=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Decimal(each["total"]) for each in answers] == [case["expected"]["total"] for case in cases]


def test_a_barcode_is_described(call):
    code, out, _ = call("barcode", "5449000000996", "--json")
    assert code == 0
    assert json.loads(out) == {
        "code": "5449000000996",
        "symbology": "EAN-13",
        "check_digit_ok": True,
        "gtin": "05449000000996",
        "canonical": "5449000000996",
        "kind": "article",
        "item": None,
        "value": None,
        "base_code": None,
        "lookup_codes": ["5449000000996", "05449000000996"],
        "rule": None,
        "problem": None,
        "refused": False,
    }


@pytest.mark.parametrize(
    "text",
    [
        '- {pattern: "21{item:5}{weight:5}c", decimals: 3, name: scale}\n',
        '{"rules": [{"pattern": "21{item:5}{weight:5}c", "decimals": 3, "name": "scale"}]}',
    ],
)
def test_a_label_is_read_by_the_rules_of_a_file(call, tmp_path, text):
    rules = tmp_path / "rules"
    rules.write_text(text, encoding="utf-8")
    code, out, _ = call("barcode", "2100001027506", "2100001027507", "--rules", str(rules), "--json")
    good, bad = json.loads(out)
    assert code == 0
    assert (good["rule"], good["item"], good["weight"], good["problem"]) == ("scale", "00001", "2.750", None)
    assert (bad["weight"], bad["check_digit_ok"], bad["problem"], bad["refused"]) == (
        "2.750",
        False,
        "BAD_CHECK_DIGIT",
        True,
    )


def test_a_barcode_is_readable_without_json_and_controls_are_not_obeyed(call):
    code, out, _ = call("barcode", "\x1b[2J")
    assert code == 0
    assert "\x1b" not in out
    assert "NOT_A_CODE" in out


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"5", b"- 5", b"{", b"\xff", b"\x00", b"- {pattern: x}", b"a: [", b"!!python/object:os.system {}"),
        pytest.param(b"#" * (1024 * 1024 + 1), id="too large"),
    ],
)
def test_a_file_that_holds_no_rules_is_refused(call, tmp_path, raw):
    rules = tmp_path / "rules.yaml"
    rules.write_bytes(raw)
    code, out, err = call("barcode", "2100001027506", "--rules", str(rules), "--json")
    assert (code, out) == (2, "")
    assert json.loads(err)["code"] in {"INVALID_INPUT", "INVALID_BARCODE_RULE"}
