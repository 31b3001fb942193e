"""The time clock: in and out by one's own doing, corrections by others that leave what was clocked, hours by day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from primepos.core.context import operator
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.outlets.errors import RegisterNotFound
from primepos.domain.staff.errors import (
    AlreadyClockedIn,
    ClockConflict,
    ClockEntryNotFound,
    NotClockedIn,
    OwnHours,
    PinNotHere,
    PinRefused,
    StaffNotFound,
)
from primepos.domain.staff.schemas.clock import ClockEntryOut
from primepos.domain.staff.service import (
    add_entry,
    clock_in,
    clock_out,
    correct_entry,
    create_role,
    create_staff,
    list_entries,
    set_badge,
    worked_hours,
)
from tests.conftest import NOON
from tests.domain.sales.test_races import at_once
from tests.domain.staff.conftest import PIN
from tests.factories import rows

DAY = {"since": "2026-03-02", "until": "2026-03-02"}


def at(hour, minute=0, day=2):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def eve(at_till):
    return at_till("eve")


def begin(app, who, **shown):
    return app.run(clock_in, who, {"id": new_id(), **shown})


def stored(app, shop, table="clock_entries"):
    return rows(app, f"SELECT * FROM {table} WHERE tenant_id = %s", (shop.tenant_id,))


def a_day(app, clock, who):
    """Work from noon to three."""
    entry = begin(app, who)
    clock.advance(timedelta(hours=3))
    app.run(clock_out, who, {})
    return entry.id


def fix(app, who, entry_id, in_at=None, out_at=None, **more):
    data = {"id": new_id(), "entry_id": entry_id, "in_at": in_at, "out_at": out_at, "reason": "forgot", **more}
    return app.run(correct_entry, who, data)


def test_in_and_out_is_a_stretch_of_work(app, shop, eve, clock):
    entry = begin(app, eve)
    assert (entry.code, entry.is_open, entry.in_at, entry.out_at) == ("EVE", True, NOON, None)
    clock.advance(timedelta(hours=3, minutes=20))
    ended = app.run(clock_out, eve, {})
    assert (ended.id, ended.is_open, ended.out_at) == (entry.id, False, NOON + timedelta(hours=3, minutes=20))
    row = stored(app, shop)[0]
    assert (row["in_register_id"], row["out_register_id"], row["kind"]) == (shop.till_id, shop.till_id, "clocked")
    with pytest.raises(NotClockedIn):
        app.run(clock_out, eve, {})


def test_the_same_call_again_is_answered_and_another_is_refused(app, shop, eve, at_till):
    data = {"id": new_id()}
    assert app.run(clock_in, eve, data) == app.run(clock_in, eve, data)
    with pytest.raises(AlreadyClockedIn):
        begin(app, eve)
    with pytest.raises(ClockConflict):
        app.run(clock_in, at_till("bob"), data)
    assert len(stored(app, shop)) == 1


def test_whoever_walks_up_to_the_till_shows_a_pin_or_a_badge(app, shop, eve):
    bob = app.run(create_staff, shop.owner, {"code": "bob", "name": "Bob", "pin": PIN})
    app.run(set_badge, shop.owner, {"code": "bob", "badge": "0012345678"})
    # Eve stands at the till, Bob clocks in; then nobody stands there.
    assert begin(app, eve, code="bob", pin=PIN).staff_id == bob.id
    assert app.run(clock_out, shop.device, {"badge": "0012345678"}).staff_id == bob.id
    shell = operator("root", shop.tenant_id)
    assert begin(app, shell, code="bob", pin=PIN, register_id=shop.till_id).staff_id == bob.id
    with pytest.raises(PinRefused):
        begin(app, shop.device, code="eve", pin="864209")
    with pytest.raises(RegisterNotFound):
        begin(app, shell, code="eve", pin=PIN)
    with pytest.raises(PinNotHere):
        begin(app, shop.cashier, code="eve", pin=PIN)
    for shown in ({"code": "eve"}, {"pin": PIN}, {"code": "eve", "pin": PIN, "badge": "0012345678"}):
        with pytest.raises(InvalidInput):
            begin(app, shop.device, **shown)
    assert len(stored(app, shop)) == 2


def test_who_signed_in_by_password_clocks_as_themselves_on_the_staff(app, shop, person):
    account = person(shop, "cashier")
    who = replace(shop.cashier, actor_id=account.id)
    with pytest.raises(StaffNotFound):
        begin(app, who)
    made = app.run(create_staff, shop.owner, {"code": "pat", "name": "Pat", "user_id": str(account.id)})
    assert begin(app, who).staff_id == made.id
    with pytest.raises(StaffNotFound):
        begin(app, shop.device)


def test_a_role_without_the_clock_cannot(app, shop, at_till):
    app.run(create_role, shop.owner, {"name": "guest", "title": "Guest"})
    guest = at_till("gus", "guest")
    with pytest.raises(PermissionDenied):
        begin(app, guest)
    with pytest.raises(PermissionDenied):
        begin(app, shop.device, code="gus", pin=PIN)
    assert stored(app, shop) == []


def test_a_correction_counts_and_what_was_clocked_stays(app, shop, eve, clock):
    entry_id = a_day(app, clock, eve)
    fixed = fix(app, shop.manager, entry_id, at(8), at(14))
    assert (fixed.in_at, fixed.out_at, fixed.corrections, fixed.reason) == (at(8), at(14), 1, "forgot")
    assert (fixed.clocked_in_at, fixed.clocked_out_at, fixed.corrected_by) == (at(12), at(15), "Manager")
    again = fix(app, shop.owner, entry_id, at(9), at(14), reason="really")
    assert (again.in_at, again.corrections, again.corrected_by) == (at(9), 2, "Owner")
    assert [row["reason"] for row in stored(app, shop, "clock_corrections")] == ["forgot", "really"]
    assert [(row["in_at"], row["out_at"]) for row in stored(app, shop)] == [(at(12), at(15))]
    found = app.run(worked_hours, shop.manager, DAY)
    assert [(row.code, row.seconds, row.entries, row.is_corrected) for row in found.rows] == [
        ("EVE", 5 * 3600, 1, True)
    ]
    gone = fix(app, shop.manager, entry_id)
    assert (gone.in_at, gone.out_at) == (None, None)
    assert app.run(worked_hours, shop.manager, DAY).rows == []


def test_a_correction_is_safe_to_repeat(app, shop, eve, clock):
    entry_id, data = a_day(app, clock, eve), {"id": new_id(), "in_at": at(8), "out_at": at(14)}
    assert fix(app, shop.manager, entry_id, **data) == fix(app, shop.manager, entry_id, **data)
    with pytest.raises(ClockConflict):
        fix(app, shop.manager, entry_id, **data, reason="another")
    assert len(stored(app, shop, "clock_corrections")) == 1


def test_a_correction_ends_what_was_left_open(app, shop, eve, clock):
    entry = begin(app, eve)
    clock.advance(timedelta(hours=20))
    fixed = fix(app, shop.manager, entry.id, at(12), at(18))
    assert (fixed.is_open, fixed.clocked_out_at, fixed.out_at) == (False, None, at(18))
    assert begin(app, eve).is_open
    clock.advance(timedelta(hours=1))
    with pytest.raises(ClockConflict):
        fix(app, shop.manager, entry.id, at(12), at(8, 30, day=3))


def test_nobody_changes_their_own_hours_by_pin_or_by_account(app, shop, clock, at_till, person):
    mia = at_till("mia", "manager")
    entry_id = a_day(app, clock, mia)
    account = person(shop, "manager")
    with pytest.raises(OwnHours):
        fix(app, mia, entry_id, at(8), at(14))
    app.run(create_staff, shop.owner, {"code": "pat", "name": "Pat", "user_id": str(account.id), "role": "manager"})
    pat = replace(shop.manager, actor_id=account.id)
    entry = begin(app, pat)
    with pytest.raises(OwnHours):
        fix(app, pat, entry.id)
    data = {"id": new_id(), "staff_id": entry.staff_id, "in_at": at(8), "out_at": at(9), "reason": "me"}
    with pytest.raises(OwnHours):
        app.run(add_entry, pat, data)
    assert stored(app, shop, "clock_corrections") == []


def test_who_works_in_other_outlets_neither_sees_nor_corrects(app, shop, clock, at_till):
    eve = at_till("eve", outlet_ids=[str(shop.outlet_id)])
    entry_id = a_day(app, clock, eve)
    far = replace(shop.manager, outlet_ids=frozenset({uuid4()}))
    near = replace(shop.manager, outlet_ids=frozenset({shop.outlet_id}))
    with pytest.raises(ClockEntryNotFound):
        fix(app, far, entry_id)
    assert app.run(list_entries, far, DAY).items == []
    assert app.run(worked_hours, far, DAY).rows == []
    assert len(app.run(list_entries, near, DAY).items) == 1
    assert fix(app, near, entry_id, at(8), at(9)).corrections == 1


@pytest.mark.parametrize(
    ("in_at", "out_at"),
    [
        (at(14), at(14)),
        (at(14), at(13)),
        (at(14), at(16)),
        (at(8), None),
        (at(1, day=1) - timedelta(days=40), at(1, day=1)),
    ],
)
def test_times_that_cannot_be_are_refused(app, shop, eve, clock, in_at, out_at):
    entry_id = a_day(app, clock, eve)
    with pytest.raises(InvalidInput):
        fix(app, shop.manager, entry_id, in_at, out_at)
    assert stored(app, shop, "clock_corrections") == []


def test_what_was_not_clocked_is_added_with_its_reason(app, shop, eve, clock):
    a_day(app, clock, eve)
    data = {"id": new_id(), "staff_id": eve.actor_id, "in_at": at(8), "out_at": at(12), "reason": "clock was down"}
    added = app.run(add_entry, shop.manager, data)
    assert (added.kind, added.in_at, added.corrections, added.reason) == ("added", at(8), 1, "clock was down")
    assert app.run(add_entry, shop.manager, data) == added
    with pytest.raises(ClockConflict):
        app.run(add_entry, shop.manager, {**data, "out_at": at(11)})
    with pytest.raises(ClockConflict):
        app.run(add_entry, shop.manager, {**data, "id": new_id(), "in_at": at(11), "out_at": at(13)})
    with pytest.raises(StaffNotFound):
        app.run(add_entry, shop.manager, {**data, "id": new_id(), "staff_id": uuid4()})
    assert [row.seconds for row in app.run(worked_hours, shop.manager, DAY).rows] == [7 * 3600]


def test_hours_are_by_the_day_they_began_and_what_is_open_counts_to_now(app, shop, clock, at_till):
    eve, bob = at_till("eve"), at_till("bob")
    # 23:30 in Berlin on the second, to 00:30 on the third.
    clock.advance(timedelta(hours=10, minutes=30))
    begin(app, eve)
    clock.advance(timedelta(hours=1))
    app.run(clock_out, eve, {})
    begin(app, bob)
    clock.advance(timedelta(minutes=15))
    found = app.run(worked_hours, shop.manager, {"since": "2026-03-01", "until": "2026-03-03"})
    assert [(row.code, str(row.day), row.seconds, row.is_open) for row in found.rows] == [
        ("BOB", "2026-03-03", 900, True),
        ("EVE", "2026-03-02", 3600, False),
    ]
    assert found.seconds == 4500
    own = app.run(worked_hours, eve, {"since": "2026-03-01", "until": "2026-03-03"})
    assert [row.code for row in own.rows] == ["EVE"]
    with pytest.raises(StaffNotFound):
        app.run(worked_hours, eve, {**DAY, "staff_id": bob.actor_id})
    with pytest.raises(StaffNotFound):
        app.run(worked_hours, shop.accountant, DAY)
    with pytest.raises(InvalidInput):
        app.run(worked_hours, shop.manager, {"since": "2026-03-02", "until": "2026-03-01"})


def test_the_list_goes_on_where_the_page_before_ended(app, shop, eve, clock):
    made = [a_day(app, clock, eve) for _ in range(3)]
    first = app.run(list_entries, shop.manager, {**DAY, "limit": 2})
    second = app.run(list_entries, shop.manager, {**DAY, "limit": 2, "after": first.next})
    assert [each.id for each in (*first.items, *second.items)] == made
    assert second.next is None
    with pytest.raises(PermissionDenied):
        app.run(list_entries, shop.cashier, DAY)


def test_what_was_clocked_cannot_be_rewritten_by_the_application(app, shop, eve, clock):
    a_day(app, clock, eve)
    for change in (
        "UPDATE clock_entries SET in_at = now()",
        "DELETE FROM clock_entries",
        "UPDATE clock_corrections SET reason = ''",
        "DELETE FROM clock_corrections",
        "UPDATE approvals SET asked_by = 'x'",
        "DELETE FROM approvals",
    ):
        uow = app.database.tenant(shop.tenant_id)
        with pytest.raises(Exception, match="permission denied"):
            uow.run(change)
        uow.abandon()


def test_eight_that_clock_in_at_once_are_in_once(make_app, database_url, app, shop, eve):
    wide = make_app(database_url, DB_POOL_SIZE="8")
    answers = at_once([lambda: wide.run(clock_in, eve, {"id": new_id()})] * 8)
    assert sum(isinstance(each, ClockEntryOut) for each in answers) == 1
    assert sum(isinstance(each, AlreadyClockedIn) for each in answers) == 7
    assert len(stored(app, shop)) == 1
    answers = at_once([lambda: wide.run(clock_out, eve, {})] * 8)
    assert sum(isinstance(each, ClockEntryOut) for each in answers) == 1
    assert sum(isinstance(each, NotClockedIn) for each in answers) == 7


def test_hours_added_at_once_do_not_overlap(make_app, database_url, app, shop, eve):
    wide = make_app(database_url, DB_POOL_SIZE="8")
    data = {"staff_id": eve.actor_id, "in_at": at(8), "out_at": at(9), "reason": "race"}
    answers = at_once([lambda: wide.run(add_entry, shop.manager, {"id": new_id(), **data})] * 8)
    assert sum(isinstance(each, ClockEntryOut) for each in answers) == 1
    assert len(stored(app, shop)) == 1
