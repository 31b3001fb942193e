"""Which backups may go: the rule alone, over made-up dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from primepos.adapters.backup.reading import Kept
from primepos.adapters.backup.retention import NIGHTLY, Keep, spared, to_delete
from tests.adapters.test_backup_sealing import a_header

START = datetime(2026, 1, 1, 2, tzinfo=UTC)
NONE = Keep(daily=0, weekly=0, monthly=0, last=0)


def a_backup(at: datetime, *, good: bool = True, database: str = "primepos") -> Kept:
    header = msgspec.structs.replace(a_header(), created_at=at, database=database)
    return Kept(f"{database}-{at:%Y%m%dT%H%M%S}", 1, at, header if good else None, None if good else "torn")


def nights(count: int) -> list[Kept]:
    return [a_backup(START + timedelta(days=day)) for day in range(count)]


def test_a_year_of_nights_leaves_seven_days_four_weeks_and_twelve_months() -> None:
    kept = nights(365)
    staying = sorted(spared(kept, NIGHTLY))
    days = [name.rpartition("-")[2][:8] for name in staying]
    assert days == [
        "20260131", "20260228", "20260331", "20260430", "20260531", "20260630", "20260731", "20260831", "20260930",
        "20261031", "20261130", "20261213", "20261220", "20261225", "20261226", "20261227", "20261228", "20261229",
        "20261230", "20261231",
    ]  # fmt: skip
    assert len(to_delete(kept, NIGHTLY)) == 365 - len(staying)


def test_several_of_one_day_leave_the_newest_and_the_last_three_stay_anyhow() -> None:
    kept = [a_backup(START + timedelta(hours=hour)) for hour in range(10)]
    assert to_delete(kept, Keep(daily=1, weekly=0, monthly=0, last=1)) == [each.name for each in kept[:9]]
    assert to_delete(kept, Keep(daily=1, weekly=0, monthly=0, last=3)) == [each.name for each in kept[:7]]


def test_gaps_cost_nothing_a_machine_that_was_off_for_a_year_keeps_its_backups() -> None:
    kept = [*nights(3), a_backup(START + timedelta(days=400))]
    assert to_delete(kept, NIGHTLY) == []


def test_the_newest_good_one_stays_even_when_nothing_is_to_be_kept() -> None:
    kept = [*nights(3), a_backup(START + timedelta(days=9), good=False)]
    assert to_delete(kept, NONE) == [kept[0].name, kept[1].name]


def test_a_torn_file_is_never_deleted_and_saves_no_other_from_staying() -> None:
    kept = [a_backup(START, good=True), *(a_backup(START + timedelta(days=day), good=False) for day in (1, 2, 3))]
    assert to_delete(kept, NONE) == []


def test_each_database_is_judged_by_itself() -> None:
    kept = [*nights(2), a_backup(START - timedelta(days=900), database="other")]
    assert to_delete(kept, NONE) == [kept[0].name]


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.booleans()), max_size=40, unique_by=lambda each: each[0]),
    st.integers(0, 9),
    st.integers(0, 5),
    st.integers(0, 13),
)
def test_whatever_is_asked_the_last_good_one_stays_and_more_is_kept_for_more(drawn, daily, weekly, monthly) -> None:
    kept = [a_backup(START + timedelta(hours=hours * 7), good=good) for hours, good in drawn]
    keep = Keep(daily=daily, weekly=weekly, monthly=monthly, last=0)
    going = set(to_delete(kept, keep))
    good = [each for each in kept if each.header is not None]
    if good:
        assert max(good, key=lambda each: each.created_at).name not in going
    assert going.isdisjoint(each.name for each in kept if each.header is None)
    assert set(to_delete(kept, Keep(daily=daily + 1, weekly=weekly, monthly=monthly, last=0))) <= going
    assert len(good) - len(going) <= max(1, daily) + weekly + monthly
