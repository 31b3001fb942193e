"""Invitations: signed texts that name a tenant, an e-mail address and a role. Nothing is stored until one is used."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from primepos.core.security import same
from primepos.core.settings_types import Secret
from primepos.domain.accounts.errors import InvitationInvalid

INVITATION_LIFETIME = timedelta(days=7)

_PURPOSE = b"primepos invitation\x00"


class Invitation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an invitation says; ``id`` lets it be used once."""

    id: UUID
    tenant_id: int
    email: str
    role: str
    outlet_ids: list[UUID] | None
    expires_at: datetime


def seal(invitation: Invitation, key: Secret) -> str:
    """Return the text to hand to the person invited."""
    body = urlsafe_b64encode(msgspec.json.encode(invitation)).rstrip(b"=").decode("ascii")
    return f"{body}.{_signature(body, key)}"


def unseal(text: str, keys: tuple[Secret, ...], now: datetime) -> Invitation:
    """Return what an invitation says if one of the keys signed it and its time is not over.

    Raises InvitationInvalid.
    """
    body, _, signature = text.partition(".")
    if not any(same(signature, _signature(body, key)) for key in keys):
        raise InvitationInvalid
    found = msgspec.json.decode(urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Invitation)
    if found.expires_at <= now:
        raise InvitationInvalid
    return found


def _signature(body: str, key: Secret) -> str:
    message = body.encode("utf-8", "surrogatepass")
    return hmac.new(key.reveal().encode() + _PURPOSE, message, hashlib.sha256).hexdigest()
