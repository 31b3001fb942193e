"""The platform's questions: is this process alive, and should traffic come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from litestar import Response, get

from primepos import __version__
from primepos.adapters.readiness import TIMEOUT_S, NotReady
from primepos.api.errors import RETRY_SOON_S

KEPT_S = 1
PUBLIC_KEY = "primepos.public"


class Readiness:
    """Answers whether traffic should come, looking at most once a second however often it is asked."""

    def __init__(self, look: Callable[[], NotReady | None]) -> None:
        """Ask ``look``, in a thread of its own: a database that hangs must not take one from the requests."""
        self._look = look
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="primepos-readiness")
        self._looking: asyncio.Future[NotReady | None] | None = None
        self._found: NotReady | None = None
        self._until = float("-inf")
        self.is_stopping = False

    async def reason(self) -> NotReady | None:
        """Return why no traffic should come, None when it may."""
        if self.is_stopping:
            return NotReady.SHUTTING_DOWN
        if time.monotonic() < self._until:
            return self._found
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        try:
            found = await asyncio.wait_for(asyncio.shield(self._looking), TIMEOUT_S)
        except TimeoutError:
            found = NotReady.DATABASE_TIMEOUT
        self._found, self._until = found, time.monotonic() + KEPT_S
        return found

    def stop(self) -> None:
        """Say from now on that no traffic should come."""
        self.is_stopping = True

    def close(self) -> None:
        """Give the thread back."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def probe_handlers(readiness: Readiness, *, commit: str) -> list[Any]:
    """Return the handlers of /health and /health/ready; ``commit`` is shown where the platform told it."""
    alive = {"status": "healthy", "version": __version__, **({"commit": commit} if commit else {})}

    @get("/health", opt={PUBLIC_KEY: "liveness: the platform asks without a token"}, name="health.live")
    async def live() -> dict[str, str]:
        return alive

    @get("/health/ready", opt={PUBLIC_KEY: "readiness: the platform asks without a token"}, name="health.ready")
    async def ready() -> Response[dict[str, str]]:
        reason = await readiness.reason()
        if reason is None:
            return Response({"status": "ready", "database": "connected"})
        return Response(
            {"status": "not_ready", "error": reason.value},
            status_code=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": str(RETRY_SOON_S)},
        )

    return [live, ready]
