"""From tenders to the rows of a sale: what came in, what went back as change, what was rounded to coins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.errors import InvalidInput
from primepos.pricing.rounding import CashRule
from primepos.pricing.tender import Settlement, Tender, settle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class NotPaid(InvalidInput):
    """The tenders do not cover the total."""

    code = "NOT_PAID"
    template = "{remaining} is still to be paid (minor units)"


def cash_rule(settings: Mapping[str, Any]) -> CashRule | None:
    """Return the tenant's rule for rounding to coins, or None where every amount can be paid.

    ``settings["cash_rounding"]`` is ``{"step_minor": 5, "method": "half_up", "cash_only": true}``.
    """
    rule = settings.get("cash_rounding")
    if not rule or not rule.get("step_minor") or rule["step_minor"] == 1:
        return None
    return CashRule(
        step=rule["step_minor"], method=rule.get("method", "half_up"), cash_only=rule.get("cash_only", True)
    )


def settle_sale(total: int, tenders: Sequence[Tender], rule: CashRule | None) -> Settlement:
    """Return the settlement of a fully paid sale.

    Raises:
        NotPaid: the tenders do not cover the total; change is never given from anything but cash.
        InvalidTender: a tender that cannot be, see :func:`primepos.pricing.tender.settle`.
    """
    if total == 0 and not tenders:
        return Settlement(remaining=0, cash_due=0, change=0, rounding=0, complete=True)
    settled = settle(total, tenders, rule)
    if not settled.complete:
        raise NotPaid(remaining=settled.remaining)
    return settled
