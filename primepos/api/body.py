"""Reading a body: no more of it than allowed, and not for longer than an honest line needs."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request

from primepos.api.errors import BodyTooLarge, ClientGone, RequestTooSlow

MAX_HEAD_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024
BODY_WITHIN_S = 30


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """Return the whole body of a request.

    What announces itself as too large is not read at all, what turns out to be is not read to its end.
    Raises: :class:`BodyTooLarge`, :class:`RequestTooSlow`, :class:`ClientGone`.
    """
    announced = request.headers.get("content-length")
    if announced is not None and announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
        raise BodyTooLarge(max_bytes=MAX_BODY_BYTES)
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await _read(request)
    except TimeoutError:
        raise RequestTooSlow(within_s=BODY_WITHIN_S) from None


async def _read(request: Request[Any, Any, Any]) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        event: Any = await request.receive()
        if event["type"] == "http.disconnect":
            raise ClientGone
        part = event["body"]
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge(max_bytes=MAX_BODY_BYTES)
        parts.append(part)
        if not event.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else part
