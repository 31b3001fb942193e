"""Operations on mappings of taxes, and what a till keeps of all offers."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import TaxClassNotFound
from primepos.domain.customers.errors import CustomerGroupNotFound, CustomerNotFound
from primepos.domain.offers.errors import DuplicateTaxMapping, TaxMappingNotFound
from primepos.domain.offers.queries import shared, taxes
from primepos.domain.offers.schemas import (
    CreateTaxMapping,
    ListTaxMappings,
    NameTaxMapping,
    OffersSnapshot,
    PullOffers,
    TaxMappingList,
    TaxMappingOut,
    UpdateTaxMapping,
)
from primepos.domain.outlets.errors import OutletNotFound

_NAMED = (TaxClassNotFound, OutletNotFound, CustomerGroupNotFound, CustomerNotFound)


@operation("taxmappings.create", permission=Permission.TAX_WRITE, raises=(DuplicateTaxMapping, *_NAMED))
def create_tax_mapping(ctx: Context, data: CreateTaxMapping) -> TaxMappingOut:
    """Say which tax classes stand in for which, or bear no tax, for some customers or outlets.

    One that names nobody is for a person to choose on a ticket, with ``sale:tax_override``. Raises:
    ``DUPLICATE_TAX_MAPPING``, ``TAX_CLASS_NOT_FOUND``, ``OUTLET_NOT_FOUND``, ``CUSTOMER_GROUP_NOT_FOUND``,
    ``CUSTOMER_NOT_FOUND``.
    """
    shared.lock_offers(ctx)
    made = shared.insert(ctx, "tax_mapping_id", {"code": data.code, "name": data.name, "others": data.others})
    taxes.set_mapping_rules(ctx, made, data.rules)
    shared.set_audience(
        ctx, "tax_mapping_id", made, outlets=data.outlet_ids, groups=data.group_ids, customers=data.customer_ids
    )
    ctx.note(f"tax mapping {data.code}", id=str(made))
    return taxes.get_tax_mapping(ctx, made)


@operation("taxmappings.update", permission=Permission.TAX_WRITE, raises=(TaxMappingNotFound, *_NAMED))
def update_tax_mapping(ctx: Context, data: UpdateTaxMapping) -> TaxMappingOut:
    """Change a mapping of taxes from now on; booked sales keep the taxes they bore.

    Raises: ``TAX_MAPPING_NOT_FOUND``, ``TAX_CLASS_NOT_FOUND``, ``OUTLET_NOT_FOUND``, ``CUSTOMER_GROUP_NOT_FOUND``,
    ``CUSTOMER_NOT_FOUND``.
    """
    shared.lock_offers(ctx)
    before = taxes.get_tax_mapping(ctx, data.id)
    values: dict[str, Any] = {
        name: getattr(data, name) for name in ("name", "others") if getattr(data, name) is not UNSET
    }
    if data.archived is not UNSET:
        values["archived_at"] = (before.archived_at or ctx.clock.now()) if data.archived else None
    shared.change(ctx, "tax_mapping_id", data.id, values)
    if data.rules is not UNSET:
        taxes.set_mapping_rules(ctx, data.id, data.rules)
    audience = {
        name: getattr(before if getattr(data, name) is UNSET else data, name)
        for name in ("outlet_ids", "group_ids", "customer_ids")
    }
    shared.set_audience(
        ctx,
        "tax_mapping_id",
        data.id,
        outlets=audience["outlet_ids"],
        groups=audience["group_ids"],
        customers=audience["customer_ids"],
    )
    ctx.note(f"tax mapping {before.code}", changed=sorted(values))
    return taxes.get_tax_mapping(ctx, data.id)


@operation("taxmappings.archive", permission=Permission.TAX_WRITE, raises=(TaxMappingNotFound,))
def archive_tax_mapping(ctx: Context, data: NameTaxMapping) -> TaxMappingOut:
    """Take a mapping of taxes out of use. Again changes nothing. Raises: ``TAX_MAPPING_NOT_FOUND``."""
    shared.lock_offers(ctx)
    found = taxes.get_tax_mapping(ctx, data.id)
    ctx.note(f"tax mapping {found.code}")
    if found.archived_at is None:
        shared.change(ctx, "tax_mapping_id", data.id, {"archived_at": ctx.clock.now()})
    return taxes.get_tax_mapping(ctx, data.id)


@operation("taxmappings.list", permission=Permission.PRODUCT_READ, reads=True)
def list_tax_mappings(ctx: Context, data: ListTaxMappings) -> TaxMappingList:
    """List the mappings of taxes in use by code; the archived ones instead if asked."""
    return TaxMappingList(items=taxes.list_tax_mappings(ctx, archived=data.archived))


@operation("offers.snapshot", permission=Permission.PRODUCT_READ, raises=(OutletNotFound,), reads=True)
def pull_offers(ctx: Context, data: PullOffers) -> OffersSnapshot:
    """Give a till the price lists, promotions and tax mappings of its outlet, if they changed since the version it has.

    What goods cost the shop is not in it. Raises: ``OUTLET_NOT_FOUND``.
    """
    shared.require_outlet(ctx, data.outlet_id)
    if taxes.version_of(ctx) == data.known:
        return OffersSnapshot(version=data.known, offers=None)
    version, offers = taxes.snapshot(ctx, data.outlet_id, ctx.clock.now(), ctx.tenant.currency.exponent)
    categories, parents = taxes.families(ctx)
    return OffersSnapshot(version=version, offers=offers, categories=categories, parents=parents)
