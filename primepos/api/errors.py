"""Refusals as HTTP: one status for each kind of error, one body for all of them.

The body is RFC 9457 problem details (``application/problem+json``) with ``error``, ``code``, ``status`` and
``request_id`` beside it. No class name, path or traceback leaves the server: what nobody foresaw is written to the log,
joined to the answer by ``request_id``, and answered with a fixed text.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, assert_never

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from primepos.api.methods import allowed_methods
from primepos.api.trace import Trace, trace_of
from primepos.core.errors import (
    ErrorKind,
    InvalidInput,
    NotFound,
    PrimePOSError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from primepos.core.log import get_logger

PROBLEM_JSON = "application/problem+json"
# Of the IETF's RateLimit header fields, so that clients of other servers know it, too.
REGISTERED_TYPES = "https://iana.org/assignments/http-problem-types"
RETRY_SOON_S = 5
CHALLENGE = 'Bearer realm="primepos"'

_encode = msgspec.json.Encoder(enc_hook=str).encode
log = get_logger(__name__)


class MalformedRequest(InvalidInput):
    """The request cannot even be read: broken JSON, an encoding that is not UTF-8, nesting without end."""

    code = "MALFORMED_REQUEST"
    template = "The request cannot be read: {problem}"


class UnsupportedMedia(InvalidInput):
    """A body is sent as something else than JSON."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    template = "The body must be sent as application/json"


class BodyTooLarge(InvalidInput):
    """The body is larger than any request of this API needs to be."""

    code = "BODY_TOO_LARGE"
    template = "The body is larger than {max_bytes} bytes"


class RequestTooSlow(InvalidInput):
    """The request did not arrive whole in the time that any honest line needs."""

    code = "REQUEST_TOO_SLOW"
    template = "The request did not arrive within {within_s} seconds"


class HeadTooLarge(InvalidInput):
    """The address and the headers together are larger than any request of this API needs."""

    code = "HEAD_TOO_LARGE"
    template = "Address and headers are larger than {max_bytes} bytes"


class AddressTooLong(InvalidInput):
    """The address of the request is longer than any of this API."""

    code = "ADDRESS_TOO_LONG"
    template = "The address is longer than {max_bytes} bytes"


class ClientGone(InvalidInput):
    """The caller hung up before the request had arrived; nobody hears this."""

    code = "CLIENT_GONE"
    template = "The caller hung up before the request had arrived"


class AtCapacity(Unavailable):
    """More calls wait than can be answered in time; this one was sent away, and nothing of it was done."""

    code = "AT_CAPACITY"
    template = "The server is busy; try again in a few seconds"


class HostNotAllowed(InvalidInput):
    """The Host header names a server that this one is not (ALLOWED_HOSTS)."""

    code = "HOST_NOT_ALLOWED"
    template = "This server does not answer for that host"


class OriginNotAllowed(PrimePOSError):
    """A page of another origin asks whether it may call the API; it may not (CORS_ALLOWED_ORIGINS)."""

    kind = ErrorKind.FORBIDDEN
    code = "ORIGIN_NOT_ALLOWED"
    template = "Pages of this origin may not call the API"


class KeyDiffers(InvalidInput):
    """``Idempotency-Key`` was given and is not the id of the sale in the body, which is the key that counts."""

    code = "IDEMPOTENCY_KEY_DIFFERS"
    template = "The Idempotency-Key must be the id of the sale"


class QuotaExceeded(TooManyRequests):
    """The caller made as many calls as RATE_LIMIT_API allows; ``RateLimit`` says when there will be more."""

    code = "QUOTA_EXCEEDED"
    template = "Too many calls; try again in {retry_after_s} seconds"


class NoSuchPath(NotFound):
    """Nothing is served at this path."""

    code = "NOT_FOUND"
    template = "There is nothing at this path"


class MethodNotAllowed(InvalidInput):
    """The path exists and does not take this method; ``Allow`` names the ones it takes."""

    code = "METHOD_NOT_ALLOWED"
    template = "This path does not take {method}"


# Errors of the transport itself, where the kind alone does not tell the status.
_TRANSPORT: dict[type[PrimePOSError], HTTPStatus] = {
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    HostNotAllowed: HTTPStatus.BAD_REQUEST,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RequestTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    HeadTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    AddressTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
    ClientGone: HTTPStatus.BAD_REQUEST,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
}


# The rest of such a request is not waited for, so nothing after it can be understood.
_HANGS_UP = {BodyTooLarge, RequestTooSlow, HeadTooLarge}


def status_of(kind: ErrorKind) -> HTTPStatus:
    """Return the status of a kind of refusal."""
    match kind:
        case ErrorKind.INVALID:
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case ErrorKind.UNAUTHENTICATED:
            return HTTPStatus.UNAUTHORIZED
        case ErrorKind.FORBIDDEN:
            return HTTPStatus.FORBIDDEN
        case ErrorKind.NOT_FOUND:
            return HTTPStatus.NOT_FOUND
        case ErrorKind.CONFLICT | ErrorKind.RULE:
            return HTTPStatus.CONFLICT
        case ErrorKind.THROTTLED:
            return HTTPStatus.TOO_MANY_REQUESTS
        case ErrorKind.UNAVAILABLE:
            return HTTPStatus.SERVICE_UNAVAILABLE
        case ErrorKind.CONFIG | ErrorKind.BUG:
            return HTTPStatus.INTERNAL_SERVER_ERROR
        case _:
            assert_never(kind)


def error_status(error: PrimePOSError | type[PrimePOSError]) -> HTTPStatus:
    """Return the status of an error or of a class of errors."""
    kind = error if isinstance(error, type) else type(error)
    return _TRANSPORT.get(kind) or status_of(kind.kind)


def problem_type(error: PrimePOSError | type[PrimePOSError]) -> str:
    """Return the URI that stands for a kind of problem: a registered one, or a name that leads nowhere."""
    if error.kind is ErrorKind.THROTTLED:
        return f"{REGISTERED_TYPES}#quota-exceeded"
    if error.code == AtCapacity.code:
        return f"{REGISTERED_TYPES}#temporary-reduced-capacity"
    return f"urn:primepos:problem:{error.code.lower().replace('_', '-')}"


def problem_title(code: str) -> str:
    """Return the title of a kind of problem: the words of its code."""
    return code.replace("_", " ").capitalize()


def problem(error: PrimePOSError, *, path: str, request_id: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
    """Return status, headers and body for an error.

    Bugs and configuration have one fixed text: what they say is for the log. ``data`` holds the error's own fields,
    ``problems`` what is wrong with each field of the input.
    """
    status = error_status(error)
    told = status is not HTTPStatus.INTERNAL_SERVER_ERROR
    code = error.code if told else PrimePOSError.code
    message = error.message if told else PrimePOSError.template
    body: dict[str, Any] = {
        "type": problem_type(error if told else PrimePOSError),
        "title": problem_title(code),
        "status": int(status),
        "detail": message,
        "instance": path,
        "error": message,
        "code": code,
        "request_id": request_id,
    }
    if told:
        data = dict(error.data)
        problems = data.pop("problems", None)
        if problems:
            body["problems"] = problems
        if data:
            body["data"] = data
        if error.hint:
            body["hint"] = error.hint
        if isinstance(error, TooManyRequests):
            body["violated-policies"] = [each.policy.name for each in error.verdicts]
    return status, _headers(error, status), _encode(body)


def _headers(error: PrimePOSError, status: HTTPStatus) -> dict[str, str]:
    headers = {}
    if type(error) in _HANGS_UP:
        headers["Connection"] = "close"
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = (
            CHALLENGE if type(error) is Unauthenticated else f'{CHALLENGE}, error="invalid_token"'
        )
    elif status is HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = str(error.data.get("retry_after_s", RETRY_SOON_S))
    elif status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SOON_S)
    return headers


def render(request: Request[Any, Any, Any], error: PrimePOSError) -> Response[bytes]:
    """Return the answer for a refusal and note it for the access log."""
    trace = trace_of(request.scope)
    status, headers, body = problem(error, path=trace.path or request.scope["path"], request_id=trace.request_id)
    if isinstance(error, TooManyRequests):
        trace.verdicts = (*trace.verdicts, *error.verdicts)
    trace.error_code, trace.failure = error.code, error
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log_failure(error, trace)
    return Response(content=body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def render_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Return the answer for what the framework itself refuses: unknown paths, methods, bodies too large."""
    answer = render(request, _translated(request, error))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(allowed_methods(request.app, request.scope["path"]))
    return answer


def render_unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Return the fixed answer for a bug; the traceback goes to the log only."""
    trace = trace_of(request.scope)
    answer = PrimePOSError()
    status, headers, body = problem(answer, path=trace.path or request.scope["path"], request_id=trace.request_id)
    trace.error_code, trace.failure = answer.code, error
    _log_failure(error, trace)
    return Response(content=body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


HANDLERS: dict[int | type[Exception], Any] = {
    PrimePOSError: render,
    HTTPException: render_http,
    Exception: render_unforeseen,
}


def _translated(request: Request[Any, Any, Any], error: HTTPException) -> PrimePOSError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NoSuchPath()
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowed(method=trace_of(request.scope).method or request.method)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return BodyTooLarge(max_bytes=request.app.request_max_body_size)
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return MalformedRequest(problem=HTTPStatus(status).phrase)
        case _:
            return PrimePOSError()


def _log_failure(error: Exception, trace: Trace) -> None:
    if isinstance(error, AtCapacity):
        # Told once a second for all of them, by whoever sent them away.
        return
    expected = isinstance(error, PrimePOSError) and error.kind is ErrorKind.UNAVAILABLE
    if expected:
        log.error("http.unavailable", msg=str(error), request_id=trace.request_id, error_code=trace.error_code)
    else:
        log.error("http.failed", msg="A request failed", request_id=trace.request_id, exc_info=error)
