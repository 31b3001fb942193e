"""``primepos barcode``: say what a code is, whether its check digit holds and what it means in the shop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from primepos.cli.options import EnvFileOption, JsonFlag, examples
from primepos.cli.output import emit
from primepos.core.errors import InvalidInput, PrimePOSError
from primepos.pricing.barcodes import BarcodeRule, describe, read_rules

_MAX_BYTES = 1024 * 1024

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "primepos barcode 5449000000996",
        "primepos barcode 2100001027506 --rules scales.yaml --json",
        "primepos barcode 2100001027506 --tenant corner",
    )
)
def barcode(
    *,
    codes: Annotated[list[str], typer.Argument(metavar="CODE...", help="The code as scanned; several are allowed.")],
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules", metavar="FILE", exists=True, dir_okay=False, help="YAML or JSON: what the shop's prefixes mean."
        ),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-T", metavar="SLUG", help="Take this tenant's rules and products.")
    ] = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a code is, whether its check digit holds, and what it means under the rules given.

    A rules file is a list of {pattern, decimals, name}: {pattern: "21{item:5}{weight:5}c", decimals: 3} reads five
    digits of item number and a weight in grams. {weight:n} is kilograms, {price:n} money, {count:n} pieces, "." any
    digit, "v" the check digit of the value, "c" the last check digit. A wrong check digit or an empty value is
    reported as a problem, and the till sells no such line; asking about it is no error.
    """
    if tenant is not None:
        described = _in_shop(codes, tenant, env_file, rules)
    else:
        known = load_rules(rules) if rules is not None else ()
        described = [describe(code, known) for code in codes]
    emit(described[0] if len(described) == 1 else described, as_json=as_json)


def _in_shop(codes: list[str], tenant: str, env_file: Path | None, rules: Path | None) -> list[dict[str, Any]]:
    """Describe codes under a tenant's rules, or the file's instead, and name the product a till would sell."""
    # Only here: without a tenant nothing needs a database.
    from msgspec import to_builtins

    from primepos.cli.naming import Workplace
    from primepos.domain.catalog.service import look_up_code

    place = Workplace(tenant, env_file)
    known = load_rules(rules) if rules is not None else read_rules(to_builtins(place.current.settings.barcode_rules))
    described = []
    for code in codes:
        told: dict[str, Any] = {**describe(code, known), "sku": None, "product": None}
        try:
            found = place.run(look_up_code, {"code": code})
        except PrimePOSError as error:
            told["refusal"] = error.code
        else:
            told |= {
                "sku": found.product.sku,
                "product": found.product.name,
                "quantity": found.quantity,
                "unit_price": found.unit_price,
                "found_by": found.found_by,
            }
        described.append(told)
    return described


def load_rules(file: Path) -> tuple[BarcodeRule, ...]:
    """Read barcode rules from a YAML or JSON file.

    Raises:
        InvalidInput: the file is too large, not UTF-8, not YAML or JSON, or holds something else than rules.
    """
    import yaml

    with file.open("rb") as stream:
        raw = stream.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise InvalidInput("The rules file is larger than 1 MiB")
    try:
        data: Any = yaml.safe_load(raw.decode("utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput(f"The rules file is neither YAML nor JSON: {str(error).splitlines()[0][:200]}") from None
    return read_rules(data)
