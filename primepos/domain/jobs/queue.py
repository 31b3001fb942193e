"""The job queue: procrastinate on the same PostgreSQL, deferred inside the operation's own transaction.

A job exists if, and only if, the transaction that asked for it commits; no broker, no second source of truth.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import procrastinate

if TYPE_CHECKING:
    from primepos.core.db import UnitOfWork

# It tells of every job before the transaction has committed, so before it is true.
for _name in ("procrastinate.app", "procrastinate.jobs", "procrastinate.psycopg_connector"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# Never opened here: deferring uses the unit of work's connection, and the worker brings its own connector.
BLUEPRINT_APP = procrastinate.App(connector=procrastinate.PsycopgConnector())


class TransactionalQueue:
    """Defers jobs by name on the running transaction's connection."""

    def __init__(self, app: procrastinate.App = BLUEPRINT_APP) -> None:
        """Use ``app`` for its queue's rules only."""
        self._app = app

    def defer(self, uow: UnitOfWork, task: str, *, lock: str | None = None, **arguments: Any) -> int:
        """Queue ``task`` with JSON-ready arguments and return the job's number.

        Jobs with the same ``lock`` run one after the other, in the order in which they were queued.
        """
        connection = uow.driver_connection()
        deferrer = self._app.configure_task(
            task, lock=lock, connection=connection, task_kwargs=arguments, queue="default"
        )
        return int(deferrer.defer())
