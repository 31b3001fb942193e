"""Shares of what comes back: exact, however a return is split."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.pricing.returns import share


def test_three_thirds_of_a_euro_are_a_euro():
    thirds = [share(100, before=Decimal(n), quantity=Decimal(1), sold=Decimal(3)) for n in range(3)]
    assert thirds == [33, 34, 33]


def test_all_at_once_is_the_whole():
    assert share(-1999, before=Decimal(0), quantity=Decimal("0.125"), sold=Decimal("0.125")) == -1999


@given(
    amount=st.integers(-(10**12), 10**12),
    parts=st.lists(st.integers(1, 10**6), min_size=1, max_size=12),
)
def test_however_it_is_split_the_shares_add_up_and_none_has_another_sign(amount, parts):
    pieces = [Decimal(each).scaleb(-3) for each in parts]
    sold, before, shares = sum(pieces), Decimal(0), []
    for piece in pieces:
        shares.append(share(amount, before=before, quantity=piece, sold=sold))
        before += piece
    assert sum(shares) == amount
    assert all(each * amount >= 0 for each in shares)


@pytest.mark.parametrize(
    ("before", "quantity"), [("0", "0"), ("0", "-1"), ("0", "3.001"), ("2", "1.001"), ("-1", "1"), ("3", "1")]
)
def test_nothing_and_more_than_was_sold_have_no_share(before, quantity):
    with pytest.raises(ValueError, match="of 3"):
        share(100, before=Decimal(before), quantity=Decimal(quantity), sold=Decimal(3))
