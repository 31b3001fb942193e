"""Operations on what a shop lays down: reasons, reorder points, and what happens below zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory import rules
from primepos.domain.inventory.errors import (
    StockNotTracked,
)
from primepos.domain.inventory.schemas import (
    ListLow,
    ListReasons,
    LowPage,
    PolicyOut,
    ReasonList,
    ReasonOut,
    ReorderOut,
    SetPolicy,
    SetReason,
    SetReorder,
    ShowPolicy,
)
from primepos.domain.inventory.service.asking import (
    check_goods,
    check_there,
)
from primepos.domain.outlets.errors import OutletNotFound, OutletNotYours

if TYPE_CHECKING:
    from primepos.core.context import Context


@operation("inventory.list_reasons", permission=Permission.STOCK_READ, reads=True)
def list_reasons(ctx: Context, data: ListReasons) -> ReasonList:
    """List the reasons for correcting stock and which way each goes, by code."""
    found = sorted(rules.reasons(ctx).values(), key=lambda each: each.code)
    return ReasonList(items=[each for each in found if data.all or not each.archived])


@operation("inventory.set_reason", permission=Permission.SETTINGS_WRITE)
def set_reason(ctx: Context, data: SetReason) -> ReasonOut:
    """Add a reason for correcting stock, change one or take it out of use; what was booked keeps its sign."""
    rules.set_reason(ctx, data)
    ctx.note(f"reason {data.code}", name=data.name, direction=data.direction, archived=data.archived)
    return ReasonOut(code=data.code, name=data.name, direction=data.direction, archived=data.archived)


@operation(
    "inventory.set_reorder",
    permission=Permission.PRODUCT_WRITE,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound, StockNotTracked),
)
def set_reorder(ctx: Context, data: SetReorder) -> ReorderOut:
    """Say when a product is to be ordered again at a location and up to how much, or end that.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``.
    """
    check_goods(ctx, data.outlet_id, [data.product_id])
    rules.set_reorder(ctx, data)
    ctx.note(
        f"outlet {data.outlet_id}", product=str(data.product_id), minimum=str(data.minimum), target=str(data.target)
    )
    return ReorderOut(outlet_id=data.outlet_id, product_id=data.product_id, minimum=data.minimum, target=data.target)


@operation("inventory.list_low", permission=Permission.STOCK_READ, raises=(OutletNotFound, OutletNotYours), reads=True)
def list_low(ctx: Context, data: ListLow) -> LowPage:
    """List what has come down to its minimum, with how much to order, by outlet and SKU.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``.
    """
    check_there(ctx, outlet_id=data.outlet_id)
    return rules.list_low(ctx, data)


@operation(
    "inventory.set_policy",
    permission=Permission.SETTINGS_WRITE,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
)
def set_policy(ctx: Context, data: SetPolicy) -> PolicyOut:
    """Allow, warn of or block levels below zero, for one product or in one outlet; the tenant's rule is a setting.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    check_there(ctx, outlet_id=data.outlet_id, product_id=data.product_id)
    rules.set_policy(ctx, data.product_id, data.outlet_id, data.policy)
    ctx.note(f"policy {data.product_id or data.outlet_id}", policy=data.policy)
    return rules.show_policy(ctx, data.product_id, data.outlet_id)


@operation(
    "inventory.show_policy",
    permission=Permission.STOCK_READ,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
    reads=True,
)
def show_policy(ctx: Context, data: ShowPolicy) -> PolicyOut:
    """Show what happens below zero, and who says so: product, outlet or tenant.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    check_there(ctx, outlet_id=data.outlet_id, product_id=data.product_id)
    return rules.show_policy(ctx, data.product_id, data.outlet_id)
