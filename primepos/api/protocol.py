"""HTTP/1.1 with bounds: how large a head may be, how long it may take, and what is answered to what is no HTTP at all.

uvicorn reads a head of any size for any time, and answers what it cannot parse in plain text. Nothing of that reaches
the application, so the bounds stand here, and their answers carry the same headers and the same body as all others.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from primepos.api.body import MAX_BODY_BYTES, MAX_HEAD_BYTES
from primepos.api.edge import security_headers
from primepos.api.errors import PROBLEM_JSON, AddressTooLong, HeadTooLarge, MalformedRequest, RequestTooSlow, problem
from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.core.log import get_logger
from primepos.core.settings import Settings

MAX_ADDRESS_BYTES = 8 * 1024
MAX_HEADERS = 100
HEAD_WITHIN_S = 10
_SHOWN_CHARACTERS = 200

log = get_logger("primepos.http")


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head that is too large, too slow or none ends it."""

    constant_headers: ClassVar[list[tuple[bytes, bytes]]] = []

    @classmethod
    def speak_for(cls, settings: Settings) -> None:
        """Let the answers of this process carry the headers of these settings."""
        cls.constant_headers = security_headers(settings)

    def __init__(self, *given: Any, **more: Any) -> None:
        """Begin with nothing read."""
        super().__init__(*given, **more)
        self._in_head = True
        self._head_bytes = 0
        self._late_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._refusal: PrimePOSError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request as long as for one that follows another."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, within the bounds."""
        if self._in_head:
            self._head_bytes += len(data)
        elif self._is_answered():
            # Answered already, and still sending.
            self._late_bytes += len(data)
            if self._late_bytes > MAX_BODY_BYTES:
                self.transport.abort()
                return
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge(max_bytes=MAX_HEAD_BYTES))
        elif self._head_bytes and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._too_slow)

    def on_headers_complete(self) -> None:
        """See that the head is within the bounds, also where it came in one piece."""
        self._in_head = False
        self._disarm()
        size = sum(len(name) + len(value) for name, value in self.headers)
        if len(self.url) > MAX_ADDRESS_BYTES:
            self._refusal = AddressTooLong(max_bytes=MAX_ADDRESS_BYTES)
        elif size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._refusal = HeadTooLarge(max_bytes=MAX_HEAD_BYTES)
        if self._refusal is not None:
            # The parser stops and says so by send_400_response.
            raise self._refusal
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Begin to count anew."""
        self._in_head, self._head_bytes, self._late_bytes = True, 0, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what was refused above, or what is no HTTP."""
        del msg
        self._refuse(self._refusal or MalformedRequest(problem="it is not HTTP/1.1"))

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, also one whose other side does not read what it was sent."""
        if not self.transport.is_closing():
            if self.transport.get_write_buffer_size():
                self.transport.abort()
            else:
                self.transport.close()

    def _is_answered(self) -> bool:
        """Tell whether no answer is on its way."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(RequestTooSlow(within_s=HEAD_WITHIN_S))

    def _refuse(self, error: PrimePOSError) -> None:
        """Answer and hang up; in the middle of another answer only hang up."""
        self._disarm()
        status = HTTPStatus.BAD_REQUEST
        if self._is_answered():
            path = self.url.partition(b"?")[0].decode("latin-1")[:_SHOWN_CHARACTERS] or "/"
            request_id = str(new_id())
            status, headers, body = problem(error, path=path, request_id=request_id)
            lines = [
                *self.server_state.default_headers,
                *self.constant_headers,
                (b"x-request-id", request_id.encode()),
                (b"content-type", PROBLEM_JSON.encode()),
                (b"content-length", b"%d" % len(body)),
                (b"connection", b"close"),
                *((name.lower().encode(), value.encode()) for name, value in headers.items() if name != "Connection"),
            ]
            head = b"".join(b"%s: %s\r\n" % line for line in lines)
            self.transport.write(b"".join((STATUS_LINE[status], head, b"\r\n", body)))
        client = self.client[0] if self.client else None
        log.warning("http.refused", msg="", status=int(status), error_code=error.code, client_ip=client)
        self.transport.close()
