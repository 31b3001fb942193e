"""Identifiers: UUIDv7 made where the thing happens, so a till needs no server to name its sales."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562): time-ordered, so keys land at the right edge of their index."""
    return uuid7()
