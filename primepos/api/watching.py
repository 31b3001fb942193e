"""Outside everything else: every request is counted and timed, and joined to the trace its caller began.

A caller's ``traceparent`` (W3C) and Cloudflare's ray are on every line of the request, whether or not anybody traces.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from primepos.api.trace import trace_of
from primepos.core.errors import TooManyRequests
from primepos.core.log import bind, unbind
from primepos.core.observing import request_span

if TYPE_CHECKING:
    from primepos.adapters.telemetry.metrics import Metrics
    from primepos.api.edge import ASGIApp, Headers, Receive, Scope, Send
    from primepos.api.trace import Trace

_PARENT = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_RAY = re.compile(r"[A-Za-z0-9-]{1,64}")


class Watch:
    """Wraps the API, edge included."""

    def __init__(self, inner: ASGIApp, metrics: Metrics) -> None:
        """Wrap ``inner``; what it answers is counted in ``metrics``."""
        self._inner = inner
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        started = time.perf_counter()
        parent, ray = _origin(scope["headers"])
        self._metrics.request_began()
        with request_span(scope["method"], parent) as span:
            fields = span.ids() or _ids_of(parent)
            if ray is not None:
                fields = {**fields, "cf_ray": ray}
            token = bind(**fields) if fields else None
            try:
                await self._inner(scope, receive, send)
            finally:
                if token is not None:
                    unbind(token)
                trace = trace_of(scope)
                self._count(trace, time.perf_counter() - started)
                span.end(trace.route, trace.status, trace.request_id, trace.failure)
                # It holds the frames it passed through, and they hold the trace.
                trace.failure = None

    def _count(self, trace: Trace, seconds: float) -> None:
        self._metrics.request_ended(trace.method, trace.route, trace.status, seconds)
        if isinstance(trace.failure, TooManyRequests):
            for policy in {each.policy.name for each in trace.failure.verdicts} or {"other"}:
                self._metrics.rejected(policy)


def _origin(headers: Headers) -> tuple[str | None, str | None]:
    """Return a valid ``traceparent`` and Cloudflare's ray, None for what is missing or not well formed."""
    parent = ray = None
    for name, value in headers:
        if name == b"traceparent":
            text = value.decode("latin-1").strip().lower()
            known = _PARENT.fullmatch(text)
            # All zeros is no id; version ff is not allowed.
            valid = known and text[:2] != "ff" and known["trace"].strip("0") and known["span"].strip("0")
            parent = text if valid else None
        elif name == b"cf-ray":
            text = value.decode("latin-1").strip()
            ray = text if _RAY.fullmatch(text) else None
    return parent, ray


def _ids_of(parent: str | None) -> dict[str, str]:
    """Return the log fields of a caller's trace where none of our own is made."""
    return {} if parent is None else {"trace_id": parent[3:35], "span_id": parent[36:52]}
