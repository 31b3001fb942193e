"""The outermost layer: every request passes here first, every answer last, whoever made it.

Outside the framework on purpose: what the framework answers by itself (unknown paths, wrong methods) must carry the
same headers, the same request id and the same line in the log as everything else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from primepos.api.errors import PROBLEM_JSON, AtCapacity, HostNotAllowed, OriginNotAllowed, problem
from primepos.api.quota import rate_limit_headers
from primepos.api.trace import Trace, begin_trace
from primepos.core.errors import PrimePOSError
from primepos.core.log import bind, get_logger, unbind
from primepos.core.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PROBES = "/health"
METRICS = "/metrics"
CSP = "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
ALLOWED_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ALLOWED_HEADERS = (
    b"Authorization, Content-Type, Idempotency-Key, X-Request-ID,"
    b" X-Approval, X-Approver, X-Approver-PIN, X-Approver-Badge, traceparent"
)
EXPOSED_HEADERS = b"X-Request-ID, Location, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate"
PREFLIGHT_KEPT_S = b"600"
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")

log = get_logger("primepos.http")


class Edge:
    """Wraps an ASGI application in hosts, origins, HEAD, security headers, request ids and the access log."""

    def __init__(
        self,
        inner: ASGIApp,
        settings: Settings,
        methods: Callable[[str], list[str]],
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Wrap ``inner`` for an installation with these settings; ``methods`` tells which ones a path takes.

        While ``is_stopping`` every answer ends its connection, so that the next request goes to another process.
        """
        self._inner = inner
        self._is_stopping = is_stopping
        self._methods = methods
        self._hosts = frozenset(host.lower().rstrip(".") for host in settings.allowed_hosts)
        self._origins = frozenset(origin.encode() for origin in settings.cors_allowed_origins)
        self._https_only = settings.is_production
        self._scraped_from_afar = settings.metrics_token is not None
        self._constant = security_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        known = _interesting(scope["headers"])
        trace = begin_trace(scope, known.get(b"x-request-id"))
        trace.path, trace.method = scope["path"], scope["method"]
        origin = known.get(b"origin")
        sender = self._sender(send, trace, self._cors(origin))
        token = bind(request_id=trace.request_id)
        try:
            if not await self._answered_here(scope, known, origin, sender, trace):
                if trace.method == "HEAD":
                    # Whatever answers GET answers HEAD, without its body. A copy: the server looks at its own scope.
                    scope = {**scope, "method": "GET"}
                await self._inner(scope, receive, sender)
        finally:
            self._log(scope, trace)
            unbind(token)

    async def _answered_here(
        self, scope: Scope, known: dict[bytes, str], origin: str | None, send: Send, trace: Trace
    ) -> bool:
        """Answer what needs no application: a foreign host, plain HTTP, a preflight. False leaves it to the rest."""
        path = scope["path"]
        if path == PROBES or path.startswith(f"{PROBES}/") or (path == METRICS and self._scraped_from_afar):
            # The platform probes, and metrics are read, by address and over plain HTTP.
            return False
        host = _host_of(known.get(b"host"))
        if host is None or host not in self._hosts:
            await _refuse(send, HostNotAllowed(), trace)
            return True
        if self._https_only and known.get(b"x-forwarded-proto", "").strip().lower() == "http":
            query = scope["query_string"].decode("latin-1")
            raw = (scope.get("raw_path") or path.encode()).partition(b"?")[0].decode("latin-1")
            target = f"https://{host}{raw}" + (f"?{query}" if query else "")
            await _respond(send, HTTPStatus.PERMANENT_REDIRECT, [(b"location", target.encode("latin-1"))])
            return True
        if trace.method == "OPTIONS" and origin is not None and b"access-control-request-method" in known:
            if origin.encode("latin-1") in self._origins:
                await _respond(send, HTTPStatus.NO_CONTENT, _PREFLIGHT)
            else:
                await _refuse(send, OriginNotAllowed(), trace)
            return True
        if trace.method == "OPTIONS" and (methods := self._methods(path)):
            await _respond(send, HTTPStatus.NO_CONTENT, [(b"allow", ", ".join(methods).encode())])
            return True
        return False

    def _cors(self, origin: str | None) -> Headers:
        """Return what the answer says to a browser; an origin that is not listed is never repeated."""
        if not self._origins:
            return []
        headers = [(b"vary", b"Origin")]
        if origin is not None and (raw := origin.encode("latin-1")) in self._origins:
            headers += [(b"access-control-allow-origin", raw), (b"access-control-expose-headers", EXPOSED_HEADERS)]
        return headers

    def _sender(self, send: Send, trace: Trace, cors: Headers) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                trace.status = message["status"]
                own = {name.lower() for name, _ in message.get("headers", ())}
                message["headers"] = [
                    *message.get("headers", ()),
                    # A file says itself how long who may see it keeps it.
                    *(each for each in self._constant if each[0] not in own),
                    (b"x-request-id", trace.request_id.encode()),
                    *(rate_limit_headers(trace.verdicts) if trace.verdicts else ()),
                    *cors,
                    *(_LAST if self._is_stopping() else ()),
                ]
            elif message["type"] == "http.response.body":
                if trace.method == "HEAD":
                    message = {**message, "body": b""}
                trace.sent_bytes += len(message.get("body", b""))
            await send(message)

        return with_headers

    @staticmethod
    def _log(scope: Scope, trace: Trace) -> None:
        """Write one line a request; a refusal is no error of ours, a probe is no news."""
        if trace.error_code == AtCapacity.code:
            return
        if trace.path.startswith(PROBES) or trace.path == METRICS:
            write = log.debug
        elif trace.status >= HTTPStatus.INTERNAL_SERVER_ERROR or not trace.status:
            write = log.error
        elif trace.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}:
            write = log.warning
        else:
            write = log.info
        client, who = scope.get("client"), trace.identity
        route = trace.route = scope.get("path_template") or None
        fields = {
            "method": trace.method,
            "route": route,
            "path": None if trace.path == route else trace.path,
            "status": trace.status or None,
            "duration_s": round(time.perf_counter() - trace.started, 6),
            "bytes": trace.sent_bytes,
            "client_ip": client[0] if client else None,
            "operation": trace.operation,
            "error_code": trace.error_code,
            "exc_type": type(trace.failure).__name__ if trace.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None,
            "tenant_id": who.tenant_id,
            "user_id": None if who.actor_id is None else str(who.actor_id),
            "role": who.role,
            "outlet_id": str(*who.outlet_ids) if who.outlet_ids is not None and len(who.outlet_ids) == 1 else None,
        }
        write("http.request", msg="", **{name: value for name, value in fields.items() if value is not None})


def security_headers(settings: Settings) -> Headers:
    """Return the headers of every answer. This API serves data: nothing of it is ever to be run, framed or kept."""
    headers = [
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", CSP.encode()),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    ]
    if settings.hsts_seconds:
        value = f"max-age={settings.hsts_seconds}"
        value += "; includeSubDomains" if settings.hsts_include_subdomains else ""
        value += "; preload" if settings.hsts_preload else ""
        headers.append((b"strict-transport-security", value.encode()))
    return headers


_LAST: Headers = [(b"connection", b"close")]
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", ALLOWED_METHODS),
    (b"access-control-allow-headers", ALLOWED_HEADERS),
    (b"access-control-max-age", PREFLIGHT_KEPT_S),
]
_WANTED = {b"host", b"origin", b"x-request-id", b"x-forwarded-proto", b"access-control-request-method"}


def _interesting(headers: Headers) -> dict[bytes, str]:
    """Return the headers that matter here. Of one sent twice the last counts, except Host: two hosts are none."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in _WANTED:
            text = value.decode("latin-1")
            found[name] = "" if name == b"host" and name in found else text
    return found


def _host_of(header: str | None) -> str | None:
    """Return the name in a Host header without its port, lower case; None where it is none."""
    match = _HOST.fullmatch(header.strip().lower()) if header else None
    return None if match is None else match["name"].rstrip(".")


async def _refuse(send: Send, error: PrimePOSError, trace: Trace) -> None:
    trace.error_code, trace.failure = error.code, error
    status, headers, body = problem(error, path=trace.path, request_id=trace.request_id)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await _respond(send, status, [*raw, (b"content-type", PROBLEM_JSON.encode())], body)


async def _respond(send: Send, status: HTTPStatus, headers: Headers, body: bytes = b"") -> None:
    length = [] if status is HTTPStatus.NO_CONTENT else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
