"""What is too large, too long, too slow, too deep or no HTTP at all: refused early, in one shape, without waiting."""

from __future__ import annotations

import socket
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import uvicorn

from primepos.api import body, protocol
from primepos.api.app import build_app, endpoints
from primepos.api.serving import uvicorn_config
from tests.api.test_edge import SECURITY

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
HEAD = b"Host: 127.0.0.1\r\n"
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no httptools; h11 has bounds of its own")


class Server(uvicorn.Server):
    """The server that ``primepos serve`` runs, in a thread of this process."""

    port = 0

    def ask(self, *pieces: bytes, timeout_s: float = 60) -> tuple[int, dict[str, str], bytes]:
        """Send bytes as they are, hear everything until the server hangs up, and take the answer apart."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as line:
            for piece in pieces:
                line.sendall(piece)
            heard = bytearray()
            while data := line.recv(65536):
                heard += data
        head, _, content = bytes(heard).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(each.lower().split(": ", 1) for each in lines)
        return int(first.split()[1]), headers, content


@contextmanager
def serving(app: Any) -> Iterator[Server]:
    """Serve an App on a free port."""
    server = Server(uvicorn_config(build_app(app), app.settings))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        try:
            yield server
        finally:
            server.should_exit = True
            thread.join(60)


@pytest.fixture
def server(app) -> Iterator[Server]:
    with serving(app) as running:
        yield running


def refused(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    """See that a refusal looks like all others, and return its status and code."""
    status, headers, content = answer
    said = msgspec.json.decode(content)
    assert (headers["content-type"], said["status"]) == ("application/problem+json", status)
    assert headers["x-request-id"] == said["request_id"]
    assert headers["connection"] == "close"
    assert {name: headers.get(name) for name in SECURITY} == {name: text.lower() for name, text in SECURITY.items()}
    assert "server" not in headers
    return status, said["code"]


def test_on_linux_and_macos_it_is_uvloop_and_httptools(app):
    config = uvicorn_config(build_app(app), app.settings)
    config.load()
    assert issubclass(config.http_protocol_class, protocol.HttpToolsProtocol)
    loop = config.get_loop_factory()()
    assert type(loop).__module__.startswith("uvloop")
    loop.close()


def test_a_body_that_announces_itself_as_too_large_is_refused_before_it_is_sent(server):
    answer = server.ask(LOGIN + b"Content-Length: %d\r\n\r\n" % (10 * 1024 * MIB))
    assert refused(answer) == (413, "BODY_TOO_LARGE")


def test_a_body_in_chunks_is_refused_when_it_has_become_too_large(server):
    chunk = b"%x\r\n%s\r\n" % (MIB // 2, b" " * (MIB // 2))
    # The last chunk never comes: nobody waits for it.
    answer = server.ask(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, b"1\r\n \r\n")
    assert refused(answer) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /%s HTTP/1.1\r\n" % (b"a" * 9000) + HEAD + b"\r\n", (414, "ADDRESS_TOO_LONG")),
        (b"GET /?q=%s HTTP/1.1\r\n" % (b"a" * 9000) + HEAD + b"\r\n", (414, "ADDRESS_TOO_LONG")),
        (b"GET / HTTP/1.1\r\n" + HEAD + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n", (431, "HEAD_TOO_LARGE")),
        (b"GET / HTTP/1.1\r\n" + HEAD + b"X-A: b\r\n" * 101 + b"\r\n", (431, "HEAD_TOO_LARGE")),
        # Neither ends: the bound does not wait for the end.
        (b"GET / HTTP/1.1\r\n" + HEAD + b"X-A: " + b"a" * 40_000, (431, "HEAD_TOO_LARGE")),
        (b"GET /" + b"a" * 40_000, (431, "HEAD_TOO_LARGE")),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400, "MALFORMED_REQUEST")),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", (400, "MALFORMED_REQUEST")),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", (400, "MALFORMED_REQUEST")),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", (400, "MALFORMED_REQUEST")),
    ],
)
def test_a_head_out_of_bounds_is_refused_like_everything_else(server, head, expected):
    assert refused(server.ask(head)) == expected


def test_an_honest_request_of_some_size_is_answered(server):
    answer = server.ask(
        b"GET /api/v1 HTTP/1.1\r\n" + HEAD + b"X-A: " + b"a" * 20_000 + b"\r\nConnection: close\r\n\r\n"
    )
    assert (answer[0], msgspec.json.decode(answer[2])["version"]) == (200, "v1")


def test_a_head_that_trickles_is_not_waited_for(app, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_WITHIN_S", 0.05)
    with serving(app) as server:
        assert refused(server.ask(b"GET / HTTP/1.1\r\nHost: 127")) == (408, "REQUEST_TOO_SLOW")


def test_a_body_that_trickles_is_not_waited_for(app, monkeypatch):
    monkeypatch.setattr(body, "BODY_WITHIN_S", 0.05)
    with serving(app) as server:
        assert refused(server.ask(LOGIN + b"Content-Length: 10\r\n\r\n{")) == (408, "REQUEST_TOO_SLOW")


def test_a_connection_that_asks_nothing_is_ended(app, monkeypatch):
    monkeypatch.setattr("primepos.api.serving.KEEP_ALIVE_S", 0)
    with serving(app) as server, socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        assert line.recv(1) == b""


def test_who_hangs_up_in_the_middle_of_a_body_is_no_failure_of_ours(server, caplog):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        line.sendall(LOGIN + b"Content-Length: 10\r\n\r\n{")
    assert server.ask(b"GET /health HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n")[0] == 200
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_json_nested_without_end_is_refused(api):
    for text in (b"[" * 500_000, b'{"email":' * 100_000):
        answer = api.post("/api/v1/auth/login", content=text, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_REQUEST")


def test_every_list_refuses_a_page_without_end(ask, shop):
    asked = 0
    for path, _, endpoint in endpoints():
        if endpoint.method == "GET" and "limit" in endpoint.given:
            filled = path.replace("{id:str}", str(shop.outlet_id))
            answer = ask(shop.owner, "GET", filled, params={"limit": 1_000_000})
            assert (answer.status_code, "limit" in answer.text) == (422, True), path
            asked += 1
    assert asked > 8
