"""What goes into and comes out of the operations on shifts, their cash and the safe. Amounts are minor units."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.texts import Name, tidy

Counted = Annotated[int, Meta(ge=0, le=10**15)]
Amount = Annotated[int, Meta(gt=0, le=10**15)]
Signed = Annotated[int, Meta(ge=-(10**15), le=10**15)]
Moment = Annotated[datetime, Meta(tz=True)]
CurrencyCode = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
Reason = Name
Reference = Annotated[str, Meta(max_length=64, pattern=r"\A[ -~]*\Z")]
# How many there are of each coin and note, by its value in minor units.
Pieces = Annotated[
    dict[Annotated[str, Meta(pattern=r"\A[1-9][0-9]{0,11}\Z")], Annotated[int, Meta(ge=0, le=10**6)]],
    Meta(max_length=60),
]
Mark = Annotated[str, Meta(max_length=64)]
Limit = Annotated[int, Meta(ge=1, le=200)]
MoveKind = Literal["paid_in", "paid_out", "drop", "pickup", "loan"]
SafeKind = Literal["drop", "closing", "loan", "deposit", "count"]


class ForeignCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cash of another currency that was counted in the drawer, in its own minor units."""

    currency: CurrencyCode
    counted: Counted
    denominations: Pieces | None = None
    to_safe: Counted = 0


class TenderCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody counted of a tender that is not cash: the slips of a card terminal, say."""

    kind: Annotated[str, Meta(min_length=1, max_length=32, pattern=r"\A[a-z][a-z_]*\Z")]
    counted: Signed


class Printed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The highest receipt number that the till has given in its present series."""

    epoch: Annotated[int, Meta(ge=1, le=10**6)]
    number: Annotated[int, Meta(ge=0, le=10**12)]


class OpenShift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Open a till's shift with a counted float. ``id`` is the caller's and makes the call safe to repeat.

    ``denominations`` must come to ``opening_float``. ``reason`` explains why it is not what the last count left.
    """

    id: UUID
    register_id: UUID
    opening_float: Counted
    opened_at: Moment | None = None
    denominations: Pieces | None = None
    foreign: Annotated[list[ForeignCount], Meta(max_length=20)] = []
    reason: Reason | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")


class CloseShift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Close a shift with the counted cash.

    ``to_safe`` of it goes into the safe, the rest stays in the drawer. ``tenders`` are counts of what is not cash.
    ``held`` and ``unsent`` are what the till tells of itself, ``printed`` the last number it gave. ``reason`` is
    needed where the difference is beyond the limit.
    """

    shift_id: UUID
    counted: Counted
    denominations: Pieces | None = None
    foreign: Annotated[list[ForeignCount], Meta(max_length=20)] = []
    tenders: Annotated[list[TenderCount], Meta(max_length=20)] = []
    to_safe: Counted = 0
    reason: Reason | None = None
    held: Annotated[int, Meta(ge=0, le=10**6)] = 0
    unsent: Annotated[int, Meta(ge=0, le=10**6)] = 0
    printed: Printed | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")


class DeliverClosing(CloseShift, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A closing that happened at a till: who closed it there, when, and who consented."""

    actor_id: UUID
    actor: Name
    closed_at: Moment | None = None
    approver_id: UUID | None = None
    approver: Name | None = None


class EndShift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No more sales in this shift; its drawer is still to be counted."""

    shift_id: UUID


class ForceClose(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Close a shift that was left open, and say why; ``counted`` None where nobody can count its drawer."""

    shift_id: UUID
    reason: Reason
    counted: Counted | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")


class ShowShift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for one shift by id."""

    shift_id: UUID


class ListShifts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for shifts, newest first. ``after`` is the ``next`` of the page before."""

    register_id: UUID | None = None
    is_open: bool | None = None
    after: Mark | None = None
    limit: Limit = 50


class ShiftOut(Struct, frozen=True, kw_only=True):
    """A shift. What the cash should be is None for who may not read it: a blind close.

    ``opening_difference`` is the counted float less what the last count left in the drawer; it is a record of its own
    and never part of ``expected``. *Ended* is no more sales, *closed* is counted. ``forced``: closed in its absence.
    """

    id: UUID
    register_id: UUID
    outlet_id: UUID
    kind: str
    business_date: date
    opened_at: datetime
    opened_by: str
    opening_float: int
    closed_at: datetime | None
    closed_by: str | None
    expected: int | None
    counted: int | None
    difference: int | None
    z_number: int | None
    expected_float: int | None = None
    opening_difference: int | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    taken_out: int = 0
    reason: str | None = None
    approved_by: str | None = None
    forced: bool = False


class ShiftPage(Struct, frozen=True, kw_only=True):
    """A page of shifts; ``next`` None says it is the last."""

    items: list[ShiftOut]
    next: str | None


class TenderFigure(Struct, frozen=True, kw_only=True):
    """What came in by one kind of tender, change already off cash."""

    kind: str
    count: int
    amount: int


class TaxFigure(Struct, frozen=True, kw_only=True):
    """One tax of the shift."""

    code: str
    name: str
    rate: str
    base: int
    amount: int


class MovementFigure(Struct, frozen=True, kw_only=True):
    """Cash of one kind that came into the drawer (above zero) or left it outside sales."""

    kind: str
    currency: str
    count: int
    amount: int


class PersonFigure(Struct, frozen=True, kw_only=True):
    """What one person did in the shift; ``no_sales`` is how often they opened the drawer for no sale."""

    name: str
    sales: int
    voids: int
    refunds: int
    no_sales: int


class Tally(Struct, frozen=True, kw_only=True):
    """What one tender should come to and what was counted of it; ``counted`` None where nobody counted it."""

    kind: str
    currency: str
    expected: int
    counted: int | None = None
    difference: int | None = None


class AdjustmentOut(Struct, frozen=True, kw_only=True):
    """Another count for a closed shift; ``confirmed`` None while it waits for its second person."""

    id: UUID
    shift_id: UUID
    currency: str
    counted_before: int
    counted_after: int
    reason: str
    proposed_at: datetime
    proposed_by: str
    confirmed: bool | None
    decided_at: datetime | None
    decided_by: str | None


class Supplement(Struct, frozen=True, kw_only=True):
    """What came after a Z, which itself never changes: late sales, late movements, other counts."""

    sales: int
    total: int
    tenders: list[TenderFigure]
    movements: list[MovementFigure]
    adjustments: list[AdjustmentOut]


class ShiftFigures(Struct, frozen=True, kw_only=True):
    """The figures of an X report (open shift) or a Z report (closed, numbered and final).

    Who closes blind gets no cash, no taxes and no totals before the close: any of them, less the cards, is the cash.
    Worked out from the stored rows of the shift's sales, voids and refunds, never from rounded parts; a Z is stored
    as it was at the closing. ``late`` counts what was delivered after closing, ``supplement`` says what it was.
    ``missing`` names receipts that the till has printed and the server did not have.
    """

    shift: ShiftOut
    currency: str
    register: str
    sales: int
    voids: int
    refunds: int
    first_receipt: str | None
    last_receipt: str | None
    base: int | None
    tax: int | None
    rounding: int | None
    total: int | None
    tenders: list[TenderFigure]
    taxes: list[TaxFigure]
    late: int
    value: int | None = 0
    movements: list[MovementFigure] = []
    no_sales: int = 0
    persons: list[PersonFigure] = []
    people: list[str] = []
    tallies: list[Tally] = []
    missing: list[str] = []
    unsent: int = 0
    made_at: datetime | None = None
    supplement: Supplement | None = None


class MoveCash(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Put cash into an open shift's drawer or take some out, and say why.

    ``paid_in`` and ``paid_out`` are from and to the world outside, ``drop`` goes into the outlet's safe, ``loan``
    comes out of it, ``pickup`` leaves the shop at once. ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID
    shift_id: UUID
    kind: MoveKind
    amount: Amount
    reason: Reason
    currency: CurrencyCode | None = None
    reference: Reference = ""

    def __post_init__(self) -> None:
        tidy(self, "reason")


class OpenDrawer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Open a drawer for no sale, and say why. ``id`` is the caller's and makes the call safe to repeat."""

    id: UUID
    shift_id: UUID
    reason: Reason

    def __post_init__(self) -> None:
        tidy(self, "reason")


class DeliverCash(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened at a till around its drawer, told by the till itself: who did it there, when, who consented.

    ``amount`` is above zero for what moves cash, the count for ``counted``, zero for the rest.
    """

    id: UUID
    shift_id: UUID
    kind: Literal["paid_in", "paid_out", "drop", "pickup", "no_sale", "counted", "joined", "ended"]
    at: Moment
    actor_id: UUID
    actor: Name
    amount: Counted = 0
    reason: Reason | None = None
    currency: CurrencyCode | None = None
    reference: Reference = ""
    denominations: Pieces | None = None
    approver_id: UUID | None = None
    approver: Name | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")
        moves = self.kind in {"paid_in", "paid_out", "drop", "pickup"}
        if moves != (self.amount > 0) and self.kind != "counted":
            raise ValueError("amount: above zero where cash moves, else zero")
        if (moves or self.kind == "no_sale") and self.reason is None:
            raise ValueError("reason: missing")


class Delivered(Struct, frozen=True, kw_only=True):
    """The server has it; ``late`` where the shift was closed before it came."""

    id: UUID
    late: bool


class MovementOut(Struct, frozen=True, kw_only=True):
    """One movement of a drawer; ``amount`` has the drawer's sign, zero where it was opened for no sale."""

    id: UUID
    shift_id: UUID
    kind: str
    currency: str
    amount: int
    reason: str
    reference: str
    moved_at: datetime
    recorded_at: datetime
    actor_id: UUID | None
    actor: str
    approved_by: str | None
    late: bool


class ListMovements(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for movements, newest first, of one shift, of one kind."""

    shift_id: UUID | None = None
    kind: MoveKind | Literal["no_sale"] | None = None
    after: Mark | None = None
    limit: Limit = 50


class CashMovementPage(Struct, frozen=True, kw_only=True):
    """A page of movements; ``next`` None says it is the last."""

    items: list[MovementOut]
    next: str | None


class CountCash(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Count the drawer of an open shift, in between (``spot``) or before closing; closing counts may be repeated."""

    id: UUID
    shift_id: UUID
    counted: Counted
    kind: Literal["spot", "closing"] = "spot"
    currency: CurrencyCode | None = None
    denominations: Pieces | None = None


class DrawerCountOut(Struct, frozen=True, kw_only=True):
    """A count that was recorded; ``expected`` and ``difference`` are None for who counts blind."""

    id: UUID
    shift_id: UUID
    kind: str
    currency: str
    counted: int
    expected: int | None
    difference: int | None
    denominations: dict[str, int] | None
    counted_at: datetime
    actor: str


class Denomination(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One coin or note, by its value in minor units."""

    value: Annotated[int, Meta(ge=1, le=10**12 - 1)]
    kind: Literal["coin", "note"]


class AskDenominations(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the coins and notes of a currency; the tenant's own where none is named."""

    currency: CurrencyCode | None = None


class SetDenominations(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say which coins and notes are counted; an empty list goes back to what is usual."""

    currency: CurrencyCode
    items: Annotated[list[Denomination], Meta(max_length=60)]

    def __post_init__(self) -> None:
        if len({each.value for each in self.items}) != len(self.items):
            raise ValueError("items: a value is listed twice")


class DenominationsOut(Struct, frozen=True, kw_only=True):
    """The coins and notes of a currency, smallest first; ``own`` where the tenant has set them."""

    currency: str
    own: bool
    items: list[Denomination]


class AskPreflight(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what stands in the way of closing. What only the till knows, it tells.

    ``held`` sales are on hold there, ``unsent`` records wait to be delivered, ``set_aside`` ones were refused;
    ``epoch`` and ``number`` are the last receipt it printed; ``counted``: its drawer is.
    """

    shift_id: UUID
    held: Annotated[int, Meta(ge=0, le=10**6)] = 0
    unsent: Annotated[int, Meta(ge=0, le=10**6)] = 0
    set_aside: Annotated[int, Meta(ge=0, le=10**6)] = 0
    epoch: Annotated[int, Meta(ge=1, le=10**6)] | None = None
    number: Annotated[int, Meta(ge=0, le=10**12)] | None = None
    counted: bool = False


class Finding(Struct, frozen=True, kw_only=True):
    """One thing to know before closing; ``items`` names every case of it, as far as 100."""

    code: str
    text: str
    items: list[str] = []


class Preflight(Struct, frozen=True, kw_only=True):
    """Everything at once: ``blockers`` stand in the way of closing, ``warnings`` do not."""

    shift_id: UUID
    blockers: list[Finding]
    warnings: list[Finding]


class ProposeAdjustment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Propose another count for a closed shift; somebody else has to confirm it."""

    id: UUID
    shift_id: UUID
    counted: Counted
    reason: Reason
    currency: CurrencyCode | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")


class DecideAdjustment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Confirm or refuse what another person has proposed."""

    id: UUID
    confirm: bool


class ListAdjustments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for adjustments, newest first: of one shift, or those that wait."""

    shift_id: UUID | None = None
    waiting: bool | None = None
    after: Mark | None = None
    limit: Limit = 50


class AdjustmentPage(Struct, frozen=True, kw_only=True):
    """A page of adjustments; ``next`` None says it is the last."""

    items: list[AdjustmentOut]
    next: str | None


class ListVariances(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for what was booked as over or short, newest first, of business days ``since`` to ``until``."""

    since: date | None = None
    until: date | None = None
    shift_id: UUID | None = None
    after: Mark | None = None
    limit: Limit = 50


class VarianceOut(Struct, frozen=True, kw_only=True):
    """A difference that was booked: over above zero, short below."""

    id: UUID
    shift_id: UUID
    register: str
    kind: str
    tender: str
    currency: str
    amount: int
    reason: str
    business_date: date
    booked_at: datetime
    actor: str
    approved_by: str | None


class VariancePage(Struct, frozen=True, kw_only=True):
    """A page of differences; ``next`` None says it is the last."""

    items: list[VarianceOut]
    next: str | None


class AskSafes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what the safes hold."""

    outlet_id: UUID | None = None


class SafeOut(Struct, frozen=True, kw_only=True):
    """What an outlet's safe holds of one currency."""

    outlet_id: UUID
    outlet: str
    currency: str
    balance: int
    entries: int


class SafesOut(Struct, frozen=True, kw_only=True):
    """The safes, by outlet and currency."""

    items: list[SafeOut]


class ListSafeEntries(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the entries of one safe, newest first."""

    outlet_id: UUID
    currency: CurrencyCode | None = None
    before: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    limit: Limit = 50


class SafeEntryOut(Struct, frozen=True, kw_only=True):
    """One entry of a safe; ``balance`` is what it left."""

    id: UUID
    outlet_id: UUID
    currency: str
    entry_no: int
    kind: str
    amount: int
    balance: int
    shift_id: UUID | None
    reason: str
    reference: str
    moved_at: datetime
    actor: str
    approved_by: str | None


class SafeEntryPage(Struct, frozen=True, kw_only=True):
    """A page of entries; ``next`` is what to pass as ``before``, None on the last page."""

    items: list[SafeEntryOut]
    next: int | None


class BankDeposit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take cash from the safe to the bank. ``id`` is the caller's; ``reference`` is the bank's slip."""

    id: UUID
    outlet_id: UUID
    amount: Amount
    reason: Reason
    reference: Reference = ""
    currency: CurrencyCode | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")


class CountSafe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say what the safe holds; the difference becomes an entry. ``id`` is the caller's."""

    id: UUID
    outlet_id: UUID
    counted: Counted
    reason: Reason
    currency: CurrencyCode | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")


class CashRules(Struct, frozen=True, kw_only=True):
    """The tenant's rules as they were when a shift was opened; later changes do not touch it."""

    difference_limit: int | None = None
    held_at_close: Literal["carry", "block"] = "carry"
