"""Customers over HTTP: what a till and a web frontend send, and what never stands in an address."""

from __future__ import annotations

from primepos.api.app import endpoints
from primepos.core.ids import new_id
from tests.domain.inner_room import count

PATH = "/api/v1/customers"


def test_a_till_makes_a_customer_twice_and_finds_changes_and_erases_them(ask, app, shop):
    body = {"id": str(new_id()), "name": "Ana Müller", "email": "Ana@Shop.example", "phone": "0171 1234567"}
    made = ask(shop.cashier, "POST", PATH, json=body, headers={"Idempotency-Key": body["id"]})
    assert (made.status_code, made.headers["location"]) == (201, f"{PATH}/{body['id']}")
    again = ask(shop.cashier, "POST", PATH, json=body)
    assert (again.status_code, again.content) == (201, made.content)
    assert count(app, "customers", shop.tenant_id) == 1
    other = ask(shop.cashier, "POST", PATH, json={**body, "name": "Bo"})
    assert (other.status_code, other.json()["code"]) == (409, "CUSTOMER_CONFLICT")
    where = made.headers["location"]
    found = ask(shop.cashier, "GET", f"{PATH}/search", params={"query": "+49 171 1234567"}).json()["items"]
    assert [(each["id"], each["exact"]) for each in found] == [(body["id"], True)]
    changed = ask(shop.cashier, "PATCH", where, json={"version": 1, "company": "Müller Ltd", "phone": None})
    assert (changed.status_code, changed.json()["version"], changed.json()["phone"]) == (200, 2, None)
    stale = ask(shop.cashier, "PATCH", where, json={"version": 1, "name": "Late"})
    assert (stale.status_code, stale.json()["code"]) == (409, "STALE_CUSTOMER")
    agreed = ask(shop.cashier, "POST", f"{where}/consents", json={"purpose": "sms", "given": True, "how": "web"})
    assert agreed.json()["consents"] == ["sms"]
    assert ask(shop.accountant, "GET", f"{where}/sales").json()["totals"]["visits"] == 0
    assert [each["name"] for each in ask(shop.cashier, "GET", PATH).json()["items"]] == ["Ana Müller"]
    assert ask(shop.manager, "POST", f"{where}/erase", json={"confirm": True}).status_code == 403
    assert ask(shop.owner, "POST", f"{where}/erase", json={"confirm": True}).json()["records"] == 1
    assert ask(shop.cashier, "GET", where).json()["name"] == ""
    refused = ask(shop.cashier, "PATCH", where, json={"name": "Back"})
    assert (refused.status_code, refused.json()["code"]) == (409, "CUSTOMER_ERASED")


def test_what_is_wrong_is_told_by_its_code_and_not_repeated(ask, shop):
    wrong = ask(shop.cashier, "POST", PATH, json={"name": "Ana", "email": "quint"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "INVALID_EMAIL")
    assert "quint" not in wrong.text
    wrong = ask(shop.cashier, "POST", PATH, json={"name": "Ana", "phone": "quint"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "INVALID_PHONE")
    assert "quint" not in wrong.text


def test_the_routes_of_the_audit_are_there():
    there = {f"{endpoint.method} {path}" for path, _, endpoint in endpoints()}
    assert {f"GET {PATH}", f"POST {PATH}", f"GET {PATH}/{{id:str}}"} <= there
