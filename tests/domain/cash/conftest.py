"""What the tests of drawers and safes start from: an open shift, and a manager who consents with a PIN."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.context import Approval, Identity
from primepos.core.ids import new_id
from primepos.domain.cash.service import move_cash
from primepos.domain.staff.service import create_staff
from tests import factories
from tests.factories import a_shift, rows

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.operations import App
    from tests.factories import Shop

PIN = "739146"
CASH_TABLES = ("cash_movements", "cash_counts", "cash_variances", "cash_adjustments", "shift_reports", "safe_entries")


@pytest.fixture
def shift(app: App, shop: Shop) -> UUID:
    """The till's open shift with 100.00 in its drawer."""
    return a_shift(app, shop)


@pytest.fixture
def consent(app: App, shop: Shop) -> Approval:
    """A manager's consent on the spot."""
    app.run(create_staff, shop.owner, {"code": "mo", "name": "Mo", "role": "manager", "pin": PIN})
    return Approval(staff_code="mo", pin=PIN)


def counts(app: App, shop: Shop) -> dict[str, int]:
    """How many rows a shop has of all that is booked and all that is cash: the same after a refusal."""
    found = factories.counts(app, shop)
    for table in CASH_TABLES:
        asked = f"SELECT count(*) AS n FROM {table} WHERE tenant_id = %s"
        found[table] = rows(app, asked, (shop.tenant_id,))[0]["n"]
    return found


def at_the_till(shop: Shop) -> Identity:
    """The cashier, standing at the till, where a manager's PIN is taken."""
    return replace(shop.cashier, kind="staff", register_id=shop.till_id)


def moved(app: App, shop: Shop, shift: UUID, kind: str, amount: int, **more: Any) -> Any:
    """Move cash as the manager."""
    data = {"id": new_id(), "shift_id": shift, "kind": kind, "amount": amount, "reason": f"test {kind}", **more}
    return app.run(move_cash, shop.manager, data)
