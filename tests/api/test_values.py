"""Gift cards and accounts over HTTP: one walk through each, and no code in any address."""

from __future__ import annotations

from primepos.core.ids import new_id
from tests.api.conftest import a_sale
from tests.domain.values.value_world import a_customer


def a_basket(shop, **more):
    lines = [{"sku": "A-1", "quantity": "2"}, {"sku": "B-2"}]
    return a_sale(shop, sale_id=str(new_id()), total=450, lines=lines, **more)


def test_a_card_is_issued_looked_up_held_and_pays(ask, app, shop):
    body = {"id": str(new_id()), "amount": 1000, "reason": "prize"}
    made = ask(shop.owner, "POST", "/api/v1/gift-cards", json=body)
    assert (made.status_code, made.json()["balance"]) == (201, 1000)
    assert ask(shop.owner, "POST", "/api/v1/gift-cards", json=body).content == made.content
    code = made.json()["code"]
    shown = ask(shop.cashier, "POST", "/api/v1/gift-cards/lookup", json={"code": code})
    assert (shown.status_code, shown.json()["available"]) == (200, 1000)
    kept = {"id": str(new_id()), "amount": 450, "code": code}
    held = ask(shop.cashier, "POST", "/api/v1/values/authorisations", json=kept)
    assert (held.status_code, held.json()["state"]) == (201, "held")
    tender = {"kind": "gift_card", "code": code, "amount": 450, "authorisation_id": kept["id"]}
    sale = ask(shop.cashier, "POST", "/api/v1/sales", json=a_basket(shop, tenders=[tender]))
    assert (sale.status_code, sale.json()["payments"][0]["account_id"]) == (201, made.json()["account_id"])
    gone = ask(shop.cashier, "POST", f"/api/v1/values/authorisations/{kept['id']}/release", json={})
    assert (gone.status_code, gone.json()["code"]) == (409, "AUTHORISATION_SETTLED")
    short = ask(
        shop.cashier, "POST", "/api/v1/values/authorisations", json={**kept, "id": str(new_id()), "amount": 551}
    )
    assert (short.status_code, short.json()["code"]) == (409, "VALUE_SHORT")
    refused = ask(shop.cashier, "POST", "/api/v1/gift-cards", json={**body, "id": str(new_id())})
    assert (refused.status_code, refused.json()["code"]) == (403, "PERMISSION_DENIED")


def test_a_sale_on_account_is_paid_by_its_own_route(ask, app, shop):
    ada = a_customer(app, shop)
    limit = ask(shop.manager, "PUT", f"/api/v1/accounts/{ada}/limit", json={"limit": 1000})
    assert (limit.status_code, limit.json()["limit"]) == (200, 1000)
    body = a_basket(shop, tenders=[{"kind": "account", "amount": 450}], customer_id=str(ada))
    sale = ask(shop.manager, "POST", "/api/v1/sales", json=body)
    assert sale.status_code == 201, sale.text
    where = f"/api/v1/sales/{sale.json()['id']}/payments"
    assert ask(shop.manager, "GET", where).json()["status"] == "open"
    paid = {"id": str(new_id()), "tenders": [{"kind": "cash", "amount": 500}]}
    done = ask(shop.cashier, "POST", where, json=paid)
    assert (done.status_code, done.json()["change"], done.headers["location"]) == (
        201,
        50,
        f"/api/v1/sales/{paid['id']}",
    )
    assert ask(shop.cashier, "POST", where, json=paid).content == done.content
    assert ask(shop.manager, "GET", where).json()["status"] == "paid"
    found = ask(shop.accountant, "GET", f"/api/v1/accounts/{ada}/statement").json()
    assert [each["amount"] for each in found["entries"]] == [-450, 450]
    assert ask(shop.accountant, "GET", "/api/v1/accounts/ageing").json()["items"] == []
