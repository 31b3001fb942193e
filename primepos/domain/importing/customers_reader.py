"""Customers out of a file, one a row."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.core.errors import InvalidInput
from primepos.domain.customers.schemas import CustomerRow
from primepos.domain.importing.cells import CellProblem, clean, read_choice, read_moment
from primepos.domain.importing.refusals import Refusal
from primepos.domain.importing.shapes import values_of
from primepos.domain.importing.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.shapes import Shape, Values
    from primepos.domain.importing.tables import Layout

_TEXTS: Final = ("company", "email", "phone", "tax_number", "language", "price_list", "exemption_number")
_LINES: Final = ("address", "notes")
_BETWEEN: Final = re.compile(r"[\s,;|]+")
# What the other system's own number may look like to be typed at a till here; others stay its key.
_TYPABLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,31}", re.ASCII)
_LONGEST_KEY: Final = 64


@dataclass(slots=True)
class CustomerUnit:
    """One row of the file; ``customer`` is None where it could not be read."""

    row: int
    cells: list[str]
    customer: CustomerRow | None
    refusals: list[Refusal] = field(default_factory=list)
    rows: int = 1


@dataclass(frozen=True, slots=True)
class CustomersFile:
    """A file of customers; :meth:`customers` reads it."""

    file: SourceFile
    layout: Layout
    shape: Shape
    formats: tuple[str, ...]
    total_rows: int

    def customers(self) -> Iterator[CustomerUnit]:
        """Give every row as a customer, or as a refusal that says why not."""
        reshape = self.shape.reshape()
        for row, cells in rows(self.file, self.layout):
            try:
                self.layout.check(cells)
                values = reshape(values_of(self.layout, cells, is_exact=self.shape.is_exact))
                customer = None if values is None else self._customer(values)
                yield CustomerUnit(row, cells, customer)
            except CellProblem as problem:
                yield CustomerUnit(row, cells, None, [Refusal(row, problem.code, problem.problem, cells)])

    def _customer(self, values: Values) -> CustomerRow:
        told: dict[str, Any] = {name: clean(values.get(name, "")) or None for name in _TEXTS}
        told |= {name: clean(values.get(name, "")).replace("\r\n", "\n") or None for name in _LINES}
        told["name"] = clean(values.get("name", ""))
        if not told["name"]:
            raise CellProblem("MISSING_VALUE", "name is empty")
        number = clean(values.get("number", ""))
        if number and (self.shape.is_exact or _TYPABLE.fullmatch(number)):
            told["number"] = number
        told["key"] = _key(
            clean(values.get("key", "")) or number or told["email"] or told["phone"] or _told_apart(told)
        )
        for name in ("born_on", "exempt_until"):
            told[name] = self._day(values.get(name, ""), name.replace("_", " "))
        told["tax_exempt"] = read_choice(values.get("tax_exempt", ""), "tax exempt")
        for name in ("groups", "consents"):
            told[name] = [each for each in _BETWEEN.split(clean(values.get(name, ""))) if each]
        try:
            return msgspec.convert(told, CustomerRow)
        except msgspec.ValidationError as error:
            raise CellProblem("VALUE_REFUSED", str(error)) from None
        except InvalidInput as error:
            raise CellProblem(error.code, error.message) from None

    def _day(self, cell: str, what: str) -> str | None:
        if not clean(cell):
            return None
        try:
            return read_moment(cell, "UTC", self.formats, first_year=1880)[1].isoformat()
        except CellProblem as problem:
            raise CellProblem(problem.code, problem.problem.replace("date", what, 1)) from None


def _told_apart(told: dict[str, Any]) -> str:
    """Return what tells a customer apart of whom only the name and perhaps an address are known."""
    return "\n".join(filter(None, (told["name"], told["company"], told["address"])))


def _key(text: str) -> str:
    """Return what names a row in its source for ever, on one line and not too long."""
    if len(text) <= _LONGEST_KEY and text.isprintable():
        return text
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def read_customers(file: SourceFile, layout: Layout, shape: Shape, *, formats: tuple[str, ...] = ()) -> CustomersFile:
    """Count the rows of a file of customers and return it, ready to give them. Raises: :class:`FileUnreadable`."""
    return CustomersFile(file, layout, shape, formats, sum(1 for _ in rows(file, layout)))
