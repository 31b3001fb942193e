"""Offers over HTTP: a promotion, its coupon, a cart that is tried, and a sale that uses it."""

from __future__ import annotations

from primepos.core.ids import new_id


def test_a_frontend_makes_a_promotion_tries_a_cart_and_sells_by_coupon(ask, shop):
    promotion = {"code": "ten", "name": "Ten off", "kind": "percent", "percent": "10", "needs_coupon": True}
    made = ask(shop.manager, "POST", "/api/v1/promotions", json=promotion)
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/promotions/{made.json()['id']}"
    batch = {"id": str(new_id()), "promotion_id": made.json()["id"], "count": 1}
    coupons = ask(shop.manager, "POST", "/api/v1/coupons", json=batch)
    again = ask(shop.manager, "POST", "/api/v1/coupons", json=batch)
    assert (coupons.status_code, again.content) == (201, coupons.content)
    code = coupons.json()["items"][0]["code"]
    cart = {"outlet_id": str(shop.outlet_id), "lines": [{"sku": "B-2", "quantity": "2"}], "coupons": [code]}
    tried = ask(shop.cashier, "POST", "/api/v1/promotions/try", json=cart)
    assert (tried.status_code, tried.json()["total"], tried.json()["exact"]) == (200, 450, True)
    sale = {
        "id": str(new_id()),
        "outlet_id": str(shop.outlet_id),
        "lines": [{"sku": "B-2", "quantity": "2"}],
        "tenders": [{"kind": "cash", "amount": 450}],
        "coupons": [{"code": code}],
    }
    booked = ask(shop.cashier, "POST", "/api/v1/sales", json=sale)
    assert (booked.status_code, booked.json()["total"]) == (201, 450)
    assert booked.json()["lines"][0]["details"]["offers"][0]["coupon"] == code
    refused = ask(shop.cashier, "POST", "/api/v1/sales", json={**sale, "id": str(new_id())})
    assert (refused.status_code, refused.json()["code"]) == (409, "COUPON_REFUSED")
    checked = ask(shop.cashier, "GET", "/api/v1/coupons/check", params={"code": code}).json()
    assert (checked["usable"], checked["reason"]) == (False, "used_up")
