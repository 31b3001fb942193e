"""An export proves itself: whatever is changed, taken out, put in, put elsewhere or cut off is named."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.ids import new_id
from primepos.domain.fiscal.sealing import public_key
from primepos.domain.fiscal.service import close_period, exported_sales, outline
from primepos.domain.fiscal.verifying import NotAnExport, Verified, verify_export
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, basket

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop

encode = msgspec.json.Encoder(decimal_format="string").encode


def exported(app: App, shop: Shop) -> list[bytes]:
    """Return the lines of a whole export."""
    made = app.run(outline, shop.accountant, {})
    lines = [encode({"outline": made})]
    for series in made.series:
        asked = {"register_id": series.register_id, "epoch": series.epoch, "up_to": series.last_number}
        lines += [encode({"sale": each}) for each in app.run(exported_sales, shop.accountant, asked).items]
    return lines


@pytest.fixture(scope="module")
def books() -> dict[str, list[bytes]]:
    return {}


@pytest.fixture
def lines(app: App, clock: FrozenClock, books: dict[str, list[bytes]]) -> list[bytes]:
    """The export of a shop with sales, a void, a refund, a till, closings of days; made once."""
    if not books:
        shop = a_shop(app)
        start = clock.now()
        for _ in range(4):
            sale = app.run(book_sale, shop.cashier, basket(shop))
        app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong"})
        till = TillSeries(shop, a_shift(app, shop), NOON)
        for _ in range(3):
            app.run(deliver_sale, shop.device, till.sell())
        app.run(close_period, shop.owner, {})
        clock.advance(timedelta(days=1))
        back = app.run(book_sale, shop.cashier, basket(shop))
        app.run(refund_sale, shop.manager, {"id": new_id(), "sale_id": back.id, "reason": "back"})
        app.run(close_period, shop.owner, {})
        app.run(book_sale, shop.cashier, basket(shop))
        books["lines"] = exported(app, shop)
        books["key"] = [public_key(app.settings.secret_key.reveal()).encode()]
        clock.advance(start - clock.now())
    return list(books["lines"])


def kinds(found: Verified) -> set[str]:
    return {each.kind for each in found.findings}


def test_an_untouched_export_holds(lines: list[bytes], books: dict[str, list[bytes]]) -> None:
    found = verify_export(lines, key=books["key"][0].decode())
    assert (found.ok, found.findings) == (True, [])
    assert (found.series, found.sales, found.closings, found.pending) == (2, 11, 3, 0)


def test_what_is_cut_off_at_the_end_is_named(lines: list[bytes]) -> None:
    assert kinds(verify_export(lines[:-1])) == {"cut_off"}
    server = [each for each in lines if b'"series":"' + series_of(lines[-1]) in each or b"outline" in each]
    assert "cut_off" in kinds(verify_export(server))


def series_of(line: bytes) -> bytes:
    return json.loads(line)["sale"]["series"].encode()


def test_what_is_taken_out_of_the_middle_is_named(lines: list[bytes]) -> None:
    del lines[2]
    found = verify_export(lines)
    assert "missing" in kinds(found)
    assert [(each.number, each.problem) for each in found.findings if each.kind == "missing"] == [
        (2, "1 sale(s) from number 2 on are not there")
    ]


def test_what_is_put_elsewhere_or_in_twice_is_named(lines: list[bytes]) -> None:
    lines[2], lines[3] = lines[3], lines[2]
    assert "reordered" in kinds(verify_export(lines))
    lines[2], lines[3] = lines[3], lines[2]
    lines.insert(3, lines[2])
    assert kinds(verify_export(lines)) >= {"reordered"}


def test_a_sale_after_the_sealed_end_is_named(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    before = exported(app, shop)
    app.run(book_sale, shop.cashier, basket(shop))
    after = exported(app, shop)
    found = verify_export([*before, after[-1]])
    assert "inserted" in kinds(found)


def test_a_gap_the_shop_declared_is_pending_and_no_finding(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    app.run(deliver_sale, shop.device, till.sell())
    till.sell()
    app.run(deliver_sale, shop.device, till.sell())
    found = verify_export(exported(app, shop))
    assert (found.ok, found.pending) == (True, 1)


def test_a_seal_made_anew_is_not_the_shops(lines: list[bytes], books: dict[str, list[bytes]]) -> None:
    head = json.loads(lines[0])
    head["outline"]["series"][0]["sales"] -= 1
    changed = [encode(head), *lines[1:]]
    assert "seal" in kinds(verify_export(changed))
    found = verify_export(lines, key="ab" * 32)
    assert [each.problem for each in found.findings] == ["the export was sealed with another key than the one given"]
    assert verify_export(lines, key=books["key"][0].decode().upper()).ok


@pytest.mark.parametrize("first", [b"", b"{}", b"no json", b'{"sale": {}}'])
def test_something_else_is_no_export(first: bytes) -> None:
    with pytest.raises(NotAnExport):
        verify_export([first])


def test_a_line_that_is_no_sale_is_named(lines: list[bytes]) -> None:
    lines.insert(2, b"nonsense")
    assert "changed" in kinds(verify_export(lines))


# Fields that no seal covers because they say nothing that the sealed ones do not.
UNSEALED = {("returns", "nth"), ("returns", "before"), ("returns", "sold")}


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a record."""
    if isinstance(value, dict):
        return [spot for name, each in value.items() for spot in spots(each, (*path, name))]
    if isinstance(value, list):
        return [spot for n, each in enumerate(value) for spot in spots(each, (*path, n))]
    return [path]


def changed(value: Any) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool) or value is None:
        return "x"
    if isinstance(value, int):
        return value + 1
    text = str(value)
    if text.replace("-", "").replace(".", "").isdigit() and "-" not in text[1:]:
        return str(float(text) + 1)
    return text[:-1] + ("0" if text[-1:] != "0" else "1")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_that_is_changed_is_found(lines: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(lines) - 1))
    record = json.loads(lines[place])
    path = data.draw(st.sampled_from([spot for spot in spots(record) if not _is_unsealed(spot)]))
    holder = record
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = changed(holder[path[-1]])
    tampered = [*lines[:place], json.dumps(record).encode(), *lines[place + 1 :]]
    assert not verify_export(tampered).ok


def _is_unsealed(spot: tuple[Any, ...]) -> bool:
    return len(spot) == 4 and (spot[1], spot[3]) in UNSEALED


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_of_the_outline_that_is_changed_is_found(lines: list[bytes], data: st.DataObject) -> None:
    record = json.loads(lines[0])
    # Ids of registers lead to the rows and are no part of the books.
    path = data.draw(st.sampled_from([spot for spot in spots(record) if spot[-1] not in {"register_id", "epoch"}]))
    holder = record
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = changed(holder[path[-1]])
    try:
        found = verify_export([json.dumps(record).encode(), *lines[1:]])
    except NotAnExport:
        return
    assert not found.ok
