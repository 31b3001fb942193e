"""SQL of the tenants, and what every operation needs to know of its own."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from primepos.core.amounts import currency
from primepos.core.context import TenantInfo
from primepos.domain.tenancy.errors import TenantNotFound

if TYPE_CHECKING:
    from primepos.core.db import Database, UnitOfWork

TENANT_TTL_S = 5.0

# Per database, since one process may serve several (tests do). Threads may both read and fill it: the worst that
# comes of it is one more statement.
_known: WeakKeyDictionary[Database, dict[int, tuple[float, TenantInfo]]] = WeakKeyDictionary()

_COLUMNS = "id, key, slug, name, status, currency, country, zone, day_starts_hour, settings, created_at, updated_at"


def load_tenant(uow: UnitOfWork, tenant_id: int) -> TenantInfo:
    """Return what operations need to know of a tenant; kept for a few seconds in this process."""
    kept = _known.setdefault(uow.database, {})
    found = kept.get(tenant_id)
    if found is not None and found[0] > time.monotonic():
        return found[1]
    rows = uow.rows(f"SELECT {_COLUMNS} FROM tenants WHERE id = %s", (tenant_id,))  # noqa: S608  constants only
    if not rows:
        raise TenantNotFound(slug=str(tenant_id))
    row = rows[0]
    info = TenantInfo(
        id=row["id"],
        key=row["key"],
        slug=row["slug"],
        name=row["name"],
        status=row["status"],
        currency=currency(row["currency"]),
        zone=row["zone"],
        day_starts_hour=row["day_starts_hour"],
        settings=row["settings"],
    )
    kept[tenant_id] = (time.monotonic() + TENANT_TTL_S, info)
    return info


def forget_tenant(uow: UnitOfWork, tenant_id: int) -> None:
    """Drop what this process remembers of a tenant; other processes learn of a change within seconds."""
    _known.get(uow.database, {}).pop(tenant_id, None)


def resolve_slug(uow: UnitOfWork, slug: str) -> int:
    """Return the number of the tenant with this short name, in a system transaction. Raises TenantNotFound."""
    rows = uow.rows("SELECT id FROM tenants WHERE slug = %s", (slug,))
    if not rows:
        raise TenantNotFound(slug=slug)
    found: int = rows[0]["id"]
    return found


def insert_tenant(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Add a tenant and return its row; a taken short name ends as SlugTaken."""
    return uow.rows(
        "INSERT INTO tenants (key, slug, name, currency, country, zone, day_starts_hour, settings)"  # noqa: S608  constants only
        " VALUES (%(key)s, %(slug)s, %(name)s, %(currency)s, %(country)s, %(zone)s, %(day_starts_hour)s,"
        f" %(settings)s::jsonb) RETURNING {_COLUMNS}",
        {**values, "settings": json.dumps(values["settings"])},
    )[0]


def tenant_by_slug(uow: UnitOfWork, slug: str) -> dict[str, Any]:
    """Return a tenant's row by its short name, in a system transaction. Raises TenantNotFound."""
    rows = uow.rows(f"SELECT {_COLUMNS} FROM tenants WHERE slug = %s", (slug,))  # noqa: S608  constants only
    if not rows:
        raise TenantNotFound(slug=slug)
    return rows[0]


def tenant_by_id(uow: UnitOfWork, tenant_id: int) -> dict[str, Any]:
    """Return a tenant's row as it is now, past every cache."""
    return uow.rows(f"SELECT {_COLUMNS} FROM tenants WHERE id = %s", (tenant_id,))[0]  # noqa: S608  constants only


def page_of_tenants(uow: UnitOfWork, *, after: str | None, limit: int, status: str | None) -> list[dict[str, Any]]:
    """Return up to ``limit + 1`` tenants by short name; the one too many says that there is a next page."""
    return uow.rows(
        f"SELECT {_COLUMNS} FROM tenants"  # noqa: S608  constants only
        " WHERE (%(after)s::text IS NULL OR slug > %(after)s) AND (%(status)s::text IS NULL OR status = %(status)s)"
        " ORDER BY slug LIMIT %(limit)s",
        {"after": after, "status": status, "limit": limit + 1},
    )


def change_tenant(uow: UnitOfWork, tenant_id: int, values: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Change columns and single settings in one statement, so that two people changing two things both succeed."""
    forget_tenant(uow, tenant_id)
    return uow.rows(
        "UPDATE tenants SET name = coalesce(%(name)s, name), zone = coalesce(%(zone)s, zone),"  # noqa: S608  constants only
        " day_starts_hour = coalesce(%(day_starts_hour)s, day_starts_hour),"
        " settings = settings || %(settings)s::jsonb, updated_at = now()"
        f" WHERE id = %(id)s RETURNING {_COLUMNS}",
        {
            "name": values.get("name"),
            "zone": values.get("zone"),
            "day_starts_hour": values.get("day_starts_hour"),
            "settings": json.dumps(settings),
            "id": tenant_id,
        },
    )[0]


def set_status(uow: UnitOfWork, slug: str, status: str) -> dict[str, Any]:
    """Suspend or resume a tenant in a system transaction. Raises TenantNotFound."""
    rows = uow.rows(
        "UPDATE tenants SET status = %(status)s,"  # noqa: S608  constants only
        " updated_at = CASE WHEN status = %(status)s THEN updated_at ELSE now() END"
        f" WHERE slug = %(slug)s AND status <> 'arriving' RETURNING {_COLUMNS}",
        {"status": status, "slug": slug},
    )
    if not rows:
        raise TenantNotFound(slug=slug)
    forget_tenant(uow, rows[0]["id"])
    return rows[0]
