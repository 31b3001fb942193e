"""What happens around the drawer beside sales, in the register's own journal: written before anything else is done.

Cash paid in or out, dropped or taken away, a drawer opened for no sale, a count, who signed in, the end of sales. They
have a table of their own in the journal's file, so that a journal of an earlier version is read as it is; each knows
after which entry it came, and is delivered in that order. Append-only, as the entries are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from contextlib import AbstractContextManager
    from datetime import datetime
    from uuid import UUID

MOVES: Final = ("paid_in", "paid_out", "drop", "pickup")
NO_SALE, COUNTED, JOINED, ENDED = "no_sale", "counted", "joined", "ended"
DRAWER: Final = frozenset({*MOVES, NO_SALE, COUNTED, JOINED, ENDED})

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS drawer_events (
    n INTEGER PRIMARY KEY,
    after_seq INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    shift_id TEXT NOT NULL,
    body BLOB NOT NULL,
    actor BLOB NOT NULL,
    at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'set_aside')),
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    answer BLOB
);
CREATE INDEX IF NOT EXISTS drawer_events_open ON drawer_events (state, after_seq, n) WHERE state <> 'delivered';
CREATE INDEX IF NOT EXISTS drawer_events_by_shift ON drawer_events (shift_id, n);
CREATE TRIGGER IF NOT EXISTS drawer_events_stay BEFORE UPDATE OF n, after_seq, id, kind, shift_id, body, actor, at
    ON drawer_events BEGIN SELECT RAISE(ABORT, 'a journal entry is never changed'); END;
CREATE TRIGGER IF NOT EXISTS drawer_events_remain BEFORE DELETE ON drawer_events
    BEGIN SELECT RAISE(ABORT, 'a journal entry is never deleted'); END;
CREATE TEMP VIEW IF NOT EXISTS acts AS
    SELECT e.seq AS place, 0 AS sub, e.seq AS seq, e.id, e.kind, e.shift_id, e.epoch, e.number, e.body, e.actor, e.at,
           d.state, d.attempts, d.error, d.answer
      FROM entries e JOIN deliveries d ON d.seq = e.seq
    UNION ALL
    SELECT after_seq, n, -n, id, kind, shift_id, NULL, NULL, body, actor, at, state, attempts, error, answer
      FROM drawer_events;
"""
# The columns of an entry, its place first. A drawer's event has the negative of its own number there.
ACTS: Final = "SELECT seq, id, kind, shift_id, epoch, number, body, actor, at, state, attempts, error, answer FROM acts"
_encode = msgspec.json.Encoder(decimal_format="string").encode


class DrawerLog(ABC):
    """The part of the journal that keeps what happens around the drawer; the journal itself gives it the file."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """One write, all or nothing."""

    @abstractmethod
    def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        """What a query finds."""

    def append_drawer(
        self, kind: str, event_id: UUID, shift_id: UUID, values: dict[str, Any], *, actor: bytes, at: datetime
    ) -> None:
        """Write one event, on the disk when this returns. Writing the same ``event_id`` again changes nothing.

        Raises:
            TillCannotWrite: nothing was written.
        """
        with self._transaction() as db:
            db.execute(
                "INSERT INTO drawer_events (after_seq, id, kind, shift_id, body, actor, at)"
                " SELECT coalesce(max(seq), 0), ?, ?, ?, ?, ?, ? FROM entries WHERE true ON CONFLICT (id) DO NOTHING",
                (
                    str(event_id),
                    kind,
                    str(shift_id),
                    _encode(values),
                    actor,
                    at.astimezone(UTC).isoformat(timespec="microseconds"),
                ),
            )

    def has_joined(self, shift_id: UUID, who: str) -> bool:
        """Tell whether somebody is known to work in a shift; ``who`` is their staff id."""
        return bool(
            self._rows(
                "SELECT 1 FROM drawer_events WHERE shift_id = ? AND kind = 'joined'"
                " AND json_extract(CAST(actor AS TEXT), '$.person.staff_id') = ? LIMIT 1",
                str(shift_id),
                who,
            )
        )

    def has_ended(self, shift_id: UUID) -> bool:
        """Tell whether a shift sells no more."""
        return bool(
            self._rows("SELECT 1 FROM drawer_events WHERE shift_id = ? AND kind = 'ended' LIMIT 1", str(shift_id))
        )
