"""Closing, exporting and verifying by command."""

from __future__ import annotations

import gzip
import json

from primepos.domain.sales.service import book_sale
from tests.factories import basket


def test_a_day_is_closed_exported_and_verified_from_the_file_alone(in_shop, command, app, shop, tmp_path):
    sale = app.run(book_sale, shop.cashier, basket(shop))
    (closed,) = in_shop("fiscal", "close", "--json").json["closings"]
    assert (closed["total"], closed["to_number"]) == (450, 1)
    assert in_shop("fiscal", "close").err.strip() == "There is nothing new to close."
    assert [each["hash"] for each in in_shop("fiscal", "list", "--json").json] == [closed["hash"]]

    file = tmp_path / "books.jsonl.gz"
    made = in_shop("fiscal", "export", str(file), "--json").json
    assert (made["sales"], made["closings"]) == (1, 1)
    again = in_shop("fiscal", "export", str(file), "--json")
    assert (again.code, again.refusal["code"]) == (2, "INVALID_INPUT")
    assert sorted(each.name for each in tmp_path.glob("*books*")) == ["books.jsonl.gz"]

    found = command("fiscal", "verify", str(file), "--key", made["key"], "--json").json
    assert (found["ok"], found["sales"], found["closings"], found["problems"]) == (True, 1, 1, [])

    lines = gzip.decompress(file.read_bytes()).splitlines()
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b"\n".join([lines[0], lines[1].replace(b'"total":450', b'"total":440')]))
    ran = command("fiscal", "verify", str(bad), "--json")
    assert ran.code == 1
    assert next((each["kind"], each["number"]) for each in json.loads(ran.out)["problems"]) == ("changed", 1)
    told = command("fiscal", "verify", str(bad))
    assert f"sale {sale.receipt} is not what was sealed" in told.out
    assert "IS NOT as it was sealed" in told.err


def test_what_is_no_export_is_refused(command, tmp_path):
    for name, content in (
        ("a.jsonl", b"hello"),
        ("b.jsonl.gz", b"hello"),
        ("c.jsonl.gz", gzip.compress(b"{}" * 9)[:-9]),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        ran = command("fiscal", "verify", str(file), "--json")
        assert (ran.code, ran.refusal["code"]) in {(2, "NOT_AN_EXPORT"), (2, "INVALID_INPUT")}
