"""``primepos fiscal``: close days, months and years; export the sealed books; verify such an export anywhere."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from primepos.cli.exits import ExitCode
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, examples
from primepos.cli.output import emit, note
from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from primepos.cli.naming import Workplace

Period = Literal["day", "month", "year"]
PeriodOption = Annotated[Period, typer.Option(help="What kind of period.")]
_COLUMNS = ("series", "period", "closing_no", "until", "from_number", "to_number", "sales", "voids", "refunds", "total")
_PAGE = 500

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Close periods, export the sealed books, verify an export.",
)


@app.command(
    epilog=examples(
        "primepos fiscal close                                through today",
        "primepos fiscal close --period month --until 2026-03-31 --json",
    )
)
def close(
    *,
    period: PeriodOption = "day",
    until: Annotated[str | None, typer.Option(metavar="DATE", help="A day of the period, as 2026-03-31.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Close every series of receipts: totals of what is new, running totals, sealed and final.

    A series whose till has not delivered everything is closed up to the first number that is missing, and named.
    """
    from primepos.cli.naming import Workplace
    from primepos.domain.fiscal.service import close_period

    place = Workplace(tenant, env_file)
    done = place.run(close_period, {"period": period, "until": None if until is None else _day(until)})
    if as_json:
        emit(done, as_json=True)
        return
    emit([_row(each, place) for each in done.closings], as_json=False, columns=_COLUMNS)
    for each in done.waiting:
        note(f"{each.series} waits for number {each.missing}: its till has not delivered it yet.")
    if not done.closings:
        note("There is nothing new to close.")


@app.command(
    name="list", epilog=examples("primepos fiscal list", "primepos fiscal list --period month --json | jq '.[].total'")
)
def list_(
    *,
    period: PeriodOption = "day",
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most this many.")] = 50,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List closings, newest first."""
    from primepos.cli.naming import Workplace
    from primepos.domain.fiscal.service import list_closings

    place = Workplace(tenant, env_file)
    found = place.run(list_closings, {"period": period, "limit": limit}).items
    emit(found if as_json else [_row(each, place) for each in found], as_json=as_json, columns=_COLUMNS)


@app.command(
    epilog=examples(
        "primepos fiscal export books.jsonl.gz",
        "primepos fiscal export - | gzip > books.jsonl.gz",
    )
)
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to; - is stdout, .gz is packed. Not overwritten.")
    ],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write every sealed sale and every closing to a file that proves itself, see `primepos fiscal verify`.

    One JSON object a line: the outline with the seal first, then the sales, series by series. What is sold meanwhile
    is not in it.
    """
    from primepos.cli.naming import Workplace
    from primepos.domain.fiscal.service import outline

    place = Workplace(tenant, env_file)
    made = place.run(outline, {})
    encode = msgspec.json.Encoder(decimal_format="string").encode
    written = 0
    with _written(file) as out:
        out.write(encode({"outline": made}) + b"\n")
        for sale in _sales(place, made):
            out.write(encode({"sale": sale}) + b"\n")
            written += 1
    if str(file) != "-":
        emit({"file": str(file), "sales": written, "closings": len(made.closings), "key": made.key}, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos fiscal verify books.jsonl.gz",
        "primepos fiscal verify books.jsonl.gz --key 3f1c... --json | jq .problems",
    )
)
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="An export.")],
    *,
    key: Annotated[str | None, typer.Option(metavar="HEX", help="The shop's public key, as it told you.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Verify an export: names what was changed, taken out, put in, put elsewhere or cut off. Needs only the file.

    Exit code 1 when something does not hold. Without --key the seal is checked against the key in the file: compare
    that key with the one the shop has given you.
    """
    from primepos.domain.fiscal.verifying import told, verify_export

    with _read(file) as source:
        found = verify_export(source, key=key)
    if as_json:
        emit(told(found), as_json=True)
    else:
        if found.findings:
            emit(told(found)["problems"], as_json=False, columns=("kind", "series", "number", "problem"))
        verdict = "is as it was sealed" if found.ok else "IS NOT as it was sealed"
        looked = f"{_counted(found.sales, 'sale')}, {_counted(found.closings, 'closing')}"
        note(f"The export of {found.shop} {verdict}: {looked}.")
        note(f"Sealed with key {found.key}")
        if found.pending:
            note(f"{found.pending} number(s) had not been delivered by their till when it was made.")
    if not found.ok:
        raise typer.Exit(ExitCode.FAILED)


def _sales(place: Workplace, made: Any) -> Iterator[Any]:
    from primepos.domain.fiscal.service import exported_sales

    for series in made.series:
        after = 0
        while after < series.last_number:
            asked = {
                "register_id": series.register_id, "epoch": series.epoch, "after": after,
                "up_to": series.last_number, "limit": _PAGE,
            }  # fmt: skip
            items = place.run(exported_sales, asked).items
            if not items:
                break
            yield from items
            after = items[-1].number


@contextmanager
def _written(file: Path) -> Iterator[IO[bytes]]:
    """Give a stream to write to; a file appears under its name only when it is whole."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    if file.exists():
        raise InvalidInput(f"{file} exists already")
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as raw:
            if file.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed:
                    yield packed  # type: ignore[misc]  # a GzipFile is a stream of bytes; its stubs do not say so
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _read(file: Path) -> Iterator[IO[bytes]]:
    if file.suffix == ".gz":
        try:
            with gzip.open(file, "rb") as source:
                yield source  # type: ignore[misc]  # a GzipFile is a stream of bytes; its stubs do not say so
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InvalidInput(f"{file} is no whole gzip file: {error}") from None
        return
    with file.open("rb") as plain:
        yield plain


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _row(closing: Any, place: Workplace) -> dict[str, Any]:
    return {**msgspec.structs.asdict(closing), "total": place.major(closing.total)}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--until: {text!r} is no date; write it as 2026-03-31") from None
