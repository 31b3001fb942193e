"""Options that offers share: when, where and for whom."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from primepos.core.errors import InvalidInput
from primepos.domain.customers.errors import CustomerGroupNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from primepos.cli.naming import Workplace

FromOption = Annotated[
    str | None, typer.Option("--from", metavar="MOMENT", help="From then on, as 2026-05-01 or 2026-05-01T08:00.")
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="MOMENT", help="The first moment it is over.")]
DayOption = Annotated[list[str] | None, typer.Option("--day", metavar="DAY", help="mon, tue ... sun; again for more.")]
HoursOption = Annotated[
    str | None,
    typer.Option("--hours", metavar="FROM-TO", help="As 17:00-19:00, of the shop's zone; may span midnight."),
]
OutletsOption = Annotated[
    list[str] | None, typer.Option("--outlet", metavar="CODE", help="Only there; again for more.")
]
GroupsOption = Annotated[
    list[str] | None, typer.Option("--group", metavar="CODE", help="For this group of customers; again for more.")
]
CustomersOption = Annotated[
    list[str] | None, typer.Option("--customer", metavar="NUMBER", help="For this customer; again for more.")
]


def terms_of(
    place: Workplace,
    *,
    since: str | None,
    until: str | None,
    days: Sequence[str] | None,
    hours: str | None,
    outlets: Sequence[str] | None,
    groups: Sequence[str] | None,
    customers: Sequence[str] | None,
) -> dict[str, Any] | None:
    """Return when, where and for whom, as operations take it; None where nothing was said."""
    said: dict[str, Any] = {}
    if since is not None:
        said["valid_from"] = moment("--from", since, place)
    if until is not None:
        said["valid_to"] = moment("--until", until, place)
    if days:
        said["days"] = list(days)
    if hours is not None:
        start, dash, end = hours.partition("-")
        if not dash:
            raise InvalidInput(f"--hours: write {hours!r} as 17:00-19:00")
        said["from_time"], said["to_time"] = start.strip(), end.strip()
    said |= audience(place, outlets=outlets, groups=groups, customers=customers)
    return said or None


def audience(
    place: Workplace, *, outlets: Sequence[str] | None, groups: Sequence[str] | None, customers: Sequence[str] | None
) -> dict[str, list[UUID]]:
    """Return for whom an offer is, as ids; what was not said is left out."""
    said: dict[str, list[UUID]] = {}
    if outlets:
        said["outlet_ids"] = place.outlet_ids(outlets)
    if groups:
        said["group_ids"] = [group_id(place, each) for each in groups]
    if customers:
        said["customer_ids"] = [customer_id(place, each) for each in customers]
    return said


def group_id(place: Workplace, text: str) -> UUID:
    """Return the id of the group of customers with this code or id. Raises ``CUSTOMER_GROUP_NOT_FOUND``."""
    from primepos.domain.customers.service import list_groups

    for each in place.run(list_groups, {}).items:
        if text in {each.code, str(each.id)}:
            found: UUID = each.id
            return found
    raise CustomerGroupNotFound(group=text, hint="`primepos customers groups list` shows the codes.")


def customer_id(place: Workplace, text: str) -> UUID:
    """Return the id of the customer with this number or id. Raises ``CUSTOMER_NOT_FOUND``."""
    from primepos.cli.naming import id_of
    from primepos.domain.customers.service import get_customer

    given = id_of(text)
    found: UUID = place.run(get_customer, {"number": text} if given is None else {"id": given}).id
    return found


def moment(option: str, text: str, place: Workplace) -> datetime:
    """Return a day or moment as typed, in the shop's zone unless it names one. Raises ``INVALID_INPUT``."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option}: {text!r} is no day or moment; write it as 2026-05-01T08:00") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(place.current.zone))


def named(found: Sequence[Any], text: str) -> Any | None:
    """Return the one of ``found`` with this code or id, None where there is none."""
    return next((each for each in found if text in {each.code, str(each.id)}), None)


def shown(terms: Any) -> str:
    """Return when, where and for whom in a few words, for a table."""
    said: Mapping[str, Any] = {
        "from": terms.valid_from and f"{terms.valid_from:%Y-%m-%d}",
        "until": terms.valid_to and f"{terms.valid_to:%Y-%m-%d}",
        "": ",".join(terms.days),
        "at": terms.from_time and f"{terms.from_time}-{terms.to_time}",
        "outlets": len(terms.outlet_ids),
        "groups": len(terms.group_ids),
        "customers": len(terms.customer_ids),
    }
    return " ".join(f"{name} {value}".strip() for name, value in said.items() if value)
