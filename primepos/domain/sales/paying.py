"""Money that comes in for what was sold on account: a record of its own, so that drawer, Z report and chain know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.errors import InvalidInput
from primepos.domain.payments.settlement import cash_rule
from primepos.domain.sales import queries
from primepos.domain.sales.booking import Priced, request_hash, settled_payments
from primepos.domain.sales.errors import NotOnAccount, PaysTooMuch, SaleNotFound
from primepos.domain.sales.recording import About, at_counter, record_sale, with_shift
from primepos.domain.sales.schemas import SaleOut, SaleSettlement
from primepos.domain.sales.tendering import plan_sale, value_line, with_accounts
from primepos.domain.values import finding
from primepos.domain.values.queries import open_of_sale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.sales.schemas import PayAccount, PaySale, TenderIn
    from primepos.domain.values.finding import Found, Holding


def pay_sale(ctx: Context, data: PaySale) -> SaleOut:
    """Book what is paid for a sale on account. Raises: see the operation."""
    sale = sale_on_account(ctx, data.sale_id)
    account_id = account_of(sale)

    def amount_of(_found: Found) -> tuple[Holding, int]:
        if account_id is None:
            raise NotOnAccount(receipt=sale.receipt)
        # Locked before it is looked at, so that two who pay at once do not both pay all of it.
        finding.lock(ctx, [account_id])
        left = open_of_sale(ctx, account_id, sale.id)
        if not left:
            raise NotOnAccount(receipt=sale.receipt)
        if data.amount is not None and data.amount > left:
            raise PaysTooMuch(receipt=sale.receipt, open=left)
        return _found.named("account", None, account_id), data.amount or left

    ids = [] if account_id is None else [account_id]
    outlet_id = data.outlet_id or sale.outlet_id
    return _record(ctx, data, outlet_id, data.tenders, sale.customer_id, ids, amount_of, pays=sale.id)


def pay_account(ctx: Context, data: PayAccount) -> SaleOut:
    """Book what a customer pays onto their account. Raises: see the operation."""
    return _record(
        ctx,
        data,
        data.outlet_id,
        data.tenders,
        data.customer_id,
        [],
        lambda found: (found.customers(ctx, "account"), data.amount),
    )


def sale_on_account(ctx: Context, sale_id: UUID) -> SaleOut:
    """Return a sale of an outlet the caller works in. Raises: SaleNotFound."""
    sale = queries.read_sale(ctx.uow, ctx.tenant_id, sale_id)
    if sale is None or not ctx.identity.may_use_outlet(sale.outlet_id):
        raise SaleNotFound(sale=str(sale_id))
    return sale


def account_of(sale: SaleOut) -> UUID | None:
    """Return the account that a sale was made on, or None."""
    return next((each.account_id for each in sale.payments if each.kind == "account" and each.amount > 0), None)


def settlement_of(ctx: Context, sale: SaleOut) -> SaleSettlement:
    """Return how far a sale is paid; what is open follows from the account's entries."""
    account_id = account_of(sale)
    on_account = sum(each.amount for each in sale.payments if each.kind == "account")
    left = 0 if account_id is None else open_of_sale(ctx, account_id, sale.id)
    status = "paid" if not left else "open" if left >= sale.total else "part_paid"
    return SaleSettlement(
        sale_id=sale.id,
        receipt=sale.receipt,
        currency=sale.currency,
        total=sale.total,
        on_account=on_account,
        open=left,
        status=status,
        payments=sale.payments,
    )


def _record(
    ctx: Context,
    data: PaySale | PayAccount,
    outlet_id: UUID,
    tenders: Sequence[TenderIn],
    customer_id: UUID | None,
    ids: Sequence[UUID],
    amount_of: Callable[[Found], tuple[Holding, int]],
    *,
    pays: UUID | None = None,
) -> SaleOut:
    if any(each.kind == "account" for each in tenders):
        raise InvalidInput("tenders: an account is not paid with an account")
    fingerprint = request_hash(data)
    counter = at_counter(ctx, outlet_id, data.id, fingerprint)
    if isinstance(counter, SaleOut):
        return counter
    place = with_shift(ctx, counter.place, data.id)
    found = finding.find(
        ctx,
        codes=[each.code for each in tenders if each.code is not None],
        ids=[*ids, *(each.account_id for each in tenders if each.account_id is not None)],
        customer_id=customer_id,
    )
    holding, amount = amount_of(found)
    line = value_line(ctx, "account", holding, amount, pays=pays)
    payments, rounding = settled_payments(amount, tenders, cash_rule(place.settings))
    nothing: dict[str, Any] = {"taxes": [], "quantities": [], "base": 0, "tax": 0}
    priced = Priced(
        lines=[line], payments=payments, rounding=rounding, total=amount + rounding, value=amount, **nothing
    )
    priced = with_accounts(priced, tenders, found)
    booked = record_sale(
        ctx,
        place,
        priced,
        sale_id=data.id,
        kind="sale",
        fingerprint=fingerprint,
        void_of=None,
        reason=None,
        block=False,
        about=About(customer_id, None, data.note),
        value=plan_sale(ctx, place.settings, priced, found),
    )
    said = {"pays": str(pays)} if pays is not None else {}
    ctx.note(f"sale:{booked.id}", receipt=booked.receipt, total=booked.total, moved=0, **said)
    return booked
