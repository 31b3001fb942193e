"""Whose word about the client's address is believed: measured with forged headers."""

from __future__ import annotations

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from primepos.api.proxies import networks

CLIENT, EDGE, RENDER = "203.0.113.7", "172.68.1.1", "10.17.2.9"


async def address_seen(trusted: list[str], peer: str, forwarded: str) -> str:
    """Return the address that the application sees."""
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["client"][0])

    scope = {
        "type": "http",
        "client": (peer, 1),
        "scheme": "http",
        "headers": [(b"x-forwarded-for", forwarded.encode())],
    }
    await ProxyHeadersMiddleware(application, trusted)(scope, None, None)
    return seen[0]


def seen_by(trusted: list[str], peer: str, forwarded: str) -> str:
    import asyncio

    return asyncio.run(address_seen(trusted, peer, forwarded))


@pytest.mark.parametrize(
    "forwarded",
    [
        f"{CLIENT}, {EDGE}",
        f"1.2.3.4, {CLIENT}, {EDGE}",
        f"10.0.0.1, 127.0.0.1, {CLIENT}, {EDGE}",
        f"x, {CLIENT}, {EDGE}",
    ],
)
def test_behind_render_the_true_client_is_seen_whatever_it_forged(forwarded):
    assert seen_by(networks(["render"]), RENDER, forwarded) == CLIENT


def test_a_stranger_who_comes_directly_is_seen_as_itself():
    assert seen_by(networks(["render"]), CLIENT, "1.2.3.4") == CLIENT
    assert seen_by(networks([]), CLIENT, "1.2.3.4") == CLIENT


def test_networks_are_taken_as_they_are_named():
    assert networks(["192.0.2.0/24", "192.0.2.0/24"]) == ["192.0.2.0/24"]
    assert seen_by(["192.0.2.0/24"], "192.0.2.1", f"{CLIENT}, 192.0.2.8") == CLIENT
    assert seen_by(["192.0.2.0/24"], "198.51.100.1", CLIENT) == "198.51.100.1"
