"""Everything that stands in the way of closing a shift, at once (odoo/odoo #203431, #136387; frappe/erpnext #38601)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from primepos.domain.cash import ledger, queries
from primepos.domain.cash.schemas import AskPreflight, CashRules, Finding, Preflight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.context import Context

MOST_NAMED = 100


def look(ctx: Context, shift: Mapping[str, Any], data: AskPreflight, *, sees: bool) -> Preflight:
    """Return every blocker and every warning of closing this shift now; ``sees`` may be told amounts."""
    rules = msgspec.convert(shift["rules"], CashRules)
    home = ctx.tenant.currency.code
    blockers: list[Finding] = []
    warnings: list[Finding] = []
    if shift["closed_at"] is not None:
        blockers.append(Finding(code="ALREADY_CLOSED", text=f"It was closed as Z {shift['z_number']}"))
    known = queries.held_at(ctx.uow, ctx.tenant_id, shift["register_id"])
    # What is on hold at the till may be known here as well: it is the same sale.
    held = max(data.held, len(known))
    if held:
        carried = rules.held_at_close == "carry"
        rule = "they stay for the next shift" if carried else "finish or give them up first"
        found = Finding(code="HELD_SALES", text=f"{held} sale(s) are on hold: {rule}", items=known)
        (warnings if carried else blockers).append(found)
    if data.unsent:
        text = f"{data.unsent} of the till's records are not sent; they will be late"
        warnings.append(Finding(code="UNSENT", text=text))
    if data.set_aside:
        text = f"{data.set_aside} of the till's records were refused; somebody has to look at them"
        warnings.append(Finding(code="SET_ASIDE", text=text))
    if data.epoch is not None and data.number is not None:
        missing = queries.missing_receipts(
            ctx.uow, ctx.tenant_id, shift, epoch=data.epoch, number=data.number, limit=MOST_NAMED
        )
        if missing:
            text = f"{len(missing)}{'+' if len(missing) == MOST_NAMED else ''} receipt(s) were printed and are not here"
            warnings.append(Finding(code="MISSING_RECEIPTS", text=text, items=missing))
    expected = queries.drawer(ctx.uow, ctx.tenant_id, shift["id"])
    counted = ledger.closing_counts(ctx.uow, ctx.tenant_id, shift["id"])
    if data.counted:
        counted.add(home)
    uncounted = [each for each, amount in expected.items() if (amount or each == home) and each not in counted]
    if uncounted and shift["closed_at"] is None:
        blockers.append(Finding(code="UNCOUNTED", text="The drawer is not counted", items=uncounted))
    negative = {each: amount for each, amount in expected.items() if amount < 0}
    if negative:
        items = [f"{each} {amount}" if sees else each for each, amount in negative.items()]
        text = "By the books there is less than nothing in the drawer: something was not recorded"
        warnings.append(Finding(code="NEGATIVE_EXPECTED", text=text, items=items))
    if shift["opening_difference"] and shift["opening_reason"] is None:
        items = [f"{home} {shift['opening_difference']}"] if sees else []
        text = "The float was not what the last closing left, and nobody said why"
        warnings.append(Finding(code="OPENING_DIFFERENCE", text=text, items=items))
    return Preflight(shift_id=shift["id"], blockers=blockers, warnings=warnings)
