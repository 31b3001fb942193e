"""``primepos price``: price a cart given as JSON on stdin, and say how each figure came about."""

from __future__ import annotations

import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from primepos.cli.options import JsonFlag, examples
from primepos.cli.output import cell_text, emit, to_json
from primepos.core.errors import InvalidInput
from primepos.pricing.case import answer

_MAX_BYTES = 16 * 1024 * 1024

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "primepos price --json < case.json",
        """echo '{"price": 52.5, "taxes": [{"type": "percent", "amount": 12, "included": true}]}' | primepos price""",
        "primepos price cases.json --json | jq .total",
    )
)
def price(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", exists=True, dir_okay=False, help="A JSON file; without it, stdin is read."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Price a cart given as JSON and explain the result.

    One object is one cart; a list of objects is answered one line each. Keys: price, qty, discount (percent) and
    taxes, or lines of these; rounding (per_line, global), precision, document_discount, tax_order, by_sign. A tax has
    type (percent, fixed, division), amount, included, affects_base and base_affected. Nothing is stored.
    """
    answers = [_answer(number, case) for number, case in enumerate(read_cases(_read(file)), 1)]
    if as_json:
        for result in answers:
            typer.echo(to_json(result))
        return
    for result in answers:
        _print(result)


def read_cases(raw: bytes) -> list[Any]:
    """Read one case or a list of them from JSON text; numbers become decimals, never floats.

    Raises:
        InvalidInput: not UTF-8, not JSON, or a number that is not finite.
    """
    try:
        data = json.loads(raw.decode("utf-8-sig"), parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
    except (UnicodeDecodeError, ValueError, InvalidOperation, RecursionError) as error:
        raise InvalidInput(f"This is not JSON: {cell_text(str(error)[:200])}") from None
    return data if isinstance(data, list) else [data]


def _answer(number: int, case: Any) -> dict[str, Any]:
    try:
        return answer(case)
    except InvalidInput as error:
        field = str(error.data.get("what", error.data.get("tax", "case")))
        problem = {"field": field, "problem": str(error.data.get("problem", error.message)), "code": error.code}
        raise InvalidInput(f"Case {number}: {error.message}", problems=[problem]) from error


def _refuse(constant: str) -> NoReturn:
    raise InvalidInput(f"{constant} is not a number")


def _read(file: Path | None) -> bytes:
    if file is not None:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    else:
        if sys.stdin.isatty():
            raise InvalidInput("Give the cart as JSON on stdin or name a file", hint="See primepos price --help.")
        raw = sys.stdin.buffer.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise InvalidInput("The input is larger than 16 MiB")
    return raw


def _print(result: dict[str, Any]) -> None:
    rows = [
        {"line": number, "base": line["base"], "taxes": " + ".join(line["taxes"]), "total": line["total"]}
        for number, line in enumerate(result["lines"], 1)
    ]
    rows.append({"line": "all", "base": result["base"], "taxes": " + ".join(result["taxes"]), "total": result["total"]})
    emit(rows, as_json=False)
    for name, sums in result.get("by_sign", {}).items():
        typer.echo(f"{name}: base {sums['base']}, tax {sums['tax']}, total {sums['total']}")
    for number, line in enumerate(result["lines"], 1):
        typer.echo(f"\nLine {number}")
        for sentence in line["explain"]:
            typer.echo(f"  {cell_text(sentence)}")
