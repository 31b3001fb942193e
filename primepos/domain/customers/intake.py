"""Taking in customers of another system, many at a time and as often as anybody likes.

A row is found again by what its source knows it by (its ``key``), else by its number, else by its e-mail address. Found
ones are brought in line with the row, where it says something; empty cells change nothing. Taking in the same rows
again changes nothing, and nobody who was erased comes back with an old file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from primepos.domain.customers import queries
from primepos.domain.customers.recording import (
    PROFILE,
    Fresh,
    Stored,
    add_consents,
    add_records,
    change_records,
    ensure_groups,
    group_ids,
    join_groups,
    keys_of,
    lock_records,
    pass_numbers,
    take_numbers,
)
from primepos.domain.customers.schemas import CustomersLoaded, RefusedRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from primepos.core.context import Context
    from primepos.domain.customers.schemas import CustomerRow

_KEY: Final = "customers.key"
_EXEMPTION: Final = ("exemption_number", "exempt_until")


@dataclass(slots=True)
class _Plan:
    """Which row becomes which record."""

    made: dict[int, Fresh] = field(default_factory=dict)
    found: dict[int, UUID] = field(default_factory=dict)
    refused: list[RefusedRow] = field(default_factory=list)
    taken: set[UUID] = field(default_factory=set)

    def refuse(self, index: int, code: str, problem: str) -> None:
        self.refused.append(RefusedRow(index=index, code=code, problem=problem))


def take_in(ctx: Context, source: str, rows: Sequence[CustomerRow], *, dry_run: bool = False) -> CustomersLoaded:
    """Make or bring in line the customers of these rows; a few statements, however many rows.

    Groups that do not exist are made, those a customer is in already stay. A consent is written down only for a
    purpose that nothing is known of: what somebody withdrew here, no file brings back. A merged record is left alone.
    """
    plan = _planned(ctx, source, rows)
    if not dry_run:
        pass_numbers(ctx, (each.profile["number"] for each in plan.made.values() if each.profile["number"]))
        _number(plan.made.values(), take_numbers(ctx, sum(not each.profile["number"] for each in plan.made.values())))
    stored = lock_records(ctx, plan.found.values())
    changed = _changes(plan, rows, stored)
    joined = _joined(plan, rows, stored)
    agreed = _agreed(ctx, plan, rows, stored)
    touched = {*changed, *joined, *(record_id for record_id, _ in agreed)} - {each.id for each in plan.made.values()}
    if not dry_run:
        add_records(ctx, list(plan.made.values()))
        change_records(ctx, changed, unlisted=[each for each in changed if stored[each].archived_at])
        codes = {code for each in joined.values() for code in each}
        ensure_groups(ctx, codes)
        join_groups(ctx, joined, group_ids(ctx, codes))
        add_consents(ctx, agreed, given=True, how="import")
    return CustomersLoaded(
        created=len(plan.made),
        updated=len(touched),
        unchanged=len(plan.found) - len(touched),
        refused=sorted(plan.refused, key=lambda each: each.index),
    )


def _number(fresh: Iterable[Fresh], numbers: Sequence[str]) -> None:
    free = iter(numbers)
    for each in fresh:
        if not each.profile["number"]:
            each.profile = {**each.profile, "number": next(free)}


def _planned(ctx: Context, source: str, rows: Sequence[CustomerRow]) -> _Plan:
    """Find for every row its record, or make one up; three statements."""
    by_key = [_ids_of(ctx, source, row.key) for row in rows]
    known = queries.ids_known(ctx, [each for ids in by_key for each in ids])
    numbers = queries.numbers_known(ctx, [row.number for row in rows if row.number])
    emails = queries.emails_known(ctx, [row.email for row in rows if row.email and not row.number])
    plan, new_numbers, new_emails = _Plan(), set[str](), set[str]()
    for index, (row, ids) in enumerate(zip(rows, by_key, strict=True)):
        record_id = next((each for each in ids if each in known), None)
        owner = numbers.get(row.number) if row.number else None
        sharing = emails.get(row.email, []) if row.email and not row.number else []
        if record_id is not None and owner not in {None, record_id}:
            plan.refuse(index, "CUSTOMER_NUMBER_TAKEN", f"another customer has the number {row.number}")
            continue
        if record_id is None and owner is None and len(sharing) > 1:
            plan.refuse(index, "EMAIL_AMBIGUOUS", "several customers have this e-mail address, and there is no number")
            continue
        target = record_id or owner or (sharing[0] if sharing else None)
        if (
            (target or ids[0]) in plan.taken
            or (row.number or "") in new_numbers
            or (target is None and (row.email or "") in new_emails)
        ):
            plan.refuse(index, "CUSTOMER_REPEATED", "an earlier row is the same customer")
            continue
        plan.taken.add(target or ids[0])
        if row.number:
            new_numbers.add(row.number)
        if target is not None:
            plan.found[index] = target
            continue
        if row.email and not row.number:
            new_emails.add(row.email)
        profile = {name: getattr(row, name) for name in PROFILE}
        plan.made[index] = Fresh(ids[0], profile, source=source)
    return plan


def _ids_of(ctx: Context, source: str, key: str) -> list[UUID]:
    """Return the ids that a row of a source may have: always the same, under each key; the first is that of a new one.

    A UUIDv8 (RFC 9562) of a keyed hash: a key may be an e-mail address, which nobody shall guess back from an id.
    """
    made = []
    for hashed in keys_of(ctx).hashes(f"{source}\n{key}", _KEY, ctx.tenant_id):
        value = int.from_bytes(hashed, "big") & ~(0xF << 76) | 8 << 76
        made.append(UUID(int=value & ~(3 << 62) | 2 << 62))
    return made


def _changes(plan: _Plan, rows: Sequence[CustomerRow], stored: Mapping[UUID, Stored]) -> dict[UUID, dict[str, Any]]:
    """Return the whole profiles of found records that a row says something new of."""
    changed = {}
    for index, record_id in list(plan.found.items()):
        record = stored.get(record_id)
        if record is None or record.erased_at is not None:
            del plan.found[index]
            plan.refuse(index, "CUSTOMER_ERASED", "this customer was erased")
            continue
        if record.merged_into is not None:
            continue
        given = {name: getattr(rows[index], name) for name in PROFILE}
        wanted = {**record.profile, **{name: value for name, value in given.items() if value is not None}}
        if not wanted["tax_exempt"]:
            wanted |= dict.fromkeys(_EXEMPTION)
        if wanted != record.profile:
            changed[record_id] = wanted
    return changed


def _records(plan: _Plan, stored: Mapping[UUID, Stored]) -> dict[int, UUID]:
    """Return the record of each row that is written to."""
    found = {n: each for n, each in plan.found.items() if stored[each].merged_into is None}
    return {**{n: fresh.id for n, fresh in plan.made.items()}, **found}


def _joined(plan: _Plan, rows: Sequence[CustomerRow], stored: Mapping[UUID, Stored]) -> dict[UUID, list[str]]:
    joined = {}
    for index, record_id in _records(plan, stored).items():
        there = stored[record_id].groups if record_id in stored else []
        if more := [code for code in dict.fromkeys(rows[index].groups) if code not in there]:
            joined[record_id] = more
    return joined


def _agreed(
    ctx: Context, plan: _Plan, rows: Sequence[CustomerRow], stored: Mapping[UUID, Stored]
) -> list[tuple[UUID, str]]:
    wanted = [
        (record_id, purpose)
        for index, record_id in _records(plan, stored).items()
        for purpose in dict.fromkeys(rows[index].consents)
    ]
    told = queries.purposes_told(ctx, [each for each, _ in wanted]) if wanted else set()
    return [each for each in wanted if each not in told]
