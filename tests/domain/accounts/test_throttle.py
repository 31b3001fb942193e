"""Failed sign-ins are counted, exactly and for everybody alike; what succeeds is not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from uuid import uuid4

import pytest

from primepos.core.clock import FrozenClock
from primepos.core.settings_types import RateLimit
from primepos.domain.accounts import credentials
from primepos.domain.accounts.counters import CounterStorage
from primepos.domain.accounts.errors import BadCredentials
from primepos.domain.accounts.service import login, refresh
from primepos.domain.accounts.throttle import ApiQuota, LoginThrottled, Policy, Throttle, address_key
from tests.factories import rows


def fail(app, email, ip=None):
    with pytest.raises(BadCredentials):
        app.run(login, data={"email": email, "password": "wrong password", "client_ip": ip})


def an_address():
    return str(ip_address(uuid4().int % 2**32))


def test_the_sixth_failure_in_a_minute_is_refused_before_hashing(app, shop, person, monkeypatch, clock):
    pat = person(shop)
    for _ in range(5):
        fail(app, pat.email)
        clock.advance(timedelta(seconds=2))
    hashed = []
    monkeypatch.setattr(credentials, "verify_password", lambda *given: hashed.append(given) or True)
    for password in ("wrong password", pat.password):
        with pytest.raises(LoginThrottled) as caught:
            app.run(login, data={"email": pat.email, "password": password})
        assert caught.value.data == {"retry_after_s": 50}
    assert hashed == []


def test_the_lock_ends_when_the_oldest_failure_is_a_minute_old(app, shop, person, sign_in, clock):
    pat = person(shop)
    for _ in range(5):
        fail(app, pat.email)
        clock.advance(timedelta(seconds=10))
    with pytest.raises(LoginThrottled) as caught:
        sign_in(pat)
    assert caught.value.data == {"retry_after_s": 10}
    clock.advance(timedelta(seconds=10))
    assert sign_in(pat).tenant == shop.slug
    fail(app, pat.email)
    with pytest.raises(LoginThrottled):
        sign_in(pat)


def test_an_address_nobody_has_is_locked_the_same_way(app):
    email = f"{uuid4().hex}@shop.test"
    for _ in range(5):
        fail(app, email.upper())
    with pytest.raises(LoginThrottled):
        app.run(login, data={"email": email, "password": "wrong password"})


def test_what_succeeds_never_counts(app, shop, person, sign_in):
    pat, ip = person(shop), an_address()
    for _ in range(12):
        sign_in(pat, client_ip=ip)
    for _ in range(4):
        fail(app, pat.email, ip)
    assert sign_in(pat, client_ip=ip).tenant == shop.slug


def test_thirty_people_behind_one_router_sign_in_at_eight(app, shop, person, sign_in):
    people, ip = [person(shop) for _ in range(30)], an_address()
    with ThreadPoolExecutor(6) as pool:
        tenants = list(pool.map(lambda who: sign_in(who, client_ip=ip).tenant, people))
    assert tenants == [shop.slug] * 30


def test_a_lock_of_one_account_leaves_the_others_at_the_same_address_alone(app, shop, person, sign_in):
    pat, sam, ip = person(shop), person(shop), an_address()
    for _ in range(5):
        fail(app, pat.email, ip)
    with pytest.raises(LoginThrottled):
        sign_in(pat, client_ip=ip)
    assert sign_in(sam, client_ip=ip).tenant == shop.slug


def test_a_hundred_failures_from_one_address_lock_the_address(app, shop, person, sign_in, monkeypatch):
    pat, ip = person(shop), an_address()
    monkeypatch.setattr(credentials, "verify_password", lambda *_: False)
    for number in range(100):
        fail(app, f"guess-{number}-{uuid4().hex}@shop.test", ip)
    monkeypatch.undo()
    with pytest.raises(LoginThrottled):
        sign_in(pat, client_ip=ip)
    assert sign_in(pat, client_ip=an_address()).tenant == shop.slug


def test_fifteen_failures_of_one_account_at_one_address_lock_it_there_and_nowhere_else(
    app, shop, person, sign_in, clock
):
    pat, ip = person(shop), an_address()
    for _ in range(15):
        fail(app, pat.email, ip)
        clock.advance(timedelta(seconds=30))
    with pytest.raises(LoginThrottled) as caught:
        sign_in(pat, client_ip=ip)
    assert [each.policy.name for each in caught.value.verdicts] == ["login-pair"]
    assert caught.value.data == {"retry_after_s": 900 - 15 * 30}
    assert sign_in(pat, client_ip=an_address()).tenant == shop.slug
    clock.advance(timedelta(seconds=450))
    assert sign_in(pat, client_ip=ip).tenant == shop.slug


def test_the_right_password_clears_the_failures_of_the_pair(app, shop, person, sign_in, clock):
    pat, ip = person(shop), an_address()
    for _ in range(3):
        for _ in range(14):
            fail(app, pat.email, ip)
            clock.advance(timedelta(seconds=20))
        assert sign_in(pat, client_ip=ip).tenant == shop.slug


def test_a_session_trades_its_token_thirty_times_a_minute_and_a_refused_trade_spends_nothing(
    app, shop, person, sign_in, clock
):
    tokens = sign_in(person(shop))
    for _ in range(30):
        tokens = app.run(refresh, data={"refresh_token": tokens.refresh_token})
        clock.advance(timedelta(seconds=1))
    with pytest.raises(LoginThrottled) as caught:
        app.run(refresh, data={"refresh_token": tokens.refresh_token})
    assert [each.policy.name for each in caught.value.verdicts] == ["refresh-session"]
    clock.advance(timedelta(seconds=30))
    assert app.run(refresh, data={"refresh_token": tokens.refresh_token}).tenant == shop.slug


def test_guesses_sent_all_at_once_do_not_pass_by_the_limit(app, shop, person):
    """The password is among them, and the five failures before it are already counted."""
    pat = person(shop)
    for _ in range(4):
        fail(app, pat.email)

    def guess(password):
        try:
            app.run(login, data={"email": pat.email, "password": password})
        except (BadCredentials, LoginThrottled) as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(guess, ["wrong password"] * 8))
    assert set(outcomes) <= {"BAD_CREDENTIALS", "LOGIN_THROTTLED"}
    throttle = Throttle(app.database, app.settings, app.clock)
    with pytest.raises(LoginThrottled):
        throttle.require((Policy("login-account", app.settings.rate_limit_login), pat.email))


def test_the_right_password_found_after_the_limit_is_refused_too(app, shop, person, monkeypatch):
    """Others fail while this one's hash is computed."""
    pat = person(shop)

    def slow(stored, given):
        del stored, given
        throttle = Throttle(app.database, app.settings, app.clock)
        for _ in range(5):
            throttle.count((Policy("login-account", app.settings.rate_limit_login), pat.email))
        return True

    monkeypatch.setattr(credentials, "verify_password", slow)
    with pytest.raises(LoginThrottled):
        app.run(login, data={"email": pat.email, "password": pat.password})
    assert rows(app, "SELECT id FROM login_sessions WHERE user_id = %s", (pat.id,)) == []


def test_the_table_names_nobody(app):
    email, ip = f"{uuid4().hex}@shop.test", an_address()
    fail(app, email, ip)
    for row in rows(app, "SELECT key FROM throttle_counters"):
        assert email not in row["key"]
        assert ip not in row["key"]


def test_counters_in_memory_work_the_same(make_app, database_url, shop, person, clock):
    app = make_app(database_url, RATE_LIMIT_STORE="memory")
    email = f"{uuid4().hex}@shop.test"
    for _ in range(5):
        fail(app, email)
    with pytest.raises(LoginThrottled) as caught:
        app.run(login, data={"email": email, "password": "wrong password"})
    assert 55 <= caught.value.data["retry_after_s"] <= 60


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_addresses_of_one_customer_count_together(address, key):
    assert address_key(address) == key


# --- the storage -----------------------------------------------------------------------------------------------------


@pytest.fixture
def storage(app):
    return CounterStorage(app.database, app.clock)


def test_an_attempt_is_taken_by_one_of_many_at_once(storage):
    key = uuid4().hex
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: storage.acquire_entry(key, 5, 60), range(24)))
    assert sum(taken) == 5
    assert storage.get_moving_window(key, 5, 60)[1] == 5


def test_a_window_counts_from_its_first_hit(storage, clock):
    key = uuid4().hex
    assert [storage.incr(key, 60), storage.incr(key, 60), storage.get(key)] == [1, 2, 2]
    assert storage.get_expiry(key) == clock.now().timestamp() + 60
    clock.advance(timedelta(seconds=60))
    assert storage.get(key) == 0
    assert storage.incr(key, 60) == 1


def test_a_moving_window_forgets_one_by_one(storage, clock):
    key = uuid4().hex
    start = clock.now().timestamp()
    for _ in range(3):
        assert storage.acquire_entry(key, 3, 60)
        clock.advance(timedelta(seconds=20))
    assert storage.get_moving_window(key, 3, 60) == (start + 20, 2)
    assert storage.acquire_entry(key, 3, 60)
    assert not storage.acquire_entry(key, 3, 60)
    assert not storage.acquire_entry(key, 3, 60, amount=4)


def test_calls_are_estimated_over_two_windows(storage, app, clock):
    settings = replace(app.settings, rate_limit_api=RateLimit(10, 60))
    quota, who = ApiQuota(app.database, settings, clock), uuid4().hex
    clock.advance(timedelta(seconds=60 - clock.now().second))
    verdicts = [quota.take(who) for _ in range(11)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 10 + [False]
    assert [verdict.remaining for verdict in verdicts] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert {verdict.reset_after_s for verdict in verdicts} == {60}
    clock.advance(timedelta(seconds=90))
    assert [quota.take(who).allowed for _ in range(6)] == [True] * 5 + [False]
    clock.advance(timedelta(seconds=120))
    assert quota.take(who).remaining == 9


def test_what_is_over_is_swept_up(storage, app, clock):
    old = [uuid4().hex for _ in range(3)]
    for key in old:
        storage.incr(key, 1)
    late = CounterStorage(app.database, FrozenClock(clock.now() + timedelta(days=400)))
    for _ in range(200):
        late.incr(uuid4().hex, 1)
        if not rows(app, "SELECT key FROM throttle_counters WHERE key = ANY(%s)", (old,)):
            break
    assert rows(app, "SELECT key FROM throttle_counters WHERE key = ANY(%s)", (old,)) == []


def test_counters_can_be_forgotten(storage):
    key = uuid4().hex
    storage.incr(key, 60)
    storage.clear(key)
    assert storage.get(key) == 0
    storage.acquire_sliding_window_entry(key, 5, 60)
    assert storage.get_sliding_window(key, 60)[2] == 1
    storage.clear_sliding_window(key, 60)
    assert storage.get_sliding_window(key, 60)[2] == 0
    assert storage.check() is True
