"""A shop with customers, and shorthand for what they have with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from primepos.core.db import run_in_transaction
from primepos.core.ids import new_id
from primepos.domain.values.service import adjust_account, adjust_credit, adjust_points, issue_card, set_limit
from tests.factories import rows

if TYPE_CHECKING:
    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App
    from tests.factories import Shop

POINTS = {"earn": 1, "per_minor": 100, "burn": 100, "worth_minor": 500}


def a_customer(app: App, shop: Shop, name: str = "Ada") -> UUID:
    """Add a customer and return its id; writes the row directly, so these tests lean on no other operation."""
    made = new_id()

    def work(uow: UnitOfWork) -> None:
        uow.run(
            "INSERT INTO customers (tenant_id, id, number, name) VALUES (%s, %s, %s, %s)",
            (shop.tenant_id, made, made.hex[-12:], name),
        )
        uow.commit()

    run_in_transaction(app.database.system_session, work)
    return made


def a_card(app: App, shop: Shop, amount: int = 5000, **more: Any) -> Any:
    """Issue a gift card and return it, code and all."""
    return app.run(issue_card, shop.owner, {"id": new_id(), "amount": amount, "reason": "goodwill", **more})


def some_credit(app: App, shop: Shop, customer: UUID, amount: int = 5000) -> UUID:
    """Give store credit and return its account."""
    return app.run(adjust_credit, shop.owner, _given(customer, amount)).account_id


def some_points(app: App, shop: Shop, customer: UUID, amount: int = 5000) -> UUID:
    """Give points and return their account."""
    return app.run(adjust_points, shop.owner, _given(customer, amount)).account_id


def an_account(app: App, shop: Shop, customer: UUID, limit: int = 5000) -> UUID:
    """Let a customer buy on account and return the account."""
    return app.run(set_limit, shop.owner, {"customer_id": customer, "limit": limit}).account_id


def owes(app: App, shop: Shop, customer: UUID, amount: int) -> Any:
    """Charge a customer's account by hand."""
    return app.run(adjust_account, shop.owner, _given(customer, -amount))


def _given(customer: UUID, amount: int) -> dict[str, Any]:
    return {"id": new_id(), "customer_id": customer, "amount": amount, "reason": "opening"}


def balance(app: App, account_id: UUID) -> tuple[int, int]:
    """Return balance and what is held, as the row says."""
    found = rows(app, "SELECT balance, held FROM value_accounts WHERE id = %s", (account_id,))[0]
    return found["balance"], found["held"]


def entries(app: App, account_id: UUID) -> list[tuple[str, int, int]]:
    """Return cause, amount and balance after of every entry, in order."""
    found = rows(
        app, "SELECT cause, amount, balance FROM value_entries WHERE account_id = %s ORDER BY entry_no", (account_id,)
    )
    return [(each["cause"], each["amount"], each["balance"]) for each in found]


def assert_value_adds_up(app: App, shop: Shop) -> None:
    """See that every balance is the sum of its entries, and what is held the sum of what is authorised."""
    wrong = rows(
        app,
        "SELECT v.id, v.balance, v.held, v.floor, e.total, e.last, a.held AS authorised FROM value_accounts v"
        " LEFT JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS total, count(*) AS last FROM value_entries e"
        " WHERE e.tenant_id = v.tenant_id AND e.account_id = v.id) e ON true"
        " LEFT JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS held FROM authorisations a"
        " WHERE a.tenant_id = v.tenant_id AND a.account_id = v.id AND a.state = 'held') a ON true"
        " WHERE v.tenant_id = %s AND (v.balance <> e.total OR v.entries <> e.last OR v.held <> a.held)",
        (shop.tenant_id,),
    )
    assert wrong == []
