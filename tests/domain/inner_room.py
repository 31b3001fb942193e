"""Runs an unchecked inner room the way features do: inside a transaction that the runner opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.operations import Nothing, Operation, Scope
from primepos.core.permissions import Permission
from tests.factories import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.context import Context, Identity
    from primepos.core.operations import App


def in_room(app: App, identity: Identity, work: Callable[[Context], Any]) -> Any:
    """Return what ``work`` gives, called with a live context and committed; not in the registry of operations."""
    room: Operation[Any, Any] = Operation(
        name="tests.room",
        permission=Permission.SELF,
        handler=lambda ctx, _data: work(ctx),
        input=Nothing,
        output=Nothing,
        raises=(),
        scope=Scope.TENANT,
        reads=False,
        summary="",
        doc="",
    )
    return app.run(room, identity)


def refusals(app: App, tenant_id: int) -> list[tuple[str, str]]:
    """Return operation and error code of the refusals in a tenant's trail, oldest first."""
    found = rows(
        app,
        "SELECT operation, error_code FROM audit_events WHERE tenant_id = %s AND outcome = 'refused' ORDER BY id",
        (tenant_id,),
    )
    return [(row["operation"], row["error_code"]) for row in found]


def count(app: App, table: str, tenant_id: int) -> int:
    """Return how many rows a tenant has in a table."""
    found: int = rows(app, f"SELECT count(*) AS n FROM {table} WHERE tenant_id = %s", (tenant_id,))[0]["n"]
    return found
