"""X and Z: figures of a shift, worked out while it is open, stored when it closes, hidden from who counts blind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from primepos.domain.cash import ledger, queries
from primepos.domain.cash.schemas import (
    AdjustmentOut,
    MovementFigure,
    PersonFigure,
    ShiftFigures,
    ShiftOut,
    Supplement,
    Tally,
    TaxFigure,
    TenderFigure,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from primepos.core.db import UnitOfWork

_SECRETS = ("expected", "difference", "expected_float", "opening_difference")
_MOST_ADJUSTMENTS = 200


def shift_out(shift: Mapping[str, Any], *, sees: bool) -> ShiftOut:
    """Return a shift as it is told; who may not see what the cash should be gets None for it."""
    fields = {name: shift[name] for name in ShiftOut.__struct_fields__}
    if not sees:
        fields.update(dict.fromkeys(_SECRETS))
    return ShiftOut(**fields)


def work_out(
    uow: UnitOfWork,
    tenant_id: int,
    shift: Mapping[str, Any],
    currency: str,
    *,
    tallies: Sequence[Tally] = (),
    missing: Sequence[str] = (),
    unsent: int = 0,
    made_at: datetime | None = None,
) -> ShiftFigures:
    """Return all figures of a shift from its stored rows, without what came late."""
    found = queries.figures(uow, tenant_id, shift["id"])
    return ShiftFigures(
        shift=shift_out(shift, sees=True),
        currency=currency,
        register=shift["register"],
        sales=found["sales"],
        voids=found["voids"],
        refunds=found["refunds"],
        first_receipt=found["first_receipt"],
        last_receipt=found["last_receipt"],
        base=found["base"],
        tax=found["tax"],
        rounding=found["rounding"],
        value=found["value"],
        total=found["total"],
        tenders=[TenderFigure(**each) for each in found["tenders"]],
        taxes=[TaxFigure(**{**each, "rate": f"{each['rate'].normalize():f}"}) for each in found["taxes"]],
        late=0,
        movements=[MovementFigure(**each) for each in found["movements"] if each["kind"] != "no_sale"],
        no_sales=sum(each["count"] for each in found["movements"] if each["kind"] == "no_sale"),
        persons=[PersonFigure(**each) for each in found["persons"]],
        people=found["people"],
        tallies=list(tallies),
        missing=list(missing),
        unsent=unsent,
        made_at=made_at,
    )


def tally(
    expected: Mapping[str, int], tenders: Sequence[TenderFigure], home: str, counted: Mapping[Any, int]
) -> list[Tally]:
    """Set what was counted beside what there should be: cash by currency, then the other tenders.

    ``counted`` is keyed by ``(kind, currency)``; what nobody counted has neither count nor difference.
    """
    wanted = {("cash", each): amount for each, amount in expected.items() if amount or each == home}
    wanted |= {(each.kind, home): each.amount for each in tenders if each.kind != "cash"}
    wanted |= {key: 0 for key in counted if key not in wanted}
    return [
        Tally(
            kind=kind,
            currency=currency,
            expected=amount,
            counted=counted.get((kind, currency)),
            difference=counted[kind, currency] - amount if (kind, currency) in counted else None,
        )
        for (kind, currency), amount in wanted.items()
    ]


def stored(uow: UnitOfWork, tenant_id: int, shift: Mapping[str, Any], currency: str) -> ShiftFigures:
    """Return the Z of a closed shift as it was stored, with what came after it as its supplement.

    A shift that was closed before Z reports were stored is worked out from its rows.
    """
    kept = queries.stored_report(uow, tenant_id, shift["id"])
    z = work_out(uow, tenant_id, shift, currency) if kept is None else msgspec.convert(kept, ShiftFigures)
    supplement = supplement_of(uow, tenant_id, shift["id"])
    if supplement is None:
        return z
    return msgspec.structs.replace(z, late=supplement.sales, supplement=supplement)


def supplement_of(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> Supplement | None:
    """Return what came after the Z of a shift; None where nothing did."""
    found = queries.figures(uow, tenant_id, shift_id, late=True)
    asked = {"shift": shift_id, "waiting": None, "outlets": None, "after_at": None, "after_id": None}
    adjustments = ledger.page_of_adjustments(uow, tenant_id, {**asked, "limit": _MOST_ADJUSTMENTS})
    sales = found["sales"] + found["voids"] + found["refunds"]
    if not (sales or found["movements"] or adjustments):
        return None
    return Supplement(
        sales=sales,
        total=found["total"],
        tenders=[TenderFigure(**each) for each in found["tenders"]],
        movements=[MovementFigure(**each) for each in found["movements"]],
        adjustments=[adjustment_out(each) for each in reversed(adjustments)],
    )


def adjustment_out(row: Mapping[str, Any]) -> AdjustmentOut:
    """Return an adjustment as it is told."""
    return AdjustmentOut(**{name: row[name] for name in AdjustmentOut.__struct_fields__})


def seen_blind(figures: ShiftFigures) -> ShiftFigures:
    """Return the figures without what the cash should be; while the shift is open, without what it follows from."""
    shift = msgspec.structs.replace(figures.shift, **dict.fromkeys(_SECRETS))
    supplement = figures.supplement
    if supplement is not None:
        # A count that waits says what was counted, which who counted knows; confirmed ones stay with the manager.
        supplement = msgspec.structs.replace(supplement, adjustments=[])
    hidden = msgspec.structs.replace(
        figures,
        shift=shift,
        supplement=supplement,
        tallies=[],
    )
    if figures.shift.closed_at is not None:
        return hidden
    return msgspec.structs.replace(
        hidden,
        base=None,
        tax=None,
        rounding=None,
        value=None,
        total=None,
        tenders=[each for each in figures.tenders if each.kind != "cash"],
        taxes=[],
    )
