"""Moving a whole shop to another server."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.moving import service


class LeavingController(Controller):
    """One's own shop as it leaves: closed for good, then read whole."""

    path = "/api/v1/move"
    tags = ("moving",)

    begin = runs(service.begin_move, "POST")
    outline = runs(service.outline, "GET")
    rows = runs(service.read_rows, "GET", "/tables/{table:str}")
    file = runs(service.read_file, "GET", "/files/{name:str}")


class ArrivalsController(Controller):
    """A shop that arrives, for the operator of the installation: part by part, and seen when it is whole."""

    path = "/api/v1/arrivals"
    tags = ("moving",)

    open = runs(service.open_arrival, "POST", status=HTTPStatus.CREATED)
    put_rows = runs(service.put_rows, "PUT", "/{slug:str}/parts/{part_no:str}")
    put_file = runs(service.put_file, "PUT", "/{slug:str}/files/{name:str}")
    finish = runs(service.finish_arrival, "POST", "/{slug:str}/finish")
    give_up = runs(service.give_up_arrival, "DELETE", "/{slug:str}")


class ErasuresController(Controller):
    """Erasing a shop: one side asks, the other agrees, and after a waiting time it is done."""

    path = "/api/v1/erasures"
    tags = ("moving",)

    ask = runs(service.ask_erasure, "POST", "/{slug:str}", status=HTTPStatus.CREATED)
    agree = runs(service.agree_erasure, "POST", "/{slug:str}/{id:str}/agree")
    cancel = runs(service.cancel_erasure, "POST", "/{slug:str}/{id:str}/cancel")
    run = runs(service.run_erasure, "POST", "/{slug:str}/{id:str}/run")
