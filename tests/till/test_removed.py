"""What was taken off tickets is told to the server, once, with who did it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from primepos.core.errors import Unavailable
from primepos.domain.orders.service import list_removed
from primepos.till.removed import RemovedReport
from tests.till.test_scenarios import BREAD

if TYPE_CHECKING:
    from tests.till.world import World


def told(till: World) -> list[tuple[str, str, str, object, object]]:
    found = till.app.run(list_removed, till.shop.owner, {}).items
    return [
        (each.person, each.act, each.sku, each.quantity and int(each.quantity), each.amount) for each in reversed(found)
    ]


def report(till: World) -> RemovedReport:
    return RemovedReport(till.till.journal, till.line, till.till.place)


def test_each_thing_that_was_taken_off_is_told_once(till: World) -> None:
    till.scan("A-1")
    till.scan(BREAD)
    till.press("+", "+", "-")
    till.press("5%")
    till.press("delete")
    till.press("ctrl+k", "enter")
    till.approve()
    sender = report(till)

    assert sender.send() == 4
    assert sorted(told(till)) == [
        ("7", "discount_given", "B-2", None, None),
        ("7", "line_removed", "B-2", 2, 475),
        ("7", "quantity_reduced", "B-2", 1, None),
        ("7", "ticket_given_up", "", None, 100),
    ]
    sender.send()
    report(till).send()
    assert len(told(till)) == 4


def test_what_could_not_be_told_is_told_later(till: World) -> None:
    till.scan("A-1")
    till.press("delete")
    sender = report(till)
    till.line.down = True
    with pytest.raises(Unavailable):
        sender.send()
    till.line.down = False

    assert sender.send() == 1
    assert [each[1] for each in told(till)] == ["line_removed"]


def test_a_till_with_nothing_to_tell_asks_for_nothing(till: World) -> None:
    till.line.calls.clear()

    assert report(till).send() == 0
    assert till.line.calls == []
