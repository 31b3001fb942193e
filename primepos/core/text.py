"""Text that people type: names are put into one form, codes are kept to the letter, what cannot be shown is refused."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from primepos.core.errors import InvalidInput

NAME_LENGTH: Final = 200
CODE_LENGTH: Final = 64

# Control characters, unpaired surrogates, line and paragraph separators: none can be part of one line of text.
_UNFIT: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the text that follows them around: a receipt or a log line could be made to say something else.
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def refuse(field: str, problem: str) -> InvalidInput:
    """Return the refusal of one field, in the form that faces show beside the field."""
    return InvalidInput(f"{field}: {problem}", problems=[{"field": field, "problem": problem}])


def one_line(value: str, field: str, *, most: int, empty: bool = False) -> str:
    """Return ``value`` as it is if it is one line of at most ``most`` characters.

    Raises: :class:`InvalidInput` for an empty or too long text, control characters (NUL among them), unpaired
    surrogates, line separators and marks that turn the direction of text.
    """
    if not empty and not value.strip():
        raise refuse(field, "must not be empty")
    if len(value) > most:
        raise refuse(field, f"has {len(value)} characters, at most {most} are allowed")
    if any(unicodedata.category(sign) in _UNFIT for sign in value) or _TURNING.search(value):
        raise refuse(field, "contains control characters")
    return value


def clean_name(value: str, field: str = "name", *, most: int = NAME_LENGTH, empty: bool = False) -> str:
    """Return a name in composed form (NFC), every space an ordinary one, none at the ends.

    Composed, not the compatibility form (NFKC): that would make ``11⁄2`` of ``1½``, and a shoe has a size.

    Raises: :class:`InvalidInput`, see :func:`one_line`.
    """
    plain = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in unicodedata.normalize("NFC", value))
    return one_line(plain.strip(" "), field, most=most, empty=empty)


def keep_code(value: str, field: str = "code", *, most: int = CODE_LENGTH) -> str:
    """Return a code to the letter: case, inner and outer spaces and leading zeros belong to it.

    Raises: :class:`InvalidInput`, see :func:`one_line`.
    """
    return one_line(value, field, most=most)
