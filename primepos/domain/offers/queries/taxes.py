"""Mappings of taxes, and what a till keeps of the offers."""
# ruff: noqa: S608 - statements are put together from the constants of this package; values are parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from primepos.domain.offers.asking import SNAPSHOT, snapshot_offers
from primepos.domain.offers.errors import TaxMappingNotFound
from primepos.domain.offers.queries.shared import MANY, ONE, TAX_MAPPING_AUDIENCE, require_classes
from primepos.domain.offers.schemas import MappingRule, TaxMappingOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from primepos.core.context import Context

_MAPPINGS: Final = (
    f"SELECT o.*, {TAX_MAPPING_AUDIENCE},"
    " coalesce((SELECT jsonb_agg(jsonb_build_array(r.from_class_id, r.to_class_id) ORDER BY r.from_class_id)"
    " FROM tax_mapping_rules r WHERE r.tenant_id = o.tenant_id AND r.tax_mapping_id = o.id), '[]') AS rules"
    " FROM tax_mappings o WHERE o.tenant_id = %(tenant)s"
)


def get_tax_mapping(ctx: Context, mapping_id: UUID) -> TaxMappingOut:
    """Return a mapping of taxes. Raises ``TAX_MAPPING_NOT_FOUND``."""
    found = ctx.uow.rows(_MAPPINGS + ONE, {"tenant": ctx.tenant_id, "id": mapping_id})
    if not found:
        raise TaxMappingNotFound(tax_mapping=str(mapping_id))
    return _mapping_out(found[0])


def list_tax_mappings(ctx: Context, *, archived: bool) -> list[TaxMappingOut]:
    """Return the mappings of taxes in use, or the archived ones, by code."""
    asked = {"tenant": ctx.tenant_id, "archived": archived}
    return [_mapping_out(row) for row in ctx.uow.rows(_MAPPINGS + MANY.format(order="o.code"), asked)]


def _mapping_out(row: Mapping[str, Any]) -> TaxMappingOut:
    return TaxMappingOut(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        rules=[
            MappingRule(from_class_id=UUID(come), to_class_id=None if to is None else UUID(to))
            for come, to in row["rules"]
        ],
        others=row["others"],
        outlet_ids=row["outlet_ids"],
        group_ids=row["group_ids"],
        customer_ids=row["customer_ids"],
        archived_at=row["archived_at"],
    )


def set_mapping_rules(ctx: Context, mapping_id: UUID, rules: Sequence[MappingRule]) -> None:
    """Give a mapping exactly these rules. Raises ``TAX_CLASS_NOT_FOUND``."""
    require_classes(ctx, [x for each in rules for x in (each.from_class_id, each.to_class_id) if x is not None])
    ctx.uow.run(
        "DELETE FROM tax_mapping_rules WHERE tenant_id = %s AND tax_mapping_id = %s", (ctx.tenant_id, mapping_id)
    )
    ctx.uow.run(
        "INSERT INTO tax_mapping_rules (tenant_id, tax_mapping_id, from_class_id, to_class_id)"
        " SELECT %(tenant)s, %(mapping)s, x.come, x.go FROM unnest(%(come)s::uuid[], %(go)s::uuid[]) AS x(come, go)",
        {
            "tenant": ctx.tenant_id,
            "mapping": mapping_id,
            "come": [each.from_class_id for each in rules],
            "go": [each.to_class_id for each in rules],
        },
    )


def version_of(ctx: Context) -> int:
    """Return how often the offers of this tenant were changed."""
    found = ctx.uow.rows("SELECT version FROM offer_versions WHERE tenant_id = %s", (ctx.tenant_id,))
    return found[0]["version"] if found else 0


def snapshot(ctx: Context, outlet_id: UUID, at: datetime, exponent: int) -> tuple[int, str]:
    """Return the version of the offers and all of them as a till of an outlet keeps them, of one moment."""
    asked = {"tenant": ctx.tenant_id, "outlet": outlet_id, "at": at, "exponent": exponent, "scale": 10**exponent}
    with ctx.uow.pipeline() as pipe:
        cursor = pipe.execute(SNAPSHOT, asked)
    version, lists, promotions, mappings = cursor.fetchone() or (0, None, None, None)
    return version, snapshot_offers(lists, promotions, mappings)


def families(ctx: Context) -> tuple[dict[str, UUID], dict[UUID, UUID]]:
    """Return categories by name, and the parent of each variant."""
    with ctx.uow.pipeline() as pipe:
        categories = pipe.execute("SELECT name, id FROM categories WHERE tenant_id = %s", (ctx.tenant_id,))
        parents = pipe.execute(
            "SELECT product_id, parent_id FROM product_variants WHERE tenant_id = %s", (ctx.tenant_id,)
        )
    return dict(categories.fetchall()), dict(parents.fetchall())
