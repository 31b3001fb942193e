"""The moment between SIGTERM and the last connection."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

LINGER_S = 1


@contextmanager
def draining(on_term: Callable[[], None]) -> Iterator[None]:
    """Call ``on_term`` at SIGTERM and pass the signal on ``LINGER_S`` later, while the block runs.

    A load balancer that asks in between hears that no traffic should come, while connections are still taken. Does
    nothing outside the main thread, where there are no signals, and where nobody handles SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.getsignal(signal.SIGTERM)
    if not callable(previous):
        yield
        return
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> None:
        on_term()
        loop.call_soon_threadsafe(loop.call_later, LINGER_S, previous, number, frame)

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is handle:
            signal.signal(signal.SIGTERM, previous)
