"""Operations on shifts, the cash in their drawers, and the safe."""

from primepos.domain.cash.service.adjusting import decide_adjustment, list_adjustments, propose_adjustment
from primepos.domain.cash.service.delivering import deliver_cash, deliver_closing
from primepos.domain.cash.service.drawer import (
    count_cash,
    list_denominations,
    list_movements,
    list_variances,
    move_cash,
    open_drawer,
    set_denominations,
)
from primepos.domain.cash.service.safe import bank_deposit, count_safe, list_safe_entries, list_safes
from primepos.domain.cash.service.shifts import (
    close_shift,
    end_shift,
    force_close_shift,
    join_shift,
    list_shifts,
    open_shift,
    preflight,
    shift_figures,
    show_shift,
)

__all__ = [
    "bank_deposit",
    "close_shift",
    "count_cash",
    "count_safe",
    "decide_adjustment",
    "deliver_cash",
    "deliver_closing",
    "end_shift",
    "force_close_shift",
    "join_shift",
    "list_adjustments",
    "list_denominations",
    "list_movements",
    "list_safe_entries",
    "list_safes",
    "list_shifts",
    "list_variances",
    "move_cash",
    "open_drawer",
    "open_shift",
    "preflight",
    "propose_adjustment",
    "set_denominations",
    "shift_figures",
    "show_shift",
]
