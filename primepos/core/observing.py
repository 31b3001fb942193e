"""What the core tells whoever watches it: exchanges with the database, spans of a trace; see also ``App.watch``.

The core knows no library for metrics or traces. It calls these ports; adapters stand behind them, or nobody, and then a
call costs next to nothing. Watchers must not raise and must not block.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExchangeObserver(Protocol):
    """Hears of every exchange with the database: one round trip, whatever number of statements it carries."""

    def __call__(self, statements: Sequence[str], seconds: float) -> None:
        """Take note. The statements have placeholders where values go."""
        ...


class Tracer(Protocol):
    """Opens spans, each inside the one that is open in this context."""

    def span(self, name: str, **attributes: str) -> AbstractContextManager[object]:
        """Return a span that lasts as long as the block."""
        ...


_NOTHING: Final = nullcontext()


class _State:
    """Who traces in this process."""

    tracers: tuple[Tracer, ...] = ()


def trace_with(*tracers: Tracer) -> None:
    """Let these tracers see every span of this process from now on; none turns tracing off."""
    _State.tracers = tracers


def span(name: str, **attributes: str) -> AbstractContextManager[object]:
    """Return a span around what the block does; nothing at all where nobody traces."""
    tracers = _State.tracers
    if not tracers:
        return _NOTHING
    if len(tracers) == 1:
        return tracers[0].span(name, **attributes)
    return _both(tracers, name, attributes)


def _both(tracers: tuple[Tracer, ...], name: str, attributes: dict[str, str]) -> AbstractContextManager[object]:
    from contextlib import ExitStack

    stack = ExitStack()
    for tracer in tracers:
        stack.enter_context(tracer.span(name, **attributes))
    return stack
