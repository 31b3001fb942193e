"""From a bearer token to who holds it."""

from __future__ import annotations

from primepos.core.context import Identity
from primepos.core.operations import App
from primepos.core.tokens import read_access
from primepos.domain.accounts.identities import resolve_identity


def resolve_bearer(app: App, token: str) -> Identity:
    """Return who holds an access token, as things stand now (or did up to five seconds ago).

    Raises: :class:`TokenInvalid`, :class:`TokenExpired`, :class:`SessionEnded`.
    """
    return resolve_identity(app.database, read_access(token, app.settings, app.clock), app.clock)
