"""From a bearer token to who holds it."""

from __future__ import annotations

from primepos.core.context import Identity
from primepos.core.operations import App
from primepos.core.tokens import AccessClaims, read_access
from primepos.domain.accounts.identities import resolve_identity

MOST_KEPT = 10_000


class BearerReader:
    """Reads access tokens, each one's signature once: checking it costs more than all the rest of reading it.

    Whether its time is over is looked at every time, and what its session may do is never older than five seconds.
    """

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._read: dict[str, AccessClaims] = {}

    def __call__(self, app: App, token: str) -> Identity:
        """Return who holds a token, as things stand now (or did up to five seconds ago).

        Raises: :class:`TokenInvalid`, :class:`TokenExpired`, :class:`SessionEnded`.
        """
        claims = self._read.get(token)
        if claims is None or claims.expires_at <= app.clock.now():
            self._read.pop(token, None)
            claims = read_access(token, app.settings, app.clock)
            if len(self._read) >= MOST_KEPT:
                self._read.clear()
            self._read[token] = claims
        return resolve_identity(app.database, claims, app.clock)
