"""Writes the trail: the sink that the runner sends along with every commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from primepos.core.operations import AuditEvent

_COLUMNS = (
    "operation, outcome, error_code, actor_kind, actor_id, actor_name, role,"
    " approver_id, approver_name, register_id, subject, data, request_id"
)
_VALUES = "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s"
_TENANT = f"INSERT INTO audit_events (tenant_id, {_COLUMNS}) VALUES (%s, {_VALUES})"  # noqa: S608  constants only
_SYSTEM = f"INSERT INTO system_audit_events ({_COLUMNS}) VALUES ({_VALUES})"  # noqa: S608  constants only
_encode = msgspec.json.Encoder().encode


class Trail:
    """The audit sink: one INSERT a event, in the tenant's table or, where there is no tenant, the system's."""

    def statement(self, event: AuditEvent) -> tuple[str, tuple[Any, ...]]:
        """Return SQL and parameters for one row; ``data`` is stored as JSON with decimals as strings."""
        who = event.identity
        values: tuple[Any, ...] = (
            event.operation,
            event.outcome,
            event.error_code,
            who.kind,
            who.actor_id,
            who.name[:200],
            who.role,
            event.approver.actor_id if event.approver else None,
            event.approver.name if event.approver else None,
            who.register_id,
            event.subject,
            _encode(event.data).decode() if event.data else "{}",
            event.request_id[:64],
        )
        if event.tenant_id is None:
            return _SYSTEM, values
        return _TENANT, (event.tenant_id, *values)
