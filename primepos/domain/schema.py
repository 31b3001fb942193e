"""Every table of every feature: what the migrations must build."""

from collections.abc import Iterator
from typing import Any

from sqlmodel import SQLModel

from primepos.core.models import TenantMark
from primepos.domain.accounts import models as accounts
from primepos.domain.audit import models as audit
from primepos.domain.cash import models as cash
from primepos.domain.catalog import models as catalog
from primepos.domain.customers import models as customers
from primepos.domain.fiscal import models as fiscal
from primepos.domain.importing import models as importing
from primepos.domain.inventory import models as inventory
from primepos.domain.jobs import models as jobs
from primepos.domain.offers import models as offers
from primepos.domain.orders import models as orders
from primepos.domain.outlets import models as outlets
from primepos.domain.payments import models as payments
from primepos.domain.plans import models as plans
from primepos.domain.purchasing import models as purchasing
from primepos.domain.reporting import models as reporting
from primepos.domain.sales import models as sales
from primepos.domain.staff import models as staff
from primepos.domain.tenancy import models as tenancy
from primepos.domain.values import models as values

MODULES = (
    accounts,
    audit,
    cash,
    catalog,
    customers,
    fiscal,
    importing,
    inventory,
    jobs,
    offers,
    orders,
    outlets,
    payments,
    plans,
    purchasing,
    reporting,
    sales,
    staff,
    tenancy,
    values,
)
METADATA = SQLModel.metadata

# Tables that belong to no tenant: a reviewed list. Whoever adds one says here why it may be global.
GLOBAL_TABLES = {
    "users": "a person may belong to several tenants",
    "login_sessions": "a sign-in exists before a tenant is chosen",
    "refresh_tokens": "found by its hash before anything else is known",
    "system_audit_events": "acts that belong to no tenant",
    "plans": "what the installation offers; every tenant may read it",
    "tenant_tombstones": "what is left of a tenant that is no more",
    "tenants": "the list of tenants itself; a tenant sees its own row",
    "throttle_counters": "attempts are counted before anybody is known",
    "installation": "facts of this installation: its environment and schema",
    "alembic_version": "the migrations' own",
    "procrastinate_jobs": "the job queue's own; arguments name the tenant",
    "procrastinate_periodic_defers": "the job queue's own",
    "procrastinate_events": "the job queue's own",
    "procrastinate_workers": "the job queue's own",
}


def scoped_tables() -> frozenset[str]:
    """Return the tables whose model the session scopes to one tenant."""
    mapped: Iterator[Any] = (mapper.class_ for mapper in SQLModel._sa_registry.mappers)  # noqa: SLF001 - its registry has no public name
    return frozenset(str(model.__tablename__) for model in mapped if issubclass(model, TenantMark))
