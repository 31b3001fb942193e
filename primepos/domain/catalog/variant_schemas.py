"""What goes into and comes out of the operations on variants, units and kits."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from primepos.core.texts import Name, Sku, tidy
from primepos.domain.catalog.schemas import (
    Barcode,
    OptionOut,
    OptionValue,
    ProductOut,
    UnitCode,
    above_zero,
    checked_price,
    tidy_goods,
)

MOST_VARIANTS = 500


class OptionIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What variants differ in, such as size, and its values in the order in which people read them."""

    name: Annotated[str, Meta(min_length=1, max_length=50)]
    values: Annotated[list[OptionValue], Meta(min_length=1, max_length=100)]

    def __post_init__(self) -> None:
        force_setattr(self, "name", tidy_goods(self.name))
        force_setattr(self, "values", [tidy_goods(each) for each in self.values])
        if not self.name or not all(self.values) or len(set(self.values)) != len(self.values):
            raise ValueError("an option has a name, and values that differ")


class NewVariant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variant to make: one value of each option, in the order of the options.

    Without a SKU it is the parent's with the values; without a price it is the parent's.
    """

    values: Annotated[list[OptionValue], Meta(min_length=1, max_length=3)]
    sku: Sku | None = None
    unit_price: Decimal | None = None
    barcodes: Annotated[list[Barcode], Meta(max_length=20)] = []

    def __post_init__(self) -> None:
        force_setattr(self, "values", [tidy_goods(each) for each in self.values])
        if self.unit_price is not None:
            force_setattr(self, "unit_price", checked_price(self.unit_price))


class CreateVariants(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make a product a parent with these options, and variants of it: those named, or every combination.

    Combinations that are there already are left as they are, so the same call again makes nothing twice.
    """

    product_id: UUID
    options: Annotated[list[OptionIn], Meta(min_length=1, max_length=3)]
    variants: Annotated[list[NewVariant], Meta(max_length=MOST_VARIANTS)] = []
    allow_invalid: bool = False

    def __post_init__(self) -> None:
        names = [each.name for each in self.options]
        if len(set(names)) != len(names):
            raise ValueError("two options have the same name")
        if any(len(each.values) != len(names) for each in self.variants):
            raise ValueError("a variant has one value of each option")


class VariantRow(Struct, frozen=True, kw_only=True):
    """A variant of a parent; it is a product of its own."""

    id: UUID
    sku: str
    name: str
    unit_price: Decimal
    option_values: list[str]
    barcodes: list[str]
    archived_at: datetime | None


class Variants(Struct, frozen=True, kw_only=True):
    """A parent with its options and its variants in their order; ``created`` were made just now."""

    parent: ProductOut
    options: list[OptionOut]
    variants: list[VariantRow]
    created: int = 0


class UnitIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit in which a product is sold beside its own: ``factor`` of the product's own unit are in one.

    Without ``unit_price`` one costs ``factor`` times the product's price.
    """

    code: UnitCode
    name: Name | None = None
    factor: Decimal
    unit_price: Decimal | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")
        force_setattr(self, "factor", above_zero(self.factor, "factor"))
        if self.factor == 1:
            raise ValueError("a unit of one is the product's own")
        if self.unit_price is not None:
            force_setattr(self, "unit_price", checked_price(self.unit_price))


class SetUnits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All units of a product beside its own; those it has and that are not given are taken off."""

    product_id: UUID
    units: Annotated[list[UnitIn], Meta(max_length=20)]


class ComponentIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of a product, named by id or SKU, in one of a kit."""

    product_id: UUID | None = None
    sku: Sku | None = None
    quantity: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if (self.product_id is None) == (self.sku is None):
            raise ValueError("give either a product_id or a SKU")
        force_setattr(self, "quantity", above_zero(self.quantity, "quantity"))


class SetKit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a kit is made of; nothing makes it an ordinary product again.

    ``price`` ``sum``: the kit costs what its components cost, and follows them. ``own``: it keeps a price of its own.
    """

    product_id: UUID
    components: Annotated[list[ComponentIn], Meta(max_length=100)]
    price: Literal["own", "sum"] = "own"
