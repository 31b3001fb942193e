"""The operations on the people at the till, their roles, what they agree to, the hours they work and what they earn."""

from primepos.domain.staff.service.approvals import (
    ask_approval,
    get_approval,
    give_approval,
    list_approvals,
    refuse_approval,
)
from primepos.domain.staff.service.clock import (
    add_entry,
    clock_in,
    clock_out,
    correct_entry,
    list_entries,
    worked_hours,
)
from primepos.domain.staff.service.commission import list_rates, report_commission, report_staff, set_commission
from primepos.domain.staff.service.people import (
    archive_staff,
    create_staff,
    list_staff,
    reset_pin,
    set_badge,
    set_pin,
    sign_in,
    take_badge,
    unarchive_staff,
    update_staff,
)
from primepos.domain.staff.service.roles import create_role, delete_role, list_roles, show_role, update_role

__all__ = [
    "add_entry",
    "archive_staff",
    "ask_approval",
    "clock_in",
    "clock_out",
    "correct_entry",
    "create_role",
    "create_staff",
    "delete_role",
    "get_approval",
    "give_approval",
    "list_approvals",
    "list_entries",
    "list_rates",
    "list_roles",
    "list_staff",
    "refuse_approval",
    "report_commission",
    "report_staff",
    "reset_pin",
    "set_badge",
    "set_commission",
    "set_pin",
    "show_role",
    "sign_in",
    "take_badge",
    "unarchive_staff",
    "update_role",
    "update_staff",
    "worked_hours",
]
