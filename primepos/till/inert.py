"""Texts from outside, made harmless and measured: nothing in a name may steer a terminal or a printer."""

from __future__ import annotations

import unicodedata

# Joiners shape letters and emoji; every other invisible sign is dropped, text direction marks among them.
_JOINERS = "\u200c\u200d"
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def inert(text: str) -> str:
    """Return the text without control characters, escape sequences' bytes, text direction marks and lone surrogates.

    Blanks and line breaks inside become one blank: a name is one line on screen and on paper.
    """
    return "".join(_kept(sign) for sign in text)


def _kept(sign: str) -> str:
    if " " <= sign <= "~":
        return sign
    category = unicodedata.category(sign)
    if sign in "\t\n\r\v\f" or category[0] == "Z":
        return " "
    return "" if category in _DROPPED and sign not in _JOINERS else sign


def width(text: str) -> int:
    """Return how many columns a text takes on a fixed-width screen or receipt."""
    return len(text) if text.isascii() else sum(_columns(sign) for sign in text)


def _columns(sign: str) -> int:
    if unicodedata.category(sign) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def fit(text: str, columns: int) -> str:
    """Return the text cut to ``columns`` with an ellipsis if it is longer; it may be one column short of wide signs."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for sign in text:
        step = _columns(sign)
        if used + step > columns - 1:
            break
        kept += sign
        used += step
    return kept.rstrip() + "…" if columns > 0 else ""


def left(text: str, columns: int) -> str:
    """Return the text cut and padded to exactly ``columns``, flush left."""
    cut = fit(text, columns)
    return cut + " " * (columns - width(cut))


def right(text: str, columns: int) -> str:
    """Return the text cut and padded to exactly ``columns``, flush right."""
    cut = fit(text, columns)
    return " " * (columns - width(cut)) + cut


def wrap(text: str, columns: int) -> list[str]:
    """Return the text broken at blanks into lines of at most ``columns``; a longer word is cut apart."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        piece = word
        while width(piece) > columns:
            if line:
                lines.append(line)
                line = ""
            head = _head(piece, columns)
            lines.append(head)
            piece = piece[len(head) :]
        if line and width(line) + 1 + width(piece) > columns:
            lines.append(line)
            line = piece
        else:
            line = f"{line} {piece}" if line else piece
    return [*lines, line] if line or not lines else lines


def _head(word: str, columns: int) -> str:
    used = count = 0
    for sign in word:
        used += _columns(sign)
        if used > columns:
            break
        count += 1
    return word[: max(count, 1)]
