"""``primepos taxes``: taxes, and the classes of them that products have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit
from primepos.domain.catalog.service import (
    create_tax,
    create_tax_class,
    list_tax_classes,
    list_taxes,
    set_class_taxes,
    update_tax,
)

TaxArgument = Annotated[str, typer.Argument(metavar="TAX", help="The tax's code or id.")]
TaxesOption = Annotated[
    list[str] | None,
    typer.Option("--tax", metavar="TAX", help="A tax's code, in the order in which they are worked out; repeat it."),
]
_COLUMNS = ("code", "name", "kind", "amount", "included", "affects_base", "base_affected")
_CLASS_COLUMNS = ("code", "name", "taxes")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Manage taxes and tax classes."
)


@app.command(
    epilog=examples(
        "primepos taxes create vat19 --name 'VAT 19 %' --amount 19 --included",
        "primepos taxes create deposit --name Deposit --kind fixed --amount 0.25 --on-top",
        "primepos taxes create gst --name GST --amount 5 --on-top --affects-base --json",
    )
)
def create(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Short, stays for good.")],
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What receipts call it.")],
    amount: Annotated[str, typer.Option(metavar="NUMBER", help="Percent; for a fixed tax currency units a piece.")],
    included: Annotated[
        bool, typer.Option("--included/--on-top", help="Whether prices hold it already.", show_default=False)
    ],
    kind: Annotated[
        Literal["percent", "fixed", "division"],
        typer.Option(help="Percent of the base, fixed a piece, share of gross."),
    ] = "percent",
    affects_base: Annotated[
        bool, typer.Option("--affects-base", help="Later taxes of a class are worked out on top of it.")
    ] = False,
    shielded: Annotated[bool, typer.Option("--shielded", help="Earlier taxes do not raise its base.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a tax. It is charged once a tax class has it."""
    data = {
        "code": code,
        "name": name,
        "kind": kind,
        "amount": amount,
        "included": included,
        "affects_base": affects_base,
        "base_affected": not shielded,
    }
    emit(Workplace(tenant, env_file).run(create_tax, data), as_json=as_json)


@app.command(name="list", epilog=examples("primepos taxes list", "primepos taxes list --json | jq '.[].code'"))
def list_(*, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """List the taxes by code."""
    emit(Workplace(tenant, env_file).run(list_taxes, {}).items, as_json=as_json, columns=_COLUMNS)


@app.command(
    epilog=examples(
        "primepos taxes update vat19 --amount 16 --yes", "primepos taxes update vat19 --name VAT --yes --json"
    )
)
def update(
    tax: TaxArgument,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What receipts call it.")] = None,
    amount: Annotated[str | None, typer.Option(metavar="NUMBER", help="The new rate or amount.")] = None,
    included: Annotated[bool | None, typer.Option("--included/--on-top", help="Whether prices hold it.")] = None,
    affects_base: Annotated[
        bool | None, typer.Option("--affects-base/--no-affects-base", help="Whether later taxes build on it.")
    ] = None,
    shielded: Annotated[
        bool | None, typer.Option("--shielded/--no-shielded", help="Whether earlier taxes leave its base alone.")
    ] = None,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a tax from now on; booked sales keep the rate they were charged."""
    place = Workplace(tenant, env_file)
    found = place.tax(tax)
    given = {
        "name": name,
        "amount": amount,
        "included": included,
        "affects_base": affects_base,
        "base_affected": None if shielded is None else not shielded,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    confirm_destruction(f"Every sale from now on is taxed by the changed {found.code!r}.", yes)
    emit(place.run(update_tax, {"id": found.id, **changes}), as_json=as_json)


@app.command(epilog=examples("primepos taxes classes", "primepos taxes classes --json"))
def classes(*, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """List the tax classes with their taxes, in the order in which these are worked out."""
    found = Workplace(tenant, env_file).run(list_tax_classes, {}).items
    emit(found if as_json else [_shown(each) for each in found], as_json=as_json, columns=_CLASS_COLUMNS)


@app.command(
    name="create-class",
    epilog=examples(
        "primepos taxes create-class standard --name Standard --tax vat19",
        "primepos taxes create-class exempt --name Exempt --json",
    ),
)
def create_class(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Short, stays for good; products name it.")],
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What the class is called.")],
    taxes: TaxesOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a tax class; one without taxes is exempt."""
    place = Workplace(tenant, env_file)
    made = place.run(create_tax_class, {"code": code, "name": name, "tax_ids": place.tax_ids(taxes or [])})
    emit(made if as_json else _shown(made), as_json=as_json, columns=_CLASS_COLUMNS)


@app.command(
    name="set-class",
    epilog=examples(
        "primepos taxes set-class standard --tax vat16 --yes",
        "primepos taxes set-class standard --tax gst --tax qst --yes",
    ),
)
def set_class(
    code: Annotated[str, typer.Argument(metavar="CLASS", help="The tax class's code or id.")],
    *,
    taxes: TaxesOption = None,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a tax class exactly these taxes from now on; without any it is exempt."""
    place = Workplace(tenant, env_file)
    found = place.tax_class(code)
    confirm_destruction(f"Every product of {found.code!r} is taxed by the new list from now on.", yes)
    done = place.run(set_class_taxes, {"tax_class_id": found.id, "tax_ids": place.tax_ids(taxes or [])})
    emit(done if as_json else _shown(done), as_json=as_json, columns=_CLASS_COLUMNS)


def _shown(found: Any) -> dict[str, Any]:
    """Return a class as a line of a table: its taxes by code."""
    return {"code": found.code, "name": found.name, "taxes": " + ".join(each.code for each in found.taxes) or "exempt"}
