"""From the journal to the server: oldest first, each once, one bad entry set aside while the rest flow."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.core.errors import ErrorKind, PrimePOSError, Unavailable
from primepos.till.drawer_log import DRAWER
from primepos.till.journal import CLOSED, DELIVERED, OPENED, PENDING, SET_ASIDE
from primepos.till.runner import read_actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.clock import Clock
    from primepos.till.journal import Entry, Journal
    from primepos.till.runner import Actor, Runner

log = logging.getLogger(__name__)

BATCH: Final = 50
# A bug of the server may be gone at the next try, but must not hold up the queue for ever.
MOST_ATTEMPTS: Final = 5
IDLE_MS: Final = 30_000
FIRST_DELAY_MS: Final = 500
LONGEST_DELAY_MS: Final = 60_000
# The server does not answer, asks to slow down, or does not let this register in: nothing is wrong with the sale.
_NOT_THE_SALES_FAULT: Final = frozenset(
    {ErrorKind.UNAVAILABLE, ErrorKind.THROTTLED, ErrorKind.UNAUTHENTICATED, ErrorKind.FORBIDDEN, ErrorKind.CONFIG}
)
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Delivery:
    """Sends what the journal holds. One step at a time, whoever calls; :meth:`loop` runs on a thread of its own."""

    def __init__(
        self,
        journal: Journal,
        runner: Runner,
        *,
        clock: Clock,
        chance: random.Random | None = None,
        wait: Callable[[int], None] | None = None,
        refresh: Callable[[], object] | None = None,
    ) -> None:
        """``wait`` sleeps for some milliseconds or until woken; ``chance`` spreads the delays of many tills.

        ``refresh`` is done when all is sent, to hear from the server: pulling the catalogue, say.
        """
        self._journal = journal
        self._runner = runner
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not a secret
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._stepping = threading.Lock()
        self._wait = wait or self._wait_for_wake
        self._refresh = refresh
        self._failures = 0
        self._heard_ns = 0
        self.online: bool | None = None
        self.trouble = ""

    def wake(self) -> None:
        """Say that there is something to send."""
        self._woken.set()

    def missed(self) -> None:
        """Take note that the server did not answer somebody else."""
        self._lost("the server does not answer")

    def stop(self) -> None:
        """End the loop after the step it is in; what is unsent stays in the journal."""
        self._stopped.set()
        self._woken.set()

    def flush(self) -> bool:
        """Send all there is now; tell whether nothing is left waiting (what was set aside does not wait)."""
        while self.step():
            pass
        return self._journal.unsent()[0] == 0

    def require_sent(self) -> None:
        """Send all there is now.

        Raises:
            Unavailable: something still waits, so what comes after it cannot be told the server yet.
        """
        if not self.flush():
            raise Unavailable

    def step(self) -> int:
        """Send one batch, oldest first, and return how many entries were settled; 0 is a reason to wait.

        Stops at the first entry that the server could not be reached for. An entry that it refuses is set aside.
        """
        with self._stepping:
            settled = 0
            for entry in self._journal.pending(BATCH):
                if not self._settle(entry):
                    return settled
                settled += 1
            return settled

    def _settle(self, entry: Entry) -> bool:
        """Send one entry; False if it still waits."""
        now = self._clock.now
        try:
            answer = self._send(entry)
        except PrimePOSError as error:
            if error.kind in _NOT_THE_SALES_FAULT:
                self._lost(str(error))
                return False
            if error.kind is ErrorKind.BUG and entry.attempts + 1 < MOST_ATTEMPTS:
                self._journal.mark(entry.seq, PENDING, at=now(), error=error.code)
                self._lost(str(error))
                return False
            refusal = {"code": error.code, "message": error.message, "data": error.data}
            self._journal.mark(
                entry.seq, SET_ASIDE, at=now(), error=error.code, answer=msgspec.json.encode(refusal, enc_hook=str)
            )
            log.warning("journal entry %d was set aside: %s", entry.seq, error.code)
            self._reached()
            return True
        except Exception as error:  # the worker's edge: a bug must not end the delivery of all the rest
            log.exception("journal entry %d could not be sent", entry.seq)
            final = entry.attempts + 1 >= MOST_ATTEMPTS
            self._journal.mark(entry.seq, SET_ASIDE if final else PENDING, at=now(), error=type(error).__name__)
            if not final:
                self._lost("the server failed")
            return final
        self._journal.mark(entry.seq, DELIVERED, at=now(), answer=_encode(answer))
        self._reached()
        return True

    def _send(self, entry: Entry) -> Any:
        if entry.kind == OPENED:
            return self._runner.run("cash.open_shift", _only(entry, OPENING), person=read_actor(entry.actor).person)
        # By the register itself: it happened, and who consented was seen to here.
        if entry.kind == CLOSED:
            return self._runner.run("cash.deliver_closing", closing_of(entry))
        if entry.kind in DRAWER:
            return self._runner.run("cash.deliver", drawer_event_of(entry))
        return self._runner.run("sales.deliver", entry.sale)

    def _reached(self) -> None:
        self.online, self.trouble, self._failures = True, "", 0

    def _lost(self, trouble: str) -> None:
        self.online, self.trouble = False, trouble
        self._failures += 1

    def delay_ms(self) -> int:
        """How long to wait before the next try: doubling from half a second to a minute, spread by half."""
        if not self._failures:
            return IDLE_MS
        longest = min(LONGEST_DELAY_MS, FIRST_DELAY_MS << min(self._failures - 1, 16))
        return self._chance.randint(longest // 2, longest)

    def loop(self) -> None:
        """Send, wait, send again, until :meth:`stop`. Never raises."""
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                if self.step():
                    continue
                if not self._journal.unsent()[0]:
                    self._listen()
            except PrimePOSError as error:
                self._lost(str(error))
            except Exception:  # the worker's edge: this thread must outlive whatever happens in it
                log.exception("delivery failed")
                self._lost("the till failed")
            if not self._stopped.is_set():
                self._wait(self.delay_ms())

    def _listen(self) -> None:
        """Hear from the server now and then, and always after it was away."""
        now = time.monotonic_ns()
        if self._refresh is None or (self.online and now - self._heard_ns < IDLE_MS * 1_000_000):
            return
        self._refresh()
        self._heard_ns = now
        self._reached()

    def _wait_for_wake(self, milliseconds: int) -> None:
        self._woken.wait(milliseconds / 1000)


OPENING: Final = ("id", "register_id", "opening_float", "opened_at", "denominations", "reason")
CLOSING: Final = (
    "shift_id",
    "counted",
    "denominations",
    "foreign",
    "tenders",
    "to_safe",
    "reason",
    "held",
    "unsent",
    "printed",
)


def closing_of(entry: Entry) -> dict[str, Any]:
    """Return a closing as the register delivers it: with who closed, when, and who consented."""
    return {**_only(entry, CLOSING), "closed_at": entry.at, **people(read_actor(entry.actor))}


def drawer_event_of(entry: Entry) -> dict[str, Any]:
    """Return what happened around the drawer as the register delivers it."""
    event = {"id": entry.id, "shift_id": entry.shift_id, "kind": entry.kind, "at": entry.at}
    return {**event, **entry.values(), **people(read_actor(entry.actor))}


def people(actor: Actor) -> dict[str, Any]:
    """Return who acted and who consented, as the server is told."""
    approver = actor.approver
    return {
        "actor_id": actor.person.staff_id,
        "actor": actor.person.name,
        "approver_id": None if approver is None else approver.staff_id,
        "approver": None if approver is None else approver.name,
    }


def _only(entry: Entry, names: tuple[str, ...]) -> dict[str, Any]:
    # An entry of an earlier version has fewer of them.
    values = entry.values()
    return {name: values[name] for name in names if name in values}
