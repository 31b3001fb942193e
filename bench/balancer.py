"""A load balancer in miniature: passes connections to the servers that say they are ready, and does nothing for them.

It repeats nothing and hides nothing: a server that loses a request loses it before everybody's eyes.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

CHUNK = 65536
ASKED_EVERY_S = 0.2
ANSWERS_WITHIN_S = 2.0


class Balancer:
    """Stands before servers, in a thread of its own, and is reached at its ``url``."""

    def __init__(self) -> None:
        """Begin without a server."""
        self.url = ""
        self._ready: dict[str, bool] = {}
        self._turn = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer", daemon=True)

    def add(self, url: str) -> None:
        """Ask the server at ``url`` from now on, and send it connections once it is ready."""
        self._loop.call_soon_threadsafe(self._watch, url)

    def remove(self, url: str) -> None:
        """Forget a server."""
        self._loop.call_soon_threadsafe(self._ready.pop, url, None)

    def wait_until_ready(self, url: str, *, timeout_s: float = 60) -> None:
        """Wait until a server is sent connections. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ready.get(url, False), timeout_s):
                raise TimeoutError(f"{url} does not become ready")

    def __enter__(self) -> Self:
        """Take connections."""
        self._thread.start()
        opened = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = opened.result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_error: object) -> None:
        """Hang up on everybody."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _watch(self, url: str) -> None:
        self._ready[url] = False
        task = self._loop.create_task(self._ask(url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, url: str) -> None:
        while url in self._ready:
            is_ready = self._ready[url]
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    is_ready = await self._is_ready(url)
            except TimeoutError:
                # A busy machine: what was true is believed until something else is heard.
                pass
            except OSError:
                is_ready = False
            with self._changed:
                if url in self._ready:
                    self._ready[url] = is_ready
                self._changed.notify_all()
            await asyncio.sleep(ASKED_EVERY_S)

    @staticmethod
    async def _is_ready(url: str) -> bool:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(b"GET /health/ready/ HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")
            return (await reader.readline()).split()[1:2] == [b"200"]
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the next server that is ready; one that takes no connections any more is passed over."""
        ready = [url for url, is_ready in self._ready.items() if is_ready]
        self._turn += 1
        for place in range(len(ready)):
            parts = urlsplit(ready[(self._turn + place) % len(ready)])
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection(parts.hostname, parts.port)
        raise ConnectionRefusedError

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            back, upstream = await self._connect()
            there = asyncio.ensure_future(_pump(reader, upstream))
            await _pump(back, writer)
            # What the server said last is on its way; nothing more is sent to it.
            there.cancel()
            await asyncio.gather(there, return_exceptions=True)
            with suppress(OSError):
                writer.close()
                await writer.wait_closed()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, upstream):
                if each is not None:
                    each.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
