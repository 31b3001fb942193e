"""How the work of a shift can be refused."""

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, NotFound, RuleViolation


class ShiftNotFound(NotFound):
    """No such shift in this tenant."""

    code = "SHIFT_NOT_FOUND"
    template = "No such shift"


class NoSuchRegister(NotFound):
    """No such register, it is archived, or it is the server's own."""

    code = "REGISTER_NOT_FOUND"
    template = "No such till"


class ShiftAlreadyOpen(Conflict):
    """This register has an open shift; close it first."""

    code = "SHIFT_ALREADY_OPEN"
    template = "This register has an open shift"


class ShiftClosed(RuleViolation):
    """The shift was closed before; a closing is final."""

    code = "SHIFT_CLOSED"
    template = "This shift is closed"


class NotYourShift(RuleViolation):
    """Somebody else opened this shift; a manager may close it."""

    code = "NOT_YOUR_SHIFT"
    template = "Only who opened this shift, or a manager, may close it"


register_constraint("shifts_one_open_idx", ShiftAlreadyOpen)
register_constraint("shifts_pkey", ShiftAlreadyOpen)
register_constraint("shifts_tenant_id_register_id_fkey", NoSuchRegister)
