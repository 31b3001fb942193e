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
