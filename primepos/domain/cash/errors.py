"""How the work of a shift, its drawer and the safe can be refused."""

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation


class ShiftNotFound(NotFound):
    """No such shift in this tenant."""

    code = "SHIFT_NOT_FOUND"
    template = "No such shift"


class NoSuchRegister(NotFound):
    """No such register, it is archived, or it is the server's own."""

    code = "REGISTER_NOT_FOUND"
    template = "No such till"


class NoSuchSafe(NotFound):
    """No such outlet, so it has no safe."""

    code = "SAFE_NOT_FOUND"
    template = "No such outlet has a safe"


class ShiftAlreadyOpen(Conflict):
    """This register has an open shift; close it first."""

    code = "SHIFT_ALREADY_OPEN"
    template = "This register has an open shift"


class ShiftClosed(RuleViolation):
    """The shift was closed before; a closing is final."""

    code = "SHIFT_CLOSED"
    template = "This shift is closed"


class ShiftStillOpen(RuleViolation):
    """The act is for closed shifts: an open one is counted again instead."""

    code = "SHIFT_STILL_OPEN"
    template = "This shift is still open; count it again and close it"


class NotYourShift(RuleViolation):
    """Somebody else opened this shift; a manager may close it."""

    code = "NOT_YOUR_SHIFT"
    template = "Only who opened this shift, or a manager, may close it"


class CloseBlocked(RuleViolation):
    """Something stands in the way of closing; every reason is named."""

    code = "CLOSE_BLOCKED"
    template = "The shift cannot be closed yet: {problems}"


class DifferenceUnexplained(RuleViolation):
    """The difference is beyond the limit that was set when the shift was opened, and nobody said why."""

    code = "DIFFERENCE_UNEXPLAINED"
    template = "The difference is beyond the limit: say why"


class CountMismatch(InvalidInput):
    """The coins and notes come to another total than the one that was given."""

    code = "COUNT_MISMATCH"
    template = "The coins and notes come to {pieces}, not {counted} (minor units)"


class DenominationUnknown(InvalidInput):
    """There is no coin or note of this value."""

    code = "DENOMINATION_UNKNOWN"
    template = "There is no coin or note of {value} minor units in {currency}"
    hint = "`primepos cash denominations` shows what is counted, and sets it."


class TooMuchTakenOut(InvalidInput):
    """More is to go to the safe than was counted."""

    code = "TOO_MUCH_TAKEN_OUT"
    template = "{counted} were counted, so {taken} cannot go to the safe (minor units)"


class CashConflict(Conflict):
    """This id was used before, for something else."""

    code = "CASH_CONFLICT"
    template = "This id was used before, for something else"


class SafeShort(RuleViolation):
    """The safe does not hold that much; it never goes below zero."""

    code = "SAFE_SHORT"
    template = "The safe holds less than {amount} {currency} (minor units)"


class AdjustmentNotFound(NotFound):
    """No such adjustment in this tenant."""

    code = "ADJUSTMENT_NOT_FOUND"
    template = "No such adjustment"


class AdjustmentPending(Conflict):
    """Another count for this shift waits for its second person."""

    code = "ADJUSTMENT_PENDING"
    template = "Another adjustment of this shift waits to be decided"


class AdjustmentDecided(Conflict):
    """The adjustment was confirmed or refused before."""

    code = "ADJUSTMENT_DECIDED"
    template = "This adjustment was decided before"


class SecondPersonNeeded(RuleViolation):
    """Who proposed an adjustment cannot decide it."""

    code = "SECOND_PERSON_NEEDED"
    template = "Somebody else than who proposed it has to decide"


class NothingToAdjust(RuleViolation):
    """The new count is the one that stands."""

    code = "NOTHING_TO_ADJUST"
    template = "That is what was counted"


register_constraint("shifts_one_open_idx", ShiftAlreadyOpen)
register_constraint("shifts_pkey", ShiftAlreadyOpen)
register_constraint("shifts_tenant_id_register_id_fkey", NoSuchRegister)
# Whoever repeats an act waits for the first at a lock and is answered from before; here come ids of something else.
register_constraint("cash_movements_pkey", CashConflict)
register_constraint("cash_counts_pkey", CashConflict)
register_constraint("cash_adjustments_pkey", CashConflict)
register_constraint("safe_entries_pkey", CashConflict)
register_constraint("cash_adjustments_one_open_idx", AdjustmentPending)
register_constraint("safes_tenant_id_outlet_id_fkey", NoSuchSafe)
