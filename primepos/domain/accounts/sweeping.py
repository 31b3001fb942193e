"""Sign-ins that ended long ago are of no use to anybody but a thief: they are removed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from primepos.domain.jobs.nightly import Chore, across_tenants

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App

_KEPT = timedelta(days=30)

_ENDED = "(s.expires_at < %(before)s OR s.revoked_at < %(before)s)"
_TOKENS = f"DELETE FROM refresh_tokens t USING login_sessions s WHERE s.id = t.session_id AND {_ENDED}"  # noqa: S608  constants only
_SESSIONS = (
    f"DELETE FROM login_sessions s WHERE {_ENDED}"  # noqa: S608  constants only
    " AND NOT EXISTS (SELECT FROM refresh_tokens t WHERE t.session_id = s.id)"
)


def sweep_sessions(uow: UnitOfWork, before: datetime) -> tuple[int, int]:
    """Remove sign-ins that expired or were revoked before a moment; returns how many, and of how many tokens.

    Who signed in stays in the audit trail.
    """
    tokens = uow.run(_TOKENS, {"before": before})
    return uow.run(_SESSIONS, {"before": before}), tokens


def sweep(app: App) -> dict[str, Any]:
    """Remove sign-ins that ended a month ago; says how many."""
    before = app.clock.now() - _KEPT
    sessions, tokens = across_tenants(app, lambda uow: sweep_sessions(uow, before))
    return {"sign_ins": sessions, "renewals": tokens}


SESSIONS = Chore("sessions", "Remove sign-ins that ended a month ago", sweep)
