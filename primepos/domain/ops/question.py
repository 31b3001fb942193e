"""What the auditor asks with: one statement whose every row is a problem."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """A question whose every row is a problem: ``(tenant_id, what)``."""

    invariant: str
    name: str
    sql: str
    pending: bool = False
