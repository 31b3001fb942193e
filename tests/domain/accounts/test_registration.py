"""Making one's own account: closed, on invitation, or open to all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from primepos.core.context import operator
from primepos.core.errors import InvalidInput
from primepos.core.security import InvalidEmail, WeakPassword
from primepos.domain.accounts.errors import (
    AlreadyMember,
    EmailTaken,
    InvitationInvalid,
    OutletsNotFound,
    RegistrationClosed,
    RoleNotYours,
)
from primepos.domain.accounts.service import invite_user, login, register
from primepos.domain.accounts.throttle import LoginThrottled
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import suspend_tenant
from tests.factories import rows

SECRET = "vier traurige Ziegen 7"


def an_email():
    return f"{uuid4().hex[:12]}@shop.test"


def account(app, email):
    return rows(
        app,
        "SELECT u.name, m.tenant_id, m.role FROM users u LEFT JOIN memberships m ON m.user_id = u.id"
        " WHERE u.email = %s",
        (email,),
    )


@pytest.fixture
def in_mode(make_app, database_url):
    def make(mode):
        return make_app(database_url, REGISTRATION=mode)

    return make


def test_the_usual_installation_asks_for_an_invitation(app, refused):
    email, request_id = an_email(), uuid4().hex
    with pytest.raises(RegistrationClosed):
        app.run(register, data={"email": email, "name": "Pat", "password": SECRET}, request_id=request_id)
    assert refused(request_id) == ["REGISTRATION_CLOSED"]
    assert account(app, email) == []


def test_an_invitation_makes_one_member(app, shop):
    email = an_email()
    given = app.run(
        invite_user, shop.owner, {"email": email.upper(), "role": "manager", "outlet_ids": [str(shop.outlet_id)]}
    )
    assert (given.email, given.role) == (email, "manager")
    made = app.run(register, data={"name": "Pat", "password": SECRET, "invitation": given.token})
    assert (made.email, made.role, made.outlet_ids) == (email, "manager", [shop.outlet_id])
    assert account(app, email) == [{"name": "Pat", "tenant_id": shop.tenant_id, "role": "manager"}]
    assert app.run(login, data={"email": email, "password": SECRET}).tenant == shop.slug


def test_an_invitation_is_used_once(app, shop):
    email = an_email()
    given = app.run(invite_user, shop.owner, {"email": email, "role": "cashier"})

    def use(_):
        try:
            app.run(register, data={"name": "Pat", "password": SECRET, "invitation": given.token})
        except (EmailTaken, InvitationInvalid):
            return "refused"
        return "made"

    with ThreadPoolExecutor(3) as pool:
        outcomes = sorted(pool.map(use, range(3)))
    assert outcomes == ["made", "refused", "refused"]
    assert len(account(app, email)) == 1


def test_a_used_invitation_lets_nobody_back_in_under_another_address(app, shop):
    email = an_email()
    given = app.run(invite_user, shop.owner, {"email": email, "role": "cashier"})
    app.run(register, data={"name": "Pat", "password": SECRET, "invitation": given.token})
    other = an_email()
    with pytest.raises(InvitationInvalid):
        app.run(register, data={"name": "Pat", "password": SECRET, "invitation": given.token, "email": other})
    assert account(app, other) == []


def test_a_forged_invitation_is_refused(app, shop, other_shop):
    given = app.run(invite_user, shop.owner, {"email": an_email(), "role": "cashier"})
    body, _, signature = given.token.partition(".")
    for token in ("x", f"{body}.", f"{body[:-2]}AA.{signature}", f"{body}.{'0' * 64}", f".{signature}", "\ud800.x"):
        with pytest.raises(InvitationInvalid):
            app.run(register, data={"name": "Pat", "password": SECRET, "invitation": token})


def test_an_invitation_ends_after_a_week(app, shop, clock):
    email = an_email()
    given = app.run(invite_user, shop.owner, {"email": email, "role": "cashier"})
    clock.advance(timedelta(days=7))
    with pytest.raises(InvitationInvalid):
        app.run(register, data={"name": "Pat", "password": SECRET, "invitation": given.token})
    assert account(app, email) == []


def test_an_invitation_into_a_suspended_tenant_waits(app, shop):
    email = an_email()
    given = app.run(invite_user, shop.owner, {"email": email, "role": "cashier"})
    app.run(suspend_tenant, operator("tests"), {"slug": shop.slug})
    with pytest.raises(TenantSuspended):
        app.run(register, data={"name": "Pat", "password": SECRET, "invitation": given.token})
    assert account(app, email) == []


def test_a_member_needs_no_invitation(app, shop, person):
    pat = person(shop)
    with pytest.raises(AlreadyMember):
        app.run(invite_user, shop.owner, {"email": pat.email, "role": "cashier"})


def test_an_invitation_gives_no_more_than_its_author_may(app, shop):
    with pytest.raises(RoleNotYours):
        app.run(invite_user, shop.manager, {"email": an_email(), "role": "owner"})
    assert app.run(invite_user, shop.manager, {"email": an_email(), "role": "cashier"}).role == "cashier"
    with pytest.raises(OutletsNotFound):
        app.run(invite_user, shop.owner, {"email": an_email(), "role": "cashier", "outlet_ids": [str(uuid4())]})
    with pytest.raises(InvalidEmail):
        app.run(invite_user, shop.owner, {"email": "nobody", "role": "cashier"})


def test_an_outlet_that_went_makes_the_invitation_fail_whole(app, shop):
    email = an_email()
    given = app.run(invite_user, shop.owner, {"email": email, "role": "cashier", "outlet_ids": [str(shop.outlet_id)]})
    with pytest.raises(WeakPassword):
        app.run(register, data={"name": "Pat", "password": "password", "invitation": given.token})
    assert account(app, email) == []
    app.run(register, data={"name": "Pat", "password": SECRET, "invitation": given.token})
    assert len(account(app, email)) == 1


def test_a_closed_installation_takes_and_makes_no_invitations(in_mode, app, shop):
    given = app.run(invite_user, shop.owner, {"email": an_email(), "role": "cashier"})
    closed = in_mode("closed")
    with pytest.raises(RegistrationClosed):
        closed.run(register, data={"name": "Pat", "password": SECRET, "invitation": given.token})
    with pytest.raises(RegistrationClosed):
        closed.run(invite_user, shop.owner, {"email": an_email(), "role": "cashier"})


def test_an_open_installation_makes_accounts_that_belong_nowhere_yet(in_mode):
    app, email = in_mode("open"), an_email()
    made = app.run(register, data={"email": email.upper(), "name": "Pat", "password": SECRET})
    assert (made.email, made.role) == (email, None)
    tokens = app.run(login, data={"email": email, "password": SECRET})
    assert (tokens.tenant, tokens.role) == (None, None)
    with pytest.raises(EmailTaken):
        app.run(register, data={"email": email, "name": "Other", "password": SECRET})
    assert account(app, email) == [{"name": "Pat", "tenant_id": None, "role": None}]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"email": "nobody", "name": "P", "password": SECRET}, InvalidEmail),
        ({"email": "p@shop.test", "name": "P", "password": "short"}, WeakPassword),
        ({"name": "P", "password": SECRET}, InvalidInput),
        ({"email": "p@shop.test", "name": "\x07", "password": SECRET}, InvalidInput),
    ],
)
def test_what_cannot_be_right_makes_no_account(in_mode, data, error):
    with pytest.raises(error):
        in_mode("open").run(register, data=data)


def test_one_address_makes_ten_accounts_an_hour(in_mode, clock):
    app, ip = in_mode("open"), f"10.{uuid4().int % 250}.{uuid4().int % 250}.{uuid4().int % 250}"
    for _ in range(10):
        app.run(register, data={"email": an_email(), "name": "P", "password": SECRET, "client_ip": ip})
    with pytest.raises(LoginThrottled):
        app.run(register, data={"email": an_email(), "name": "P", "password": SECRET, "client_ip": ip})
    clock.advance(timedelta(hours=1))
    app.run(register, data={"email": an_email(), "name": "P", "password": SECRET, "client_ip": ip})
