"""Where a process begins to report errors and to trace, as its settings say. Loads no library that is not asked for."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from primepos.core import observing
from primepos.core.errors import BadConfiguration
from primepos.core.log import report_failures_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from primepos.core.observing import RequestSpan, Tracer
    from primepos.core.settings import Settings


class _State:
    """What is to be sent before this process ends."""

    flush: tuple[Callable[[], None], ...] = ()


def start_telemetry(settings: Settings) -> None:
    """Report errors to Sentry if SENTRY_DSN is set, trace if an endpoint or a share of requests is named.

    Raises: :class:`BadConfiguration` where OTEL_EXPORTER_OTLP_ENDPOINT is set and the extra ``otel`` is not installed.
    """
    tracers: list[Tracer] = []
    flush: list[Callable[[], None]] = []
    if settings.otel_exporter_otlp_endpoint:
        try:
            from primepos.adapters.telemetry.otel import OtelTracer
        except ModuleNotFoundError as error:
            raise BadConfiguration(
                "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the tracing library is not installed",
                hint="pip install 'primepos[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT",
            ) from error
        traced = OtelTracer(settings, settings.otel_exporter_otlp_endpoint)
        tracers.append(traced)
        flush.append(traced.flush)
    if settings.sentry_dsn is not None:
        from primepos.adapters.telemetry import sentry

        sentry.start(settings, settings.sentry_dsn)
        report_failures_to(sentry.report)
        flush.append(sentry.flush)
        if settings.sentry_traces_sample_rate:
            tracers.append(sentry.SentryTracer())
    if tracers:
        observing.trace_with(tracers[0] if len(tracers) == 1 else _Both(tracers))
    _State.flush = tuple(flush)


def flush_telemetry() -> None:
    """Send what is still waiting; for the end of a process. Takes a few seconds at most."""
    for each in _State.flush:
        each()


class _Both:
    """Several tracers as one; the first one's ids are in the log."""

    def __init__(self, tracers: Sequence[Tracer]) -> None:
        self._tracers = tracers

    @contextmanager
    def request(self, method: str, parent: str | None) -> Iterator[_Spans]:
        """Open the span of a request with each."""
        with ExitStack() as stack:
            yield _Spans([stack.enter_context(each.request(method, parent)) for each in self._tracers])

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[None]:
        """Open a span with each."""
        with ExitStack() as stack:
            for each in self._tracers:
                stack.enter_context(each.span(name, **attributes))
            yield

    def exchanged(self, statements: Sequence[str], seconds: float) -> None:
        """Let each take note."""
        for each in self._tracers:
            each.exchanged(statements, seconds)


class _Spans:
    """One request as several tracers see it."""

    def __init__(self, spans: Sequence[RequestSpan]) -> None:
        self._spans = spans

    def ids(self) -> dict[str, str]:
        """Return those of the first."""
        return self._spans[0].ids()

    def end(self, route: str | None, status: int, request_id: str, error: Exception | None) -> None:
        """Tell each."""
        for each in self._spans:
            each.end(route, status, request_id, error)
