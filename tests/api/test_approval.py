"""A second person's consent over the API: at a register by code and PIN, elsewhere not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from primepos.core.context import operator
from primepos.core.ids import new_id
from primepos.domain.staff import service as staff
from tests.api.conftest import a_sale
from tests.factories import rows

PIN = "4729"


@pytest.fixture
def manager_at_the_till(app, shop) -> str:
    """Return the staff code of a manager with a PIN."""
    data = {"code": "mia", "name": "Mia", "role": "manager", "pin": PIN}
    app.run(staff.create_staff, operator("test", shop.tenant_id), data)
    return "mia"


@pytest.fixture
def cashier_at_the_till(shop):
    """A cashier who signed in at the till."""
    return replace(shop.cashier, kind="staff", register_id=shop.till_id)


def test_a_manager_agrees_and_both_are_in_the_trail(app, ask, shop, manager_at_the_till, cashier_at_the_till):
    sale_id = str(new_id())
    ask(shop.cashier, "POST", "/api/v1/sales", json=a_sale(shop, sale_id=sale_id))
    alone = ask(cashier_at_the_till, "DELETE", f"/api/v1/sales/{sale_id}")
    assert (alone.status_code, alone.json()["code"]) == (403, "APPROVAL_REQUIRED")
    wrong = ask(
        cashier_at_the_till,
        "DELETE",
        f"/api/v1/sales/{sale_id}",
        headers={"X-Approver": manager_at_the_till, "X-Approver-PIN": "9153"},
    )
    assert wrong.status_code in {401, 403}
    agreed = ask(
        cashier_at_the_till,
        "DELETE",
        f"/api/v1/sales/{sale_id}",
        headers={"X-Approver": manager_at_the_till, "X-Approver-PIN": PIN},
    )
    assert (agreed.status_code, agreed.json()["kind"]) == (200, "void")
    trail = rows(
        app,
        "SELECT actor_name, approver_name FROM audit_events WHERE tenant_id = %s AND operation = 'sales.void'"
        " AND outcome = 'done'",
        (shop.tenant_id,),
    )
    assert trail == [{"actor_name": "Cashier", "approver_name": "Mia"}]


def test_no_pin_is_taken_from_the_web(app, ask, shop, manager_at_the_till):
    sale_id = str(new_id())
    ask(shop.cashier, "POST", "/api/v1/sales", json=a_sale(shop, sale_id=sale_id))
    answer = ask(
        shop.cashier,
        "DELETE",
        f"/api/v1/sales/{sale_id}",
        headers={"X-Approver": manager_at_the_till, "X-Approver-PIN": PIN},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "PIN_NOT_HERE")
    found = rows(app, "SELECT count(*) AS n FROM sales WHERE tenant_id = %s", (shop.tenant_id,))
    assert found == [{"n": 1}]


def test_consent_from_elsewhere_is_asked_for_granted_and_sent_by_its_id(app, ask, shop):
    sale_id, asked_id = str(new_id()), str(new_id())
    ask(shop.cashier, "POST", "/api/v1/sales", json=a_sale(shop, sale_id=sale_id))
    alone = ask(shop.cashier, "DELETE", f"/api/v1/sales/{sale_id}").json()
    assert alone["code"] == "APPROVAL_REQUIRED"
    needed = {"operation": alone["data"]["operation"], "acts": alone["data"]["acts"]}
    assert (needed["operation"], needed["acts"][0]["subject"]) == ("sales.void", f"sale:{sale_id}")
    asked = ask(shop.cashier, "POST", "/api/v1/approvals", json={"id": asked_id, **needed})
    assert (asked.status_code, asked.headers["location"]) == (201, f"/api/v1/approvals/{asked_id}")
    waiting = ask(shop.manager, "GET", "/api/v1/approvals?state=asked").json()["items"]
    assert [each["id"] for each in waiting] == [asked_id]
    early = ask(shop.cashier, "DELETE", f"/api/v1/sales/{sale_id}", headers={"X-Approval": asked_id})
    assert (early.status_code, early.json()["code"]) == (403, "APPROVAL_UNUSABLE")
    mine = ask(shop.cashier, "POST", f"/api/v1/approvals/{asked_id}/grant", json={})
    assert (mine.status_code, mine.json()["code"]) == (403, "PERMISSION_DENIED")
    granted = ask(shop.manager, "POST", f"/api/v1/approvals/{asked_id}/grant", json={})
    assert (granted.status_code, granted.json()["state"]) == (200, "granted")
    done = ask(shop.cashier, "DELETE", f"/api/v1/sales/{sale_id}", headers={"X-Approval": asked_id})
    assert (done.status_code, done.json()["kind"]) == (200, "void")
    # The answer was lost: the same call with the same approval is answered as before.
    again = ask(shop.cashier, "DELETE", f"/api/v1/sales/{sale_id}", headers={"X-Approval": asked_id})
    assert (again.status_code, again.content) == (200, done.content)
    assert ask(shop.cashier, "GET", f"/api/v1/approvals/{asked_id}").json()["state"] == "used"
    odd = ask(shop.cashier, "DELETE", f"/api/v1/sales/{sale_id}", headers={"X-Approval": "yes"})
    assert (odd.status_code, odd.json()["code"]) == (422, "INVALID_INPUT")


def test_a_badge_is_sent_in_a_header(app, ask, shop, manager_at_the_till, cashier_at_the_till):
    app.run(staff.set_badge, operator("test", shop.tenant_id), {"code": "mia", "badge": "0012345678"})
    sale_id = str(new_id())
    ask(shop.cashier, "POST", "/api/v1/sales", json=a_sale(shop, sale_id=sale_id))
    agreed = ask(cashier_at_the_till, "DELETE", f"/api/v1/sales/{sale_id}", headers={"X-Approver-Badge": "0012345678"})
    assert agreed.status_code == 200


def test_a_role_of_the_shops_own_is_made_shown_and_deleted(ask, shop):
    role = {"name": "lead", "title": "Lead", "like": "cashier"}
    assert ask(shop.manager, "POST", "/api/v1/roles", json=role).status_code == 403
    made = ask(shop.owner, "POST", "/api/v1/roles", json=role)
    assert (made.status_code, made.json()["is_built_in"]) == (201, False)
    grant = {"permission": "sale:line_discount", "decision": "allow", "max_percent": "12.5"}
    changed = ask(shop.owner, "PATCH", "/api/v1/roles/lead", json={"grants": [grant], "version": 1})
    shown = next(each for each in changed.json()["grants"] if each["permission"] == "sale:line_discount")
    assert (shown["max_percent"], changed.json()["version"]) == ("12.5", 2)
    assert ask(shop.owner, "GET", "/api/v1/roles").json()["items"][-1]["name"] == "lead"
    assert ask(shop.owner, "DELETE", "/api/v1/roles/cashier").json()["code"] == "ROLE_LOCKED"
    assert ask(shop.owner, "DELETE", "/api/v1/roles/lead").status_code == 204
    assert ask(shop.owner, "GET", "/api/v1/roles/lead").status_code == 404


def test_the_time_clock_and_commission_over_http(app, ask, shop, manager_at_the_till):
    at_till = {"code": manager_at_the_till, "pin": PIN}
    entry = ask(shop.device, "POST", "/api/v1/timeclock/in", json={"id": str(new_id()), **at_till})
    assert (entry.status_code, entry.json()["is_open"]) == (201, True)
    assert ask(shop.device, "POST", "/api/v1/timeclock/out", json=at_till).json()["is_open"] is False
    days = "since=2020-01-01&until=2020-12-31"
    assert ask(shop.owner, "GET", f"/api/v1/timeclock/hours?{days}").json()["rows"] == []
    person = f"/api/v1/staff/{entry.json()['staff_id']}"
    rate = {"percent": "2.5", "valid_from": "2020-01-01"}
    assert ask(shop.owner, "PUT", f"{person}/commission", json=rate).json()["percent"] == "2.5000"
    assert ask(shop.manager, "PUT", f"{person}/commission", json=rate).status_code == 403
    assert len(ask(shop.manager, "GET", "/api/v1/staff/commission-rates").json()["items"]) == 1
    assert ask(shop.manager, "GET", f"/api/v1/reports/commission?{days}").json()["commission"] == 0
    assert ask(shop.manager, "GET", f"/api/v1/reports/staff?{days}").json()["rows"] == []
