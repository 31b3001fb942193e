"""Sends one event to the error tracker and says whether it was taken: the library itself does not tell."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from primepos import __version__

if TYPE_CHECKING:
    from primepos.core.settings_types import Secret

TIMEOUT_S = 5


def send_test_event(dsn: Secret, commit: str | None) -> tuple[bool, str]:
    """Send an event of level info; return whether it was accepted, and its id or what went wrong instead."""
    parts = urlsplit(dsn.reveal())
    folder, _, project = parts.path.rpartition("/")
    place = parts.netloc.rpartition("@")[2]
    event_id = secrets.token_hex(16)
    event = {
        "event_id": event_id, "timestamp": datetime.now(UTC).isoformat(), "level": "info", "platform": "python",
        "logger": "primepos.gate", "release": commit or f"primepos@{__version__}", "environment": "deploy-gate",
        "message": {"formatted": "A test event of `primepos check-deploy --active`; nothing is wrong."},
    }  # fmt: skip
    lines = [{"event_id": event_id}, {"type": "event", "content_type": "application/json"}, event]
    client = f"primepos/{__version__}"
    request = Request(  # noqa: S310 - ENV021 has seen to it that the address is https
        f"{parts.scheme}://{place}{folder}/api/{project}/envelope/",
        data="\n".join(json.dumps(line) for line in lines).encode() + b"\n",
        headers={
            "Content-Type": "application/x-sentry-envelope",
            "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client={client}, sentry_key={parts.username}",
        },
        method="POST",
    )
    try:
        with urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
            return True, event_id
    except HTTPError as error:
        return False, f"answered {error.code}"
    except (URLError, HTTPException, OSError) as error:
        return False, type(getattr(error, "reason", error)).__name__
