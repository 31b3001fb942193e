"""From an access token to who acts: read in one statement, remembered for five seconds, never beyond the claims."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from primepos.core.db import UnitOfWork
from primepos.core.tokens import TokenKind, read_access
from primepos.domain.accounts import identities
from primepos.domain.accounts.errors import SessionEnded
from primepos.domain.accounts.identities import forget_identities, resolve_identity
from tests.factories import rows


@pytest.fixture
def claims(app, shop, person, sign_in):
    return read_access(sign_in(person(shop)).access_token, app.settings, app.clock)


@pytest.fixture
def statements(monkeypatch):
    sent = []
    real = UnitOfWork.rows
    monkeypatch.setattr(UnitOfWork, "rows", lambda uow, *given: sent.append(given[0]) or real(uow, *given))
    return sent


@pytest.fixture
def monotonic(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(identities.time, "monotonic", lambda: now[0])
    return now


def revoke(app, claims):
    def work(uow):
        uow.run("UPDATE login_sessions SET revoked_at = now() WHERE id = %s", (claims.session_id,))
        uow.commit()

    uow = app.database.system_session()
    try:
        work(uow)
    finally:
        uow.close()


def test_a_miss_is_one_statement_and_a_hit_none(app, claims, statements):
    forget_identities(app.database)
    first = resolve_identity(app.database, claims, app.clock)
    assert len(statements) == 1
    assert resolve_identity(app.database, claims, app.clock) is first
    assert len(statements) == 1


def test_a_session_revoked_elsewhere_is_dead_within_five_seconds(app, claims, monotonic):
    assert resolve_identity(app.database, claims, app.clock).actor_id == claims.user_id
    revoke(app, claims)
    monotonic[0] += 4.9
    assert resolve_identity(app.database, claims, app.clock).actor_id == claims.user_id
    monotonic[0] += 0.2
    for _ in range(2):
        with pytest.raises(SessionEnded):
            resolve_identity(app.database, claims, app.clock)


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": uuid4()},
        {"tenant_id": uuid4()},
        {"tenant_id": UUID(int=0)},
        {"session_id": uuid4()},
        {"kind": TokenKind.DEVICE},
        {"register_id": uuid4()},
    ],
)
def test_claims_that_do_not_fit_the_session_are_refused(app, claims, change):
    with pytest.raises(SessionEnded):
        resolve_identity(app.database, replace(claims, **change), app.clock)


def test_the_role_in_the_claims_is_not_believed(app, claims):
    assert resolve_identity(app.database, replace(claims, role="owner"), app.clock).role == "cashier"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET disabled_at = now() WHERE id = %(user)s",
        "UPDATE users SET tokens_valid_from = now() + interval '1 day' WHERE id = %(user)s",
        "UPDATE memberships SET disabled_at = now() WHERE user_id = %(user)s",
        "DELETE FROM memberships WHERE user_id = %(user)s",
        "UPDATE login_sessions SET expires_at = '2026-01-01Z' WHERE user_id = %(user)s",
    ],
)
def test_whatever_ends_a_standing_ends_the_session(app, claims, statement):
    uow = app.database.system_session()
    uow.run(statement, {"user": claims.user_id})
    uow.commit()
    uow.close()
    forget_identities(app.database)
    with pytest.raises(SessionEnded):
        resolve_identity(app.database, claims, app.clock)


def test_what_is_remembered_is_bounded(app, claims, monkeypatch):
    monkeypatch.setattr(identities, "_MOST_KEPT", 3)
    forget_identities(app.database)
    for _ in range(7):
        with pytest.raises(SessionEnded):
            resolve_identity(app.database, replace(claims, session_id=uuid4()), app.clock)
    assert len(identities._known[app.database]) <= 3


def test_resolving_writes_nothing(app, claims):
    before = rows(app, "SELECT count(*) AS n FROM system_audit_events")
    resolve_identity(app.database, claims, app.clock)
    assert rows(app, "SELECT count(*) AS n FROM system_audit_events") == before
