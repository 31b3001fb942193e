"""A TCP proxy on loopback that does to a connection what bad lines do: delay it, cut it, leave it hanging, refuse it.

It runs an event loop in a thread of its own. What happens to a connection is said beforehand (:meth:`Proxy.next`) or
drawn for each one from a seeded generator (``weather``). The whole answer of the server is kept, whatever part of it
got through, so a test can tell what the client should have heard.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

CHUNK = 4096
LINGER_S = 1
HEARD_TIMEOUT_S = 30


@dataclass(frozen=True)
class Fault:
    """What is done to one connection. Cuts count bytes; None lets everything through.

    The answer is cut when the server has begun to send it: at 0 its work is done and the client hears nothing. With
    ``half_open`` nothing is reset, the client just never hears more.
    """

    refuse: bool = False
    delay_s: float = 0.0
    cut_request_at: int | None = None
    cut_answer_at: int | None = None
    half_open: bool = False


WHOLE = Fault()


class Proxy:
    """Stands before a server at ``url`` and is reached at its own ``url``."""

    def __init__(
        self, url: str, *, weather: Callable[[Random], Fault] | None = None, rng: Random | None = None
    ) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._weather, self._rng = weather, rng
        self._planned: deque[Fault] = deque()
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._connections: set[asyncio.Task[Any] | None] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        opened = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = opened.result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def next(self, *faults: Fault) -> None:
        """Say what happens to the next connections, one after the other."""
        self._planned.extend(faults)

    def heard(self) -> bytes:
        """Return what the server sent over the oldest finished connection not yet asked for, whole."""
        return self._heard.get(timeout=HEARD_TIMEOUT_S)

    async def _close(self) -> None:
        self._server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _fault(self) -> Fault:
        if self._planned:
            return self._planned.popleft()
        return self._weather(self._rng) if self._weather is not None and self._rng is not None else WHOLE

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault, answer = self._fault(), bytearray()
        upstream: Any = None
        # The loop itself knows its tasks only weakly.
        self._connections.add(asyncio.current_task())
        try:
            if not fault.refuse:
                await asyncio.sleep(fault.delay_s)
                back, upstream = await asyncio.open_connection(*self._target)
                await self._converse(reader, writer, back, upstream, fault, answer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, upstream):
                if each is not None:
                    each.transport.abort()
            self._connections.discard(asyncio.current_task())
            self._heard.put(bytes(answer))

    @staticmethod
    async def _converse(
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        fault: Fault,
        answer: bytearray,
    ) -> None:
        async def ask() -> None:
            left = fault.cut_request_at
            while data := await reader.read(CHUNK):
                upstream.write(data if left is None else data[:left])
                await upstream.drain()
                if left is not None and (left := left - len(data)) <= 0:
                    upstream.transport.close()
                    writer.transport.abort()
                    return

        asking = asyncio.ensure_future(ask())
        # Whoever hung up waits for nothing more, but what the server says to it is still heard.
        hang_up = partial(asyncio.get_running_loop().call_later, LINGER_S, upstream.transport.close)
        asking.add_done_callback(lambda _: hang_up())
        try:
            while data := await back.read(CHUNK):
                room = None if fault.cut_answer_at is None else fault.cut_answer_at - len(answer)
                answer += data
                # The rest is still read, for heard().
                with suppress(ConnectionError):
                    if room is None or room > 0:
                        writer.write(data if room is None else data[:room])
                        await writer.drain()
                    if room is not None and room <= len(data) and not fault.half_open:
                        writer.transport.abort() if room <= 0 else writer.close()
            if fault.half_open:
                await asking
            elif not writer.is_closing():
                writer.close()
                await writer.wait_closed()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
