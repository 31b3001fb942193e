"""Shifts of registers, the cash in their drawers, and the safe."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.cash import service


class ShiftsController(Controller):
    """Opening, ending, closing, reading; the figures are the X report, and the Z report once closed."""

    path = "/api/v1/shifts"
    tags = ("shifts",)

    open = runs(service.open_shift, "POST", status=HTTPStatus.CREATED, located="/api/v1/shifts/{id}")
    find = runs(service.list_shifts, "GET")
    show = runs(service.show_shift, "GET", "/{id:str}", into={"id": "shift_id"})
    join = runs(service.join_shift, "POST", "/{id:str}/people", into={"id": "shift_id"})
    end = runs(service.end_shift, "POST", "/{id:str}/end", into={"id": "shift_id"})
    preflight = runs(service.preflight, "GET", "/{id:str}/preflight", into={"id": "shift_id"})
    close = runs(service.close_shift, "POST", "/{id:str}/close", into={"id": "shift_id"})
    force = runs(service.force_close_shift, "POST", "/{id:str}/force-close", into={"id": "shift_id"})
    figures = runs(service.shift_figures, "GET", "/{id:str}/figures", into={"id": "shift_id"})
    move = runs(service.move_cash, "POST", "/{id:str}/movements", into={"id": "shift_id"}, status=HTTPStatus.CREATED)
    drawer = runs(
        service.open_drawer, "POST", "/{id:str}/drawer-openings", into={"id": "shift_id"}, status=HTTPStatus.CREATED
    )
    count = runs(service.count_cash, "POST", "/{id:str}/counts", into={"id": "shift_id"}, status=HTTPStatus.CREATED)
    propose = runs(
        service.propose_adjustment,
        "POST",
        "/{id:str}/adjustments",
        into={"id": "shift_id"},
        status=HTTPStatus.CREATED,
    )


class CashController(Controller):
    """What is not of one shift: movements, differences, adjustments, safes, coins and notes, what tills deliver."""

    path = "/api/v1/cash"
    tags = ("cash",)

    movements = runs(service.list_movements, "GET", "/movements")
    variances = runs(service.list_variances, "GET", "/variances")
    adjustments = runs(service.list_adjustments, "GET", "/adjustments")
    decide = runs(service.decide_adjustment, "POST", "/adjustments/{id:str}/decision", into={"id": "id"})
    safes = runs(service.list_safes, "GET", "/safes")
    entries = runs(service.list_safe_entries, "GET", "/safes/{id:str}/entries", into={"id": "outlet_id"})
    deposit = runs(
        service.bank_deposit,
        "POST",
        "/safes/{id:str}/deposits",
        into={"id": "outlet_id"},
        status=HTTPStatus.CREATED,
    )
    count_safe = runs(
        service.count_safe, "POST", "/safes/{id:str}/counts", into={"id": "outlet_id"}, status=HTTPStatus.CREATED
    )
    denominations = runs(service.list_denominations, "GET", "/denominations")
    set_denominations = runs(
        service.set_denominations, "PUT", "/denominations/{currency:str}", into={"currency": "currency"}
    )
    deliver = runs(service.deliver_cash, "POST", "/deliver")
    deliver_closing = runs(service.deliver_closing, "POST", "/deliver-closing")
