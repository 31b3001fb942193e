"""What keeps tenants apart inside the database: keys, policies, and no way around them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from primepos.deploy.catalogue.database.asking import asks
from primepos.deploy.check import CRITICAL, HIGH, Outcome, failed, passed
from primepos.deploy.inspector import APP_ROLE, SYSTEM_ROLE
from primepos.deploy.shown import listed

if TYPE_CHECKING:
    from primepos.deploy.target import Target

# Roles whose policies may let every row pass: administration across tenants, and the owner of the product search.
SEE_ALL: Final = frozenset({SYSTEM_ROLE, "primepos_search"})
_TRIVIAL = re.compile(r"[()\s]*(?:true|1\s*=\s*1)?[()\s]*", re.IGNORECASE)

_TENANT_TABLES: Final = """
SELECT c.relname AS table_name, a.attnum IS NOT NULL AS has_tenant, coalesce(a.attnotnull, false) AS is_required,
       EXISTS (SELECT FROM pg_constraint k
                 JOIN LATERAL unnest(k.conkey, k.confkey) AS pair(mine, theirs) ON pair.mine = a.attnum
                 JOIN pg_attribute t ON t.attrelid = k.confrelid AND t.attnum = pair.theirs
                WHERE k.conrelid = c.oid AND k.contype = 'f'
                  AND (t.attname = 'tenant_id' OR k.confrelid = to_regclass('public.tenants'))) AS is_vouched,
       c.relrowsecurity AS has_rls, c.relforcerowsecurity AS is_forced
  FROM pg_class c
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> ALL (%s)
 ORDER BY c.relname
"""
_POLICIES: Final = """
SELECT tablename AS table_name, policyname AS policy, roles::text[] AS roles, permissive = 'PERMISSIVE' AS adds, cmd,
       qual, with_check
  FROM pg_policies WHERE schemaname = 'public' ORDER BY tablename, policyname
"""
_WAYS_AROUND: Final = """
SELECT 'function ' || p.oid::regprocedure::text AS what, 'runs as its owner without a fixed search_path' AS why
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_temp%%'
   AND has_function_privilege(%(role)s, p.oid, 'EXECUTE')
   AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS set(it) WHERE it LIKE 'search\\_path=%%')
UNION ALL
SELECT 'function ' || p.oid::regprocedure::text, 'runs as a superuser'
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
 WHERE p.prosecdef AND o.rolsuper AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND has_function_privilege(%(role)s, p.oid, 'EXECUTE')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'view ' || c.oid::regclass::text, 'reads as its owner: it needs security_invoker'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND has_table_privilege(%(role)s, c.oid, 'SELECT')
   AND NOT coalesce(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on'], false)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
UNION ALL
SELECT 'materialized view ' || c.oid::regclass::text, 'holds rows of every tenant'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND has_table_privilege(%(role)s, c.oid, 'SELECT')
 ORDER BY 1, 2
"""


def _global_tables() -> list[str]:
    # Brings every model: half a second that a list of checks does not pay.
    from primepos.domain.schema import GLOBAL_TABLES

    return list(GLOBAL_TABLES)


@asks(
    "DB027",
    CRITICAL,
    rule="every row of a tenant names its tenant, and a key vouches for it",
    remedy="tenant_id NOT NULL, and a foreign key to tenants or to a parent's (tenant_id, id), in a migration",
    anchor="API1",
)
def rows_name_their_tenant(target: Target) -> Outcome:
    """Look at the tenant's column of every table that is not on the list of global ones."""
    found = target.database.rows(_TENANT_TABLES, (_global_tables(),))
    wrong = []
    for one in found:
        name = one["table_name"]
        if not one["has_tenant"]:
            wrong.append(f"{name} has no tenant_id and is on no list of global tables")
        elif not one["is_required"]:
            wrong.append(f"{name}.tenant_id may be NULL")
        elif not one["is_vouched"]:
            wrong.append(f"{name}.tenant_id has no foreign key")
    if not found:
        return failed("there is no table of any tenant: the schema is not there", remedy="primepos migrate up")
    return failed(listed(wrong)) if wrong else passed(f"{len(found)} tables")


@asks(
    "DB028",
    HIGH,
    rule="row-level security is enabled, forced and looks at the tenant, on every tenant's table",
    remedy="ALTER TABLE name ENABLE and FORCE ROW LEVEL SECURITY; a policy TO primepos_app, never PUBLIC",
    anchor="splinter 0007 0008 0013 0024",
)
def policies_hold(target: Target) -> Outcome:
    """Look at the flags and policies of every tenant's table, and at policies that let everybody see everything."""
    tables = target.database.rows(_TENANT_TABLES, ([name for name in _global_tables() if name != "tenants"],))
    policies = target.database.rows(_POLICIES)
    wrong = []
    guarded = {one["table_name"] for one in policies if APP_ROLE in one["roles"]}
    for one in tables:
        name = one["table_name"]
        if not one["has_rls"]:
            wrong.append(f"{name} has row-level security off")
        elif not one["is_forced"]:
            wrong.append(f"{name} does not force it on its owner")
        elif name not in guarded:
            wrong.append(f"{name} has no policy for {APP_ROLE}")
    for one in policies:
        for_whom = set(one["roles"]) - SEE_ALL
        if for_whom and one["adds"] and _lets_all_pass(one["cmd"], one["qual"], one["with_check"]):
            wrong.append(
                f"policy {one['policy']} on {one['table_name']} lets {', '.join(sorted(for_whom))} see everything"
            )
        elif "public" in for_whom:
            wrong.append(f"policy {one['policy']} on {one['table_name']} holds for PUBLIC")
    return failed(listed(wrong)) if wrong else passed(f"{len(tables)} tables, {len(policies)} policies")


def _lets_all_pass(command: str, using: str | None, check: str | None) -> bool:
    """Whether a policy is no condition at all; one without WITH CHECK checks by its USING."""
    reads = command != "INSERT" and using is not None and bool(_TRIVIAL.fullmatch(using))
    writes = command in {"ALL", "INSERT", "UPDATE"} and bool(_TRIVIAL.fullmatch(check or using or ""))
    return reads or writes


@asks(
    "DB034",
    HIGH,
    rule="no function or view within the application's reach steps around the policies",
    remedy="SET search_path on the function; WITH (security_invoker = true) on the view; REVOKE ALL on what is left",
    anchor="splinter 0010 0011 0028 0029",
)
def nothing_steps_around(target: Target) -> Outcome:
    """Look for definer functions without a fixed search_path, views that read as their owner, materialized views."""
    found = target.database.rows(_WAYS_AROUND, {"role": APP_ROLE})
    if found:
        return failed(listed([f"{one['what']} {one['why']}" for one in found]))
    return passed(f"none that {APP_ROLE} may use")
