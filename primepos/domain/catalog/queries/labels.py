"""The products that labels are asked of: one statement, whatever was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.domain.catalog.queries import products

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.catalog.schemas import ProductOut

# A sheet in one go; who changed more prices than that prints a day at a time.
MOST_PRODUCTS = 2000


def named_products(ctx: Context, ids: Sequence[UUID], skus: Sequence[str]) -> list[ProductOut]:
    """Return the products with these ids or SKUs, archived ones too; those that are not there are left out."""
    return products.whole_products(ctx, "named", {"ids": list(ids), "skus": list(skus)}, MOST_PRODUCTS)


def repriced_products(ctx: Context, since: datetime) -> list[ProductOut]:
    """Return the products on sale whose price was set since a moment, by SKU; a new product's first price counts."""
    return products.whole_products(ctx, "repriced", {"since": since}, MOST_PRODUCTS)


def country(ctx: Context) -> str:
    """Return the tenant's country as ISO 3166 code, empty where nobody said."""
    found = ctx.uow.rows("SELECT country FROM tenants WHERE id = %s", (ctx.tenant_id,))
    return str(found[0]["country"])
