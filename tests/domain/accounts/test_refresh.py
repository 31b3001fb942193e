"""Refresh tokens: traded once, forgiven for ten seconds, and what happens to a thief."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from primepos.core.settings_types import Secret
from primepos.domain.accounts.errors import RefreshInvalid, RefreshReused, SessionEnded
from primepos.domain.accounts.service import refresh
from primepos.domain.accounts.sessions import SESSION_LIFETIME, successor
from tests.factories import rows


def trade(app, token):
    return app.run(refresh, data={"refresh_token": token})


def family(app, identity):
    return rows(
        app,
        "SELECT replaced_at IS NOT NULL AS spent FROM refresh_tokens WHERE session_id = %s"
        " ORDER BY issued_at, spent DESC",
        (identity.session_id,),
    )


def revoked_why(app, session_id):
    return rows(app, "SELECT revoked_why FROM login_sessions WHERE id = %s", (session_id,))[0]["revoked_why"]


def test_a_token_is_traded_for_a_new_pair_of_the_same_session(app, shop, person, sign_in, identity):
    first = sign_in(person(shop))
    before = identity(first)
    second = trade(app, first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert identity(second) == before
    assert family(app, before) == [{"spent": True}, {"spent": False}]


def test_a_lost_answer_is_given_again_within_the_grace(app, shop, person, sign_in, identity, clock):
    first = sign_in(person(shop))
    second = trade(app, first.refresh_token)
    clock.advance(timedelta(seconds=10))
    again = trade(app, first.refresh_token)
    assert again.refresh_token == second.refresh_token
    assert len(family(app, identity(again))) == 2


def test_a_spent_token_after_the_grace_ends_the_session(app, shop, person, sign_in, identity, clock, refused):
    first = sign_in(person(shop))
    session_id = identity(first).session_id
    second = trade(app, first.refresh_token)
    clock.advance(timedelta(seconds=10, microseconds=1))
    with pytest.raises(RefreshReused):
        app.run(refresh, data={"refresh_token": first.refresh_token}, request_id=str(session_id))
    assert refused(str(session_id)) == ["REFRESH_REUSED"]
    with pytest.raises(SessionEnded):
        trade(app, second.refresh_token)
    with pytest.raises(SessionEnded):
        identity(second)
    assert revoked_why(app, session_id) == "refresh token reused"


def test_a_token_two_generations_old_ends_the_session_even_at_once(app, shop, person, sign_in):
    first = sign_in(person(shop))
    second = trade(app, first.refresh_token)
    third = trade(app, second.refresh_token)
    with pytest.raises(RefreshReused):
        trade(app, first.refresh_token)
    with pytest.raises(SessionEnded):
        trade(app, third.refresh_token)


@pytest.mark.parametrize("first", ["thief", "owner"])
def test_thief_and_owner_both_lose_the_session_whoever_comes_first(app, shop, person, sign_in, clock, first):
    held = dict.fromkeys(("thief", "owner"), sign_in(person(shop)).refresh_token)
    second = "owner" if first == "thief" else "thief"
    held[first] = trade(app, held[first]).refresh_token
    clock.advance(timedelta(minutes=5))
    held[first] = trade(app, held[first]).refresh_token
    with pytest.raises(RefreshReused):
        trade(app, held[second])
    for token in held.values():
        with pytest.raises(SessionEnded):
            trade(app, token)


def test_an_ended_session_does_not_touch_the_persons_others(app, shop, person, sign_in, clock):
    pat = person(shop)
    mine, other = sign_in(pat), sign_in(pat)
    trade(app, mine.refresh_token)
    clock.advance(timedelta(seconds=11))
    with pytest.raises(RefreshReused):
        trade(app, mine.refresh_token)
    assert trade(app, other.refresh_token).tenant == shop.slug


@pytest.mark.parametrize("token", ["nonsense", "x" * 43, "\ud800", "\x00"])
def test_an_unknown_token_is_refused(app, token):
    with pytest.raises(RefreshInvalid):
        trade(app, token)


def test_a_token_ends_after_its_time(app, shop, person, sign_in, clock):
    tokens = sign_in(person(shop))
    clock.advance(timedelta(seconds=604800))
    with pytest.raises(RefreshInvalid):
        trade(app, tokens.refresh_token)


def test_no_amount_of_trading_outlives_the_session(app, shop, person, sign_in, clock):
    tokens = sign_in(person(shop))
    for _ in range(4):
        clock.advance(timedelta(days=6))
        tokens = trade(app, tokens.refresh_token)
    clock.advance(timedelta(days=5))
    tokens = trade(app, tokens.refresh_token)
    assert tokens.refresh_expires_in == 24 * 3600
    clock.advance(SESSION_LIFETIME - timedelta(days=29))
    with pytest.raises(SessionEnded):
        trade(app, tokens.refresh_token)


def test_two_trades_at_once_give_the_same_successor(app, shop, person, sign_in, identity):
    for _ in range(3):
        first = sign_in(person(shop))
        session = identity(first)
        barrier = Barrier(4)

        def go(_, token=first.refresh_token, barrier=barrier):
            barrier.wait()
            return trade(app, token).refresh_token

        with ThreadPoolExecutor(4) as pool:
            answers = set(pool.map(go, range(4)))
        assert len(answers) == 1
        assert family(app, session) == [{"spent": True}, {"spent": False}]


def test_an_old_token_and_the_newest_at_once_leave_a_dead_session(app, shop, person, sign_in, identity, clock):
    first = sign_in(person(shop))
    session = identity(first)
    second = trade(app, first.refresh_token)
    clock.advance(timedelta(minutes=1))
    barrier = Barrier(2)

    def go(token):
        barrier.wait()
        try:
            return trade(app, token).refresh_token
        except (RefreshReused, SessionEnded) as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(go, [first.refresh_token, second.refresh_token]))
    assert outcomes[0] == "REFRESH_REUSED"
    assert revoked_why(app, session.session_id) == "refresh token reused"


def test_a_rotated_server_key_still_gives_the_lost_answer(app, shop, person, sign_in):
    first = sign_in(person(shop)).refresh_token
    keys = app.settings.secret_key, Secret("another key of more than thirty-two bytes")
    assert successor(first, keys[0]) == successor(first, keys[0])
    assert successor(first, keys[0]) != successor(first, keys[1])
    second = trade(app, first).refresh_token
    assert second == successor(first, keys[0])
    app.settings = replace(app.settings, secret_key=keys[1], secret_key_fallbacks=(keys[0],))
    assert trade(app, first).refresh_token == second
