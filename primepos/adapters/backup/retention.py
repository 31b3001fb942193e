"""Which backups may go: a pure rule over their dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from datetime import datetime

    from primepos.adapters.backup.reading import Kept
    from primepos.adapters.storage.store import FileStore


@dataclass(frozen=True, slots=True)
class Keep:
    """How many are kept: the ``last`` ones whatever their age, then the newest of so many days, weeks and months.

    Only days, weeks and months in which there is a backup count, so a machine that was off for a year loses none.
    """

    daily: int = 7
    weekly: int = 4
    monthly: int = 12
    last: int = 3


NIGHTLY = Keep()


def spared(kept: Iterable[Kept], keep: Keep) -> set[str]:
    """Return the names of the good backups that stay; the newest good one always does.

    Days, weeks (from Monday) and months go by UTC. Whole backups of one database are meant; see :func:`to_delete`.
    """
    newest_first = sorted((each for each in kept if each.header is not None), key=_age, reverse=True)
    names = {each.name for each in newest_first[: max(1, keep.last)]}
    calendars: tuple[tuple[int, Callable[[datetime], Hashable]], ...] = (
        (keep.daily, lambda at: at.date()),
        (keep.weekly, lambda at: at.isocalendar()[:2]),
        (keep.monthly, lambda at: (at.year, at.month)),
    )
    for most, span_of in calendars:
        seen: set[Hashable] = set()
        for each in newest_first:
            span = span_of(each.created_at)
            if span not in seen and len(seen) < most:
                seen.add(span)
                names.add(each.name)
    return names


def to_delete(kept: Iterable[Kept], keep: Keep) -> list[str]:
    """Return the names of the backups that may go, oldest first.

    Each database is judged by itself. A file that is no whole backup is never named, neither is one of a database of
    which no good backup would be left: somebody has to look at those.
    """
    by_database: dict[str, list[Kept]] = {}
    for each in kept:
        if each.header is not None:
            by_database.setdefault(each.header.database, []).append(each)
    going: list[Kept] = []
    for group in by_database.values():
        staying = spared(group, keep)
        going += [each for each in group if each.name not in staying]
    return [each.name for each in sorted(going, key=_age)]


def prune(store: FileStore, kept: Iterable[Kept], keep: Keep) -> list[str]:
    """Delete the backups that may go and return their names. Raises StorageUnavailable."""
    names = to_delete(kept, keep)
    for name in names:
        store.delete(name)
    return names


def _age(each: Kept) -> tuple[datetime, str]:
    return each.created_at, each.name
