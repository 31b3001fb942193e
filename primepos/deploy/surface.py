"""What the HTTP API says of itself and how it behaves when asked, as plain values: the gate does not know the API.

``primepos.api.surface`` builds one from the real application, in this process and without a network or a database.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from primepos.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from primepos.core.settings import Settings

PUBLIC: Final = "public"
SELF: Final = "self"
# What a fault put into the application says: none of these words may be read in an answer.
INJECTED: Final = "injected-fault-7c1f reading /srv/primepos/secret.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path. ``public`` is the reason why it needs no operation; then there is no permission."""

    method: str
    path: str
    operation: str | None
    permission: str | None
    handler: str
    public: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application answered; header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return one header, None where it is not there."""
        return next((value for key, value in self.headers if key == name), None)


class Ask(Protocol):
    """Asks the application in this process."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        fault: bool = False,
    ) -> Answer:
        """Return the answer to one request; ``fault`` lets a part of the application fail with :data:`INJECTED`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """One limit: so many in so many seconds, of what, for whom, on which operations (``*``: all)."""

    name: str
    count: int
    window_s: int
    counts: Literal["failures", "calls"]
    per: Literal["account", "address", "pair", "principal"]
    operations: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.count} {self.counts}/{self.window_s} s per {self.per}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRules:
    """How passwords are stored and judged, seen by storing and judging some.

    ``shortest`` is the fewest characters that were accepted, ``longest`` the most that were tried and accepted;
    ``refused`` names good samples that were not accepted (a rule of composition), ``missed`` common ones that were.
    """

    algorithm: str
    memory_kib: int
    passes: int
    lanes: int
    shortest: int
    longest: int
    common: int
    refused: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """How access tokens are read, seen by reading forged ones.

    ``accepted`` names forgeries that were taken for genuine; ``optional`` claims whose absence nobody minded.
    """

    algorithm: str
    works: bool
    accepted: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    rotates: bool = True
    detects_reuse: bool = True
    access_s: int = 3600
    refresh_s: int = 604_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a caller can ask for at most. ``pages`` is the most rows of each list, None where nothing bounds it."""

    body_bytes: int | None
    pages: Mapping[str, int | None]
    media_types: tuple[str, ...]
    uploads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """How calls to other people's servers are signed."""

    has_hmac: bool
    has_timestamp: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The API of one set of settings.

    ``permissions`` are all that are registered, ``used`` those that something asks for; ``grants`` says for each role
    what it may do (allow, own, approve; what is not there is denied). ``defaults`` are roles that an operation gives
    where the caller names none, ``strangers`` permissions that an unknown role would hold. ``unscoped`` are tables of
    tenants that the session would not scope. ``audited`` says of each kind of event whether it leaves an audit row.
    """

    environment: str
    routes: tuple[Route, ...]
    permissions: frozenset[str]
    used: frozenset[str]
    grants: Mapping[str, Mapping[str, str]]
    defaults: Mapping[str, str]
    strangers: tuple[str, ...]
    tables: tuple[str, ...]
    unscoped: tuple[str, ...]
    passwords: PasswordRules
    tokens: TokenRules
    throttles: tuple[Throttle, ...]
    limits: Limits
    audited: Mapping[str, bool]
    webhooks: Webhooks | None
    ask: Ask
    ask_all: Callable[[list[tuple[str, str]]], list[Answer]]
    # Makes the OpenAPI description; that of an API that has none is empty.
    describe: Callable[[], Mapping[str, Any]] = dict

    def matrix(self) -> dict[str, dict[str, str]]:
        """Return what each role may do with each route: allow, own, approve or deny; by route, then by role."""
        found: dict[str, dict[str, str]] = {}
        for route in sorted(self.routes, key=lambda one: (one.path, one.method)):
            if route.permission is None or route.permission in {PUBLIC, SELF}:
                mark = route.permission or PUBLIC
                found[str(route)] = dict.fromkeys(self.grants, mark)
            else:
                name = route.permission
                found[str(route)] = {role: held.get(name, "deny") for role, held in self.grants.items()}
        return found


def matrix_text(surface: Surface) -> str:
    """Return the snapshot of roles and routes as it is committed: TOML, a line for each route."""
    lines = [
        "# Which role may call which route; made by `python scripts/docs.py`, compared by SEC012 of the deploy gate.",
        "# A change here is a change of who may do what: read it as such when you review it.",
        "# Left out: denied. public: no sign-in needed. self: whoever is signed in.",
        "",
        "[routes]",
    ]
    by_route = {str(route): route for route in surface.routes}
    for name, roles in surface.matrix().items():
        marks = {mark: [role for role, one in roles.items() if one == mark] for mark in ("allow", "own", "approve")}
        parts = [f'permission = "{by_route[name].permission or PUBLIC}"']
        for mark, held in marks.items():
            if held:
                listed = ", ".join(f'"{role}"' for role in held)
                parts.append(f"{mark} = [{listed}]")
        lines.append(f'"{name}" = {{ {", ".join(parts)} }}')
    return "\n".join(lines) + "\n"


def production_settings() -> Settings:
    """Return settings that are fit for production and belong to nobody, for an environment that is not fit itself.

    Keys are random and thrown away; nothing that the settings point at exists.
    """
    key = secrets.token_urlsafe
    return load_settings(
        {
            "PRIMEPOS_ENV": "production",
            "SECRET_KEY": key(64),
            "JWT_SECRET_KEY": key(48),
            "PIN_PEPPER": key(48),
            "BACKUP_KEY": key(48),
            "FIELD_ENCRYPTION_KEYS": key(32),
            "METRICS_TOKEN": key(48),
            "ALLOWED_HOSTS": "api.gate.invalid",
            "CORS_ALLOWED_ORIGINS": "https://shop.gate.invalid",
            "PUBLIC_BASE_URL": "https://api.gate.invalid",
            "FRONTEND_URL": "https://shop.gate.invalid",
            "DATABASE_URL": f"postgresql://gate:{key(24)}@dpg-gate-a/gate",
            "DB_SSLMODE": "require",
            "EMAIL_BACKEND": "disabled",
            "HSTS_SECONDS": "31536000",
        },
        component="serve",
    )
