"""The line between the API and its database, as a program: it can go dead, be refused, and heal, for all at once."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Coroutine

CHUNK = 65536


class Line:
    """Stands before the server of a database URL and is reached at its own ``url``.

    ``swallow`` makes a black hole of it: connections are taken, what is sent is taken, nothing arrives and nothing
    comes back, on old connections as on new ones. ``refuse`` hangs up on everybody and refuses whoever comes. ``heal``
    ends either; what was swallowed arrives late, as it does when a route is back.
    """

    def __init__(self, database_url: str) -> None:
        self._parts = urlsplit(database_url)
        self._through = asyncio.Event()
        self._through.set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self.open = 0
        self.most_open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line", daemon=True)

    @property
    def url(self) -> str:
        """The URL of the same database, through the line."""
        who = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{who}@127.0.0.1:{self._port}"))

    def swallow(self) -> None:
        """Let nothing through from now on."""
        self._loop.call_soon_threadsafe(self._through.clear)

    def refuse(self) -> None:
        """Hang up, and listen no more."""
        self._do(self._close())

    def heal(self) -> None:
        """Be a good line again."""
        self._loop.call_soon_threadsafe(self._through.set)
        self._do(self._listen())

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_error: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        left = set(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        with suppress(OSError, asyncio.CancelledError):
            await self._converse(reader, writer)
        self.open -= 1
        self._tasks.discard(task)
        writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.Queue[bytes] = asyncio.Queue()
        back: asyncio.Queue[bytes] = asyncio.Queue()
        upstream: asyncio.StreamWriter | None = None
        # Who hangs up is heard at once, also in the dark: a test counts who is still there.
        parts = {asyncio.ensure_future(self._take(reader, there))}
        try:
            opening = asyncio.ensure_future(self._open())
            await asyncio.wait({*parts, opening}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                opening.cancel()
                return
            answers, upstream = opening.result()
            parts |= {
                asyncio.ensure_future(each)
                for each in (self._take(answers, back), self._give(there, upstream), self._give(back, writer))
            }
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            if upstream is not None:
                upstream.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await self._through.wait()
        return await asyncio.open_connection(self._parts.hostname, self._parts.port)

    @staticmethod
    async def _take(reader: asyncio.StreamReader, taken: asyncio.Queue[bytes]) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                taken.put_nowait(data)

    async def _give(self, taken: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await taken.get():
                await self._through.wait()
                writer.write(data)
                await writer.drain()
