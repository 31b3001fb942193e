"""A deployment to ask over the network: answers as a good one does, and can be broken in exactly one thing.

``Live`` serves HTTPS and plain HTTP on loopback for three names (API, the platform's own, frontend); ``break_answers``
is called with each request and the good answer, and returns what is sent instead.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from primepos.deploy.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

API_HOST, PLATFORM_HOST, SHOP_HOST = "api.brightfruit.shop", "primepos-api.onrender.com", "tills.brightfruit.shop"
ORIGIN = f"https://{SHOP_HOST}"
COMMIT = "5e1f0c3a9b7d2e4f6a8c0b1d3e5f7a9c2b4d6e8f"
HSTS = "max-age=31536000; includeSubDomains; preload"
CSP = "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE = "<!doctype html><html><head><script src='/app.js'></script></head><body>Tills</body></html>"
APP_JS = f'fetch("https://{API_HOST}/api/v1/products")'


# --- certificates ----------------------------------------------------------------------------------------------------


class Authority:
    """Issues certificates for tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Test Authority")
        self._last = 0
        now = datetime.now(UTC)
        self._certificate = (
            self._builder(self._name, self._key.public_key(), now - timedelta(days=1), now + timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *names: str, days: int = 90, age_days: int = 1, self_signed: bool = False) -> ssl.SSLContext:
        """Return a server's context with a fresh certificate for these names, that ends in ``days``."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        # Half a day more, so that the count of whole days does not depend on the hour.
        ends = now + timedelta(days=days, hours=12)
        builder = self._builder(
            _name(names[0]), key.public_key(), ends - timedelta(days=abs(days) + age_days + 1), ends
        )
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
        ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if self_signed:
            builder._issuer_name = _name(names[0])
            signed = builder.sign(key, hashes.SHA256())
        else:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
            signed = builder.add_extension(identifier, critical=False).sign(self._key, hashes.SHA256())
        self._last += 1
        file = self._folder / f"server-{self._last}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: Any, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


# --- answers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    host: str
    path: str
    is_https: bool
    headers: Any
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    @property
    def is_api(self) -> bool:
        return self.host in {API_HOST, PLATFORM_HOST}


@dataclass(frozen=True)
class Sent:
    """One answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def having(self, name: str, value: str | None) -> Sent:
        """The same with one header replaced, or without it."""
        kept = tuple(each for each in self.headers if each[0].lower() != name.lower())
        return replace(self, headers=kept if value is None else (*kept, (name, value)))

    def saying(self, data: Any) -> Sent:
        """The same with another body."""
        return replace(self, body=json.dumps(data).encode() if not isinstance(data, bytes) else data)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def sent(status: int, data: Any, *headers: tuple[str, str]) -> Sent:
    """An answer in JSON."""
    return Sent(status, (("Content-Type", "application/json"), *headers), json.dumps(data).encode())


class GoodAnswers:
    """How a good deployment answers."""

    def __init__(self) -> None:
        self._guesses: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Sent:
        if not asked.is_https:
            return Sent(301, (("Location", f"https://{asked.host}{asked.path}"),), b"")
        if asked.host == SHOP_HOST:
            return self._frontend(asked)
        request_id = asked.header("X-Request-ID") or str(uuid.uuid4())
        answer = self._api(asked, request_id)
        headers = [
            *answer.headers, ("X-Request-ID", request_id), ("Strict-Transport-Security", HSTS),
            ("Content-Security-Policy", CSP), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"), ("Cache-Control", "no-store"), ("Vary", "Origin"),
        ]  # fmt: skip
        if asked.header("Origin") == ORIGIN:
            headers.append(("Access-Control-Allow-Origin", ORIGIN))
        return replace(answer, headers=tuple(headers))

    def _api(self, asked: Asked, request_id: str) -> Sent:
        path = asked.path.partition("?")[0].rstrip("/")
        if path == "/health":
            if asked.method not in {"GET", "HEAD"}:
                return problem(405, "METHOD_NOT_ALLOWED", request_id)
            return sent(200, {"status": "healthy", "version": "0.1.0", "commit": COMMIT})
        if path == "/health/ready":
            return sent(200, {"status": "ready", "database": "connected"})
        if not asked.is_api:
            return problem(400, "HOST_NOT_ALLOWED", request_id)
        if asked.method == "TRACE":
            return problem(405, "METHOD_NOT_ALLOWED", request_id)
        if asked.method == "OPTIONS":
            if asked.header("Origin") != ORIGIN:
                return problem(403, "ORIGIN_NOT_ALLOWED", request_id)
            allowed = ("Access-Control-Allow-Headers", "Authorization, Content-Type")
            return Sent(204, (allowed, ("Access-Control-Allow-Methods", "GET, POST")), b"")
        if path == "/api/v1":
            return sent(200, {"name": "PrimePOS API", "version": "v1"})
        if path == "/api/v1/auth/login":
            return self._login(asked, request_id)
        if path.startswith("/api/v1/") and "nothing" not in path:
            refused = problem(401, "UNAUTHENTICATED", request_id).having("WWW-Authenticate", 'Bearer realm="primepos"')
            return refused.having("RateLimit-Policy", '"api";q=1000;w=3600').having("RateLimit", '"api";r=999;t=3600')
        return problem(404, "NOT_FOUND", request_id)

    def _login(self, asked: Asked, request_id: str) -> Sent:
        try:
            email = json.loads(asked.body)["email"]
        except ValueError:
            return problem(400, "MALFORMED_REQUEST", request_id)
        self._guesses[email] += 1
        if self._guesses[email] > 5:
            return problem(429, "TOO_MANY_REQUESTS", request_id).having("Retry-After", "60")
        return problem(401, "WRONG_CREDENTIALS", request_id)

    @staticmethod
    def _frontend(asked: Asked) -> Sent:
        headers = (
            ("Content-Type", "text/html; charset=utf-8"), ("Strict-Transport-Security", HSTS),
            ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; object-src 'none'"),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "strict-origin-when-cross-origin"),
        )  # fmt: skip
        if asked.path == "/app.js":
            return Sent(200, headers, APP_JS.encode()).having("Content-Type", "text/javascript")
        if asked.path == "/dashboard":
            return Sent(307, (*headers, ("Location", "/login")), b"")
        return Sent(200 if asked.path == "/" else 404, headers, PAGE.encode())


def problem(status: int, code: str, request_id: str) -> Sent:
    """A refusal as PrimePOS makes it."""
    body = {"type": f"urn:primepos:problem:{code.lower()}", "status": status, "code": code, "request_id": request_id}
    return sent(status, body).having("Content-Type", "application/problem+json")


# --- the servers -----------------------------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write an answer: two small ones wait for each other (Nagle).
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def handle_any(self) -> None:
        asked = Asked(
            method=self.command,
            host=self.headers.get("Host", "").partition(":")[0],
            path=self.path,
            is_https=self.server.context is not None,
            headers=self.headers,
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        answer = self.server.live.answer(asked)
        if answer is None:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_OPTIONS = do_TRACE = do_DELETE = do_HEAD = handle_any  # noqa: N815  the names the library asks for

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, live: Live, context: ssl.SSLContext | None) -> None:
        self.live, self.context = live, context
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the thread of the request: a handshake that hangs must not keep the others waiting.
        if self.context is not None:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        super().finish_request(request, client_address)
        try:
            request.close()
        except OSError:
            return

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may leave."""


class Live:
    """A running deployment."""

    def __init__(self, authority: Authority, context: ssl.SSLContext) -> None:
        self.authority = authority
        self.seconds = 0.0
        self.good = GoodAnswers()
        self.break_answers: Callable[[Asked, Sent], Sent | None] | None = None
        self._servers = [_Server(self, context), _Server(self, None)]
        self.threads = [
            threading.Thread(target=each.serve_forever, args=(0.05,), daemon=True) for each in self._servers
        ]
        for thread in self.threads:
            thread.start()

    def answer(self, asked: Asked) -> Sent | None:
        good = self.good(asked)
        return good if self.break_answers is None else self.break_answers(asked, good)

    def use(self, context: ssl.SSLContext) -> None:
        """Show another certificate from now on."""
        self._servers[0].context = context

    @property
    def context(self) -> ssl.SSLContext:
        assert self._servers[0].context is not None
        return self._servers[0].context

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of HTTPS and of plain HTTP."""
        https, http = (each.server_address[1] for each in self._servers)
        return https, http

    def prober(self, url: str = f"https://{API_HOST}", **more: Any) -> Prober:
        """Ask this deployment; the time that answers take stands still unless a break moves it."""
        https, http = self.ports
        given = {
            "connect_to": connect_to((API_HOST, PLATFORM_HOST, SHOP_HOST), https, http),
            "ca_file": self.authority.file,
            "timer": lambda: self.seconds,
            # A busy machine is no reason to fail.
            "timeout_s": 60,
        }
        return Prober(url, ORIGIN, **{**given, **more})

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self.threads:
            thread.join(10)


def connect_to(hosts: Sequence[str], https: int, http: int) -> dict[tuple[str, int], tuple[str, int]]:
    """Send what is meant for these names to loopback."""
    found = {}
    for host in hosts:
        found[host, 443] = ("127.0.0.1", https)
        found[host, 80] = ("127.0.0.1", http)
    return found


# --- TLS in front of a real server -----------------------------------------------------------------------------------


class Front:
    """Ends TLS before a server and says so in X-Forwarded-Proto, as a platform's edge does; also takes plain HTTP."""

    def __init__(self, upstream: tuple[str, int], context: ssl.SSLContext) -> None:
        self._upstream = upstream
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        for listener, chosen in zip(self._listeners, (context, None), strict=True):
            threading.Thread(target=self._accept, args=(listener, chosen), daemon=True).start()

    @property
    def ports(self) -> tuple[int, int]:
        https, http = (each.getsockname()[1] for each in self._listeners)
        return https, http

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()

    def _accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(taken, context), daemon=True).start()

    def _serve(self, taken: socket.socket, context: ssl.SSLContext | None) -> None:
        try:
            with taken:
                taken.settimeout(30)
                client = taken if context is None else context.wrap_socket(taken, server_side=True)
                with client, socket.create_connection(self._upstream, 30) as server:
                    _relay(client, server, "http" if context is None else "https")
        except OSError:
            return


def _relay(client: socket.socket, server: socket.socket, scheme: str) -> None:
    """Pass one request on, with the forwarding headers an edge adds, and its answer back; then the connection ends."""
    request = b""
    while b"\r\n\r\n" not in request:
        part = client.recv(65536)
        if not part:
            return
        request += part
    head, _, rest = request.partition(b"\r\n\r\n")
    length = next(
        (int(line.partition(b":")[2]) for line in head.splitlines() if line.lower().startswith(b"content-length:")), 0
    )
    while len(rest) < length:
        rest += client.recv(65536)
    forwarded = f"\r\nX-Forwarded-Proto: {scheme}\r\nX-Forwarded-For: 203.0.113.9, 172.68.1.1"
    forwarded += "\r\nConnection: close\r\n\r\n"
    server.sendall(head + forwarded.encode() + rest)
    while True:
        part = server.recv(65536)
        if not part:
            return
        client.sendall(part)
