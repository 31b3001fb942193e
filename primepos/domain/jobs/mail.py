"""Mail by way of the queue: an operation queues it inside its own transaction, the worker sends it.

So a mail goes out if, and only if, what it tells of was committed, and no transaction waits for a mail server. The key
becomes the mail's Message-ID: a worker that dies after sending sends the same mail again, and mailboxes show it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.core.ids import new_id
from primepos.domain.jobs.tasks import TASKS, Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.context import Context
    from primepos.core.operations import App

SEND_EMAIL: Final = "mail.send"


def queue_email(ctx: Context, *, to: str, about: str, text: str) -> int:
    """Queue a mail in plain text to one address and return the job's number.

    Its text stays in the queue until it was sent: put no password into it that is still good a day later.
    """
    return ctx.jobs.defer(ctx.uow, SEND_EMAIL, to=to, about=about, text=text, key=str(new_id()))


def _send(app: App, arguments: Mapping[str, Any]) -> None:
    """Send one mail; what may pass later is tried again by the worker, what never will is kept as failed."""
    names = ("to", "about", "text", "key")
    app.mail.send(**{name: str(arguments[name]) for name in names})


TASKS[SEND_EMAIL] = Task(SEND_EMAIL, _send)
