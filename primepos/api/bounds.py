"""How often and how much a caller may ask of this API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal
from uuid import UUID

import msgspec

from primepos.api.asking import NOBODY, Asker
from primepos.api.body import MAX_BODY_BYTES
from primepos.api.endpoint import JSON
from primepos.core.errors import ErrorKind
from primepos.core.operations import OPERATIONS
from primepos.core.settings import Settings
from primepos.deploy.surface import Limits, Throttle
from primepos.domain.accounts import throttle

_QUOTA = re.compile(r'"(?P<name>[^"]+)";q=(?P<count>\d+);w=(?P<window>\d+)')
_ADDRESS = "192.0.2.1"


def throttles(settings: Settings, asker: Asker) -> Iterator[Throttle]:
    """Return every limit there is, with the operations it holds for; the one on all calls as answers announce it."""
    sign_in = ("accounts.login", "accounts.change_password")
    for policy, subject in throttle.login_policies(settings, "somebody@shop.invalid", _ADDRESS):
        per: Literal["account", "address", "pair"] = "address" if subject == _ADDRESS else "account"
        yield _throttle(policy, "failures", "pair" if policy.name == "login-pair" else per, *sign_in)
    yield _throttle(throttle.refresh_policy(UUID(NOBODY))[0], "calls", "principal", "accounts.refresh")
    yield _throttle(throttle.stranger_policy(_ADDRESS)[0], "failures", "address", "accounts.refresh")
    yield Throttle(
        name="sign-up",
        count=throttle.SIGN_UPS.count,
        window_s=throttle.SIGN_UPS.window_s,
        counts="calls",
        per="address",
        operations=("accounts.register",),
    )
    told = asker.ask("GET", "/api/v1/auth/me").header("ratelimit-policy") or ""
    for found in _QUOTA.finditer(told):
        yield Throttle(
            name=found["name"],
            count=int(found["count"]),
            window_s=int(found["window"]),
            counts="calls",
            per="principal",
            operations=("*",),
        )


def _throttle(
    policy: Any,
    counts: Literal["failures", "calls"],
    per: Literal["account", "address", "pair", "principal"],
    *operations: str,
) -> Throttle:
    """Return one limit; an operation that does not declare to be refused by it is not held by it."""
    held = [name for name in operations if any(error.kind is ErrorKind.THROTTLED for error in OPERATIONS[name].raises)]
    return Throttle(
        name=policy.name,
        count=policy.limit.count,
        window_s=policy.limit.window_s,
        counts=counts,
        per=per,
        operations=tuple(held),
    )


def _most(kind: msgspec.inspect.Type) -> int | None:
    """Return the largest number of a type, None where it has none; of several kinds all must have one."""
    if isinstance(kind, msgspec.inspect.UnionType):
        each = [_most(one) for one in kind.types if not isinstance(one, msgspec.inspect.NoneType)]
        known = [one for one in each if one is not None]
        return max(known) if known and len(known) == len(each) else None
    return getattr(kind, "le", None)


def limits(asker: Asker, operations: Iterable[str]) -> Limits:
    """Return the most that one request may bring and one answer give, of these operations."""
    pages = {}
    for name in sorted(set(operations)):
        # What changes something answers with what it did; a limit of it is another thing, as a customer's credit is.
        if OPERATIONS[name].reads and "limit" in OPERATIONS[name].input.__struct_fields__:
            (field,) = (one for one in msgspec.structs.fields(OPERATIONS[name].input) if one.name == "limit")
            pages[name] = _most(msgspec.inspect.type_info(field.type))
    refused = asker.ask(
        "POST", "/api/v1/auth/login", headers={"content-length": str(MAX_BODY_BYTES + 1)}, body=b" " * 64
    )
    return Limits(
        body_bytes=MAX_BODY_BYTES if refused.status == 413 else None,
        pages=pages,
        media_types=(JSON,),
    )
