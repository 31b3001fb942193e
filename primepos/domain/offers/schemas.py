"""What goes into and comes out of the operations on offers.

Unit prices are in currency units with up to four places, amounts and thresholds in minor units, percentages up to four
places. Moments carry their zone; days and hours are the shop's.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from primepos.core.paging import CURSOR_LENGTH
from primepos.core.texts import Code, Name, tidy

Cursor = Annotated[str, Meta(min_length=1, max_length=CURSOR_LENGTH)]
PageSize = Annotated[int, Meta(ge=1, le=200)]
Moment = Annotated[datetime, Meta(tz=True)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z", description="hours of the shop's zone")]
Minor = Annotated[int, Meta(ge=0, le=10**15)]
Priority = Annotated[int, Meta(ge=-1000, le=1000)]
Percent = Annotated[Decimal, Meta(description="percent, up to four places")]
Pieces = Annotated[int, Meta(ge=1, le=100)]
PriceKind = Literal["price", "percent_off", "cost_plus"]
PromotionKind = Literal["percent", "amount", "n_for_m", "nth", "bundle", "mix", "spend"]
# What is printed and typed: capitals, digits and hyphens; a till reads small letters as capitals.
CouponCode = Annotated[str, Meta(min_length=3, max_length=32, pattern=r"\A[A-Z0-9][A-Z0-9-]*\Z")]
TypedCoupon = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[ -~]*\Z")]
Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]
Ids = Annotated[list[UUID], Meta(max_length=500)]


class TermsIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When, where and for whom: what is left out does not restrict.

    ``valid_to`` is the first moment at which it is over. ``to_time`` before ``from_time`` spans midnight.
    """

    valid_from: Moment | None = None
    valid_to: Moment | None = None
    days: Annotated[list[Day], Meta(max_length=7)] = []
    from_time: Clock | None = None
    to_time: Clock | None = None
    outlet_ids: Ids = []
    group_ids: Ids = []
    customer_ids: Ids = []

    def __post_init__(self) -> None:
        if self.valid_from is not None and self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be after valid_from")
        if (self.from_time is None) != (self.to_time is None) or (
            self.from_time is not None and self.from_time == self.to_time
        ):
            raise ValueError("give from_time and to_time together, and not the same")


class TermsOut(Struct, frozen=True, kw_only=True):
    """When, where and for whom; fields as :class:`TermsIn`."""

    valid_from: datetime | None
    valid_to: datetime | None
    days: list[str]
    from_time: str | None
    to_time: str | None
    outlet_ids: list[UUID]
    group_ids: list[UUID]
    customer_ids: list[UUID]


# --- price lists ------------------------------------------------------------------------------------------------------


class CreatePriceList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new price list without prices. Of those that hold, the higher ``priority`` is asked first.

    ``step`` is what a worked-out price is rounded to, in currency units (0.05); None is the currency's decimals.
    """

    code: Code
    name: Name
    priority: Priority = 0
    step: Decimal | None = None
    terms: TermsIn = TermsIn()

    def __post_init__(self) -> None:
        tidy(self, "name")


class UpdatePriceList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a price list from now on; what is left out stays. ``terms`` replace all of the old ones."""

    id: UUID
    name: Name | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    step: Decimal | UnsetType | None = UNSET
    terms: TermsIn | UnsetType = UNSET
    archived: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")


class ListPriceIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One price: of a product (by id or SKU), of a category (by id or name), or of everything.

    ``kind`` price: ``amount`` is the price of one, for a product only; percent_off: percent off the catalogue's price;
    cost_plus: percent on top of the average cost at the outlet. ``amount`` None takes the price out of the list.
    """

    product_id: UUID | None = None
    sku: Annotated[str, Meta(max_length=64)] | None = None
    category_id: UUID | None = None
    category: Name | None = None
    kind: PriceKind = "price"
    amount: Decimal | None
    from_quantity: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        named = (self.product_id, self.sku, self.category_id, self.category)
        if sum(each is not None for each in named) > 1:
            raise ValueError("name a product or a category, once")
        if self.kind == "price" and self.product_id is None and self.sku is None and self.amount is not None:
            raise ValueError("a price is of a product; use percent_off or cost_plus for a category")


class SetListPrices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set prices of a list, from now on; prices not named stay, and what was before is kept."""

    price_list_id: UUID
    prices: Annotated[list[ListPriceIn], Meta(min_length=1, max_length=1000)]


class NamePriceList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name a price list by id."""

    id: UUID


class ShowPriceList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a price list with a page of its prices, as they are now or were at a moment.

    ``after`` is the ``next`` of the page before.
    """

    id: UUID
    at: Moment | None = None
    after: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


class ListPriceLists(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the price lists in use, or for the archived ones instead."""

    archived: bool = False


class ListPriceOut(Struct, frozen=True, kw_only=True):
    """One price of a list, with who set it and since when; ``until`` None is that it still holds."""

    product_id: UUID | None
    sku: str | None
    category_id: UUID | None
    category: str | None
    kind: PriceKind
    amount: Decimal
    from_quantity: Decimal
    since: datetime
    until: datetime | None
    set_by: str


class PriceListOut(Struct, frozen=True, kw_only=True):
    """A price list without its prices."""

    id: UUID
    code: str
    name: str
    priority: int
    step: Decimal | None
    terms: TermsOut
    archived_at: datetime | None


class PriceListWhole(Struct, frozen=True, kw_only=True):
    """A price list with a page of its prices; ``next`` None says it is the last."""

    price_list: PriceListOut
    prices: list[ListPriceOut]
    next: str | None


class PriceListList(Struct, frozen=True, kw_only=True):
    """Price lists, in the order in which they are asked where they name the sale equally."""

    items: list[PriceListOut]


class AskPrice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what a product costs, or cost at a moment, for whom and where; by id or SKU."""

    outlet_id: UUID
    product_id: UUID | None = None
    sku: Annotated[str, Meta(max_length=64)] | None = None
    quantity: Decimal = Decimal(1)
    customer_id: UUID | None = None
    at: Moment | None = None

    def __post_init__(self) -> None:
        if (self.product_id is None) == (self.sku is None):
            raise ValueError("name the product by id or by sku")


class PriceChangeOut(Struct, frozen=True, kw_only=True):
    """One change of a price, the catalogue's (``price_list`` None) or a list's; ``amount`` as its ``kind`` says."""

    at: datetime
    price_list: str | None
    kind: PriceKind
    amount: Decimal | None
    from_quantity: Decimal
    by: str


class PriceAt(Struct, frozen=True, kw_only=True):
    """What one of a product costs at a moment, and why; ``rule`` is ``catalogue`` or ``list:CODE``.

    ``changes`` are the latest changes of its prices up to then, newest first.
    """

    product_id: UUID
    sku: str
    at: datetime
    quantity: Decimal
    unit_price: Decimal
    catalogue_price: Decimal
    rule: str
    kind: str | None
    amount: Decimal | None
    changes: list[PriceChangeOut]


# --- promotions -------------------------------------------------------------------------------------------------------


class GoodsIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Products by id or SKU and categories by id or name; none at all is everything. ``count`` pieces, in a bundle."""

    product_ids: Ids = []
    skus: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=500)] = []
    category_ids: Ids = []
    categories: Annotated[list[Name], Meta(max_length=500)] = []
    count: Pieces = 1


class CreatePromotion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new promotion.

    - ``percent``: ``percent`` off the goods; ``amount``: ``amount`` off each piece or kilogram.
    - ``n_for_m``: of each ``count`` pieces ``pay`` are paid, the cheapest free; ``nth``: the cheapest of each ``count``
      gets ``percent`` off.
    - ``mix``: any ``count`` pieces for ``amount``; ``bundle``: its ``parts`` together for ``amount``.
    - ``spend``: from ``threshold`` on ``percent`` or ``amount`` off the goods; ``repeat``: for each threshold.

    A ``stackable`` one adds to others, an exclusive one has its goods for itself. ``needs_coupon``: a coupon calls it.
    """

    code: Code
    name: Name
    kind: PromotionKind
    goods: GoodsIn = GoodsIn()
    parts: Annotated[list[GoodsIn], Meta(max_length=20)] = []
    percent: Percent = Decimal(0)
    amount: Minor = 0
    count: Annotated[int, Meta(ge=0, le=100)] = 0
    pay: Annotated[int, Meta(ge=0, le=100)] = 0
    threshold: Minor = 0
    repeat: bool = False
    priority: Priority = 0
    stackable: bool = False
    needs_coupon: bool = False
    most_per_ticket: Annotated[int, Meta(ge=1, le=10**6)] | None = None
    terms: TermsIn = TermsIn()

    def __post_init__(self) -> None:
        tidy(self, "name")


class UpdatePromotion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a promotion from now on; what is left out stays. ``terms``, ``goods``, ``parts`` replace the old."""

    id: UUID
    name: Name | UnsetType = UNSET
    goods: GoodsIn | UnsetType = UNSET
    parts: Annotated[list[GoodsIn], Meta(max_length=20)] | UnsetType = UNSET
    percent: Percent | UnsetType = UNSET
    amount: Minor | UnsetType = UNSET
    count: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    pay: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    threshold: Minor | UnsetType = UNSET
    repeat: bool | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    stackable: bool | UnsetType = UNSET
    needs_coupon: bool | UnsetType = UNSET
    most_per_ticket: Annotated[int, Meta(ge=1, le=10**6)] | UnsetType | None = UNSET
    terms: TermsIn | UnsetType = UNSET
    archived: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")


class NamePromotion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name a promotion by id."""

    id: UUID


class ListPromotions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the promotions in use, or for the archived ones instead."""

    archived: bool = False


class GoodsOut(Struct, frozen=True, kw_only=True):
    """The goods of a promotion, or of one part of a bundle."""

    product_ids: list[UUID]
    category_ids: list[UUID]
    count: int


class PromotionOut(Struct, frozen=True, kw_only=True):
    """A promotion; fields as :class:`CreatePromotion`."""

    id: UUID
    code: str
    name: str
    kind: PromotionKind
    goods: GoodsOut
    parts: list[GoodsOut]
    percent: Decimal
    amount: int
    count: int
    pay: int
    threshold: int
    repeat: bool
    priority: int
    stackable: bool
    needs_coupon: bool
    most_per_ticket: int | None
    terms: TermsOut
    archived_at: datetime | None


class PromotionList(Struct, frozen=True, kw_only=True):
    """Promotions, the higher priority first, then by code."""

    items: list[PromotionOut]


class TryLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a cart that is only tried; the product by id or SKU."""

    product_id: UUID | None = None
    sku: Annotated[str, Meta(max_length=64)] | None = None
    quantity: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if (self.product_id is None) == (self.sku is None):
            raise ValueError("name the product by id or by sku")


class TryCart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what a cart would cost, now or at a moment: list prices, promotions, taxes, each explained.

    ``tax_mapping`` tries the mapping with this code.
    """

    outlet_id: UUID
    lines: Annotated[list[TryLine], Meta(min_length=1, max_length=500)]
    customer_id: UUID | None = None
    coupons: Annotated[list[TypedCoupon], Meta(max_length=20)] = []
    at: Moment | None = None
    tax_mapping: Code | None = None


class ReductionOut(Struct, frozen=True, kw_only=True):
    """What one promotion takes off, in minor units."""

    code: str
    name: str
    amount: int


class TriedLine(Struct, frozen=True, kw_only=True):
    """One line of a cart that was tried. Amounts in minor units; ``explain`` says how they came about."""

    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    catalogue_price: Decimal
    rule: str
    promotions: list[ReductionOut]
    discount: int
    base: int
    tax: int
    total: int
    explain: list[str]


class TriedCart(Struct, frozen=True, kw_only=True):
    """A cart that was tried; nothing is stored. ``exact``: every choice of promotions was compared."""

    currency: str
    lines: list[TriedLine]
    promotions: list[ReductionOut]
    tax_mapping: str | None
    base: int
    tax: int
    discount: int
    total: int
    exact: bool


# --- coupons ----------------------------------------------------------------------------------------------------------


class CreateCoupons(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make coupons that call a promotion: ``count`` with codes of their own, or one for each of ``codes``.

    ``most_uses`` 1 is single-use, None without end. ``id`` makes the call safe to repeat: it answers with the same
    codes. A ``prefix`` stands before made codes.
    """

    id: UUID
    promotion_id: UUID
    count: Annotated[int, Meta(ge=0, le=1000)] = 0
    codes: Annotated[list[CouponCode], Meta(max_length=1000)] = []
    prefix: Annotated[str, Meta(max_length=12, pattern=r"\A[A-Z0-9]*\Z")] = ""
    most_uses: Annotated[int, Meta(ge=1, le=10**9)] | None = 1
    customer_id: UUID | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None

    def __post_init__(self) -> None:
        if (self.count > 0) == bool(self.codes):
            raise ValueError("say how many to make, or give the codes")
        if len(set(self.codes)) != len(self.codes):
            raise ValueError("a code stands twice")
        if self.valid_from is not None and self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be after valid_from")


class ListCoupons(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of coupons by code, of a promotion or of a customer if asked."""

    promotion_id: UUID | None = None
    customer_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class CheckCoupon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask whether a coupon could be used now, by its code as printed or typed."""

    code: TypedCoupon
    customer_id: UUID | None = None


class BlockCoupon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Block a coupon from now on, or let it be used again (``blocked`` false)."""

    code: TypedCoupon
    reason: Reason
    blocked: bool = True


class HoldCoupon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep one use of a coupon for a ticket, for 15 minutes. ``id`` goes with the sale and makes the call safe."""

    id: UUID
    outlet_id: UUID
    code: TypedCoupon
    customer_id: UUID | None = None


class ReleaseCoupon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give a held use back. ``id`` is the hold's."""

    id: UUID


class CouponOut(Struct, frozen=True, kw_only=True):
    """A coupon. ``left`` None is without end; what is held counts as used."""

    id: UUID
    code: str
    promotion_id: UUID
    promotion: str
    customer_id: UUID | None
    most_uses: int | None
    used: int
    held: int
    left: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    blocked_at: datetime | None
    blocked_reason: str | None


class CouponsMade(Struct, frozen=True, kw_only=True):
    """Coupons that were made, in the order of their codes."""

    id: UUID
    promotion_id: UUID
    items: list[CouponOut]


class CouponPage(Struct, frozen=True, kw_only=True):
    """A page of coupons by code; ``next`` None says it is the last."""

    items: list[CouponOut]
    next: str | None


class CouponChecked(Struct, frozen=True, kw_only=True):
    """Whether a coupon could be used now; ``problem`` says why not."""

    coupon: CouponOut
    usable: bool
    reason: str | None
    problem: str | None


class CouponHeld(Struct, frozen=True, kw_only=True):
    """One use of a coupon that is held; ``promotion`` is the code of what it calls."""

    id: UUID
    code: str
    promotion: str
    state: str
    expires_at: datetime


# --- taxes ------------------------------------------------------------------------------------------------------------


class MappingRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods of one tax class bear the taxes of another, or none (``to_class_id`` None)."""

    from_class_id: UUID
    to_class_id: UUID | None = None


class CreateTaxMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new mapping of tax classes for outlets, groups or customers; one that names nobody is for a person to choose.

    ``others`` says what becomes of the classes not named: ``keep`` their taxes, or bear ``none``.
    """

    code: Code
    name: Name
    rules: Annotated[list[MappingRule], Meta(max_length=100)] = []
    others: Literal["keep", "none"] = "keep"
    outlet_ids: Ids = []
    group_ids: Ids = []
    customer_ids: Ids = []

    def __post_init__(self) -> None:
        tidy(self, "name")
        if self.code == "exempt":
            raise ValueError("exempt is the mapping of customers who bear no tax; it is always there")
        if len({each.from_class_id for each in self.rules}) != len(self.rules):
            raise ValueError("a tax class stands twice")


class UpdateTaxMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a mapping from now on; what is left out stays. Lists replace the old ones."""

    id: UUID
    name: Name | UnsetType = UNSET
    rules: Annotated[list[MappingRule], Meta(max_length=100)] | UnsetType = UNSET
    others: Literal["keep", "none"] | UnsetType = UNSET
    outlet_ids: Ids | UnsetType = UNSET
    group_ids: Ids | UnsetType = UNSET
    customer_ids: Ids | UnsetType = UNSET
    archived: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")
        if self.rules is not UNSET and len({each.from_class_id for each in self.rules}) != len(self.rules):
            raise ValueError("a tax class stands twice")


class NameTaxMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name a mapping of taxes by id."""

    id: UUID


class ListTaxMappings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the mappings of taxes in use, or for the archived ones instead."""

    archived: bool = False


class TaxMappingOut(Struct, frozen=True, kw_only=True):
    """A mapping of taxes; fields as :class:`CreateTaxMapping`."""

    id: UUID
    code: str
    name: str
    rules: list[MappingRule]
    others: str
    outlet_ids: list[UUID]
    group_ids: list[UUID]
    customer_ids: list[UUID]
    archived_at: datetime | None


class TaxMappingList(Struct, frozen=True, kw_only=True):
    """Mappings of taxes, by code."""

    items: list[TaxMappingOut]


# --- tills ------------------------------------------------------------------------------------------------------------


class PullOffers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the offers of an outlet as a till prices by; ``known`` is the version it has, -1 none."""

    outlet_id: UUID
    known: Annotated[int, Meta(ge=-1)] = -1


class OffersSnapshot(Struct, frozen=True, kw_only=True):
    """The offers of an outlet; ``offers`` is None where the till has this version.

    ``offers`` is what :class:`primepos.pricing.offers.Offers` is made of, as JSON text. What the goods cost the shop is
    not in it: prices on top of the cost are worked out. ``categories`` are the ids of categories by name, ``parents``
    the products that variants are variants of: offers name goods by these.
    """

    version: int
    offers: str | None
    categories: dict[str, UUID] = {}
    parents: dict[UUID, UUID] = {}
