"""How acts on whole tenants are refused."""

from __future__ import annotations

from primepos.core.errors import Conflict, NotFound, RuleViolation, Unavailable


class ShiftsOpen(RuleViolation):
    """Shifts are open: what their tills hold would stay behind."""

    code = "SHIFTS_OPEN"
    template = "{count} shift(s) are open; deliver what the tills hold, and close them first"


class NotMoving(RuleViolation):
    """The tenant is not on the move: only one that nobody changes any more can be carried over whole."""

    code = "NOT_MOVING"
    template = "This tenant is not on the move"


class StillSettling(Unavailable):
    """Sessions end everywhere within seconds; until then something might still be written."""

    code = "STILL_SETTLING"
    template = "Sessions are still ending; try again in a few seconds"


class OtherSchema(Conflict):
    """The other server's schema is another one than ours: both must run the same release."""

    code = "OTHER_SCHEMA"
    template = "The shop comes from schema {theirs}, and this server has {ours}: bring both to the same release"


class TenantHere(Conflict):
    """This very tenant is on this server already."""

    code = "TENANT_HERE"
    template = "This tenant is on this server already, as {slug!r}"


class NotArriving(RuleViolation):
    """The tenant is not arriving: parts can only be added to one that is, and only such a one can be given up."""

    code = "NOT_ARRIVING"
    template = "The tenant {slug!r} is not arriving"


class PartDiffers(Conflict):
    """A part with this number arrived before, with other content."""

    code = "PART_DIFFERS"
    template = "Part {part_no} arrived before, with other content"


class NotWhole(RuleViolation):
    """Not everything arrived; ``missing`` names tables with the rows expected and found."""

    code = "NOT_WHOLE"
    template = "Not everything arrived: {what}"


class ErasureNotFound(NotFound):
    """No erasure with this id was asked for."""

    code = "ERASURE_NOT_FOUND"
    template = "No such erasure"


class SecondPerson(RuleViolation):
    """Whoever asked cannot agree as well: an erasure takes an owner and an administrator of the installation."""

    code = "SECOND_PERSON"
    template = "An owner asks and an administrator of the installation agrees, or the other way round"


class NotDue(RuleViolation):
    """The erasure was not agreed to, was called off, or its time has not come."""

    code = "NOT_DUE"
    template = "This erasure is not due: {why}"


class FiscalHold(RuleViolation):
    """The law keeps the books for years after the last sale; only personal data can be erased before."""

    code = "FISCAL_HOLD"
    template = "The books must be kept until {until}; until then only personal data can be erased"


class ShopInUse(RuleViolation):
    """Only a shop that is suspended, or has moved, is erased."""

    code = "SHOP_IN_USE"
    template = "Suspend the shop first: nothing is erased of one that is in use"


class NoSuchTable(NotFound):
    """No table of this name is moved."""

    code = "NO_SUCH_TABLE"
    template = "No table {table!r} is moved"


class NoSuchFile(NotFound):
    """No file of this name belongs to the tenant."""

    code = "NO_SUCH_FILE"
    template = "No such file"
