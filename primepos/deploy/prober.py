"""Asks a running deployment over the network, for every check at once: what one check learnt no other asks again.

Requests carry no cookies, follow no redirections and go through no proxy; each has a deadline that holds for its whole
answer. Network trouble is tried twice more where nothing is done twice by that; an answer never is. The certificate is
looked at apart (:attr:`Prober.certificate`): one that is not good makes its own checks fail and hides nothing else.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

from primepos import __version__
from primepos.core.errors import InvalidInput, Unavailable
from primepos.deploy import tls
from primepos.deploy.exchange import Exchange, NoConnection, speak, told
from primepos.deploy.observatory_page import TESTER_ORIGIN, Headers, Page, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from primepos.deploy.tls import Certificate, Place

TIMEOUT_S = 5.0
RETRIES = 2
WAIT_S = 0.2
MOST_HOPS = 5
AGENT: Final = f"primepos-check-deploy/{__version__}"
PORTS: Final = {"http": 80, "https": 443}
API: Final = "/api/v1/"
T = TypeVar("T")

_REDIRECTS = range(300, 400)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class DeploymentUnreachable(Unavailable):
    """The deployment did not answer: the name, the network, or the server."""

    code = "DEPLOYMENT_UNREACHABLE"
    template = "{place} does not answer: {problem}"


class BadUrl(InvalidInput):
    """An address to look at is no http or https URL."""

    code = "BAD_URL"
    template = "{url} is no http:// or https:// URL"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: header names in lower case, at most half a megabyte of the body, the seconds it took."""

    url: str
    status: int
    headers: Headers
    body: bytes
    seconds: float

    def header(self, name: str) -> str | None:
        """Return the first header of this name, None where there is none."""
        return next((value for each, value in self.headers if each == name), None)

    def values(self, name: str) -> list[str]:
        """Return every header of this name."""
        return [value for each, value in self.headers if each == name]

    def words(self, name: str) -> set[str]:
        """Return the comma-separated words of a header in lower case, of every line of it."""
        return {word.strip().lower() for value in self.values(name) for word in value.split(",") if word.strip()}

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty one where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Prober:
    """Asks one deployment; safe to use from many threads.

    ``connect_to`` sends connections elsewhere, as curl's option does: ``{("api.shop", 443): ("127.0.0.1", 8443)}``.
    ``ca_file`` holds further authorities that are trusted; without it the system's are, and SSL_CERT_FILE.
    ``timer`` counts the seconds that an answer took.
    """

    def __init__(
        self,
        url: str,
        frontend_url: str | None = None,
        *,
        connect_to: Mapping[Place, Place] | None = None,
        ca_file: Path | None = None,
        timeout_s: float = TIMEOUT_S,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Look at the origin of ``url``; its path does not matter. Raises: :class:`BadUrl`."""
        self.base = _origin(url)
        self.frontend = None if frontend_url is None else _origin(frontend_url)
        self._connect_to = dict(connect_to or {})
        self._ca_file = ca_file
        self._timeout_s = timeout_s
        self._timer = timer
        self._lock = threading.Lock()
        self._asked: dict[object, Future[Any]] = {}
        self._silent: dict[Place, str] = {}
        self._idle: dict[str, list[socket.socket]] = {}
        self._context = tls.unverified()

    @property
    def host(self) -> str:
        """The name of the deployment."""
        return urlsplit(self.base).hostname or ""

    @property
    def is_https(self) -> bool:
        """Whether the URL given is one of HTTPS."""
        return self.base.startswith("https:")

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, origin: str | None = None) -> Answer:
        """Return the answer to GET; asked once however many checks want it. Raises: :class:`DeploymentUnreachable`."""
        return self.ask("GET", path, headers=headers, origin=origin)

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        origin: str | None = None,
        fresh: bool = False,
    ) -> Answer:
        """Return the answer to one request at ``path`` of the deployment, or of another ``origin``.

        ``fresh`` asks again what was asked before. A header ``Host`` replaces the name, but not the server it goes to.
        Raises: :class:`DeploymentUnreachable`.
        """
        url = f"{origin or self.base}{path}"
        given = tuple(sorted((headers or {}).items()))

        def send() -> Answer:
            return self._sent(method, url, dict(given), body)

        return send() if fresh else self._once((method, url, given, body), send)

    def preflight(self, origin: str, path: str) -> Answer:
        """Ask, as a browser does, whether a page of ``origin`` may send a GET with a token."""
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        return self.ask("OPTIONS", path, headers=asked)

    def times(self, path: str, count: int) -> list[float]:
        """Return the seconds of ``count`` GETs, one after the other."""
        return [self.ask("GET", path, fresh=True).seconds for _ in range(count)]

    def plain(self, path: str, origin: str | None = None) -> Answer | None:
        """Return the answer to GET over plain HTTP at the usual port; None where nothing listens there."""
        host = urlsplit(origin or self.base).hostname or ""
        try:
            return self.get(path, origin=f"http://{_bracketed(host)}")
        except DeploymentUnreachable:
            return None

    def route(self, path: str, origin: str | None = None) -> tuple[str, ...] | None:
        """Return every URL from plain HTTP on, following redirections; None where nothing listens there."""
        host = urlsplit(origin or self.base).hostname or ""
        if self.plain(path, origin) is None:
            return None
        return self._followed(f"http://{_bracketed(host)}{path}")[0]

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate of the deployment. Raises: :class:`DeploymentUnreachable`."""
        return self.certificate_of(self.base)

    def certificate_of(self, origin: str) -> Certificate:
        """Return what the server of an origin shows, judged. Raises: :class:`DeploymentUnreachable`."""
        place = _place(urlsplit(origin))

        def look() -> Certificate:
            return self._tried(place, lambda: tls.look_at(place, self._target(place), self._timeout_s, self._ca_file))

        return self._once(("certificate", place), look)

    def old_tls(self) -> str | None:
        """Return which version older than 1.2 the server takes, None where it refuses them all."""
        place = _place(urlsplit(self.base))
        return self._tried(place, lambda: tls.oldest_taken(place[0], self._target(place), self._timeout_s))

    def page(self, path: str, origin: str | None = None) -> Page:
        """Return a page and how it was reached, as the Observatory's rules look at it."""
        chosen = origin or self.base
        urls, last = self._followed(f"{chosen}{path}")
        host, is_https = urlsplit(chosen).hostname or "", chosen.startswith("https:")
        asked = {"Origin": TESTER_ORIGIN, "Access-Control-Request-Method": "GET"}
        cors = self.ask("OPTIONS", path, headers=asked, origin=chosen)
        trusted = is_https and self.certificate_of(chosen).is_good
        return Page(
            hostname=host,
            headers=last.headers,
            body=last.text,
            status=last.status,
            is_https=urls[-1].startswith("https:"),
            https_headers=self.get(path, origin=chosen).headers if is_https else None,
            https_verified=trusted,
            route=self.route(path, chosen),
            http_verified=trusted,
            cors_headers=cors.headers,
        )

    def close(self) -> None:
        """Let connections go and forget what was asked."""
        with self._lock:
            idle = [sock for kept in self._idle.values() for sock in kept]
            self._idle.clear()
            self._asked.clear()
        for sock in idle:
            sock.close()

    def _followed(self, url: str) -> tuple[tuple[str, ...], Answer]:
        """Return the URLs that a GET leads over, and the last answer."""
        route = [url]
        while True:
            parts = urlsplit(route[-1])
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            answer = self.get(path or "/", origin=f"{parts.scheme}://{parts.netloc}")
            target = answer.header("location")
            if answer.status not in _REDIRECTS or not target or len(route) > MOST_HOPS:
                return tuple(route), answer
            try:
                following = urljoin(route[-1], target)
            except ValueError:
                return tuple(route), answer
            if place_of(following).scheme not in PORTS or not place_of(following).hostname:
                return tuple(route), answer
            route.append(following)

    def _once(self, key: object, ask: Callable[[], T]) -> T:
        """Return what ``ask`` answers, asking once for all threads; a failure is kept too."""
        with self._lock:
            future: Future[T] | None = self._asked.get(key)
            is_mine = future is None
            if future is None:
                future = self._asked[key] = Future()
        if is_mine:
            try:
                future.set_result(ask())
            except BaseException as error:
                # Whoever waits for the same answer must not wait for ever.
                future.set_exception(error)
                raise
        return future.result()

    def _sent(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(url)
        place, context = _place(parts), self._context if parts.scheme == "https" else None
        raw = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = {
            "Host": parts.netloc, "User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **headers,
        }  # fmt: skip
        is_safe = method in _SAFE

        def exchanged(sock: socket.socket | None) -> Answer:
            started = self._timer()
            with Exchange(place[0], sock or self._target(place), self._timeout_s, context) as exchange:
                status, got, content, is_open = speak(exchange.sock, method, raw, lines, body)
                exchange.is_kept = is_open
            if is_open:
                self._keep(url, exchange.sock)
            return Answer(url, status, got, content, self._timer() - started)

        def send() -> Answer:
            kept = self._kept(url) if is_safe else None
            if kept is not None:
                try:
                    return exchanged(kept)
                except (OSError, http.client.HTTPException):
                    # The server had let go of it; whether it answers at all a fresh one tells.
                    return exchanged(None)
            return exchanged(None)

        return self._tried(place, send, retries=RETRIES if is_safe else 0)

    def _kept(self, url: str) -> socket.socket | None:
        with self._lock:
            idle = self._idle.get(_origin(url))
            return idle.pop() if idle else None

    def _keep(self, url: str, sock: socket.socket) -> None:
        with self._lock:
            self._idle.setdefault(_origin(url), []).append(sock)

    def _tried(self, place: Place, send: Callable[[], T], *, retries: int = RETRIES) -> T:
        """Run ``send``, again after network trouble; whoever took no connection at all is not asked a second time."""
        for tried in range(retries + 1):
            if place in self._silent:
                raise DeploymentUnreachable(place=_shown(place), problem=self._silent[place])
            try:
                return send()
            except (OSError, http.client.HTTPException) as error:
                problem, is_last = told(error, self._timeout_s), tried == retries
                if is_last and isinstance(error, NoConnection):
                    self._silent[place] = problem
                if is_last:
                    raise DeploymentUnreachable(place=_shown(place), problem=problem) from error
            time.sleep(WAIT_S * (tried + 1))
        raise AssertionError("unreachable: the last try returns or raises")

    def _target(self, place: Place) -> Place:
        return self._connect_to.get(place, place)


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise BadUrl(url=url) from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise BadUrl(url=url)
    named = "" if port is None or port == PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{_bracketed(parts.hostname)}{named}"


def _place(parts: SplitResult) -> Place:
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _shown(place: Sequence[object]) -> str:
    return f"{place[0]}:{place[1]}"
