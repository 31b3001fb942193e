"""Who may let a customer owe the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.errors import ApprovalRequired, PermissionDenied
from primepos.core.permissions import Decision, Permission

if TYPE_CHECKING:
    from primepos.core.context import Context


def require_credit_sale(ctx: Context) -> None:
    """See that whoever asks, or the approver beside them, may sell on account.

    Raises: PermissionDenied, ApprovalRequired.
    """
    permission = Permission.SALE_CREDIT_SALE
    decision = ctx.identity.grant(permission).decision
    if decision is Decision.ALLOW or (ctx.approver is not None and ctx.approver.can(permission)):
        return
    if decision is Decision.DENY:
        raise PermissionDenied(permission=permission.value)
    raise ApprovalRequired(permission=permission.value)
