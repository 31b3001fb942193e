"""What can stand over the screen: a message that stays, a question, a text to read, a search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from primepos.till.catalogue import Product


@dataclass(slots=True)
class Box:
    """Something over the screen; Esc puts it away.

    ``kind`` is ``error``, ``info``, ``ask`` or ``search``. ``answer`` takes what was typed when Enter is pressed; a
    box without one is only read. ``secret``: what is typed is not shown. ``slow``: the answer asks the server.
    ``wide``: the text is laid out already (a receipt, a report).
    """

    kind: str
    title: str
    lines: list[str] = field(default_factory=list)
    prompt: str = ""
    answer: Callable[[str], None] | None = None
    secret: bool = False
    slow: bool = False
    code: str = ""
    wide: bool = False


@dataclass(slots=True)
class SearchBox(Box):
    """Products found as one types; ``index`` is the one that Enter takes."""

    query: str = ""
    hits: list[Product] = field(default_factory=list)
    index: int = 0
