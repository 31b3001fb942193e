"""What the core tells whoever watches it: exchanges with the database, spans of a trace; see also ``App.watch``.

The core knows no library for metrics or traces. It calls these ports; adapters stand behind them, or nobody, and then a
call costs next to nothing. Watchers must not raise and must not block.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExchangeObserver(Protocol):
    """Hears of every exchange with the database: one round trip, whatever number of statements it carries."""

    def __call__(self, statements: Sequence[str], seconds: float) -> None:
        """Take note. The statements have placeholders where values go."""
        ...


class RequestSpan(Protocol):
    """The span of one request, which others of this context are inside of."""

    def ids(self) -> dict[str, str]:
        """Return ``trace_id`` and ``span_id`` for the log; empty where this tracer has none."""
        ...

    def end(self, route: str | None, status: int, request_id: str, error: Exception | None) -> None:
        """Say what became of it, shortly before it is closed; status 0: nobody was answered."""
        ...


class Tracer(Protocol):
    """Opens spans, each inside the one that is open in this context."""

    def request(self, method: str, parent: str | None) -> AbstractContextManager[RequestSpan]:
        """Return the span of a request; ``parent`` is a valid W3C ``traceparent``, if its caller sent one."""
        ...

    def span(self, name: str, **attributes: str) -> AbstractContextManager[object]:
        """Return a span that lasts as long as the block."""
        ...

    def exchanged(self, statements: Sequence[str], seconds: float) -> None:
        """Take note of an exchange with the database that ended now; see :class:`ExchangeObserver`."""
        ...


class _NoSpan:
    """The span of a request that nobody traces."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_of: object) -> None:
        return

    def ids(self) -> dict[str, str]:
        """Return nothing: there are none."""
        return {}

    def end(self, *_of: object) -> None:
        """Take no note."""


class _State:
    """Who traces in this process."""

    tracer: Tracer | None = None


_NOTHING: Final = nullcontext()
_NO_SPAN: Final = _NoSpan()


def trace_with(tracer: Tracer | None) -> None:
    """Let this tracer see every span of this process from now on; None turns tracing off."""
    _State.tracer = tracer


def tracer() -> Tracer | None:
    """Return who traces in this process."""
    return _State.tracer


def span(name: str, **attributes: str) -> AbstractContextManager[object]:
    """Return a span around what the block does; nothing at all where nobody traces."""
    found = _State.tracer
    return _NOTHING if found is None else found.span(name, **attributes)


def request_span(method: str, parent: str | None) -> AbstractContextManager[RequestSpan]:
    """Return the span of a request, see :meth:`Tracer.request`; one without ids where nobody traces."""
    found = _State.tracer
    return _NO_SPAN if found is None else found.request(method, parent)
