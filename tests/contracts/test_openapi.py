"""The published description: valid, committed, complete, and stable in its names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from primepos.api.app import endpoints, openapi
from primepos.api.wire import DECIMAL_PATTERN
from primepos.core.permissions import Permission

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
DOCUMENT = openapi()
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
ROUTED = [each for each in OPERATIONS if "x-permission" in each[2]]


def everything(value: Any):
    """Yield every object of the document."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from everything(each)
    elif isinstance(value, list):
        for each in value:
            yield from everything(each)


def test_it_is_valid_openapi_3_1():
    assert DOCUMENT["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_the_committed_description_is_the_present_one():
    written = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(DOCUMENT)), "run: python scripts/docs.py"


def test_operation_ids_are_the_operations_names_and_unique():
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))
    assert {"sales.book", "sales.deliver", "sales.get", "sales.list", "sales.void", "sales.void.delete"} <= set(ids)
    assert {"accounts.login", "accounts.refresh", "accounts.logout", "accounts.me", "accounts.register"} <= set(ids)


def test_the_paths_that_frontends_rely_on_are_there():
    required = {
        "/api/v1/auth/login", "/api/v1/auth/register", "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/auth/me",
        "/api/v1/products", "/api/v1/products/{id}", "/api/v1/stock/levels", "/api/v1/outlets", "/api/v1/registers",
        "/api/v1/shifts", "/api/v1/sales", "/api/v1/sales/{id}", "/api/v1/sales/deliver", "/api/v1/reports/sales",
        "/api/v1/staff", "/health", "/health/ready",
    }  # fmt: skip
    assert required <= DOCUMENT["paths"].keys()


@pytest.mark.parametrize(("path", "method", "operation"), ROUTED, ids=[each[2]["operationId"] for each in ROUTED])
def test_a_route_says_what_it_does_needs_and_may_answer(path, method, operation):
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["tags"]
    is_public = operation["x-permission"] == "public"
    assert (operation["security"] == []) is is_public
    answers = operation["responses"]
    assert {"400", "500", "503"} <= answers.keys()
    assert ("401" in answers) or is_public
    assert ("403" in answers) or is_public or operation["x-permission"] == "self"
    good = [status for status in answers if status.startswith("2")]
    assert len(good) == 1
    for status, answer in answers.items():
        if status == "304":
            # A file that the caller has already is no refusal.
            assert list(operation["responses"]["200"]["content"]) == ["image/webp"]
        elif not status.startswith("2"):
            assert answer["x-error-codes"] == sorted(set(answer["x-error-codes"])) != []
            assert list(answer["content"]) == ["application/problem+json"]
            assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", code) for code in answer["x-error-codes"])


def test_every_declared_error_is_listed_under_its_status():
    for path, _, endpoint in endpoints():
        shown = DOCUMENT["paths"][path.replace(":str", "")][endpoint.method.lower()]["responses"]
        listed = {code for answer in shown.values() for code in answer.get("x-error-codes", ())}
        assert {error.code for error in endpoint.operation.raises} <= listed, path


def test_permissions_and_roles_are_told():
    book = DOCUMENT["paths"]["/api/v1/sales"]["post"]
    assert book["x-permission"] == Permission.SALE_CREATE.value
    assert book["x-roles"] == {"owner": "allow", "manager": "allow", "cashier": "allow"}
    assert DOCUMENT["paths"]["/api/v1/sales/{id}"]["delete"]["x-roles"]["cashier"] == "approve"


def test_decimals_are_strings_of_one_form_and_money_is_whole_numbers():
    decimals = [each for each in everything(DOCUMENT) if each.get("format") == "decimal"]
    assert len(decimals) > 10
    for each in decimals:
        assert each["type"] == "string"
        assert "pattern" in each
    assert not [each for each in everything(DOCUMENT) if each.get("type") == "number"]
    sale = DOCUMENT["components"]["schemas"]["SaleOut"]["properties"]
    assert {sale[name]["type"] for name in ("base", "tax", "total", "rounding", "change")} == {"integer"}
    for text in ("0", "2.50", "-0.001", "123456789012345"):
        assert re.search(DECIMAL_PATTERN, text)
    for text in ("1e3", "1.", ".5", "+1", "007", "NaN", "", " 1", "1 ", "1,5"):
        assert not re.search(DECIMAL_PATTERN, text)


def test_patterns_are_such_as_other_languages_read():
    for each in everything(DOCUMENT):
        pattern = each.get("pattern")
        if isinstance(pattern, str):
            assert not re.search(r"\\A|\\Z|\(\?P", pattern), pattern


def test_nothing_of_the_code_is_told():
    text = json.dumps(DOCUMENT)
    assert not re.search(r"primepos\.\w+|:class:|Raises\b|``|\.py\b", text)


def test_the_server_gives_what_it_gives_and_nobody_else():
    login = DOCUMENT["paths"]["/api/v1/auth/login"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert login["properties"].keys() == {"email", "password", "tenant"}
    assert login["required"] == ["email", "password"]


def test_the_description_is_served_outside_production(app):
    from litestar.testing import TestClient

    from primepos.api.app import build_app

    with TestClient(build_app(app), base_url="http://127.0.0.1") as client:
        answer = client.get("/schema/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == json.loads(json.dumps(DOCUMENT))
