"""How an operation becomes a route: ``runs(operation, method, path)`` and nothing else.

Permission, errors, schemas and words come from the operation, so a route cannot say anything else than what the runner
does. A handler reads the body, hands over to a thread, and there: who asks, what is asked, ``App.run``, answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.types import Method

from primepos.api.admission import Admission, Urgency, urgency_of
from primepos.api.body import read_body
from primepos.api.errors import KeyDiffers, UnsupportedMedia
from primepos.api.quota import Quota, require_allowed
from primepos.api.trace import Trace, trace_of
from primepos.api.wire import check_decimals, decode_body, decode_query, encode
from primepos.core.context import ANONYMOUS, Approval, Identity
from primepos.core.deadline import Deadline
from primepos.core.errors import InvalidInput, Unauthenticated
from primepos.core.operations import App, Nothing, Operation
from primepos.core.permissions import Decision, Permission

JSON = "application/json"
OPT_KEY = "primepos.endpoint"
DOOR_KEY = "primepos_door"
_PATH_FIELD = re.compile(r"\{(\w+):str\}")
_IN_QUERY = {"GET", "DELETE"}
# How much of what a statement may take a whole request may, waiting included: 3, 6 and 15 seconds by default.
_DEADLINES = {Urgency.SALE: 0.2, Urgency.ORDINARY: 0.4, Urgency.BULK: 1.0}


class Resolver(Protocol):
    """Turns a bearer token into who holds it."""

    def __call__(self, app: App, token: str) -> Identity:
        """Return the identity. Raises: :class:`Unauthenticated`."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """What every handler goes through: the App, who reads tokens, who counts, the threads that operations run in."""

    app: App
    resolve: Resolver
    threads: ThreadPoolExecutor
    quota: Quota
    admission: Admission


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a thread sees it."""

    path: Mapping[str, str]
    query: bytes
    body: bytes
    headers: Mapping[str, str]
    client_ip: str | None
    trace: Trace


Supplier = Callable[[Call, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One route: the operation behind it and how a request becomes its input.

    ``path_fields`` maps the names in the path to fields of the input. ``supplied`` are fields that the server fills in
    and no caller may name; ``defaults`` are filled in where the caller named none; ``keyed`` routes accept an
    ``Idempotency-Key`` that equals the ``id`` of the body. ``sends_file`` routes answer with the result's ``content``
    as what its ``media_type`` says, and with 304 where the caller has it already.
    """

    operation: Operation[Any, Any]
    method: Method
    path: str
    status: HTTPStatus
    path_fields: Mapping[str, str]
    supplied: Mapping[str, Supplier] = field(default_factory=dict)
    defaults: Mapping[str, Supplier] = field(default_factory=dict)
    keyed: bool = False
    located: str | None = None
    urgency: Urgency = Urgency.ORDINARY
    sends_file: str | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Endpoint:
        """Stay the same: a controller copies its handlers, and an operation is known by identity."""
        del memo
        return self

    @property
    def in_query(self) -> bool:
        """Whether the fields that are not in the path are in the query string."""
        return self.method in _IN_QUERY

    @property
    def has_tag(self) -> bool:
        """Whether a caller that names what it has is told that it is the same still."""
        return self.sends_file is not None and known_tag in self.supplied.values()

    @property
    def given(self) -> tuple[str, ...]:
        """The fields of the operation's input that the caller gives outside the path."""
        fields = (each.encode_name for each in msgspec.structs.fields(self.operation.input))
        return tuple(name for name in fields if name not in self.hidden)

    @property
    def hidden(self) -> frozenset[str]:
        """The fields of the operation's input that are not the caller's to give in body or query."""
        return frozenset({*self.path_fields.values(), *self.supplied})

    async def handle(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Answer one request."""
        door: Door = getattr(request.app.state, DOOR_KEY)
        trace = trace_of(request.scope)
        trace.operation = self.operation.name
        client = request.scope.get("client")
        call = Call(
            path=request.scope["path_params"],
            query=request.scope["query_string"],
            body=b"" if self.in_query else await read_body(request),
            headers=request.headers,
            client_ip=client[0] if client else None,
            trace=trace,
        )
        seconds = door.app.settings.db_statement_timeout_ms / 1000 * _DEADLINES[self.urgency]
        deadline = Deadline(seconds)
        await door.admission.enter(self.urgency, seconds / 2)
        loop = asyncio.get_running_loop()
        end = loop.call_later(max(0.0, deadline.left_s()), deadline.expire)
        try:
            with deadline.kept():
                context = contextvars.copy_context()
            return await loop.run_in_executor(door.threads, context.run, self._answer, door, call)
        finally:
            end.cancel()
            door.admission.leave()

    def _answer(self, door: Door, call: Call) -> Response[bytes]:
        try:
            identity = self._identify(door, call)
        except Unauthenticated:
            self._count(door, call, ANONYMOUS)
            raise
        call.trace.identity = identity
        self._count(door, call, identity)
        # Who may not do this learns nothing of its input; the runner refuses, and audits it.
        data = self._input(call) if self._is_open_to(identity) else {}
        result = door.app.run(
            self.operation, identity, data, approval=_approval(call), request_id=call.trace.request_id
        )
        if self.status is HTTPStatus.NO_CONTENT:
            return Response(content=b"", status_code=self.status, media_type=JSON)
        if self.sends_file is not None:
            return _file(result)
        headers = {"Location": self.located.format(id=result.id)} if self.located else None
        return Response(content=encode(result), status_code=self.status, media_type=JSON, headers=headers)

    def _count(self, door: Door, call: Call, identity: Identity) -> None:
        """Count the call, and refuse it before any work is done where its caller has had enough of them."""
        verdict = door.quota.take(self.operation, identity, call.client_ip)
        if verdict is not None:
            call.trace.verdicts = (verdict,)
            require_allowed(verdict)

    def _identify(self, door: Door, call: Call) -> Identity:
        """Return who asks. A worn-out token must not keep anybody from signing in, so public routes read none."""
        if self.operation.permission is Permission.PUBLIC:
            return ANONYMOUS
        token = bearer_of(call.headers.get("authorization"))
        return ANONYMOUS if token is None else door.resolve(door.app, token)

    def _is_open_to(self, identity: Identity) -> bool:
        permission = self.operation.permission
        if permission is Permission.PUBLIC:
            return True
        if identity.kind == "anonymous":
            return False
        return permission is Permission.SELF or identity.grant(permission).decision is not Decision.DENY

    def _input(self, call: Call) -> Any:
        shape = self.operation.input
        if self.in_query:
            data: Any = decode_query(call.query, shape)
        else:
            if call.body:
                _require_json(call.headers.get("content-type"))
            data = decode_body(call.body)
            if not isinstance(data, dict):
                problem = "expected an object"
                raise InvalidInput(f"input: {problem}", problems=[{"field": "input", "problem": problem}])
            check_decimals(shape, data)
        self._refuse_foreign(data)
        data.update({self.path_fields[name]: text for name, text in call.path.items()})
        for name, default in self.defaults.items():
            if name not in data:
                data[name] = default(call, data)
        for name, supply in self.supplied.items():
            data[name] = supply(call, data)
        if self.keyed:
            key = call.headers.get("idempotency-key")
            if key is not None and key.strip().strip('"').lower() != str(data.get("id", "")).lower():
                raise KeyDiffers
        return data

    def _refuse_foreign(self, data: Mapping[str, Any]) -> None:
        """Refuse fields that the path or the server gives; two values for one thing would be a riddle."""
        foreign = [name for name in data if name in self.hidden]
        if foreign:
            problem = "must not be given here"
            problems = [{"field": name, "problem": problem} for name in foreign]
            raise InvalidInput(f"{foreign[0]}: {problem}", problems=problems)


def runs(
    operation: Operation[Any, Any],
    method: Method,
    path: str = "/",
    *,
    status: HTTPStatus | None = None,
    into: Mapping[str, str] | None = None,
    supplied: Mapping[str, Supplier] | None = None,
    defaults: Mapping[str, Supplier] | None = None,
    keyed: bool = False,
    located: str | None = None,
    sends_file: str | None = None,
) -> HTTPRouteHandler:
    """Return the handler of a route that runs one operation.

    ``path`` names input fields as ``{field:str}``, or other names that ``into`` maps to fields; what is left of the
    input comes from the JSON body, or from the query string of GET and DELETE. An operation that gives
    :class:`Nothing` answers 204. ``located`` is the path of what was made, with ``{id}`` in it; ``sends_file`` the
    media type of what is answered instead of JSON. The other arguments: :class:`Endpoint`.
    """
    if status is None:
        status = HTTPStatus.NO_CONTENT if operation.output is Nothing else HTTPStatus.OK
    endpoint = Endpoint(
        operation=operation,
        method=method,
        path=path,
        status=status,
        path_fields={name: (into or {}).get(name, name) for name in _PATH_FIELD.findall(path)},
        supplied=supplied or {},
        defaults=defaults or {},
        keyed=keyed,
        located=located,
        urgency=urgency_of(operation),
        sends_file=sends_file,
    )

    async def handler(self: Any, request: Request[Any, Any, Any]) -> Response[bytes]:
        del self
        return await endpoint.handle(request)

    # The status is the answer's own; the framework is told 200 because it allows no annotation beside 204.
    made = HTTPRouteHandler(
        path, http_method=[method], status_code=200, opt={OPT_KEY: endpoint}, name=f"{operation.name} {method}"
    )
    return made(handler)


def _file(result: Any) -> Response[bytes]:
    """Answer with a file. Who may see it is asked every time, so only the caller itself may keep it."""
    headers = {"Content-Disposition": f'inline; filename="{result.name}"', "Cache-Control": "private, no-cache"}
    tag = getattr(result, "tag", None)
    if tag is not None:
        headers["ETag"] = f'"{tag}"'
    if getattr(result, "unchanged", False):
        return Response(content=b"", status_code=HTTPStatus.NOT_MODIFIED, media_type=result.media_type, headers=headers)
    return Response(content=result.content, status_code=HTTPStatus.OK, media_type=result.media_type, headers=headers)


def known_tag(call: Call, _data: Mapping[str, Any]) -> str | None:
    """Supply the tag of the file that the caller has, as If-None-Match names it."""
    told = call.headers.get("if-none-match")
    return None if told is None else told.removeprefix("W/").strip('"')[:200]


def left_out(_call: Call, _data: Mapping[str, Any]) -> None:
    """Supply nothing: for the other way of naming what the path names by id."""


def bearer_of(header: str | None) -> str | None:
    """Return the token of an Authorization header, None without one.

    Raises: :class:`NotBearer` for another scheme or an empty token.
    """
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotBearer
    return token.strip()


class NotBearer(Unauthenticated):
    """The Authorization header is not of the form ``Bearer TOKEN``."""

    code = "TOKEN_INVALID"
    template = "Send the access token as Authorization: Bearer TOKEN"


def _require_json(content_type: str | None) -> None:
    media = (content_type or "").partition(";")[0].strip().lower()
    if media != JSON and not (media.startswith("application/") and media.endswith("+json")):
        raise UnsupportedMedia


def _approval(call: Call) -> Approval | None:
    """Return another person's consent as it was sent: what was agreed to before, a badge, or a code with its PIN."""
    asked = call.headers.get("x-approval")
    if asked:
        try:
            return Approval(id=UUID(asked))
        except ValueError:
            raise InvalidInput("X-Approval: expected the id of an approval") from None
    badge = call.headers.get("x-approver-badge")
    if badge:
        return Approval(badge=badge)
    code, pin = call.headers.get("x-approver"), call.headers.get("x-approver-pin")
    return Approval(staff_code=code, pin=pin) if code and pin else None
