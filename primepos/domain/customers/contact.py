"""E-mail addresses, phone numbers and names in the forms in which they are kept and found. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from primepos.core.security import EMAIL_MAX, InvalidEmail, normalise_email

# E.164 allows 15 digits behind the plus sign; the shortest national numbers that people write down have three.
_LEAST_DIGITS: Final = 3
_MOST_DIGITS: Final = 15
_TAIL: Final = 7
_BETWEEN: Final = re.compile(r"[\s().\-/\u2010-\u2015\u00a0\u202f]+")
_TRUNK: Final = re.compile(r"\(\s*0\s*\)")
_NUMBER: Final = re.compile(r"\+?[0-9]+", re.ASCII)
# Letters that no decomposition takes apart; casefold turns ß into ss by itself.
_PLAIN: Final = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "ð": "d", "þ": "th"})
_NO_WORD: Final = re.compile(r"[\W_]+")
LONGEST_WORD: Final = 64
MOST_WORDS: Final = 40


class PhoneProblem(ValueError):
    """A text is no phone number."""


def clean_email(text: str) -> str:
    """Return an e-mail address in its one form: NFKC, case folded, trimmed. Raises: ``INVALID_EMAIL``."""
    return normalise_email(text)


def clean_phone(text: str) -> str:
    """Return a phone number as digits, with a plus sign in front where its country is said; ``00`` says so too.

    The result is its own clean form. Raises: :class:`PhoneProblem`.
    """
    written = unicodedata.normalize("NFKC", text).strip()
    if written.startswith(("+", "00")):
        # The zero in +49 (0) 171 is dialled by those who leave +49 out.
        written = _TRUNK.sub("", written, count=1)
    bare = _BETWEEN.sub("", written)
    if bare.startswith("00"):
        bare = "+" + bare.lstrip("0")
    if not _NUMBER.fullmatch(bare):
        raise PhoneProblem("a phone number has digits, blanks and a plus sign in front")
    digits = bare.lstrip("+")
    if not _LEAST_DIGITS <= len(digits) <= _MOST_DIGITS:
        raise PhoneProblem(f"a phone number has {_LEAST_DIGITS} to {_MOST_DIGITS} digits")
    return bare


def phone_tail(phone: str) -> str:
    """Return what two ways of writing one number have in common: its last seven digits.

    ``0171 1234567`` and ``+49 171 1234567`` are the same telephone; who knows no country cannot tell how much of the
    beginning to leave out, but the end is the same. What is found by it is compared by :func:`same_phone`.
    """
    return phone.lstrip("+0")[-_TAIL:] or phone


def same_phone(first: str, second: str) -> bool:
    """Tell whether two clean numbers can be the same telephone, one of them perhaps written without its country."""
    if first.startswith("+") and second.startswith("+"):
        return first == second
    short, long = sorted((first.lstrip("+0"), second.lstrip("+0")), key=len)
    if first.startswith("+") == second.startswith("+"):
        return short == long
    return long.endswith(short) and len(short) >= min(_TAIL, len(long))


def words_of(*texts: str | None) -> list[str]:
    """Return the words of texts without accents and capitals, sorted, each once: what a customer is found by."""
    found = {word[:LONGEST_WORD] for text in texts if text for word in _NO_WORD.split(fold(text)) if word}
    return sorted(found)[:MOST_WORDS]


def fold(text: str) -> str:
    """Return a text without accents and capitals: Müller, MULLER and muller are one."""
    taken_apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(letter for letter in taken_apart if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare.translate(_PLAIN))


def looks_like_email(text: str) -> str | None:
    """Return a text as a clean e-mail address, None where it is none."""
    if "@" not in text or len(text) > EMAIL_MAX:
        return None
    try:
        return clean_email(text)
    except InvalidEmail:
        return None


def looks_like_phone(text: str) -> str | None:
    """Return a text as a clean phone number, None where it is none."""
    try:
        return clean_phone(text)
    except PhoneProblem:
        return None
