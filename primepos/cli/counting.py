"""Counted cash as people type it: coins and notes, other currencies, other tenders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.amounts import Money
from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from primepos.cli.naming import Workplace


def pieces_of(place: Workplace, text: str | None) -> dict[str, int] | None:
    """Return coins and notes typed as ``2*50 3*20`` by their value in minor units; None where none were typed.

    Raises: ``NOT_UNDERSTOOD``.
    """
    if text is None:
        return None
    from primepos.core.amounts import currency
    from primepos.till.errors import NotUnderstood
    from primepos.till.figures import Figures

    _, pieces = Figures(currency(place.current.currency)).read_count(text)
    if pieces is None:
        raise NotUnderstood(text=text[:40], problem="write pieces as 2*50: how many, then of what")
    return pieces


def foreign_counts(given: list[str] | None) -> list[dict[str, Any]]:
    """Return counts typed as ``USD=12.50`` in minor units of their own currency. Raises ``INVALID_INPUT``."""
    return [
        {"currency": code, "counted": Money.from_decimal(amount, code).minor}
        for code, amount in (_pair("--foreign", each) for each in given or [])
    ]


def tender_counts(place: Workplace, given: list[str] | None) -> list[dict[str, Any]]:
    """Return counts typed as ``card=85.20`` in minor units. Raises ``INVALID_INPUT``."""
    return [
        {"kind": kind, "counted": place.minor("--tender", amount)}
        for kind, amount in (_pair("--tender", each) for each in given or [])
    ]


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name and value):
        raise InvalidInput(f"{option}: write {text!r} as NAME=AMOUNT")
    return name, value
