"""A whole till, put together: journal, catalogue, delivery, desk, engine and keyboard of one register."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

from primepos.till.catalogue import Catalogue
from primepos.till.delivery import Delivery
from primepos.till.desk import Desk
from primepos.till.engine import Engine
from primepos.till.errors import SeriesLost
from primepos.till.journal import Journal
from primepos.till.keyboard import Keyboard
from primepos.till.place import Place, ask_place
from primepos.till.removed import RemovedReport
from primepos.till.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from primepos.core.clock import Clock
    from primepos.domain.payments.terminal import CardTerminal
    from primepos.till.runner import Runner

_STOP_S: Final = 10


class Till:
    """One register, open in this process. Close it when done; what is unsent stays in the journal."""

    def __init__(self, place: Place, journal: Journal, catalogue: Catalogue, delivery: Delivery, desk: Desk) -> None:
        """Made by :func:`open_till`."""
        self.place = place
        self.journal = journal
        self.catalogue = catalogue
        self.delivery = delivery
        self.desk = desk
        self.engine = Engine(desk)
        self.keyboard = Keyboard(self.engine)
        self._thread: threading.Thread | None = None

    def start_delivery(self) -> None:
        """Begin to deliver on a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self.delivery.loop, name="delivery", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop the delivery and give the register back."""
        self.delivery.stop()
        if self._thread is not None:
            self._thread.join(_STOP_S)
        self.catalogue.close()
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_till(
    runner: Runner,
    register_id: UUID,
    *,
    data_dir: Path,
    clock: Clock,
    progress: Callable[[int], None] | None = None,
    terminal: CardTerminal | None = None,
) -> Till:
    """Open the journal of a register, pull its catalogue and return the till, signed out.

    A server that was restored from a backup lacks what was delivered since: that waits to be delivered again.

    Files live in ``data_dir/till/<register>``. ``progress`` hears how many products have come so far.

    Raises:
        JournalInUse: another till runs on this register.
        SeriesLost: the server knows sales of this register that are not in the journal of this disk.
        JournalForeign, JournalBroken, TillCannotWrite: see :class:`primepos.till.journal.Journal`.
        PrimePOSError: what the server refuses with.
    """
    place = ask_place(runner, register_id)
    home = data_dir / "till" / str(register_id)
    journal = Journal(home / "journal.sqlite3", register_id=register_id, prefix=place.prefix)
    catalogue: Catalogue | None = None
    try:
        _same_series(journal, place)
        if journal.deliver_again_from(place.next_number):
            # Its products went back in time as well, and their versions with them.
            for left in home.glob("catalogue.sqlite3*"):
                left.unlink()
        catalogue = Catalogue(home / "catalogue.sqlite3", exponent=place.figures.currency.exponent)
        catalogue.pull(runner, progress)
        catalogue.pull_offers(runner, place.outlet_id)
    except BaseException:
        if catalogue is not None:
            catalogue.close()
        journal.close()
        raise
    pulled, removed = catalogue, RemovedReport(journal, runner, place)

    def refresh() -> int:
        pulled.pull_offers(runner, place.outlet_id)
        changed = pulled.pull(runner)
        removed.send()
        return changed

    delivery = Delivery(journal, runner, clock=clock, refresh=refresh)
    desk = Desk(
        place=place,
        runner=runner,
        journal=journal,
        catalogue=catalogue,
        session=Session(runner),
        delivery=delivery,
        clock=clock,
        receipts=home / "receipts",
        terminal=terminal,
    )
    return Till(place, journal, catalogue, delivery, desk)


def _same_series(journal: Journal, place: Place) -> None:
    """See that journal and server speak of one series: a lost disk must not print numbers a second time."""
    journal.begin_epoch(place.epoch)
    if journal.next_number < place.next_number:
        raise SeriesLost(last=place.next_number - 1)
