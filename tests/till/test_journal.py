"""The journal: gapless, chained, append-only, one owner, and there after every kind of death."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.ids import new_id
from primepos.domain.sales.chain import GENESIS, body_of, link_hash
from primepos.till.errors import JournalBroken, JournalForeign, JournalInUse, SaleUnreadable, TillCannotWrite
from primepos.till.inert import inert
from primepos.till.journal import DELIVERED, PENDING, SALE, SET_ASIDE, Journal
from tests.till.sales import ACTOR, AT, REGISTER, a_sale

ROOT = Path(__file__).resolve().parents[2]


def an_open_journal(path: Path, **more) -> Journal:
    return Journal(path, register_id=REGISTER, prefix="T1", **more)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "till" / "journal.sqlite3"


@pytest.fixture
def journal(path):
    with an_open_journal(path) as opened:
        yield opened


def test_numbers_and_hashes_follow_one_another(journal):
    first = journal.append_sale(a_sale(100), actor=ACTOR)
    second = journal.append_sale(a_sale(200), actor=ACTOR)
    assert (first.epoch, first.number, first.prev_hash) == (1, 1, GENESIS)
    assert (second.number, second.prev_hash) == (2, first.hash)
    assert second.hash == link_hash(first.hash, "T1/1", 2, body_of(second))
    assert journal.verify() == 2
    assert journal.next_number == 3


def test_the_same_sale_again_is_answered_with_what_is_written(journal):
    sale = a_sale(100)
    first = journal.append_sale(sale, actor=ACTOR)
    assert journal.append_sale(sale, actor=ACTOR) == first
    assert journal.next_number == 2


def test_the_files_are_private(journal, path):
    journal.append_sale(a_sale(), actor=ACTOR)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_is_written_through_to_the_disk(journal):
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("statement", ["UPDATE entries SET number = 9", "DELETE FROM entries"])
def test_entries_are_neither_changed_nor_deleted(journal, statement):
    journal.append_sale(a_sale(), actor=ACTOR)
    with pytest.raises(sqlite3.IntegrityError, match="a journal entry is never"):
        journal._db.execute(statement)


def test_a_second_owner_is_refused_and_the_first_goes_on(journal, path):
    with pytest.raises(JournalInUse):
        an_open_journal(path)
    assert journal.append_sale(a_sale(), actor=ACTOR).number == 1


def test_a_second_process_is_refused(journal, path):
    done = child(path)
    assert done.communicate(timeout=60)[0].split() == [b"JOURNAL_IN_USE"]


def test_another_registers_journal_is_refused(journal, path):
    journal.close()
    with pytest.raises(JournalForeign, match="it is of register T1, not T2"):
        Journal(path, register_id=new_id(), prefix="T2")
    with an_open_journal(path):
        pass


@pytest.mark.parametrize("key", ["version", "chain"])
def test_the_journal_of_a_later_program_is_left_alone(journal, path, key):
    journal.append_sale(a_sale(), actor=ACTOR)
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = 'later' WHERE key = ?", (key,))
    with pytest.raises(JournalForeign, match="later"):
        an_open_journal(path)


def test_a_changed_amount_is_found_at_the_start(journal, path):
    for total in (100, 200, 300):
        journal.append_sale(a_sale(total), actor=ACTOR)
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER entries_stay")
        db.execute("UPDATE entries SET body = replace(body, '\"total\":200', '\"total\":100') WHERE number = 2")
    with pytest.raises(JournalBroken, match="entry 2"):
        an_open_journal(path)


def test_a_missing_sale_is_found_by_verifying(journal):
    for total in (100, 200, 300):
        journal.append_sale(a_sale(total), actor=ACTOR)
    journal._db.execute("DROP TRIGGER entries_remain")
    journal._db.execute("PRAGMA foreign_keys = OFF")
    journal._db.execute("DELETE FROM entries WHERE number = 2")
    with pytest.raises(JournalBroken, match="number 3 does not follow"):
        journal.verify()


def test_a_new_series_begins_at_one_and_never_goes_back(journal):
    journal.append_sale(a_sale(), actor=ACTOR)
    journal.begin_epoch(3)
    sealed = journal.append_sale(a_sale(), actor=ACTOR)
    assert (sealed.epoch, sealed.number, sealed.prev_hash) == (3, 1, GENESIS)
    assert journal.verify() == 2
    with pytest.raises(JournalForeign):
        journal.begin_epoch(2)


def test_delivered_stays_delivered(journal):
    journal.append_sale(a_sale(), actor=ACTOR)
    journal.append_sale(a_sale(), actor=ACTOR)
    assert journal.unsent() == (2, 0)
    first, second = journal.pending(10)
    journal.mark(first.seq, DELIVERED, at=AT, answer=b"{}")
    journal.mark(first.seq, PENDING, at=AT)
    journal.mark(second.seq, SET_ASIDE, at=AT, error="BROKEN_SALE")
    assert journal.unsent() == (0, 1)
    assert [(each.seq, each.error) for each in journal.set_aside()] == [(second.seq, "BROKEN_SALE")]
    assert journal.retry_set_aside() == 1
    assert [each.seq for each in journal.pending(10)] == [second.seq]


def test_nothing_is_written_and_no_number_used_when_the_disk_is_full(journal):
    journal.append_sale(a_sale(), actor=ACTOR)
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(TillCannotWrite, match="full"):
        sell(journal, 100)
    sold = journal.next_number - 1
    journal._db.execute(f"PRAGMA max_page_count = {pages + 100}")
    assert journal.append_sale(a_sale(), actor=ACTOR).number == sold + 1
    assert journal.verify() == sold + 1


def test_a_sale_that_could_not_be_read_back_is_refused_and_uses_no_number(journal):
    with pytest.raises(SaleUnreadable):
        journal.append_sale(a_sale(name="Ap\x00ple"), actor=ACTOR)
    assert journal.append_sale(a_sale(), actor=ACTOR).number == 1


def test_a_closed_journal_sells_nothing(journal):
    journal.close()
    with pytest.raises(TillCannotWrite):
        journal.append_sale(a_sale(), actor=ACTOR)


def sell(journal: Journal, count: int) -> None:
    for _ in range(count):
        journal.append_sale(a_sale(name="x" * 150), actor=ACTOR)


def child(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "till" / "journal_child.py"), str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )


def killed_once(path: Path, chance: random.Random) -> list[tuple[int, str]]:
    """Let a till sell, kill it at a random moment, and return the receipts that were printed."""
    seller = child(path)
    assert seller.stdout is not None
    assert seller.stdout.readline() == b"open\n"
    time.sleep(chance.uniform(0, 0.12))
    seller.send_signal(signal.SIGKILL)
    printed = seller.stdout.read().decode()
    seller.wait()
    seller.stdout.close()
    # The last line may be half a receipt: the customer has no more of it than that.
    whole = [line.split() for line in printed.split("\n")[:-1]]
    return [(int(number), hash_) for number, hash_ in whole]


def prove_kills(path: Path, rounds: int, seed: int) -> int:
    chance = random.Random(seed)
    printed: dict[int, str] = {}
    for _ in range(rounds):
        for number, hash_ in killed_once(path, chance):
            assert number not in printed, f"number {number} was printed twice (seed {seed})"
            printed[number] = hash_
        with an_open_journal(path) as journal:
            entries = [each for each in journal.entries() if each.kind == SALE]
            assert [each.number for each in entries] == list(range(1, len(entries) + 1)), f"seed {seed}"
            assert journal.verify() == len(entries)
            hashes = {each.number: each.sale.hash for each in entries}
            assert printed.items() <= hashes.items(), f"seed {seed}"
            assert journal._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return len(printed)


@pytest.mark.slow
def test_every_printed_receipt_survives_kill_9(path):
    assert prove_kills(path, rounds=6, seed=20260302) > 0


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_printed_receipt_survives_two_hundred_kills(path):
    assert prove_kills(path, rounds=200, seed=int(time.time())) > 0


names = st.text(max_size=60)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**9), names), min_size=1, max_size=12), st.sets(st.integers(0, 11)))
def test_whatever_is_sold_the_chain_verifies_after_any_reopening(tmp_path_factory, sales, reopen_at):
    path = tmp_path_factory.mktemp("j") / "journal.sqlite3"
    journal = an_open_journal(path)
    try:
        for n, (total, name) in enumerate(sales):
            if n in reopen_at:
                journal.close()
                journal = an_open_journal(path)
            sale = a_sale(total, name=inert(name))
            sealed = journal.append_sale(sale, actor=ACTOR)
            assert sealed.number == n + 1
            assert msgspec.structs.replace(sealed, number=1, prev_hash=GENESIS, hash=GENESIS) == sale
        assert journal.verify() == len(sales)
        assert [each.sale.total for each in journal.entries()] == [total for total, _ in sales]
    finally:
        journal.close()
