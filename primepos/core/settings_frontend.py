"""Rules about the file of variables that a web frontend is built with (FE060-FE063)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from primepos.core.redaction import is_secret_name
from primepos.core.settings_rules import Problem, Severity
from primepos.core.settings_types import Secret, parse_bool, parse_origin, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from primepos.core.settings import Examination

API_URL = "NEXT_PUBLIC_API_URL"
USE_REAL_API = "NEXT_PUBLIC_USE_REAL_API"
PUBLIC = "NEXT_PUBLIC_"
API_PATH = "/api/v1"

ORIGIN_NAMES = ("NEXT_PUBLIC_SITE_URL", "NEXT_PUBLIC_APP_URL", "NEXT_PUBLIC_FRONTEND_URL")
_SECRET_LENGTH = 8


def frontend_problems(texts: Mapping[str, str], backend: Examination) -> list[Problem]:
    """Return what is wrong with a frontend's file; ``backend`` is the environment of the API it shall call."""
    return [
        *_api_url(texts.get(API_URL, ""), backend),
        *_real_api(texts.get(USE_REAL_API, "")),
        *_leaks(texts, backend),
        *_origin(texts, backend),
    ]


def _api_url(text: str, backend: Examination) -> Iterator[Problem]:
    """FE060: https, the right path, a host the API answers for."""

    def wrong(told: str, *, missing: bool = False) -> Problem:
        return Problem(API_URL, "FE060", Severity.HIGH, told, missing=missing)

    if not text:
        yield wrong("is required: where the frontend finds the API", missing=True)
        return
    try:
        url = parse_url(text)
    except ValueError as error:
        yield wrong(str(error))
        return
    if not url.startswith("https://"):
        yield wrong("is not https")
    if not urlsplit(url).path.endswith(API_PATH):
        yield wrong(f"does not end in {API_PATH}")
    host = urlsplit(url).hostname or ""
    hosts = backend.values["ALLOWED_HOSTS"]
    # Without a list of its own this process cannot tell which hosts the deployed API answers for.
    if ("ALLOWED_HOSTS" in backend.raw or backend.platform.external_hostname) and host not in hosts:
        yield wrong(f"has the host {host}, which is not in ALLOWED_HOSTS")


def _real_api(text: str) -> Iterator[Problem]:
    """FE061: the sample data is off."""
    try:
        real = bool(text) and parse_bool(text)
    except ValueError as error:
        yield Problem(USE_REAL_API, "FE061", Severity.HIGH, str(error))
        return
    if not real:
        told = "is not true: the frontend would show its sample data"
        yield Problem(USE_REAL_API, "FE061", Severity.HIGH, told, missing=not text)


def _leaks(texts: Mapping[str, str], backend: Examination) -> Iterator[Problem]:
    """FE062: whatever starts with NEXT_PUBLIC_ ends up in everybody's browser."""
    known = {secret.reveal() for secret in _secrets(backend.values.values())}
    for name, text in texts.items():
        if not name.startswith(PUBLIC):
            continue
        if any(len(secret) >= _SECRET_LENGTH and secret in text for secret in known):
            yield Problem(name, "FE062", Severity.CRITICAL, "holds a secret of the API: browsers would get it")
        elif is_secret_name(name.removeprefix(PUBLIC)):
            yield Problem(name, "FE062", Severity.CRITICAL, "is named like a secret, and browsers get it")


def _secrets(values: Iterable[object]) -> Iterator[Secret]:
    for value in values:
        yield from (item for item in (value if isinstance(value, tuple) else (value,)) if isinstance(item, Secret))


def _origin(texts: Mapping[str, str], backend: Examination) -> Iterator[Problem]:
    """FE063: the API lets the frontend's pages call it. Judged when the file or FRONTEND_URL names the origin."""
    named = next((name for name in ORIGIN_NAMES if texts.get(name)), None)
    text = texts[named] if named else backend.raw.get("FRONTEND_URL", "")
    if not text:
        return
    variable = named or "FRONTEND_URL"
    try:
        parts = urlsplit(text)
        origin = parse_origin(f"{parts.scheme}://{parts.netloc}")
    except ValueError as error:
        yield Problem(variable, "FE063", Severity.MEDIUM, str(error), fatal=False)
        return
    if origin not in backend.values["CORS_ALLOWED_ORIGINS"]:
        yield Problem(variable, "FE063", Severity.MEDIUM, f"{origin} is not in CORS_ALLOWED_ORIGINS", fatal=False)
