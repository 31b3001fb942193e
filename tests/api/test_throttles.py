"""Limits as a caller meets them: what is counted, what is said of it, and who is never refused."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from primepos.api.endpoint import DOOR_KEY
from primepos.api.quota import rate_limit_headers
from primepos.bootstrap import build_app
from primepos.core import security
from primepos.core.allowance import Policy, Verdict
from primepos.core.db import DatabaseUnavailable
from primepos.core.ids import new_id
from primepos.core.settings_types import RateLimit
from primepos.domain.accounts import credentials
from primepos.domain.accounts.counters import CounterStorage
from primepos.domain.accounts.service import create_user
from primepos.domain.accounts.tally import Tally
from tests.api.conftest import a_sale, serving
from tests.conftest import settings_for
from tests.factories import counts, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUOTA_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"
# RFC 9651: a list of strings, each with parameters that are whole numbers.
FIELD = re.compile(r'"[a-z-]+"(;[a-z]=[0-9]+)+(, "[a-z-]+"(;[a-z]=[0-9]+)+)*')


@pytest.fixture
def limited(database_url, database, clock, people, tmp_path) -> Callable[..., Any]:
    """Give a client of an API with limits of its own: ``with limited(RATE_LIMIT_API="3/hour") as client``."""

    @contextmanager
    def make(**variables: str) -> Iterator[Any]:
        settings = settings_for(database_url, tmp_path, **variables)
        with serving(build_app(settings, database=database, clock=clock), people) as client:
            yield client

    return make


def come_from(client: Any, address: str) -> None:
    """Let every further call come from this address."""
    inner = client.app.asgi_handler

    async def moved(scope: Any, receive: Any, send: Any) -> None:
        # Of several the last one said counts, which is the outermost.
        here = scope.get("moved", address)
        await inner({**scope, "client": (here, 5000), "moved": here}, receive, send)

    client.app.asgi_handler = moved


class Counting:
    """A hasher that counts how often it is asked."""

    def __init__(self, hasher: Any, hashed: list[int]) -> None:
        self._hasher, self._hashed = hasher, hashed

    def verify(self, *given: Any) -> Any:
        self._hashed.append(1)
        return self._hasher.verify(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)


def as_(people, identity) -> dict[str, Any]:
    return {"headers": people.headers(identity)}


def test_calls_over_the_limit_are_refused_with_what_a_client_needs_to_wait(limited, people, shop, clock):
    clock.advance(timedelta(minutes=10))
    with limited(RATE_LIMIT_API="3/hour") as client:
        answers = [client.get("/api/v1/sales", **as_(people, shop.owner)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == [f'"api";r={left};t=3000' for left in (2, 1, 0, 0)]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"api";q=3;w=3600'}
    refused = answers[3]
    assert refused.headers["retry-after"] == "3000"
    assert refused.headers["content-type"] == "application/problem+json"
    said = refused.json()
    assert (said["type"], said["code"], said["violated-policies"]) == (QUOTA_TYPE, "QUOTA_EXCEEDED", ["api"])
    assert said["request_id"] == refused.headers["x-request-id"]


def test_a_refused_call_has_done_nothing(limited, people, shop, app):
    with limited(RATE_LIMIT_API="1/hour") as client:
        first, second = (
            client.post("/api/v1/sales", json=a_sale(shop, sale_id=str(new_id())), **as_(people, shop.manager))
            for _ in range(2)
        )
    assert (first.status_code, second.status_code) == (201, 429)
    assert counts(app, shop)["sales"] == 1


def test_each_person_has_a_limit_of_their_own_and_so_has_each_address(limited, people, shop, clock):
    with limited(RATE_LIMIT_API="1/hour") as client:
        assert client.get("/api/v1/sales", **as_(people, shop.owner)).status_code == 200
        assert client.get("/api/v1/sales", **as_(people, shop.manager)).status_code == 200
        assert client.get("/api/v1/sales", **as_(people, shop.owner)).status_code == 429


def test_who_is_not_signed_in_is_counted_by_address_whatever_token_is_tried(limited):
    address = f"2001:db8:{uuid4().hex[:4]}:7::1"
    with limited(RATE_LIMIT_API="2/hour") as client:
        come_from(client, address)
        assert client.get("/api/v1/sales").status_code == 401
        assert client.get("/api/v1/sales", headers={"Authorization": "Bearer forged"}).status_code == 401
        # The rest of the customer's network is the same customer.
        come_from(client, address.replace("::1", ":ffff::2"))
        refused = client.get("/api/v1/sales")
        assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_EXCEEDED")
        come_from(client, address.replace(":7::1", ":8::1"))
        assert client.get("/api/v1/sales").status_code == 401


def test_a_till_is_never_refused_what_it_delivers_and_its_reading_is_counted(limited, people, shop, app):
    with limited(RATE_LIMIT_API="1/hour") as client:
        device = as_(people, shop.device)
        delivered = [client.post("/api/v1/sales/deliver", json={}, **device) for _ in range(3)]
        # Looked at, and found wanting; never turned away at the door.
        assert {answer.status_code for answer in delivered} == {422}
        assert not any("ratelimit" in answer.headers for answer in delivered)
        assert [client.get("/api/v1/products/search?query=x", **device).status_code for _ in range(2)] == [200, 429]


def test_processes_share_what_they_count(limited, people, shop):
    """Two of them, one after the other, as two processes of one installation."""
    with limited(RATE_LIMIT_API="4/hour") as one:
        assert [one.get("/api/v1/sales", **as_(people, shop.owner)).status_code for _ in range(3)] == [200] * 3
    with limited(RATE_LIMIT_API="4/hour") as other:
        first = other.get("/api/v1/sales", **as_(people, shop.owner))
        assert first.status_code == 200
        quota = getattr(other.app.state, DOOR_KEY).quota
        quota.settle()
        assert other.get("/api/v1/sales", **as_(people, shop.owner)).status_code == 429


def test_counting_costs_a_call_no_statement(limited, people, shop, monkeypatch):
    asked: list[str] = []
    settle = Tally.settle
    monkeypatch.setattr(Tally, "settle", lambda tally: 0)
    for name in ("_count", "_read"):
        monkeypatch.setattr(CounterStorage, name, lambda *given: asked.append(str(given)))
    with limited(RATE_LIMIT_API="1000/hour") as client:
        for _ in range(5):
            assert client.get("/api/v1/sales", **as_(people, shop.owner)).status_code == 200
        assert asked == []
        tally = getattr(client.app.state, DOOR_KEY).quota._counted.tally
        assert (settle(tally), settle(tally)) == (1, 0)


def test_a_store_that_does_not_answer_refuses_no_call_and_is_told_once(limited, people, shop, monkeypatch, caplog):
    def broken(tally: Tally) -> int:
        raise DatabaseUnavailable

    with limited(RATE_LIMIT_API="3/hour") as client:
        quota = getattr(client.app.state, DOOR_KEY).quota
        with monkeypatch.context() as patch:
            patch.setattr(Tally, "settle", broken)
            quota.settle()
            quota.settle()
            assert client.get("/api/v1/sales", **as_(people, shop.owner)).status_code == 200
        quota.settle()
        # What was counted meanwhile is not lost.
        assert client.get("/api/v1/sales", **as_(people, shop.owner)).headers["ratelimit"].startswith('"api";r=1;')
    told = [each.message for each in caplog.records if "quota.store" in str(each.__dict__)]
    assert len(told) <= 2


def test_signing_in_is_refused_while_failures_cannot_be_counted(limited, monkeypatch):
    def broken(*_given: Any) -> Any:
        raise DatabaseUnavailable

    hashed: list[Any] = []
    monkeypatch.setattr(CounterStorage, "_read", broken)
    monkeypatch.setattr(credentials, "verify_password", lambda *given: hashed.append(given) or True)
    with limited() as client:
        answer = client.post("/api/v1/auth/login", json={"email": "a@shop.test", "password": "whatever it is"})
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert hashed == []


def test_a_sixth_failed_sign_in_is_told_like_every_limit(limited):
    email = f"{uuid4().hex}@shop.test"
    with limited() as client:
        answers = [
            client.post("/api/v1/auth/login", json={"email": email, "password": "wrong password"}) for _ in range(6)
        ]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    refused = answers[5]
    assert refused.headers["ratelimit-policy"] == '"login-account";q=5;w=60'
    assert refused.headers["ratelimit"] == '"login-account";r=0;t=60'
    assert refused.headers["retry-after"] == "60"
    assert (refused.json()["type"], refused.json()["violated-policies"]) == (QUOTA_TYPE, ["login-account"])


def test_refresh_tokens_that_nobody_was_given_are_counted_by_address(limited):
    address = f"2001:db8:{uuid4().hex[:4]}:1::1"
    with limited() as client:
        come_from(client, address)
        given = [client.post("/api/v1/auth/refresh", json={"refresh_token": uuid4().hex * 2}) for _ in range(101)]
    assert [answer.status_code for answer in given] == [401] * 100 + [429]
    assert given[100].json()["violated-policies"] == ["refresh-address"]


def test_what_is_said_of_limits_is_a_structured_field():
    verdicts = [Verdict(True, Policy(name, RateLimit(5, 60)), 4, 59) for name in ("api", "login-account")]
    headers = dict(rate_limit_headers(verdicts))
    assert headers[b"ratelimit"] == b'"api";r=4;t=59, "login-account";r=4;t=59'
    assert all(FIELD.fullmatch(value.decode()) for value in headers.values())
    assert rate_limit_headers([]) == []


def test_the_table_of_counters_names_nobody_who_called(limited, people, shop, app):
    with limited(RATE_LIMIT_API="7/hour") as client:
        client.get("/api/v1/sales", **as_(people, shop.owner))
        client.get("/api/v1/sales")
    keys = " ".join(row["key"] for row in rows(app, "SELECT key FROM throttle_counters WHERE key LIKE '%%api%%'"))
    assert keys
    assert str(shop.owner.actor_id) not in keys
    assert "testclient" not in keys


def test_nobody_learns_which_accounts_exist(limited, app, shop, monkeypatch):
    """Not by the words, nor by what is hashed or asked of the database: told by counting, not by a clock."""
    known = f"{uuid4().hex}@shop.test"
    who = {"email": known, "name": "Kai", "role": "cashier", "password": "correct horse battery 9"}
    app.run(create_user, shop.owner, who)
    hashed: list[int] = []
    hasher = security._hasher
    monkeypatch.setattr(security, "_hasher", Counting(hasher, hashed))
    asked: list[str] = []
    heard = []
    with limited() as client:
        for email in (known, f"{uuid4().hex}@shop.test"):
            asked.clear()
            app.database.watch(note := lambda statements, _seconds: asked.extend(statements))
            answers = [
                client.post("/api/v1/auth/login", json={"email": email, "password": "not this one"}) for _ in range(6)
            ]
            app.database.unwatch(note)
            bodies = [{**answer.json(), "request_id": None} for answer in answers]
            heard.append(([answer.status_code for answer in answers], bodies, list(asked), len(hashed)))
            hashed.clear()
    assert heard[0] == heard[1]
    assert (heard[0][0], heard[0][3]) == ([401] * 5 + [429], 5)
