"""How every operation of this feature finds what it is asked about, and how its lists are cut into pages."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from primepos.core.amounts import currency as currency_of
from primepos.core.errors import InvalidInput
from primepos.domain.cash import queries
from primepos.domain.cash.errors import NotYourShift, ShiftNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.context import Context


def find_shift(ctx: Context, shift_id: UUID) -> dict[str, Any]:
    """Return a shift of one's own outlets. Raises ShiftNotFound."""
    shift = queries.find_shift(ctx.uow, ctx.tenant_id, shift_id)
    if shift is None or not ctx.identity.may_use_outlet(shift["outlet_id"]):
        raise ShiftNotFound
    return shift


def find_till_shift(ctx: Context, shift_id: UUID) -> dict[str, Any]:
    """Return a shift with a drawer: the server's own registers have none. Raises ShiftNotFound."""
    shift = find_shift(ctx, shift_id)
    if shift["kind"] != "till":
        raise ShiftNotFound
    return shift


def require_own(ctx: Context, shift: Mapping[str, Any]) -> None:
    """See that whoever may act in their own shifts only is in one. Raises NotYourShift."""
    if ctx.grant.own and shift["opened_by_id"] != ctx.identity.actor_id:
        raise NotYourShift


def chosen_currency(ctx: Context, code: str | None) -> str:
    """Return the currency that was named, the tenant's own where none was. Raises UnknownCurrency."""
    return ctx.tenant.currency.code if code is None else currency_of(code).code


def keep_seals(ctx: Context, sealed: Mapping[str, str]) -> None:
    """Have the trail keep the seals of rows that were written: by them the auditor knows one that was changed."""
    ctx.audit.data.setdefault("seals", {}).update(sealed)


def outlets_of(ctx: Context) -> list[UUID] | None:
    """Return the outlets the caller works in, None for all."""
    return None if ctx.identity.outlet_ids is None else sorted(ctx.identity.outlet_ids)


def place_of(after: str | None) -> dict[str, Any]:
    """Return the moment and id after which a page begins. Raises InvalidInput."""
    if after is None:
        return {"after_at": None, "after_id": None}
    try:
        at, _, last = after.partition("~")
        return {"after_at": datetime.fromisoformat(at), "after_id": UUID(last)}
    except ValueError:
        raise InvalidInput("after: not a page mark of this list") from None


def mark_of(at: datetime, last: UUID) -> str:
    """Return the mark of a page that ended with this row."""
    return f"{at.isoformat()}~{last}"
