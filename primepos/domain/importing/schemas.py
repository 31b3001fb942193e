"""What goes into and comes out of the operations that import.

Amounts are worked out by the server, except those of sales that another system booked: these are its facts.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from primepos.core.amounts import MAX_MINOR, InvalidAmount, parse_quantity, parse_unit_price
from primepos.core.texts import Code, Name, Sku
from primepos.domain.catalog.schemas import OptionValue, UpsertProduct
from primepos.domain.customers.schemas import MOST_ROWS, CustomerRow, RefusedRow

Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Source = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,31}\Z")]
RowCount = Annotated[int, Meta(ge=0, le=2**40)]
OptionName = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]
# A decimal in plain notation; what it may be is checked where it becomes an amount.
Plain = Annotated[str, Meta(max_length=24)]
Minor = Annotated[int, Meta(ge=-MAX_MINOR, le=MAX_MINOR)]
Month = Annotated[str, Meta(pattern=r"\A[0-9]{4}-(0[1-9]|1[0-2])\Z")]
ImportKind = Literal["products", "customers", "stock", "sales"]
ColumnName = Annotated[str, Meta(min_length=1, max_length=200)]
FieldName = Annotated[str, Meta(min_length=1, max_length=40)]
MOST_CUSTOMERS = MOST_ROWS
MOST_PRODUCTS = 5000
MOST_SALES = 20_000


class RunKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which import this is: the digest of the file's content and of how it is read, and where it came from."""

    fingerprint: Digest
    source: Source
    file_name: Name


class SeenGoods(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as a file of sales knows it: made from this if the catalogue has none of this SKU."""

    sku: Sku
    name: Name
    unit_price: Decimal

    def __post_init__(self) -> None:
        price = parse_unit_price(self.unit_price)
        if price < 0:
            raise InvalidAmount(what="unit price", problem="must not be below zero")
        force_setattr(self, "unit_price", price)


class ImportedLine(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One line of a sale of an older system. Quantity and price (in currency units) may be negative here.

    ``total`` is what the line came to there, in minor units, ``tax`` the part of it that is tax and ``discount`` what
    was taken off before; without a total it is quantity times price.
    """

    sku: Sku
    name: Name
    quantity: Plain
    unit_price: Plain
    total: Minor | None = None
    tax: Minor = 0
    discount: Minor = 0


class ImportedSale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sale of an older system, under the number it had there; ``business_date`` is the local day."""

    number: Sku
    sold_at: Annotated[datetime, Meta(tz=True)]
    business_date: date
    lines: Annotated[list[ImportedLine], Meta(min_length=1, max_length=100_000)]
    customer: Sku | None = None
    is_cancellation: bool = False


class PlanProducts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask how far an import of products is, and how many of ``skus`` there are already."""

    fingerprint: Digest
    skus: Annotated[list[Sku], Meta(max_length=MOST_PRODUCTS)] = []


class PlanSales(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask how far an import of sales is, whose they become, and what of it is known already.

    ``outlet`` is an outlet's code; without it the tenant's only one is meant.
    """

    fingerprint: Digest
    source: Source
    outlet: Code | None = None
    skus: Annotated[list[Sku], Meta(max_length=MOST_PRODUCTS)] = []
    numbers: Annotated[list[Sku], Meta(max_length=MOST_SALES)] = []


class PlanOut(Struct, frozen=True, kw_only=True):
    """What there is to know before a file is read.

    ``rows_done`` rows of it are settled; ``is_finished`` says all are. ``outlet`` is None where the tenant has none
    yet and the import makes one. ``tax_classes`` are the codes there are; without ``has_tax_class`` no product can be
    made that does not name one. ``known_skus`` and ``known_numbers`` count what was asked about.
    """

    rows_done: int
    is_finished: bool
    currency: str
    currency_exponent: int
    zone: str
    outlet: str | None
    tax_classes: list[str]
    has_tax_class: bool
    known_skus: int
    known_numbers: int


class GivenVariant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which product another one is a variant, and which value of each of its options it has.

    The parent is found by its SKU, and made under this name where it is missing; without values the product itself is
    a parent.
    """

    sku: Sku
    parent: Sku
    parent_name: Annotated[str, Meta(max_length=200)] = ""
    category: Name | None = None
    options: Annotated[list[OptionName], Meta(max_length=3)] = []
    values: Annotated[list[OptionValue], Meta(max_length=3)] = []


class LoadProducts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next rows of a file of products: ``rows`` of it, from ``start`` on, with the products read from them.

    Rows that could not be read are counted in ``rows`` all the same. ``archived`` are SKUs that are no longer sold.
    ``is_last`` ends the import; ``dry_run`` says what would come of it and changes nothing.
    """

    run: RunKey
    start: RowCount
    rows: RowCount
    products: Annotated[list[UpsertProduct], Meta(max_length=MOST_PRODUCTS)]
    variants: Annotated[list[GivenVariant], Meta(max_length=MOST_PRODUCTS)] = []
    archived: Annotated[list[Sku], Meta(max_length=MOST_PRODUCTS)] = []
    is_last: bool = False
    dry_run: bool = False


class LoadCustomerRows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next rows of a file of customers, ``rows`` of it from ``start`` on, with the customers read from them."""

    run: RunKey
    start: RowCount
    rows: RowCount
    customers: Annotated[list[CustomerRow], Meta(max_length=MOST_CUSTOMERS)]
    is_last: bool = False
    dry_run: bool = False


class GivenLevel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is there of a product, by SKU or barcode, in an outlet, by its code."""

    sku: Sku
    outlet: Code
    quantity: Plain


class LoadStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next rows of a file of stock levels, ``rows`` of it from ``start`` on, with the levels read from them."""

    run: RunKey
    start: RowCount
    rows: RowCount
    levels: Annotated[list[GivenLevel], Meta(max_length=MOST_PRODUCTS)]
    is_last: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        for level in self.levels:
            parse_quantity(level.quantity)


class LoadSales(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next sales of a file, ``rows`` of it from ``start`` on, and the goods in them as the file knows them.

    Rows are counted in the order in which the file completes its sales. ``is_last`` ends the import. Goods may come
    without sales: whoever sends batches side by side sends all goods before, so no batch waits for the catalogue.
    """

    run: RunKey
    start: RowCount
    rows: RowCount
    sales: Annotated[list[ImportedSale], Meta(max_length=MOST_SALES)]
    goods: Annotated[list[SeenGoods], Meta(max_length=MOST_SALES * 5)] = []
    outlet: Code | None = None
    is_last: bool = False


class ProductsLoaded(Struct, frozen=True, kw_only=True):
    """What a batch of products did; all zeros where it had been loaded before.

    ``prices_kept`` changes of price were left out for want of ``product:price_write``; ``barcodes_taken`` belong to
    other products and stayed there; so many became ``variants`` of others or were ``archived``. Of a dry run, up to
    three SKUs that it ``would_create``, and up to three of what it ``would_change``, told in words.
    """

    run_id: UUID
    rows_done: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    prices_kept: int = 0
    barcodes_taken: list[str] = []
    variants: int = 0
    archived: int = 0
    would_create: list[str] = []
    would_change: list[str] = []


class CustomersTaken(Struct, frozen=True, kw_only=True):
    """What a batch of customers did; all zeros where it had been loaded before."""

    run_id: UUID
    rows_done: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[RefusedRow] = []


class StockRefusal(Struct, frozen=True, kw_only=True):
    """A level that was not taken: its place in the batch from 0, a stable code, and what is wrong in words."""

    index: int
    code: str
    problem: str


class StockLoaded(Struct, frozen=True, kw_only=True):
    """What a batch of stock levels did; all zeros where it had been loaded before."""

    run_id: UUID
    rows_done: int
    changed: int = 0
    unchanged: int = 0
    refused: list[StockRefusal] = []


class SalesLoaded(Struct, frozen=True, kw_only=True):
    """What a batch of sales did; all zeros where it had been loaded before. ``sales_known`` were there already."""

    run_id: UUID
    rows_done: int
    outlet: str
    sales: int = 0
    sales_known: int = 0
    lines: int = 0
    products: int = 0


class AskRun(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask how far an import of customers or stock is."""

    fingerprint: Digest


class OutletName(Struct, frozen=True, kw_only=True):
    """An outlet: its code and its name."""

    code: str
    name: str


class RunOut(Struct, frozen=True, kw_only=True):
    """How far an import is, and the outlets there are."""

    rows_done: int
    is_finished: bool
    outlets: list[OutletName]


class SaveMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How files with this header are read: column to field, and what was said of numbers and dates."""

    kind: ImportKind
    header: Digest
    columns: Annotated[dict[ColumnName, FieldName], Meta(max_length=200)]
    decimal: Literal["point", "comma"] | None = None
    date_formats: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=10)] = []


class AskMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask how files with this header are read."""

    kind: ImportKind
    header: Digest


class MappingOut(Struct, frozen=True, kw_only=True):
    """How files with a header are read; nothing in it where nobody has said so yet."""

    columns: dict[str, str] = {}
    decimal: str | None = None
    date_formats: list[str] = []


class AskMonths(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the figures of what was imported from a source, by month; without ``months`` of all there are.

    ``given_totals``: the source said what its lines came to, so that is what is exact, not quantity times price.
    """

    source: Source
    outlet: Code | None = None
    given_totals: bool = False
    months: Annotated[list[Month], Meta(max_length=1200)] | None = None


class MonthFigures(Struct, frozen=True, kw_only=True):
    """One month of imported sales, as stored.

    ``exact_sum`` is the sum of quantity times unit price to the last digit, ``of_which_cancellations`` its part in
    cancelled sales; ``booked_sum`` is the sum of what was booked, each line rounded to the currency's minor unit;
    ``rounded_lines`` are the lines where the two differ. Sums are in currency units.
    """

    month: str
    lines: int
    invoices: int
    cancellation_invoices: int
    trading_days: int
    sum_qty_x_price: Decimal
    of_which_cancellations: Decimal
    exact_sum: Decimal
    booked_sum: Decimal
    rounded_lines: int
    currency: str


class MonthList(Struct, frozen=True, kw_only=True):
    """Months of imported sales, oldest first."""

    rows: list[MonthFigures]


class HowToRead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the sender says of a file; what is left out is told from the file, and refused where it cannot be.

    ``source`` is the system it comes from, ``kept_as`` the name its sales are kept under; ``columns`` go from field to
    column, ``values`` from field to the value of every row, ``locations`` from place to outlet code; ``place`` is whose
    prices are meant. ``date_formats``: dmy, mdy, ymd or patterns as for strptime.
    """

    source: Annotated[str, Meta(pattern=r"\A[a-z][a-z-]{0,31}\Z")] | None = None
    kept_as: Source | None = None
    columns: Annotated[dict[FieldName, ColumnName], Meta(max_length=50)] = {}
    values: Annotated[dict[FieldName, ColumnName], Meta(max_length=50)] = {}
    locations: Annotated[dict[ColumnName, Code], Meta(max_length=500)] = {}
    outlet: Code | None = None
    place: ColumnName | None = None
    encoding: Annotated[str, Meta(max_length=32)] | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] | None = None
    sheet: ColumnName | None = None
    decimal: Literal["point", "comma"] | None = None
    date_formats: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=10)] = []
    zone: Annotated[str, Meta(max_length=64)] | None = None
    dry_run: bool = False


# In a request a part is base64, which makes four bytes of three; a request holds a megabyte.
MOST_PART_BYTES = 700_000
MOST_PARTS = 500
Part = Annotated[bytes, Meta(min_length=1, max_length=MOST_PART_BYTES)]


class SubmitImport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to be imported by a job. ``id`` is the caller's own: sent again, the same file is the same job.

    ``content`` is the whole file in base64; a larger one says how many ``parts`` it has and sends them one by one.
    """

    id: UUID
    kind: ImportKind
    file_name: Name
    content: Part | None = None
    parts: Annotated[int, Meta(ge=1, le=MOST_PARTS)] = 1
    reading: HowToRead = HowToRead()

    def __post_init__(self) -> None:
        if self.content is not None and self.parts != 1:
            raise ValueError("content is the whole file, so it has one part")


class AddPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a file, in base64, counted from 1; the last one that comes starts the job."""

    id: UUID
    part_no: Annotated[int, Meta(ge=1, le=MOST_PARTS)]
    content: Part


class NameImport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one import that was handed in, by its id."""

    id: UUID


class ImportAccepted(Struct, frozen=True, kw_only=True):
    """An import that was handed in. ``missing`` parts are awaited; with none the job is queued under this ``id``."""

    id: UUID
    missing: list[int]


class RefusedFile(Struct, frozen=True, kw_only=True):
    """The rows of an import that were refused, as a CSV to be mended and sent again; empty where there are none."""

    file_name: str
    csv: str
