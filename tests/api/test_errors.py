"""One shape for every refusal, and nothing of the inside in any."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from primepos.api.errors import error_status, problem, status_of
from primepos.core.errors import BadConfiguration, Conflict, ErrorKind, PrimePOSError, TooManyRequests
from primepos.core.ids import new_id
from primepos.core.log import reset_logging
from tests.api.conftest import a_sale, serving
from tests.api.test_probes import NOBODY_LISTENS

MEMBERS = {"type", "title", "status", "detail", "instance", "error", "code", "request_id"}


def assert_problem(answer, status: int, code: str) -> dict:
    """See that an answer is a problem of this status and code; return its body."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert MEMBERS <= body.keys() <= MEMBERS | {"hint", "problems", "data"}
    assert body["type"] == f"urn:primepos:problem:{code.lower().replace('_', '-')}"
    assert body["error"] == body["detail"] != ""
    assert body["request_id"] == answer.headers["x-request-id"]
    text = answer.text
    assert not [word for word in ("Traceback", "primepos.", ".py", "Exception", "msgspec", "psycopg") if word in text]
    return body


EXPECTED = {
    ErrorKind.INVALID: 422,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.RULE: 409,
    ErrorKind.THROTTLED: 429,
    ErrorKind.UNAVAILABLE: 503,
    ErrorKind.CONFIG: 500,
    ErrorKind.BUG: 500,
}


def test_every_kind_of_error_has_its_status():
    assert {kind: status_of(kind) for kind in ErrorKind} == EXPECTED


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer nonsense"}, "TOKEN_INVALID"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "TOKEN_INVALID"),
        ({"Authorization": "Bearer"}, "TOKEN_INVALID"),
    ],
)
def test_without_a_good_token_it_is_401_and_says_which_scheme(api, headers, code):
    answer = api.get("/api/v1/sales", headers=headers)
    assert_problem(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith('Bearer realm="primepos"')


def test_who_is_not_signed_in_hears_nothing_of_the_body(api):
    answer = api.post("/api/v1/sales", content=b"{", headers={"Content-Type": "application/json"})
    assert_problem(answer, 401, "UNAUTHENTICATED")


def test_who_may_not_hears_nothing_of_the_body(ask, shop):
    body = assert_problem(ask(shop.cashier, "POST", "/api/v1/products", json={"nonsense": 1}), 403, "PERMISSION_DENIED")
    assert body["data"] == {"permission": "product:write"}


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff\xfe", b'{"a": NaN}', b"{'a': 1}", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"]
)
def test_what_cannot_be_read_is_400(ask, shop, raw):
    answer = ask(shop.cashier, "POST", "/api/v1/sales", content=raw, headers={"Content-Type": "application/json"})
    assert_problem(answer, 400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("depth", [70, 400, 800, 900, 950, 990])
def test_nesting_is_refused_politely_at_every_depth(ask, shop, depth):
    raw = b'{"lines":' + b"[" * depth + b"]" * depth + b"}"
    answer = ask(shop.cashier, "POST", "/api/v1/sales", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert_problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "no uuid"}, "id"),
        ({"total": "100"}, "total"),
        ({"total": 10**30}, "total"),
        ({"total": 1.5}, "total"),
        ({"lines": []}, "lines"),
        ({"lines": [{"sku": "A-1", "quantity": 1.5}]}, "lines[0].quantity"),
        ({"lines": [{"sku": "A-1", "quantity": 2}]}, "lines[0].quantity"),
        ({"lines": [{"sku": "A-1", "quantity": "NaN"}]}, "lines[0].quantity"),
        ({"lines": [{"sku": "A-1", "quantity": "1E+2"}]}, "lines[0].quantity"),
        ({"lines": [{"sku": "A-1", "quantity": " 1"}]}, "lines[0].quantity"),
        ({"ticket_discount_percent": "１"}, "ticket_discount_percent"),
        ({"tenders": [{"kind": "gold", "amount": 1}]}, "tenders[0].kind"),
        ({"surprise": 1}, "input"),
    ],
)
def test_what_is_not_valid_is_422_and_names_the_field(ask, shop, change, field):
    answer = ask(shop.cashier, "POST", "/api/v1/sales", json={**a_sale(shop, sale_id=str(new_id())), **change})
    body = assert_problem(answer, 422, "INVALID_INPUT")
    assert [each["field"] for each in body["problems"]] == [field]
    assert ask(shop.owner, "GET", "/api/v1/sales").json()["items"] == []


@pytest.mark.parametrize("raw", [b"null", b"[]", b"1", b'"text"', b"true"])
def test_a_body_that_is_no_object_is_422(ask, shop, raw):
    for path in ("/api/v1/sales", "/api/v1/categories"):
        answer = ask(shop.owner, "POST", path, content=raw, headers={"Content-Type": "application/json"})
        assert assert_problem(answer, 422, "INVALID_INPUT")["problems"] == [
            {"field": "input", "problem": "expected an object"}
        ]


def test_a_whole_number_is_whole_however_it_is_written(ask, shop):
    raw = b'{"id":"%s","outlet_id":"%s","lines":[{"sku":"A-1"}],"tenders":[{"kind":"cash","amount":1e2}],"total":100.0}'
    body = raw % (str(new_id()).encode(), str(shop.outlet_id).encode())
    answer = ask(shop.cashier, "POST", "/api/v1/sales", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["total"]) == (201, 100)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1&limit=2", "unknown=1", "flagged=yes", "outlet_id=1"])
def test_a_query_is_validated_like_a_body(ask, shop, query):
    assert_problem(ask(shop.owner, "GET", f"/api/v1/sales?{query}"), 422, "INVALID_INPUT")


def test_a_query_that_is_not_utf8_is_400(ask, shop):
    assert_problem(ask(shop.owner, "GET", "/api/v1/sales?after=%ff"), 400, "MALFORMED_REQUEST")


def test_what_the_path_names_cannot_be_named_in_the_body(ask, shop):
    body = {"product_id": str(shop.products[0]), "barcodes": []}
    answer = ask(shop.owner, "PUT", f"/api/v1/products/{shop.products[1]}/barcodes", json=body)
    assert assert_problem(answer, 422, "INVALID_INPUT")["problems"][0]["field"] == "product_id"


def test_a_body_that_is_no_json_by_its_own_word_is_415(ask, shop):
    answer = ask(shop.cashier, "POST", "/api/v1/sales", content=b"a=1", headers={"Content-Type": "text/plain"})
    assert_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_body_beyond_one_mebibyte_is_413(ask, shop):
    answer = ask(
        shop.cashier, "POST", "/api/v1/sales", content=b" " * 1_048_577, headers={"Content-Type": "application/json"}
    )
    assert assert_problem(answer, 413, "BODY_TOO_LARGE")["data"] == {"max_bytes": 1_048_576}


def test_unknown_paths_and_methods_have_the_same_shape(ask, shop):
    assert assert_problem(ask(shop.owner, "GET", "/api/v1/nothing"), 404, "NOT_FOUND")["instance"] == "/api/v1/nothing"
    answer = ask(shop.owner, "PUT", "/api/v1/sales")
    assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_both_totals_are_told(ask, shop):
    answer = ask(shop.cashier, "POST", "/api/v1/sales", json=a_sale(shop, sale_id=str(new_id()), total=99))
    assert assert_problem(answer, 409, "TOTAL_DIFFERS")["data"] == {"total": 100, "given": 99}


def test_a_database_that_is_gone_is_503_and_says_when_to_come_back(make_app, people, shop):
    with serving(make_app(NOBODY_LISTENS), people) as client:
        answer = client.get("/api/v1/sales", headers=people.headers(shop.owner))
    assert_problem(answer, 503, "DATABASE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert "secret-word" not in answer.text


class Broken:
    """A reader of tokens with a bug in it."""

    def __call__(self, app, token):
        raise RuntimeError(f"internal detail {token}")


def test_a_bug_is_500_with_a_fixed_text_and_its_trace_in_the_log_only(app, caplog):
    # Another test of this process may have sent the log to a stream of its own.
    reset_logging()
    with serving(app, Broken()) as client:
        answer = client.get("/api/v1/sales", headers={"Authorization": "Bearer hush"})
    body = assert_problem(answer, 500, "INTERNAL_ERROR")
    assert body["error"] == "Internal server error"
    assert "internal detail" not in answer.text
    logged = [record for record in caplog.records if "http.failed" in record.getMessage()]
    assert len(logged) == 1
    assert logged[0].exc_info
    assert answer.headers["x-request-id"] in logged[0].getMessage()


@pytest.mark.parametrize("error", [PrimePOSError("table sales_x is missing"), BadConfiguration("SECRET_KEY is short")])
def test_what_a_bug_or_a_bad_setting_says_stays_inside(error):
    status, _, body = problem(error, path="/x", request_id="r")
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert b"sales_x" not in body
    assert b"SECRET_KEY" not in body
    assert b'"code":"INTERNAL_ERROR"' in body


def test_a_throttle_says_when_to_come_back():
    status, headers, _ = problem(TooManyRequests(retry_after_s=42), path="/x", request_id="r")
    assert (status, headers) == (429, {"Retry-After": "42"})


def test_a_class_of_errors_has_the_status_of_its_errors():
    assert error_status(Conflict) == error_status(Conflict()) == 409
