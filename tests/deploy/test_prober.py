"""The prober: one question for many checks, deadlines that hold, and network trouble told from answers."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from primepos.deploy import prober as module
from primepos.deploy.catalogue.http_headers import structured_items
from primepos.deploy.prober import BadUrl, DeploymentUnreachable, Prober
from tests.deploy.live import API_HOST, Authority, Live, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> Iterator[Live]:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    running = Live(authority, authority.issue(API_HOST))
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(module, "WAIT_S", 0.01)


@contextmanager
def serving(answer: Callable[[socket.socket], object], *, timeout_s: float = 20) -> Iterator[tuple[Prober, list[int]]]:
    """A server that does with each connection what ``answer`` says; the list counts connections."""
    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                taken.append(1)
                with connection:
                    answer(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield Prober(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=timeout_s), taken
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_many_threads_that_want_the_same_answer_ask_once(live):
    asked: list[str] = []
    live.break_answers = lambda request, good: (asked.append(request.path), good)[1]
    prober = live.prober()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: prober.get("/health/"), range(40)))
    live.break_answers = None
    assert {id(answer) for answer in answers} == {id(answers[0])}
    assert asked == ["/health/"]
    prober.close()


def test_a_failure_is_remembered_for_everybody():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    prober = Prober(f"http://127.0.0.1:{port}")
    for path in ("/health/", "/health/", "/api/v1/"):
        with pytest.raises(DeploymentUnreachable, match="the connection is refused"):
            prober.get(path)


def test_a_server_that_says_nothing_is_given_up_in_time():
    release = threading.Event()
    with serving(lambda one: (one.recv(1000), release.wait(20)), timeout_s=0.3) as (prober, taken):
        with pytest.raises(DeploymentUnreachable, match=r"no answer within 0\.3 s"):
            prober.ask("POST", "/", body=b"{}")
        assert taken == [1]
        release.set()


def test_an_answer_that_comes_byte_by_byte_has_the_same_deadline():
    release = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(1000)
        try:
            while not release.wait(0.02):
                connection.sendall(b"X")
        except OSError:
            return

    with serving(drip, timeout_s=0.3) as (prober, _):
        with pytest.raises(DeploymentUnreachable, match=r"no answer within 0\.3 s"):
            prober.ask("POST", "/", body=b"{}")
        release.set()


def test_network_trouble_is_tried_twice_more_and_an_answer_never():
    left = [2]

    def flaky(connection: socket.socket) -> None:
        connection.recv(1000)
        if left[0]:
            left[0] -= 1
            return
        connection.sendall(OK)

    with serving(flaky) as (prober, taken):
        assert prober.get("/").status == 200
        assert len(taken) == 3
        prober.close()
    with serving(lambda one: (one.recv(1000), one.sendall(OK.replace(b"200 OK", b"503 No")))) as (prober, taken):
        assert prober.get("/").status == 503
        assert len(taken) == 1
        prober.close()


def test_what_may_have_been_done_is_not_sent_again():
    with serving(lambda connection: connection.recv(1000)) as (prober, taken):
        with pytest.raises(DeploymentUnreachable):
            prober.ask("POST", "/", body=b"{}")
        assert len(taken) == 1


def test_a_kept_connection_that_the_server_left_is_replaced():
    def once(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(OK)

    with serving(once) as (prober, taken):
        assert [prober.get(path).status for path in ("/a", "/b", "/c")] == [200, 200, 200]
        assert len(taken) == 3
        prober.close()


def test_a_body_without_end_is_read_to_half_a_megabyte(live):
    live.break_answers = lambda _, good: sent(200, "x" * 2_000_000)
    prober = live.prober()
    assert len(prober.get("/big").body) == 512 * 1024
    assert prober.get("/again").status == 200
    live.break_answers = None
    prober.close()


def test_redirections_in_a_circle_end(live):
    live.break_answers = lambda asked, good: good if not asked.is_https else sent(302, {}, ("Location", "/"))
    prober = live.prober()
    route = prober.route("/")
    assert route is not None
    assert len(route) == 1 + module.MOST_HOPS
    live.break_answers = None
    prober.close()


@pytest.mark.parametrize("place", ["https://[broken", "ftp://elsewhere", "https://", "http://a:notaport/"])
def test_a_redirection_to_nowhere_is_not_followed(live, place):
    live.break_answers = lambda asked, good: sent(302, {}, ("Location", place))
    prober = live.prober()
    assert prober.route("/") == (f"http://{API_HOST}/",)
    live.break_answers = None
    prober.close()


@pytest.mark.parametrize("url", ["", "api.brightfruit.shop", "ftp://a.shop", "https://", "https://a.shop:99999"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(BadUrl):
        Prober(url)


def test_only_the_origin_of_a_url_counts():
    assert Prober("https://API.brightfruit.shop:443/api/v1/?a=b").base == "https://api.brightfruit.shop"
    assert Prober("http://[::1]:8000/x").base == "http://[::1]:8000"


def test_a_certificate_is_described_even_where_nobody_vouches_for_it(live):
    trusted = live.prober()
    assert (trusted.certificate.is_good, trusted.certificate.issuer) == (True, "Test Authority")
    stranger = live.prober(ca_file=None).certificate
    assert stranger.problem == "unable to get local issuer certificate"
    assert (stranger.issuer, stranger.names) == ("Test Authority", (API_HOST,))
    assert stranger.ends == trusted.certificate.ends


def test_the_authority_file_of_the_environment_is_trusted(live, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(live.authority.file))
    assert live.prober(ca_file=None).certificate.is_good


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"api";q=1000;w=3600', {'"api"': {"q": "1000", "w": "3600"}}),
        ('"a";q=1;w=2, "b";q=3;pk=:cHJpbWU=:', {'"a"': {"q": "1", "w": "2"}, '"b"': {"q": "3", "pk": ":cHJpbWU=:"}}),
        ('"a; b, c";r=5', {'"a; b, c"': {"r": "5"}}),
        ("1000;w=3600", None),
        ("limit=1000, remaining=5", None),
        ('"a";q=1,', None),
        ('"a" "b"', None),
        ("", None),
    ],
)
def test_a_structured_field_is_read_as_rfc_9651_says(value, expected):
    assert structured_items(value) == expected
