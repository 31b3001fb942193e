"""What the commands of gift cards, accounts and points share: rows with amounts in currency units, and customers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from primepos.cli.naming import id_of
from primepos.cli.output import emit, note
from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.cli.naming import Workplace

_MONEY: Final = frozenset(
    [
        "amount", "available", "balance", "charged", "closing", "held", "limit", "open", "opening", "owed", "used",
        "owed_to_customers", "owed_by_customers", "days_0_30", "days_31_60", "days_61_90", "days_over_90", "worth",
        "on_account", "total", "change",
    ]
)  # fmt: skip


def plain(struct: Any) -> dict[str, Any]:
    """Return the fields of a struct as a row."""
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def in_major(place: Workplace, struct: Any) -> dict[str, Any]:
    """Return a row with its amounts in currency units; points stay points."""
    row = plain(struct)
    if row.get("kind") == "points":
        return row
    return {name: place.major(value) if name in _MONEY else value for name, value in row.items()}


def show_page(
    place: Workplace, page: Any, columns: tuple[str, ...], *, as_json: bool, as_csv: bool, points: bool = False
) -> None:
    """Print a page of rows and say how to go on; ``points`` are no money."""
    if as_json:
        emit(page, as_json=True)
        return
    rows = [plain(row) if points else in_major(place, row) for row in page.items]
    emit(rows, as_json=False, as_csv=as_csv, columns=columns)
    if getattr(page, "next", None):
        note(f"There are more: --after {page.next}")


def customer_of(place: Workplace, text: str) -> UUID:
    """Return the id of the customer with this number or id. Raises ``CUSTOMER_NOT_FOUND``."""
    from primepos.domain.customers.service import get_customer

    given = id_of(text)
    if given is not None:
        return given
    found: UUID = place.run(get_customer, {"number": text}).id
    return found


def day(option: str, text: str | None) -> date | None:
    """Return the day that a text spells, None for none. Raises ``INVALID_INPUT``."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option}: {text!r} is no date; write it as 2026-03-31") from None


def sure(option: str, text: str) -> int:
    """Return a whole number. Raises ``INVALID_INPUT``."""
    try:
        return int(text)
    except ValueError:
        raise InvalidInput(f"{option}: {text!r} is no whole number") from None
