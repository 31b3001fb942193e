"""What the tests of the API ask for: clients that are somebody, without signing in each time."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from primepos.api.app import build_app, endpoints
from primepos.api.openapi import error_codes
from primepos.core.tokens import TokenInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.context import Identity
    from primepos.core.operations import App
    from tests.factories import Shop

HOST = "http://127.0.0.1"


class People:
    """Stands for the reading of tokens: every identity gets a word that the API takes for its token."""

    def __init__(self) -> None:
        self.known: dict[str, Identity] = {}

    def __call__(self, app: App, token: str) -> Identity:
        del app
        try:
            return self.known[token]
        except KeyError:
            raise TokenInvalid from None

    def headers(self, identity: Identity) -> dict[str, str]:
        """Return the headers of a request of ``identity``."""
        word = f"{identity.kind}-{identity.role}-{identity.tenant_id}-{identity.actor_id}"
        self.known[word] = identity
        return {"Authorization": f"Bearer {word}"}


@pytest.fixture
def people() -> People:
    return People()


@contextmanager
def serving(app: App, people: People) -> Iterator[TestClient[Any]]:
    """Give a client of an API over ``app`` that has nobody signed in."""
    with TestClient(build_app(app, resolve=people), base_url=HOST, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def api(app: App, people: People) -> Iterator[TestClient[Any]]:
    """A client of the API over the shared App."""
    with serving(app, people) as client:
        yield client


def asking(client: TestClient[Any], people: People) -> Callable[..., Any]:
    """Return what sends a request as somebody, and sees that the answer is one the description names."""

    def send(identity: Identity | None, method: str, path: str, **more: Any) -> Any:
        headers = {**(people.headers(identity) if identity else {}), **more.pop("headers", {})}
        answer = client.request(method, path, headers=headers, **more)
        assert_described(method, path, answer)
        return answer

    return send


@pytest.fixture
def ask(api: TestClient[Any], people: People) -> Callable[..., Any]:
    """Send a request as somebody: ``ask(shop.cashier, "GET", "/api/v1/sales", params=...)``."""
    return asking(api, people)


ROUTES = [
    (re.compile(re.sub(r"\{\w+:str\}", "[^/]+", path) + "/?"), endpoint, error_codes(endpoint))
    for path, _, endpoint in endpoints()
]


def assert_described(method: str, path: str, answer: Any) -> None:
    """See that the published description of the route names the status and the code of an answer."""
    bare = path.partition("?")[0]
    for pattern, endpoint, codes in ROUTES:
        if endpoint.method == method and pattern.fullmatch(bare):
            if answer.status_code == endpoint.status:
                return
            listed = codes.get(answer.status_code, [])
            assert answer.json()["code"] in listed, f"{method} {path}: {answer.text} is none of {listed}"
            return


def a_sale(shop: Shop, *, sale_id: str, total: int | None = 100, tendered: int = 100, **more: Any) -> dict[str, Any]:
    """Return the body of a booking: one apple at 1.00, paid in cash."""
    body: dict[str, Any] = {
        "id": sale_id,
        "outlet_id": str(shop.outlet_id),
        "lines": [{"sku": "A-1"}],
        "tenders": [{"kind": "cash", "amount": tendered}],
    }
    if total is not None:
        body["total"] = total
    return {**body, **more}
