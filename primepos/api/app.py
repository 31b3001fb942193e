"""The HTTP API, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from litestar import Controller, Litestar, Response, get
from litestar.handlers import HTTPRouteHandler

from primepos import __version__
from primepos.adapters import readiness as database_readiness
from primepos.adapters.telemetry.figures import FiguresCollector
from primepos.adapters.telemetry.metrics import Metrics
from primepos.adapters.telemetry.starting import flush_telemetry
from primepos.api.admission import Admission
from primepos.api.body import MAX_BODY_BYTES
from primepos.api.draining import draining
from primepos.api.edge import Edge
from primepos.api.endpoint import DOOR_KEY, JSON, OPT_KEY, Door, Endpoint, Resolver
from primepos.api.errors import HANDLERS
from primepos.api.identity import BearerReader
from primepos.api.methods import allowed_methods
from primepos.api.metrics import MetricsPage, metrics_handler
from primepos.api.openapi import document
from primepos.api.probes import PUBLIC_KEY, Readiness, probe_handlers
from primepos.api.quota import Quota
from primepos.api.routes.approvals import ApprovalsController
from primepos.api.routes.audit import AuditController
from primepos.api.routes.auth import AuthController
from primepos.api.routes.categories import CategoriesController
from primepos.api.routes.customers import CustomersController
from primepos.api.routes.devices import DevicesController
from primepos.api.routes.fiscal import FiscalController
from primepos.api.routes.interchange import ExportsController, ImportsController, JobsController
from primepos.api.routes.moving import ArrivalsController, ErasuresController, LeavingController
from primepos.api.routes.offers import (
    CouponsController,
    OffersController,
    PriceListsController,
    PromotionsController,
    TaxMappingsController,
)
from primepos.api.routes.orders import OrdersController, RemovedController
from primepos.api.routes.outlets import OutletsController
from primepos.api.routes.plans import PlansController, UsageController
from primepos.api.routes.products import LabelsController, ProductsController
from primepos.api.routes.purchasing import PurchasesController, SuppliersController
from primepos.api.routes.registers import RegistersController
from primepos.api.routes.reports import ReportsController
from primepos.api.routes.roles import RolesController
from primepos.api.routes.sales import SalesController
from primepos.api.routes.shifts import CashController, ShiftsController
from primepos.api.routes.staff import StaffController
from primepos.api.routes.stock import CountsController, StockController, TransfersController
from primepos.api.routes.taxes import TaxClassesController, TaxesController
from primepos.api.routes.tenant import TenantController
from primepos.api.routes.timeclock import StaffReportsController, TimeclockController
from primepos.api.routes.users import UsersController
from primepos.api.routes.values import AccountsController, GiftCardsController, ValuesController
from primepos.api.watching import Watch
from primepos.api.wire import encode
from primepos.core.operations import App

PREFIX = "/api/v1"
SCHEMA_PATH = "/schema/openapi.json"
READINESS_KEY = "primepos_readiness"
CONTROLLERS: tuple[type[Controller], ...] = (
    AuthController,
    TenantController,
    UsersController,
    RolesController,
    StaffController,
    ApprovalsController,
    TimeclockController,
    StaffReportsController,
    OutletsController,
    RegistersController,
    DevicesController,
    ProductsController,
    LabelsController,
    CategoriesController,
    TaxesController,
    TaxClassesController,
    TaxMappingsController,
    PriceListsController,
    PromotionsController,
    CouponsController,
    OffersController,
    StockController,
    CustomersController,
    TransfersController,
    CountsController,
    SuppliersController,
    PurchasesController,
    ShiftsController,
    CashController,
    SalesController,
    GiftCardsController,
    ValuesController,
    AccountsController,
    FiscalController,
    OrdersController,
    RemovedController,
    ReportsController,
    AuditController,
    PlansController,
    LeavingController,
    ArrivalsController,
    ErasuresController,
    UsageController,
    ImportsController,
    ExportsController,
    JobsController,
)


def build_app(app: App, *, resolve: Resolver | None = None) -> Litestar:
    """Return the API over an App. ``resolve`` turns bearer tokens into identities; None reads access tokens.

    Operations run in as many threads as the pool keeps connections; the overflow is left to what runs beside them. More
    threads only fight over the interpreter: at 8 callers and 10 threads the slowest hundredth took twice as long.
    """
    settings = app.settings
    threads = ThreadPoolExecutor(max_workers=settings.db_pool_size, thread_name_prefix="primepos-api")
    url = database_readiness.plain_url(app.database.engine.url)
    readiness = Readiness(lambda: database_readiness.probe(url))
    metrics = Metrics()
    commit = settings.platform.release
    page = MetricsPage(metrics, settings.metrics_token, FiguresCollector(url, version=__version__, commit=commit))

    quota = Quota(app)

    @asynccontextmanager
    async def lifespan(_api: Litestar) -> AsyncIterator[None]:
        quota.start()
        with draining(readiness.stop), metrics.watching(app):
            try:
                yield
            finally:
                readiness.stop()
                readiness.close()
                page.close()
                flush_telemetry()
                threads.shutdown(wait=True, cancel_futures=True)
                quota.stop()

    handlers: list[Any] = [*probe_handlers(readiness, commit=commit), metrics_handler(page), _root, *CONTROLLERS]
    if not settings.is_production:
        handlers.append(_schema)
    api = Litestar(
        route_handlers=handlers,
        openapi_config=None,
        exception_handlers=HANDLERS,
        logging_config=None,
        request_max_body_size=MAX_BODY_BYTES,
        lifespan=[lifespan],
        debug=False,
    )
    setattr(api.state, DOOR_KEY, Door(app, resolve or BearerReader(), threads, quota, Admission(settings.db_pool_size)))
    setattr(api.state, READINESS_KEY, readiness)
    handler: Any = Edge(
        api.asgi_handler, settings, lambda path: allowed_methods(api, path), lambda: readiness.is_stopping
    )
    watched: Any = Watch(handler, metrics)
    api.asgi_handler = watched
    return api


def endpoints() -> list[tuple[str, tuple[str, ...], Endpoint]]:
    """Return every route that runs an operation: full path, tags, endpoint; in the order of the controllers."""
    found = []
    for controller in CONTROLLERS:
        # By vars(): on the class the names are the framework's slots to a type checker.
        said = vars(controller)
        for handler in said.values():
            if isinstance(handler, HTTPRouteHandler):
                endpoint: Endpoint = handler.opt[OPT_KEY]
                found.append((f"{said['path']}{endpoint.path}".rstrip("/"), tuple(said["tags"]), endpoint))
    return found


def openapi() -> dict[str, Any]:
    """Return the description of the API; the same for every installation."""
    return document(endpoints())


@get(PREFIX, opt={PUBLIC_KEY: "the root: says what this is"}, name="root")
async def _root() -> dict[str, str]:
    return {"name": "PrimePOS API", "version": "v1"}


@get(SCHEMA_PATH, opt={PUBLIC_KEY: "the description of the API; not served in production"}, name="schema")
async def _schema() -> Response[bytes]:
    return Response(encode(openapi()), media_type=JSON)
