"""Shows the deploy gate what this API is: the real application, built for it in this process, asked and read.

Nothing leaves the process: behind the application stands a database that is none. What can be seen by trying is tried
(a forged token, a weak password, an injected fault, every route without a token); only what cannot is read off the
declarations.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import re
import secrets
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, cast
from uuid import UUID

import jwt
import msgspec
from litestar import Litestar

from primepos.api.app import build_app, openapi
from primepos.api.body import MAX_BODY_BYTES
from primepos.api.endpoint import JSON, OPT_KEY, Endpoint
from primepos.api.identity import BearerReader
from primepos.api.probes import PUBLIC_KEY
from primepos.bootstrap import build_app as build_core
from primepos.core import security
from primepos.core.clock import FrozenClock
from primepos.core.context import ANONYMOUS, Identity
from primepos.core.errors import BadConfiguration, ErrorKind, PrimePOSError, Unauthenticated
from primepos.core.ids import new_id
from primepos.core.log import silenced
from primepos.core.operations import OPERATIONS, App
from primepos.core.permissions import GRANTS, Decision, Permission, Role, grant_of
from primepos.core.security import WeakPassword
from primepos.core.settings import RateLimitStore, Settings
from primepos.core.tokens import ALGORITHM, AccessGrant, issue_access, read_access
from primepos.deploy.source_scan import package_sources
from primepos.deploy.surface import (
    INJECTED,
    Answer,
    Limits,
    PasswordRules,
    Route,
    Surface,
    Throttle,
    TokenRules,
    Webhooks,
)
from primepos.domain import schema
from primepos.domain.accounts import throttle

_USED = re.compile(r"\bPermission\.([A-Z_]+)")
_HOLDER = re.compile(r"\{[^}]*\}")
_NOBODY = "00000000-0000-7000-8000-000000000000"
_PASSPHRASE = "violet harbour comet lantern "  # noqa: S105  a sample for the policy, nobody's
# Asked for by ASVS 5.0 6.2.4 and tried here beside the length of the list; all of them in every list of its kind.
_COMMON = ("password", "password1", "12345678", "123456789", "qwertyuiop", "iloveyou", "princess1", "football")


def build_surface(settings: Settings) -> Surface:
    """Build the API for ``settings`` and return what it says of itself; nothing is connected to."""
    asker = _Asker(settings)
    routes = tuple(_routes(asker.api))
    return Surface(
        environment=settings.environment.value,
        routes=routes,
        permissions=frozenset(each.value for each in Permission),
        used=_used_permissions(),
        grants=_grants(),
        defaults=_role_defaults(),
        strangers=tuple(
            each.value
            for each in Permission
            for role in (None, "", "no-such-role")
            if grant_of(role, each).decision is not Decision.DENY
        ),
        tables=tuple(sorted(schema.METADATA.tables)),
        unscoped=tuple(sorted(set(schema.METADATA.tables) - schema.scoped_tables() - set(schema.GLOBAL_TABLES))),
        passwords=_password_rules(),
        tokens=_token_rules(settings),
        throttles=tuple(_throttles(settings, asker)),
        limits=_limits(asker),
        audited=asker.audited(),
        webhooks=_webhooks(routes),
        ask=asker.ask,
        ask_all=asker.ask_all,
        describe=openapi,
    )


# --- routes and roles ----------------------------------------------------------------------------------------------


def _routes(api: Litestar) -> Iterator[Route]:
    for route in api.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            if handler is None or "OPTIONS" in getattr(handler, "http_methods", ()):
                continue
            endpoint: Endpoint | None = handler.opt.get(OPT_KEY)
            public = handler.opt.get(PUBLIC_KEY)
            for method in sorted(getattr(handler, "http_methods", {"*"})):
                yield Route(
                    method=method,
                    path=_HOLDER.sub(lambda found: found[0].partition(":")[0].rstrip("}") + "}", route.path),
                    operation=endpoint.operation.name if endpoint else None,
                    permission=endpoint.operation.permission.value if endpoint else None,
                    handler=str(handler.name or handler.handler_name),
                    public=public,
                )


def _used_permissions() -> frozenset[str]:
    """Return the permissions that anything asks for: operations by declaration, services by name in the source."""
    used = {operation.permission.value for operation in OPERATIONS.values()}
    for source in package_sources():
        if not source.path.endswith("/permissions.py"):
            for name in _USED.findall(source.text):
                if name in Permission.__members__:
                    used.add(Permission[name].value)
    return frozenset(used)


def _grants() -> dict[str, dict[str, str]]:
    return {
        role.value: {
            permission.value: "own" if grant.own else grant.decision.value
            for permission, grant in sorted(GRANTS[role].items())
        }
        for role in Role
    }


def _role_defaults() -> dict[str, str]:
    """Return the role that an operation gives where its caller names none, for those that do."""
    found = {}
    for name, operation in OPERATIONS.items():
        for field in msgspec.structs.fields(operation.input):
            default = field.default
            if field.encode_name == "role" and default not in {msgspec.NODEFAULT, msgspec.UNSET, None}:
                found[name] = str(default)
    return found


def _webhooks(routes: tuple[Route, ...]) -> Webhooks | None:
    """Return how webhooks are signed; None while there are none."""
    if not any("webhook" in route.path for route in routes):
        return None
    return Webhooks(has_hmac=False, has_timestamp=False)


# --- passwords and tokens --------------------------------------------------------------------------------------------


def _password_rules() -> PasswordRules:
    _, algorithm, _, costs, *_ = security.hash_password(_PASSPHRASE).split("$")
    cost = {name: int(value) for name, _, value in (part.partition("=") for part in costs.split(","))}
    lengths = [n for n in range(1, 257) if n <= 16 or n in {64, 128, 256} if _is_accepted(_of_length(n))]
    samples = {
        "small letters only": "violetharbourcometlantern",
        "digits only": "80517392640718",
        "spaces": "four words of mine",
        "no Latin letter": "пароль-длинный-очень",
    }
    return PasswordRules(
        algorithm=algorithm,
        memory_kib=cost["m"],
        passes=cost["t"],
        lanes=cost["p"],
        shortest=min(lengths, default=0),
        longest=max(lengths, default=0),
        common=len(security.common_passwords()),
        refused=tuple(name for name, sample in samples.items() if not _is_accepted(sample)),
        missed=tuple(word for word in _COMMON if _is_accepted(word)),
    )


def _of_length(length: int) -> str:
    """Return a text of that many characters in which nothing repeats or runs."""
    return ("wq7vkz2xj9fb4mhd" * 16)[:length] if length > 16 else "wq7vkz2xj9fb4mhd"[:length]


def _is_accepted(password: str) -> bool:
    try:
        security.check_password(password)
    except WeakPassword:
        return False
    return True


_CLAIMS = ("exp", "iat", "jti", "sub", "tenant", "typ")


def _token_rules(settings: Settings) -> TokenRules:
    moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    clock = FrozenClock(moment)
    grant = AccessGrant(user_id=new_id(), tenant_id=new_id(), session_id=new_id(), role=Role.CASHIER.value)
    token = issue_access(grant, settings, clock)
    key = settings.jwt_secret_key.reveal()
    claims = jwt.decode(token, options={"verify_signature": False})

    def signed(payload: Mapping[str, Any], algorithm: str = ALGORITHM, with_key: str = key) -> str:
        with warnings.catch_warnings():
            # What a forger would be told about the length of a key.
            warnings.simplefilter("ignore")
            return jwt.encode(dict(payload), "" if algorithm == "none" else with_key, algorithm=algorithm)

    def is_read(text: str, at: datetime = moment) -> bool:
        try:
            read_access(text, settings, FrozenClock(at))
        except Unauthenticated:
            return False
        return True

    head, payload, _ = token.split(".")
    forgeries = {
        "unsigned (alg none)": signed(claims, "none"),
        "signature left out": f"{head}.{payload}.",
        "another algorithm (HS512)": signed(claims, "HS512"),
        "another key": signed(claims, with_key=secrets.token_urlsafe(48)),
        "another audience": signed({**claims, "aud": "somebody-else"}),
        "another issuer": signed({**claims, "iss": "somebody-else"}),
        "another kind": signed({**claims, "typ": "refresh"}),
        "key id in the header": jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": "../../dev/null"}),
    }
    accepted = [name for name, forged in forgeries.items() if is_read(forged)]
    if is_read(token, moment + timedelta(seconds=settings.jwt_access_ttl_seconds + 1)):
        accepted.append("expired")
    missing = [name for name in _CLAIMS if is_read(signed({k: v for k, v in claims.items() if k != name}))]
    refresh = OPERATIONS["accounts.refresh"]
    refused = {error.code for error in refresh.raises}
    return TokenRules(
        algorithm=str(jwt.get_unverified_header(token).get("alg")),
        works=is_read(token),
        accepted=tuple(accepted),
        optional=tuple(missing),
        rotates="refresh_token" in refresh.output.__struct_fields__,
        detects_reuse="REFRESH_REUSED" in refused,
        access_s=settings.jwt_access_ttl_seconds,
        refresh_s=settings.jwt_refresh_ttl_seconds,
    )


# --- limits ----------------------------------------------------------------------------------------------------------


_QUOTA = re.compile(r'"(?P<name>[^"]+)";q=(?P<count>\d+);w=(?P<window>\d+)')
_ADDRESS = "192.0.2.1"
# Set aside for measuring; nobody lives there (RFC 2544).
_CALLERS = ipaddress.ip_network("198.18.0.0/15")


def _throttles(settings: Settings, asker: _Asker) -> Iterator[Throttle]:
    """Return every limit there is, with the operations it holds for; the one on all calls as answers announce it."""
    sign_in = ("accounts.login", "accounts.change_password")
    for policy, subject in throttle.login_policies(settings, "somebody@shop.invalid", _ADDRESS):
        per: Literal["account", "address", "pair"] = "address" if subject == _ADDRESS else "account"
        yield _throttle(policy, "failures", "pair" if policy.name == "login-pair" else per, *sign_in)
    yield _throttle(throttle.refresh_policy(UUID(_NOBODY))[0], "calls", "principal", "accounts.refresh")
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


def _limits(asker: _Asker) -> Limits:
    pages = {}
    for name in sorted({route.operation for route in _routes(asker.api) if route.operation}):
        if "limit" in OPERATIONS[name].input.__struct_fields__:
            shape = msgspec.json.schema(OPERATIONS[name].input)
            fields = shape["$defs"][shape["$ref"].rpartition("/")[2]]["properties"]
            pages[name] = fields["limit"].get("maximum")
    refused = asker.ask(
        "POST", "/api/v1/auth/login", headers={"content-length": str(MAX_BODY_BYTES + 1)}, body=b" " * 64
    )
    return Limits(
        body_bytes=MAX_BODY_BYTES if refused.status == 413 else None,
        pages=pages,
        media_types=(JSON,),
    )


# --- asking ----------------------------------------------------------------------------------------------------------


class _Nothing:
    """Stands for a unit of work where there is no database: reads find nothing, writes are forgotten."""

    in_doubt = False

    def __init__(self, database: _NoDatabase) -> None:
        self.database = database

    def rows(self, _sql: str, _parameters: object = ()) -> list[dict[str, Any]]:
        """Find nothing."""
        return []

    def run(self, _sql: str, _parameters: object = ()) -> int:
        """Touch nothing."""
        return 0

    def commit(self, _last: object = None) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Give nothing back."""

    def abandon(self) -> bool:
        """Say that nothing was lost."""
        return False


class _NoDatabase:
    """Stands for the database behind an application that is only looked at."""

    def __init__(self, real: Any) -> None:
        self.engine = real.engine
        self.statement_timeout_ms = real.statement_timeout_ms
        self.lock_timeout_ms = real.lock_timeout_ms

    def tenant(self, _tenant_id: int, *, read_only: bool = False) -> _Nothing:
        """Return a unit of work on nothing."""
        del read_only
        return _Nothing(self)

    def system_session(self, *, read_only: bool = False) -> _Nothing:
        """Return a unit of work on nothing."""
        del read_only
        return _Nothing(self)

    def dispose(self) -> None:
        """Close nothing."""


class _Trail:
    """Notes which events would have been written to the audit trail."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def statement(self, event: Any) -> tuple[str, tuple[Any, ...]]:
        """Take note of one event."""
        self.events.append(event)
        return "", ()


class _Asker:
    """The application of these settings, and a way to ask it without a server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader = BearerReader()
        self._callers = itertools.count()
        self._fault = secrets.token_urlsafe(16)
        # Its counters are its own, and go with it.
        core = build_core(replace(settings, rate_limit_store=RateLimitStore.MEMORY))
        self._trail = _Trail()
        self._database = _NoDatabase(core.database)
        self.core = App(
            settings=core.settings,
            database=cast("Any", self._database),
            clock=core.clock,
            audit=self._trail,
            approvals=core._approvals,  # noqa: SLF001 - the composition root gives no other way
            jobs=core._jobs,  # noqa: SLF001 - as above
            tenants=core._tenants,  # noqa: SLF001 - as above
        )
        self.api = build_app(self.core, resolve=self._resolve)
        # One thread with a loop of its own: whoever asks may be running one already.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="primepos-surface")

    def _resolve(self, app: App, token: str) -> Identity:
        if token == self._fault:
            raise RuntimeError(INJECTED)
        return self._reader(app, token)

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        fault: bool = False,
    ) -> Answer:
        """Return the answer to one request."""
        given = {"host": self._settings.allowed_hosts[0], "x-forwarded-proto": "https", **(headers or {})}
        if fault:
            given["authorization"] = f"Bearer {self._fault}"
        answer: Answer = self._run(self._exchange(method, path, given, body))
        return answer

    def ask_all(self, requests: list[tuple[str, str]]) -> list[Answer]:
        """Return the answers to many requests of somebody without a token, path fields filled in."""
        given = {"host": self._settings.allowed_hosts[0], "x-forwarded-proto": "https"}

        async def each() -> list[Answer]:
            return [await self._exchange(method, _HOLDER.sub(_NOBODY, path), given, b"") for method, path in requests]

        answers: list[Answer] = self._run(each())
        return answers

    def _run(self, coroutine: Any) -> Any:
        return self._thread.submit(partial(_run_silently, coroutine)).result()

    async def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sent: list[Any] = []
        inbox = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if inbox:
                return inbox.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        target, _, query = path.partition("?")
        scope: Any = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": target,
            "raw_path": target.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            # Somebody else each time: what is asked for here must not use up anybody's quota.
            "client": (str(_CALLERS[next(self._callers) % _CALLERS.num_addresses]), 40000),
            "server": ("127.0.0.1", 443),
            "state": {},
        }
        await self.api(scope, receive, send)
        start = next(one for one in sent if one["type"] == "http.response.start")
        return Answer(
            status=int(start["status"]),
            headers=tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in start["headers"]
            ),
            body=b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body"),
        )

    # --- what the trail is told ---

    def audited(self) -> dict[str, bool]:
        """Return of each kind of event that must leave a trace whether it does, by letting it happen."""
        cashier = Identity(kind="user", tenant_id=0, role=Role.CASHIER, actor_id=new_id(), name="Cashier")
        login, void, people = OPERATIONS["accounts.login"], OPERATIONS["sales.void"], OPERATIONS["users.create"]
        wrong = {"email": "somebody@shop.invalid", "password": _PASSPHRASE}
        return {
            "failed sign-in": self._leaves_trace(login.name, ANONYMOUS, wrong),
            "sign-in": not login.reads,
            "denied by permission": self._leaves_trace(people.name, cashier, {}),
            "approval missing": self._leaves_trace(void.name, cashier, {}),
        }

    def _leaves_trace(self, operation: str, identity: Identity, data: Mapping[str, Any]) -> bool:
        before = len(self._trail.events)
        with silenced():
            try:
                self.core.run(OPERATIONS[operation], identity, data)
            except BadConfiguration:
                raise
            except PrimePOSError:
                pass
        return any(event.operation == operation and event.outcome == "refused" for event in self._trail.events[before:])


def _run_silently(coroutine: Any) -> Any:
    """Run to the end; what the application logs of requests that nobody made is nobody's business."""
    with silenced():
        return asyncio.run(coroutine)
