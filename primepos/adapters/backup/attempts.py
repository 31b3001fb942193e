"""Automatic backups: whether one is due, and how the last went. Nothing heavy is imported: a till opens with it."""

import contextlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec

from primepos.core.settings import Environment, Settings

#: After this hour, by the machine's own zone, a night's backup is due.
NIGHT_ENDS_HOUR: Final = 2
_TRY_AGAIN_AFTER: Final = timedelta(hours=1)
_ATTEMPT: Final = "last-attempt.json"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """How the last automatic backup of a shop on one PC went; ``code`` and ``problem`` are None when it went well."""

    at: datetime
    reason: Literal["nightly", "migration"]
    name: str | None = None
    code: str | None = None
    problem: str | None = None


def last_night(now: datetime) -> datetime:
    """Return when the latest night ended, as seen from ``now`` in the zone of ``now``."""
    tonight = now.replace(hour=NIGHT_ENDS_HOUR, minute=0, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def is_due(last: datetime | None, now: datetime) -> bool:
    """Tell whether a night has ended since the last backup; ``now`` is in the shop's zone."""
    return last is None or last < last_night(now)


def is_automatic(settings: Settings) -> bool:
    """Whether this installation makes its backups by itself: a shop on one PC, with a database of PrimePOS's own."""
    return settings.environment is Environment.SHOP and settings.uses_embedded_database


def failed_lately(settings: Settings, now: datetime) -> bool:
    """Tell whether a backup was tried and failed within the hour: it is not tried again at once."""
    attempt = last_attempt(settings)
    return attempt is not None and attempt.problem is not None and now - attempt.at < _TRY_AGAIN_AFTER


def last_attempt(settings: Settings) -> Attempt | None:
    """Return how the last automatic backup went, or None when none was tried; a torn note counts as none."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((home_of(settings) / _ATTEMPT).read_bytes(), type=Attempt)
    return None


def remember_attempt(settings: Settings, attempt: Attempt) -> None:
    """Write down how an automatic backup went. Where that cannot be written, the log has it."""
    file = home_of(settings) / _ATTEMPT
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(attempt))
        draft.replace(file)


def trouble(settings: Settings) -> str | None:
    """Return what people at the till should know about this shop's backups; None when all is well."""
    attempt = last_attempt(settings) if is_automatic(settings) else None
    if attempt is None or attempt.problem is None:
        return None
    return f"No backup since {attempt.at.astimezone():%d.%m. %H:%M}: {attempt.problem}"


def home_of(settings: Settings) -> Path:
    """Return where a shop on one PC keeps its backups, and what is known of them."""
    return settings.data_dir / "backups"
