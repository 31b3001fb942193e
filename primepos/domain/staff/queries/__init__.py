"""Rows of the staff, for this feature and for those above it."""

from primepos.domain.staff.queries.people import (
    MOST_FAILURES,
    begin_attempt,
    change_staff,
    end_attempt,
    find_badge,
    find_staff,
    insert_staff,
    outlet_of_register,
    page_of_staff,
    require_member,
    staff_of_account,
    store_badge,
    take_badge,
)

__all__ = [
    "MOST_FAILURES",
    "begin_attempt",
    "change_staff",
    "end_attempt",
    "find_badge",
    "find_staff",
    "insert_staff",
    "outlet_of_register",
    "page_of_staff",
    "require_member",
    "staff_of_account",
    "store_badge",
    "take_badge",
]
