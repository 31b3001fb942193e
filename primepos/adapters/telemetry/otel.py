"""Traces by OpenTelemetry, sent with OTLP over HTTP. Needs the extra ``otel``.

A request is a span, the operation inside it another, each exchange with the database a third. The standard's own
variables hold for what is not among our settings, such as OTEL_TRACES_SAMPLER.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from primepos import __version__
from primepos.core.sql_text import without_literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from primepos.core.settings import Secret, Settings

FLUSH_MS: Final = 2000
TEXT_CAP: Final = 8192


def headers_of(text: Secret | None) -> dict[str, str]:
    """Return the headers that ``name=value,name=value`` means, as the standard writes OTEL_EXPORTER_OTLP_HEADERS."""
    if text is None:
        return {}
    pairs = (pair.partition("=") for pair in text.reveal().split(","))
    return {name.strip().lower(): value.strip() for name, separator, value in pairs if separator and name.strip()}


class OtelTracer:
    """Traces to an OTLP endpoint."""

    def __init__(self, settings: Settings, endpoint: str) -> None:
        """Send to ``endpoint``, the base that ``/v1/traces`` is added to, from a thread of its own."""
        attributes = {
            "service.name": settings.otel_service_name,
            "service.version": settings.platform.release or __version__,
            "deployment.environment.name": settings.environment.value,
        }
        if settings.platform.instance:
            attributes["service.instance.id"] = settings.platform.instance
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces",
            headers=headers_of(settings.otel_exporter_otlp_headers),
            timeout=FLUSH_MS / 1000,
        )
        self._provider = TracerProvider(resource=Resource.create(attributes))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("primepos", __version__)
        self._parents = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, method: str, parent: str | None) -> Iterator[_Request]:
        """Open the span of a request, inside its caller's."""
        context = self._parents.extract({"traceparent": parent}) if parent else None
        # What an exception says may hold what a log would redact: it is not recorded here.
        with self._tracer.start_as_current_span(
            method, context=context, kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute("http.request.method", method)
            yield _Request(span, method)

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[None]:
        """Open a span for an operation; an error is its type's name."""
        with self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            for key, value in attributes.items():
                span.set_attribute(key, value)
            try:
                yield
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                raise

    def exchanged(self, statements: Sequence[str], seconds: float) -> None:
        """Note an exchange with the database that has just ended."""
        now = time.time_ns()
        span = self._tracer.start_span("postgresql", kind=SpanKind.CLIENT, start_time=now - int(seconds * 1e9))
        span.set_attribute("db.system.name", "postgresql")
        if span.is_recording():
            span.set_attribute("db.query.text", "; ".join(map(without_literals, statements))[:TEXT_CAP] or "BEGIN")
        span.end(now)

    def flush(self) -> None:
        """Wait, two seconds at most, until everything is sent."""
        self._provider.force_flush(FLUSH_MS)


class _Request:
    """The span of one request."""

    def __init__(self, span: Span, method: str) -> None:
        self._span = span
        self._method = method

    def ids(self) -> dict[str, str]:
        """Return trace and span for the log."""
        context = self._span.get_span_context()
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def end(self, route: str | None, status: int, request_id: str, error: Exception | None) -> None:
        """Name the span by its route and say how it ended."""
        span = self._span
        span.update_name(f"{self._method} {route}" if route else self._method)
        if route:
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("primepos.request_id", request_id)
        if error is not None:
            span.set_attribute("error.type", type(error).__name__)
        if status >= 500 or not status:
            span.set_status(Status(StatusCode.ERROR))
