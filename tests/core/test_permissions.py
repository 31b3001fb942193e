"""Grants and acts: what one covers, what one may hand out, and what an agreement is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from primepos.core.permissions import (
    DENY,
    GRANTABLE,
    GRANTS,
    LIMITS,
    OWNABLE,
    Act,
    Decision,
    Grant,
    Permission,
    Role,
    read_grants,
    stored_grants,
)

TODAY = date(2026, 3, 2)
PLACES = [UUID(int=n) for n in range(3)]
percents = st.none() | st.decimals(0, 100, places=2)
amounts = st.none() | st.integers(0, 20)
grants = st.builds(
    Grant,
    st.sampled_from(Decision),
    own=st.booleans(),
    max_percent=percents,
    max_amount=amounts,
    days_back=st.none() | st.integers(0, 5),
    outlets=st.none() | st.frozensets(st.sampled_from(PLACES)),
)
acts = st.builds(
    Act,
    permission=st.just(Permission.SALE_VOID),
    percent=percents,
    amount=amounts,
    sold_on=st.none() | st.integers(0, 6).map(lambda days: TODAY - timedelta(days=days)),
    outlet_id=st.none() | st.sampled_from(PLACES),
)


@settings(max_examples=300, deadline=None)
@given(grants, grants, acts)
def test_who_hands_out_a_grant_can_do_all_that_it_allows(giver: Grant, given_: Grant, act: Act) -> None:
    if giver.includes(given_) and given_.covers(act, TODAY):
        assert giver.covers(act, TODAY)


@settings(max_examples=200, deadline=None)
@given(grants, grants, grants)
def test_handing_out_what_was_handed_out_is_no_way_around(first: Grant, second: Grant, third: Grant) -> None:
    assert first.includes(DENY)
    assert first.includes(first)
    if first.includes(second) and second.includes(third):
        assert first.includes(third)


@settings(max_examples=200, deadline=None)
@given(acts, acts, grants)
def test_who_agreed_to_an_act_agreed_to_no_more(asked: Act, agreed: Act, grant: Grant) -> None:
    assert agreed.within(agreed)
    if asked.within(agreed) and grant.covers(agreed, TODAY):
        assert grant.covers(asked, TODAY)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(GRANTABLE)), grants.filter(lambda grant: grant.decision != "deny")))
def test_grants_are_stored_and_read_the_same(held: dict[Permission, Grant]) -> None:
    assert read_grants(stored_grants(held)) == held


def test_an_agreement_is_for_one_thing() -> None:
    act = Act(permission=Permission.SALE_VOID, amount=5, subject="sale:1")
    for other in (
        replace(act, permission=Permission.SALE_CANCEL),
        replace(act, subject="sale:2"),
        replace(act, subject=None),
        replace(act, amount=6),
        replace(act, amount=None),
        replace(act, percent=Decimal(1)),
        replace(act, sold_on=TODAY),
        replace(act, outlet_id=PLACES[0]),
    ):
        assert not other.within(act)
    assert replace(act, amount=4).within(act)


def test_the_owner_may_hand_out_every_built_in_role_of_a_shop() -> None:
    owner = GRANTS[Role.OWNER]
    for role in (Role.MANAGER, Role.CASHIER, Role.STOCK_CLERK, Role.ACCOUNTANT):
        lacking = [name for name, grant in GRANTS[role].items() if not owner.get(name, DENY).includes(grant)]
        assert lacking == [], role


def test_what_can_be_bounded_or_owned_can_be_granted() -> None:
    assert LIMITS.keys() <= GRANTABLE
    assert OWNABLE <= GRANTABLE
    assert {Permission.SALE_READ, Permission.USER_WRITE} <= OWNABLE
