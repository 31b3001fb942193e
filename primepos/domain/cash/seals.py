"""What the trail keeps of rows that are only ever added: a hash of each, in SQL, for who writes and who audits."""

from __future__ import annotations

from typing import Final

_MOMENT = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
_HASH = "left(encode(sha256(convert_to(jsonb_build_array({})::text, 'UTF8')), 'hex'), 32)"


def _seal(*columns: str) -> str:
    return _HASH.format(", ".join(_MOMENT.format(each) if each.endswith("_at") else each for each in columns))


# What the trail keeps of each row that is only ever added, so that the auditor knows one that was changed.
SEALS: Final = {
    "cash_movements": _seal(
        "id",
        "shift_id",
        "kind",
        "currency",
        "amount",
        "reason",
        "reference",
        "moved_at",
        "recorded_at",
        "actor_id",
        "actor",
        "approved_by_id",
        "approved_by",
        "late",
    ),
    "cash_counts": _seal(
        "id",
        "shift_id",
        "kind",
        "currency",
        "counted",
        "expected",
        "denominations",
        "counted_at",
        "actor_id",
        "actor",
    ),
    "cash_variances": _seal(
        "id",
        "shift_id",
        "kind",
        "tender",
        "currency",
        "amount",
        "reason",
        "business_date",
        "booked_at",
        "actor_id",
        "actor",
        "approved_by_id",
        "approved_by",
    ),
    "safe_entries": _seal(
        "id",
        "outlet_id",
        "currency",
        "entry_no",
        "kind",
        "amount",
        "balance",
        "shift_id",
        "reason",
        "reference",
        "moved_at",
        "actor_id",
        "actor",
        "approved_by_id",
        "approved_by",
    ),
    "shift_reports": _seal("shift_id", "register_id", "z_number", "made_at", "figures"),
}
