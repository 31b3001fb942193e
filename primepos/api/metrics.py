"""``GET /metrics``: the figures of this installation for Prometheus.

With METRICS_TOKEN set it asks for that token, from wherever the request comes. Without, it answers this machine only,
and nothing that came through a proxy, since then everybody seems to be this machine; to all others there is no such
page.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, get

from primepos.api.edge import METRICS
from primepos.api.endpoint import bearer_of
from primepos.api.errors import NoSuchPath
from primepos.api.probes import PUBLIC_KEY
from primepos.core.errors import Unauthenticated

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from primepos.adapters.telemetry.metrics import Metrics
    from primepos.core.settings import Secret

_FORWARDED = ("x-forwarded-for", "x-real-ip", "forwarded", "via")


class MetricsTokenWrong(Unauthenticated):
    """The metrics were asked for without METRICS_TOKEN, or with another one."""

    code = "METRICS_TOKEN_WRONG"
    template = "Send METRICS_TOKEN as Authorization: Bearer TOKEN"


class MetricsPage:
    """Answers who may see the figures, and makes the page in a thread of its own."""

    def __init__(self, metrics: Metrics, token: Secret | None, *more: Collector) -> None:
        """Show ``metrics`` and ``more``; ``token`` None is for this machine only."""
        self._metrics = metrics
        self._token = None if token is None else token.reveal().encode()
        self._more = more
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="primepos-metrics")

    def close(self) -> None:
        """Give the thread back."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Return the page. Raises MetricsTokenWrong, NoSuchPath."""
        self._require_reader(request)
        accept = request.headers.get("accept", "")
        loop = asyncio.get_running_loop()
        page, media_type = await loop.run_in_executor(self._thread, self._metrics.render, accept, *self._more)
        return Response(content=page, media_type=media_type)

    def _require_reader(self, request: Request[Any, Any, Any]) -> None:
        if self._token is not None:
            given = bearer_of(request.headers.get("authorization"))
            # Also where none is given: every wrong answer takes as long as any other.
            if not hmac.compare_digest((given or "").encode("utf-8", "surrogatepass"), self._token):
                raise MetricsTokenWrong
        elif any(name in request.headers for name in _FORWARDED) or not _is_this_machine(request.scope.get("client")):
            raise NoSuchPath


def metrics_handler(page: MetricsPage) -> Any:
    """Return the handler of /metrics."""

    @get(METRICS, opt={PUBLIC_KEY: "metrics: has a token of its own, or answers this machine only"}, name="metrics")
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await page.answer(request)

    return metrics


def _is_this_machine(client: Any) -> bool:
    try:
        address = ipaddress.ip_address(client[0])
    except (TypeError, ValueError, IndexError):
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
