"""Why an access token is refused: what the API never tells whoever presents one, told to whoever runs it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import jwt

from primepos import bootstrap
from primepos.core.clock import SystemClock
from primepos.core.errors import PrimePOSError
from primepos.core.tokens import ALGORITHM, TokenExpired, TokenInvalid, read_access
from primepos.domain.accounts.identities import resolve_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.settings import Settings
    from primepos.deploy.doctor.patient import Patient

Told = tuple[str, tuple[str, ...]]

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REFRESH: Final = re.compile(r"[A-Za-z0-9_-]{32,}")
_LOOK: Final[Any] = {"verify_signature": False, "verify_exp": False, "verify_aud": False, "verify_iss": False}
_SIGNED: Final[Any] = {**_LOOK, "verify_signature": True}
SIGN_IN: Final = "Sign in again: POST /api/v1/auth/login"


def told_of_token(patient: Patient) -> Told:
    """Return what is wrong with the patient's token, or that nothing is, and what to do."""
    text = patient.token.reveal().strip() if patient.token is not None else ""
    scheme, _, rest = text.partition(" ")
    if not text:
        return "is empty: no Authorization header is sent", ("Send `Authorization: Bearer TOKEN`",)
    if rest and scheme.lower() != "bearer":
        return f"is sent as {scheme[:20]}, not as Bearer", ("Send `Authorization: Bearer TOKEN`",)
    token = rest.strip() if rest else text
    if not _COMPACT.fullmatch(token):
        kind = "looks like a refresh token" if _REFRESH.fullmatch(token) else "is malformed: it has not three parts"
        return kind, ("Send the access_token of the sign-in's answer",)
    if patient.settings is None:
        return "cannot be judged: the environment is not fit", ("primepos env check",)
    return _judged(token, patient, patient.settings)


def _judged(token: str, patient: Patient, settings: Settings) -> Told:
    try:
        claims = read_access(token, settings, SystemClock())
    except TokenExpired:
        return _expired(_payload(token))
    except TokenInvalid:
        return _invalid(token, settings)
    if patient.database_url is None:
        return "is genuine and in time; whether its session lives only the database knows", ("primepos doctor",)
    database = bootstrap.build_database(settings, patient.database_url)
    try:
        identity = resolve_identity(database, claims, SystemClock())
    except PrimePOSError as error:
        return f"is genuine, but {_ended(error)}", (SIGN_IN,)
    finally:
        database.dispose()
    return f"is good: {identity.role or 'nobody in particular'} until {claims.expires_at:%H:%M:%S} UTC", (
        "If it is refused all the same, the service has another JWT_SECRET_KEY or another database",
    )


def _ended(error: PrimePOSError) -> str:
    if error.code == "SESSION_ENDED":
        return "its session was ended, its person shut out, or its tenant is not known here"
    return f"{error.code}: {error.message}"


def _expired(payload: Mapping[str, Any]) -> Told:
    ended = datetime.fromtimestamp(int(payload["exp"]), UTC)
    ago = datetime.now(UTC) - ended
    return f"ended {int(ago.total_seconds())} s ago (at {ended:%Y-%m-%d %H:%M:%S} UTC)", (
        "Renew it: POST /api/v1/auth/refresh",
        "If it was issued just now, a clock is wrong: primepos doctor",
    )


def _invalid(token: str, settings: Settings) -> Told:
    try:
        header = jwt.get_unverified_header(token)
        payload = _payload(token)
    except jwt.PyJWTError:
        return "is malformed: header or content cannot be read", ("Send the access_token as it was given",)
    if header.get("alg") != ALGORITHM:
        return f"is signed by {str(header.get('alg'))[:20]}; only {ALGORITHM} is taken", ("It is not one of ours",)
    keys = (settings.jwt_secret_key, *settings.jwt_secret_key_fallbacks)
    if not any(_is_signed_by(token, key.reveal()) for key in keys):
        return "is signed by a key that is not known here: was JWT_SECRET_KEY changed?", (
            "List the old key in JWT_SECRET_KEY_FALLBACKS until the old tokens have ended",
            SIGN_IN,
        )
    for name, wanted in (("iss", settings.jwt_issuer), ("aud", settings.jwt_audience)):
        if payload.get(name) != wanted:
            return f"was issued for another service ({name} is not {wanted})", (SIGN_IN,)
    begins = payload.get("nbf")
    if isinstance(begins, int) and begins > datetime.now(UTC).timestamp():
        return f"begins {int(begins - datetime.now(UTC).timestamp())} s from now: a clock is wrong", (
            "primepos doctor",
        )
    return "is signed by us, but lacks what this release asks for", (SIGN_IN,)


def _payload(token: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = jwt.decode(token, options=_LOOK)
    return found


def _is_signed_by(token: str, key: str) -> bool:
    try:
        jwt.decode(token, key, algorithms=[ALGORITHM], options=_SIGNED)
    except jwt.InvalidSignatureError:
        return False
    except (jwt.PyJWTError, ValueError):
        return True
    return True
