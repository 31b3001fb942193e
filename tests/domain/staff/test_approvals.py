"""Another person's consent: bound to the act and its amount, for two minutes, once; both people stay on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from primepos.core.context import ANONYMOUS, Approval, operator
from primepos.core.errors import ApprovalRequired, PermissionDenied, Unauthenticated
from primepos.core.ids import new_id
from primepos.core.operations import Nothing
from primepos.core.permissions import Act, Decision, Grant, Permission
from primepos.domain.staff.errors import (
    ApprovalConflict,
    ApprovalNotFound,
    ApprovalNotOpen,
    ApprovalUnusable,
    OwnApproval,
    PinRefused,
)
from primepos.domain.staff.service import (
    ask_approval,
    get_approval,
    give_approval,
    list_approvals,
    refuse_approval,
    set_badge,
)
from tests.conftest import NOON
from tests.domain.inner_room import refusals
from tests.domain.sales.test_races import at_once
from tests.domain.staff.conftest import PIN, SPEND, Spent, operation
from tests.factories import rows

TODAY = NOON.date()


@pytest.fixture
def eve(at_till):
    """A cashier, who refunds with consent only."""
    return at_till("eve")


@pytest.fixture
def mia(at_till):
    """A manager, who may refund anything."""
    return at_till("mia", "manager")


def spent(app, shop):
    found = rows(app, "SELECT (settings->>'spent')::int AS spent FROM tenants WHERE id = %s", (shop.tenant_id,))
    return found[0]["spent"] or 0


def stored(app, shop):
    return rows(app, "SELECT * FROM approvals WHERE tenant_id = %s ORDER BY asked_at, id", (shop.tenant_id,))


def what(amount=500, **more):
    return {"amount": amount, "sold_on": TODAY, "subject": "sale:1", **more}


def needs(app, who, data):
    """Try an act and return what the refusal says is needed."""
    with pytest.raises(ApprovalRequired) as caught:
        app.run(SPEND, who, data)
    return caught.value.data


def ask(app, who, data, **more):
    """Ask for what the refusal of an act names, and return the answer."""
    lacking = needs(app, who, data)
    asked = {"id": new_id(), "operation": lacking["operation"], "acts": lacking["acts"], **more}
    return app.run(ask_approval, who, asked)


# --- asked from elsewhere --------------------------------------------------------------------------------------------


def test_a_refusal_names_all_that_is_needed_to_ask(app, shop, eve):
    assert needs(app, eve, what(4711, outlet_id=shop.outlet_id)) == {
        "permission": "refund:with_receipt",
        "operation": "sales.refund",
        "acts": [
            {
                "permission": "refund:with_receipt",
                "amount": 4711,
                "sold_on": "2026-03-02",
                "outlet_id": str(shop.outlet_id),
                "subject": "sale:1",
            }
        ],
    }
    assert spent(app, shop) == 0
    assert refusals(app, shop.tenant_id)[-1] == ("sales.refund", "APPROVAL_REQUIRED")


def test_asked_granted_used_and_both_people_are_on_record(app, shop, eve, mia):
    asked = ask(app, eve, what(), note="torn box")
    assert (asked.state, asked.asked_by, asked.decided_by) == ("asked", "Eve", None)
    waiting = app.run(list_approvals, mia, {"state": "asked"}).items
    assert [(each.id, each.note, each.acts[0].amount) for each in waiting] == [(asked.id, "torn box", 500)]

    granted = app.run(give_approval, mia, {"id": asked.id})
    assert (granted.state, granted.decided_by, granted.decided_by_id) == ("granted", "Mia", mia.actor_id)
    assert granted.expires_at == NOON + timedelta(minutes=2)
    app.run(SPEND, eve, what(), approval=Approval(id=asked.id))

    assert spent(app, shop) == 500
    row = stored(app, shop)[0]
    assert (row["state"], row["asked_by_id"], row["decided_by_id"]) == ("used", eve.actor_id, mia.actor_id)
    assert (row["decided_role"], row["used_at"], row["register_id"]) == ("manager", NOON, shop.till_id)
    trail = rows(
        app,
        "SELECT actor_id, approver_id FROM audit_events WHERE tenant_id = %s AND operation = 'sales.refund'"
        " AND outcome = 'done'",
        (shop.tenant_id,),
    )
    assert trail == [{"actor_id": eve.actor_id, "approver_id": mia.actor_id}]


def test_an_approval_is_used_once(app, shop, eve, mia):
    asked = ask(app, eve, what())
    app.run(give_approval, mia, {"id": asked.id})
    app.run(SPEND, eve, what(), approval=Approval(id=asked.id))
    with pytest.raises(ApprovalRequired):
        app.run(SPEND, eve, what(), approval=Approval(id=asked.id))
    with pytest.raises(ApprovalUnusable) as caught:
        app.run(SPEND, eve, what(499), approval=Approval(id=asked.id))
    assert caught.value.data["state"] == "used"
    assert spent(app, shop) == 500


def test_the_answer_of_an_act_that_was_lost_is_given_again(app, shop, eve, mia):
    asked = ask(app, eve, what())
    app.run(give_approval, mia, {"id": asked.id})
    # An operation knows by the id in its input that it was done before; here the input itself says so.
    first = app.run(SPEND, eve, what(done=True), approval=Approval(id=asked.id))
    assert first == Spent(amount=500)
    assert stored(app, shop)[0]["state"] == "granted"
    with pytest.raises(ApprovalRequired):
        app.run(SPEND, eve, what(done=True))


@pytest.mark.parametrize(
    "other",
    [{"amount": 501}, {"subject": "sale:2"}, {"subject": None}, {"sold_on": date(2026, 3, 1)}, {"outlet_id": uuid4()}],
)
def test_it_is_for_this_act_and_no_more_of_it(app, shop, eve, mia, other):
    asked = ask(app, eve, what())
    app.run(give_approval, mia, {"id": asked.id})
    with pytest.raises(ApprovalRequired):
        app.run(SPEND, eve, {**what(), **other}, approval=Approval(id=asked.id))
    assert (spent(app, shop), stored(app, shop)[0]["state"]) == (0, "granted")
    app.run(SPEND, eve, what(499), approval=Approval(id=asked.id))
    assert spent(app, shop) == 499


def test_it_is_for_who_asked_at_the_register_they_asked_at_and_for_this_operation(app, shop, eve, mia, at_till):
    asked = ask(app, eve, what())
    app.run(give_approval, mia, {"id": asked.id})
    other_act = operation("sales.void", SPEND.handler)
    for who, act in (
        (at_till("bob"), SPEND),
        (replace(eve, register_id=shop.server_id), SPEND),
        (replace(eve, register_id=None), SPEND),
        (eve, other_act),
    ):
        with pytest.raises(ApprovalUnusable) as caught:
            app.run(act, who, what(), approval=Approval(id=asked.id))
        assert caught.value.data["state"] == "other"
    with pytest.raises(ApprovalUnusable):
        app.run(SPEND, eve, what(), approval=Approval(id=new_id()))
    assert spent(app, shop) == 0


def test_two_minutes_to_answer_and_two_to_use(app, shop, eve, mia, clock):
    late = ask(app, eve, what())
    asked = ask(app, eve, what())
    clock.advance(timedelta(seconds=119))
    app.run(give_approval, mia, {"id": asked.id})
    clock.advance(timedelta(seconds=1))
    with pytest.raises(ApprovalNotOpen) as caught:
        app.run(give_approval, mia, {"id": late.id})
    assert caught.value.data == {"state": "expired"}
    with pytest.raises(ApprovalUnusable) as caught:
        app.run(SPEND, eve, what(), approval=Approval(id=late.id))
    assert caught.value.data == {"state": "expired"}
    clock.advance(timedelta(seconds=119))
    with pytest.raises(ApprovalUnusable) as caught:
        app.run(SPEND, eve, what(), approval=Approval(id=asked.id))
    assert caught.value.data == {"state": "expired"}
    assert [each.state for each in app.run(list_approvals, mia, {}).items] == ["expired", "expired"]
    assert spent(app, shop) == 0


def test_what_waits_or_was_refused_lets_nobody_act(app, shop, eve, mia):
    asked = ask(app, eve, what())
    with pytest.raises(ApprovalUnusable) as caught:
        app.run(SPEND, eve, what(), approval=Approval(id=asked.id))
    assert caught.value.data == {"state": "asked"}
    assert app.run(refuse_approval, mia, {"id": asked.id}).state == "refused"
    assert app.run(refuse_approval, mia, {"id": asked.id}).state == "refused"
    with pytest.raises(ApprovalNotOpen):
        app.run(give_approval, mia, {"id": asked.id})
    with pytest.raises(ApprovalUnusable) as caught:
        app.run(SPEND, eve, what(), approval=Approval(id=asked.id))
    assert caught.value.data == {"state": "refused"}
    assert spent(app, shop) == 0


def test_asking_twice_is_asking_once_and_something_else_under_the_id_is_refused(app, shop, eve):
    data = {"id": new_id(), "operation": "sales.refund", "acts": needs(app, eve, what())["acts"]}
    assert app.run(ask_approval, eve, data) == app.run(ask_approval, eve, data)
    with pytest.raises(ApprovalConflict):
        app.run(ask_approval, eve, {**data, "note": "more"})
    assert len(stored(app, shop)) == 1


def test_who_could_never_act_need_not_ask(app, shop, eve):
    for permission in ("tax:write", "no:such_thing"):
        data = {"id": new_id(), "operation": "catalog.update_tax", "acts": [{"permission": permission}]}
        with pytest.raises(PermissionDenied):
            app.run(ask_approval, eve, data)
    with pytest.raises(Unauthenticated):
        app.run(ask_approval, ANONYMOUS, {"id": new_id(), "operation": "sales.void", "acts": []})
    assert stored(app, shop) == []


def test_nobody_agrees_to_what_they_ask_themselves_by_pin_or_by_account(app, shop, eve, mia, at_till):
    mine = app.run(
        ask_approval,
        mia,
        {"id": new_id(), "operation": "sales.refund", "acts": [{"permission": "refund:with_receipt", "amount": 1}]},
    )
    with pytest.raises(OwnApproval):
        app.run(give_approval, mia, {"id": mine.id})
    # The same woman with her account: the till knows whose it is.
    asked = ask(app, replace(eve, account_id=shop.manager.actor_id), what())
    with pytest.raises(OwnApproval):
        app.run(give_approval, shop.manager, {"id": asked.id})
    assert app.run(give_approval, shop.owner, {"id": asked.id}).state == "granted"


def test_who_agrees_must_hold_the_act_within_their_own_limits(app, shop, eve, at_till, lead):
    lea = at_till("lea", lead)
    small, large, old = (
        ask(app, eve, each)
        for each in (what(5000), what(5001), what(1, sold_on=TODAY - timedelta(days=31), subject="sale:9"))
    )
    for asked in (large, old):
        with pytest.raises(PermissionDenied) as caught:
            app.run(give_approval, lea, {"id": asked.id})
        assert caught.value.data["permission"] == "refund:with_receipt"
    assert app.run(give_approval, lea, {"id": small.id}).state == "granted"
    with pytest.raises(PermissionDenied):
        app.run(give_approval, at_till("bob"), {"id": large.id})
    assert {row["state"] for row in stored(app, shop)} == {"asked", "granted"}


def test_who_works_elsewhere_does_not_see_and_cannot_answer(app, shop, eve, mia):
    asked = ask(app, eve, what())
    far = replace(shop.manager, outlet_ids=frozenset({uuid4()}))
    assert app.run(list_approvals, far, {}).items == []
    for act in (give_approval, refuse_approval):
        with pytest.raises(ApprovalNotFound):
            app.run(act, far, {"id": asked.id})
    with pytest.raises(ApprovalNotFound):
        app.run(give_approval, mia, {"id": new_id()})


def test_whoever_asked_sees_how_it_stands_and_other_cashiers_do_not(app, shop, other_shop, eve, mia, at_till):
    asked = ask(app, eve, what())
    assert app.run(get_approval, eve, {"id": asked.id}).state == "asked"
    assert app.run(get_approval, mia, {"id": asked.id}).state == "asked"
    for who in (at_till("bob"), other_shop.owner, shop.accountant):
        with pytest.raises(ApprovalNotFound):
            app.run(get_approval, who, {"id": asked.id})


def test_the_person_at_the_shell_may_agree_but_not_to_themselves(app, shop, eve):
    shell = operator("root", shop.tenant_id)
    asked = ask(app, eve, what())
    assert app.run(give_approval, shell, {"id": asked.id}).decided_by == "root"
    mine = app.run(
        ask_approval, shell, {"id": new_id(), "operation": "sales.void", "acts": [{"permission": "sale:void"}]}
    )
    with pytest.raises(OwnApproval):
        app.run(give_approval, shell, {"id": mine.id})


def test_the_list_goes_on_where_the_page_before_ended(app, shop, eve, mia, clock):
    made = []
    for n in range(3):
        made.append(ask(app, eve, what(subject=f"sale:{n}")).id)
        clock.advance(timedelta(seconds=1))
    first = app.run(list_approvals, mia, {"limit": 2})
    second = app.run(list_approvals, mia, {"limit": 2, "after": first.next})
    assert [each.id for each in (*first.items, *second.items)] == made[::-1]
    assert second.next is None


# --- on the spot -----------------------------------------------------------------------------------------------------


def test_consent_on_the_spot_leaves_a_used_approval(app, shop, eve, mia):
    app.run(SPEND, eve, what(700), approval=Approval("mia", PIN))
    row = stored(app, shop)[0]
    assert (row["state"], row["operation"], row["asked_by"], row["decided_by"]) == (
        "used",
        "sales.refund",
        "Eve",
        "Mia",
    )
    assert row["acts"][0]["amount"] == 700
    assert spent(app, shop) == 700


def test_consent_that_was_not_needed_leaves_nothing(app, shop, mia, at_till):
    at_till("max", "manager")
    app.run(SPEND, mia, what(), approval=Approval("max", PIN))
    assert (spent(app, shop), stored(app, shop)) == (500, [])


def test_on_the_spot_too_the_limits_are_the_approvers(app, shop, eve, at_till, lead):
    at_till("lea", lead)
    with pytest.raises(ApprovalRequired):
        app.run(SPEND, eve, what(5001), approval=Approval("lea", PIN))
    app.run(SPEND, eve, what(5000), approval=Approval("lea", PIN))
    assert spent(app, shop) == 5000


def test_a_badge_agrees_like_a_pin(app, shop, eve, mia):
    app.run(set_badge, shop.owner, {"code": "mia", "badge": "0012345678"})
    app.run(SPEND, eve, what(), approval=Approval(badge="0012345678"))
    with pytest.raises(PinRefused):
        app.run(SPEND, eve, what(), approval=Approval(badge="0012345679"))
    assert spent(app, shop) == 500
    assert stored(app, shop)[0]["decided_by_id"] == mia.actor_id


def test_nobody_agrees_on_the_spot_with_the_pin_of_their_own_account(app, shop, person, at_till):
    mine = person(shop, "cashier")
    at_till("mia", "manager", user_id=mine.id)
    asking = replace(shop.cashier, kind="staff", register_id=shop.till_id, actor_id=new_id(), account_id=mine.id)
    with pytest.raises(ApprovalRequired):
        app.run(SPEND, asking, what(), approval=Approval("mia", PIN))
    app.run(SPEND, replace(asking, account_id=None), what(), approval=Approval("mia", PIN))
    assert spent(app, shop) == 500


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_limit_counts_the_act_itself_and_beyond_it_consent_is_needed(app, shop, at_till, lead):
    lea = at_till("lea", lead)
    app.run(SPEND, lea, what(5000))
    lacking = needs(app, lea, what(5001))
    assert lacking["acts"][0]["amount"] == 5001
    app.run(SPEND, lea, what(1, sold_on=TODAY - timedelta(days=30)))
    needs(app, lea, what(1, sold_on=TODAY - timedelta(days=31)))
    needs(app, lea, {"amount": 1})
    assert spent(app, shop) == 5001


@pytest.mark.parametrize(
    ("grant", "act", "covered"),
    [
        ({}, {}, True),
        ({"max_amount": 5}, {"amount": 5}, True),
        ({"max_amount": 5}, {"amount": 6}, False),
        ({"max_amount": 5}, {}, False),
        ({"max_percent": Decimal(5)}, {"percent": Decimal("5.0")}, True),
        ({"max_percent": Decimal(5)}, {"percent": Decimal("5.0001")}, False),
        ({"days_back": 0}, {"sold_on": TODAY}, True),
        ({"days_back": 0}, {"sold_on": TODAY - timedelta(days=1)}, False),
        ({"days_back": 9}, {}, False),
        ({"outlets": frozenset({shop_id := uuid4()})}, {"outlet_id": shop_id}, True),
        ({"outlets": frozenset({uuid4()})}, {"outlet_id": uuid4()}, False),
        ({"outlets": frozenset({uuid4()})}, {}, False),
    ],
)
def test_a_measure_that_is_bounded_and_not_known_is_beyond(grant, act, covered):
    held = Grant(Decision.ALLOW, **grant)
    assert held.covers(Act(permission=Permission.SALE_VOID, **act), TODAY) is covered
    assert not Grant(Decision.APPROVE, **grant).covers(Act(permission=Permission.SALE_VOID, **act), TODAY)


def test_several_acts_are_asked_for_at_once(app, shop, eve, mia):
    def both(ctx, _data):
        ctx.require_all(
            [
                Act(permission=Permission.REFUND_WITH_RECEIPT, amount=5),
                Act(permission=Permission.SALE_PRICE_OVERRIDE, amount=7),
                Act(permission=Permission.SALE_CREATE),
            ]
        )
        return Nothing()

    act = operation("sales.exchange", both, input=Nothing, output=Nothing)
    with pytest.raises(ApprovalRequired) as caught:
        app.run(act, eve, {})
    acts = caught.value.data["acts"]
    assert [each["permission"] for each in acts] == ["refund:with_receipt", "sale:price_override"]
    asked = app.run(ask_approval, eve, {"id": new_id(), "operation": "sales.exchange", "acts": acts})
    app.run(give_approval, mia, {"id": asked.id})
    app.run(act, eve, {}, approval=Approval(id=asked.id))
    assert stored(app, shop)[0]["state"] == "used"


def test_what_promised_to_weigh_itself_and_did_not_is_undone(app, shop, mia):
    def careless(ctx, _data):
        ctx.uow.run("UPDATE tenants SET name = 'Taken' WHERE id = %s", (ctx.tenant_id,))
        return Nothing()

    with pytest.raises(TypeError):
        app.run(operation("test.careless", careless, input=Nothing, output=Nothing), mia, {})
    assert rows(app, "SELECT name FROM tenants WHERE id = %s", (shop.tenant_id,))[0]["name"] != "Taken"


def test_a_denied_act_is_denied_whoever_agrees(app, shop, mia, at_till):
    clerk = at_till("cleo", "stock_clerk")
    with pytest.raises(PermissionDenied) as caught:
        app.run(SPEND, clerk, what(), approval=Approval("mia", PIN))
    assert type(caught.value) is PermissionDenied
    assert spent(app, shop) == 0


def test_reading_with_consent_uses_it_up(app, shop, eve, mia):
    look = operation(
        "sales.get", lambda _ctx, _data: Nothing(), permission=Permission.SALE_VOID, reads=True, weighs=False,
        input=Nothing, output=Nothing,
    )  # fmt: skip
    with pytest.raises(ApprovalRequired):
        app.run(look, eve, {})
    app.run(look, eve, {}, approval=Approval("mia", PIN))
    assert [row["state"] for row in stored(app, shop)] == ["used"]


# --- races -----------------------------------------------------------------------------------------------------------


def test_eight_calls_with_one_approval_act_once(make_app, database_url, app, shop, eve, mia):
    wide = make_app(database_url, DB_POOL_SIZE="8")
    asked = ask(app, eve, what())
    app.run(give_approval, mia, {"id": asked.id})
    answers = at_once([lambda: wide.run(SPEND, eve, what(), approval=Approval(id=asked.id))] * 8)
    assert [each for each in answers if isinstance(each, Spent)] == [Spent(amount=500)]
    assert all(isinstance(each, (Spent, ApprovalUnusable, ApprovalRequired)) for each in answers)
    assert (spent(app, shop), [row["state"] for row in stored(app, shop)]) == (500, ["used"])


def test_of_an_answer_and_its_opposite_at_once_one_stands(make_app, database_url, app, shop, eve, mia, at_till):
    wide = make_app(database_url, DB_POOL_SIZE="8")
    max_ = at_till("max", "manager")
    asked = ask(app, eve, what())
    calls = [lambda: wide.run(give_approval, mia, {"id": asked.id})] * 3
    calls += [lambda: wide.run(refuse_approval, max_, {"id": asked.id})] * 3
    answers = at_once(calls)
    state = stored(app, shop)[0]["state"]
    assert {each.state for each in answers if not isinstance(each, Exception)} == {state}
    assert sum(isinstance(each, ApprovalNotOpen) for each in answers) == 3
