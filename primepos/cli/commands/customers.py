"""``primepos customers``: profiles, groups, consent, history, merging, erasing, and one person's data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from primepos.cli.naming import Workplace, id_of
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note, to_json
from primepos.core.errors import InvalidInput
from primepos.domain.customers.errors import CustomerGroupNotFound, CustomerNotFound
from primepos.domain.customers.service import (
    archive_customer,
    create_customer,
    create_group,
    customer_data,
    customer_history,
    erase_customer,
    get_customer,
    list_consents,
    list_customers,
    list_groups,
    merge_customers,
    record_consent,
    reseal_customers,
    search_customers,
    unarchive_customer,
    update_customer,
    update_group,
)

Purpose = Literal["email", "phone", "sms", "post", "profiling"]
How = Literal["in_person", "paper", "phone", "email", "web"]
CustomerArgument = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's number or id.")]
GroupOption = Annotated[
    list[str] | None, typer.Option("--group", metavar="CODE", help="A group that exists; may be given again.")
]
# What a profile holds, by the names of the options: each may be emptied with --clear.
_CLEARED = (
    "company", "email", "phone", "address", "tax_number", "born_on", "notes", "language", "price_list",
    "exemption_number", "exempt_until",
)  # fmt: skip
_COLUMNS = ("number", "name", "company", "email", "phone", "groups")
_SHOWN = (
    "number", "name", "company", "email", "phone", "address", "tax_number", "born_on", "notes", "language",
    "price_list", "groups", "tax_exempt", "exemption_number", "exempt_until", "consents", "version", "archived_at",
    "erased_at", "id",
)  # fmt: skip

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Look after customers and their data."
)
groups_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Groups of customers.")
app.add_typer(groups_app, name="groups")

NameHelp = "First and last name, or what the customer is called."
EmailOption = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Stored encrypted.")]
PhoneOption = Annotated[str | None, typer.Option(metavar="NUMBER", help="Stored encrypted.")]
CompanyOption = Annotated[str | None, typer.Option(metavar="TEXT", help="The company, if there is one.")]
AddressOption = Annotated[str | None, typer.Option(metavar="TEXT", help="Street, code and town.")]
TaxNumberOption = Annotated[str | None, typer.Option(metavar="TEXT", help="VAT number or the like.")]
BornOption = Annotated[str | None, typer.Option("--born", metavar="DATE", help="For age checks, as 2001-03-31.")]
NotesOption = Annotated[str | None, typer.Option(metavar="TEXT", help="What the shop should know.")]
LanguageOption = Annotated[str | None, typer.Option(metavar="CODE", help="As de or pt-BR.")]
PriceListOption = Annotated[str | None, typer.Option("--price-list", metavar="CODE", help="Prices of their own.")]
ExemptionOption = Annotated[
    str | None, typer.Option("--exemption-number", metavar="TEXT", help="The certificate's number.")
]
UntilOption = Annotated[str | None, typer.Option("--exempt-until", metavar="DATE", help="Its last day.")]


@app.command(
    epilog=examples(
        "primepos customers create 'Ana Müller' --email ana@shop.example --phone '0171 1234567'",
        "primepos customers create 'Corner School' --number 700 --group schools --tax-exempt --exemption-number EX-1",
    )
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help=NameHelp)],
    *,
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="The next free one if left out.")] = None,
    company: CompanyOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    address: AddressOption = None,
    tax_number: TaxNumberOption = None,
    born_on: BornOption = None,
    notes: NotesOption = None,
    language: LanguageOption = None,
    price_list: PriceListOption = None,
    groups: GroupOption = None,
    tax_exempt: Annotated[bool, typer.Option("--tax-exempt", help="Buys without tax.")] = False,
    exemption_number: ExemptionOption = None,
    exempt_until: UntilOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a customer."""
    given = {
        "name": name,
        "number": number,
        "company": company,
        "email": email,
        "phone": phone,
        "address": address,
        "tax_number": tax_number,
        "born_on": born_on,
        "notes": notes,
        "language": language,
        "price_list": price_list,
        "groups": groups or [],
        "tax_exempt": tax_exempt,
        "exemption_number": exemption_number,
        "exempt_until": exempt_until,
    }
    _show(Workplace(tenant, env_file).run(create_customer, given), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos customers update 123 --phone '+49 171 1234567'",
        "primepos customers update 123 --clear company --clear born_on --version 4",
        "primepos customers update 123 --group staff --group vip --json",
    )
)
def update(
    customer: CustomerArgument,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Only if nobody changed it since this version.")] = None,
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="Another number.")] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help=NameHelp)] = None,
    company: CompanyOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    address: AddressOption = None,
    tax_number: TaxNumberOption = None,
    born_on: BornOption = None,
    notes: NotesOption = None,
    language: LanguageOption = None,
    price_list: PriceListOption = None,
    groups: GroupOption = None,
    no_groups: Annotated[bool, typer.Option("--no-groups", help="Take them out of every group.")] = False,
    tax_exempt: Annotated[bool | None, typer.Option("--tax-exempt/--taxed", help="Without tax, or with.")] = None,
    exemption_number: ExemptionOption = None,
    exempt_until: UntilOption = None,
    clear: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help=f"Empty a field: {', '.join(_CLEARED)}.")
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a customer; what is left out stays. The groups given are all the groups they are in then."""
    if groups and no_groups:
        raise InvalidInput("Give either --group or --no-groups")
    if unknown := [field for field in clear or [] if field not in _CLEARED]:
        raise InvalidInput(f"--clear: {unknown[0]!r} is none of {', '.join(_CLEARED)}")
    given: dict[str, Any] = {
        "version": version,
        "number": number,
        "name": name,
        "company": company,
        "email": email,
        "phone": phone,
        "address": address,
        "tax_number": tax_number,
        "born_on": born_on,
        "notes": notes,
        "language": language,
        "price_list": price_list,
        "groups": [] if no_groups else groups,
        "tax_exempt": tax_exempt,
        "exemption_number": exemption_number,
        "exempt_until": exempt_until,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    changes |= dict.fromkeys(clear or [])
    place = Workplace(tenant, env_file)
    _show(place.run(update_customer, {"id": _find(place, customer).id, **changes}), as_json=as_json)


@app.command(epilog=examples("primepos customers show 123", "primepos customers show 123 --json | jq .consents"))
def show(
    customer: CustomerArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one customer; for a record that was merged, the one it became."""
    _show(_find(Workplace(tenant, env_file), customer), as_json=as_json)


@app.command(
    name="list",
    epilog=examples("primepos customers list --limit 100", "primepos customers list --group vip --all --csv > vip.csv"),
)
def list_(
    *,
    group: Annotated[str | None, typer.Option(metavar="CODE", help="Only this group.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every page.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List customers by name, a page at a time."""
    place = Workplace(tenant, env_file)
    asked = {"group": group, "archived": archived, "limit": 200 if every else limit}
    items: list[Any] = []
    while True:
        page = place.run(list_customers, {**asked, "after": after})
        items += page.items
        after = page.next
        if after is None or not every:
            break
    if as_json:
        emit({"items": items, "next": after}, as_json=True)
        return
    emit([_row(each) for each in items], as_json=False, as_csv=as_csv, columns=_COLUMNS)
    if after:
        note(f"There are more: --after {after}, or --all")


@app.command(
    epilog=examples(
        "primepos customers search 'mul an'",
        "primepos customers search ana@shop.example",
        "primepos customers search '+49 171 1234567' --json",
    )
)
def search(
    query: Annotated[
        str, typer.Argument(metavar="TEXT", help="Beginnings of words, a number, an e-mail address, a phone number.")
    ],
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 20,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Find customers, best first."""
    found = Workplace(tenant, env_file).run(search_customers, {"query": query, "limit": limit}).items
    emit(found if as_json else [_row(each) for each in found], as_json=as_json, columns=_COLUMNS)


@app.command(epilog=examples("primepos customers archive 123 --yes"))
def archive(
    customer: CustomerArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a customer out of lists and search; everything about them stays."""
    place = Workplace(tenant, env_file)
    found = _find(place, customer)
    confirm_destruction(f"Customer {found.number} will not be found any more.", yes)
    _show(place.run(archive_customer, {"id": found.id}), as_json=as_json)


@app.command(epilog=examples("primepos customers unarchive 123"))
def unarchive(
    customer: CustomerArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put an archived customer back."""
    place = Workplace(tenant, env_file)
    _show(place.run(unarchive_customer, {"id": _find(place, customer).id}), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos customers consent 123                            what was ever agreed to",
        "primepos customers consent 123 --give email --how paper",
        "primepos customers consent 123 --withdraw email --how phone --json",
    )
)
def consent(
    customer: CustomerArgument,
    *,
    give: Annotated[Purpose | None, typer.Option(help="They agree to this.")] = None,
    withdraw: Annotated[Purpose | None, typer.Option(help="They do not agree to this any more.")] = None,
    how: Annotated[How, typer.Option(help="How they said so.")] = "in_person",
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write down what a customer agrees to in marketing, or show everything that was written down."""
    place = Workplace(tenant, env_file)
    found = _find(place, customer)
    if give and withdraw:
        raise InvalidInput("Give either --give or --withdraw")
    if purpose := give or withdraw:
        said = {"id": found.id, "purpose": purpose, "given": give is not None, "how": how}
        place.run(record_consent, said)
    emit(place.run(list_consents, {"id": found.id}).items, as_json=as_json)


@app.command(
    epilog=examples("primepos customers history 123", "primepos customers history 123 --json | jq .totals.spent")
)
def history(
    customer: CustomerArgument,
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List what a customer bought and brought back, newest first. JSON has amounts in minor units."""
    place = Workplace(tenant, env_file)
    page = place.run(customer_history, {"id": _find(place, customer).id, "limit": limit, "after": after})
    if as_json:
        emit(page, as_json=True)
        return
    emit(
        [
            {
                "receipt": each.receipt,
                "kind": f"{each.kind}, voided" if each.is_voided else each.kind,
                "date": each.business_date,
                "total": place.major(each.total),
                "id": each.id,
            }
            for each in page.items
        ],
        as_json=False,
    )
    totals = page.totals
    seen = "never" if totals.last_seen is None else f"{totals.last_seen:%Y-%m-%d}"
    note(f"{totals.visits} visits, {place.major(totals.spent)} {totals.currency} spent, last seen {seen}.")
    if page.next:
        note(f"There are more: --after {page.next}")


@app.command(epilog=examples("primepos customers merge 124 --into 123 --yes"))
def merge(
    customer: CustomerArgument,
    *,
    into: Annotated[str, typer.Option(metavar="CUSTOMER", help="The record that stays: number or id.")],
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make two records of one person one; the other one is given what it lacks. Cannot be undone."""
    place = Workplace(tenant, env_file)
    gone, kept = _find(place, customer), _find(place, into)
    confirm_destruction(f"Customer {gone.number} becomes part of {kept.number} for good.", yes)
    _show(place.run(merge_customers, {"id": gone.id, "into": kept.id}), as_json=as_json)


@app.command(epilog=examples("primepos customers data 123 > ana.json"))
def data(
    customer: CustomerArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print everything that is held about one person, as JSON."""
    del as_json
    place = Workplace(tenant, env_file)
    typer.echo(to_json(place.run(customer_data, {"id": _find(place, customer).id}), indent=True))


@app.command(epilog=examples("primepos customers erase 123 --yes"))
def erase(
    customer: CustomerArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Erase a person for good. Sales stay without them; backups hold them until those are thrown away."""
    place = Workplace(tenant, env_file)
    found = _find(place, customer)
    confirm_destruction(f"Everything that says who customer {found.number} is will be overwritten for good.", yes)
    emit(place.run(erase_customer, {"id": found.id, "confirm": True}), as_json=as_json)


@app.command(epilog=examples("primepos customers reseal", "primepos customers reseal --tenant corner --json"))
def reseal(*, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False) -> None:
    """Seal e-mail and phone anew after a change of FIELD_ENCRYPTION_KEYS; every tenant's unless one is named."""
    from primepos.cli import session
    from primepos.domain.tenancy.service import list_tenants

    running = session.open_app(env_file)
    if tenant is None:
        system = session.system_identity(running)
        page = running.run(list_tenants, system, {"limit": 200})
        slugs = [each.slug for each in page.items]
        while page.next:
            page = running.run(list_tenants, system, {"limit": 200, "after": page.next})
            slugs += [each.slug for each in page.items]
    else:
        slugs = [tenant]
    done = 0
    for slug in slugs:
        identity = session.operator_identity(running, slug)
        while True:
            answer = running.run(reseal_customers, identity, {})
            done += answer.customers
            if not answer.more:
                break
    emit({"tenants": len(slugs), "customers": done}, as_json=as_json)


@groups_app.command("create", epilog=examples("primepos customers groups create vip --name 'Regulars'"))
def create_group_(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Never changes.")],
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What people call it.")],
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a group."""
    emit(Workplace(tenant, env_file).run(create_group, {"code": code, "name": name}), as_json=as_json)


@groups_app.command("list", epilog=examples("primepos customers groups list", "primepos customers groups list --json"))
def list_groups_(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List groups by code."""
    found = Workplace(tenant, env_file).run(list_groups, {"archived": archived}).items
    emit(found, as_json=as_json, columns=("code", "name", "archived_at"))


@groups_app.command(
    "update",
    epilog=examples(
        "primepos customers groups update vip --name Friends", "primepos customers groups update vip --archive"
    ),
)
def update_group_(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The group's code.")],
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Another name.")] = None,
    archived: Annotated[
        bool | None, typer.Option("--archive/--unarchive", help="Out of use, or into use again.")
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Rename a group, take it out of use or into use again; members stay."""
    place = Workplace(tenant, env_file)
    every = [each for old in (False, True) for each in place.run(list_groups, {"archived": old}).items]
    group_id = next((each.id for each in every if each.code == code), None)
    if group_id is None:
        raise CustomerGroupNotFound(group=code, hint="`primepos customers groups list` shows the codes.")
    changes = {field: value for field, value in (("name", name), ("archived", archived)) if value is not None}
    emit(place.run(update_group, {"id": group_id, **changes}), as_json=as_json)


def _find(place: Workplace, text: str) -> Any:
    """Return the customer with this number or id. Raises ``CUSTOMER_NOT_FOUND``."""
    given = id_of(text)
    try:
        return place.run(get_customer, {"number": text} if given is None else {"id": given})
    except CustomerNotFound as error:
        raise CustomerNotFound(customer=text, hint="`primepos customers search TEXT` finds them.") from error


def _row(each: Any) -> dict[str, Any]:
    return {**{name: getattr(each, name) for name in _COLUMNS}, "groups": ", ".join(each.groups)}


def _show(customer: Any, *, as_json: bool) -> None:
    if as_json:
        emit(customer, as_json=True)
        return
    shown = {name: getattr(customer, name) for name in _SHOWN}
    emit({**shown, "groups": ", ".join(customer.groups), "consents": ", ".join(customer.consents)}, as_json=False)
