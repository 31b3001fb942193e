"""What goes into and comes out of the operations on labels."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.texts import Sku
from primepos.domain.catalog.schemas import UnitCode

MOST_LABELS = 5000
Copies = Annotated[int, Meta(ge=1, le=1000)]
Symbology = Literal["EAN-13", "EAN-8", "UPC-A", "Code 128"]


class LabelItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product to label, by id or SKU, or one of its units."""

    product_id: UUID | None = None
    sku: Sku | None = None
    unit: UnitCode | None = None
    copies: Copies = 1

    def __post_init__(self) -> None:
        if (self.product_id is None) == (self.sku is None):
            raise ValueError("give either a product_id or a SKU")


class AskLabels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which labels: of the products named, or of every product on sale whose price changed since a moment.

    ``with_tax``: the label shows what the customer pays for one, also where taxes come on top of the price.
    """

    items: Annotated[list[LabelItem], Meta(max_length=1000)] = []
    prices_since: Annotated[datetime, Meta(tz=True)] | None = None
    copies: Copies = 1
    with_tax: bool = True


class PrintLabels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which labels, on which sheet, and at which label of the first sheet to begin, counted from 1 row by row.

    ``locale`` says how amounts are written (``de_DE``), the country's own by default.
    """

    items: Annotated[list[LabelItem], Meta(max_length=1000)] = []
    prices_since: Annotated[datetime, Meta(tz=True)] | None = None
    copies: Copies = 1
    with_tax: bool = True
    sheet: Annotated[str, Meta(min_length=1, max_length=32)] = "L7160"
    start: Annotated[int, Meta(ge=1, le=200)] = 1
    locale: Annotated[str, Meta(pattern=r"\A[a-z]{2,3}(_[A-Za-z]{2,4}){0,2}\Z")] | None = None
    outlines: bool = False


class LabelOut(Struct, frozen=True, kw_only=True):
    """What stands on a label.

    ``price`` is what one costs; ``per_price`` what a ``per`` (kg, l, m, piece) of it costs, as the Union's directive
    98/6/EC asks of what is sold by measure. Both in currency units. Without a code that can be printed ``symbology``
    is None.
    """

    product_id: UUID
    sku: str
    name: str
    unit: str
    price: Decimal
    per_price: Decimal | None
    per: str | None
    code: str | None
    symbology: Symbology | None
    copies: int


class Labels(Struct, frozen=True, kw_only=True):
    """The labels asked for, in their order."""

    currency: str
    items: list[LabelOut]


class LabelSheet(Struct, frozen=True, kw_only=True):
    """A PDF of label sheets. ``without_code`` are the SKUs of labels that have no room for their code, or have none."""

    name: str
    media_type: str
    content: bytes
    labels: int
    pages: int
    without_code: list[str]


class SheetRow(Struct, frozen=True, kw_only=True):
    """A sheet of labels that can be printed on; sizes in millimetres."""

    name: str
    about: str
    labels: int
    width: Decimal
    height: Decimal


class SheetList(Struct, frozen=True, kw_only=True):
    """Every sheet that is known."""

    items: list[SheetRow]


class ListSheets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for every sheet of labels that is known."""
