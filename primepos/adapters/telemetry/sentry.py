"""Reports of what nobody foresaw, to Sentry; and sampled traces, if asked for.

Nothing is collected by itself: no local variables, no headers, no bodies, no breadcrumbs. An error arrives with its
trace, the release, the environment and the ``request_id`` that joins it to the log, every text passed through the
log's own redaction. Refusals that the core foresaw are never sent, whatever status they are answered with.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration

from primepos import __version__
from primepos.core.errors import ErrorKind, PrimePOSError
from primepos.core.log import redactor
from primepos.core.redaction import REDACTED, is_secret_name
from primepos.core.sql_text import without_literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sentry_sdk.types import Event, Hint

    from primepos.core.settings import Secret, Settings

FLUSH_S: Final = 2
TEXT_CAP: Final = 8192
# Fields of a line that say which request, job or operation it was; none of them says who or whose.
TAGS: Final = ("request_id", "operation", "task", "job_id", "error_code", "component")
_IDS: Final = frozenset({"event_id", "trace_id", "span_id", "parent_span_id", "segment_id"})
_SENT: Final = "_primepos_sent"


def start(settings: Settings, dsn: Secret) -> None:
    """Send reports to the project of ``dsn`` from now on."""
    sentry_sdk.init(
        dsn=dsn.reveal(),
        release=settings.platform.release or f"primepos@{__version__}",
        environment=settings.environment.value,
        server_name=settings.platform.instance or None,
        default_integrations=False,
        auto_enabling_integrations=False,
        # Silent: what is still to be sent at the end is nothing to print.
        integrations=[AtexitIntegration(callback=lambda _pending, _timeout: None)],
        shutdown_timeout=FLUSH_S,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_breadcrumb=lambda _crumb, _hint: None,
        auto_session_tracking=False,
        enable_metrics=False,
        traces_sample_rate=settings.sentry_traces_sample_rate or None,
        before_send=scrubbed,
        before_send_transaction=scrubbed,
    )


def report(error: BaseException, fields: Mapping[str, object]) -> None:
    """Send an error that nobody foresaw, once; ``fields`` are those of its log line."""
    if isinstance(error, PrimePOSError) and error.kind not in {ErrorKind.BUG, ErrorKind.CONFIG}:
        return
    if not isinstance(error, Exception) or getattr(error, _SENT, False):
        return
    setattr(error, _SENT, True)
    with sentry_sdk.new_scope() as scope:
        for name in TAGS:
            if (value := fields.get(name)) is not None:
                scope.set_tag(name, str(value))
        sentry_sdk.capture_exception(error)


def flush() -> None:
    """Wait, two seconds at most, until everything is sent."""
    sentry_sdk.flush(timeout=FLUSH_S)


def scrubbed(event: Event, hint: Hint) -> Event:
    """Return the event with every text of it cleaned as the log cleans its lines."""
    del hint
    return cast("Event", _clean(event))


def _clean(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        return value if name in _IDS else redactor().text(value, cap=TEXT_CAP)
    if isinstance(value, dict):
        return {
            key: REDACTED if isinstance(key, str) and is_secret_name(key) else _clean(item, str(key))
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


class SentryTracer:
    """Traces to Sentry, of the share of requests that SENTRY_TRACES_SAMPLE_RATE names."""

    @contextmanager
    def request(self, method: str, parent: str | None) -> Iterator[_Request]:
        """Open a transaction for a request; its caller's trace goes on, its caller's choice to sample does not."""
        known = {"sentry-trace": f"{parent[3:35]}-{parent[36:52]}"} if parent else {}
        with sentry_sdk.isolation_scope():
            transaction = sentry_sdk.continue_trace(known, op="http.server", name=method, source="route")
            with sentry_sdk.start_transaction(transaction):
                yield _Request(transaction, method)

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[None]:
        """Open a span for an operation."""
        with sentry_sdk.start_span(op="operation", name=name) as span:
            for key, value in attributes.items():
                span.set_data(key, value)
            yield

    def exchanged(self, statements: Sequence[str], seconds: float) -> None:
        """Note an exchange with the database that has just ended."""
        inside = sentry_sdk.get_current_span()
        if inside is not None:
            text = "; ".join(map(without_literals, statements)) or "BEGIN"
            began = datetime.fromtimestamp(time.time(), UTC) - timedelta(seconds=seconds)
            inside.start_child(op="db", name=text[:TEXT_CAP], start_timestamp=began).finish()

    def flush(self) -> None:
        """Send what is waiting; reports and traces go the same way."""
        flush()


class _Request:
    """The transaction of one request."""

    def __init__(self, transaction: Any, method: str) -> None:
        self._transaction = transaction
        self._method = method

    def ids(self) -> dict[str, str]:
        """Return trace and span for the log."""
        return {"trace_id": self._transaction.trace_id, "span_id": self._transaction.span_id}

    def end(self, route: str | None, status: int, request_id: str, error: Exception | None) -> None:
        """Name the transaction by its route and say how it ended."""
        del error
        self._transaction.name = f"{self._method} {route or 'unmatched'}"
        self._transaction.set_http_status(status or 500)
        self._transaction.set_tag("request_id", request_id)
