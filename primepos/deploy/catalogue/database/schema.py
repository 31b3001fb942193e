# ruff: noqa: S608 - every question is put together from constants of this module
"""The schema and its upkeep: keys, indexes, types, room to grow. What belongs to an extension is the extension's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.adapters.migration_errors import DatabaseUnreachable
from primepos.deploy.catalogue.database.asking import asks
from primepos.deploy.check import HIGH, LOW, MEDIUM, Outcome, failed, passed, skipped
from primepos.deploy.inspector import Inspector
from primepos.deploy.shown import listed

if TYPE_CHECKING:
    from primepos.deploy.target import Target

FREEZE_AGE: Final = 1_000_000_000
DEAD_ROWS: Final = 10_000
UNUSED_ROWS: Final = 10_000
UNUSED_DAYS: Final = 30
USED_UP_PERCENT: Final = 70

_OURS: Final = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\\_temp%%'"
_TABLES: Final = f"""
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND {_OURS}
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                      AND d.deptype = 'e')
"""

# The queue's own tables are its library's; what is finished leaves them, so they stay small.
LIBRARIES: Final = ("procrastinate_jobs_worker_id_fkey",)

# An index serves a foreign key when the key's columns, in any order, come first in it. It is needed when a row of the
# parent goes: where neither role may delete one, and no key cascades, it would cost every sale and serve nobody.
# What the role of the system deletes is a whole tenant, children first: once in a while, and nobody waits for it.
_UNINDEXED: Final = f"""
SELECT k.conrelid::regclass::text AS table_name, k.conname AS name,
       (SELECT bool_or(has_table_privilege(r.oid, k.confrelid, 'DELETE')) FROM pg_roles r
         WHERE r.rolname = 'primepos_app') IS NOT FALSE AS is_needed
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND {_OURS}
   AND NOT EXISTS (SELECT FROM pg_index i
                    WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
                      AND cardinality(k.conkey) <= i.indnkeyatts
                      AND (SELECT array_agg(x ORDER BY x)
                             FROM unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) x)
                        = (SELECT array_agg(x ORDER BY x) FROM unnest(k.conkey) x))
 ORDER BY 1, 2
"""
_KEYLESS: Final = f"""
SELECT c.oid::regclass::text AS name {_TABLES}
   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) ORDER BY 1
"""
_DUPLICATES: Final = f"""
SELECT min(i.indrelid::regclass::text) AS table_name,
       array_agg(i.indexrelid::regclass::text ORDER BY i.indexrelid::regclass::text) AS names
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE {_OURS}
 GROUP BY i.indrelid, c.relam, i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text,
          coalesce(i.indexprs::text, ''), coalesce(i.indpred::text, '')
HAVING count(*) > 1 ORDER BY 1
"""
# Figures younger than a month prove nothing; an index that keeps something unique works without being read.
_UNUSED: Final = """
SELECT s.indexrelid::regclass::text AS name
  FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
  JOIN pg_class t ON t.oid = s.relid
 WHERE s.idx_scan = 0 AND NOT i.indisunique AND t.reltuples >= %(rows)s
   AND coalesce((SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
                pg_postmaster_start_time()) < now() - make_interval(days => %(days)s)
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = s.indexrelid)
 ORDER BY 1
"""
_BROKEN: Final = f"""
SELECT 'index ' || i.indexrelid::regclass::text AS what, 'is invalid' AS why
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT (i.indisvalid AND i.indisready) AND {_OURS}
UNION ALL
SELECT 'constraint ' || k.conname || ' on ' || k.conrelid::regclass::text, 'was never validated'
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
 WHERE NOT k.convalidated AND k.conrelid <> 0 AND {_OURS}
 ORDER BY 1
"""
_EXTENSIONS: Final = """
SELECT e.extname AS name, e.extversion AS version, a.default_version AS newest, n.nspname = 'public' AS is_public
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  LEFT JOIN pg_available_extensions a ON a.name = e.extname
 WHERE e.extname <> 'plpgsql' ORDER BY 1
"""
_TYPES: Final = f"""
SELECT c.oid::regclass::text || '.' || a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND {_OURS}
   AND coalesce(nullif(t.typelem, 0), t.oid) IN ('timestamp'::regtype, 'timetz'::regtype,
       'real'::regtype, 'double precision'::regtype, 'money'::regtype)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                      AND d.deptype = 'e')
 ORDER BY 1
"""
# A sequence ends where it was told to, or where the column it fills does, whichever is sooner.
_SEQUENCES: Final = f"""
SELECT s.name, s.is_seen, s.last, s.ends FROM (
    SELECT c.oid::regclass::text AS name, has_sequence_privilege(c.oid, 'SELECT, USAGE') AS is_seen,
           CASE WHEN has_sequence_privilege(c.oid, 'SELECT, USAGE') THEN pg_sequence_last_value(c.oid) END AS last,
           least(q.seqmax, (SELECT min(CASE a.atttypid WHEN 'int2'::regtype THEN 32767
                                                       WHEN 'int4'::regtype THEN 2147483647
                                                       ELSE 9223372036854775807 END)
                              FROM pg_depend d
                              JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                             WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
             AS ends
      FROM pg_sequence q JOIN pg_class c ON c.oid = q.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE {_OURS} AND NOT q.seqcycle AND q.seqincrement > 0
) AS s ORDER BY 1
"""
_FREEZE: Final = "SELECT age(datfrozenxid) AS age FROM pg_database WHERE datname = current_database()"
_DEAD: Final = """
SELECT relid::regclass::text AS name, n_dead_tup AS dead, n_live_tup AS live FROM pg_stat_user_tables
 WHERE n_dead_tup > %(most)s AND n_dead_tup > n_live_tup ORDER BY n_dead_tup DESC LIMIT 20
"""


@asks(
    "DB029",
    MEDIUM,
    rule="every foreign key has an index that begins with its columns",
    remedy="CREATE INDEX CONCURRENTLY on the columns of the key",
    anchor="splinter 0001",
)
def foreign_keys_have_indexes(target: Target) -> Outcome:
    """Look for foreign keys whose parent cannot be changed without reading the whole child."""
    found = [one for one in target.database.rows(_UNINDEXED) if one["name"] not in LIBRARIES]
    needed = [f"{one['name']} on {one['table_name']}" for one in found if one["is_needed"]]
    if needed:
        return failed(listed(needed))
    spared = ", ".join(one["name"] for one in found)
    told = f"; of parents that the application may not delete: {spared}" if spared else ""
    return passed(f"every foreign key that needs an index has one{told}")


@asks("DB030", MEDIUM, rule="every table has a primary key", remedy="add one in a migration", anchor="splinter 0004")
def tables_have_keys(target: Target) -> Outcome:
    """Look for tables without one."""
    found = target.database.rows(_KEYLESS)
    return failed(listed([one["name"] for one in found])) if found else passed("every table has one")


@asks(
    "DB031",
    LOW,
    rule="no index is there twice, or large and never read",
    remedy="DROP INDEX CONCURRENTLY on the newer one; watch an unread one for a year-end before",
    anchor="splinter 0009 0005",
)
def indexes_are_worth_it(target: Target) -> Outcome:
    """Look for indexes with equal columns, and for those that nobody read in a month."""
    database = target.database
    wrong = [f"{one['table_name']}: {' = '.join(one['names'])}" for one in database.rows(_DUPLICATES)]
    unused = database.rows(_UNUSED, {"rows": UNUSED_ROWS, "days": UNUSED_DAYS})
    wrong += [f"{one['name']} was not read in {UNUSED_DAYS} days" for one in unused]
    return failed(listed(wrong)) if wrong else passed("none twice, none unread for a month")


@asks(
    "DB032",
    HIGH,
    rule="no index is invalid and no constraint waits to be validated",
    remedy="DROP INDEX CONCURRENTLY and build it again; ALTER TABLE name VALIDATE CONSTRAINT name",
    anchor="strong_migrations",
)
def nothing_is_half_built(target: Target) -> Outcome:
    """Look for what a migration left half-way."""
    found = target.database.rows(_BROKEN)
    return (
        failed(listed([f"{one['what']} {one['why']}" for one in found]))
        if found
        else passed("nothing is left half-way")
    )


@asks(
    "DB035",
    LOW,
    rule="extensions are current and not in schema public",
    remedy="ALTER EXTENSION name UPDATE; ALTER EXTENSION name SET SCHEMA extensions",
    anchor="splinter 0014 0022",
)
def extensions_are_tidy(target: Target) -> Outcome:
    """Look at every extension; PrimePOS needs none."""
    found = target.database.rows(_EXTENSIONS)
    wrong = [f"{one['name']} is in schema public" for one in found if one["is_public"]]
    wrong += [
        f"{one['name']} is {one['version']}, {one['newest']} is there"
        for one in found
        if one["newest"] not in {None, one["version"]}
    ]
    return failed(listed(wrong)) if wrong else passed(f"{len(found)} beside plpgsql")


@asks(
    "DB036",
    MEDIUM,
    rule="moments carry their zone, and no figure is a float",
    remedy="timestamptz; bigint of minor units or numeric",
    anchor="squawk prefer-timestamp-tz",
)
def types_are_exact(target: Target) -> Outcome:
    """Look at the type of every column."""
    found = target.database.rows(_TYPES)
    if found:
        return failed(listed([f"{one['name']} is {one['type']}" for one in found]))
    return passed("no naive timestamp, no float, no money")


@asks(
    "DB037",
    HIGH,
    rule="no sequence has used up more than 70 % of its numbers",
    remedy="make the column bigint, in steps that do not lock; see docs/migrations.md",
    anchor="squawk prefer-bigint-over-int",
)
def numbers_do_not_run_out(target: Target) -> Outcome:
    """Compare the last number of every sequence with the end of its column."""
    found = _sequences(target)
    percent = {one["name"]: 100 * (one["last"] or 0) // one["ends"] for one in found}
    full = [f"{name} at {used} %" for name, used in percent.items() if used >= USED_UP_PERCENT]
    if full:
        return failed(listed(full))
    unseen = [one["name"] for one in found if not one["is_seen"]]
    if unseen:
        return skipped(f"this login may not read {listed(unseen)}: ask as the login that migrates")
    name = max(percent, key=lambda one: percent[one], default=None)
    return passed(f"{len(found)} sequences; the fullest, {name}, at {percent[name]} %" if name else "no sequence")


def _sequences(target: Target) -> list[dict[str, Any]]:
    """Return every sequence; where the login may not read them all, as the login that migrates sees them."""
    found = target.database.rows(_SEQUENCES)
    migrates = target.examination.raw.get("MIGRATION_DATABASE_URL")
    if not migrates or all(one["is_seen"] for one in found):
        return found
    owner = Inspector(migrates, target.examination)
    try:
        # Another database's sequences say nothing of this one's.
        return owner.rows(_SEQUENCES) if owner.facts and owner.facts == target.database.facts else found
    except DatabaseUnreachable:
        return found
    finally:
        owner.close()


@asks(
    "DB041",
    MEDIUM,
    rule="vacuum keeps up: transaction numbers are young, and dead rows fewer than live ones",
    remedy="VACUUM (FREEZE) of the oldest tables; look for transactions that stay open: primepos ops db",
    anchor="splinter 0020",
)
def vacuum_keeps_up(target: Target) -> Outcome:
    """Look at the age of the oldest transaction number and at the dead rows of each table."""
    age = int(target.database.row(_FREEZE)["age"])
    wrong = [] if age < FREEZE_AGE else [f"the oldest transaction number is {age} transactions old"]
    dead = target.database.rows(_DEAD, {"most": DEAD_ROWS})
    wrong += [f"{one['name']} has {one['dead']} dead rows beside {one['live']}" for one in dead]
    return failed(listed(wrong)) if wrong else passed(f"age {age}, no table has more dead rows than live ones")
