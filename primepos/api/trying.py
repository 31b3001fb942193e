"""Tries passwords and forged tokens on this application, and says which it took."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from primepos.core import security
from primepos.core.clock import FrozenClock
from primepos.core.errors import Unauthenticated
from primepos.core.ids import new_id
from primepos.core.operations import OPERATIONS
from primepos.core.permissions import Role
from primepos.core.security import WeakPassword
from primepos.core.settings import Settings
from primepos.core.tokens import ALGORITHM, AccessGrant, issue_access, read_access
from primepos.deploy.surface import PasswordRules, TokenRules

_PASSPHRASE = "violet harbour comet lantern"  # noqa: S105  a sample for the policy, nobody's
# Asked for by ASVS 5.0 6.2.4 and tried here beside the length of the list; all of them in every list of its kind.
_COMMON = ("password", "password1", "12345678", "123456789", "qwertyuiop", "iloveyou", "princess1", "football")
_CLAIMS = ("exp", "iat", "jti", "sub", "tenant", "typ")


def password_rules() -> PasswordRules:
    """Return how passwords are stored and judged."""
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


def token_rules(settings: Settings) -> TokenRules:
    """Return how access tokens are read with these settings."""
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
