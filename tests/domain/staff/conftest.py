"""People at the till who ask and agree, and an act that weighs something."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest
from msgspec import Meta, Struct

from primepos.core.context import Context, Identity
from primepos.core.operations import Operation, Scope
from primepos.core.permissions import Permission
from primepos.domain.staff.identities import staff_identity
from primepos.domain.staff.service import create_role, create_staff, sign_in
from tests.domain.accounts.conftest import identity, owner_of, person
from tests.domain.accounts.conftest import sign_in as enter

if TYPE_CHECKING:
    from collections.abc import Callable

PIN = "739146"
__all__ = ["enter", "identity", "owner_of", "person"]


class Spend(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act to weigh."""

    amount: int
    percent: Annotated[str, Meta(max_length=10)] | None = None
    sold_on: date | None = None
    outlet_id: UUID | None = None
    subject: str | None = None
    done: bool = False


class Spent(Struct, frozen=True, kw_only=True):
    """What was done."""

    amount: int


def _spend(ctx: Context, data: Spend) -> Spent:
    if data.done:
        ctx.note("spend", replayed=True)
        return Spent(amount=data.amount)
    ctx.require(
        Permission.REFUND_WITH_RECEIPT,
        amount=data.amount,
        sold_on=data.sold_on,
        outlet_id=data.outlet_id,
        subject=data.subject,
    )
    ctx.uow.run(
        "UPDATE tenants SET settings = settings || jsonb_build_object('spent',"
        " coalesce((settings->>'spent')::int, 0) + %s) WHERE id = %s",
        (data.amount, ctx.tenant_id),
    )
    ctx.note("spend", amount=data.amount)
    return Spent(amount=data.amount)


def operation(name: str, handler: Callable[..., Any], **changes: Any) -> Operation[Any, Any]:
    """Return an operation that is in no registry."""
    values: dict[str, Any] = {
        "permission": Permission.REFUND_WITH_RECEIPT,
        "input": Spend,
        "output": Spent,
        "raises": (),
        "scope": Scope.TENANT,
        "reads": False,
        "summary": "",
        "doc": "",
        "weighs": True,
    }
    return Operation(name=name, handler=handler, **{**values, **changes})


# Under the name of an operation that exists, so that it can be asked for.
SPEND = operation("sales.refund", _spend)


@pytest.fixture
def at_till(app, shop) -> Callable[..., Identity]:
    """Add somebody to the staff and sign them in: ``at_till("eve", "cashier")``."""

    def add(code: str, role: str = "cashier", **more: Any) -> Identity:
        app.run(create_staff, shop.owner, {"code": code, "name": code.title(), "role": role, "pin": PIN, **more})
        return staff_identity(shop.device, app.run(sign_in, shop.device, {"code": code, "pin": PIN}))

    return add


@pytest.fixture
def lead(app, shop) -> str:
    """A role that refunds up to 50.00 of the last 30 days and agrees to others'."""
    app.run(
        create_role,
        shop.owner,
        {
            "name": "shift_lead",
            "title": "Shift lead",
            "like": "cashier",
            "grants": [
                {
                    "permission": "refund:with_receipt",
                    "decision": "allow",
                    "max_amount": 5000,
                    "days_back": 30,
                },
                {"permission": "approval:give", "decision": "allow"},
            ],
        },
    )
    return "shift_lead"


def elsewhere(identity: Identity) -> Identity:
    """Return the same person as one who signed in by password, far from any till."""
    return replace(identity, kind="user", register_id=None)
