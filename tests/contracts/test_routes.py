"""No route without an operation and its permission; no operation that nobody can reach without a reason."""

from __future__ import annotations

import importlib
import pkgutil

from litestar import Litestar

import primepos.domain
from primepos.api.app import CONTROLLERS, build_app, endpoints
from primepos.api.endpoint import OPT_KEY
from primepos.api.probes import PUBLIC_KEY
from primepos.core.operations import OPERATIONS, Operation
from primepos.core.permissions import Permission

# Not on the API, and why. The administration of the installation comes with the admin panel.
NOT_ROUTED = {
    "customers.reseal": "a change of keys is the server's: at its shell",
    "importing.load_customers": "one batch of a file that the command line reads",
    "importing.load_products": "one batch of a file that the command line reads",
    "importing.load_sales": "one batch of a file that the command line reads",
    "importing.load_stock": "one batch of a file that the command line reads",
    "importing.plan_customers": "the command line asks before it reads a file",
    "importing.plan_products": "the command line asks before it reads a file",
    "importing.plan_sales": "the command line asks before it reads a file",
    "importing.plan_stock": "the command line asks before it reads a file",
    "importing.run_upload": "the worker runs it when a file has been handed in",
    "importing.sales_by_month": "the command line compares an import with its source",
    "jobs.cancel": "administration of the installation: at the server's shell",
    "jobs.facts": "the deploy gate and the metrics ask for it",
    "jobs.list": "administration of the installation: at the server's shell",
    "jobs.record_success": "the nightly jobs and `backup record` do it",
    "jobs.retry": "administration of the installation: at the server's shell",
    "ops.verify_books": "walks every sale of every tenant: the command line and the worker do it",
    "ops.verify_own_books": "walks every sale of the tenant: too long for a request",
    "provisioning.apply": "a whole chain from one file: the command line reads it",
    "provisioning.plan": "a whole chain from one file: the command line reads it",
    "reporting.summarise_day": "the worker runs it when a shift closes",
    "tenancy.create": "administration of the installation: at the server's shell",
    "tenancy.list": "administration of the installation: at the server's shell",
    "tenancy.show": "administration of the installation: at the server's shell",
    "tenancy.suspend": "administration of the installation: at the server's shell",
    "tenancy.resume": "administration of the installation: at the server's shell",
    "users.block": "administration of the installation: at the server's shell",
    "users.unblock": "administration of the installation: at the server's shell",
    "users.create_superuser": "administration of the installation: at the server's shell",
}
PUBLIC_PATHS = {"/health", "/health/ready", "/metrics", "/api/v1", "/schema/openapi.json"}


def declared_here() -> dict[str, Operation]:
    """Return every operation of every feature's service; tests declare some of their own."""
    for feature in pkgutil.iter_modules(primepos.domain.__path__):
        name = f"primepos.domain.{feature.name}.service"
        if feature.ispkg and importlib.util.find_spec(name):
            importlib.import_module(name)
    return {
        name: operation
        for name, operation in OPERATIONS.items()
        if operation.handler.__module__.startswith("primepos.domain.")
    }


def test_every_route_runs_an_operation_or_is_public_for_a_reason(app):
    api = build_app(app)
    assert isinstance(api, Litestar)
    public = set()
    for route in api.routes:
        for handler in route.route_handlers:
            if "OPTIONS" in handler.http_methods:
                continue
            if PUBLIC_KEY in handler.opt:
                public.add(route.path)
                assert len(handler.opt[PUBLIC_KEY].split()) > 2
            else:
                endpoint = handler.opt[OPT_KEY]
                assert isinstance(endpoint.operation, Operation)
                assert isinstance(endpoint.operation.permission, Permission)
    assert public == PUBLIC_PATHS


def test_every_operation_is_reached_or_has_a_reason_not_to_be():
    routed = {endpoint.operation.name for _, _, endpoint in endpoints()}
    assert declared_here().keys() - routed == NOT_ROUTED.keys()


def test_only_signing_in_needs_no_token():
    public = {each.operation.name for _, _, each in endpoints() if each.operation.permission is Permission.PUBLIC}
    assert public == {"accounts.login", "accounts.refresh", "accounts.register"}


# Reads that are asked with a body all the same, and why.
ASKED_BY_BODY = {
    "catalog.labels": "hundreds of products do not fit into a URL",
    "catalog.print_labels": "hundreds of products do not fit into a URL",
    "giftcards.show": "the code of a card is money and does not belong into a URL",
    "promotions.try": "a cart does not fit into a URL",
}


def test_reading_is_get_and_changing_is_not():
    wrong = [
        endpoint.operation.name
        for _, _, endpoint in endpoints()
        if endpoint.operation.reads != (endpoint.method == "GET") and endpoint.operation.name not in ASKED_BY_BODY
    ]
    # It answers from what is stored and counts failures: a PIN does not belong into a URL.
    assert wrong == []


def test_paths_are_the_features_own():
    for controller in CONTROLLERS:
        assert controller.path.startswith("/api/v1/")
        assert controller.__doc__
    paths = [(endpoint.method, path) for path, _, endpoint in endpoints()]
    assert len(paths) == len(set(paths))


def test_what_the_path_and_the_server_give_are_fields_of_the_input():
    for path, _, endpoint in endpoints():
        fields = set(endpoint.operation.input.__struct_fields__)
        assert endpoint.hidden <= fields, path
        assert endpoint.defaults.keys() <= fields, path
