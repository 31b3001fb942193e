"""The description of the API (OpenAPI 3.1), made from the operations: nothing in it is written by hand twice.

Operation ids are the operations' names, so generated clients keep their function names. Every status lists the codes
that can come with it (``x-error-codes``), every route its permission (``x-permission``) and the roles that hold it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from primepos import __version__
from primepos.api.endpoint import JSON, Endpoint
from primepos.api.errors import (
    PROBLEM_JSON,
    BodyTooLarge,
    HostNotAllowed,
    KeyDiffers,
    MalformedRequest,
    QuotaExceeded,
    RequestTooSlow,
    UnsupportedMedia,
    error_status,
)
from primepos.api.refinements import refine
from primepos.api.wire import DECIMAL_PATTERN, holds_decimals
from primepos.core.amounts import InvalidAmount
from primepos.core.errors import (
    ApprovalRequired,
    InvalidInput,
    PermissionDenied,
    PrimePOSError,
    Unauthenticated,
    Unavailable,
)
from primepos.core.operations import Nothing, Operation
from primepos.core.permissions import GRANTS, Decision, Permission
from primepos.core.tokens import TokenExpired, TokenInvalid
from primepos.domain.staff.errors import ApprovalUnusable, PinNotHere, PinRefused, PinThrottled

Route = tuple[str, tuple[str, ...], Endpoint]
Json = dict[str, Any]

REF = "#/components/schemas/{name}"
TITLE = "PrimePOS API"
ABOUT = """\
Everything a shop does, over HTTP. Amounts of money are whole numbers of minor units (cents) of the currency beside
them; prices, quantities and rates are decimals, sent as strings in plain notation. Times are RFC 3339 with an offset.

Lists are pages: pass `next` of one page as `after` of the following one; `next` is null on the last.

Errors are `application/problem+json` (RFC 9457) with a stable `code`. What can be repeated safely says so: a sale is
known by the `id` its caller gives it.
"""
_RAISES = re.compile(r"\s*\bRaises:?\s(?:(?!\n\n).)*", re.DOTALL)
_ROLE = re.compile(r":\w+:`~?(?:\w+\.)*(\w+)`")
_PATH_FIELD = re.compile(r"\{(\w+):str\}")
_ALWAYS = (Unavailable, PrimePOSError, HostNotAllowed)
_WITH_TOKEN = (Unauthenticated, TokenInvalid, TokenExpired)


def document(routes: Iterable[Route]) -> Json:
    """Return the description of ``routes`` as plain data."""
    listed = list(routes)
    shapes = {each.operation.input for _, _, each in listed} | {each.operation.output for _, _, each in listed}
    shapes.discard(Nothing)
    ordered = sorted(shapes, key=lambda shape: f"{shape.__module__}.{shape.__qualname__}")
    schemas, components = msgspec.json.schema_components(ordered, ref_template=REF)
    known = dict(zip(ordered, schemas, strict=True))
    names = {shape: schema["$ref"].rpartition("/")[2] for shape, schema in known.items()}
    components = {name: refine(name, _portable(schema)) for name, schema in components.items()}
    paths: dict[str, Json] = {}
    for path, tags, endpoint in listed:
        entry = paths.setdefault(_PATH_FIELD.sub(r"{\1}", path), {})
        entry[endpoint.method.lower()] = _operation(endpoint, tags, components, names)
    used = _reachable(paths, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": __version__, "description": ABOUT, "license": _LICENSE},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(tag for _, tags, _ in listed for tag in tags)],
        "paths": paths | _public_paths(),
        "components": {
            "schemas": {name: components[name] for name in sorted(used)} | {"Problem": _PROBLEM},
            "headers": _HEADERS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


_LICENSE: Json = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_PROBLEM: Json = {
    "type": "object",
    "description": "Why a request was refused. `code` is stable; texts may change.",
    "required": ["type", "title", "status", "detail", "instance", "error", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Names the kind of problem; leads nowhere."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "error": {"type": "string", "description": "The same sentence as `detail`."},
        "code": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"},
        "request_id": {"type": "string", "description": "Joins this answer to the server's log."},
        "hint": {"type": "string"},
        "problems": {
            "type": "array",
            "description": "What is wrong with which field.",
            "items": {
                "type": "object",
                "required": ["field", "problem"],
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
        "violated-policies": {
            "type": "array",
            "description": "With 429: which limits are used up, by their names in `RateLimit`.",
            "items": {"type": "string"},
        },
        "data": {"type": "object", "description": "The error's own fields, such as both totals of TOTAL_DIFFERS."},
    },
}


def error_codes(endpoint: Endpoint) -> dict[HTTPStatus, list[str]]:
    """Return the codes that can come with each status of a route, those that hold everywhere included."""
    operation = endpoint.operation
    errors: list[type[PrimePOSError]] = [*_ALWAYS, *operation.raises]
    if operation.permission is not Permission.PUBLIC:
        errors += [*_WITH_TOKEN, QuotaExceeded]
    if operation.permission not in {Permission.PUBLIC, Permission.SELF}:
        errors.append(PermissionDenied)
        if _approvable(operation):
            errors += [ApprovalRequired, ApprovalUnusable, PinNotHere, PinRefused, PinThrottled]
    if endpoint.given or endpoint.path_fields:
        errors.append(InvalidInput)
    if endpoint.in_query:
        errors.append(MalformedRequest)
    else:
        errors += [InvalidInput, MalformedRequest, UnsupportedMedia, BodyTooLarge, RequestTooSlow]
    if holds_decimals(operation.input):
        errors.append(InvalidAmount)
    if endpoint.keyed:
        errors.append(KeyDiffers)
    found: dict[HTTPStatus, list[str]] = {}
    for error in errors:
        codes = found.setdefault(error_status(error), [])
        if error.code not in codes:
            codes.append(error.code)
    # What a server that is too busy says, in place of the kind it is of.
    unavailable = set(found[HTTPStatus.SERVICE_UNAVAILABLE]) - {Unavailable.code}
    found[HTTPStatus.SERVICE_UNAVAILABLE] = [*unavailable, "AT_CAPACITY", "BUSY", "DATABASE_UNAVAILABLE"]
    return {status: sorted(codes) for status, codes in sorted(found.items())}


def _approvable(operation: Operation[Any, Any]) -> bool:
    """Tell whether a second person's consent can help somebody who may not do all of it alone."""
    return ApprovalRequired in operation.raises or any(
        grant.decision is Decision.APPROVE
        for grants in GRANTS.values()
        for permission, grant in grants.items()
        if permission is operation.permission
    )


def _operation(
    endpoint: Endpoint, tags: tuple[str, ...], components: Mapping[str, Json], names: Mapping[type, str]
) -> Json:
    operation = endpoint.operation
    shape = components.get(names.get(operation.input, ""), {"properties": {}, "required": []})
    is_public = operation.permission is Permission.PUBLIC
    said: Json = {
        "operationId": _operation_id(endpoint),
        "summary": _markdown(operation.summary).rstrip("."),
        "description": _markdown(operation.doc),
        "tags": list(tags),
        "security": [] if is_public else [{"bearer": []}],
        "x-permission": operation.permission.value,
        "x-roles": _roles(operation),
    }
    parameters = [_path_parameter(name, shape["properties"][field]) for name, field in endpoint.path_fields.items()]
    if endpoint.in_query:
        parameters += [_query_parameter(endpoint, name, shape) for name in endpoint.given]
    if endpoint.keyed:
        parameters.append(_KEY)
    if _approvable(operation):
        parameters += _APPROVER
    if parameters:
        said["parameters"] = parameters
    if not endpoint.in_query and endpoint.given:
        said["requestBody"] = {
            "required": bool(_required(endpoint, shape)),
            "content": {JSON: {"schema": _body(endpoint, shape, names)}},
        }
    fresh: Json = {"304": {"description": "The caller has it already."}} if endpoint.has_tag else {}
    said["responses"] = (
        {str(int(endpoint.status)): _success(endpoint, names)}
        | fresh
        | {str(int(status)): _refusal(status, codes) for status, codes in error_codes(endpoint).items()}
    )
    return said


def _markdown(doc: str) -> str:
    """Return a docstring as Markdown, without what it says about Python: codes are listed with each status."""
    text = _RAISES.sub("", doc)
    text = _ROLE.sub(r"`\1`", text).replace("``", "`")
    return text.strip()


def _operation_id(endpoint: Endpoint) -> str:
    """Return the operation's name; a second route to it (DELETE beside a POST) is told apart by its method."""
    suffix = ".delete" if endpoint.method == "DELETE" else ""
    return f"{endpoint.operation.name}{suffix}"


def _roles(operation: Operation[Any, Any]) -> Json | None:
    if operation.permission in {Permission.PUBLIC, Permission.SELF}:
        return None
    return {
        role.value: grants[operation.permission].decision.value
        for role, grants in GRANTS.items()
        if operation.permission in grants
    }


def _path_parameter(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _without_null(schema)}


def _query_parameter(endpoint: Endpoint, name: str, shape: Json) -> Json:
    schema = _without_null(shape["properties"][name])
    return {
        "name": name,
        "in": "query",
        "required": name in shape.get("required", ()) and name not in endpoint.defaults,
        "schema": schema,
    }


def _without_null(schema: Json) -> Json:
    """Return what a query field may be: leaving it out is its null."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    return {**options[0], **rest}


def _body(endpoint: Endpoint, shape: Json, names: Mapping[type, str]) -> Json:
    """Return the schema of a body: the operation's input less what the path and the server give."""
    hidden = endpoint.hidden
    if not hidden and not endpoint.defaults:
        return {"$ref": REF.format(name=names[endpoint.operation.input])}
    return {
        **{name: value for name, value in shape.items() if name not in {"title", "properties", "required"}},
        "properties": {name: value for name, value in shape["properties"].items() if name not in hidden},
        "required": _required(endpoint, shape),
    }


def _required(endpoint: Endpoint, shape: Json) -> list[str]:
    return [name for name in shape.get("required", ()) if name not in {*endpoint.hidden, *endpoint.defaults}]


def _success(endpoint: Endpoint, names: Mapping[type, str]) -> Json:
    said: Json = {"description": "Done.", "headers": {"X-Request-ID": _header("RequestId")}}
    if endpoint.located:
        said["headers"] = {**said["headers"], "Location": _header("Location")}
    if endpoint.sends_file is not None:
        said["content"] = {endpoint.sends_file: {"schema": {"type": "string", "contentEncoding": "binary"}}}
    elif endpoint.operation.output is not Nothing:
        said["content"] = {JSON: {"schema": {"$ref": REF.format(name=names[endpoint.operation.output])}}}
    return said


_HEADERS: Json = {
    "RequestId": {
        "schema": {"type": "string"},
        "description": "The caller's, if it gave a valid one, else a new one; the same as in the server's log.",
    },
    "Location": {"schema": {"type": "string"}, "description": "Where what was made is read."},
    "Challenge": {"schema": {"type": "string"}, "description": "Always of the scheme Bearer."},
    "RateLimit": {
        "schema": {"type": "string"},
        "description": 'How many calls are left and in how many seconds there are more: `"api";r=999;t=3540`.',
    },
    "RateLimitPolicy": {
        "schema": {"type": "string"},
        "description": 'The limits themselves: `"api";q=1000;w=3600` is 1000 in 3600 seconds.',
    },
    "RetryAfter": {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds to wait before trying again."},
}


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Not needed: the sale's `id` is the key. If it is sent it must be that id.",
    "schema": {"type": "string"},
}
_APPROVER: list[Json] = [
    {
        "name": "X-Approver",
        "in": "header",
        "required": False,
        "description": "At a register: staff code of a second person who approves what the caller may not do alone.",
        "schema": {"type": "string"},
    },
    {
        "name": "X-Approver-PIN",
        "in": "header",
        "required": False,
        "description": "That person's PIN.",
        "schema": {"type": "string"},
    },
    {
        "name": "X-Approver-Badge",
        "in": "header",
        "required": False,
        "description": "At a register, instead of both: that person's badge.",
        "schema": {"type": "string"},
    },
    {
        "name": "X-Approval",
        "in": "header",
        "required": False,
        "description": "From anywhere: the id of an approval that was asked for and granted.",
        "schema": {"type": "string", "format": "uuid"},
    },
]


def _refusal(status: HTTPStatus, codes: list[str]) -> Json:
    headers: Json = {"X-Request-ID": _header("RequestId")}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _header("Challenge")
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = _header("RetryAfter")
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        headers |= {"RateLimit": _header("RateLimit"), "RateLimit-Policy": _header("RateLimitPolicy")}
    return {
        "description": f"{status.phrase}: {', '.join(f'`{code}`' for code in codes)}.",
        "x-error-codes": codes,
        "headers": headers,
        "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(name="Problem")}}},
    }


def _public_paths() -> dict[str, Json]:
    """Return the probes and the root, which no operation stands behind."""

    def probe(name: str, summary: str, *answers: tuple[int, Json]) -> Json:
        return {
            "get": {
                "operationId": name,
                "summary": summary,
                "tags": ["health"],
                "security": [],
                "responses": {
                    str(status): {
                        "description": HTTPStatus(status).phrase,
                        "content": {JSON: {"schema": {"type": "object", "required": ["status"], "properties": said}}},
                    }
                    for status, said in answers
                },
            }
        }

    text = {"type": "string"}
    alive = {"status": {"const": "healthy"}, "version": text, "commit": text}
    ready = {"status": {"const": "ready"}, "database": {"const": "connected"}}
    reasons = ["database_unreachable", "database_timeout", "migrations_pending", "shutting_down"]
    not_ready = {"status": {"const": "not_ready"}, "error": {"enum": reasons}}
    return {
        "/health": probe("health.live", "Tell whether the process is alive", (200, alive)),
        "/health/ready": probe("health.ready", "Tell whether traffic may come", (200, ready), (503, not_ready)),
    }


def _portable(schema: Any) -> Any:
    """Return a schema as other tools read it: ECMA anchors, the one form of decimals, no names of Python's."""
    if isinstance(schema, list):
        return [_portable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    done = {name: _portable(value) for name, value in schema.items()}
    if done.get("format") == "decimal":
        done["pattern"] = DECIMAL_PATTERN
    if isinstance(done.get("pattern"), str):
        # Lone surrogates cannot stand in UTF-8, so nothing is lost, and many regex engines do not know them.
        done["pattern"] = done["pattern"].replace(r"\A", "^").replace(r"\Z", "$").replace(r"\ud800-\udfff", "")
    if isinstance(done.get("description"), str):
        done["description"] = _markdown(done["description"])
    if done.get("required") == []:
        del done["required"]
    return done


def _reachable(start: Any, components: Mapping[str, Json]) -> set[str]:
    """Return the names of the schemas that ``start`` refers to, directly or not."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, dict):
            name = str(here.get("$ref", "")).rpartition("/")[2]
            if name in components and name not in found:
                found.add(name)
                waiting.append(components[name])
            waiting.extend(here.values())
    return found
