"""Asks this API in its own process: the real application over a database that is none."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import re
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

from primepos.api.app import build_app
from primepos.api.identity import BearerReader
from primepos.bootstrap import build_app as build_core
from primepos.core.context import ANONYMOUS, Identity
from primepos.core.errors import BadConfiguration, PrimePOSError
from primepos.core.ids import new_id
from primepos.core.log import silenced
from primepos.core.operations import OPERATIONS, App
from primepos.core.permissions import Role
from primepos.core.settings import RateLimitStore, Settings
from primepos.deploy.surface import INJECTED, Answer

# A field in a path, and an id that nothing has.
FIELD: Final = re.compile(r"\{[^}]*\}")
NOBODY: Final = "00000000-0000-7000-8000-000000000000"
# Set aside for measuring; nobody lives there (RFC 2544).
_CALLERS = ipaddress.ip_network("198.18.0.0/15")
_WRONG = {"email": "somebody@shop.invalid", "password": "violet harbour comet lantern"}


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


class Asker:
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
            return [await self._exchange(method, FIELD.sub(NOBODY, path), given, b"") for method, path in requests]

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
        return {
            "failed sign-in": self._leaves_trace(login.name, ANONYMOUS, _WRONG),
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
