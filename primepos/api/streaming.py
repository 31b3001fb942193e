"""Whole tables as CSV, sent while they are read: a part at a time, each a transaction of its own.

However slowly a client takes it, no transaction and no thread waits for it, and memory holds one part. What goes wrong
after the first part ends the connection without the end of the body, so nobody takes half a table for a whole one.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from primepos.api.admission import urgency_of
from primepos.api.endpoint import DOOR_KEY, OPT_KEY, Call, Door, Endpoint
from primepos.api.errors import AtCapacity
from primepos.api.trace import trace_of
from primepos.core.context import ANONYMOUS, Identity
from primepos.core.deadline import Deadline
from primepos.core.errors import Unauthenticated
from primepos.core.operations import Operation
from primepos.domain.exporting.schemas import MOST_ROWS, PartOut
from primepos.domain.exporting.writing import CsvWriter

CSV = "text/csv; charset=utf-8"
_WANTS_CSV = "text/csv"
_PATIENCE_S = 5.0
_TRIES = 12


@dataclass(frozen=True, slots=True, eq=False)
class TableStream(Endpoint):
    """A route that gives one part as JSON, or the whole table as CSV to who accepts that alone."""

    async def handle(self, request: Request[Any, Any, Any]) -> Any:
        """Answer with the first part at once, which may be refused, and with the others as they are taken."""
        if request.headers.get("accept", "").partition(";")[0].strip().lower() != _WANTS_CSV:
            # Named in full: the dataclass with slots is another class than the one that super() knows.
            return await Endpoint.handle(self, request)
        door: Door = getattr(request.app.state, DOOR_KEY)
        trace = trace_of(request.scope)
        trace.operation = self.operation.name
        client = request.scope.get("client")
        call = Call(
            path=request.scope["path_params"],
            query=request.scope["query_string"],
            body=b"",
            headers=request.headers,
            client_ip=client[0] if client else None,
            trace=trace,
        )
        identity, data, first = await self._in_thread(door, lambda: self._first(door, call))
        name = data["dataset"]
        headers = {
            # The framework would take the handler's own, which is JSON.
            "Content-Type": CSV,
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "no-store",
            "Vary": "Accept",
        }
        return Stream(self._pieces(door, identity, data, first), media_type=CSV, headers=headers)

    async def _pieces(
        self, door: Door, identity: Identity, data: dict[str, Any], part: PartOut
    ) -> AsyncIterator[bytes]:
        yield _text(part, with_header=True)
        while part.next is not None:
            asked = {**data, "after": part.next}
            part = await self._next(door, identity, asked)
            yield _text(part, with_header=False)

    async def _next(self, door: Door, identity: Identity, asked: dict[str, Any]) -> PartOut:
        """Read one more part; a server that is busy is waited for, since half a table helps nobody."""
        for tried in range(1, _TRIES + 1):
            try:
                part: PartOut = await self._in_thread(door, lambda: self._read(door, identity, asked))
            except AtCapacity:
                if tried == _TRIES:
                    raise
                await asyncio.sleep(1)
            else:
                return part
        raise AssertionError

    async def _in_thread(self, door: Door, work: Any) -> Any:
        seconds = door.app.settings.db_statement_timeout_ms / 1000
        await door.admission.enter(self.urgency, _PATIENCE_S)
        loop = asyncio.get_running_loop()
        deadline = Deadline(seconds)
        end = loop.call_later(max(0.0, deadline.left_s()), deadline.expire)
        try:
            with deadline.kept():
                context = contextvars.copy_context()
            return await loop.run_in_executor(door.threads, context.run, work)
        finally:
            end.cancel()
            door.admission.leave()

    def _first(self, door: Door, call: Call) -> tuple[Identity, dict[str, Any], PartOut]:
        try:
            identity = self._identify(door, call)
        except Unauthenticated:
            self._count(door, call, ANONYMOUS)
            raise
        call.trace.identity = identity
        self._count(door, call, identity)
        data = dict(self._input(call)) if self._is_open_to(identity) else {"dataset": "none"}
        data.pop("after", None)
        data["limit"] = MOST_ROWS
        return identity, data, self._read(door, identity, data, call.trace.request_id)

    def _read(self, door: Door, identity: Identity, data: dict[str, Any], request_id: str | None = None) -> PartOut:
        part: PartOut = door.app.run(self.operation, identity, data, request_id=request_id)
        return part


def _text(part: PartOut, *, with_header: bool) -> bytes:
    into = io.StringIO(newline="")
    writer = CsvWriter(into)
    writer.begin("", part.columns)
    if not with_header:
        into.seek(0)
        into.truncate()
    writer.write(part.rows)
    return into.getvalue().encode()


def streams(operation: Operation[Any, Any], path: str) -> HTTPRouteHandler:
    """Return the handler of a route that gives a table, a part or the whole; ``{dataset:str}`` in the path names it."""
    endpoint = TableStream(
        operation=operation,
        method="GET",
        path=path,
        status=HTTPStatus.OK,
        path_fields={"dataset": "dataset"},
        urgency=urgency_of(operation),
    )

    async def handler(self: Any, request: Request[Any, Any, Any]) -> Any:
        del self
        return await endpoint.handle(request)

    made = HTTPRouteHandler(
        path, http_method=["GET"], status_code=200, opt={OPT_KEY: endpoint}, name=f"{operation.name} GET {path}"
    )
    return made(handler)
