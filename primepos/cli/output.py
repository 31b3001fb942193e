"""What commands print: data on stdout (table, JSON or CSV), everything else on stderr."""

from __future__ import annotations

import csv
import io
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import typer

from primepos.core.errors import InvalidInput, PrimePOSError

# A name or a note in the database may hold escape sequences; on a terminal they would be obeyed.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?\Z")

Columns = Sequence[str] | Mapping[str, str]


class ConfirmationRequired(InvalidInput):
    """Something would be destroyed and nobody is there to ask."""

    code = "CONFIRMATION_REQUIRED"
    template = "{what} This needs a confirmation."
    hint = "Add --yes if you mean it."


def to_json(data: Any, *, indent: bool = False) -> str:
    """Return ``data`` as JSON: decimals as strings, times in ISO 8601, structs and dataclasses as objects."""
    encoded = msgspec.json.encode(data, enc_hook=str)
    return (msgspec.json.format(encoded, indent=2) if indent else encoded).decode()


def emit(data: Any, *, as_json: bool, columns: Columns | None = None, as_csv: bool = False) -> None:
    """Print the result of a command on stdout.

    ``data`` is one record or an iterable of records; a record is a struct, a dataclass or a mapping.
    ``columns`` picks and orders fields for table and CSV, as names or as a mapping of name to heading; JSON
    always carries everything. One record becomes lines of name and value, many become a table: drawn at a
    terminal, plain columns without cutting when piped. NO_COLOR is respected.
    """
    if as_json:
        _write(to_json(_listed(data), indent=sys.stdout.isatty()) + "\n")
        return
    single = not _is_many(data)
    records = [_record(item) for item in ([data] if single else data)]
    headings = _headings(records, columns)
    rows = [[record.get(name) for name in headings] for record in records]
    if as_csv:
        _write(_csv(list(headings), rows))
    elif single:
        pairs = zip(headings.values(), rows[0], strict=True)
        width = max((len(heading) for heading in headings.values()), default=0)
        _write("".join(f"{heading:<{width}}  {cell_text(value)}".rstrip() + "\n" for heading, value in pairs))
    elif sys.stdout.isatty():
        _print_table(list(headings.values()), rows)
    else:
        _write(_plain(list(headings.values()), rows))


def note(text: str) -> None:
    """Tell the person something on stderr, so that stdout stays data."""
    typer.echo(text, err=True)


def print_error(error: PrimePOSError, *, as_json: bool) -> None:
    """Print a refusal on stderr: ``error[CODE]: message`` and its hint, or the same as a JSON object."""
    if as_json:
        answer: dict[str, Any] = {"code": error.code, "message": error.message, "data": error.data}
        if error.hint:
            answer["hint"] = error.hint
        typer.echo(to_json(answer), err=True)
        return
    lines = [f"error[{error.code}]: {_safe(error.message)}"]
    problems = error.data.get("problems")
    if isinstance(problems, (list, tuple)):
        lines += [f"  - {_problem(problem)}" for problem in problems]
    if error.hint:
        lines.append(f"hint: {_safe(error.hint)}")
    typer.echo("\n".join(lines), err=True)


def confirm_destruction(text: str, yes: bool) -> None:
    """Ask before destroying something; ``yes`` answers beforehand.

    Raises:
        ConfirmationRequired: nobody is at a terminal to answer and ``yes`` is not set.
        typer.Exit: the person says no; exit code 1, nothing done.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfirmationRequired(what=text)
    # By hand: typer.confirm() leaves a blank on stdout, which is for data.
    sys.stderr.write(f"{text} Go on? [y/N]: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        note("Nothing was changed.")
        raise typer.Exit(1)


def cell_text(value: Any) -> str:
    """Return how a value reads in a table: empty for None, yes and no, JSON for nested data; never a control.

    Lines of an address become one, moments are told to the second.
    """
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case str():
            text = value.replace("\n", " / ")
        case datetime():
            text = value.isoformat(" ", "seconds")
        case Mapping() | list() | tuple() | set() | frozenset() | msgspec.Struct():
            text = to_json(value)
        case _:
            text = str(value)
    return _safe(text)


def _safe(text: str) -> str:
    return _CONTROL.sub("�", text)


def _problem(problem: Any) -> str:
    if isinstance(problem, Mapping) and {"field", "problem"} <= problem.keys():
        return f"{_safe(str(problem['field']))}: {_safe(str(problem['problem']))}"
    return cell_text(problem)


def _is_many(data: Any) -> bool:
    return isinstance(data, Iterable) and not isinstance(data, (str, bytes, Mapping, msgspec.Struct))


def _listed(data: Any) -> Any:
    return list(data) if _is_many(data) else data


def _record(item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, msgspec.Struct):
        return msgspec.structs.asdict(item)
    if hasattr(item, "__dataclass_fields__"):
        return {name: getattr(item, name) for name in item.__dataclass_fields__}
    return {"value": item}


def _headings(records: Sequence[Mapping[str, Any]], columns: Columns | None) -> dict[str, str]:
    if isinstance(columns, Mapping):
        return dict(columns)
    names = columns if columns is not None else list(dict.fromkeys(name for record in records for name in record))
    return {name: name.replace("_", " ") for name in names}


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _csv_cell(value: Any) -> str:
    text = str(value) if isinstance(value, datetime) else cell_text(value)
    # A spreadsheet runs such a cell as a formula; a plain negative number it does not.
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _NUMBER.match(text) else text


def _plain(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [[*headings], *([cell_text(value) for value in row] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headings))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(headings):
        numeric = bool(rows) and all(_NUMBER.match(cell_text(row[index]) or "0") for row in rows)
        table.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell_text(value)) for value in row))
    Console(no_color="NO_COLOR" in os.environ or None, highlight=False).print(table)


def _write(text: str) -> None:
    sys.stdout.write(text)
