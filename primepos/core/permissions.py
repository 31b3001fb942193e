"""Who may do what: permissions, roles and the matrix that ties them, in one place.

A grant is *allow*, *approve* (another person who holds the act must agree) or nothing, which is *deny*.
``own`` narrows a grant to what belongs to the person or their outlet; services apply it. A grant that allows may have
limits: beyond any of them another person must agree, who holds the act within theirs. The limits count the act that is
being authorised (CORE-POS/IS4C #455: a void was let through because its own line was not counted).

The roles here are built in and locked; a tenant may make others (accounts/roles.py). The last owner of a tenant cannot
be removed, nobody edits the role they hold, an unknown role has no permission at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


class Decision(StrEnum):
    """The three answers the matrix can give."""

    ALLOW = "allow"
    APPROVE = "approve"
    DENY = "deny"


class Role(StrEnum):
    """The roles a person can hold, and ``device`` for an enrolled till."""

    SAAS_ADMIN = "saas_admin"
    OWNER = "owner"
    MANAGER = "manager"
    CASHIER = "cashier"
    STOCK_CLERK = "stock_clerk"
    ACCOUNTANT = "accountant"
    DEVICE = "device"


class Permission(StrEnum):
    """Every act that can be granted, ``resource:verb``; ``PUBLIC`` and ``SELF`` need no grant."""

    PUBLIC = "public"
    SELF = "self"
    ACCOUNTING_EXPORT = "accounting:export"
    APIKEY_WRITE = "apikey:write"
    APPROVAL_GIVE = "approval:give"
    AUDIT_READ = "audit:read"
    CASH_DRAWER_OPEN = "cash:drawer_open"
    CASH_MOVE = "cash:move"
    COMMISSION_WRITE = "commission:write"
    CUSTOMER_CREDIT_LIMIT = "customer:credit_limit"
    CUSTOMER_ERASE = "customer:erase"
    CUSTOMER_READ = "customer:read"
    CUSTOMER_WRITE = "customer:write"
    DEVICE_ENROL = "device:enrol"
    FISCAL_CLOSE_PERIOD = "fiscal:close_period"
    FISCAL_VERIFY = "fiscal:verify"
    GIFTCARD_ADJUST = "giftcard:adjust"
    GIFTCARD_ISSUE = "giftcard:issue"
    LOYALTY_ADJUST = "loyalty:adjust"
    OUTLET_WRITE = "outlet:write"
    PAYMENT_OFFLINE_CARD = "payment:offline_card"
    PLAN_WRITE = "plan:write"
    PRICELIST_WRITE = "pricelist:write"
    PRODUCT_COST_READ = "product:cost_read"
    PRODUCT_IMPORT = "product:import"
    PRODUCT_PRICE_WRITE = "product:price_write"
    PRODUCT_READ = "product:read"
    PRODUCT_WRITE = "product:write"
    PROMOTION_WRITE = "promotion:write"
    PURCHASE_APPROVE = "purchase:approve"
    PURCHASE_RECEIVE = "purchase:receive"
    PURCHASE_WRITE = "purchase:write"
    RECEIPT_REPRINT = "receipt:reprint"
    REFUND_NO_RECEIPT = "refund:no_receipt"
    REFUND_WITH_RECEIPT = "refund:with_receipt"
    REGISTER_WRITE = "register:write"
    REPORT_EXPORT = "report:export"
    REPORT_MARGIN = "report:margin"
    REPORT_SALES = "report:sales"
    REPORT_STAFF = "report:staff"
    ROLE_WRITE = "role:write"
    SALE_CANCEL = "sale:cancel"
    SALE_CREATE = "sale:create"
    SALE_CREDIT_SALE = "sale:credit_sale"
    SALE_DELIVER = "sale:deliver"
    SALE_HOLD = "sale:hold"
    SALE_LINE_DISCOUNT = "sale:line_discount"
    SALE_LINE_VOID = "sale:line_void"
    SALE_PRICE_OVERRIDE = "sale:price_override"
    SALE_READ = "sale:read"
    SALE_TAX_OVERRIDE = "sale:tax_override"
    SALE_TICKET_DISCOUNT = "sale:ticket_discount"
    SALE_VOID = "sale:void"
    SETTINGS_WRITE = "settings:write"
    SHIFT_CLOSE = "shift:close"
    SHIFT_CLOSE_OVER_LIMIT = "shift:close_over_limit"
    SHIFT_EXPECTED_READ = "shift:expected_read"
    SHIFT_FORCE_CLOSE = "shift:force_close"
    SHIFT_OPEN = "shift:open"
    STOCK_ADJUST = "stock:adjust"
    STOCK_COUNT = "stock:count"
    STOCK_COUNT_APPROVE = "stock:count_approve"
    STOCK_READ = "stock:read"
    STOCK_TRANSFER = "stock:transfer"
    TAX_WRITE = "tax:write"
    TENANT_CREATE = "tenant:create"
    TENANT_ERASE = "tenant:erase"
    TENANT_EXPORT = "tenant:export"
    TENANT_READ = "tenant:read"
    TENANT_SUPPORT_GRANT = "tenant:support_grant"
    TENANT_SUSPEND = "tenant:suspend"
    TIMECLOCK_EDIT = "timeclock:edit"
    TIMECLOCK_OWN = "timeclock:own"
    USAGE_READ = "usage:read"
    USER_WRITE = "user:write"
    WEBHOOK_WRITE = "webhook:write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act to be authorised, and what it weighs; what is None does not apply to it.

    ``percent`` is taken off a price, ``amount`` is minor units without sign, ``sold_on`` the business day of the sale
    it goes back to, ``subject`` what it is done to (``sale:0190...``), as the audit trail names it.
    """

    permission: Permission
    percent: Decimal | None = None
    amount: int | None = None
    sold_on: date | None = None
    outlet_id: UUID | None = None
    subject: str | None = None

    def within(self, agreed: Act) -> bool:
        """Tell whether somebody who agreed to ``agreed`` agreed to this: the same thing, and no more of it."""
        if (self.permission, self.sold_on, self.outlet_id, self.subject) != (
            agreed.permission,
            agreed.sold_on,
            agreed.outlet_id,
            agreed.subject,
        ):
            return False
        return _no_more(self.percent, agreed.percent) and _no_more(self.amount, agreed.amount)

    def shown(self) -> dict[str, Any]:
        """Return it as JSON-ready values, without what does not apply."""
        values: dict[str, Any] = {
            "permission": self.permission.value,
            "percent": None if self.percent is None else f"{self.percent:f}",
            "amount": self.amount,
            "sold_on": None if self.sold_on is None else self.sold_on.isoformat(),
            "outlet_id": None if self.outlet_id is None else str(self.outlet_id),
            "subject": self.subject,
        }
        return {name: value for name, value in values.items() if value is not None}


def _no_more(asked: Decimal | int | None, agreed: Decimal | int | None) -> bool:
    """Tell whether a measure is at most the one agreed to; one that only one of the two has cannot be compared."""
    if asked is None or agreed is None:
        return asked is agreed
    return asked <= agreed


class Limit(StrEnum):
    """What bounds a grant: the fields of :class:`Grant` that a role may fill in."""

    PERCENT = "max_percent"
    AMOUNT = "max_amount"
    DAYS = "days_back"
    OUTLETS = "outlets"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role may do with one permission.

    A limit that is None is without bound. ``max_percent`` bounds what is taken off a line or ticket, ``max_amount``
    the minor units of one act, ``days_back`` how many business days ago the sale was, ``outlets`` where. A measure
    that has a limit and is not known is beyond it.
    """

    decision: Decision
    own: bool = False
    max_percent: Decimal | None = None
    max_amount: int | None = None
    days_back: int | None = None
    outlets: frozenset[UUID] | None = None

    def covers(self, act: Act, today: date | None = None) -> bool:
        """Tell whether this grant by itself allows ``act``; ``today`` is the business day, for ``days_back``."""
        return (
            self.decision is Decision.ALLOW
            and _within(act.percent, self.max_percent)
            and _within(act.amount, self.max_amount)
            and (self.outlets is None or act.outlet_id in self.outlets)
            and (
                self.days_back is None
                or (act.sold_on is not None and today is not None and (today - act.sold_on).days <= self.days_back)
            )
        )

    def includes(self, other: Grant) -> bool:
        """Tell whether who holds this grant may hand out ``other``: nobody gives more than they hold."""
        if other.decision is Decision.DENY:
            return True
        if self.decision is Decision.DENY or (self.own and not other.own):
            return False
        if other.decision is Decision.APPROVE:
            return True
        return (
            self.decision is Decision.ALLOW
            and _at_most(other.max_percent, self.max_percent)
            and _at_most(other.max_amount, self.max_amount)
            and _at_most(other.days_back, self.days_back)
            and (self.outlets is None or (other.outlets is not None and other.outlets <= self.outlets))
        )


def _within(measure: Decimal | int | None, limit: Decimal | int | None) -> bool:
    return limit is None or (measure is not None and measure <= limit)


def _at_most(limit: Decimal | int | None, other: Decimal | int | None) -> bool:
    """Tell whether a limit is no wider than another; None is without bound."""
    return other is None or (limit is not None and limit <= other)


DENY = Grant(Decision.DENY)

# Columns: saas_admin owner manager cashier stock_clerk accountant device.
# A allow, P with approval, O allow within one's own outlet or session, R allow (reading), - deny.
_COLUMNS = (
    Role.SAAS_ADMIN,
    Role.OWNER,
    Role.MANAGER,
    Role.CASHIER,
    Role.STOCK_CLERK,
    Role.ACCOUNTANT,
    Role.DEVICE,
)
_MATRIX = """
accounting:export       - A - - - A -
apikey:write            - A - - - - -
approval:give           - A A - - - -
audit:read              - A - - - A -
cash:drawer_open        - A A P - - -
cash:move               - A A P - - -
commission:write        - A - - - - -
customer:credit_limit   - A A - - - -
customer:erase          - A - - - - -
customer:read           - A A A - R -
customer:write          - A A A - - -
device:enrol            - A A - - - -
fiscal:close_period     - A - - - A -
fiscal:verify           - A A - - A -
giftcard:adjust         - A P - - - -
giftcard:issue          - A A A - - -
loyalty:adjust          - A P - - - -
outlet:write            - A - - - - -
payment:offline_card    - A A P - - -
plan:write              A - - - - - -
pricelist:write         - A A - - - -
product:cost_read       - A A - A A -
product:import          - A A - A - -
product:price_write     - A A - - - -
product:read            - A A A A R R
product:write           - A A - A - -
promotion:write         - A A - - - -
purchase:approve        - A A - - - -
purchase:receive        - A A - A - -
purchase:write          - A A - A - -
receipt:reprint         - A A O - R -
refund:no_receipt       - A P - - - -
refund:with_receipt     - A A P - - -
register:write          - A A - - - -
report:export           - A A - - A -
report:margin           - A A - - R -
report:sales            - A A O - R -
report:staff            - A A - - R -
role:write              - A - - - - -
sale:cancel             - A A P - - -
sale:create             - A A A - - -
sale:credit_sale        - A A P - - -
sale:deliver            - - - - - - A
sale:hold               - A A A - - -
sale:line_discount      - A A A5 - - -
sale:line_void          - A A A - - A
sale:price_override     - A A P - - -
sale:read               - A A O - R -
sale:tax_override       - A P - - - -
sale:ticket_discount    - A A P - - -
sale:void               - A A P - - -
settings:write          - A - - - - -
shift:close             - A A O - - -
shift:close_over_limit  - A A P - - -
shift:expected_read     - A A - - R -
shift:force_close       - A A - - - -
shift:open              - A A A - - -
stock:adjust            - A A - P - -
stock:count             - A A - A - -
stock:count_approve     - A A - - - -
stock:read              - A A A A R -
stock:transfer          - A A - A - -
tax:write               - A - - - - -
tenant:create           A - - - - - -
tenant:erase            P P - - - - -
tenant:export           - A - - - - -
tenant:read             A A A A A R R
tenant:support_grant    - A - - - - -
tenant:suspend          A - - - - - -
timeclock:edit          - A A - - - -
timeclock:own           - A A A A - -
usage:read              A A - - - R -
user:write              - A O - - - -
webhook:write           - A - - - - -
"""


def _grant(mark: str) -> Grant | None:
    match mark[0]:
        case "A" | "R":
            limit = Decimal(mark[1:]) if len(mark) > 1 else None
            return Grant(Decision.ALLOW, max_percent=limit)
        case "O":
            return Grant(Decision.ALLOW, own=True)
        case "P":
            return Grant(Decision.APPROVE)
        case _:
            return None


def _read_matrix() -> dict[Role, dict[Permission, Grant]]:
    table: dict[Role, dict[Permission, Grant]] = {role: {} for role in _COLUMNS}
    for row in _MATRIX.split("\n"):
        if not row:
            continue
        name, *marks = row.split()
        for role, mark in zip(_COLUMNS, marks, strict=True):
            grant = _grant(mark)
            if grant is not None:
                table[role][Permission(name)] = grant
    return table


GRANTS = _read_matrix()

# What can be bounded, for each permission whose acts say what they weigh (Context.require). A limit on anything else
# would be a promise that nobody keeps.
LIMITS: Final[Mapping[Permission, frozenset[Limit]]] = {
    Permission.CASH_MOVE: frozenset({Limit.AMOUNT, Limit.OUTLETS}),
    Permission.REFUND_NO_RECEIPT: frozenset({Limit.AMOUNT, Limit.OUTLETS}),
    Permission.REFUND_WITH_RECEIPT: frozenset({Limit.AMOUNT, Limit.DAYS, Limit.OUTLETS}),
    Permission.SALE_LINE_DISCOUNT: frozenset({Limit.PERCENT, Limit.AMOUNT, Limit.OUTLETS}),
    Permission.SALE_LINE_VOID: frozenset({Limit.AMOUNT, Limit.OUTLETS}),
    Permission.SALE_PRICE_OVERRIDE: frozenset({Limit.PERCENT, Limit.AMOUNT, Limit.OUTLETS}),
    Permission.SALE_TICKET_DISCOUNT: frozenset({Limit.PERCENT, Limit.AMOUNT, Limit.OUTLETS}),
    Permission.SALE_VOID: frozenset({Limit.AMOUNT, Limit.DAYS, Limit.OUTLETS}),
}
# Where "one's own" means something: services narrow these to the person's outlets.
OWNABLE: Final = frozenset(
    permission for grants in GRANTS.values() for permission, grant in grants.items() if grant.own
)
# What a role of a tenant can be made of: what its owner holds. Never the installation's own acts, nor a till's.
GRANTABLE: Final = frozenset(GRANTS[Role.OWNER])


def grant_of(role: str | None, permission: Permission) -> Grant:
    """Return what ``role`` may do; a role nobody knows is denied everything."""
    try:
        return GRANTS[Role(role)].get(permission, DENY) if role else DENY
    except ValueError:
        return DENY


def read_grants(stored: Mapping[str, Any] | None) -> Mapping[Permission, Grant] | None:
    """Return the grants of a stored role; None for a built-in one, which stores none.

    A permission that this release does not know is left out: a role made by a newer one grants no more here.
    """
    if stored is None:
        return None
    known = {each.value: each for each in GRANTABLE}
    return {known[name]: _read(grant) for name, grant in stored.items() if name in known}


def _read(stored: Mapping[str, Any]) -> Grant:
    percent, outlets = stored.get("max_percent"), stored.get("outlets")
    return Grant(
        Decision(stored["decision"]),
        own=stored.get("own", False),
        max_percent=None if percent is None else Decimal(percent),
        max_amount=stored.get("max_amount"),
        days_back=stored.get("days_back"),
        outlets=None if outlets is None else frozenset(UUID(each) for each in outlets),
    )


def stored_grants(grants: Mapping[Permission, Grant]) -> dict[str, dict[str, Any]]:
    """Return grants as they are stored, and sent to a till: JSON-ready, without what is not said."""
    return {permission.value: _stored(grant) for permission, grant in sorted(grants.items())}


def _stored(grant: Grant) -> dict[str, Any]:
    values: dict[str, Any] = {
        "decision": grant.decision.value,
        "own": grant.own or None,
        "max_percent": None if grant.max_percent is None else f"{grant.max_percent:f}",
        "max_amount": grant.max_amount,
        "days_back": grant.days_back,
        "outlets": None if grant.outlets is None else sorted(str(each) for each in grant.outlets),
    }
    return {name: value for name, value in values.items() if value is not None}
