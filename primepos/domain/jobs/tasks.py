"""Which jobs there are: each is an operation, run for one tenant by the worker as the system's own identity.

A job's name is its operation's, its arguments are the operation's input beside ``tenant_id``. So work that was queued
passes the same permission check, transaction and audit as work that somebody asks for. Sending mail (``mail.py``) is
the exception: it touches no data, and no transaction may wait for a mail server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from primepos.core.context import Identity
from primepos.core.errors import ErrorKind, PrimePOSError
from primepos.core.permissions import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from primepos.core.operations import App, Operation

# After these another try can come out otherwise; any other refusal stays one.
_PASSING = {ErrorKind.UNAVAILABLE, ErrorKind.THROTTLED, ErrorKind.BUG}
ATTEMPTS = 8
_LONGEST_WAIT_S = 600


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of job: its name, what runs it with ``(app, arguments)``, and how often it is tried."""

    name: str
    run: Callable[[App, Mapping[str, Any]], None]
    attempts: int = ATTEMPTS


TASKS: dict[str, Task] = {}


def system_actor(tenant_id: int) -> Identity:
    """Return who runs the jobs of a tenant; the trail shows it as ``system``."""
    return Identity(kind="system", tenant_id=tenant_id, role=Role.OWNER, name="worker")


def job(operation: Operation[Any, Any], *, attempts: int = ATTEMPTS) -> None:
    """Let an operation be queued under its name. Call it beside the operation's declaration.

    The operation must be safe to run twice: a worker that dies after the commit leaves the job to the next.
    """

    def run(app: App, arguments: Mapping[str, Any]) -> None:
        data = dict(arguments)
        app.run(operation, system_actor(int(data.pop("tenant_id"))), data)

    TASKS[operation.name] = Task(operation.name, run, attempts)


def wait_before_retry_s(error: BaseException, attempts_made: int, most: int = ATTEMPTS) -> int | None:
    """Return after how many seconds a failed job is tried again, or None where that cannot help.

    Waits grow fourfold from two seconds to ten minutes. A refusal by a rule or for bad arguments is final; an
    unforeseen error is tried again, since the next release may have mended it.
    """
    if attempts_made + 1 >= most:
        return None
    if isinstance(error, PrimePOSError) and error.kind not in _PASSING:
        return None
    return int(min(2 * 4**attempts_made, _LONGEST_WAIT_S))
