"""What was taken off tickets at this till, told to the server when it can hear: for whoever looks after the shop.

Every such event is in the journal from the moment it happened. Its id follows from where it stands there, so telling it
again tells nothing twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from primepos.till import events
from primepos.till.cart import decoded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from primepos.till.journal import CartEvent, Journal
    from primepos.till.place import Place
    from primepos.till.runner import Runner

MOST: Final = 500


class RemovedReport:
    """Tells what is new since it last told; after a start it begins with what it told before, which adds nothing."""

    def __init__(self, journal: Journal, runner: Runner, place: Place) -> None:
        """Read from the journal of the register at ``place``."""
        self._journal, self._runner, self._place = journal, runner, place
        self._told: datetime | None = None

    def send(self) -> int:
        """Tell everything that is new and return how many there were.

        Raises: what the server refuses with; the rest is told the next time.
        """
        found = self._journal.reductions(self._told)
        for start in range(0, len(found), MOST):
            batch = found[start : start + MOST]
            self._runner.run(
                "orders.report_removed",
                {
                    "outlet_id": self._place.outlet_id,
                    "register_id": self._place.register_id,
                    "items": self._items(batch),
                },
            )
            self._told = batch[-1].at
        return len(found)

    def _items(self, batch: Sequence[CartEvent]) -> list[dict[str, Any]]:
        goods: dict[UUID, dict[int, events.LineAdded]] = {}
        for cart_id in {each.cart_id for each in batch}:
            added = (decoded(each.event) for each in self._journal.events(cart_id))
            goods[cart_id] = {each.line: each for each in added if isinstance(each, events.LineAdded)}
        return [
            {
                "id": uuid5(each.cart_id, str(each.n)),
                "ticket_id": each.cart_id,
                "at": each.at,
                "person": each.who,
                "approver": each.approver or "",
                **_what(decoded(each.event), goods[each.cart_id]),
            }
            for each in batch
        ]


def _what(event: events.Event, goods: dict[int, events.LineAdded]) -> dict[str, Any]:
    """Return the act, and of which goods how much was taken off."""
    match event:
        case events.LineVoided():
            told = {"act": "line_removed", "quantity": event.quantity, "amount": event.total}
            return {**told, "sku": event.sku, "name": event.name}
        case events.QuantitySet():
            return {"act": "quantity_reduced", "quantity": event.was - event.quantity, **_named(event.line, goods)}
        case events.PriceSet():
            return {"act": "price_reduced", **_named(event.line, goods)}
        case events.LineDiscounted():
            return {"act": "discount_given", **_named(event.line, goods)}
        case events.TenderRemoved():
            return {"act": "payment_taken_back", "amount": event.amount, "name": event.kind}
        case events.Cancelled():
            return {"act": "ticket_given_up", "amount": event.total}
        case _:
            return {"act": "discount_given"}


def _named(line: int, goods: dict[int, events.LineAdded]) -> dict[str, str]:
    added = goods.get(line)
    return {} if added is None else {"sku": added.sku, "name": added.name}
