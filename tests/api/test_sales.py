"""Booking, repeating, reading and voiding sales over the API."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.ids import new_id
from tests.api.conftest import a_sale
from tests.factories import rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from tests.factories import Shop

SALES = "/api/v1/sales"


def sold(app: App, shop: Shop) -> list[dict[str, Any]]:
    """Return what is booked in a shop."""
    return rows(app, "SELECT id, kind, total FROM sales WHERE tenant_id = %s ORDER BY number", (shop.tenant_id,))


def test_a_sale_is_priced_booked_and_found_again(app, ask, shop):
    sale_id = str(new_id())
    lines = [{"sku": "A-1", "quantity": "3"}, {"product_id": str(shop.products[1]), "quantity": "0.5"}]
    body = a_sale(shop, sale_id=sale_id, lines=lines, total=425, tendered=500)
    made = ask(shop.cashier, "POST", SALES, json=body)
    assert made.status_code == 201
    assert made.headers["location"] == f"{SALES}/{sale_id}"
    booked = made.json()
    assert (booked["id"], booked["total"], booked["change"]) == (sale_id, 425, 75)
    assert (booked["receipt"], booked["number"]) == (f"{shop.server_prefix}-000001", 1)
    assert [line["total"] for line in booked["lines"]] == [300, 125]
    found = ask(shop.owner, "GET", made.headers["location"])
    assert (found.status_code, found.json()) == (200, booked)
    assert [each["id"] for each in ask(shop.owner, "GET", SALES).json()["items"]] == [sale_id]


def test_the_same_sale_again_is_answered_with_the_stored_one(app, ask, shop):
    body = a_sale(shop, sale_id=str(new_id()))
    first, second = ask(shop.cashier, "POST", SALES, json=body), ask(shop.cashier, "POST", SALES, json=body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len(sold(app, shop)) == 1


def test_twins_at_the_same_moment_are_one_sale(app, ask, shop):
    body = a_sale(shop, sale_id=str(new_id()))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ask(shop.cashier, "POST", SALES, json=body), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(sold(app, shop)) == 1


def test_the_same_id_with_another_content_is_a_conflict(app, ask, shop):
    sale_id = str(new_id())
    ask(shop.cashier, "POST", SALES, json=a_sale(shop, sale_id=sale_id))
    other = a_sale(shop, sale_id=sale_id, lines=[{"sku": "B-2"}], total=250, tendered=250)
    answer = ask(shop.cashier, "POST", SALES, json=other)
    assert (answer.status_code, answer.json()["code"]) == (409, "SALE_CONFLICT")
    assert [each["total"] for each in sold(app, shop)] == [100]


def test_another_total_than_the_servers_books_nothing(app, ask, shop):
    answer = ask(shop.cashier, "POST", SALES, json=a_sale(shop, sale_id=str(new_id()), total=101))
    assert (answer.status_code, answer.json()["code"]) == (409, "TOTAL_DIFFERS")
    assert answer.json()["data"] == {"total": 100, "given": 101}
    assert sold(app, shop) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"lines": [{"sku": "Z-9"}]}, 422, "UNKNOWN_PRODUCT"),
        ({"outlet_id": "00000000-0000-4000-8000-000000000000"}, 404, "OUTLET_NOT_FOUND"),
        ({"tenders": [{"kind": "cash", "amount": 99}]}, 422, "NOT_PAID"),
        ({"tenders": [{"kind": "card", "amount": 101}]}, 422, "INVALID_TENDER"),
        ({"lines": [{"sku": "A-1", "unit_price": "0.01"}], "total": 1}, 403, "APPROVAL_REQUIRED"),
    ],
)
def test_what_cannot_be_booked_is_refused_and_changes_nothing(app, ask, shop, change, status, code):
    answer = ask(shop.cashier, "POST", SALES, json={**a_sale(shop, sale_id=str(new_id())), **change})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert sold(app, shop) == []


def test_the_idempotency_key_is_the_sale_id_or_refused(app, ask, shop):
    sale_id = str(new_id())
    body = a_sale(shop, sale_id=sale_id)
    answer = ask(shop.cashier, "POST", SALES, json=body, headers={"Idempotency-Key": str(new_id())})
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_DIFFERS")
    assert sold(app, shop) == []
    for key in (sale_id, sale_id.upper(), f'"{sale_id}"'):
        assert ask(shop.cashier, "POST", SALES, json=body, headers={"Idempotency-Key": key}).status_code == 201
    assert len(sold(app, shop)) == 1


def test_pages_follow_each_other_without_a_gap_or_a_repeat(ask, shop):
    ids = [str(new_id()) for _ in range(5)]
    for sale_id in ids:
        ask(shop.cashier, "POST", SALES, json=a_sale(shop, sale_id=sale_id))
    seen, query = [], {"limit": "2"}
    for _ in range(3):
        page = ask(shop.owner, "GET", SALES, params=query).json()
        seen.append([each["id"] for each in page["items"]])
        query["after"] = page["next"]
    assert [len(each) for each in seen] == [2, 2, 1]
    assert sorted(each for page in seen for each in page) == sorted(ids)
    assert query["after"] is None


def test_a_void_is_a_record_of_its_own_and_repeats(app, ask, shop):
    sale_id, void_id = str(new_id()), str(new_id())
    ask(shop.cashier, "POST", SALES, json=a_sale(shop, sale_id=sale_id))
    body = {"id": void_id, "reason": "wrong article"}
    for _ in range(2):
        made = ask(shop.manager, "POST", f"{SALES}/{sale_id}/void", json=body)
        assert (made.status_code, made.json()["void_of"], made.json()["total"]) == (201, sale_id, -100)
    assert ask(shop.owner, "GET", f"{SALES}/{sale_id}").json()["voided_by"] == void_id
    again = ask(shop.manager, "POST", f"{SALES}/{sale_id}/void", json={"id": str(new_id()), "reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "ALREADY_VOIDED")
    assert [each["total"] for each in sold(app, shop)] == [100, -100]


def test_deleting_a_sale_voids_it_once_however_often_it_is_sent(app, ask, shop):
    sale_id = str(new_id())
    ask(shop.cashier, "POST", SALES, json=a_sale(shop, sale_id=sale_id))
    refused = ask(shop.cashier, "DELETE", f"{SALES}/{sale_id}")
    assert (refused.status_code, refused.json()["code"]) == (403, "APPROVAL_REQUIRED")
    answers = [ask(shop.manager, "DELETE", f"{SALES}/{sale_id}", params={"reason": "fire drill"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["void_of"], answers[0].json()["reason"]) == (sale_id, "fire drill")
    assert [each["kind"] for each in sold(app, shop)] == ["sale", "void"]


def test_another_tenants_sale_is_not_there(app, ask, shop, other_shop):
    sale_id = str(new_id())
    ask(shop.cashier, "POST", SALES, json=a_sale(shop, sale_id=sale_id))
    for method, path, body in (
        ("GET", f"{SALES}/{sale_id}", None),
        ("DELETE", f"{SALES}/{sale_id}", None),
        ("POST", f"{SALES}/{sale_id}/void", {"id": str(new_id()), "reason": "x"}),
    ):
        answer = ask(other_shop.owner, method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "SALE_NOT_FOUND")
    foreign = ask(other_shop.cashier, "POST", SALES, json=a_sale(shop, sale_id=str(new_id())))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "OUTLET_NOT_FOUND")
    assert ask(other_shop.owner, "GET", SALES).json() == {"items": [], "next": None}
    assert len(sold(app, shop)) == 1


def test_only_a_till_delivers(ask, shop):
    answer = ask(shop.owner, "POST", f"{SALES}/deliver", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")
    till = ask(shop.device, "POST", f"{SALES}/deliver", json={})
    assert (till.status_code, till.json()["code"]) == (422, "INVALID_INPUT")


def test_the_request_id_joins_answer_and_audit_trail(app, ask, shop):
    ask(
        shop.cashier,
        "POST",
        SALES,
        json=a_sale(shop, sale_id=str(new_id())),
        headers={"X-Request-ID": "till-7-0042"},
    )
    ask(shop.cashier, "GET", "/api/v1/audit", headers={"X-Request-ID": "till-7-0043"})
    found = rows(
        app,
        "SELECT operation, outcome, error_code, request_id FROM audit_events WHERE tenant_id = %s ORDER BY id",
        (shop.tenant_id,),
    )
    assert found == [
        {"operation": "sales.book", "outcome": "done", "error_code": None, "request_id": "till-7-0042"},
        {
            "operation": "audit.list",
            "outcome": "refused",
            "error_code": "PERMISSION_DENIED",
            "request_id": "till-7-0043",
        },
    ]
