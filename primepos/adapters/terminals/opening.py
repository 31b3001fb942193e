"""Which card terminal a till uses, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from primepos.domain.payments.terminal import CardTerminal

SIMULATOR: Final = "simulator"


class NoSuchTerminal(InvalidInput):
    """No driver has this name, or it is not for real money."""

    code = "NO_SUCH_TERMINAL"
    template = "There is no card terminal {name}: {problem}"
    hint = "Without --terminal the cashier uses a terminal beside the till and notes what it took."


def open_terminal(name: str, *, real_money: bool) -> CardTerminal:
    """Return the terminal of this name.

    Raises:
        NoSuchTerminal: there is none, or it charges nobody and this shop takes real money.
    """
    from primepos.adapters.terminals.simulator import SimulatedTerminal

    if name != SIMULATOR:
        raise NoSuchTerminal(name=name, problem=f"known is {SIMULATOR}")
    if real_money:
        raise NoSuchTerminal(name=name, problem="it charges nobody, and this shop takes real money")
    return SimulatedTerminal()
