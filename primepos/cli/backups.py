"""What the commands about backups share: which key, which database, and the audit of a restored copy's books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos import bootstrap
from primepos.core.context import operator
from primepos.core.errors import InvalidInput
from primepos.core.log import configure_logging
from primepos.core.settings import Secret, load_settings
from primepos.domain.ops.service import verify_books

if TYPE_CHECKING:
    from pathlib import Path

    from primepos.adapters.backup.restoring import Audit
    from primepos.core.settings import Settings

_MOST_KEY_BYTES = 4096
_FEWEST_KEY_BYTES = 32
_NAME = "BACKUP_KEY="


class BackupKeyUnreadable(InvalidInput):
    """The file named holds no key."""

    code = "BACKUP_KEY_UNREADABLE"
    template = "{file} holds no BACKUP_KEY: {problem}"
    hint = "The key alone on its line, or a file such as shop.env with BACKUP_KEY=... in it."


def settings_of(env_file: Path | None) -> Settings:
    """Return the settings of this process, with the log set up."""
    settings = load_settings(env_file=env_file, component="cli")
    configure_logging(settings)
    return settings


def key_of(settings: Settings, key_file: Path | None) -> Secret:
    """Return the key of a file (alone in it, or as ``BACKUP_KEY=...``), else the settings' own.

    Raises:
        BackupKeyUnreadable: the file holds no key.
    """
    if key_file is None:
        return settings.backup_key
    with key_file.open("rb") as stream:
        raw = stream.read(_MOST_KEY_BYTES + 1)
    try:
        lines = [line.strip() for line in raw.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise BackupKeyUnreadable(file=str(key_file), problem="it is no text") from None
    named = [line.removeprefix(_NAME).strip("'\"") for line in lines if line.startswith(_NAME)]
    alone = [line for line in lines if line and not line.startswith("#")]
    found = named[-1] if named else alone[0] if len(alone) == 1 else ""
    if len(raw) > _MOST_KEY_BYTES or not found:
        raise BackupKeyUnreadable(file=str(key_file), problem="it holds none, or more than one text")
    if len(found.encode()) < _FEWEST_KEY_BYTES:
        raise BackupKeyUnreadable(file=str(key_file), problem="what it holds is shorter than any key is")
    return Secret(found)


def audit_with(settings: Settings) -> Audit:
    """Return what audits the books of a database: every invariant, every chain, every sale's content."""

    def audit(url: str) -> list[str]:
        database = bootstrap.build_database(settings, url)
        try:
            app = bootstrap.build_app(settings, database=database)
            found = app.run(verify_books, operator(bootstrap.operator_name()), {})
        finally:
            database.dispose()
        if found.ok:
            return []
        broken = [each for each in found.problems if not each.pending]
        return [f"the books do not hold: {each.invariant} {each.what}" for each in broken]

    return audit
