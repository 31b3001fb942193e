"""What is asked for and given when data is exported: rows of texts, each in the one form its kind has."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from primepos.core.paging import CURSOR_LENGTH

#: ``number`` and ``money`` have a point and no grouping (money in currency units); ``day`` and ``moment`` are ISO 8601,
#: moments in UTC; ``choice`` is yes or no; ``text`` is the text to the letter.
ColumnKind = Literal["text", "number", "money", "day", "moment", "choice"]
DatasetName = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"\A[a-z_]+\Z")]
MOST_ROWS = 2000


class AskPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for rows of a table, ``after`` the ``next`` of the part before; of what happened, from and to a business day.

    ``to_on`` is included.
    """

    dataset: DatasetName
    after: Annotated[str, Meta(min_length=1, max_length=CURSOR_LENGTH)] | None = None
    from_on: date | None = None
    to_on: date | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = MOST_ROWS


class ColumnOut(Struct, frozen=True, kw_only=True):
    """A column: its name and what its texts are."""

    name: str
    kind: ColumnKind


class PartOut(Struct, frozen=True, kw_only=True):
    """Rows of a table in its order, and where the next ones begin: None at the end.

    Every row that is there all the while is given exactly once, however long the parts take.
    """

    columns: list[ColumnOut]
    rows: list[list[str]]
    next: str | None


class DatasetOut(Struct, frozen=True, kw_only=True):
    """A table that can be exported; ``is_open`` says whether the one who asks may."""

    name: str
    title: str
    permissions: list[str]
    by_day: bool
    is_open: bool


class DatasetList(Struct, frozen=True, kw_only=True):
    """The tables that can be exported."""

    rows: list[DatasetOut]
