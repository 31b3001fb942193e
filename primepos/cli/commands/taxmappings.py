"""``primepos taxmappings``: who bears other taxes than the goods have, or none."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit
from primepos.cli.terms import CustomersOption, GroupsOption, OutletsOption, audience, named
from primepos.core.errors import InvalidInput
from primepos.domain.offers.errors import TaxMappingNotFound
from primepos.domain.offers.service import (
    archive_tax_mapping,
    create_tax_mapping,
    list_tax_mappings,
    update_tax_mapping,
)

MappingArgument = Annotated[str, typer.Argument(metavar="MAPPING", help="The mapping's code or id.")]
RuleOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="CLASS=CLASS", help="Goods of one tax class bear another's; CLASS= none. Again."),
]
OthersFlag = Annotated[bool | None, typer.Option("--others-none/--others-keep", help="What other classes bear.")]
_COLUMNS = ("code", "name", "rules", "others", "outlet_ids", "group_ids", "customer_ids", "archived_at")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Say who bears other taxes, or none."
)


def _mapping(place: Workplace, text: str) -> Any:
    for archived in (False, True):
        found = named(place.run(list_tax_mappings, {"archived": archived}).items, text)
        if found is not None:
            return found
    raise TaxMappingNotFound(tax_mapping=text, hint="`primepos taxmappings list` shows the codes.")


@app.command(
    epilog=examples(
        "primepos taxmappings create farm 'Farmers' --map standard=reduced --group farmers",
        "primepos taxmappings create export 'Export' --others-none            chosen by a person on a ticket",
    )
)
def create(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A short name that stays.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people read.")],
    *,
    rule: RuleOption = None,
    others_none: OthersFlag = None,
    outlet: OutletsOption = None,
    group: GroupsOption = None,
    customer: CustomersOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say which tax class stands in for which; the price without tax stays the same."""
    place = Workplace(tenant, env_file)
    data = {
        "code": code,
        "name": name,
        **_said(place, rule, others_none),
        **audience(place, outlets=outlet, groups=group, customers=customer),
    }
    _emit(place, place.run(create_tax_mapping, data), as_json=as_json)


@app.command(epilog=examples("primepos taxmappings update farm --group farmers --group schools"))
def update(
    which: MappingArgument,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Another name.")] = None,
    rule: RuleOption = None,
    others_none: OthersFlag = None,
    outlet: OutletsOption = None,
    group: GroupsOption = None,
    customer: CustomersOption = None,
    back: Annotated[bool, typer.Option("--back", help="Take an archived mapping into use again.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a mapping from now on; what you name replaces what was."""
    place = Workplace(tenant, env_file)
    data = {
        "id": _mapping(place, which).id,
        **({} if name is None else {"name": name}),
        **_said(place, rule, others_none),
        **audience(place, outlets=outlet, groups=group, customers=customer),
        **({"archived": False} if back else {}),
    }
    _emit(place, place.run(update_tax_mapping, data), as_json=as_json)


@app.command(name="list", epilog=examples("primepos taxmappings list", "primepos taxmappings list --json"))
def list_(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the mappings of taxes by code."""
    place = Workplace(tenant, env_file)
    found = place.run(list_tax_mappings, {"archived": archived}).items
    emit(found if as_json else [_row(place, each) for each in found], as_json=as_json, columns=_COLUMNS)


@app.command(epilog=examples("primepos taxmappings archive farm --yes"))
def archive(
    which: MappingArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a mapping of taxes out of use."""
    place = Workplace(tenant, env_file)
    found = _mapping(place, which)
    confirm_destruction(f"Nobody bears the taxes of {found.name!r} any more.", yes)
    _emit(place, place.run(archive_tax_mapping, {"id": found.id}), as_json=as_json)


def _said(place: Workplace, rules: list[str] | None, others_none: bool | None) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if rules:
        said["rules"] = [_rule(place, each) for each in rules]
    if others_none is not None:
        said["others"] = "none" if others_none else "keep"
    return said


def _rule(place: Workplace, text: str) -> dict[str, Any]:
    come, equals, to = text.partition("=")
    if not equals or not come:
        raise InvalidInput(f"--map: write {text!r} as CLASS=CLASS, or CLASS= for no tax")
    return {
        "from_class_id": place.tax_class(come).id,
        "to_class_id": place.tax_class(to).id if to else None,
    }


def _row(place: Workplace, found: Any) -> dict[str, Any]:
    from primepos.domain.catalog.service import list_tax_classes

    codes = {each.id: each.code for each in place.run(list_tax_classes, {}).items}
    rules = [f"{codes[each.from_class_id]}={codes.get(each.to_class_id, '')}" for each in found.rules]
    return {**msgspec.structs.asdict(found), "rules": ", ".join(rules)}


def _emit(place: Workplace, found: Any, *, as_json: bool) -> None:
    emit(found if as_json else _row(place, found), as_json=as_json, columns=(*_COLUMNS, "id"))
