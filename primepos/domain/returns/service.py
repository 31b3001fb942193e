"""Goods that come back: refunds by receipt, exchanges, returns without a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from primepos.core.amounts import InvalidAmount, currency
from primepos.core.context import Context
from primepos.core.errors import ApprovalRequired, PermissionDenied
from primepos.core.operations import operation
from primepos.core.permissions import Act, Permission
from primepos.domain.catalog.errors import ComponentArchived, ParentNotSold, UnitNotFound
from primepos.domain.inventory.lot_errors import LotNotHere, SerialInStock
from primepos.domain.payments.settlement import NotPaid, cash_rule
from primepos.domain.returns.refunding import (
    Earlier,
    Return,
    cards_left,
    goods_back,
    price_exchange,
    price_refund,
    returned_lines,
    wanted_returns,
    what_is_left,
    worth_back,
)
from primepos.domain.sales import queries
from primepos.domain.sales.booking import Priced, price_lines, price_return, request_hash
from primepos.domain.sales.errors import (
    AlreadyVoided,
    CannotRefund,
    CardExceeded,
    NothingToRefund,
    OutletNotFound,
    OutOfStock,
    ReturnExceedsSold,
    SaleConflict,
    SaleNotFound,
    TendersDiffer,
    UnknownProduct,
    ValueExceeded,
)
from primepos.domain.sales.goods_errors import AgeNotConfirmed
from primepos.domain.sales.offering import Wish
from primepos.domain.sales.packing import GOODS_REFUSALS, check_goods
from primepos.domain.sales.recording import About, at_counter, record_sale, with_shift
from primepos.domain.sales.rights import return_acts, sale_acts
from primepos.domain.sales.schemas import (
    ExchangeGoods,
    GetSale,
    Refundable,
    RefundSale,
    ReturnGoods,
    SaleOut,
)
from primepos.domain.sales.tendering import (
    VALUE_REFUSALS,
    plan_exchange,
    plan_refund,
    wallet_of,
)
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.pricing.errors import DiscountTooLarge, InvalidCart, InvalidTender, UnsolvableTaxes

# Records of goods that came back have nothing to give back themselves.
REFUNDABLE = frozenset({"sale", "imported"})


@operation(
    "sales.refund",
    permission=Permission.REFUND_WITH_RECEIPT,
    weighs=True,
    raises=(
        SaleNotFound,
        OutletNotFound,
        CannotRefund,
        AlreadyVoided,
        NothingToRefund,
        ReturnExceedsSold,
        TendersDiffer,
        CardExceeded,
        ValueExceeded,
        SaleConflict,
        TenantSuspended,
        InvalidAmount,
        *VALUE_REFUSALS,
        LotNotHere,
        SerialInStock,
    ),
)
def refund_sale(ctx: Context, data: RefundSale) -> SaleOut:
    """Take goods of a sale back by its receipt, in whole, by line or by piece; never more than is left.

    Booked into the outlet's own series as a record of kind ``refund``, every figure below zero: each amount and tax is
    the share of what was charged, and all refunds of a sale together are the sale to the minor unit. The money goes
    back to what paid, cards first, unless ``tenders`` say otherwise. Safe to repeat with the same ``id``.
    """
    fingerprint = request_hash(data)
    sale, earlier = _sold(ctx, data.sale_id)
    counter = at_counter(ctx, data.outlet_id or sale.outlet_id, data.id, fingerprint)
    if isinstance(counter, SaleOut):
        return counter
    _require_standing(sale)
    returns = wanted_returns(sale, earlier, data.lines)
    ctx.require_all([_refund_act(sale, earlier, returns)])
    # Before the accounts are locked: a new day's shift is committed by itself.
    place = with_shift(ctx, counter.place, data.id)
    wallet = wallet_of(ctx, place.settings, sale, data.tenders)
    priced = price_refund(sale, earlier, returns, data.tenders, cash_rule(place.settings), wallet)
    _move_back(ctx, sale, earlier, returns, priced)
    back = returned_lines(sale, earlier, returns)
    booked = record_sale(
        ctx,
        place,
        priced,
        sale_id=data.id,
        kind="refund",
        fingerprint=fingerprint,
        void_of=None,
        reason=data.reason,
        block=False,
        returns=back,
        about=About(sale.customer_id, sale.salesperson_id),
        value=plan_refund(wallet, sale, priced, back),
    )
    ctx.note(
        f"sale:{booked.id}",
        refund_of=str(data.sale_id),
        receipt=booked.receipt,
        reason=data.reason,
        total=booked.total,
        moved=len(priced.quantities),
    )
    return booked


def _sold(ctx: Context, sale_id: UUID) -> tuple[SaleOut, Earlier]:
    """Return a sale and what came back of it.

    Raises:
        SaleNotFound: there is none, or the caller does not work where it was sold.
    """
    # Before the sale itself: what comes in between is then seen there, or by the index of returns.
    earlier = Earlier(*queries.returned_before(ctx.uow, ctx.tenant_id, sale_id))
    sale = queries.read_sale(ctx.uow, ctx.tenant_id, sale_id)
    if sale is None or not ctx.identity.may_use_outlet(sale.outlet_id):
        raise SaleNotFound(sale=str(sale_id))
    return sale, earlier


def _require_standing(sale: SaleOut) -> None:
    if sale.kind not in REFUNDABLE:
        raise CannotRefund
    if sale.voided_by is not None:
        raise AlreadyVoided


def _refund_act(sale: SaleOut, earlier: Earlier, returns: Sequence[Return]) -> Act:
    """Return what taking these goods back weighs: all that came back of the sale, this included.

    So nobody stays within a limit by refunding in parts.
    """
    return Act(
        permission=Permission.REFUND_WITH_RECEIPT,
        amount=worth_back(sale, earlier, returns),
        sold_on=sale.business_date,
        outlet_id=sale.outlet_id,
        subject=f"sale:{sale.id}",
    )


def _move_back(ctx: Context, sale: SaleOut, earlier: Earlier, returns: Sequence[Return], priced: Priced) -> None:
    """Add the goods that go back into stock: those that left it when they were sold and can be sold again."""
    moved = queries.goods_moved(ctx.uow, ctx.tenant_id, sale.id)
    first = len(priced.lines) - len(returns) + 1
    priced.quantities.extend(goods_back(sale, earlier, returns, moved, first=first))


@operation(
    "sales.exchange",
    permission=Permission.REFUND_WITH_RECEIPT,
    weighs=True,
    raises=(
        SaleNotFound,
        OutletNotFound,
        UnknownProduct,
        CannotRefund,
        AlreadyVoided,
        ReturnExceedsSold,
        NotPaid,
        TendersDiffer,
        CardExceeded,
        OutOfStock,
        SaleConflict,
        TenantSuspended,
        PermissionDenied,
        ApprovalRequired,
        InvalidAmount,
        InvalidCart,
        InvalidTender,
        DiscountTooLarge,
        UnsolvableTaxes,
        ValueExceeded,
        *VALUE_REFUSALS,
        *GOODS_REFUSALS,
        AgeNotConfirmed,
        SerialInStock,
    ),
)
def exchange_goods(ctx: Context, data: ExchangeGoods) -> SaleOut:
    """Take goods of a sale back and sell others, in one record with one number; only the difference is paid.

    What comes back is worth what was paid for it, what is taken instead costs what it costs now. Taxes of the two stay
    apart. The record is a sale: what was taken instead can be refunded by its receipt, but it cannot be voided.
    Safe to repeat with the same ``id``.
    """
    fingerprint = request_hash(data)
    sale, earlier = _sold(ctx, data.sale_id)
    wish = Wish(sale.customer_id)
    counter = at_counter(ctx, data.outlet_id or sale.outlet_id, data.id, fingerprint, data.lines, wish)
    if isinstance(counter, SaleOut):
        return counter
    _require_standing(sale)
    place = counter.place
    returns = wanted_returns(sale, earlier, data.returns)
    checked, flags = check_goods(
        ctx, data.lines, counter.goods, place, customer_id=sale.customer_id, age_confirmed=data.age_confirmed
    )
    sold = price_lines(
        data.lines,
        counter.goods,
        counter.taxes,
        currency_code=place.currency,
        settings=place.settings,
        checked=checked,
        deal=counter.deal,
    )
    ctx.require_all(
        [
            _refund_act(sale, earlier, returns),
            *sale_acts(
                data.lines,
                counter.goods,
                exponent=currency(place.currency).exponent,
                outlet_id=place.outlet_id,
                subject=f"sale:{data.id}",
            ),
        ]
    )
    # Before the accounts are locked: a new day's shift is committed by itself.
    place = with_shift(ctx, place, data.id)
    wallet = wallet_of(ctx, place.settings, sale, data.tenders)
    priced = price_exchange(sale, earlier, returns, sold, data.tenders, cash_rule(place.settings), wallet)
    _move_back(ctx, sale, earlier, returns, priced)
    back = returned_lines(sale, earlier, returns, after=len(sold.lines))
    priced, value = plan_exchange(ctx, place.settings, wallet, sale, priced, back, data.tenders)
    booked = record_sale(
        ctx,
        with_shift(ctx, place, data.id),
        priced,
        sale_id=data.id,
        kind="sale",
        flags=flags,
        fingerprint=fingerprint,
        void_of=None,
        reason=data.reason,
        block=True,
        returns=back,
        about=About(sale.customer_id, sale.salesperson_id),
        value=value,
    )
    ctx.note(
        f"sale:{booked.id}",
        exchange_of=str(data.sale_id),
        receipt=booked.receipt,
        reason=data.reason,
        total=booked.total,
        moved=len(priced.quantities),
    )
    return booked


@operation(
    "sales.return_goods",
    permission=Permission.REFUND_NO_RECEIPT,
    weighs=True,
    raises=(
        OutletNotFound,
        UnknownProduct,
        SaleConflict,
        TenantSuspended,
        PermissionDenied,
        ApprovalRequired,
        InvalidAmount,
        InvalidCart,
        UnsolvableTaxes,
        ParentNotSold,
        ComponentArchived,
        UnitNotFound,
        SerialInStock,
    ),
)
def return_goods(ctx: Context, data: ReturnGoods) -> SaleOut:
    """Take goods back whose receipt is lost: at today's prices, for cash, flagged ``NO_RECEIPT`` for a person to see.

    Nothing says that they were sold here, so it needs a permission of its own. Safe to repeat with the same ``id``.
    """
    fingerprint = request_hash(data)
    counter = at_counter(ctx, data.outlet_id, data.id, fingerprint, data.lines)
    if isinstance(counter, SaleOut):
        return counter
    place = counter.place
    priced = price_return(data, counter.goods, counter.taxes, currency_code=place.currency, settings=place.settings)
    subject, exponent = f"sale:{data.id}", currency(place.currency).exponent
    ctx.require_all(
        [
            Act(
                permission=Permission.REFUND_NO_RECEIPT,
                amount=-priced.total,
                outlet_id=data.outlet_id,
                subject=subject,
            ),
            *return_acts(data.lines, counter.goods, exponent=exponent, outlet_id=data.outlet_id, subject=subject),
        ]
    )
    booked = record_sale(
        ctx,
        with_shift(ctx, place, data.id),
        priced,
        sale_id=data.id,
        kind="refund",
        fingerprint=fingerprint,
        void_of=None,
        reason=data.reason,
        block=False,
        flags=["NO_RECEIPT"],
    )
    ctx.note(
        f"sale:{booked.id}",
        receipt=booked.receipt,
        reason=data.reason,
        total=booked.total,
        moved=len(priced.quantities),
        flags=booked.flags,
    )
    return booked


@operation(
    "sales.refundable", permission=Permission.SALE_READ, reads=True, raises=(SaleNotFound, CannotRefund, AlreadyVoided)
)
def refundable(ctx: Context, data: GetSale) -> Refundable:
    """Say what can still come back of a sale: by line how much and what it is worth, and how much to cards."""
    sale, earlier = _sold(ctx, data.id)
    _require_standing(sale)
    lines = what_is_left(sale, earlier)
    return Refundable(
        sale_id=sale.id,
        receipt=sale.receipt,
        currency=sale.currency,
        lines=lines,
        amount=sum(line.amount for line in lines),
        cards=sum(cards_left(sale, earlier).values()),
    )
