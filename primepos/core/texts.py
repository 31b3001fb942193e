"""Texts that people type: what may stand in a name, a code or a note, and their one form.

A type refuses control characters, NUL among them, and the marks that reorder text on a screen; a struct that holds
names calls :func:`tidy` in ``__post_init__``, so what is stored is NFKC and has no blanks around it.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

# C0, DEL, C1, line and paragraph separators, embeddings, overrides, isolates, surrogates, the byte order mark.
_REFUSED = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff"
_VISIBLE = rf"\A(?=.*\S)[^{_REFUSED}]*\Z"
# A note may have lines.
_LINES = r"\A[^" + _REFUSED.replace(r"\x00-\x1f", r"\x00-\x09\x0b-\x1f") + r"]*\Z"

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=_VISIBLE)]
Note = Annotated[str, Meta(max_length=2000, pattern=_LINES)]
# Kept to the letter, never tidied: case, leading zeros and blanks belong to it.
Sku = Annotated[str, Meta(min_length=1, max_length=64, pattern=_VISIBLE)]
Code = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z")]


def tidy_text(text: str) -> str:
    """Return the one form of a name: NFKC, no blanks around it, runs of blanks inside made one."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def tidy(struct: msgspec.Struct, *fields: str) -> None:
    """Bring the named text fields of a struct that is being made into their one form; UNSET and None stay.

    Call it in ``__post_init__``: a frozen struct can be changed nowhere else.
    """
    for field in fields:
        value: Any = getattr(struct, field)
        if isinstance(value, str):
            force_setattr(struct, field, tidy_text(value))
