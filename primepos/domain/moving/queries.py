"""SQL of whole tenants, in system transactions: every statement names its tenant itself."""
# ruff: noqa: S608 - statements are put together from the models' own names; values are parameters

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from primepos.core.db import TransactionRetry
from primepos.core.ids import new_id
from primepos.domain.moving.errors import ErasureNotFound, NotArriving, PartDiffers, TenantHere
from primepos.domain.moving.tables import USERS, Moved, erasing_order, moved_tables, own_reference
from primepos.domain.tenancy.errors import SlugTaken, TenantNotFound
from primepos.domain.tenancy.queries import forget_tenant

if TYPE_CHECKING:
    from datetime import date, datetime

    from primepos.core.db import UnitOfWork
    from primepos.core.sealed_fields import Keyring
    from primepos.domain.moving.schemas import AskRows, TenantRecord

SETTLE_S: Final = 6
_PEOPLE: Final = (
    "SELECT jsonb_build_object('email', u.email, 'name', u.name)::text AS row, ARRAY[u.email] AS place FROM users u"
    " WHERE (EXISTS (SELECT FROM memberships m WHERE m.tenant_id = %(tenant)s AND m.user_id = u.id)"
    " OR EXISTS (SELECT FROM staff s WHERE s.tenant_id = %(tenant)s AND s.user_id = u.id))"
    " AND (%(c0)s::text IS NULL OR u.email > %(c0)s) ORDER BY u.email LIMIT %(limit)s"
)
# A number with a point stays as it is written.
_decode_row: Final = msgspec.json.Decoder(dict[str, Any], float_hook=str)
_decode: Final = msgspec.json.Decoder(list[dict[str, Any]], float_hook=str)


def schema_revision(uow: UnitOfWork) -> str:
    """Return the revision of this database's schema."""
    found: str = uow.rows("SELECT version_num FROM alembic_version")[0]["version_num"]
    return found


# --- leaving ---------------------------------------------------------------------------------------------------------


def lock_tenant(uow: UnitOfWork, tenant_id: int) -> dict[str, Any]:
    """Return a tenant's row, locked; ``settled`` once its sessions have ended everywhere."""
    return uow.rows(
        "SELECT *, settings::text AS settings_text,"
        " coalesce(moved_at <= now() - make_interval(secs => %s), false) AS settled"
        " FROM tenants WHERE id = %s FOR NO KEY UPDATE",
        (SETTLE_S, tenant_id),
    )[0]


def read_tenant(uow: UnitOfWork, tenant_id: int) -> dict[str, Any]:
    """Return the same without a lock."""
    return uow.rows(
        "SELECT *, settings::text AS settings_text,"
        " coalesce(moved_at <= now() - make_interval(secs => %s), false) AS settled FROM tenants WHERE id = %s",
        (SETTLE_S, tenant_id),
    )[0]


def open_shifts(uow: UnitOfWork, tenant_id: int) -> int:
    """Return how many tills have an open shift; registers are locked, so that none opens until the commit.

    The server's own register holds nothing that is not here.
    """
    rows = uow.rows(
        "SELECT kind, open_shift_id FROM registers WHERE tenant_id = %s ORDER BY id FOR NO KEY UPDATE", (tenant_id,)
    )
    return sum(row["open_shift_id"] is not None and row["kind"] == "till" for row in rows)


def mark_moved(uow: UnitOfWork, tenant_id: int, keep: UUID | None) -> None:
    """Say that a tenant has left, and end its sessions but for the one that asks."""
    uow.run("UPDATE tenants SET status = 'moved', moved_at = now(), updated_at = now() WHERE id = %s", (tenant_id,))
    uow.run(
        "UPDATE login_sessions SET revoked_at = now(), revoked_why = 'moved' WHERE tenant_id = %s"
        " AND revoked_at IS NULL AND id IS DISTINCT FROM %s::uuid",
        (tenant_id, keep),
    )
    forget_tenant(uow, tenant_id)


def page(uow: UnitOfWork, tenant_id: int, data: AskRows, keys: Keyring) -> tuple[list[str], list[str] | None]:
    """Return rows of a table as JSON texts, and where to go on; sealed fields are opened."""
    asked: dict[str, Any] = {"tenant": tenant_id, "limit": data.limit + 1, "c0": None}
    asked |= {f"c{number}": value for number, value in enumerate(data.after or ())}
    if data.table == USERS:
        found = uow.rows(_PEOPLE, asked)
        table = None
    else:
        table = moved_tables()[data.table]
        found = uow.rows(table.reading(first=data.after is None), asked)
    shown = found[: data.limit]
    rows = [row["row"] for row in shown]
    if table is not None and table.sealed:
        rows = [_opened(table, row, tenant_id, keys) for row in rows]
    return rows, shown[-1]["place"] if len(found) > data.limit else None


def _opened(table: Moved, row: str, tenant_id: int, keys: Keyring) -> str:
    values: dict[str, Any] = _decode_row.decode(row)
    for name in table.sealed:
        sealed = values.pop(f"{name}_sealed")
        values.pop(f"{name}_hash")
        if sealed is not None:
            plain = keys.open(
                bytes.fromhex(sealed.removeprefix("\\x")), f"{table.name}.{name}", tenant_id, UUID(values["id"])
            )
            values[f"{name}_open"] = plain
    return msgspec.json.encode(values).decode()


def file_names(uow: UnitOfWork, tenant_id: int) -> list[str]:
    """Return the names of a tenant's files."""
    rows = uow.rows("SELECT file_name, thumbnail_name FROM product_images WHERE tenant_id = %s", (tenant_id,))
    return sorted({row[name] for row in rows for name in ("file_name", "thumbnail_name")})


# --- arriving --------------------------------------------------------------------------------------------------------


def open_arrival(uow: UnitOfWork, tenant: TenantRecord) -> int:
    """Add a tenant that nobody sees yet, or find the one that is arriving, and return how many parts are here.

    Raises: SlugTaken, TenantHere.
    """
    uow.run(
        "INSERT INTO tenants (key, slug, name, status, currency, country, zone, day_starts_hour, settings, created_at)"
        " VALUES (%(key)s, %(slug)s, %(name)s, 'arriving', %(currency)s, %(country)s, %(zone)s, %(day_starts_hour)s,"
        " %(settings)s::jsonb, %(created_at)s) ON CONFLICT DO NOTHING",
        {name: getattr(tenant, name) for name in tenant.__struct_fields__},
    )
    rows = uow.rows(
        "SELECT id, key, slug, status FROM tenants WHERE key = %s OR slug = %s FOR NO KEY UPDATE",
        (tenant.key, tenant.slug),
    )
    mine = next((row for row in rows if row["key"] == tenant.key), None)
    if mine is None:
        raise SlugTaken
    if mine["status"] != "arriving" or mine["slug"] != tenant.slug:
        raise TenantHere(slug=mine["slug"])
    return _parts(uow, mine["id"])


def _parts(uow: UnitOfWork, tenant_id: int) -> int:
    found: int = uow.rows(
        "SELECT coalesce(max(part_no), 0) AS parts FROM tenant_arrivals WHERE tenant_id = %s", (tenant_id,)
    )[0]["parts"]
    return found


def arriving(uow: UnitOfWork, slug: str) -> int:
    """Return the number of a tenant that is arriving, locked: parts come one by one.

    Raises: TenantNotFound, NotArriving.
    """
    rows = uow.rows("SELECT id, status FROM tenants WHERE slug = %s FOR NO KEY UPDATE", (slug,))
    if not rows:
        raise TenantNotFound(slug=slug)
    if rows[0]["status"] != "arriving":
        raise NotArriving(slug=slug)
    found: int = rows[0]["id"]
    return found


def put_rows(uow: UnitOfWork, tenant_id: int, part_no: int, table: str, text: str, keys: Keyring, nobody: str) -> bool:
    """Add one part; False if it was here already. ``nobody`` is the hash of a password that nobody knows.

    Raises: PartDiffers.
    """
    digest = hashlib.sha256(table.encode() + b"\0" + text.encode()).digest()
    rows = _decode.decode(text)
    known = uow.rows("SELECT digest FROM tenant_arrivals WHERE tenant_id = %s AND part_no = %s", (tenant_id, part_no))
    if known:
        if bytes(known[0]["digest"]) != digest:
            raise PartDiffers(part_no=part_no)
        return False
    if part_no != _parts(uow, tenant_id) + 1:
        raise PartDiffers(part_no=part_no)
    if table == USERS:
        _put_people(uow, rows, nobody)
    else:
        moved = moved_tables()[table]
        given = _sealed(moved, rows, tenant_id, keys) if moved.sealed else text
        uow.run(moved.writing(), {"tenant": tenant_id, "rows": given})
    uow.run(
        "INSERT INTO tenant_arrivals (tenant_id, part_no, table_name, rows, digest) VALUES (%s, %s, %s, %s, %s)",
        (tenant_id, part_no, table, len(rows), digest),
    )
    return True


def _put_people(uow: UnitOfWork, rows: list[dict[str, Any]], nobody: str) -> None:
    """Make accounts for addresses that have none; who has one keeps it with its password."""
    people = [{"id": str(new_id()), "email": row["email"], "name": row["name"]} for row in rows]
    uow.run(
        "INSERT INTO users (id, email, name, password_hash)"
        " SELECT p.id, p.email, p.name, %(hash)s FROM jsonb_to_recordset(%(people)s::jsonb)"
        " AS p(id uuid, email text, name text) ORDER BY p.email ON CONFLICT (email) DO NOTHING",
        {"people": msgspec.json.encode(people).decode(), "hash": nobody},
    )


def _sealed(table: Moved, rows: list[dict[str, Any]], tenant_id: int, keys: Keyring) -> str:
    for values in rows:
        for name in table.sealed:
            plain = values.pop(f"{name}_open", None)
            if plain is not None:
                field = f"{table.name}.{name}"
                sealed = keys.seal(plain, field, tenant_id, UUID(values["id"]))
                values[f"{name}_sealed"] = "\\x" + sealed.hex()
                values[f"{name}_hash"] = "\\x" + keys.hash(plain, field, tenant_id).hex()
    return msgspec.json.encode(rows).decode()


def count_rows(uow: UnitOfWork, tenant_id: int) -> dict[str, int]:
    """Return how many rows of each table that moves a tenant has."""
    counts = ", ".join(
        f"(SELECT count(*) FROM {name} WHERE tenant_id = %(tenant)s) AS {name}" for name in moved_tables()
    )
    return uow.rows(f"SELECT {counts}", {"tenant": tenant_id})[0]


def finish_arrival(uow: UnitOfWork, tenant_id: int) -> None:
    """Let the tenant be seen; what counted its parts goes."""
    uow.run("DELETE FROM tenant_arrivals WHERE tenant_id = %s", (tenant_id,))
    uow.run("UPDATE tenants SET status = 'active', updated_at = now() WHERE id = %s", (tenant_id,))
    forget_tenant(uow, tenant_id)


# --- erasing ---------------------------------------------------------------------------------------------------------


def erase_everything(uow: UnitOfWork, tenant_id: int) -> int:
    """Remove every row of a tenant, children first, and the tenant; return how many there were."""
    uow.run("SELECT set_config('app.erasing', %s, true)", (str(tenant_id),))
    gone = 0
    for name in erasing_order():
        reference = own_reference(name)
        if reference is not None:
            # Those that name others of the table go before those that are named.
            gone += uow.run(f"DELETE FROM {name} WHERE tenant_id = %s AND {reference} IS NOT NULL", (tenant_id,))
        gone += uow.run(f"DELETE FROM {name} WHERE tenant_id = %s", (tenant_id,))
    uow.run(
        "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM login_sessions WHERE tenant_id = %s)",
        (tenant_id,),
    )
    uow.run("DELETE FROM login_sessions WHERE tenant_id = %s", (tenant_id,))
    if uow.run("DELETE FROM tenants WHERE id = %s", (tenant_id,)) != 1:
        raise TransactionRetry
    forget_tenant(uow, tenant_id)
    return gone


def lock_tenant_named(uow: UnitOfWork, slug: str) -> dict[str, Any]:
    """Return a tenant's row by its short name, locked. Raises TenantNotFound."""
    rows = uow.rows("SELECT * FROM tenants WHERE slug = %s FOR NO KEY UPDATE", (slug,))
    if not rows:
        raise TenantNotFound(slug=slug)
    return rows[0]


def ask_erasure(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Write down an erasure that is asked for, or find the one with this id."""
    uow.run(
        "INSERT INTO tenant_erasures (tenant_id, id, scope, reason, asked_at, asked_by_id, asked_by, asked_by_side)"
        " VALUES (%(tenant)s, %(id)s, %(scope)s, %(reason)s, %(now)s, %(actor)s, %(name)s, %(side)s)"
        " ON CONFLICT DO NOTHING",
        values,
    )
    return lock_erasure(uow, values["tenant"], values["id"])


def lock_erasure(uow: UnitOfWork, tenant_id: int, erasure_id: UUID) -> dict[str, Any]:
    """Return an erasure, locked. Raises ErasureNotFound."""
    rows = uow.rows(
        "SELECT * FROM tenant_erasures WHERE tenant_id = %s AND id = %s FOR UPDATE", (tenant_id, erasure_id)
    )
    if not rows:
        raise ErasureNotFound
    return rows[0]


def agree_erasure(
    uow: UnitOfWork, tenant_id: int, erasure_id: UUID, actor_id: UUID | None, name: str, due_at: datetime
) -> dict[str, Any]:
    """Write down who agreed, and from when it can be done."""
    return uow.rows(
        "UPDATE tenant_erasures SET agreed_by_id = %s, agreed_by = %s, due_at = %s"
        " WHERE tenant_id = %s AND id = %s RETURNING *",
        (actor_id, name, due_at, tenant_id, erasure_id),
    )[0]


def cancel_erasure(uow: UnitOfWork, tenant_id: int, erasure_id: UUID, now: datetime, name: str) -> dict[str, Any]:
    """Call an erasure off."""
    return uow.rows(
        "UPDATE tenant_erasures SET cancelled_at = coalesce(cancelled_at, %s),"
        " cancelled_by = coalesce(cancelled_by, %s)"
        " WHERE tenant_id = %s AND id = %s RETURNING *",
        (now, name, tenant_id, erasure_id),
    )[0]


def done_erasure(uow: UnitOfWork, tenant_id: int, erasure_id: UUID, now: datetime) -> dict[str, Any]:
    """Write down that an erasure was done."""
    return uow.rows(
        "UPDATE tenant_erasures SET done_at = %s WHERE tenant_id = %s AND id = %s RETURNING *",
        (now, tenant_id, erasure_id),
    )[0]


def last_sale(uow: UnitOfWork, tenant_id: int) -> date | None:
    """Return the business day of a tenant's last sale."""
    found: date | None = uow.rows("SELECT max(business_date) AS day FROM sales WHERE tenant_id = %s", (tenant_id,))[0][
        "day"
    ]
    return found


def put_tombstone(uow: UnitOfWork, slug_hash: bytes, now: datetime, gone: int) -> None:
    """Keep that a tenant of this short name was here."""
    uow.run(
        "INSERT INTO tenant_tombstones (id, slug_hash, erased_at, rows) VALUES (%s, %s, %s, %s)",
        (new_id(), slug_hash, now, gone),
    )


def erase_people(uow: UnitOfWork, tenant_id: int, now: datetime) -> int:
    """Erase customers, staff and memberships of a tenant; what sealed sales say stays. Return how many rows it was."""
    uow.run("SELECT set_config('app.erasing', %s, true)", (str(tenant_id),))
    which = {"tenant": tenant_id, "now": now}
    gone = uow.run(
        "UPDATE customers SET number = NULL, name = '', company = NULL, email_sealed = NULL, email_hash = NULL,"
        " phone_sealed = NULL, phone_hash = NULL, address = NULL, tax_number = NULL, born_on = NULL, notes = NULL,"
        " tax_exempt = false, exemption_number = NULL, exempt_until = NULL, source = NULL, request_hash = NULL,"
        " archived_at = coalesce(archived_at, %(now)s), erased_at = %(now)s, version = version + 1"
        " WHERE tenant_id = %(tenant)s AND erased_at IS NULL",
        which,
    )
    gone += uow.run("DELETE FROM customer_words WHERE tenant_id = %(tenant)s", which)
    gone += uow.run("DELETE FROM staff_badges WHERE tenant_id = %(tenant)s", which)
    gone += uow.run(
        "UPDATE staff SET name = 'ShopErased', pin_hash = NULL, user_id = NULL,"
        " archived_at = coalesce(archived_at, %(now)s) WHERE tenant_id = %(tenant)s AND name <> 'ShopErased'",
        which,
    )
    gone += uow.run("DELETE FROM memberships WHERE tenant_id = %(tenant)s", which)
    uow.run(
        "UPDATE login_sessions SET revoked_at = %(now)s, revoked_why = 'erased'"
        " WHERE tenant_id = %(tenant)s AND revoked_at IS NULL",
        which,
    )
    return gone
