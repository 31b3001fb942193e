"""How the till can refuse; each text is what the cashier reads, so it says what to do next."""

from __future__ import annotations

from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation, Unavailable


class TillCannotWrite(Unavailable):
    """The journal cannot be written: nothing was sold, and the open sale is kept as it was."""

    code = "TILL_CANNOT_WRITE"
    template = "The till cannot write to its disk ({problem}). Nothing was sold; the open sale is kept."
    hint = "Free some space on the disk, then try again."


class JournalInUse(Conflict):
    """Another process has this register's journal open; two writers would double numbers."""

    code = "JOURNAL_IN_USE"
    template = "Another till is running on this register ({path})"
    hint = "Use the window that is open already, or close it first."


class JournalForeign(RuleViolation):
    """The file is the journal of another register, or of a later version of PrimePOS."""

    code = "JOURNAL_FOREIGN"
    template = "This is not the journal of this register: {problem}"


class JournalBroken(RuleViolation):
    """The chain of the journal does not verify; ``entry`` is the first place where it does not."""

    code = "JOURNAL_BROKEN"
    template = "The journal does not verify at entry {entry}: {problem}"
    hint = "Do not delete it. Keep a copy of the file and begin a new series for this register."


class SaleUnreadable(InvalidInput):
    """The sale could not be read back from its own text: it must not become an entry that nobody can deliver."""

    code = "SALE_UNREADABLE"
    template = "This sale cannot be written down: {problem}"


class SeriesLost(RuleViolation):
    """The server knows sales of this register that the journal on this disk does not hold."""

    code = "SERIES_LOST"
    template = "Receipts of this register went up to {last}, but its journal is not on this disk"
    hint = "If the disk is lost, begin a new series: primepos registers new-epoch"


class NotUnderstood(InvalidInput):
    """What was typed is nothing the till knows here."""

    code = "NOT_UNDERSTOOD"
    template = "{text!r} is not understood here: {problem}"


class ProductUnknown(NotFound):
    """No product on sale has this code."""

    code = "PRODUCT_NOT_FOUND"
    template = "No product {code}"


class LabelRefused(InvalidInput):
    """A weight or price label that must not become a line; ``problem`` says why."""

    code = "LABEL_REFUSED"
    template = "The label {code} cannot be sold: {problem}"


class NothingSelected(RuleViolation):
    """The key works on a line, and there is none."""

    code = "NOTHING_SELECTED"
    template = "There is no line yet"


class NotNow(RuleViolation):
    """The key does not work at this moment."""

    code = "NOT_NOW"
    template = "{problem}"


class TenderRefused(RuleViolation):
    """This kind or amount of payment is not taken."""

    code = "TENDER_REFUSED"
    template = "{problem}"


class CardNotSettled(RuleViolation):
    """Whether a card was charged is not known yet, so nothing else may pay and the sale is not finished."""

    code = "CARD_NOT_SETTLED"
    template = "{problem}"
    hint = "Press c to ask the terminal again, or give up there."


class NothingToVoid(RuleViolation):
    """There is no sale in this shift that could be voided."""

    code = "NOTHING_TO_VOID"
    template = "{problem}"


class SaleInTheWay(RuleViolation):
    """A sale is open, so another one cannot be taken up."""

    code = "SALE_IN_THE_WAY"
    template = "A sale with {lines} line(s) is open. Finish it or put it on hold with F7, then take up the other one."


class ShiftBlocked(RuleViolation):
    """The shift cannot be closed yet; every reason is listed."""

    code = "SHIFT_BLOCKED"
    template = "The shift cannot be closed yet: {problems}"


class NoSuchTill(NotFound):
    """No register of kind till has this code, or there are several and none was named."""

    code = "NO_SUCH_TILL"
    template = "{problem}"


class ScriptFailed(InvalidInput):
    """A recorded shift did something that the till refused."""

    code = "SCRIPT_FAILED"
    template = "Line {line} ({text}): {problem}"
