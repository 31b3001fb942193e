"""Who a command acts as: the operator at the shell, or the person whose token is given."""

from __future__ import annotations

import json

import pytest

from primepos.core.context import ANONYMOUS
from primepos.core.ids import new_id
from primepos.domain.accounts.service import login
from primepos.domain.sales.service import book_sale
from tests.factories import basket, counts, rows

PASSWORD = "a rather long sentence of words"


@pytest.fixture
def as_cashier(in_app, shop, in_shop, monkeypatch):
    """Let commands act as a cashier of the shop who signed in."""
    email = f"cas-{new_id()}@shop.test"
    monkeypatch.setenv("PRIMEPOS_PASSWORD", PASSWORD)
    in_shop("users", "create", email, "--name", "Cas", "--role", "cashier", "--json")
    monkeypatch.delenv("PRIMEPOS_PASSWORD")
    signed_in = in_app.run(login, ANONYMOUS, {"email": email, "password": PASSWORD})
    monkeypatch.setenv("PRIMEPOS_TOKEN", signed_in.access_token)
    return in_shop


def test_a_token_gives_that_persons_rights_and_name(in_app, shop, as_cashier, command):
    booked = as_cashier("sales", "book", "--json", given=json.dumps(basket(shop), default=str)).json
    assert booked["cashier"] == "Cas"
    refused = as_cashier("outlets", "create", "pier", "--name", "Pier", "--json")
    assert (refused.code, refused.refusal["code"]) == (4, "PERMISSION_DENIED")
    assert command("tenants", "list", "--json").refusal["code"] == "PERMISSION_DENIED"


def test_a_token_without_a_tenant_named_works_in_its_own(shop, as_cashier, command):
    assert [each["code"] for each in command("outlets", "list", "--json").json] == ["main"]


def test_a_token_does_not_act_in_another_tenant(in_app, other_shop, as_cashier, command):
    before = counts(in_app, other_shop)
    ran = command("products", "list", "--tenant", other_shop.slug, "--json")
    assert (ran.code, ran.refusal["code"]) == (4, "NOT_A_MEMBER")
    assert counts(in_app, other_shop) == before


def test_an_invalid_token_is_no_reason_to_act_as_the_operator(in_app, shop, in_shop, monkeypatch):
    monkeypatch.setenv("PRIMEPOS_TOKEN", "nonsense")
    assert in_shop("outlets", "list", "--json").code == 3


def test_what_needs_a_managers_approval_is_refused_at_a_shell(in_app, shop, as_cashier):
    sale = in_app.run(book_sale, shop.cashier, basket(shop))
    ran = as_cashier("sales", "void", str(sale.id), "--reason", "twice", "--yes", "--json")
    assert (ran.code, ran.refusal["code"]) == (4, "APPROVAL_REQUIRED")
    assert counts(in_app, shop)["sales"] == 1
    trail = rows(
        in_app,
        "SELECT actor_name, error_code FROM audit_events WHERE tenant_id = %s AND outcome = 'refused'",
        (shop.tenant_id,),
    )
    assert trail == [{"actor_name": "Cas", "error_code": "APPROVAL_REQUIRED"}]
