"""One HTTP request over one connection, with a deadline that holds for all of it."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.deploy.observatory_page import Headers
    from primepos.deploy.tls import Place

BODY_CAP: Final = 512 * 1024


class NoConnection(OSError):
    """No connection came about at all."""


class Exchange:
    """One request's use of a connection, fresh or kept; cut when its time is over, whatever it is doing."""

    def __init__(self, host: str, way: socket.socket | Place, timeout_s: float, context: ssl.SSLContext | None) -> None:
        self.is_kept = False
        self._host, self._context, self._late = host, context, threading.Event()
        ends = time.monotonic() + timeout_s
        if isinstance(way, socket.socket):
            self.sock = way
        else:
            try:
                self.sock = socket.create_connection(way, timeout_s)
            except OSError as error:
                raise NoConnection(told(error, timeout_s)) from error
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._is_fresh = not isinstance(way, socket.socket)
        self._alarm = threading.Timer(max(ends - time.monotonic(), 0.01), self._cut)
        self._alarm.daemon = True

    def __enter__(self) -> Self:
        self._alarm.start()
        try:
            if self._context is not None and self._is_fresh:
                self.sock = self._context.wrap_socket(self.sock, server_hostname=self._host)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        self._alarm.cancel()
        if error is not None or not self.is_kept:
            self.sock.close()
        if error is not None and self._late.is_set():
            raise TimeoutError from error

    def _cut(self) -> None:
        self._late.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It ended by itself in this moment.
            return


def speak(
    sock: socket.socket, method: str, path: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[int, Headers, bytes, bool]:
    """Send one request; return status, headers, body and whether the connection can be used again."""
    connection = http.client.HTTPConnection(headers["Host"])
    connection.sock = sock
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = http.client.HTTPResponse(sock, method=method)
    try:
        response.begin()
        content = response.read(BODY_CAP)
        is_open = not response.will_close and response.isclosed()
        return response.status, tuple((name.lower(), value) for name, value in response.getheaders()), content, is_open
    finally:
        response.close()


def told(error: BaseException, timeout_s: float) -> str:
    """Return what went wrong in a few words, without addresses."""
    match error:
        case TimeoutError():
            return f"no answer within {timeout_s:g} s"
        case NoConnection():
            return str(error)
        case socket.gaierror():
            return "the name is not known"
        case ssl.SSLError():
            return f"TLS: {(error.reason or 'broken off').replace('_', ' ').lower()}"
        case ConnectionRefusedError():
            return "the connection is refused"
        case http.client.HTTPException():
            return f"no HTTP answer ({type(error).__name__})"
        case OSError():
            return (error.strerror or "the connection broke").lower()
        case _:
            return type(error).__name__
