"""Tenants: made and suspended by the operator of the installation, set up by their owners."""

import msgspec
from msgspec import UNSET

from primepos.core.amounts import UnknownCurrency, currency
from primepos.core.context import Context
from primepos.core.ids import new_id
from primepos.core.operations import Nothing, Scope, operation
from primepos.core.permissions import Permission
from primepos.core.security import InvalidSlug
from primepos.domain.tenancy import queries
from primepos.domain.tenancy.errors import SlugTaken, TenantNotFound, UnknownZone
from primepos.domain.tenancy.schemas import (
    CreateTenant,
    ListTenants,
    SuspendTenant,
    TenantBySlug,
    TenantOut,
    TenantPage,
    TenantRow,
    TenantSettings,
    UpdateTenantSettings,
    checked_currency,
    checked_slug,
    checked_zone,
)
from primepos.domain.tenancy.standing import ACTIVE, SUSPENDED


@operation(
    "tenancy.create",
    permission=Permission.TENANT_CREATE,
    scope=Scope.SYSTEM,
    raises=(InvalidSlug, SlugTaken, UnknownCurrency, UnknownZone),
)
def create_tenant(ctx: Context, data: CreateTenant) -> TenantOut:
    """Make a tenant: a shop or chain with a currency and a time zone of its own.

    The short name and the currency stay for good. Raises InvalidSlug, SlugTaken, UnknownCurrency, UnknownZone.
    """
    row = queries.insert_tenant(
        ctx.uow,
        {
            "key": new_id(),
            "slug": checked_slug(data.slug),
            "name": data.name,
            "currency": checked_currency(data.currency),
            "country": data.country,
            "zone": checked_zone(data.zone),
            "day_starts_hour": data.day_starts_hour,
            "settings": msgspec.to_builtins(data.settings),
        },
    )
    ctx.note(f"tenant:{data.slug}", currency=data.currency, zone=data.zone)
    return _out(row)


@operation("tenancy.list", permission=Permission.TENANT_CREATE, scope=Scope.SYSTEM, reads=True)
def list_tenants(ctx: Context, data: ListTenants) -> TenantPage:
    """List the tenants of this installation by short name, a page at a time."""
    rows = queries.page_of_tenants(ctx.uow, after=data.after, limit=data.limit, status=data.status)
    shown = [
        TenantRow(
            key=row["key"],
            slug=row["slug"],
            name=row["name"],
            status=row["status"],
            currency=row["currency"],
            zone=row["zone"],
            created_at=row["created_at"],
        )
        for row in rows[: data.limit]
    ]
    return TenantPage(items=shown, next=shown[-1].slug if len(rows) > data.limit else None)


@operation(
    "tenancy.show",
    permission=Permission.TENANT_CREATE,
    scope=Scope.SYSTEM,
    reads=True,
    raises=(TenantNotFound,),
)
def show_tenant(ctx: Context, data: TenantBySlug) -> TenantOut:
    """Show one tenant and how it is set up, by its short name. Raises TenantNotFound."""
    return _out(queries.tenant_by_slug(ctx.uow, data.slug))


@operation("tenancy.current", permission=Permission.TENANT_READ, reads=True, raises=(TenantNotFound,))
def current_tenant(ctx: Context, _data: Nothing) -> TenantOut:
    """Show the tenant one works in and how it is set up."""
    return _out(queries.tenant_by_id(ctx.uow, ctx.tenant_id))


@operation("tenancy.update_settings", permission=Permission.SETTINGS_WRITE, raises=(UnknownZone,))
def update_settings(ctx: Context, data: UpdateTenantSettings) -> TenantOut:
    """Change the name, zone, start of day or single settings of one's tenant; what is left out stays.

    Sales already booked keep the rules they were booked with. Other processes follow within five seconds.
    Raises UnknownZone.
    """
    changed = msgspec.to_builtins(data)
    settings = changed.pop("settings", {})
    if data.zone is not UNSET:
        checked_zone(data.zone)
    row = queries.change_tenant(ctx.uow, ctx.tenant_id, changed, settings)
    ctx.note("tenant", changed=sorted([*changed, *(f"settings.{name}" for name in settings)]))
    return _out(row)


@operation("tenancy.suspend", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM, raises=(TenantNotFound,))
def suspend_tenant(ctx: Context, data: SuspendTenant) -> TenantOut:
    """Suspend a tenant: nobody signs in and nothing is sold until it is resumed.

    What tills have sold is still delivered, and open shifts are closed. Suspending twice changes nothing.
    Raises TenantNotFound.
    """
    row = queries.set_status(ctx.uow, data.slug, SUSPENDED)
    ctx.note(f"tenant:{data.slug}", reason=data.reason)
    return _out(row)


@operation("tenancy.resume", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM, raises=(TenantNotFound,))
def resume_tenant(ctx: Context, data: SuspendTenant) -> TenantOut:
    """Let a suspended tenant go on. Resuming an active one changes nothing. Raises TenantNotFound."""
    row = queries.set_status(ctx.uow, data.slug, ACTIVE)
    ctx.note(f"tenant:{data.slug}", reason=data.reason)
    return _out(row)


def _out(row: dict[str, object]) -> TenantOut:
    values = {name: value for name, value in row.items() if name != "id"}
    values["settings"] = msgspec.convert(row["settings"], TenantSettings)
    values["currency_exponent"] = currency(str(row["currency"])).exponent
    return msgspec.convert(values, TenantOut)
