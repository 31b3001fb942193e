"""The register's own journal: what was sold and paid here, on this disk, before any receipt is shown.

One SQLite file a register, one process a file. Entries are append-only (triggers refuse anything else): openings and
closings of shifts, and paid sales and voids with the register's gapless number and the hash of the one before. An
append is on the platter when it returns (``synchronous=FULL``). The journal runs in WAL mode: one sync a commit
instead of three, and the delivery's bookkeeping never waits for a reader.

Beside the entries stand their delivery states, and every event of the open sale, so that a killed till goes on with
the very lines it had, and so that lines taken off before payment stay on record.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

import msgspec

from primepos.core.embedded import locks
from primepos.domain.sales.chain import FORMAT, GENESIS, body_of, link_hash, series_name
from primepos.domain.sales.schemas import DeliverSale
from primepos.till.drawer_log import ACTS, SCHEMA, DrawerLog
from primepos.till.errors import JournalBroken, JournalForeign, JournalInUse, SaleUnreadable, TillCannotWrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION: Final = "1"
PENDING, DELIVERED, SET_ASIDE = "pending", "delivered", "set_aside"
OPENED, CLOSED, SALE, VOID = "shift_open", "shift_close", "sale", "void"
# Enough for some thousand sales: whoever is told now can still finish the sale that is open.
RESERVE_BYTES: Final = 16 * 1024 * 1024
_CHECKED_AT_START: Final = 200

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('shift_open', 'shift_close', 'sale', 'void')),
    shift_id TEXT NOT NULL,
    epoch INTEGER,
    number INTEGER,
    prev_hash TEXT,
    hash TEXT,
    body BLOB NOT NULL,
    actor BLOB NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (kind, id),
    UNIQUE (epoch, number),
    CHECK ((kind IN ('sale', 'void')) = (number IS NOT NULL AND hash IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS entries_by_shift ON entries (shift_id, seq);
CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'a journal entry is never changed'); END;
CREATE TRIGGER IF NOT EXISTS entries_remain BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'a journal entry is never deleted'); END;
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY REFERENCES entries (seq),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'set_aside')),
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    answer BLOB,
    at TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_open ON deliveries (state, seq) WHERE state <> 'delivered';
CREATE TABLE IF NOT EXISTS cart_events (
    n INTEGER PRIMARY KEY,
    cart_id TEXT NOT NULL,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    approver TEXT,
    reduces INTEGER NOT NULL,
    event BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS cart_events_by_cart ON cart_events (cart_id, n);
CREATE TABLE IF NOT EXISTS held (
    cart_id TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    lines INTEGER NOT NULL,
    total INTEGER NOT NULL
);
"""

_encode = msgspec.json.Encoder(decimal_format="string").encode
_SALE_DECODER = msgspec.json.Decoder(DeliverSale)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal. ``actor`` is who did it, as delivery needs to know it; ``number`` None for shifts."""

    seq: int
    id: UUID
    kind: str
    shift_id: UUID
    epoch: int | None
    number: int | None
    body: bytes
    actor: bytes
    at: datetime
    state: str
    attempts: int
    error: str | None
    answer: bytes | None

    @property
    def sale(self) -> DeliverSale:
        """The sale or void of this entry."""
        return _SALE_DECODER.decode(self.body)

    def values(self) -> dict[str, Any]:
        """The body as plain data."""
        found: dict[str, Any] = msgspec.json.decode(self.body)
        return found


@dataclass(frozen=True, slots=True)
class HeldCart:
    """A sale on hold: since when, by whose code, how many lines and what total in minor units."""

    cart_id: UUID
    at: datetime
    who: str
    lines: int
    total: int


@dataclass(frozen=True, slots=True)
class CartEvent:
    """One stored event of a sale before its payment. ``reduces``: something was taken off or made smaller."""

    n: int
    cart_id: UUID
    at: datetime
    who: str
    approver: str | None
    reduces: bool
    event: bytes


_ENTRY = (
    "SELECT e.seq, e.id, e.kind, e.shift_id, e.epoch, e.number, e.body, e.actor, e.at,"
    " d.state, d.attempts, d.error, d.answer FROM entries e JOIN deliveries d ON d.seq = e.seq"
)


def free_bytes(path: Path) -> int:
    """Return how much room is left where the journal lives."""
    return shutil.disk_usage(path).free


class Journal(DrawerLog):
    """One register's journal, owned by this process from opening to closing. Safe to use from several threads."""

    def __init__(self, path: Path, *, register_id: UUID, prefix: str, free: Callable[[Path], int] = free_bytes) -> None:
        """Open or make the journal at ``path`` (0600) and check the end of its chain.

        ``free`` tells how many bytes are left on the disk of a directory.

        Raises:
            JournalInUse: another process has it open.
            JournalForeign: it belongs to another register or to a later version.
            JournalBroken: its last links do not verify.
            TillCannotWrite: it cannot be made or written.
        """
        self.path = path
        self.register_id = register_id
        self.prefix = prefix
        self._free = free
        self._mutex = threading.RLock()
        self._lock: int | None = None
        self._db: sqlite3.Connection | None = None
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise TillCannotWrite(problem=str(error)) from error
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = locks.take(self.path.with_suffix(".lock"), wait=False)
        if self._lock is None:
            raise JournalInUse(path=str(self.path))
        # Made by us first: SQLite would give it, and the files beside it, the mode of the umask.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
        _sync_directory(self.path.parent)
        self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
        for setting in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.executescript(_SCHEMA + SCHEMA)
        stored = dict(self._db.execute("SELECT key, value FROM meta").fetchall())
        if not stored:
            with self._transaction() as db:
                values = {"version": VERSION, "chain": FORMAT, "prefix": self.prefix, "epoch": "1"}
                db.executemany("INSERT INTO meta VALUES (?, ?)", values.items())
                db.execute("INSERT INTO meta VALUES ('register', ?)", (str(self.register_id),))
        elif (stored.get("version"), stored.get("chain")) != (VERSION, FORMAT):
            kept = f"{stored.get('version')} with {stored.get('chain')}"
            raise JournalForeign(problem=f"it is of version {kept}, this program writes {VERSION} with {FORMAT}")
        elif stored.get("register") != str(self.register_id) or stored.get("prefix") != self.prefix:
            raise JournalForeign(problem=f"it is of register {stored.get('prefix')}, not {self.prefix}")
        self._check_end()

    def close(self) -> None:
        """Close the file and give the register back."""
        with self._mutex:
            if self._db is not None:
                self._db.close()
                self._db = None
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write, all or nothing, on the disk when the block has ended.

        Raises:
            TillCannotWrite: the disk is full, gone or read-only; nothing was written.
        """
        with self._mutex:
            db = self._connection()
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                if isinstance(error, (sqlite3.OperationalError, sqlite3.DatabaseError)) and not isinstance(
                    error, sqlite3.IntegrityError
                ):
                    raise TillCannotWrite(problem=str(error)) from error
                raise

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise TillCannotWrite(problem="the journal is closed")
        return self._db

    def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        with self._mutex:
            return self._connection().execute(sql, parameters).fetchall()

    # --- the series -------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The series the next sale goes into."""
        return int(self._rows("SELECT value FROM meta WHERE key = 'epoch'")[0][0])

    @property
    def next_number(self) -> int:
        """The number the next sale gets."""
        return self._end()[1]

    @property
    def last_hash(self) -> str:
        """The hash of the last sale of the present series, which the next one carries."""
        return self._end()[2]

    def _end(self) -> tuple[int, int, str]:
        epoch = self.epoch
        last = self._rows("SELECT number, hash FROM entries WHERE epoch = ? ORDER BY number DESC LIMIT 1", epoch)
        return (epoch, last[0][0] + 1, last[0][1]) if last else (epoch, 1, GENESIS)

    def begin_epoch(self, epoch: int) -> None:
        """Go on in a new series from number 1, as the server was told to for this register.

        Raises:
            JournalForeign: the series is older than the one in use.
        """
        if epoch < self.epoch:
            raise JournalForeign(problem=f"the server is at series {epoch}, this journal at {self.epoch}")
        if epoch > self.epoch:
            with self._transaction() as db:
                db.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (str(epoch),))

    def check_room(self) -> None:
        """Refuse while there is still room to write, rather than when there is none.

        Raises:
            TillCannotWrite: less than 16 MiB are left, or the journal is closed.
        """
        self._connection()
        try:
            free = self._free(self.path.parent)
        except OSError as error:
            raise TillCannotWrite(problem=str(error)) from error
        if free < RESERVE_BYTES:
            raise TillCannotWrite(problem=f"only {free // 2**20} MiB are free")

    # --- entries ----------------------------------------------------------------------------------------------------

    def append_sale(self, unsealed: DeliverSale, *, actor: bytes) -> DeliverSale:
        """Give a paid sale or void its number and seal, write it, and return it; it is on the disk then.

        ``epoch``, ``number``, ``prev_hash`` and ``hash`` of what is given are replaced. A sale that is in the journal
        already is returned as it stands there: finishing twice sells once.

        Raises:
            TillCannotWrite: nothing was written and no number used.
            SaleUnreadable: likewise; a text in it has signs that no record may hold.
        """
        with self._transaction() as db:
            known = db.execute(
                "SELECT body FROM entries WHERE id = ? AND number IS NOT NULL", (str(unsealed.id),)
            ).fetchone()
            if known is not None:
                return _SALE_DECODER.decode(known[0])
            epoch, number, prev_hash = self._end()
            placed = msgspec.structs.replace(unsealed, epoch=epoch, number=number, prev_hash=prev_hash)
            sealed = msgspec.structs.replace(
                placed, hash=link_hash(prev_hash, series_name(self.prefix, epoch), number, body_of(placed))
            )
            body = _encode(sealed)
            try:
                # Read back before it counts: an entry that cannot be read could never be delivered.
                _SALE_DECODER.decode(body)
            except msgspec.MsgspecError as error:
                raise SaleUnreadable(problem=str(error)) from error
            self._insert(db, sealed.id, sealed.kind, sealed.shift_id, body, actor, sealed.sold_at, sealed)
            return sealed

    def append_shift(
        self,
        kind: str,
        shift_id: UUID,
        values: dict[str, Any],
        *,
        actor: bytes,
        at: datetime,
        answer: bytes | None = None,
    ) -> None:
        """Write that a shift was opened or closed; with the server's ``answer`` it counts as delivered.

        Writing the same opening or closing again changes nothing.

        Raises:
            TillCannotWrite: nothing was written.
        """
        with self._transaction() as db:
            if db.execute("SELECT 1 FROM entries WHERE kind = ? AND id = ?", (kind, str(shift_id))).fetchone():
                return
            seq = self._insert(db, shift_id, kind, shift_id, _encode(values), actor, at, None)
            if answer is not None:
                db.execute(
                    "UPDATE deliveries SET state = ?, answer = ?, at = ? WHERE seq = ?",
                    (DELIVERED, answer, _text(at), seq),
                )

    @staticmethod
    def _insert(
        db: sqlite3.Connection,
        entry_id: UUID,
        kind: str,
        shift_id: UUID,
        body: bytes,
        actor: bytes,
        at: datetime,
        sale: DeliverSale | None,
    ) -> int:
        place = (None,) * 4 if sale is None else (sale.epoch, sale.number, sale.prev_hash, sale.hash)
        cursor = db.execute(
            "INSERT INTO entries (id, kind, shift_id, epoch, number, prev_hash, hash, body, actor, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (str(entry_id), kind, str(shift_id), *place, body, actor, _text(at)),
        )
        seq = cursor.lastrowid or 0
        db.execute("INSERT INTO deliveries (seq) VALUES (?)", (seq,))
        return seq

    def entry(self, seq: int) -> Entry:
        """Return one entry by its place in the journal."""
        return _entry(self._rows(f"{_ENTRY} WHERE e.seq = ?", seq)[0])

    def entries(self, *, shift_id: UUID | None = None) -> list[Entry]:
        """Return every entry, or those of one shift, oldest first."""
        if shift_id is None:
            return [_entry(row) for row in self._rows(f"{_ENTRY} ORDER BY e.seq")]
        return [_entry(row) for row in self._rows(f"{_ENTRY} WHERE e.shift_id = ? ORDER BY e.seq", str(shift_id))]

    def drawer_events(self, shift_id: UUID) -> list[Entry]:
        """Return what happened around the drawer in a shift beside its sales, oldest first."""
        return [_entry(row) for row in self._rows(f"{ACTS} WHERE seq < 0 AND shift_id = ? ORDER BY sub", str(shift_id))]

    def sale(self, sale_id: UUID) -> DeliverSale | None:
        """Return a sale or void by its id."""
        found = self._rows("SELECT body FROM entries WHERE id = ? AND number IS NOT NULL", str(sale_id))
        return _SALE_DECODER.decode(found[0][0]) if found else None

    def last_sale(self) -> DeliverSale | None:
        """Return what was sold or voided last on this register."""
        found = self._rows("SELECT body FROM entries WHERE number IS NOT NULL ORDER BY seq DESC LIMIT 1")
        return _SALE_DECODER.decode(found[0][0]) if found else None

    def last_standing_sale(self, shift_id: UUID) -> DeliverSale | None:
        """Return the shift's last sale unless a void came after it; only that one can be voided by a key."""
        found = self._rows(
            "SELECT kind, body FROM entries WHERE shift_id = ? AND number IS NOT NULL ORDER BY seq DESC LIMIT 1",
            str(shift_id),
        )
        return _SALE_DECODER.decode(found[0][1]) if found and found[0][0] == SALE else None

    def open_shift(self) -> Entry | None:
        """Return the opening of the shift that is open, None between shifts."""
        last = self._rows(f"{_ENTRY} WHERE e.kind IN ('shift_open', 'shift_close') ORDER BY e.seq DESC LIMIT 1")
        return _entry(last[0]) if last and last[0][2] == OPENED else None

    # --- delivery ---------------------------------------------------------------------------------------------------

    def pending(self, limit: int) -> list[Entry]:
        """Return what is still to be delivered, oldest first."""
        waiting = f"{ACTS} WHERE state = 'pending' ORDER BY place, sub LIMIT ?"
        return [_entry(row) for row in self._rows(waiting, limit)]

    def set_aside(self) -> list[Entry]:
        """Return what the server refused, oldest first: a person has to look at it."""
        return [_entry(row) for row in self._rows(f"{ACTS} WHERE state = 'set_aside' ORDER BY place, sub")]

    def unsent(self) -> tuple[int, int]:
        """Return how many entries wait for delivery and how many were set aside."""
        found = dict(self._rows("SELECT state, count(*) FROM acts WHERE state <> 'delivered' GROUP BY state"))
        return found.get(PENDING, 0), found.get(SET_ASIDE, 0)

    def mark(
        self, seq: int, state: str, *, at: datetime, error: str | None = None, answer: bytes | None = None
    ) -> None:
        """Write down how a delivery went; what was delivered stays delivered, whatever is said later.

        Raises:
            TillCannotWrite: the state could not be written; delivering again is harmless.
        """
        with self._transaction() as db:
            db.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, error = ?, answer = ?, at = ?"
                " WHERE seq = ? AND state <> 'delivered'",
                (state, error, answer, _text(at), seq),
            )
            db.execute(
                "UPDATE drawer_events SET state = ?, attempts = attempts + 1, error = ?, answer = ?"
                " WHERE n = ? AND state <> 'delivered'",
                (state, error, answer, -seq),
            )

    def retry_set_aside(self) -> int:
        """Put everything that was set aside back in the queue and return how much that is."""
        with self._transaction() as db:
            entries = db.execute("UPDATE deliveries SET state = 'pending' WHERE state = 'set_aside'").rowcount
            beside = db.execute("UPDATE drawer_events SET state = 'pending' WHERE state = 'set_aside'").rowcount
        return entries + beside

    def deliver_again_from(self, number: int) -> int:
        """Put back in the queue what a server that was restored from a backup has lost; returns how much that is.

        ``number`` is the first of this epoch that the server does not know. If a sale from there on was delivered
        before, the server has gone back in time: that sale, and every delivered entry after the last sale it does know,
        is sent once more. What it knows after all, it answers as before.
        """
        epoch = self.epoch
        lost = "SELECT 1 FROM deliveries d JOIN entries e ON e.seq = d.seq WHERE d.state = 'delivered'"
        if not self._rows(f"{lost} AND e.epoch = ? AND e.number >= ? LIMIT 1", epoch, number):
            return 0
        known = self._rows(
            "SELECT max(seq) FROM entries WHERE epoch < ? OR (epoch = ? AND number < ?)", epoch, epoch, number
        )
        with self._transaction() as db:
            last = known[0][0] or 0
            entries = db.execute(
                "UPDATE deliveries SET state = 'pending', attempts = 0, error = NULL"
                " WHERE state = 'delivered' AND seq > ?",
                (last,),
            ).rowcount
            beside = db.execute(
                "UPDATE drawer_events SET state = 'pending', attempts = 0, error = NULL"
                " WHERE state = 'delivered' AND after_seq >= ?",
                (last,),
            ).rowcount
        return entries + beside

    # --- the open sale ----------------------------------------------------------------------------------------------

    def record(
        self,
        cart_id: UUID,
        event: bytes,
        *,
        at: datetime,
        who: str,
        approver: str | None = None,
        reduces: bool = False,
        held: tuple[int, int] | bool | None = None,
    ) -> None:
        """Write one event of the open sale, on the disk when this returns.

        ``held`` puts the sale on hold with its lines and total, or with False takes it off hold.

        Raises:
            TillCannotWrite: nothing was written.
        """
        with self._transaction() as db:
            db.execute(
                "INSERT INTO cart_events (cart_id, at, who, approver, reduces, event) VALUES (?, ?, ?, ?, ?, ?)",
                (str(cart_id), _text(at), who, approver, reduces, event),
            )
            if isinstance(held, tuple):
                db.execute("INSERT INTO held VALUES (?, ?, ?, ?, ?)", (str(cart_id), _text(at), who, *held))
            elif held is False:
                db.execute("DELETE FROM held WHERE cart_id = ?", (str(cart_id),))

    def held(self) -> list[HeldCart]:
        """Return the sales on hold, the newest first."""
        return [
            HeldCart(UUID(cart_id), datetime.fromisoformat(at), who, lines, total)
            for cart_id, at, who, lines, total in self._rows(
                "SELECT cart_id, at, who, lines, total FROM held ORDER BY at DESC, rowid DESC"
            )
        ]

    def events(self, cart_id: UUID) -> list[CartEvent]:
        """Return the events of one sale in their order."""
        return [_event(row) for row in self._rows(f"{_EVENTS} WHERE cart_id = ? ORDER BY n", str(cart_id))]

    def last_cart(self) -> UUID | None:
        """Return the sale that was worked on last, unless it is paid."""
        found = self._rows("SELECT cart_id FROM cart_events ORDER BY n DESC LIMIT 1")
        if not found or self.sale(UUID(found[0][0])) is not None:
            return None
        return UUID(found[0][0])

    def reductions(self, since: datetime | None = None) -> list[CartEvent]:
        """Return every line taken off or made smaller before payment, and every sale given up, oldest first."""
        return [
            _event(row)
            for row in self._rows(f"{_EVENTS} WHERE reduces AND at >= ? ORDER BY n", _text(since) if since else "")
        ]

    # --- proof ------------------------------------------------------------------------------------------------------

    def verify(self) -> int:
        """Check every link from the first sale on and return how many there are.

        Raises:
            JournalBroken: a number is missing, a hash is not of its content, or a sale does not follow the one before.
        """
        return self._check(self._rows(f"{_LINKS} ORDER BY seq"), None)

    def _check_end(self) -> None:
        rows = self._rows(f"{_LINKS} ORDER BY seq DESC LIMIT ?", _CHECKED_AT_START)[::-1]
        self._check(rows[1:], rows[0] if rows else None)

    def _check(self, rows: list[Any], before: Any) -> int:
        for row in rows:
            seq, epoch, number, prev_hash, hash_, body = row
            follows = before is not None and before[1] == epoch
            expected = (before[2] + 1, before[4]) if follows else (1, GENESIS)
            if (number, prev_hash) != expected:
                raise JournalBroken(entry=seq, problem=f"number {number} does not follow the one before")
            try:
                sale = _SALE_DECODER.decode(body)
            except msgspec.MsgspecError:
                raise JournalBroken(entry=seq, problem="its content cannot be read") from None
            stated = (sale.epoch, sale.number, sale.prev_hash, sale.hash)
            sealed = link_hash(prev_hash, series_name(self.prefix, epoch), number, body_of(sale))
            if stated != (epoch, number, prev_hash, hash_) or sealed != hash_:
                raise JournalBroken(entry=seq, problem="the hash is not of this content")
            before = row
        return len(rows)


_LINKS = "SELECT seq, epoch, number, prev_hash, hash, body FROM entries WHERE number IS NOT NULL"
_EVENTS = "SELECT n, cart_id, at, who, approver, reduces, event FROM cart_events"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _entry(row: Any) -> Entry:
    seq, entry_id, kind, shift_id, epoch, number, body, actor, at, state, attempts, error, answer = row
    return Entry(
        seq=seq,
        id=UUID(entry_id),
        kind=kind,
        shift_id=UUID(shift_id),
        epoch=epoch,
        number=number,
        body=body,
        actor=actor,
        at=datetime.fromisoformat(at),
        state=state,
        attempts=attempts,
        error=error,
        answer=answer,
    )


def _event(row: Any) -> CartEvent:
    n, cart_id, at, who, approver, reduces, event = row
    return CartEvent(n, UUID(cart_id), datetime.fromisoformat(at), who, approver, bool(reduces), event)


def _sync_directory(directory: Path) -> None:
    """See that a new file's name survives a power cut; Windows does so by itself and cannot be asked."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
