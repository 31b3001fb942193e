"""What is in the tables: whose rows point where, whether the books hold, who administers, when a backup was made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from primepos.core.sealed_fields import SUFFIX, FieldKeyMissing, keyring_from
from primepos.core.security import verify_password
from primepos.deploy.catalogue.database.asking import asks
from primepos.deploy.check import CRITICAL, HIGH, Outcome, failed, passed, skipped
from primepos.deploy.inspector import CHECK_S, SYSTEM_ROLE
from primepos.deploy.shown import listed
from primepos.domain.ops.checks import CHECKS

if TYPE_CHECKING:
    from primepos.deploy.target import Target

BACKUP_AGE: Final = timedelta(hours=24)
DRILL_AGE: Final = timedelta(days=90)
# Tried on every administrator: what other systems are shipped with, and what people set first.
DEFAULT_PASSWORDS: Final = ("", "admin", "superadmin", "password", "pointofsale", "primepos", "changeme", "12345678")
MOST_ADMINISTRATORS: Final = 20
# The rules about one sale and about the sums over many.
LEDGER: Final = frozenset({"I2", "I4"})

# How much of what a key sealed is opened: a key that is lost opens none of it.
SAMPLES: Final = 100
KEYS: Final = ("FIELD_ENCRYPTION_KEYS", "SECRET_KEY", "SECRET_KEY_FALLBACKS")

# What is sealed says so by its name; see core/sealed_fields.py.
_SEALED: Final = """
SELECT c.relname AS table, a.attname AS column
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND a.atttypid = 'bytea'::regtype AND right(a.attname, 7) = '_sealed'
 ORDER BY 1, 2
"""
_SUPERUSERS: Final = (
    "SELECT email, password_hash FROM users WHERE is_superuser AND disabled_at IS NULL ORDER BY email LIMIT %s"
)
_FOREIGN_KEYS: Final = """
SELECT k.conname AS name, c.relname AS child, p.relname AS parent,
       array_agg(mine.attname::text ORDER BY pair.at) AS columns,
       array_agg(theirs.attname::text ORDER BY pair.at) AS keys,
       EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = p.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped)
         AS has_tenant
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
  JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS pair(mine, theirs, at) ON true
  JOIN pg_attribute mine ON mine.attrelid = k.conrelid AND mine.attnum = pair.mine
  JOIN pg_attribute theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = pair.theirs
 WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
   AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped)
 GROUP BY k.oid, k.conname, c.relname, p.relname, p.oid ORDER BY k.conname
"""


@asks(
    "DB039",
    HIGH,
    rule="somebody administers the installation, and nobody with a password that others know",
    remedy="primepos users create-superuser --email you@shop.example; primepos users reset-password",
    anchor="audit",
)
def somebody_administers(target: Target) -> Outcome:
    """Count administrators who can sign in, and try the passwords that are tried first."""
    found = target.database.rows(_SUPERUSERS, (MOST_ADMINISTRATORS,), role=SYSTEM_ROLE)
    if not found:
        return failed("nobody can administer this installation")
    open_ones = [one for one in found if _is_open(one["password_hash"])]
    if open_ones:
        return failed(f"{len(open_ones)} of {len(found)} administrators have no password, or one of the first tried")
    return passed(f"{len(found)} administrators, none with one of the {len(DEFAULT_PASSWORDS)} passwords tried first")


def _is_open(stored: str) -> bool:
    return not stored.startswith("$argon2id$") or any(verify_password(stored, one) for one in DEFAULT_PASSWORDS)


@asks(
    "DB040",
    HIGH,
    rule="a backup was made in the last 24 hours, and one was restored in the last 90 days",
    remedy="primepos backup create and primepos backup verify, or primepos backup record after the host's own",
    anchor="audit",
)
def backups_are_made_and_tried(target: Target) -> Outcome:
    """Read when the last ones were recorded."""
    facts = target.database.facts
    wrong, told = [], []
    for name, what, most in (
        ("backup.last_success", "backup", BACKUP_AGE),
        ("backup.last_drill", "restore drill", DRILL_AGE),
    ):
        at = moment_of(facts.get(name))
        if at is None:
            wrong.append(f"no {what} was ever recorded")
        elif target.now - at > most:
            wrong.append(f"the last {what} was on {at:%Y-%m-%d %H:%M} UTC")
        else:
            told.append(f"{what} {at:%Y-%m-%d %H:%M} UTC")
    return failed(listed(wrong)) if wrong else passed(", ".join(told))


def moment_of(text: str | None) -> datetime | None:
    """Return a moment that was noted in ISO 8601 with its offset; None for none, and for what is no such moment."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


@asks(
    "DB042",
    CRITICAL,
    rule="no row points at another tenant's, or at nothing",
    remedy="find out who wrote past the constraints; restore the rows from a backup, or move them by hand",
)
def no_row_crosses_tenants(target: Target) -> Outcome:
    """Ask, for every foreign key of a tenant's table, for rows whose parent is not there in their own tenant."""
    found = target.database.rows(_FOREIGN_KEYS)
    if not found:
        return failed("there is no foreign key of any tenant's table", remedy="primepos migrate up")
    question = sql.SQL(" UNION ALL ").join(_astray(number, one) for number, one in enumerate(found))
    rows = target.database.rows(question.as_string(None), role=SYSTEM_ROLE, timeout_ms=CHECK_S * 1000)
    crossed = [f"{found[one['number']]['name']}: {one['astray']} rows" for one in rows if one["astray"]]
    return failed(listed(crossed)) if crossed else passed(f"{len(found)} foreign keys, no row astray")


def _astray(number: int, key: dict[str, Any]) -> sql.Composed:
    """Ask how many rows of a foreign key's child have no parent of their own tenant, counting up to a thousand."""
    child, parent = sql.Identifier("public", key["child"]), sql.Identifier("public", key["parent"])
    pairs: list[sql.Composable] = [
        sql.SQL("p.{} = c.{}").format(sql.Identifier(theirs), sql.Identifier(mine))
        for mine, theirs in zip(key["columns"], key["keys"], strict=True)
    ]
    present = list(key["columns"])
    if key["has_tenant"] and "tenant_id" not in key["columns"]:
        # The key itself does not carry the tenant, so the rows have to be held against each other.
        pairs.append(sql.SQL("p.tenant_id = c.tenant_id"))
        present.append("tenant_id")
    given = sql.SQL(" AND ").join(sql.SQL("c.{} IS NOT NULL").format(sql.Identifier(one)) for one in present)
    return sql.SQL(
        "SELECT {number} AS number, count(*) AS astray FROM (SELECT FROM {child} c WHERE {given}"
        " AND NOT EXISTS (SELECT FROM {parent} p WHERE {pairs}) LIMIT 1000) AS found"
    ).format(number=sql.Literal(number), child=child, parent=parent, given=given, pairs=sql.SQL(" AND ").join(pairs))


@asks(
    "DB043",
    HIGH,
    rule="the books hold: sales equal their lines, taxes and payments, stock its movements, debits credits",
    remedy="primepos ops verify-books names all of them",
    anchor="GitLab check",
)
def books_hold(target: Target) -> Outcome:
    """Ask the auditor's questions about sales and sums, for the first five of each."""
    asked = [one for one in CHECKS if one.invariant in LEDGER and not one.pending]
    # The auditor's statements are constants of its module; SEC028 has them on its list.
    question = " UNION ALL ".join(
        f"(SELECT {number} AS number, what FROM ({one.sql}) AS found(tenant_id, what) LIMIT 5)"  # noqa: S608 - constants
        for number, one in enumerate(asked)
    )
    found = target.database.rows(question, role=SYSTEM_ROLE, timeout_ms=CHECK_S * 1000)
    wrong = [f"{asked[one['number']].name}: {one['what']}" for one in found]
    return failed(listed(wrong)) if wrong else passed(f"{len(asked)} questions of the auditor, nothing found")


@asks(
    "DB045",
    HIGH,
    rule="every field that is stored encrypted can be decrypted with the keys at hand",
    remedy="put the key that is lacking into FIELD_ENCRYPTION_KEYS, behind the newest; then primepos customers reseal",
    anchor="gitlab:doctor:secrets",
)
def sealed_fields_can_be_opened(target: Target) -> Outcome:
    """Count the keys that sealed fields, and open some of what each of them sealed."""
    examined = target.examination
    # What else is wrong with the environment hides no key.
    if any(one.variable in KEYS for one in examined.fatal):
        return skipped("which keys are at hand cannot be told: those of the environment are not fit to start with")
    field_keys, key, fallbacks = (examined.values.get(name) for name in KEYS)
    keys = keyring_from(field_keys or (), (key, *(fallbacks or ())))
    wrong, counted, opened = [], 0, 0
    for each in target.database.rows(_SEALED):
        table, column = each["table"], each["column"]
        question = _samples(table, column).as_string(None)
        for row in target.database.rows(question, role=SYSTEM_ROLE, timeout_ms=CHECK_S * 1000):
            counted += row["counted"] if row["n"] == 1 else 0
            try:
                keys.open(row["sealed"], f"{table}.{column.removesuffix(SUFFIX)}", row["tenant_id"], row["id"])
                opened += 1
            except FieldKeyMissing:
                wrong.append(f"{table}.{column} of {row['id']}, one of {row['counted']} under this key")
    if wrong:
        return failed(listed(wrong))
    return passed(f"{counted} sealed values, {opened} of them opened" if counted else "nothing is sealed yet")


def _samples(table: str, column: str) -> sql.Composed:
    """Ask for some of the values that each key sealed, with how many it sealed; a value begins with its key."""
    return sql.SQL(
        "SELECT tenant_id, id, sealed, n, counted FROM (SELECT tenant_id, id, {column} AS sealed,"
        " row_number() OVER by_key AS n, count(*) OVER (PARTITION BY substring({column} FROM 1 FOR 5)) AS counted"
        " FROM {table} WHERE {column} IS NOT NULL"
        " WINDOW by_key AS (PARTITION BY substring({column} FROM 1 FOR 5) ORDER BY tenant_id, id)) AS x"
        " WHERE n <= {most} ORDER BY tenant_id, id"
    ).format(column=sql.Identifier(column), table=sql.Identifier("public", table), most=sql.Literal(SAMPLES))
