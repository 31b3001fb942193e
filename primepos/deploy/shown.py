"""How evidence is written: enough to act on, never so much that the point drowns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHOWN: Final = 5


def listed(things: Sequence[object], most: int = MOST_SHOWN) -> str:
    """Return the first things as one line, and how many more there are."""
    shown = "; ".join(str(one) for one in things[:most])
    return shown if len(things) <= most else f"{shown}; and {len(things) - most} more"
