"""What goes into and comes out of the operations on the catalogue.

A unit price is in currency units with up to four places, a rate in percent, a quantity has up to three places.
"""

import unicodedata
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from primepos.core.amounts import RATE_PLACES, InvalidAmount, parse_decimal, parse_quantity, parse_unit_price
from primepos.core.paging import CURSOR_LENGTH
from primepos.core.texts import Code, Name, Sku, tidy

# What a scanner sends: visible ASCII without blanks, as long as a Code 128 gets in a shop.
Barcode = Annotated[str, Meta(min_length=1, max_length=48, pattern=r"\A[!-~]+\Z")]
Cursor = Annotated[str, Meta(min_length=1, max_length=CURSOR_LENGTH)]
PageSize = Annotated[int, Meta(ge=1, le=200)]
Version = Annotated[int, Meta(ge=0, le=2**63 - 1)]
SoldBy = Literal["each", "weight"]
TaxKind = Literal["percent", "fixed", "division"]
UnitCode = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"\A[a-z0-9][a-z0-9-]*\Z")]
ContentUnit = Literal["g", "kg", "ml", "l", "m", "piece"]
Tracking = Literal["none", "lot", "serial"]
Age = Annotated[int, Meta(ge=1, le=99)]
Kind = Literal["simple", "parent", "variant", "kit"]
OptionValue = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]
# What a scale can say; a label's weight is in kilograms.
WEIGHT_UNITS = frozenset({"kg"})
MOST_TAX = Decimal("999.9999")
# Fixed taxes are currency units a piece, and a unit of some currencies is worth very little.
MOST_FIXED_TAX = Decimal("99999999.9999")


def tidy_goods(name: str) -> str:
    """Return a product's name in composed form, no blanks around it and one between words.

    Composed (NFC), not the compatibility form (NFKC): that would sell size ``91⁄2`` for ``9½``.
    """
    return " ".join(unicodedata.normalize("NFC", name).split())


def checked_price(price: Decimal) -> Decimal:
    """Return a unit price of at most four places. Raises: ``INVALID_AMOUNT`` where it is below zero."""
    checked = parse_unit_price(price)
    if checked < 0:
        raise InvalidAmount(what="unit price", problem="must not be below zero")
    return checked


def above_zero(quantity: Decimal, what: str) -> Decimal:
    """Return a quantity of at most three places. Raises: ``INVALID_AMOUNT`` unless it is above zero."""
    checked = parse_quantity(quantity)
    if checked <= 0:
        raise InvalidAmount(what=what, problem="must be above zero")
    return checked


class BarcodeIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of a product. ``quantity`` is what one scan means: 6 for the code on a six-pack."""

    code: Barcode
    quantity: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        force_setattr(self, "quantity", above_zero(self.quantity, "quantity"))


class CreateProduct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new product. The SKU is kept to the letter.

    The tax class is named by id or code, the category by id or name; without a tax class the one called
    ``standard``, or the only one, is taken. ``unit`` is what price and stock count: ``piece``, or ``kg`` for what is
    sold by weight. ``content`` is what is in one of it (``content_quantity`` 0.75, ``content_unit`` l), for the price
    per litre or kilogram. ``tare`` is what the packing weighs, in kilograms. ``tracking``: by lot or by serial number.
    """

    sku: Sku
    name: Name
    unit_price: Decimal
    tax_class_id: UUID | None = None
    tax_class: Code | None = None
    category_id: UUID | None = None
    category: Name | None = None
    sold_by: SoldBy = "each"
    track_stock: bool = True
    barcodes: Annotated[list[BarcodeIn], Meta(max_length=100)] = []
    allow_invalid: bool = False
    unit: UnitCode | None = None
    content_quantity: Decimal | None = None
    content_unit: ContentUnit | None = None
    tare: Decimal | None = None
    tracking: Tracking = "none"
    minimum_age: Age | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "name", tidy_goods(self.name))
        force_setattr(self, "unit_price", checked_price(self.unit_price))
        tidy(self, "category")
        if (self.content_quantity is None) != (self.content_unit is None):
            raise ValueError("give content_quantity and content_unit together")
        for name in ("content_quantity", "tare"):
            if getattr(self, name) is not None:
                force_setattr(self, name, above_zero(getattr(self, name), name))


class UpdateProduct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a product; what is left out stays. ``version`` is the one the caller read, to notice other changes."""

    id: UUID
    version: Version | None = None
    sku: Sku | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    unit_price: Decimal | UnsetType = UNSET
    tax_class_id: UUID | UnsetType = UNSET
    category_id: UUID | UnsetType | None = UNSET
    sold_by: SoldBy | UnsetType = UNSET
    track_stock: bool | UnsetType = UNSET
    unit: UnitCode | UnsetType = UNSET
    content_quantity: Decimal | UnsetType | None = UNSET
    content_unit: ContentUnit | UnsetType | None = UNSET
    tare: Decimal | UnsetType | None = UNSET
    tracking: Tracking | UnsetType = UNSET
    minimum_age: Age | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if isinstance(self.name, str):
            force_setattr(self, "name", tidy_goods(self.name))
        if isinstance(self.unit_price, Decimal):
            force_setattr(self, "unit_price", checked_price(self.unit_price))
        for name in ("content_quantity", "tare"):
            if isinstance(getattr(self, name), Decimal):
                force_setattr(self, name, above_zero(getattr(self, name), name))


class GetProduct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one product, by id or by SKU."""

    id: UUID | None = None
    sku: Sku | None = None

    def __post_init__(self) -> None:
        if (self.id is None) == (self.sku is None):
            raise ValueError("give either an id or a SKU")


class NameProduct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one product by id."""

    id: UUID


class ListProducts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of the products on sale, or of the archived ones instead.

    ``after`` is the ``next`` of the page before, in the same order.
    """

    order: Literal["sku", "name"] = "sku"
    category_id: UUID | None = None
    parent_id: UUID | None = None
    archived: bool = False
    after: Cursor | None = None
    limit: PageSize = 50


class SearchProducts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for products by words or pieces of words, SKU or barcode; best first."""

    query: Annotated[str, Meta(max_length=200, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]
    limit: PageSize = 20


class LookUp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scanner sent or a cashier typed: a barcode, a SKU, or a label with a weight, price or count.

    ``gross`` is what the scale shows for goods sold by weight, in kilograms; the tare is taken off.
    """

    code: Sku
    gross: Decimal | None = None

    def __post_init__(self) -> None:
        if self.gross is not None:
            force_setattr(self, "gross", above_zero(self.gross, "gross"))


class PullSnapshot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for what changed after version ``since_version``; 0 asks for everything.

    ``after`` is the ``version`` of the page before.
    """

    since_version: Version = 0
    after: Version | None = None
    limit: Annotated[int, Meta(ge=1, le=2000)] = 2000


class SetBarcodes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All codes of a product; those it has and that are not given are taken off.

    ``allow_invalid`` takes codes that look like a GTIN with a wrong check digit.
    """

    product_id: UUID
    barcodes: Annotated[list[BarcodeIn], Meta(max_length=100)]
    allow_invalid: bool = False


class CreateCategory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new category."""

    name: Name

    def __post_init__(self) -> None:
        tidy(self, "name")


class NameCategory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one category."""

    id: UUID


class ListCategories(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the categories in use, or for the archived ones instead."""

    archived: bool = False


class CreateTax(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new tax. ``amount`` is percent, for ``fixed`` currency units a piece.

    ``affects_base``: later taxes of a class are worked out on top of this one. ``base_affected`` false shields this
    one from earlier such taxes.
    """

    code: Code
    name: Name
    kind: TaxKind = "percent"
    amount: Decimal
    included: bool
    affects_base: bool = False
    base_affected: bool = True

    def __post_init__(self) -> None:
        tidy(self, "name")
        most = MOST_FIXED_TAX if self.kind == "fixed" else MOST_TAX
        force_setattr(self, "amount", _tax_amount(self.amount, most))


class UpdateTax(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a tax; what is left out stays. Sales that are booked keep the rate they were charged."""

    id: UUID
    name: Name | UnsetType = UNSET
    amount: Decimal | UnsetType = UNSET
    included: bool | UnsetType = UNSET
    affects_base: bool | UnsetType = UNSET
    base_affected: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")
        if isinstance(self.amount, Decimal):
            # Whether it is a percentage shows when the tax is read.
            force_setattr(self, "amount", _tax_amount(self.amount, MOST_FIXED_TAX))


def _tax_amount(amount: Decimal, most: Decimal) -> Decimal:
    return parse_decimal(amount, what="amount", places=RATE_PLACES, maximum=most)


class CreateTaxClass(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new tax class with its taxes in the order in which they are worked out."""

    code: Code
    name: Name
    tax_ids: Annotated[list[UUID], Meta(max_length=20)] = []

    def __post_init__(self) -> None:
        tidy(self, "name")


class SetClassTaxes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All taxes of a class, in the order in which they are worked out; none is exempt."""

    tax_class_id: UUID
    tax_ids: Annotated[list[UUID], Meta(max_length=20)]


class ListTaxes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for every tax."""


class ListTaxClasses(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for every tax class."""


class UpsertProduct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of a bulk load, found by SKU. None leaves an existing product's value, and a new one's default."""

    sku: Sku
    name: Name
    unit_price: Decimal
    tax_class: Code | None = None
    category: Name | None = None
    sold_by: SoldBy | None = None
    track_stock: bool | None = None
    barcodes: Annotated[list[BarcodeIn], Meta(max_length=100)] = []

    def __post_init__(self) -> None:
        force_setattr(self, "name", tidy_goods(self.name))
        force_setattr(self, "unit_price", checked_price(self.unit_price))
        tidy(self, "category")


class BarcodeOut(Struct, frozen=True, kw_only=True):
    """A code of a product and what one scan of it means."""

    code: str
    quantity: Decimal


class UnitOut(Struct, frozen=True, kw_only=True):
    """A unit in which a product is sold beside its own.

    ``factor`` of the product's unit are in one; ``unit_price`` is what one costs, ``has_own_price`` whether that was
    set or follows from the product's price.
    """

    code: str
    name: str
    factor: Decimal
    unit_price: Decimal
    has_own_price: bool


class ComponentOut(Struct, frozen=True, kw_only=True):
    """So much of a product in one of a kit."""

    product_id: UUID
    sku: str
    name: str
    quantity: Decimal


class OptionOut(Struct, frozen=True, kw_only=True):
    """What variants differ in, and its values in order."""

    name: str
    values: list[str]


class ImageOut(Struct, frozen=True, kw_only=True):
    """What is known of a product's picture; sizes in pixels and bytes."""

    media_type: str
    width: int
    height: int
    size: int
    added_at: datetime


class ProductOut(Struct, frozen=True, kw_only=True):
    """A product, whole. ``version`` grows with every change of any product."""

    id: UUID
    sku: str
    name: str
    unit_price: Decimal
    tax_class_id: UUID
    tax_class: str
    category_id: UUID | None
    category: str | None
    sold_by: str
    track_stock: bool
    version: int
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    barcodes: list[BarcodeOut]
    kind: Kind = "simple"
    unit: str = "piece"
    content_quantity: Decimal | None = None
    content_unit: str | None = None
    tare: Decimal | None = None
    tracking: Tracking = "none"
    minimum_age: int | None = None
    kit_price: Literal["own", "sum"] = "own"
    parent_id: UUID | None = None
    parent_sku: str | None = None
    option_values: list[str] = []
    options: list[OptionOut] = []
    units: list[UnitOut] = []
    components: list[ComponentOut] = []
    image: ImageOut | None = None


class ProductRow(Struct, frozen=True, kw_only=True):
    """A product in a list."""

    id: UUID
    sku: str
    name: str
    unit_price: Decimal
    tax_class: str
    category: str | None
    sold_by: str
    track_stock: bool
    version: int
    archived_at: datetime | None
    kind: Kind = "simple"
    unit: str = "piece"
    parent_sku: str | None = None
    option_values: list[str] = []


class ProductPage(Struct, frozen=True, kw_only=True):
    """A page of products; ``next`` None says it is the last."""

    items: list[ProductRow]
    next: str | None


class SearchHit(Struct, frozen=True, kw_only=True):
    """A product found; ``exact`` by its SKU or barcode. A ``parent`` is not sold, its variants are."""

    id: UUID
    sku: str
    name: str
    unit_price: Decimal
    exact: bool
    kind: Kind = "simple"
    parent_sku: str | None = None


class SearchHits(Struct, frozen=True, kw_only=True):
    """Products found, best first: exact code, start of the name, anywhere."""

    items: list[SearchHit]


class LookUpOut(Struct, frozen=True, kw_only=True):
    """What a code stands for: a product, how much of it, at which unit price.

    ``found_by`` is barcode, sku or label; ``label`` says what a label's value is, ``label_value`` it (kilograms,
    currency units or pieces). Where the code stands for a unit of the product, quantity and price are of that unit,
    and ``factor`` of the product's own are in one.
    """

    product: ProductOut
    quantity: Decimal
    unit_price: Decimal
    found_by: Literal["barcode", "sku", "label"]
    label: Literal["item", "weight", "price", "count"] | None = None
    label_value: Decimal | None = None
    unit: str = ""
    factor: Decimal = Decimal(1)


class TaxOut(Struct, frozen=True, kw_only=True):
    """One tax; fields as :class:`CreateTax`."""

    id: UUID
    code: str
    name: str
    kind: TaxKind
    amount: Decimal
    included: bool
    affects_base: bool
    base_affected: bool


class TaxList(Struct, frozen=True, kw_only=True):
    """Every tax, by code."""

    items: list[TaxOut]


class TaxClassOut(Struct, frozen=True, kw_only=True):
    """A tax class and its taxes in the order in which they are worked out."""

    id: UUID
    code: str
    name: str
    archived_at: datetime | None
    taxes: list[TaxOut]


class TaxClassList(Struct, frozen=True, kw_only=True):
    """Every tax class, by code."""

    items: list[TaxClassOut]


class CategoryOut(Struct, frozen=True, kw_only=True):
    """A category."""

    id: UUID
    name: str
    archived_at: datetime | None


class CategoryList(Struct, frozen=True, kw_only=True):
    """Every category asked for, by name."""

    items: list[CategoryOut]


class SnapshotProduct(Struct, frozen=True, kw_only=True):
    """A product as a till keeps it; ``archived`` ones, and parents, are to be dropped there."""

    id: UUID
    sku: str
    name: str
    unit_price: Decimal
    tax_class_id: UUID
    category: str | None
    sold_by: str
    track_stock: bool
    version: int
    archived: bool
    barcodes: list[BarcodeOut]
    kind: Kind = "simple"
    unit: str = "piece"
    tare: Decimal | None = None
    tracking: Tracking = "none"
    minimum_age: int | None = None
    units: list[UnitOut] = []
    components: list[ComponentOut] = []


class SnapshotRule(Struct, frozen=True, kw_only=True):
    """One of the shop's rules for labels, as :class:`primepos.pricing.barcodes.BarcodeRule` takes it."""

    pattern: str
    decimals: int
    name: str


class CatalogSnapshot(Struct, frozen=True, kw_only=True):
    """One page of what changed, in the order of versions; ``version`` is where the next page or pull goes on.

    Tax classes and label rules are whole on every page: they are few, and a till prices by them offline.
    """

    products: list[SnapshotProduct]
    tax_classes: list[TaxClassOut]
    barcode_rules: list[SnapshotRule]
    currency: str
    version: int
    more: bool


class UpsertCounts(Struct, frozen=True, kw_only=True):
    """What a bulk load did to its rows.

    ``prices_kept`` changes of price were left out for want of the permission; ``barcodes_taken`` are codes that
    belong to other products and stayed there.
    """

    created: int
    updated: int
    unchanged: int
    prices_kept: int
    barcodes_taken: list[str]
