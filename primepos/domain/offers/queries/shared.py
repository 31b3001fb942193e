"""What reading and changing of all kinds of offers share.

Whoever changes an offer of a tenant holds the row of ``offer_versions`` until the commit, before any other.
"""
# ruff: noqa: S608 - statements are put together from the constants of this package; values are parameters

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

import msgspec
from psycopg import sql

from primepos.core.ids import new_id
from primepos.domain.catalog.errors import CategoryNotFound, ProductNotFound, TaxClassNotFound
from primepos.domain.customers.errors import CustomerGroupNotFound, CustomerNotFound
from primepos.domain.offers.schemas import TermsOut
from primepos.domain.outlets.errors import OutletNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from primepos.core.context import Context
    from primepos.domain.offers.schemas import TermsIn

Owner = Literal["price_list_id", "promotion_id", "tax_mapping_id"]
Required = Literal["outlets", "customer_groups", "customers", "tax_classes"]
_TABLES: Final[dict[Owner, str]] = {
    "price_list_id": "price_lists",
    "promotion_id": "promotions",
    "tax_mapping_id": "tax_mappings",
}
_LOCK: Final = (
    "INSERT INTO offer_versions AS v (tenant_id, version) VALUES (%s, 1)"
    " ON CONFLICT (tenant_id) DO UPDATE SET version = v.version + 1"
)
_COLUMN: Final[dict[Owner, str]] = {
    "price_list_id": "price_list_id",
    "promotion_id": "promotion_id",
    "tax_mapping_id": "tax_mapping_id",
}
_WITHIN: Final[dict[Required, str]] = {
    "outlets": "outlets",
    "customer_groups": "customer_groups",
    "customers": "customers",
    "tax_classes": "tax_classes",
}
_IDS: Final = (
    "coalesce((SELECT array_agg(a.{what} ORDER BY a.id) FROM offer_audiences a WHERE a.tenant_id = o.tenant_id"
    " AND a.{owner} = o.id AND a.{what} IS NOT NULL), '{{}}') AS {what}s"
)
_AUDIENCES: Final = ", ".join(
    _IDS.replace("{what}", what).replace("{{}}", "{}") for what in ("outlet_id", "group_id", "customer_id")
)
#: The columns that say for whom an offer is.
PRICE_LIST_AUDIENCE: Final = _AUDIENCES.replace("{owner}", "price_list_id")
PROMOTION_AUDIENCE: Final = _AUDIENCES.replace("{owner}", "promotion_id")
TAX_MAPPING_AUDIENCE: Final = _AUDIENCES.replace("{owner}", "tax_mapping_id")

ONE: Final = " AND o.id = %(id)s"
MANY: Final = " AND (o.archived_at IS NOT NULL) = %(archived)s ORDER BY {order}"

encode = msgspec.json.Encoder(decimal_format="string").encode


def lock_offers(ctx: Context) -> None:
    """Take turns with everybody who changes offers of this tenant, and count one more change."""
    ctx.uow.run(_LOCK, (ctx.tenant_id,))


def terms_columns(terms: TermsIn) -> dict[str, Any]:
    """Return when an offer holds as the columns that keep it."""
    return {
        "valid_from": terms.valid_from,
        "valid_to": terms.valid_to,
        "days": list(dict.fromkeys(terms.days)),
        "from_time": None if terms.from_time is None else time.fromisoformat(terms.from_time),
        "to_time": None if terms.to_time is None else time.fromisoformat(terms.to_time),
    }


def insert(ctx: Context, owner: Owner, values: Mapping[str, Any]) -> UUID:
    """Add an offer and return its id; the names of columns are the caller's own."""
    made = new_id()
    row = {"tenant_id": ctx.tenant_id, "id": made, **values}
    names = ", ".join(sql.Identifier(name).as_string(None) for name in row)
    places = ", ".join(sql.Placeholder(name).as_string(None) for name in row)
    ctx.uow.run(f"INSERT INTO {_TABLES[owner]} ({names}) VALUES ({places})", row)
    return made


def change(ctx: Context, owner: Owner, offer_id: UUID, values: Mapping[str, Any]) -> None:
    """Change columns of an offer; the names of columns are the caller's own."""
    if values:
        said = ", ".join(
            f"{sql.Identifier(name).as_string(None)} = {sql.Placeholder(name).as_string(None)}" for name in values
        )
        ctx.uow.run(
            f"UPDATE {_TABLES[owner]} SET {said}, updated_at = now() WHERE tenant_id = %(tenant)s AND id = %(key)s",
            {**values, "tenant": ctx.tenant_id, "key": offer_id},
        )


def set_audience(
    ctx: Context,
    owner: Owner,
    offer_id: UUID,
    *,
    outlets: Sequence[UUID],
    groups: Sequence[UUID],
    customers: Sequence[UUID],
) -> None:
    """Say for whom an offer is.

    Raises: ``OUTLET_NOT_FOUND``, ``CUSTOMER_GROUP_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``.
    """
    _require(ctx, "outlets", outlets, OutletNotFound())
    _require(ctx, "customer_groups", groups, CustomerGroupNotFound(group=str(groups[0]) if groups else ""))
    _require(ctx, "customers", customers, CustomerNotFound(customer=str(customers[0]) if customers else ""))
    column = _COLUMN[owner]
    ctx.uow.run(f"DELETE FROM offer_audiences WHERE tenant_id = %s AND {column} = %s", (ctx.tenant_id, offer_id))
    ctx.uow.run(
        f"INSERT INTO offer_audiences (tenant_id, {column}, outlet_id, group_id, customer_id)"
        " SELECT %(tenant)s::int, %(offer)s::uuid, x, NULL::uuid, NULL::uuid FROM unnest(%(outlets)s::uuid[]) AS x"
        " UNION SELECT %(tenant)s::int, %(offer)s::uuid, NULL, x, NULL FROM unnest(%(groups)s::uuid[]) AS x"
        " UNION SELECT %(tenant)s::int, %(offer)s::uuid, NULL, NULL, x FROM unnest(%(customers)s::uuid[]) AS x",
        {
            "tenant": ctx.tenant_id,
            "offer": offer_id,
            "outlets": list(outlets),
            "groups": list(groups),
            "customers": list(customers),
        },
    )


def _require(ctx: Context, table: Required, ids: Sequence[UUID], error: Exception) -> None:
    """See that a tenant has all of these. Raises ``error``."""
    wanted = list(set(ids))
    if wanted:
        found = ctx.uow.rows(
            f"SELECT count(*) AS n FROM {_WITHIN[table]} WHERE tenant_id = %s AND id = ANY(%s)", (ctx.tenant_id, wanted)
        )
        if found[0]["n"] != len(wanted):
            raise error


def require_outlet(ctx: Context, outlet_id: UUID) -> None:
    """See that there is such an outlet and that the caller works there. Raises ``OUTLET_NOT_FOUND``."""
    _require(ctx, "outlets", [outlet_id], OutletNotFound())
    if not ctx.identity.may_use_outlet(outlet_id):
        raise OutletNotFound


def require_customer(ctx: Context, customer_id: UUID | None) -> None:
    """See that there is such a customer, if one is named. Raises ``CUSTOMER_NOT_FOUND``."""
    if customer_id is not None:
        _require(ctx, "customers", [customer_id], CustomerNotFound(customer=str(customer_id)))


def require_classes(ctx: Context, ids: Sequence[UUID]) -> None:
    """See that there are these tax classes. Raises ``TAX_CLASS_NOT_FOUND``."""
    _require(ctx, "tax_classes", ids, TaxClassNotFound(tax_class=str(ids[0]) if ids else ""))


def products_by(ctx: Context, ids: Iterable[UUID], skus: Iterable[str]) -> dict[UUID | str, UUID]:
    """Return products by id and by SKU. Raises ``PRODUCT_NOT_FOUND``."""
    wanted: list[UUID | str] = [*ids, *skus]
    if not wanted:
        return {}
    rows = ctx.uow.rows(
        "SELECT id, sku FROM products WHERE tenant_id = %s AND (id = ANY(%s) OR sku = ANY(%s))",
        (ctx.tenant_id, [x for x in wanted if isinstance(x, UUID)], [x for x in wanted if isinstance(x, str)]),
    )
    found: dict[UUID | str, UUID] = {row["id"]: row["id"] for row in rows} | {row["sku"]: row["id"] for row in rows}
    for each in wanted:
        if each not in found:
            raise ProductNotFound(product=str(each))
    return found


def categories_by(ctx: Context, ids: Iterable[UUID], names: Iterable[str]) -> dict[UUID | str, UUID]:
    """Return categories by id and by name. Raises ``CATEGORY_NOT_FOUND``."""
    wanted: list[UUID | str] = [*ids, *names]
    if not wanted:
        return {}
    rows = ctx.uow.rows(
        "SELECT id, name FROM categories WHERE tenant_id = %s AND (id = ANY(%s) OR name = ANY(%s))",
        (ctx.tenant_id, [x for x in wanted if isinstance(x, UUID)], [x for x in wanted if isinstance(x, str)]),
    )
    found: dict[UUID | str, UUID] = {row["id"]: row["id"] for row in rows} | {row["name"]: row["id"] for row in rows}
    for each in wanted:
        if each not in found:
            raise CategoryNotFound(category=str(each))
    return found


def terms_of(row: Mapping[str, Any]) -> TermsOut:
    """Return when, where and for whom an offer holds, from its row."""
    return TermsOut(
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        days=row["days"],
        from_time=None if row["from_time"] is None else f"{row['from_time']:%H:%M}",
        to_time=None if row["to_time"] is None else f"{row['to_time']:%H:%M}",
        outlet_ids=row["outlet_ids"],
        group_ids=row["group_ids"],
        customer_ids=row["customer_ids"],
    )
