"""What people did and wrote down: drills that were held, a load test, an audit of accessibility, whom to call.

``deploy/evidence.toml`` and ``deploy/contacts.toml`` hold dates, figures and places, never credentials.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EVIDENCE: Final = "deploy/evidence.toml"
CONTACTS: Final = "deploy/contacts.toml"


class EvidenceUnreadable(ValueError):
    """A file of evidence is no TOML; the message says where."""


def read_evidence(root: Path, name: str) -> Mapping[str, Any] | None:
    """Return a file of evidence, None where there is none. Raises EvidenceUnreadable."""
    path = root / name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvidenceUnreadable(f"{name} is not TOML: {error}") from error


def day_of(said: object) -> date | None:
    """Return the date of an entry, None for what is none."""
    if isinstance(said, datetime):
        return said.date()
    return said if isinstance(said, date) else None


def newest(entries: object, kind: str) -> Mapping[str, Any] | None:
    """Return the latest entry of a kind that has a date and passed."""
    of_kind = [one for one in _mappings(entries) if one.get("kind") == kind]
    held = [one for one in of_kind if one.get("passed") is True and day_of(one.get("held_on"))]
    return max(held, key=lambda one: day_of(one["held_on"]) or date.min, default=None)


def _mappings(entries: object) -> list[dict[str, Any]]:
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
