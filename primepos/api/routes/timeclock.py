"""The time clock."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.staff import service


class TimeclockController(Controller):
    """Clocking in and out, corrections, hours."""

    path = "/api/v1/timeclock"
    tags = ("timeclock",)

    begin = runs(service.clock_in, "POST", "/in", status=HTTPStatus.CREATED)
    end = runs(service.clock_out, "POST", "/out")
    find = runs(service.list_entries, "GET", "/entries")
    add = runs(service.add_entry, "POST", "/entries", status=HTTPStatus.CREATED)
    correct = runs(
        service.correct_entry,
        "POST",
        "/entries/{id:str}/corrections",
        status=HTTPStatus.CREATED,
        into={"id": "entry_id"},
    )
    hours = runs(service.worked_hours, "GET", "/hours")


class StaffReportsController(Controller):
    """Figures by person."""

    path = "/api/v1/reports"
    tags = ("reports",)

    staff = runs(service.report_staff, "GET", "/staff")
    commission = runs(service.report_commission, "GET", "/commission")
