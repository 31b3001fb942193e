"""Cash over the API: a movement and a closing, described as they answer."""

from __future__ import annotations

from primepos.core.ids import new_id
from tests.factories import a_shift


def test_cash_is_moved_listed_and_counted_in_the_safe(app, ask, shop):
    shift = a_shift(app, shop)
    path = f"/api/v1/shifts/{shift}"
    drop = {"id": str(new_id()), "kind": "drop", "amount": 4_000, "reason": "full"}
    for _ in range(2):
        made = ask(shop.manager, "POST", f"{path}/movements", json=drop)
        assert (made.status_code, made.json()["amount"]) == (201, -4_000)
    assert ask(shop.manager, "POST", f"{path}/movements", json={**drop, "amount": 1}).json()["code"] == "CASH_CONFLICT"
    refused = ask(shop.cashier, "POST", f"{path}/movements", json={**drop, "id": str(new_id())})
    assert (refused.status_code, refused.json()["code"]) == (403, "APPROVAL_REQUIRED")
    looked = ask(shop.cashier, "GET", f"{path}/preflight", params={"held": 2, "epoch": 1, "number": 1}).json()
    assert [each["code"] for each in looked["warnings"]] == ["HELD_SALES", "MISSING_RECEIPTS"]
    pieces = {"5000": 1, "1000": 1}
    closed = ask(shop.cashier, "POST", f"{path}/close", json={"counted": 6_000, "denominations": pieces})
    assert (closed.status_code, closed.json()["expected"]) == (200, None)
    z = ask(shop.manager, "GET", f"{path}/figures").json()
    assert (z["shift"]["expected"], z["movements"][0]["amount"], z["made_at"] is None) == (6_000, -4_000, False)
    safes = ask(shop.owner, "GET", "/api/v1/cash/safes").json()["items"]
    assert [each["balance"] for each in safes] == [4_000]
    bank = f"/api/v1/cash/safes/{shop.outlet_id}/deposits"
    short = ask(shop.owner, "POST", bank, json={"id": str(new_id()), "amount": 4_001, "reason": "bank"})
    assert (short.status_code, short.json()["code"]) == (409, "SAFE_SHORT")
    own = ask(shop.owner, "PUT", "/api/v1/cash/denominations/CHF", json={"items": [{"value": 5, "kind": "coin"}]})
    assert (own.status_code, own.json()["own"]) == (200, True)
