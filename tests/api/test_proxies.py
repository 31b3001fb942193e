"""Whose word about the client's address is believed: measured with forged headers."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from primepos.api.app import build_app
from primepos.api.proxies import networks
from primepos.api.serving import uvicorn_config
from primepos.bootstrap import build_app as build_core
from tests.api.test_bounds import HEAD, serving
from tests.conftest import settings_for

CLIENT, EDGE, RENDER = "203.0.113.7", "172.68.1.1", "10.17.2.9"
CLIENT_6, EDGE_6, RENDER_6 = "2001:db8:1:2::7", "2606:4700:10::1", "fd00:7::9"


async def address_seen(trusted: list[str], peer: str, forwarded: str) -> str:
    """Return the address that the application sees."""
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded.split("|")]
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": headers}
    await ProxyHeadersMiddleware(application, trusted)(scope, None, None)
    return seen[0]


def seen_by(trusted: list[str], peer: str, forwarded: str) -> str:
    return asyncio.run(address_seen(trusted, peer, forwarded))


@pytest.mark.parametrize(
    "forwarded",
    [
        f"{CLIENT}, {EDGE}",
        f"1.2.3.4, {CLIENT}, {EDGE}",
        f"10.0.0.1, 127.0.0.1, {CLIENT}, {EDGE}",
        f"x, {CLIENT}, {EDGE}",
        # What the client sent as a header line of its own comes before what the edge adds.
        f"1.2.3.4|{CLIENT}, {EDGE}",
        f"{EDGE}, {RENDER}|{CLIENT}, {EDGE}",
        f"{CLIENT}:40000, {EDGE}:443",
        f", , {CLIENT}, {EDGE}",
    ],
)
@pytest.mark.parametrize("peer", [RENDER, RENDER_6, "127.0.0.1"])
def test_behind_render_the_true_client_is_seen_whatever_it_forged(forwarded, peer):
    assert seen_by(networks(["render"]), peer, forwarded) == CLIENT


@pytest.mark.parametrize(
    "forwarded",
    [
        f"{CLIENT_6}, {EDGE_6}",
        f"{CLIENT_6}, {EDGE}",
        f"1.2.3.4, ::1, {CLIENT_6}, {EDGE_6}",
        f"[{CLIENT_6}]:40000, [{EDGE_6}]:443",
        f"fd00::1|{CLIENT_6}, {EDGE_6}",
    ],
)
def test_a_client_with_an_address_of_ipv6_is_seen_as_well(forwarded):
    assert seen_by(networks(["render"]), RENDER, forwarded) == CLIENT_6


def test_a_stranger_who_comes_directly_is_seen_as_itself():
    assert seen_by(networks(["render"]), CLIENT, "1.2.3.4") == CLIENT
    assert seen_by(networks([]), CLIENT, "1.2.3.4") == CLIENT


def test_networks_are_taken_as_they_are_named():
    assert networks(["192.0.2.0/24", "192.0.2.0/24"]) == ["192.0.2.0/24"]
    assert seen_by(["192.0.2.0/24"], "192.0.2.1", f"{CLIENT}, 192.0.2.8") == CLIENT
    assert seen_by(["192.0.2.0/24"], "198.51.100.1", CLIENT) == "198.51.100.1"


def test_headers_of_proxies_are_read_only_where_proxies_are_named(app, database_url, tmp_path):
    assert uvicorn_config(build_app(app), app.settings).proxy_headers is False
    behind = settings_for(database_url, tmp_path, TRUSTED_PROXIES="render")
    config = uvicorn_config(build_app(app), behind)
    assert (config.proxy_headers, "10.0.0.0/8" in config.forwarded_allow_ips) == (True, True)


def test_a_client_that_forges_another_address_each_time_is_counted_as_one(database, clock, database_url, tmp_path):
    """Over real sockets: what uvicorn makes of the header is what the limit counts by."""
    settings = settings_for(database_url, tmp_path, TRUSTED_PROXIES="127.0.0.1", RATE_LIMIT_API="3/hour")
    true = f"2001:db8:{uuid4().hex[:4]}:1::1"

    def ask(server, forwarded: str) -> int:
        line = f"X-Forwarded-For: {forwarded}\r\nConnection: close\r\n\r\n".encode()
        return server.ask(b"GET /api/v1/sales HTTP/1.1\r\n" + HEAD + line)[0]

    with serving(build_core(settings, database=database, clock=clock)) as server:
        assert [ask(server, f"198.51.100.{n}, {true}") for n in range(4)] == [401, 401, 401, 429]
        assert ask(server, f"{true}, 198.51.100.9") == 401
