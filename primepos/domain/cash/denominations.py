"""Coins and notes: what a currency has, and whether a count of them is the total that was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos.domain.cash.errors import CountMismatch, DenominationUnknown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# What is in circulation, as the central banks list it in 2025; values in minor units. Where a coin and a note have
# the same value (1 US dollar), it is counted once, as the commoner of the two.
_COINS: Final = {
    "AUD": "5 10 20 50 100 200",
    "BRL": "5 10 25 50 100",
    "CAD": "5 10 25 100 200",
    "CHF": "5 10 20 50 100 200 500",
    "CNY": "10 50",
    "CZK": "100 200 500 1000 2000 5000",
    "DKK": "50 100 200 500 1000 2000",
    "EUR": "1 2 5 10 20 50 100 200",
    "GBP": "1 2 5 10 20 50 100 200",
    "HUF": "500 1000 2000 5000 10000 20000",
    "INR": "50 100 200 500",
    "JPY": "1 5 10 50 100 500",
    "MXN": "10 20 50 100 200 500 1000",
    "NOK": "100 500 1000 2000",
    "NZD": "10 20 50 100 200",
    "PLN": "1 2 5 10 20 50 100 200 500",
    "RON": "1 5 10 50",
    "SEK": "100 200 500 1000",
    "TRY": "5 10 25 50 100",
    "USD": "1 5 10 25 50",
    "ZAR": "10 20 50 100 200 500",
}
_NOTES: Final = {
    "AUD": "500 1000 2000 5000 10000",
    "BRL": "200 500 1000 2000 5000 10000 20000",
    "CAD": "500 1000 2000 5000 10000",
    "CHF": "1000 2000 5000 10000 20000 100000",
    "CNY": "100 500 1000 2000 5000 10000",
    "CZK": "10000 20000 50000 100000 200000 500000",
    "DKK": "5000 10000 20000 50000",
    "EUR": "500 1000 2000 5000 10000 20000 50000",
    "GBP": "500 1000 2000 5000",
    "HUF": "50000 100000 200000 500000 1000000 2000000",
    "INR": "1000 2000 5000 10000 20000 50000",
    "JPY": "1000 2000 5000 10000",
    "MXN": "2000 5000 10000 20000 50000 100000",
    "NOK": "5000 10000 20000 50000 100000",
    "NZD": "500 1000 2000 5000 10000",
    "PLN": "1000 2000 5000 10000 20000 50000",
    "RON": "100 500 1000 2000 5000 10000 20000 50000",
    "SEK": "2000 5000 10000 20000 50000 100000",
    "TRY": "500 1000 2000 5000 10000 20000",
    "USD": "100 200 500 1000 2000 5000 10000",
    "ZAR": "1000 2000 5000 10000 20000",
}


def usual(currency: str) -> list[tuple[int, str]]:
    """Return the coins and notes of a currency as ``(value in minor units, kind)``, smallest first.

    Empty for a currency that is not on the list: its owner sets what is counted.
    """
    return [
        (int(value), kind)
        for kind, table in (("coin", _COINS), ("note", _NOTES))
        for value in table.get(currency, "").split()
    ]


def total_of(pieces: Mapping[str, int]) -> int:
    """Return what coins and notes come to, ``{"value in minor units": pieces}``, in minor units."""
    return sum(int(value) * count for value, count in pieces.items())


def check_count(counted: int, pieces: Mapping[str, int] | None, known: Collection[int], currency: str) -> None:
    """See that a count by coins and notes is of ones that exist and comes to ``counted`` minor units.

    ``known`` empty says that nothing is known of the currency; then any value may be counted.

    Raises:
        DenominationUnknown: a value that this currency does not have.
        CountMismatch: the pieces come to another total.
    """
    if pieces is None:
        return
    for value in pieces:
        if known and int(value) not in known:
            raise DenominationUnknown(value=value, currency=currency)
    if total_of(pieces) != counted:
        raise CountMismatch(pieces=total_of(pieces), counted=counted)
