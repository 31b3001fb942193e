"""A badge in place of code and PIN: where it opens, that it is stored as a hash, and that it can be taken away."""

from __future__ import annotations

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.security import hash_badge
from primepos.domain.accounts.errors import RoleNotYours
from primepos.domain.staff.errors import (
    BadgeTaken,
    PinNotHere,
    PinRefused,
    PinThrottled,
    StaffArchived,
    StaffNotFound,
)
from primepos.domain.staff.service import (
    archive_staff,
    create_staff,
    list_staff,
    set_badge,
    sign_in,
    take_badge,
    unarchive_staff,
)
from tests.factories import rows

BADGE, OTHER = "0012345678", "0012345679"


@pytest.fixture
def kim(app, shop):
    made = app.run(create_staff, shop.owner, {"code": "kim", "name": "Kim"})
    app.run(set_badge, shop.manager, {"code": "kim", "badge": BADGE})
    return made


def stored(app, shop):
    return rows(app, "SELECT staff_id, badge_hash FROM staff_badges WHERE tenant_id = %s", (shop.tenant_id,))


def test_a_badge_signs_in_where_a_pin_does(app, shop, kim):
    found = app.run(sign_in, shop.device, {"badge": BADGE})
    assert (found.staff_id, found.code, found.register_id) == (kim.id, "KIM", shop.till_id)
    with pytest.raises(PinRefused):
        app.run(sign_in, shop.device, {"badge": OTHER})
    with pytest.raises(PinNotHere):
        app.run(sign_in, shop.owner, {"badge": BADGE, "register_id": shop.till_id})
    for wrong in ({}, {"badge": BADGE, "code": "kim"}, {"code": "kim"}, {"badge": "1234567"}, {"badge": "12345678 9"}):
        with pytest.raises(InvalidInput):
            app.run(sign_in, shop.device, wrong)


def test_it_is_stored_as_a_keyed_hash(app, shop, kim):
    assert stored(app, shop) == [{"staff_id": kim.id, "badge_hash": hash_badge(BADGE, app.settings.pin_pepper)}]
    trail = rows(app, "SELECT data::text AS data FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,))
    assert not any(BADGE in row["data"] for row in trail)


def test_a_badge_that_is_made_is_shown_once(app, shop, kim):
    made = app.run(set_badge, shop.owner, {"code": "kim"})
    assert len(made.badge) == 24
    assert made.staff.has_badge is True
    assert made.badge not in repr(made)
    assert app.run(sign_in, shop.device, {"badge": made.badge}).staff_id == kim.id
    with pytest.raises(PinRefused):
        app.run(sign_in, shop.device, {"badge": BADGE})
    assert app.run(set_badge, shop.owner, {"code": "kim", "badge": BADGE}).badge is None


def test_one_badge_is_one_persons_in_a_shop(app, shop, other_shop, kim):
    app.run(create_staff, shop.owner, {"code": "bob", "name": "Bob"})
    with pytest.raises(BadgeTaken):
        app.run(set_badge, shop.owner, {"code": "bob", "badge": BADGE})
    theirs = app.run(create_staff, other_shop.owner, {"code": "kim", "name": "Kim"})
    app.run(set_badge, other_shop.owner, {"code": "kim", "badge": BADGE})
    assert app.run(sign_in, other_shop.device, {"badge": BADGE}).staff_id == theirs.id
    assert app.run(sign_in, shop.device, {"badge": BADGE}).staff_id == kim.id


def test_a_badge_that_was_taken_opens_nothing(app, shop, kim):
    assert app.run(take_badge, shop.manager, {"code": "kim"}).has_badge is False
    assert app.run(take_badge, shop.manager, {"code": "kim"}).has_badge is False
    with pytest.raises(PinRefused):
        app.run(sign_in, shop.device, {"badge": BADGE})
    assert stored(app, shop) == []


def test_who_leaves_leaves_their_badge(app, shop, kim):
    app.run(archive_staff, shop.owner, {"code": "kim"})
    with pytest.raises(PinRefused):
        app.run(sign_in, shop.device, {"badge": BADGE})
    with pytest.raises(StaffArchived):
        app.run(set_badge, shop.owner, {"code": "kim", "badge": BADGE})
    app.run(unarchive_staff, shop.owner, {"code": "kim"})
    assert [each.has_badge for each in app.run(list_staff, shop.owner, {}).items] == [False]


def test_ten_unknown_badges_lock_the_register_to_badges_and_pins(app, shop, kim):
    for n in range(10):
        with pytest.raises(PinRefused):
            app.run(sign_in, shop.device, {"badge": f"99999999{n}"})
    for shown in ({"badge": BADGE}, {"code": "kim", "pin": "739146"}):
        with pytest.raises(PinThrottled):
            app.run(sign_in, shop.device, shown)


def test_who_gives_badges(app, shop, kim):
    boss = app.run(create_staff, shop.owner, {"code": "boss", "name": "Boss", "role": "manager"})
    for act, more in ((set_badge, {"badge": OTHER}), (take_badge, {})):
        with pytest.raises(RoleNotYours):
            app.run(act, shop.manager, {"staff_id": boss.id, **more})
        with pytest.raises(PermissionDenied):
            app.run(act, shop.cashier, {"code": "kim", **more})
        with pytest.raises(StaffNotFound):
            app.run(act, shop.owner, {"code": "nobody", **more})
    assert len(stored(app, shop)) == 1
