"""Codes of coupons: random, short enough to type, without signs that look alike.

They are kept as they are printed, not hashed: a coupon is looked up, listed and printed again by its code, and who
reads the database of a shop has more to gain there than a discount. Guessing is what must be hard: ten signs out of 29
are 48 bits, so with a thousand coupons out, a guess is right once in 400 milliards.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# No 0 and O, 1, I and L, no U: nothing that is read wrong or spells what should not be printed.
ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 10


def make_codes(count: int, prefix: str, taken: Callable[[Sequence[str]], set[str]]) -> list[str]:
    """Return so many new codes, in order; ``taken`` says which of some are there already."""
    made: set[str] = set()
    while len(made) < count:
        fresh = {_code(prefix) for _ in range(count - len(made))}
        made |= fresh - taken(sorted(fresh))
    return sorted(made)


def _code(prefix: str) -> str:
    signs = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(part for part in (prefix, signs[:5], signs[5:]) if part)
