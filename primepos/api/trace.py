"""What is known of one request while it runs: for the access log, and to join answer, log and audit trail."""

from __future__ import annotations

import re
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from primepos.core.allowance import Verdict
from primepos.core.context import ANONYMOUS, Identity
from primepos.core.ids import new_id

SCOPE_KEY = "primepos.trace"
# What a caller may choose: short, printable, and free of anything that means something to a log or a shell.
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(slots=True)
class Trace:
    """One request: its id, when it began, and what became known on the way."""

    request_id: str
    method: str = ""
    path: str = ""
    started: float = field(default_factory=time.perf_counter)
    identity: Identity = ANONYMOUS
    operation: str | None = None
    error_code: str | None = None
    failure: Exception | None = None
    route: str | None = None
    status: int = 0
    sent_bytes: int = 0
    verdicts: tuple[Verdict, ...] = ()


def begin_trace(scope: MutableMapping[str, Any], inbound: str | None) -> Trace:
    """Attach a trace to a request; a valid id from the caller is kept, else a new one is made."""
    usable = inbound is not None and _REQUEST_ID.fullmatch(inbound)
    trace = Trace(inbound if inbound is not None and usable else str(new_id()))
    scope[SCOPE_KEY] = trace
    return trace


def trace_of(scope: Any) -> Trace:
    """Return the trace of a request, also where it did not come in through the edge."""
    found = scope.get(SCOPE_KEY)
    return found if isinstance(found, Trace) else begin_trace(scope, None)
