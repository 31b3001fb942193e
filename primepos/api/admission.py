"""Back-pressure: how many calls run, how many wait, and who is sent away when there are more.

As many run as there are threads, a few wait, and the rest hear at once that they should come again (503, Retry-After):
a queue without end would answer everybody too late. What is urgent goes first and has more room to wait, so lists and
reports are sent away long before a sale is. All of it happens in the event loop, without locks.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from enum import IntEnum

from primepos.api.errors import AtCapacity
from primepos.core.log import get_logger
from primepos.core.operations import Operation

TOLD_EVERY_S = 1.0
# Who is refused and comes again at once, without heeding Retry-After, is answered no faster than this.
REFUSED_A_SECOND = 100
MOST_HELD_S = 1.0
# Some refusals at once are no flood.
FREE_HOLD_S = 0.05
TOGETHER_S = 0.1

log = get_logger(__name__)


class Urgency(IntEnum):
    """What is sent away first comes first. The value is how many may wait for each thread, of this and the lesser."""

    BULK = 4
    ORDINARY = 16
    SALE = 40


# What a shop cannot sell without. Reading the catalogue is not among it: a till has it on its own disk.
_SALES = frozenset(
    {
        "sales.book",
        "sales.deliver",
        "sales.void",
        "cash.open_shift",
        "cash.close_shift",
        "staff.sign_in",
        "accounts.refresh",
    }
)
_BULK_FEATURES = frozenset({"reporting", "audit", "ops", "importing", "provisioning"})
_BULK_VERBS = ("list", "snapshot", "export")


def urgency_of(operation: Operation[object, object]) -> Urgency:
    """Return how urgent an operation is: selling first, then single things, then lists, reports and imports."""
    feature, _, verb = operation.name.partition(".")
    if operation.name in _SALES:
        return Urgency.SALE
    if feature in _BULK_FEATURES or verb.startswith(_BULK_VERBS):
        return Urgency.BULK
    return Urgency.ORDINARY


class Admission:
    """So many at a time, and a bounded number who wait."""

    def __init__(self, slots: int) -> None:
        """Let ``slots`` calls run at a time."""
        self._slots = slots
        self._free = slots
        self._waiting: dict[Urgency, deque[asyncio.Future[None]]] = {
            each: deque() for each in sorted(Urgency, reverse=True)
        }
        self._next_refusal = 0.0
        self._shed: Counter[str] = Counter()
        self._telling: asyncio.TimerHandle | None = None

    @property
    def running(self) -> int:
        """How many run now."""
        return self._slots - self._free

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(map(len, self._waiting.values()))

    async def enter(self, urgency: Urgency, patience_s: float) -> None:
        """Take a place, or wait for one up to ``patience_s``; :meth:`leave` gives it back.

        Raises: :class:`AtCapacity` when too many wait already, or when the wait was in vain.
        """
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        if self.waiting >= urgency.value * self._slots:
            self._note(urgency)
            await self._pace(loop.time())
            raise AtCapacity
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting[urgency].append(turn)
        timer = loop.call_later(patience_s, self._give_up, urgency, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting[urgency].remove(turn)
            else:
                # The place was granted in the same breath as the request was called off.
                self.leave()
            raise
        finally:
            timer.cancel()

    def leave(self) -> None:
        """Give a place back: to the most urgent who waits longest."""
        for queue in self._waiting.values():
            for turn in queue:
                # One that was called off is still here until its task hears of it.
                if not turn.done():
                    queue.remove(turn)
                    turn.set_result(None)
                    return
        self._free += 1

    async def _pace(self, now: float) -> None:
        """Wait until it is this refusal's turn: so many a second, or refusing would itself be what the server does."""
        self._next_refusal = min(max(now, self._next_refusal) + 1 / REFUSED_A_SECOND, now + MOST_HELD_S)
        if self._next_refusal - now > FREE_HOLD_S:
            # In groups: waking up for each alone costs the threads that sell more than the refusal itself.
            await asyncio.sleep(math.ceil(self._next_refusal / TOGETHER_S) * TOGETHER_S - now)

    def _give_up(self, urgency: Urgency, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._waiting[urgency].remove(turn)
            self._note(urgency)
            turn.set_exception(AtCapacity())

    def _note(self, urgency: Urgency) -> None:
        """Count who was sent away; one line a second tells of all of them, since a line for each would be more work."""
        self._shed[urgency.name.lower()] += 1
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TOLD_EVERY_S, self._tell)

    def _tell(self) -> None:
        shed, self._shed, self._telling = self._shed, Counter(), None
        log.warning(
            "http.shed", msg="More calls than can be served: some were told to come again", waiting=self.waiting, **shed
        )
