"""How evidence is written: enough to act on, never so much that the point drowns."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHOWN: Final = 5
_MARK_LETTERS: Final = 6


def listed(things: Sequence[object], most: int = MOST_SHOWN) -> str:
    """Return the first things as one line, and how many more there are.

    What is not shown is named by six letters: a waiver is for this very finding, and must not cover another thing that
    joins those out of sight.
    """
    said = [str(one) for one in things]
    shown = "; ".join(said[:most])
    if len(said) <= most:
        return shown
    return f"{shown}; and {len(said) - most} more ({_mark(said[most:])})"


def _mark(hidden: Sequence[str]) -> str:
    """Return letters that stand for texts; letters, since figures in evidence are taken for what changes by itself."""
    digest = hashlib.sha256("\n".join(hidden).encode()).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:_MARK_LETTERS])
