"""What goes into and comes out of an edit of many products."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from primepos.core.amounts import InvalidAmount, parse_decimal
from primepos.core.texts import Code, Name, Sku, tidy
from primepos.domain.catalog.schemas import Age, Version, checked_price

MOST_PRODUCTS = 5000
SHOWN = 200


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which products: those that fit everything that is said; ``everything`` where nothing is.

    Products named by ``ids`` or ``skus``, of a category, a tax class, a parent, with a SKU that begins so, with a
    price from or to (both included). The archived ones only if asked, and then no others.
    """

    ids: Annotated[list[UUID], Meta(max_length=MOST_PRODUCTS)] = []
    skus: Annotated[list[Sku], Meta(max_length=MOST_PRODUCTS)] = []
    category: Name | None = None
    tax_class: Code | None = None
    parent: Sku | None = None
    sku_prefix: Sku | None = None
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    archived: bool = False
    everything: bool = False

    def __post_init__(self) -> None:
        tidy(self, "category")
        for name in ("price_from", "price_to"):
            if getattr(self, name) is not None:
                force_setattr(self, name, checked_price(getattr(self, name)))


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of each. A price is set, or raised by a percentage (lowered by one below zero), not both.

    ``ending``: the price ends so, as 0.99 or 9.90: the nearest one that does, the higher of two. Without it prices
    are rounded half up to the currency's smallest unit.
    """

    unit_price: Decimal | None = None
    raise_percent: Decimal | None = None
    ending: Decimal | None = None
    category: Name | None = None
    no_category: bool = False
    tax_class: Code | None = None
    minimum_age: Age | None = None
    archive: bool = False
    unarchive: bool = False

    def __post_init__(self) -> None:
        tidy(self, "category")
        if self.unit_price is not None:
            force_setattr(self, "unit_price", checked_price(self.unit_price))
        if self.raise_percent is not None:
            percent = parse_decimal(self.raise_percent, what="raise_percent", places=4, maximum=Decimal(1000))
            if percent <= -100 or percent == 0:
                raise InvalidAmount(what="raise_percent", problem="must be above -100 and not zero")
            force_setattr(self, "raise_percent", percent)
        if self.ending is not None:
            force_setattr(self, "ending", checked_price(self.ending))
            if not 0 < self.ending < 100:
                raise InvalidAmount(what="ending", problem="must be above 0 and below 100")
        pairs = (
            (self.unit_price, self.raise_percent), (self.category, self.no_category or None),
            (self.archive or None, self.unarchive or None),
        )  # fmt: skip
        if any(first is not None and second is not None for first, second in pairs):
            raise ValueError("two changes contradict each other")

    @property
    def prices(self) -> bool:
        """Whether prices change."""
        return self.unit_price is not None or self.raise_percent is not None or self.ending is not None


class EditProducts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An edit of many products at once.

    ``dry_run`` shows what would change and changes nothing. ``version`` is the one a dry run told: nothing is changed
    if one of the chosen products has changed since, so the same call again raises no price twice.
    """

    choice: Choice
    change: Change
    dry_run: bool = False
    version: Version | None = None


class EditedProduct(Struct, frozen=True, kw_only=True):
    """What changes of a product: by field what it was and what it becomes."""

    id: UUID
    sku: str
    name: str
    changes: dict[str, list[Any]]


class EditOut(Struct, frozen=True, kw_only=True):
    """What an edit did, or would do.

    ``chosen`` products fit, ``changed`` of them became different; ``items`` are the first of those by SKU. ``version``
    is the newest of the chosen ones, after the edit.
    """

    dry_run: bool
    chosen: int
    changed: int
    repriced: int
    version: int
    items: list[EditedProduct]
