"""Checks an e-mail address and a password: slowly, equally slowly for nobody, and not too often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.db import run_in_transaction
from primepos.core.security import InvalidEmail, hash_password, needs_rehash, normalise_email, verify_password
from primepos.domain.accounts import queries
from primepos.domain.accounts.errors import BadCredentials, RefreshInvalid
from primepos.domain.accounts.throttle import (
    login_pair,
    login_policies,
    refresh_policy,
    stranger_policy,
    throttle_of,
)

if TYPE_CHECKING:
    from primepos.core.context import Context


def login_name(text: str) -> str:
    """Return the one form of what was typed as e-mail address, also where it is none: it is counted all the same."""
    try:
        return normalise_email(text)
    except InvalidEmail:
        return text.strip().casefold()


def check_credentials(ctx: Context, email: str, password: str, client_ip: str | None) -> dict[str, Any]:
    """Return the account whose password this is.

    The throttle is asked before anything is hashed, so a locked-out attempt costs nothing; it is asked again after,
    so that guesses sent all at once do not pass by it. No connection is held while hashing.
    Raises LoginThrottled, BadCredentials.
    """
    name = login_name(email)
    throttle, watched = throttle_of(ctx), login_policies(ctx.settings, name, client_ip)
    throttle.require(*watched)
    database = ctx.uow.database
    user = run_in_transaction(lambda: database.system_session(read_only=True), lambda uow: queries.find_user(uow, name))
    if user is not None:
        ctx.note(f"user:{user['id']}")
    stored = user["password_hash"] if user else None
    if not verify_password(stored, password) or user is None or _is_shut_out(ctx, user):
        throttle.count(*watched)
        raise BadCredentials
    throttle.require(watched[0])
    if client_ip:
        throttle.forget(*login_pair(name, client_ip))
    if needs_rehash(user["password_hash"]):
        fresh = hash_password(password)
        queries.renew_hash(ctx.uow, user["id"], user["password_hash"], fresh)
        user["password_hash"] = fresh
    return user


def allow_refresh(ctx: Context, token_hash: str, client_ip: str | None) -> None:
    """Count the trade of a refresh token before it is made: a refused one must not have spent the token.

    Tokens that nobody was given are counted by address, and keep nobody out who has a real one.
    Raises LoginThrottled, RefreshInvalid.
    """
    throttle, database = throttle_of(ctx), ctx.uow.database
    row = run_in_transaction(database.system_session, lambda uow: queries.session_of_token(uow, token_hash))
    if row is None:
        if client_ip:
            throttle.spend(*stranger_policy(client_ip))
        raise RefreshInvalid
    throttle.spend(*refresh_policy(row["session_id"]))


def _is_shut_out(ctx: Context, user: dict[str, Any]) -> bool:
    until = user["password_expires_at"]
    return user["disabled_at"] is not None or (until is not None and until <= ctx.clock.now())
