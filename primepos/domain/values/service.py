"""Operations on value: gift cards, store credit, customer accounts, points, and what is authorised of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from primepos.core.context import Context
from primepos.core.db import TransactionRetry
from primepos.core.errors import ApprovalRequired, PermissionDenied
from primepos.core.operations import operation
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.core.permissions import Permission
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.jobs.tasks import job
from primepos.domain.outlets.errors import RegisterNotFound
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.standing import require_active
from primepos.domain.values import codes, holds, ledger, queries, tidying
from primepos.domain.values.acting import adjust, fingerprint, holders_account, known_act
from primepos.domain.values.errors import (
    AuthorisationNotFound,
    AuthorisationSettled,
    CodeRefused,
    CodeTaken,
    PointsNotOffered,
    ValueBlocked,
    ValueConflict,
    ValueExpired,
    ValueNotFound,
    ValueShort,
)
from primepos.domain.values.points import rule_of
from primepos.domain.values.schemas import (
    Adjusted,
    AdjustHolder,
    AdjustValue,
    Ageing,
    AgeingRow,
    AllotmentOut,
    Allotments,
    AskAgeing,
    AskLiabilities,
    AskStatement,
    AuthorisationOut,
    Authorise,
    BlockCard,
    ByAccount,
    ByCode,
    ByCustomer,
    ById,
    CardIssued,
    CustomerValue,
    EntryOut,
    EntryPage,
    IssueCard,
    Liabilities,
    LiabilityRow,
    ListAllotments,
    ListCards,
    ListEntries,
    ListHolders,
    OpenSale,
    OpenSales,
    SetAllotment,
    SetLimit,
    Statement,
    Tidied,
    TidyValue,
    ValueOut,
    ValuePage,
)

MOST_ENTRIES = 5000
_TAKING = (ValueNotFound, ValueBlocked, ValueExpired, ValueShort)
_TOLD_FOR = timedelta(days=1)
_CARDS = frozenset({"gift_card", "store_credit"})


@operation(
    "giftcards.issue",
    permission=Permission.GIFTCARD_ADJUST,
    raises=(CodeRefused, CodeTaken, CustomerNotFound, ValueConflict, TenantSuspended),
)
def issue_card(ctx: Context, data: IssueCard) -> CardIssued:
    """Issue a gift card from the office, without a sale: nothing is paid for it, so it needs the right to adjust.

    At the counter a card is sold as a line of a sale. The code is hashed; it is told in this answer, and again where
    the call is repeated with the same ``id``.
    """
    require_active(ctx.tenant)
    hashed = fingerprint(ctx, data)
    key = ctx.tenant.key
    code = codes.made_code(ctx.settings.secret_key, key, data.id) if data.code is None else codes.code_of(data.code)
    known = queries.account(ctx, data.id)
    if known is not None:
        if bytes(known["request_hash"] or b"") != hashed:
            raise ValueConflict(id=str(data.id))
        ctx.note(f"value:{data.id}", replayed=True)
        # The server's secret may have changed since; then nobody knows the code but who was told it.
        is_it = bytes(known["code_hash"]) == codes.code_hash(key, code)
        return _issued(data.id, known, _told(data, code) if is_it else None, data.amount)
    customer_id = None if data.customer_id is None else queries.holder(ctx, data.customer_id)
    until = data.expires_on or tidying.good_until(ctx, ledger.today(ctx))
    opened = {
        "id": data.id,
        "kind": "gift_card",
        "customer": customer_id,
        "code_hash": codes.code_hash(key, code),
        "tail": codes.tail_of(code),
        "currency": ctx.tenant.currency.code,
        "expires_on": until,
        "hash": hashed,
    }
    queries.open_account(ctx, opened)
    ledger.move(ctx, [ledger.Move(account_id=data.id, amount=data.amount, cause="issue", reason=data.reason)])
    ctx.note(
        f"value:{data.id}",
        kind="gift_card",
        entry=1,
        amount=data.amount,
        balance=data.amount,
        tail=opened["tail"],
        reason=data.reason,
    )
    return _issued(data.id, opened, _told(data, code), data.amount)


def _told(data: IssueCard, code: str) -> str:
    """Return the code as it is printed: as it was given, or in groups of four."""
    return codes.printed(code) if data.code is None else data.code


def _issued(account_id: UUID, row: dict[str, Any], code: str | None, amount: int) -> CardIssued:
    return CardIssued(
        account_id=account_id,
        code=code,
        tail=row["tail"],
        balance=amount,
        currency=row["currency"],
        expires_on=row["expires_on"],
    )


@operation("giftcards.show", permission=Permission.SALE_CREATE, reads=True, raises=(ValueNotFound, CodeRefused))
def show_card(ctx: Context, data: ByCode) -> ValueOut:
    """Show what is on a gift card, by its code."""
    found = queries.card(ctx, codes.code_hash(ctx.tenant.key, codes.code_of(data.code)))
    if found is None:
        raise ValueNotFound
    return _out(ctx, found)


@operation("giftcards.tell_code", permission=Permission.GIFTCARD_ISSUE, raises=(ValueNotFound,))
def tell_code(ctx: Context, data: ByAccount) -> CardIssued:
    """Tell the code of a card that was sold without a printed one, to print it; for a day after it was opened.

    The code is made from the server's secret, not stored. A card that brought its own code tells nothing.
    """
    found = queries.account(ctx, data.account_id)
    if found is None or found["kind"] != "gift_card" or ctx.clock.now() - found["opened_at"] > _TOLD_FOR:
        raise ValueNotFound
    key = ctx.tenant.key
    code = codes.made_code(ctx.settings.secret_key, key, data.account_id)
    if bytes(found["code_hash"]) != codes.code_hash(key, code):
        raise ValueNotFound
    ctx.note(f"value:{data.account_id}", kind="gift_card", tail=found["tail"])
    return _issued(data.account_id, found, codes.printed(code), found["balance"])


@operation("giftcards.list", permission=Permission.GIFTCARD_ISSUE, reads=True)
def list_cards(ctx: Context, data: ListCards) -> ValuePage:
    """List gift cards, the newest first: by the last places of their codes, by state, or those with money on them."""
    tail = None if data.tail is None else data.tail.upper()
    return _page(ctx, "gift_card", data.after, data.limit, state=data.state, tail=tail, in_use=data.in_use)


@operation("giftcards.block", permission=Permission.GIFTCARD_ISSUE, raises=(ValueNotFound, ValueBlocked))
def block_card(ctx: Context, data: BlockCard) -> ValueOut:
    """Let nothing be taken from a gift card or store credit any more: lost, stolen, disputed. Again is the same."""
    return _turn(ctx, data, "blocked")


@operation("giftcards.unblock", permission=Permission.GIFTCARD_ADJUST, raises=(ValueNotFound, ValueBlocked))
def unblock_card(ctx: Context, data: BlockCard) -> ValueOut:
    """Let a blocked gift card or store credit be used again. One that is closed stays closed."""
    return _turn(ctx, data, "active")


def _turn(ctx: Context, data: BlockCard, state: str) -> ValueOut:
    found = queries.account(ctx, data.account_id)
    if found is None or found["kind"] not in _CARDS:
        raise ValueNotFound
    if not queries.set_state(ctx, data.account_id, state):
        raise ValueBlocked(kind=found["kind"].replace("_", " "), state="closed")
    ctx.note(f"value:{data.account_id}", kind=found["kind"], state=state, reason=data.reason)
    return _out(ctx, {**found, "state": state})


@operation("giftcards.adjust", permission=Permission.GIFTCARD_ADJUST, raises=(*_TAKING, ValueConflict))
def adjust_card(ctx: Context, data: AdjustValue) -> Adjusted:
    """Put the balance of a gift card right, with a reason; it never falls below zero. Safe to repeat by its ``id``."""
    hashed = fingerprint(ctx, data)
    if (known := known_act(ctx, data.id, hashed)) is not None:
        return known
    found = queries.account(ctx, data.account_id)
    if found is None or found["kind"] != "gift_card":
        raise ValueNotFound
    return adjust(ctx, data.account_id, data, hashed)


@operation(
    "storecredit.adjust",
    permission=Permission.GIFTCARD_ADJUST,
    raises=(*_TAKING, ValueConflict, CustomerNotFound, TenantSuspended),
)
def adjust_credit(ctx: Context, data: AdjustHolder) -> Adjusted:
    """Give a customer store credit, or take some away, with a reason; opened at the first. Safe to repeat."""
    return _adjust_holder(ctx, data, "store_credit")


@operation(
    "points.adjust",
    permission=Permission.LOYALTY_ADJUST,
    raises=(*_TAKING, ValueConflict, CustomerNotFound, TenantSuspended),
)
def adjust_points(ctx: Context, data: AdjustHolder) -> Adjusted:
    """Give a customer points, or take some away, with a reason; whole points. Safe to repeat by its ``id``."""
    return _adjust_holder(ctx, data, "points")


@operation(
    "accounts.adjust",
    permission=Permission.CUSTOMER_CREDIT_LIMIT,
    raises=(*_TAKING, ValueConflict, CustomerNotFound, TenantSuspended),
)
def adjust_account(ctx: Context, data: AdjustHolder) -> Adjusted:
    """Put a customer's account right, with a reason: an old balance taken over, a debt written off. Safe to repeat.

    Above zero is in the customer's favour. Money that comes in is no adjustment: `accounts.pay` books it.
    """
    return _adjust_holder(ctx, data, "account")


def _adjust_holder(ctx: Context, data: AdjustHolder, kind: str) -> Adjusted:
    require_active(ctx.tenant)
    hashed = fingerprint(ctx, data)
    if (known := known_act(ctx, data.id, hashed)) is not None:
        return known
    return adjust(ctx, holders_account(ctx, data.customer_id, kind), data, hashed)


@operation("values.of_customer", permission=Permission.CUSTOMER_READ, reads=True, raises=(CustomerNotFound,))
def of_customer(ctx: Context, data: ByCustomer) -> CustomerValue:
    """Show everything of value a customer has: account, store credit, points, gift cards in their name."""
    survivor = queries.holder(ctx, data.customer_id)
    return CustomerValue(items=[_out(ctx, row) for row in queries.of_customer(ctx, survivor)])


@operation("values.list", permission=Permission.CUSTOMER_READ, reads=True)
def list_value(ctx: Context, data: ListHolders) -> ValuePage:
    """List what customers have of a kind, the newest account first."""
    return _page(ctx, data.kind, data.after, data.limit, state=None, tail=None, in_use=data.in_use)


@operation("values.entries", permission=Permission.CUSTOMER_READ, reads=True, raises=(ValueNotFound,))
def list_entries(ctx: Context, data: ListEntries) -> EntryPage:
    """List what made the balance of a card or account, newest first."""
    if queries.account(ctx, data.account_id) is None:
        raise ValueNotFound
    found = queries.entries(ctx.uow, ctx.tenant_id, data.account_id, data.after, data.limit + 1)
    items = [EntryOut(**row) for row in found[: data.limit]]
    return EntryPage(items=items, next=items[-1].entry_no if len(found) > data.limit else None)


@operation("values.liabilities", permission=Permission.REPORT_SALES, reads=True)
def liabilities(ctx: Context, data: AskLiabilities) -> Liabilities:
    """Say what the shop owes on cards, credit and points, and what customers owe it, by kind."""
    del data
    rows = [LiabilityRow(**row) for row in queries.liabilities(ctx)]
    return Liabilities(currency=ctx.tenant.currency.code, rows=rows)


@operation(
    "accounts.set_limit",
    permission=Permission.CUSTOMER_CREDIT_LIMIT,
    raises=(CustomerNotFound, ValueNotFound, TenantSuspended),
)
def set_limit(ctx: Context, data: SetLimit) -> ValueOut:
    """Say how much a customer may owe; opens the account where there is none. What is owed beyond it stays owed."""
    require_active(ctx.tenant)
    account_id = holders_account(ctx, data.customer_id, "account")
    before = queries.set_floor(ctx, account_id, -data.limit)
    ctx.note(f"value:{account_id}", kind="account", limit=data.limit, before=-before)
    found = queries.account(ctx, account_id)
    if found is None:
        raise ValueNotFound
    return _out(ctx, found)


@operation(
    "accounts.statement", permission=Permission.CUSTOMER_READ, reads=True, raises=(CustomerNotFound, ValueNotFound)
)
def statement(ctx: Context, data: AskStatement) -> Statement:
    """Give a customer's account over a period of business days: opening balance, entries, closing balance."""
    account_id = queries.holders_account(ctx, queries.holder(ctx, data.customer_id), "account")
    found = None if account_id is None else queries.account(ctx, account_id)
    if account_id is None or found is None:
        raise ValueNotFound
    opening, rows = queries.statement(ctx.uow, ctx.tenant_id, account_id, data.since, data.until, MOST_ENTRIES + 1)
    entries = [EntryOut(**row) for row in rows[:MOST_ENTRIES]]
    return Statement(
        account_id=account_id,
        customer_id=found["customer_id"],
        currency=found["currency"],
        since=data.since,
        until=data.until,
        opening=opening,
        entries=entries,
        closing=opening + sum(each.amount for each in entries),
        limit=-found["floor"],
        is_complete=len(rows) <= MOST_ENTRIES,
    )


@operation("accounts.ageing", permission=Permission.CUSTOMER_READ, reads=True, raises=(CustomerNotFound,))
def ageing(ctx: Context, data: AskAgeing) -> Ageing:
    """Say who owes how much since when: up to 30 days, 31 to 60, 61 to 90, longer; the largest debt first.

    What came in for a sale settles that sale; everything else settles the oldest first.
    """
    on = data.on or ledger.today(ctx)
    customer = None if data.customer_id is None else queries.holder(ctx, data.customer_id)
    after = None if data.after is None else decode_cursor(data.after, int, UUID)
    found = queries.ageing(ctx, on, customer, (after[0], after[1]) if after else None, data.limit + 1)
    items = [AgeingRow(**row) for row in found[: data.limit]]
    last = encode_cursor(items[-1].owed, items[-1].account_id) if len(found) > data.limit else None
    return Ageing(on=on, currency=ctx.tenant.currency.code, items=items, next=last)


@operation("accounts.open_sales", permission=Permission.CUSTOMER_READ, reads=True, raises=(CustomerNotFound,))
def open_sales(ctx: Context, data: ByCustomer) -> OpenSales:
    """Say of which sales a customer's debt is made, the oldest first."""
    found = queries.open_sales(ctx, date.max, queries.holder(ctx, data.customer_id), MOST_ENTRIES)
    return OpenSales(items=[OpenSale(**row) for row in found])


@operation(
    "values.authorise",
    permission=Permission.SALE_CREATE,
    raises=(
        *_TAKING,
        ValueConflict,
        CodeRefused,
        CustomerNotFound,
        RegisterNotFound,
        PointsNotOffered,
        TenantSuspended,
        PermissionDenied,
        ApprovalRequired,
    ),
)
def authorise(ctx: Context, data: Authorise) -> AuthorisationOut:
    """Keep so much of a card or account for one sale, for a quarter of an hour; booking the sale captures it.

    Safe to repeat: the same ``id`` gives what was kept, and how it stands. What is not captured goes back by itself.
    Credit on a customer's account needs the right to sell on account.
    """
    require_active(ctx.tenant)
    hashed = fingerprint(ctx, data)
    known = holds.find(ctx.uow, ctx.tenant_id, data.id, ctx.clock.now())
    if known is not None:
        if bytes(known["request_hash"]) != hashed or known["account_id"] is None:
            raise ValueConflict(id=str(data.id))
        ctx.note(f"authorisation:{data.id}", replayed=True)
        return _kept(known)
    found = _meant(ctx, data)
    if found["kind"] == "account":
        ctx.require(Permission.SALE_CREDIT_SALE, amount=data.amount, subject=f"sale:{data.sale_id or data.id}")
    amount, worth = data.amount, None
    if found["kind"] == "points":
        rule = rule_of(ctx.tenant.settings)
        if rule is None:
            raise PointsNotOffered
        amount, worth = rule.cost(data.amount), data.amount
    day = ledger.today(ctx)
    held = holds.hold(
        ctx,
        authorisation_id=data.id,
        account_id=found["account_id"],
        amount=amount,
        worth=worth,
        register_id=data.register_id or ctx.identity.register_id,
        sale_id=data.sale_id,
        fingerprint=hashed,
        day=day,
    )
    if held is None:
        raise ValueNotFound
    if not held["made"]:
        if holds.find(ctx.uow, ctx.tenant_id, data.id, ctx.clock.now()) is not None:
            # A twin of this very call was faster and kept it: look again and answer as it was answered.
            raise TransactionRetry
        raise ledger.refusal_of(held["kind"], held["state"], held["expires_on"], held["available"], amount, day)
    ctx.note(f"authorisation:{data.id}", account=str(found["account_id"]), kind=found["kind"], amount=amount)
    made = holds.find(ctx.uow, ctx.tenant_id, data.id, ctx.clock.now())
    if made is None:
        raise AuthorisationNotFound
    return _kept(made)


def _meant(ctx: Context, data: Authorise) -> dict[str, Any]:
    """Return the account an authorisation is asked of. Raises: ValueNotFound, CodeRefused, CustomerNotFound."""
    found: dict[str, Any] | None = None
    if data.code is not None:
        found = queries.card(ctx, codes.code_hash(ctx.tenant.key, codes.code_of(data.code)))
    elif data.account_id is not None:
        found = queries.account(ctx, data.account_id)
    elif data.customer_id is not None and data.kind is not None:
        account_id = queries.holders_account(ctx, queries.holder(ctx, data.customer_id), data.kind)
        found = None if account_id is None else queries.account(ctx, account_id)
    if found is None:
        raise ValueNotFound
    return found


def _kept(row: dict[str, Any]) -> AuthorisationOut:
    return AuthorisationOut(
        id=row["id"],
        account_id=row["account_id"],
        kind=row["kind"],
        amount=row["amount"],
        worth=row["worth"],
        state=row["state"],
        expires_at=row["expires_at"],
    )


@operation("values.release", permission=Permission.SALE_CREATE, raises=(AuthorisationNotFound, AuthorisationSettled))
def release(ctx: Context, data: ById) -> AuthorisationOut:
    """Give back what was kept for a sale that is not going to be. Again is the same; what was captured stays taken."""
    known = holds.find(ctx.uow, ctx.tenant_id, data.id, ctx.clock.now())
    if known is None or known["account_id"] is None:
        raise AuthorisationNotFound
    holds.release(ctx, data.id)
    now = holds.find(ctx.uow, ctx.tenant_id, data.id, ctx.clock.now())
    if now is None:
        raise AuthorisationNotFound
    if now["state"] == "captured":
        raise AuthorisationSettled
    ctx.note(f"authorisation:{data.id}", state=now["state"])
    return _kept(now)


@operation("values.allot", permission=Permission.REGISTER_WRITE, raises=(RegisterNotFound, TenantSuspended))
def allot(ctx: Context, data: SetAllotment) -> AllotmentOut:
    """Say how much of a kind of value a register may take while the server is away, and until when.

    What it then sold is booked in any case; beyond the allotment it is flagged.
    """
    require_active(ctx.tenant)
    row = queries.set_allotment(
        ctx,
        {
            "id": data.id,
            "register_id": data.register_id,
            "kind": data.kind,
            "amount": data.amount,
            "expires_at": data.expires_at,
        },
    )
    ctx.note(f"register:{data.register_id}", kind=data.kind, amount=data.amount)
    return AllotmentOut(**row)


@operation("values.allotments", permission=Permission.TENANT_READ, reads=True)
def list_allotments(ctx: Context, data: ListAllotments) -> Allotments:
    """List what registers may take while the server is away, and what of it is drawn."""
    return Allotments(items=[AllotmentOut(**row) for row in queries.allotments(ctx, data.register_id)])


@operation("values.tidy", permission=Permission.SETTINGS_WRITE)
def tidy(ctx: Context, data: TidyValue) -> Tidied:
    """Let go what was authorised and never used, close expired cards, let old points lapse, follow merged customers.

    Nightly by itself; safe to run at any time. No sale waits for it: what has run out counts no more at once.
    """
    del data
    done = tidying.tidy(ctx)
    ctx.note("values", **{name: getattr(done, name) for name in done.__struct_fields__})
    return done


job(tidy)


def _page(
    ctx: Context, kind: str, after: str | None, limit: int, *, state: str | None, tail: str | None, in_use: bool
) -> ValuePage:
    mark = None if after is None else decode_cursor(after, UUID)[0]
    found = queries.page(ctx, kind, state=state, tail=tail, in_use=in_use, after=mark, limit=limit + 1)
    items = [_out(ctx, row) for row in found[:limit]]
    return ValuePage(items=items, next=encode_cursor(items[-1].account_id) if len(found) > limit else None)


def _out(ctx: Context, row: dict[str, Any]) -> ValueOut:
    rule = rule_of(ctx.tenant.settings) if row["kind"] == "points" else None
    return ValueOut(
        account_id=row["account_id"],
        kind=row["kind"],
        customer_id=row["customer_id"],
        tail=row["tail"],
        currency=row["currency"],
        balance=row["balance"],
        held=row["held"],
        available=max(0, row["balance"] - row["held"] - row["floor"]) if row["state"] == "active" else 0,
        limit=-row["floor"],
        state=row["state"],
        expires_on=row["expires_on"],
        opened_at=row["opened_at"],
        worth=None if rule is None else rule.worth(max(0, row["balance"])),
        customer=row["customer"],
    )
