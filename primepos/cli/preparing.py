"""Gets a file ready to be imported: what it is, which column means what, how it writes numbers and dates.

What the file itself cannot settle is asked at a terminal, and elsewhere refused with the option that settles it. What a
person said of a file is remembered by its columns, so the next one like it needs no questions.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

from primepos.cli.output import note
from primepos.core.errors import InvalidInput
from primepos.domain.importing.errors import (
    ColumnsMissing,
    DatesAmbiguous,
    NumbersAmbiguous,
    UnknownColumn,
    UnknownField,
)
from primepos.domain.importing.files import examine
from primepos.domain.importing.habits import DAY_FIRST, MONTH_FIRST, Habits, tell_habits
from primepos.domain.importing.mapping import fingerprint_of_header, propose, read_pairs
from primepos.domain.importing.registry import EXPORTS, choose, detect
from primepos.domain.importing.schemas import MappingOut
from primepos.domain.importing.service import find_mapping, save_mapping
from primepos.domain.importing.tables import Wanted, column_key, own_column, read_header, read_layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from primepos.core.context import Identity
    from primepos.core.operations import App
    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.mapping import Proposal
    from primepos.domain.importing.shapes import Shape
    from primepos.domain.importing.tables import Layout


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said of a file on the command line."""

    file: Path
    source: str | None = None
    mapping: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    decimal: str | None = None
    date_formats: tuple[str, ...] = ()
    may_ask: bool = True
    may_remember: bool = True

    def can_ask(self) -> bool:
        """Tell whether there is somebody to ask."""
        return self.may_ask and sys.stdin.isatty() and sys.stderr.isatty()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that is ready to be read, and everything that decides how."""

    known: SourceFile
    shape: Shape
    layout: Layout
    habits: Habits
    columns: Mapping[str, str]
    fixed: Mapping[str, str]

    def reading(self) -> dict[str, Any]:
        """Return what tells this way of reading from others."""
        return {
            "as": self.shape.system,
            "columns": dict(self.columns),
            "values": dict(self.fixed),
            "delimiter": self.layout.delimiter,
            "comma": self.habits.decimal_comma,
        }


def prepare(kind: str, asked: Asked, app: App, identity: Identity) -> Prepared:
    """Get a file ready.

    Raises: :class:`FileUnreadable`, :class:`WrongExport`, :class:`ColumnsMissing`, :class:`UnknownColumn`,
    :class:`UnknownField`, :class:`NumbersAmbiguous`, :class:`DatesAmbiguous`.
    """
    known = examine(asked.file, asked.encoding, sheet=asked.sheet)
    if known.spoilt_bytes:
        note(f"{known.spoilt_bytes} bytes of the file are not {known.encoding}; the rows they stand in are refused.")
    delimiter, header = read_header(known, asked.delimiter)
    shape = _shape(kind, asked.source, header, known.name)
    fixed = _fixed(asked.fixed, shape)
    key = fingerprint_of_header(header)
    columns = read_pairs(asked.mapping, header, shape.fields)
    saved = MappingOut()
    if not columns and shape is EXPORTS[kind].generic:
        saved = app.run(find_mapping, identity, {"kind": kind, "header": key})
        columns = {name: field for name, field in saved.columns.items() if field in shape.fields}
        if columns:
            note("The columns are read as last time; --map says otherwise.")
    told = bool(asked.mapping)
    try:
        layout = read_layout(known, shape.fields, mapping=columns, fixed=fixed, delimiter=asked.delimiter)
    except ColumnsMissing as missing:
        optional = {name: replace(each, is_required=False) for name, each in shape.fields.items()}
        partial = read_layout(known, optional, mapping=columns, fixed=fixed, delimiter=delimiter)
        proposals = propose(known, partial, shape.fields)
        if not asked.can_ask():
            raise _with_proposals(missing, proposals) from None
        columns = guide(shape.fields, header, proposals, fixed)
        told = True
        layout = read_layout(known, shape.fields, mapping=columns, fixed=fixed, delimiter=delimiter)
    habits = _habits(known, layout, shape, asked, saved)
    if told and asked.may_remember and shape is EXPORTS[kind].generic:
        said = {"decimal": asked.decimal, "date_formats": list(asked.date_formats)}
        app.run(save_mapping, identity, {"kind": kind, "header": key, "columns": columns, **said})
    if shape is not EXPORTS[kind].generic:
        note(f"Read as {shape.title}.")
    _tell_unread(layout, shape)
    return Prepared(known, shape, layout, habits, columns, fixed)


def _shape(kind: str, source: str | None, header: Sequence[str], name: str) -> Shape:
    if source is None:
        return detect(kind, header, name)
    found = choose(kind, source, header)
    if found is None:
        raise InvalidInput(f"--from: one of {', '.join(EXPORTS[kind].systems())}")
    return found


def _fixed(given: Sequence[str], shape: Shape) -> dict[str, str]:
    fixed = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise InvalidInput(f"--set: {each!r} is not of the form A=B")
        if name.strip() not in shape.fields:
            raise UnknownField(field=name.strip(), fields=", ".join(shape.fields))
        fixed[name.strip()] = value.strip()
    return fixed


def _with_proposals(missing: ColumnsMissing, proposals: Sequence[Proposal]) -> ColumnsMissing:
    likely = [f'--map "{each.field}={each.column}"' for each in proposals if not each.is_certain]
    if not likely:
        return missing
    return ColumnsMissing(**missing.data, hint=f"It looks like {' '.join(likely)}; say so, or name others with --map.")


def guide(
    wanted: Mapping[str, Wanted], header: Sequence[str], proposals: Sequence[Proposal], fixed: Mapping[str, str]
) -> dict[str, str]:
    """Show what the columns seem to mean and take corrections until the person agrees; return column to field."""
    chosen = {each.field: each.column for each in proposals}
    samples = {each.column: each.samples for each in proposals}
    names = {column_key(name): name for name in header if own_column(name)}
    while True:
        _show(wanted, chosen, samples, fixed)
        lacking = [name for name, each in wanted.items() if each.is_required and name not in {*chosen, *fixed}]
        text = "Enter to go on" if not lacking else f"Still needed: {', '.join(lacking)}"
        said = typer.prompt(
            f"{text}; FIELD=COLUMN to change, FIELD= to leave out", default="", show_default=False, err=True
        )
        if not said.strip():
            if not lacking:
                return {column: field for field, column in chosen.items()}
            continue
        field, _, column = (part.strip() for part in said.partition("="))
        if field not in wanted:
            note(UnknownField(field=field, fields=", ".join(wanted)).message)
        elif not column:
            chosen.pop(field, None)
        elif column_key(column) not in names:
            note(UnknownColumn(column=column, columns=", ".join(names.values())).message)
        else:
            name = names[column_key(column)]
            chosen = {each: there for each, there in chosen.items() if there != name}
            chosen[field] = name


def _show(
    wanted: Mapping[str, Wanted],
    chosen: Mapping[str, str],
    samples: Mapping[str, Sequence[str]],
    fixed: Mapping[str, str],
) -> None:
    width = max(map(len, wanted))
    for field, each in wanted.items():
        needed = "*" if each.is_required else " "
        column = chosen.get(field)
        if column is None:
            note(f"{needed} {field:<{width}}  {'= ' + fixed[field] if field in fixed else '-'}")
        else:
            note(f"{needed} {field:<{width}}  {column}: {', '.join(text[:30] for text in samples.get(column, ()))}")


def _habits(known: SourceFile, layout: Layout, shape: Shape, asked: Asked, saved: MappingOut) -> Habits:
    if shape.is_exact:
        return Habits()
    decimal, formats = asked.decimal or saved.decimal, asked.date_formats or tuple(saved.date_formats)
    while True:
        try:
            return tell_habits(
                known,
                layout,
                numbers=shape.numeric_places(layout),
                dates=shape.date_places(layout),
                decimal=decimal,
                formats=formats,
            )
        except NumbersAmbiguous as problem:
            if not asked.can_ask():
                raise
            note(problem.message)
            decimal = _ask("Are decimals written with a point (1,234.50) or a comma (1.234,50)?", "point", "comma")
        except DatesAmbiguous as problem:
            if not asked.can_ask():
                raise
            note(problem.message)
            first = _ask("Does the day or the month come first?", "day", "month")
            formats = (DAY_FIRST if first == "day" else MONTH_FIRST,)


def _ask(question: str, *answers: str) -> str:
    while True:
        said = str(typer.prompt(f"{question} ({'/'.join(answers)})", err=True)).strip().lower()
        found = [each for each in answers if said and each.startswith(said)]
        if len(found) == 1:
            return found[0]


def _tell_unread(layout: Layout, shape: Shape) -> None:
    """Name the columns of anybody's list that nothing is read from, so nobody believes that they were."""
    if shape.marks:
        return
    read = set(layout.places.values())
    unread = [
        name for place, name in enumerate(layout.header) if place not in read and name.strip() and own_column(name)
    ]
    if unread:
        note(f"Not read: {', '.join(name[:40] for name in unread[:12])}{' ...' if len(unread) > 12 else ''}.")
