"""What a till has not delivered: shown, and sent again once somebody has mended the cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.till.journal import Entry, Journal
    from primepos.till.till import Till

_ALL = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """One entry of the journal that the server does not have. ``why`` is its last refusal in words, empty if none."""

    seq: int
    kind: str
    number: int | None
    at: datetime
    state: str
    attempts: int
    error: str | None
    why: str


def unsent(journal: Journal) -> list[Unsent]:
    """Return what waits and what was set aside, oldest first."""
    return sorted(map(_shown, [*journal.pending(_ALL), *journal.set_aside()]), key=lambda one: (one.at, abs(one.seq)))


def send_again(till: Till) -> list[Unsent]:
    """Send everything the server does not have, what it refused before included; return what is left.

    A sale that arrived after all is booked once: the server answers a second time what it answered at first.
    """
    till.journal.retry_set_aside()
    till.delivery.flush()
    return unsent(till.journal)


def _shown(entry: Entry) -> Unsent:
    return Unsent(
        seq=entry.seq,
        kind=entry.kind,
        number=entry.number,
        at=entry.at,
        state=entry.state,
        attempts=entry.attempts,
        error=entry.error,
        why=_why(entry),
    )


def _why(entry: Entry) -> str:
    if not entry.answer:
        return ""
    answer = msgspec.json.decode(entry.answer)
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""
