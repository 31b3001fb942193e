"""SQL of plans and of what tenants use; every statement names its tenant itself."""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.domain.plans.errors import PlanArchived, PlanNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from primepos.core.db import UnitOfWork

TURN: Final = 7769
COUNTED: Final = ("outlets", "registers", "users", "products")
_COLUMNS: Final = "code, name, outlets, registers, users, products, sales_a_month, features, archived_at"
# The tenant's own day, so that a plan begins for everybody of it at their midnight.
_TODAY: Final = "SELECT (now() AT TIME ZONE t.zone)::date FROM tenants t WHERE t.id = %(tenant)s"
# What of a plan can be changed to another value.
_CHANGED: Final = ("name", "outlets", "registers", "users", "products", "sales_a_month", "features")
_COUNT: Final = {
    "outlets": "(SELECT count(*) FROM outlets WHERE tenant_id = %(tenant)s AND archived_at IS NULL) AS outlets",
    "registers": "(SELECT count(*) FROM registers WHERE tenant_id = %(tenant)s AND archived_at IS NULL"
    " AND kind = 'till') AS registers",
    # Somebody with an account who also has a PIN is one person.
    "users": "(SELECT count(*) FROM memberships WHERE tenant_id = %(tenant)s AND disabled_at IS NULL)"
    " + (SELECT count(*) FROM staff s WHERE s.tenant_id = %(tenant)s AND s.archived_at IS NULL AND NOT EXISTS"
    " (SELECT FROM memberships m WHERE m.tenant_id = s.tenant_id AND m.user_id = s.user_id AND m.disabled_at IS NULL))"
    " AS users",
    "products": "(SELECT count(*) FROM products WHERE tenant_id = %(tenant)s AND archived_at IS NULL) AS products",
}
# A month of business days, straight from the sales: asked twice it is the same, and a sale that comes late is in it.
_MONTHS: Final = """
SELECT to_char(s.business_date, 'YYYY-MM') AS month, count(*) FILTER (WHERE s.kind IN ('sale', 'imported')) AS sales,
       count(*) FILTER (WHERE s.kind NOT IN ('sale', 'imported')) AS others,
       coalesce(sum(l.lines) FILTER (WHERE s.kind IN ('sale', 'imported')), 0)::bigint AS lines
  FROM sales s CROSS JOIN LATERAL (
       SELECT count(*) AS lines FROM sale_lines l WHERE l.tenant_id = s.tenant_id AND l.sale_id = s.id) l
 WHERE s.tenant_id = %(tenant)s AND s.business_date >= %(since)s AND s.business_date < %(before)s
 GROUP BY 1 ORDER BY 1
"""
_KEPT: Final = ("audit_events", "customers", "payments", "products", "sale_lines", "sales", "stock_movements")


def plan_today(uow: UnitOfWork, tenant_id: int) -> dict[str, Any] | None:
    """Return the plan that a tenant has today, None without one."""
    rows = uow.rows(
        f"SELECT {_COLUMNS} FROM plans WHERE code = (SELECT p.plan FROM tenant_plans p"
        f" WHERE p.tenant_id = %(tenant)s AND p.starts_on <= ({_TODAY}) ORDER BY p.starts_on DESC LIMIT 1)",
        {"tenant": tenant_id},
    )
    return rows[0] if rows else None


def today_of(uow: UnitOfWork, tenant_id: int) -> date:
    """Return the day it is at a tenant's."""
    found: date = uow.rows(f"SELECT ({_TODAY}) AS today", {"tenant": tenant_id})[0]["today"]
    return found


def count_in_turn(uow: UnitOfWork, tenant_id: int, what: Iterable[str]) -> dict[str, int]:
    """Wait for whoever else of the tenant takes a place, then count; nobody takes one until the commit."""
    wanted = ", ".join(_COUNT[each] for each in what)
    # Two statements in one exchange: the second one's snapshot begins when the turn has come.
    with uow.pipeline() as pipe:
        pipe.execute("SELECT pg_advisory_xact_lock(%s, %s)", (TURN, tenant_id))
        cursor = pipe.execute(f"SELECT {wanted}", {"tenant": tenant_id}, as_dicts=True)
    found: dict[str, int] = cursor.fetchall()[0]
    return found


def count_now(uow: UnitOfWork, tenant_id: int) -> dict[str, int]:
    """Return how many of everything limited a tenant has in use."""
    wanted = ", ".join(_COUNT[each] for each in COUNTED)
    return uow.rows(f"SELECT {wanted}", {"tenant": tenant_id})[0]


def months_used(uow: UnitOfWork, tenant_id: int, since: date, before: date) -> list[dict[str, Any]]:
    """Return what was booked by month, for days from ``since`` until before ``before``."""
    return uow.rows(_MONTHS, {"tenant": tenant_id, "since": since, "before": before})


def rows_kept(uow: UnitOfWork, tenant_id: int) -> dict[str, int]:
    """Return how many rows of each large table a tenant keeps."""
    wanted = ", ".join(f"(SELECT count(*) FROM {table} WHERE tenant_id = %(tenant)s) AS {table}" for table in _KEPT)
    return uow.rows(f"SELECT {wanted}", {"tenant": tenant_id})[0]


# --- plans -----------------------------------------------------------------------------------------------------------


def insert_plan(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Add a plan; a taken code ends as PlanTaken."""
    return uow.rows(
        "INSERT INTO plans (code, name, outlets, registers, users, products, sales_a_month, features)"
        " VALUES (%(code)s, %(name)s, %(outlets)s, %(registers)s, %(users)s, %(products)s, %(sales_a_month)s,"
        f" %(features)s) RETURNING {_COLUMNS}",
        values,
    )[0]


def change_plan(uow: UnitOfWork, code: str, values: dict[str, object]) -> dict[str, Any]:
    """Change columns of a plan, all named by this feature. Raises PlanNotFound."""
    changes = "".join(f", {name} = %({name})s" for name in _CHANGED if name in values)
    if "archived" in values:
        changes += ", archived_at = CASE WHEN %(archived)s THEN coalesce(archived_at, now()) END"
    rows = uow.rows(
        f"UPDATE plans SET updated_at = now(){changes} WHERE code = %(which)s RETURNING {_COLUMNS}",
        {**values, "which": code},
    )
    if not rows:
        raise PlanNotFound(plan=code)
    return rows[0]


def every_plan(uow: UnitOfWork) -> list[dict[str, Any]]:
    """Return the plans by code."""
    return uow.rows(f"SELECT {_COLUMNS} FROM plans ORDER BY code")


def put_tenant_plan(uow: UnitOfWork, tenant_id: int, plan: str, starts_on: date, set_by: str) -> None:
    """Give a tenant a plan from a day on; another one from the same day is replaced. Raises PlanNotFound, PlanArchived.

    The plan is held against being archived meanwhile.
    """
    rows = uow.rows("SELECT archived_at FROM plans WHERE code = %s FOR SHARE", (plan,))
    if not rows:
        raise PlanNotFound(plan=plan)
    if rows[0]["archived_at"] is not None:
        raise PlanArchived(plan=plan)
    uow.run(
        "INSERT INTO tenant_plans (tenant_id, starts_on, plan, set_by) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (tenant_id, starts_on) DO UPDATE SET plan = excluded.plan, set_by = excluded.set_by,"
        " set_at = now()",
        (tenant_id, starts_on, plan, set_by),
    )


def plan_history(uow: UnitOfWork, tenant_id: int) -> list[dict[str, Any]]:
    """Return which plans a tenant has had and will have, the newest first, with each one's limit of sales."""
    return uow.rows(
        "SELECT t.starts_on, t.plan, t.set_at, t.set_by, p.sales_a_month"
        " FROM tenant_plans t JOIN plans p ON p.code = t.plan"
        " WHERE t.tenant_id = %s ORDER BY t.starts_on DESC",
        (tenant_id,),
    )
