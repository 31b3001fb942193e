"""SQL as it may be shown: without what somebody put into it.

``without_literals`` keeps names, keywords and placeholders and replaces every text and number by ``?``. It reads what
PostgreSQL would read as a literal, also where the text was cut off in the middle of one, as the server's own views do.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<dollar>\$(?P<tag>[A-Za-z_\x80-\U0010ffff]\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<bare>\$\$.*?(?:\$\$|\Z))
    | (?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
    | (?P<text>(?:\b(?:[uU]&|[bBxXnN]))?'(?:[^']|'')*(?:'|\Z))
    | (?P<name>"(?:[^"]|"")*(?:"|\Z))
    | (?P<place>\$\d+|%\(\w+\)[sbt]|%[sbt])
    | (?P<word>[^\W\d]\w*)
    | (?P<number>(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\w*)
    """,
    re.VERBOSE | re.DOTALL,
)
_LIST: Final = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_SPACE: Final = re.compile(r"\s+")


@lru_cache(maxsize=1024)
def without_literals(sql: str) -> str:
    """Return the statement on one line with ``?`` for every literal, lists of them as ``(?, ...)``, no comments."""
    shown = _TOKEN.sub(_shown, sql)
    return _LIST.sub("(?, ...)", _SPACE.sub(" ", shown).strip())


def _shown(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "comment":
            return " "
        case "name" | "place" | "word":
            return match[0]
        case _:
            return "?"
