"""Files that come in, tables that go out, and the jobs between."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.api.streaming import streams
from primepos.domain.exporting import service as exporting
from primepos.domain.importing import service as importing
from primepos.domain.jobs import service as jobs


class ImportsController(Controller):
    """Handing in files, and how files of a shape are read."""

    path = "/api/v1/imports"
    tags = ("imports",)

    submit = runs(importing.submit_import, "POST", status=HTTPStatus.ACCEPTED, keyed=True)
    find_mapping = runs(importing.find_mapping, "GET", "/mappings/{kind:str}/{header:str}")
    save_mapping = runs(importing.save_mapping, "PUT", "/mappings/{kind:str}/{header:str}")
    add_part = runs(importing.add_part, "POST", "/{id:str}/parts", status=HTTPStatus.ACCEPTED)
    refused = runs(importing.refused_rows, "GET", "/{id:str}/refused")


class ExportsController(Controller):
    """Everything a shop has, a part of a table at a time."""

    path = "/api/v1/exports"
    tags = ("exports",)

    datasets = runs(exporting.list_datasets, "GET")
    # The whole table as CSV, while it is read, for who accepts text/csv.
    read = streams(exporting.read_part, "/{dataset:str}")


class JobsController(Controller):
    """Jobs that somebody asked for."""

    path = "/api/v1/jobs"
    tags = ("jobs",)

    show = runs(jobs.show_job, "GET", "/{id:str}")
