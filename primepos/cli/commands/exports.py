"""``primepos export``: everything a shop has, as CSV or XLSX."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from primepos.cli import session
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, examples
from primepos.cli.output import emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.exporting.schemas import MOST_ROWS
from primepos.domain.exporting.service import list_datasets, read_part
from primepos.domain.exporting.writing import CsvWriter, SheetWriter, is_locale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.context import Identity
    from primepos.core.operations import App
    from primepos.domain.exporting.writing import Writer

app = typer.Typer(rich_markup_mode=None, add_completion=False)

ALL = "all"
_SUFFIXES = {"csv": ".csv", "xlsx": ".xlsx"}
_COLUMNS = {"name": "name", "title": "what it is", "by_day": "by day", "is_open": "for you"}


@app.command(
    epilog=examples(
        "primepos export list --tenant corner",
        "primepos export products --into products.csv --tenant corner",
        "primepos export sales --from-on 2026-01-01 --to-on 2026-03-31 --into quarter.xlsx",
        "primepos export all --into everything.zip",
        "primepos export stock --locale de --into bestand.csv",
    )
)
def export(
    what: Annotated[
        str, typer.Argument(metavar="TABLE|all|list", help="Which table; all of them; or list what there is.")
    ],
    *,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="PATH",
            help="A .csv or .xlsx file; for all a folder, a .zip or one .xlsx. Default: stdout for one table.",
        ),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="csv|xlsx", help="In which form, where the name does not say.")
    ] = None,
    from_on: Annotated[str | None, typer.Option(metavar="DAY", help="The first business day, as 2026-03-01.")] = None,
    to_on: Annotated[str | None, typer.Option(metavar="DAY", help="The last business day.")] = None,
    locale: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Numbers and dates as people there write them, such as de or en_GB; CSV only."
        ),
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write tables of the shop as CSV or XLSX: exact, in one form, and harmless in a spreadsheet.

    Our own import reads products, customers and stock back as they were. A text that a spreadsheet would work out has
    an apostrophe in front. Files appear under their names when they are whole.
    """
    running = session.open_app(env_file)
    identity = session.operator_identity(running, tenant)
    tables = running.run(list_datasets, identity).rows
    if what == "list":
        emit(tables, as_json=as_json, columns=_COLUMNS)
        return
    if locale is not None and not is_locale(locale):
        raise InvalidInput(f"--locale: there is no locale {locale}")
    days = {name: day for name, day in (("from_on", from_on), ("to_on", to_on)) if day is not None}
    job = _Job(running, identity, days, locale)
    if what != ALL:
        counts = {what: _one(job, what, into, _form(into, format_))}
    else:
        for table in tables:
            if not table.is_open:
                note(f"{table.name} is left out: it needs {', '.join(table.permissions)}.")
        # What happened is asked for by day; what there is now has none.
        job.by_day = {table.name for table in tables if table.by_day}
        counts = _all(job, [table.name for table in tables if table.is_open], into, format_)
    if as_json and into is not None:
        emit({"into": str(into), "rows": counts}, as_json=True)
    elif into is not None:
        note(f"{sum(counts.values()):,} rows are in {into}.")


class _Job:
    """One export: who asks, for which days, and how it is written."""

    def __init__(self, running: App, identity: Identity, days: dict[str, str], locale: str | None) -> None:
        self.running = running
        self.identity = identity
        self.days = days
        self.locale = locale
        self.by_day: set[str] | None = None

    def table(self, name: str, writer: Writer) -> int:
        """Write one table and return how many rows it has; memory holds one part at a time."""
        days = self.days if self.by_day is None or name in self.by_day else {}
        count, after = 0, None
        while True:
            asked = {"dataset": name, "after": after, "limit": MOST_ROWS, **days}
            part = self.running.run(read_part, self.identity, asked)
            if after is None:
                writer.begin(name, part.columns)
            writer.write(part.rows)
            count += len(part.rows)
            after = part.next
            if after is None:
                return count


def _form(into: Path | None, given: str | None) -> str:
    told = given or (into.suffix.lstrip(".").lower() if into is not None else "csv")
    if told not in _SUFFIXES:
        raise InvalidInput("--format: csv or xlsx")
    return told


def _one(job: _Job, name: str, into: Path | None, form: str) -> int:
    if into is None:
        if form != "csv":
            raise InvalidInput("--into: say which file; a spreadsheet is nothing for a terminal")
        count = job.table(name, CsvWriter(sys.stdout, job.locale))
        sys.stdout.flush()
        return count
    with _whole(into) as path:
        if form == "xlsx":
            _no_locale(job)
            with SheetWriter(path) as book:
                return job.table(name, book)
        with path.open("w", encoding="utf-8", newline="") as file:
            return job.table(name, CsvWriter(file, job.locale))


def _all(job: _Job, names: list[str], into: Path | None, given: str | None) -> dict[str, int]:
    if into is None:
        raise InvalidInput("--into: say which folder, .zip or .xlsx")
    if into.suffix.lower() == ".xlsx":
        _no_locale(job)
        with _whole(into) as path, SheetWriter(path) as book:
            return {name: job.table(name, book) for name in names}
    form = given or "csv"
    if form not in _SUFFIXES:
        raise InvalidInput("--format: csv or xlsx")
    if into.suffix.lower() == ".zip":
        with _whole(into) as path, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            return {name: _into_archive(job, archive, name, form) for name in names}
    into.mkdir(parents=True, exist_ok=True)
    return {name: _one(job, name, into / f"{name}{_SUFFIXES[form]}", form) for name in names}


def _into_archive(job: _Job, archive: zipfile.ZipFile, name: str, form: str) -> int:
    member = f"{name}{_SUFFIXES[form]}"
    if form == "xlsx":
        _no_locale(job)
        with tempfile.TemporaryDirectory(prefix="primepos-") as kept:
            sheet = Path(kept) / member
            with SheetWriter(sheet) as book:
                count = job.table(name, book)
            archive.write(sheet, member)
            return count
    with archive.open(member, "w", force_zip64=True) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="", write_through=True)
        count = job.table(name, CsvWriter(text, job.locale))
        text.detach()
        return count


def _no_locale(job: _Job) -> None:
    if job.locale:
        raise InvalidInput("--locale: a spreadsheet shows numbers as its own reader writes them; for CSV only")


@contextmanager
def _whole(into: Path) -> Iterator[Path]:
    """Write beside the file and put it in its place when it is whole, readable by its owner alone."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{into.name}.", dir=into.parent)
    except OSError as error:
        raise InvalidInput(f"--into: {error.strerror or error}") from None
    os.close(handle)
    path = Path(name)
    try:
        yield path
        path.replace(into)
    finally:
        path.unlink(missing_ok=True)
