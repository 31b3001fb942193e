"""Writing customers down: sealed where they must be, with the words they are found by.

Lock order: the tenant's counter of numbers, then records that are no part of another in the order of their ids, then
those merged into them. One record or a thousand, a write is the same few statements.
"""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.core.ids import new_id
from primepos.core.sealed_fields import Keyring, keyring_of
from primepos.domain.customers.contact import phone_tail, words_of
from primepos.domain.customers.errors import CustomerGroupNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from primepos.core.context import Context

EMAIL: Final = "customers.email"
PHONE: Final = "customers.phone"
_REQUEST: Final = "customers.request"
# What people write about a customer, by the names of the schemas; e-mail and phone are stored under other names.
PROFILE: Final = (
    "number", "name", "company", "email", "phone", "address", "tax_number", "born_on", "notes", "language",
    "price_list", "tax_exempt", "exemption_number", "exempt_until",
)  # fmt: skip
_COLUMNS: Final = {
    "number": "text", "name": "text", "company": "text", "email_sealed": "bytea", "email_hash": "bytea",
    "phone_sealed": "bytea", "phone_hash": "bytea", "address": "text", "tax_number": "text", "born_on": "date",
    "notes": "text", "language": "text", "price_list": "text", "tax_exempt": "boolean", "exemption_number": "text",
    "exempt_until": "date",
}  # fmt: skip
_GIVEN: Final = "unnest(%(id)s::uuid[], " + ", ".join(f"%({name})s::{kind}[]" for name, kind in _COLUMNS.items())
_NAMES: Final = ", ".join(_COLUMNS)
_ADD: Final = f"""
INSERT INTO customers (tenant_id, id, {_NAMES}, source, request_hash, created_at, updated_at)
SELECT %(tenant)s, g.*, %(now)s, %(now)s
  FROM {_GIVEN}, %(source)s::text[], %(request_hash)s::bytea[]) AS g
ON CONFLICT (tenant_id, id) DO NOTHING
RETURNING id
"""
_CHANGE: Final = f"""
UPDATE customers c SET {", ".join(f"{name} = g.{name}" for name in _COLUMNS)},
       version = c.version + 1, updated_at = %(now)s
  FROM {_GIVEN}) AS g(id, {_NAMES})
 WHERE c.tenant_id = %(tenant)s AND c.id = g.id
"""
_TAKE_NUMBERS: Final = """
INSERT INTO customer_counters AS k (tenant_id, next_number) VALUES (%(tenant)s, 1 + %(count)s::bigint)
ON CONFLICT (tenant_id) DO UPDATE SET next_number = k.next_number + %(count)s::bigint
RETURNING next_number - %(count)s::bigint AS first
"""
_SKIP_PAST: Final = """
INSERT INTO customer_counters AS k (tenant_id, next_number) VALUES (%(tenant)s, %(next)s::bigint)
ON CONFLICT (tenant_id) DO UPDATE SET next_number = EXCLUDED.next_number WHERE k.next_number < EXCLUDED.next_number
"""
_FORGET_WORDS: Final = "DELETE FROM customer_words WHERE tenant_id = %(tenant)s AND customer_id = ANY(%(ids)s::uuid[])"
_ADD_WORDS: Final = (
    "INSERT INTO customer_words (tenant_id, word, customer_id)"
    " SELECT %(tenant)s, g.word, g.id FROM unnest(%(words)s::text[], %(ids)s::uuid[]) AS g(word, id)"
)
_LEAVE_GROUPS: Final = (
    "DELETE FROM customer_group_members WHERE tenant_id = %(tenant)s AND customer_id = ANY(%(ids)s::uuid[])"
)
_JOIN_GROUPS: Final = (
    "INSERT INTO customer_group_members (tenant_id, customer_id, group_id)"
    " SELECT %(tenant)s, g.id, g.group_id FROM unnest(%(ids)s::uuid[], %(groups)s::uuid[]) AS g(id, group_id)"
    " ON CONFLICT DO NOTHING"
)
_GROUPS: Final = (
    "SELECT code, id FROM customer_groups"
    " WHERE tenant_id = %(tenant)s AND archived_at IS NULL AND code = ANY(%(codes)s::text[])"
)
_ADD_GROUPS: Final = (
    "INSERT INTO customer_groups (tenant_id, id, code, name)"
    " SELECT %(tenant)s, g.id, g.code, g.code FROM unnest(%(ids)s::uuid[], %(codes)s::text[]) AS g(id, code)"
    " ON CONFLICT (tenant_id, code) DO NOTHING"
)
_CONSENT: Final = """
INSERT INTO customer_consents (tenant_id, customer_id, purpose, given, how, at, actor_id, actor_name)
SELECT %(tenant)s, g.id, g.purpose, %(given)s, %(how)s, %(now)s, %(actor_id)s::uuid, %(actor)s
  FROM unnest(%(ids)s::uuid[], %(purposes)s::text[]) AS g(id, purpose)
"""
_LOCK: Final = """
SELECT c.*, ARRAY(SELECT g.code FROM customer_group_members b
                    JOIN customer_groups g ON g.tenant_id = b.tenant_id AND g.id = b.group_id
                                           AND g.archived_at IS NULL
                   WHERE b.tenant_id = c.tenant_id AND b.customer_id = c.id ORDER BY g.code) AS groups
  FROM customers c
 WHERE c.tenant_id = %(tenant)s AND c.id = ANY(%(ids)s::uuid[]) ORDER BY c.id FOR UPDATE OF c
"""


@dataclass(slots=True)
class Stored:
    """A record as it is stored, opened; its row is locked until the transaction ends."""

    id: UUID
    profile: dict[str, Any]
    groups: list[str]
    version: int
    archived_at: datetime | None
    erased_at: datetime | None
    merged_into: UUID | None
    request_hash: bytes | None


@dataclass(slots=True)
class Fresh:
    """A record to be made: ``profile`` by the names of :data:`PROFILE`, number included."""

    id: UUID
    profile: Mapping[str, Any]
    source: str | None = None
    request_hash: bytes | None = None


def keys_of(ctx: Context) -> Keyring:
    """Return the keys that fields are sealed with."""
    return keyring_of(ctx.settings)


def opened(keys: Keyring, tenant_id: int, row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return e-mail and phone of a row."""
    email, phone = row["email_sealed"], row["phone_sealed"]
    return (
        None if email is None else keys.open(email, EMAIL, tenant_id, row["id"]),
        None if phone is None else keys.open(phone, PHONE, tenant_id, row["id"]),
    )


def lock_records(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, Stored]:
    """Return these records, locked in the order of their ids until the commit; unknown ids are left out."""
    keys, found = keys_of(ctx), {}
    for row in ctx.uow.rows(_LOCK, {"tenant": ctx.tenant_id, "ids": sorted(set(ids))}):
        email, phone = opened(keys, ctx.tenant_id, row)
        request_hash = row["request_hash"]
        found[row["id"]] = Stored(
            id=row["id"],
            profile={**{name: row.get(name) for name in PROFILE}, "email": email, "phone": phone},
            groups=row["groups"],
            version=row["version"],
            archived_at=row["archived_at"],
            erased_at=row["erased_at"],
            merged_into=row["merged_into"],
            request_hash=None if request_hash is None else bytes(request_hash),
        )
    return found


def take_numbers(ctx: Context, count: int) -> list[str]:
    """Return numbers that no customer has; the next caller of the tenant waits for the end of this transaction."""
    if not count:
        return []
    first = ctx.uow.rows(_TAKE_NUMBERS, {"tenant": ctx.tenant_id, "count": count})[0]["first"]
    return [str(number) for number in range(first, first + count)]


def pass_numbers(ctx: Context, numbers: Iterable[str]) -> None:
    """See that numbers typed by people are never given out later. Call it before any record is locked."""
    plain = [int(each) for each in numbers if each.isascii() and each.isdigit() and each[0] != "0" and len(each) <= 15]
    if plain:
        ctx.uow.run(_SKIP_PAST, {"tenant": ctx.tenant_id, "next": max(plain) + 1})


def add_records(ctx: Context, fresh: Sequence[Fresh]) -> set[UUID]:
    """Write new records and the words they are found by; return the ids that were new.

    Raises: ``CUSTOMER_NUMBER_TAKEN``.
    """
    if not fresh:
        return set()
    values = _values(ctx, [(each.id, each.profile) for each in fresh])
    values["source"] = [each.source for each in fresh]
    values["request_hash"] = [each.request_hash for each in fresh]
    made = {row["id"] for row in ctx.uow.rows(_ADD, values)}
    add_words(ctx, {each.id: each.profile for each in fresh if each.id in made})
    return made


def change_records(ctx: Context, changed: Mapping[UUID, Mapping[str, Any]], *, unlisted: Iterable[UUID] = ()) -> None:
    """Write whole profiles over locked records; ``unlisted`` ones, which are archived, get no words.

    Raises: ``CUSTOMER_NUMBER_TAKEN``.
    """
    if not changed:
        return
    ctx.uow.run(_CHANGE, _values(ctx, list(changed.items())))
    forget_words(ctx, changed)
    hidden = set(unlisted)
    add_words(ctx, {each: profile for each, profile in changed.items() if each not in hidden})


def set_archived(ctx: Context, record: Stored, *, archived: bool) -> None:
    """Archive a locked record, which is then found by no word, or put it back."""
    ctx.uow.run(
        "UPDATE customers SET archived_at = %(at)s, version = version + 1, updated_at = %(now)s"
        " WHERE tenant_id = %(tenant)s AND id = %(id)s",
        {
            "tenant": ctx.tenant_id,
            "id": record.id,
            "at": ctx.clock.now() if archived else None,
            "now": ctx.clock.now(),
        },
    )
    forget_words(ctx, [record.id])
    if not archived:
        add_words(ctx, {record.id: record.profile})


def _values(ctx: Context, records: Sequence[tuple[UUID, Mapping[str, Any]]]) -> dict[str, Any]:
    keys, tenant_id = keys_of(ctx), ctx.tenant_id
    rows = [_sealed(keys, tenant_id, record_id, profile) for record_id, profile in records]
    return {
        "tenant": tenant_id,
        "now": ctx.clock.now(),
        "id": [record_id for record_id, _ in records],
        **{name: [row[name] for row in rows] for name in _COLUMNS},
    }


def _sealed(keys: Keyring, tenant_id: int, record_id: UUID, profile: Mapping[str, Any]) -> dict[str, Any]:
    email, phone = profile.get("email"), profile.get("phone")
    return {
        **{name: profile.get(name) for name in PROFILE},
        "tax_exempt": bool(profile.get("tax_exempt")),
        "email_sealed": None if email is None else keys.seal(email, EMAIL, tenant_id, record_id),
        "email_hash": None if email is None else keys.hash(email, EMAIL, tenant_id),
        "phone_sealed": None if phone is None else keys.seal(phone, PHONE, tenant_id, record_id),
        "phone_hash": None if phone is None else keys.hash(phone_tail(phone), PHONE, tenant_id),
    }


def add_words(ctx: Context, profiles: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Let records be found by the words of name, company and number."""
    pairs = [
        (word, record_id)
        for record_id, profile in profiles.items()
        for word in words_of(profile["name"], profile.get("company"), profile.get("number"))
    ]
    if pairs:
        words, ids = map(list, zip(*pairs, strict=True))
        ctx.uow.run(_ADD_WORDS, {"tenant": ctx.tenant_id, "words": words, "ids": ids})


def forget_words(ctx: Context, ids: Iterable[UUID]) -> None:
    """Let records be found by no word any more."""
    ctx.uow.run(_FORGET_WORDS, {"tenant": ctx.tenant_id, "ids": list(ids)})


def group_ids(ctx: Context, codes: Iterable[str]) -> dict[str, UUID]:
    """Return the ids of groups in use by code. Raises: :class:`CustomerGroupNotFound` naming the first that is none."""
    wanted = sorted(set(codes))
    if not wanted:
        return {}
    found = {row["code"]: row["id"] for row in ctx.uow.rows(_GROUPS, {"tenant": ctx.tenant_id, "codes": wanted})}
    for code in wanted:
        if code not in found:
            raise CustomerGroupNotFound(group=code)
    return found


def ensure_groups(ctx: Context, codes: Iterable[str]) -> None:
    """Make the groups that there are not yet, named by their codes."""
    wanted = sorted(set(codes))
    if wanted:
        ids = [new_id() for _ in wanted]
        ctx.uow.run(_ADD_GROUPS, {"tenant": ctx.tenant_id, "ids": ids, "codes": wanted})


def join_groups(ctx: Context, joined: Mapping[UUID, Iterable[str]], ids_of: Mapping[str, UUID]) -> None:
    """Put records into groups beside those they are in."""
    pairs = [(record_id, ids_of[code]) for record_id, codes in joined.items() for code in codes]
    if pairs:
        ids, groups = map(list, zip(*pairs, strict=True))
        ctx.uow.run(_JOIN_GROUPS, {"tenant": ctx.tenant_id, "ids": ids, "groups": groups})


def leave_groups(ctx: Context, ids: Iterable[UUID]) -> None:
    """Take records out of every group."""
    ctx.uow.run(_LEAVE_GROUPS, {"tenant": ctx.tenant_id, "ids": list(ids)})


def add_consents(ctx: Context, purposes: Sequence[tuple[UUID, str]], *, given: bool, how: str) -> None:
    """Write down what customers agreed to, or withdrew, now and by whom of the shop."""
    if not purposes:
        return
    who = ctx.identity
    ctx.uow.run(
        _CONSENT,
        {
            "tenant": ctx.tenant_id,
            "ids": [record_id for record_id, _ in purposes],
            "purposes": [purpose for _, purpose in purposes],
            "given": given,
            "how": how,
            "now": ctx.clock.now(),
            "actor_id": who.actor_id,
            "actor": who.name[:200],
        },
    )


def request_hash(ctx: Context, data: msgspec.Struct) -> bytes:
    """Return the keyed hash of what was asked: it tells a repeated call, and nobody what was in it."""
    return keys_of(ctx).hash(_canonical(data), _REQUEST, ctx.tenant_id)


def is_same_request(ctx: Context, stored: bytes | None, data: msgspec.Struct) -> bool:
    """Whether a record was made from the same data, under whichever key that was."""
    return stored is not None and stored in keys_of(ctx).hashes(_canonical(data), _REQUEST, ctx.tenant_id)


def _canonical(data: msgspec.Struct) -> str:
    return msgspec.json.encode(data, order="deterministic").decode()
