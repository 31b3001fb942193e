"""Operations on price lists, and what a product costs or cost."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from primepos.core.amounts import InvalidAmount, parse_quantity
from primepos.core.context import Context
from primepos.core.errors import InvalidInput
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import CategoryNotFound, ProductNotFound
from primepos.domain.customers.errors import CustomerGroupNotFound, CustomerNotFound
from primepos.domain.offers.errors import DuplicatePriceList, PriceListNotFound
from primepos.domain.offers.figures import parse_percent, parse_price
from primepos.domain.offers.queries import lists, shared
from primepos.domain.offers.schemas import (
    AskPrice,
    CreatePriceList,
    ListPriceLists,
    NamePriceList,
    PriceAt,
    PriceListList,
    PriceListOut,
    PriceListWhole,
    SetListPrices,
    ShowPriceList,
    TermsIn,
    UpdatePriceList,
)
from primepos.domain.offers.trying import price_at
from primepos.domain.outlets.errors import OutletNotFound
from primepos.pricing.promotions import HUNDRED

_AUDIENCE = (OutletNotFound, CustomerGroupNotFound, CustomerNotFound)


@operation(
    "pricelists.create",
    permission=Permission.PRICELIST_WRITE,
    raises=(DuplicatePriceList, InvalidAmount, InvalidInput, *_AUDIENCE),
)
def create_price_list(ctx: Context, data: CreatePriceList) -> PriceListOut:
    """Add a price list for some customers, outlets or hours, or for everybody; its prices are set afterwards.

    Raises: ``DUPLICATE_PRICE_LIST``, ``INVALID_AMOUNT``, ``OUTLET_NOT_FOUND``, ``CUSTOMER_GROUP_NOT_FOUND``,
    ``CUSTOMER_NOT_FOUND``.
    """
    shared.lock_offers(ctx)
    values = {"code": data.code, "name": data.name, "priority": data.priority, "step": _step(data.step)}
    made = shared.insert(ctx, "price_list_id", {**values, **shared.terms_columns(data.terms)})
    _set_audience(ctx, made, data.terms)
    ctx.note(f"price list {data.code}", id=str(made))
    return lists.get_price_list(ctx, made)


@operation(
    "pricelists.update",
    permission=Permission.PRICELIST_WRITE,
    raises=(PriceListNotFound, InvalidAmount, InvalidInput, *_AUDIENCE),
)
def update_price_list(ctx: Context, data: UpdatePriceList) -> PriceListOut:
    """Change what a price list is called, when it is asked, when it holds and for whom; its prices stay.

    Raises: ``PRICE_LIST_NOT_FOUND``, ``INVALID_AMOUNT``, ``OUTLET_NOT_FOUND``, ``CUSTOMER_GROUP_NOT_FOUND``,
    ``CUSTOMER_NOT_FOUND``.
    """
    shared.lock_offers(ctx)
    before = lists.get_price_list(ctx, data.id)
    values: dict[str, Any] = {
        name: getattr(data, name) for name in ("name", "priority") if getattr(data, name) is not UNSET
    }
    if data.step is not UNSET:
        values["step"] = _step(data.step)
    if data.archived is not UNSET:
        values["archived_at"] = (before.archived_at or ctx.clock.now()) if data.archived else None
    if data.terms is not UNSET:
        values |= shared.terms_columns(data.terms)
    shared.change(ctx, "price_list_id", data.id, values)
    if data.terms is not UNSET:
        _set_audience(ctx, data.id, data.terms)
    ctx.note(f"price list {before.code}", changed=sorted(values))
    return lists.get_price_list(ctx, data.id)


@operation("pricelists.archive", permission=Permission.PRICELIST_WRITE, raises=(PriceListNotFound,))
def archive_price_list(ctx: Context, data: NamePriceList) -> PriceListOut:
    """Take a price list out of use; its prices and their history stay. Again changes nothing.

    Raises: ``PRICE_LIST_NOT_FOUND``.
    """
    shared.lock_offers(ctx)
    found = lists.get_price_list(ctx, data.id)
    ctx.note(f"price list {found.code}")
    if found.archived_at is None:
        shared.change(ctx, "price_list_id", data.id, {"archived_at": ctx.clock.now()})
    return lists.get_price_list(ctx, data.id)


@operation("pricelists.list", permission=Permission.PRODUCT_READ, reads=True)
def list_price_lists(ctx: Context, data: ListPriceLists) -> PriceListList:
    """List the price lists in use, the higher priority first; the archived ones instead if asked."""
    return PriceListList(items=lists.list_price_lists(ctx, archived=data.archived))


@operation("pricelists.show", permission=Permission.PRODUCT_READ, raises=(PriceListNotFound,), reads=True)
def show_price_list(ctx: Context, data: ShowPriceList) -> PriceListWhole:
    """Show a price list with a page of its prices, as they are or were at a moment.

    Raises: ``PRICE_LIST_NOT_FOUND``.
    """
    found = lists.get_price_list(ctx, data.id)
    page, more = lists.list_prices(ctx, data.id, data.at or ctx.clock.now(), data.after, data.limit)
    return PriceListWhole(price_list=found, prices=page, next=more)


@operation(
    "pricelists.set_prices",
    permission=Permission.PRICELIST_WRITE,
    raises=(PriceListNotFound, ProductNotFound, CategoryNotFound, InvalidAmount, InvalidInput),
)
def set_list_prices(ctx: Context, data: SetListPrices) -> PriceListWhole:
    """Set prices of a list from now on; ``amount`` None takes one out. Prices not named stay; what was is kept.

    Again with the same prices changes nothing. Answers with the list and its first page. Raises:
    ``PRICE_LIST_NOT_FOUND``, ``PRODUCT_NOT_FOUND``, ``CATEGORY_NOT_FOUND``, ``INVALID_AMOUNT``.
    """
    for each in data.prices:
        if parse_quantity(each.from_quantity) <= 0:
            raise InvalidInput("from_quantity: must be above zero")
        if each.amount is not None:
            amount = parse_price(each.amount) if each.kind == "price" else parse_percent(each.amount)
            if each.kind == "percent_off" and amount > HUNDRED:
                raise InvalidAmount(what="amount", problem="more than 100 percent cannot be taken off")
    shared.lock_offers(ctx)
    found = lists.get_price_list(ctx, data.price_list_id)
    count = lists.set_prices(ctx, found.id, data.prices, ctx.clock.now())
    ctx.note(f"price list {found.code}", prices=count)
    page, more = lists.list_prices(ctx, found.id, ctx.clock.now(), None, 200)
    return PriceListWhole(price_list=found, prices=page, next=more)


@operation(
    "pricelists.price_at",
    permission=Permission.PRODUCT_READ,
    raises=(ProductNotFound, OutletNotFound, CustomerNotFound, InvalidAmount, InvalidInput),
    reads=True,
)
def ask_price(ctx: Context, data: AskPrice) -> PriceAt:
    """Say what one of a product costs, or cost at a moment, by which rule, and the latest changes up to then.

    For the past: the prices as they were, by the lists as they are set up now. Raises: ``PRODUCT_NOT_FOUND``,
    ``OUTLET_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``.
    """
    return price_at(ctx, data)


def _step(step: Any) -> Any:
    """Return what prices are rounded to. Raises ``INVALID_AMOUNT``."""
    if step is None:
        return None
    if parse_price(step) <= 0:
        raise InvalidAmount(what="step", problem="must be above zero")
    return step


def _set_audience(ctx: Context, list_id: Any, terms: TermsIn) -> None:
    shared.set_audience(
        ctx,
        "price_list_id",
        list_id,
        outlets=terms.outlet_ids,
        groups=terms.group_ids,
        customers=terms.customer_ids,
    )
