"""Keys are rotated without signing anybody out: an old key verifies while it is a fallback, and not a moment longer."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from primepos.api.app import build_app
from tests.api.conftest import HOST
from tests.api.test_auth import AUTH, PASSWORD, a_user, bearer, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLD = {"JWT_SECRET_KEY": "old-jwt-" + "aB3d" * 12, "SECRET_KEY": "old-key-" + "eF6h" * 12}
NEW = {"JWT_SECRET_KEY": "new-jwt-" + "iJ9l" * 12, "SECRET_KEY": "new-key-" + "mN2p" * 12}
BOTH = {**NEW, **{f"{name}_FALLBACKS": text for name, text in OLD.items()}}


@pytest.fixture
def serve(make_app, database_url) -> Iterator[Callable[[dict[str, str]], TestClient[Any]]]:
    """Serve the API on the one database with other keys: what a deploy with new variables does."""
    with ExitStack() as stack:

        def start(keys: dict[str, str]) -> TestClient[Any]:
            return stack.enter_context(TestClient(build_app(make_app(database_url, **keys)), base_url=HOST))

        yield start


def me(web: Any, token: dict[str, str]) -> tuple[int, str | None]:
    answer = web.get(f"{AUTH}/me", headers=token)
    return answer.status_code, answer.json().get("code")


def test_a_token_of_the_old_key_holds_while_the_key_is_a_fallback_and_not_after(app, shop, serve):
    before, during, after = serve(OLD), serve(BOTH), serve(NEW)
    email = a_user(app, shop)
    old = bearer(sign_in(before, email))
    assert me(before, old) == (200, None)
    assert me(during, old) == (200, None)
    assert me(after, old) == (401, "TOKEN_INVALID")


def test_new_tokens_are_signed_with_the_new_key_from_the_first_moment(app, shop, serve):
    during, after, before = serve(BOTH), serve(NEW), serve(OLD)
    new = bearer(sign_in(during, a_user(app, shop)))
    assert me(during, new) == (200, None)
    assert me(after, new) == (200, None)
    assert me(before, new) == (401, "TOKEN_INVALID")


def test_a_session_is_renewed_across_the_whole_rotation(app, shop, serve, clock):
    before, during, after = serve(OLD), serve(BOTH), serve(NEW)
    signed = sign_in(before, a_user(app, shop)).json()
    renewed = during.post(f"{AUTH}/refresh", json={"refresh_token": signed["refresh_token"]})
    assert renewed.status_code == 200
    # An access token lives an hour; when the old key is dropped after that, nobody holds one of it.
    clock.advance(timedelta(hours=1, minutes=1))
    again = after.post(f"{AUTH}/refresh", json={"refresh_token": renewed.json()["refresh_token"]})
    assert again.status_code == 200
    assert me(after, bearer(again)) == (200, None)


def test_a_refresh_that_was_lost_in_the_rotation_is_answered_alike(app, shop, serve):
    before, during = serve(OLD), serve(BOTH)
    token = sign_in(before, a_user(app, shop)).json()["refresh_token"]
    answers = [web.post(f"{AUTH}/refresh", json={"refresh_token": token}) for web in (before, during)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json()["refresh_token"] == answers[1].json()["refresh_token"]


def test_an_invitation_of_the_old_key_is_good_while_the_key_is_a_fallback_and_not_after(app, shop, serve):
    before, during, after = serve(OLD), serve(BOTH), serve(NEW)
    owner = bearer(sign_in(before, a_user(app, shop)))
    sent = [
        before.post(
            "/api/v1/users/invitations",
            json={"email": f"{name}@{shop.slug}.example.org", "role": "cashier"},
            headers=owner,
        ).json()["token"]
        for name in ("early", "late")
    ]
    refused = after.post(f"{AUTH}/register", json={"name": "L", "password": PASSWORD, "invitation": sent[1]})
    assert (refused.status_code, refused.json()["code"]) == (422, "INVITATION_INVALID")
    taken = during.post(f"{AUTH}/register", json={"name": "E", "password": PASSWORD, "invitation": sent[0]})
    assert taken.status_code == 201
    assert sign_in(after, f"early@{shop.slug}.example.org").status_code == 200


def test_a_key_that_was_never_listed_is_refused_during_a_rotation_too(app, shop, serve):
    stranger = serve({"JWT_SECRET_KEY": "stranger-" + "qR5t" * 12, "SECRET_KEY": OLD["SECRET_KEY"]})
    during = serve(BOTH)
    forged = bearer(sign_in(stranger, a_user(app, shop)))
    assert me(during, forged) == (401, "TOKEN_INVALID")
