"""``primepos init``: set up a real shop on this machine."""

from __future__ import annotations

import getpass
import os
import re
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from primepos import bootstrap
from primepos.cli import session
from primepos.cli.options import JsonFlag, YesFlag, examples
from primepos.cli.output import emit, note
from primepos.core.errors import Conflict, InvalidInput, RuleViolation
from primepos.core.settings import Environment, examine, load_settings
from primepos.core.settings_keys import SHOP_FILE, write_shop_env

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primepos.domain.provisioning.schemas import ShopFile

PIN = "PRIMEPOS_PIN"
_OWNER_CODE = "1"

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class NotForHere(RuleViolation):
    """The environment says that this is no shop on one machine."""

    code = "NOT_FOR_HERE"
    template = "`primepos init` sets up a shop on this machine with a database of its own, but {problem}"


class DemoInTheWay(Conflict):
    """The data directory holds the demo, whose sales do not belong into a real shop's database."""

    code = "DEMO_IN_THE_WAY"
    template = "{data_dir} holds the demo shop"
    hint = "`primepos demo reset` throws it away; or give the shop another directory with PRIMEPOS_DATA_DIR."


class AnswersMissing(InvalidInput):
    """Nobody is at a terminal to answer; ``problems`` names the options to give."""

    code = "ANSWERS_MISSING"
    template = "There is no terminal to ask at"

    def __init__(self, missing: list[str]) -> None:
        problems = [{"field": option, "problem": "is needed"} for option in missing]
        super().__init__(problems=problems, hint="Give these options, or run it at a terminal.")


@dataclass(frozen=True, slots=True)
class Answers:
    """What the shopkeeper said. Rates are percent as text, the standard one first."""

    name: str
    slug: str
    country: str
    currency: str
    zone: str
    rates: tuple[str, ...]
    included: bool
    tax_name: str
    outlet: str
    address: str
    owner: str


@app.command(
    epilog=examples(
        "primepos init",
        "primepos init --name 'Corner shop' --country DE --owner Ann --yes",
        "PRIMEPOS_PIN=482916 primepos init --name Kiosk --country CH --tax 8.1 --tax 2.6 --owner Ann --yes --json",
    )
)
def init(
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What the shop is called.")] = None,
    country: Annotated[str | None, typer.Option(metavar="CODE", help="ISO 3166 code of two letters, as DE.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="ISO 4217; the country's own.")] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="IANA time zone; the country's own.")] = None,
    tax: Annotated[
        list[str] | None,
        typer.Option(metavar="PERCENT", help="A tax rate; the standard one first. May be given again."),
    ] = None,
    excluded: Annotated[bool, typer.Option("--tax-on-top", help="Shelf prices do not contain the tax.")] = False,
    outlet: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the outlet is called; like the shop.")
    ] = None,
    address: Annotated[str, typer.Option(metavar="TEXT", help="Printed on receipts.")] = "",
    owner: Annotated[str | None, typer.Option(metavar="TEXT", help="The owner's name.")] = None,
    slug: Annotated[str | None, typer.Option(metavar="SLUG", help="Short name of the shop; made of its name.")] = None,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Set up a shop on this machine: secrets, a PostgreSQL of its own, taxes, an outlet, a till and the owner's PIN.

    Asks what it is not told; with --yes it takes what a shop in the country most likely needs. The owner's PIN is
    taken from PRIMEPOS_PIN or asked for; otherwise it is made and shown this once. Run again, it changes nothing that
    is there and finishes what was interrupted.
    """
    data_dir = _place()
    if (data_dir / SHOP_FILE).is_file():
        known = _known_shop()
        if known is not None and _is_complete(known):
            _finish(known, None, data_dir, is_new=False, as_json=as_json)
            return
        # A run that was broken off: go on with the tenant it made.
        slug = known or slug
    given = {"name": name, "country": country, "currency": currency, "zone": zone, "owner": owner, "outlet": outlet}
    answers = _answers(given, tax, excluded, address, slug, yes=yes)
    pin = _pin()
    shop = shop_of(answers, pin)
    if not yes:
        _confirm(answers)
    write_shop_env(data_dir / SHOP_FILE)
    note("Starting the shop's own PostgreSQL and building its tables ...")
    made = _provision(shop)
    _finish(answers.slug, made, data_dir, is_new=True, as_json=as_json)


# --- where -----------------------------------------------------------------------------------------------------------


def _place() -> Path:
    """Return the data directory, if a shop may live in it. Raises NotForHere, DemoInTheWay."""
    found = examine(component="cli", make_keys=False)
    named = found.raw.get("PRIMEPOS_ENV")
    if named and found.environment is not Environment.SHOP:
        raise NotForHere(
            problem=f"PRIMEPOS_ENV is {named}", hint="Unset PRIMEPOS_ENV, or see `primepos tenants apply`."
        )
    if "DATABASE_URL" in found.raw:
        hint = "Use `primepos migrate up` and `primepos tenants apply` with a server."
        raise NotForHere(problem="DATABASE_URL names a server", hint=hint)
    data_dir: Path = found.values["PRIMEPOS_DATA_DIR"]
    if (data_dir / "demo-pins.json").is_file():
        raise DemoInTheWay(data_dir=str(data_dir))
    return data_dir


def _known_shop() -> str | None:
    """Return the short name of the tenant that is here already, None if there is none yet."""
    from primepos.domain.tenancy.service import list_tenants

    application = session.open_app()
    found = application.run(list_tenants, session.system_identity(application), {"limit": 1})
    return found.items[0].slug if found.items else None


def _is_complete(slug: str) -> bool:
    from primepos.cli.naming import Workplace
    from primepos.domain.outlets.service import list_registers

    return any(each.kind == "till" for each in Workplace(slug, None).run(list_registers).items)


# --- asking ----------------------------------------------------------------------------------------------------------


def _answers(
    given: dict[str, str | None], tax: list[str] | None, excluded: bool, address: str, slug: str | None, *, yes: bool
) -> Answers:
    from primepos.domain.provisioning.countries import suggest

    asks = not yes and sys.stdin.isatty()
    missing = [] if asks else [f"--{option}" for option in ("name", "country", "owner") if not given[option]]
    if missing:
        raise AnswersMissing(missing)
    name = given["name"] or _ask("What is the shop called?", "")
    country = (given["country"] or _ask("In which country is it? (two letters, as DE)", "")).strip().upper()
    likely = suggest(country)
    currency, zone = given["currency"] or likely.currency, given["zone"] or likely.zone
    rates = tuple(tax) if tax else likely.rates
    outlet, owner = given["outlet"] or name, given["owner"] or ""
    if asks:
        currency = _ask("Currency", currency) if not given["currency"] else currency
        zone = _ask("Time zone", zone) if not given["zone"] else zone
        if not tax:
            text = _ask("Tax rates in percent, the standard one first (empty: none)", " ".join(rates), empty=True)
            rates = tuple(text.replace("%", " ").replace(",", ".").split())
        outlet = _ask("What is the outlet called on receipts?", outlet) if not given["outlet"] else outlet
        address = address or _ask("Its address, for receipts (may be empty)", "", empty=True)
        owner = owner or _ask("Who owns it?", "")
    lacking = [option for option, text in (("--currency", currency), ("--zone", zone)) if not text]
    if lacking:
        raise AnswersMissing(lacking)
    return Answers(
        name=name,
        slug=slug or slug_of(name),
        country=country,
        currency=currency.strip().upper(),
        zone=zone.strip(),
        rates=rates,
        included=likely.included and not excluded,
        tax_name=likely.tax_name,
        outlet=outlet,
        address=address,
        owner=owner,
    )


def _ask(question: str, default: str, *, empty: bool = False) -> str:
    """Ask on stderr until there is an answer; Enter takes what stands in brackets."""
    while True:
        sys.stderr.write(f"{question}{f' [{default}]' if default else ''}: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise typer.Abort
        answer = line.strip() or default
        if answer or empty:
            return answer


def _pin() -> str | None:
    """Return the PIN the owner chose, None to have one made. Raises ``WEAK_PIN``."""
    from primepos.core.security import check_pin

    given = os.environ.get(PIN)
    if given or not sys.stdin.isatty():
        return check_pin(given) if given else None
    first = getpass.getpass("The owner's PIN at the till, 4 to 8 digits (Enter: make one): ")
    if first and getpass.getpass("Once more: ") != first:
        raise InvalidInput("The two PINs differ; nothing was set up")
    return check_pin(first) if first else None


def _confirm(answers: Answers) -> None:
    if not sys.stdin.isatty():
        raise AnswersMissing(["--yes"])
    note("")
    for label, text in (
        ("Shop", f"{answers.name} ({answers.slug})"),
        ("Money", f"{answers.currency}, business day by {answers.zone}"),
        ("Taxes", ", ".join(f"{rate} %" for rate in answers.rates) or "none"),
        ("Prices", "contain the tax" if answers.included else "are without tax"),
        ("Owner", f"{answers.owner}, staff code {_OWNER_CODE}"),
    ):
        note(f"  {label:<8}{text}")
    note("Tax rates change: have yours confirmed. They can be changed later; the currency cannot.")
    if _ask("Set it up like this?", "y").lower() not in {"y", "yes"}:
        note("Nothing was set up.")
        raise typer.Exit(1)


def slug_of(name: str) -> str:
    """Return a short name made of a shop's name: ASCII letters and digits with hyphens between words."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return found if len(found) > 2 and not found[0].isdigit() else f"shop-{found}".strip("-")


# --- doing -----------------------------------------------------------------------------------------------------------


def shop_of(answers: Answers, pin: str | None) -> ShopFile:
    """Return the shop as a document. Raises ``BAD_SHOP_FILE``, naming every answer that cannot be."""
    from primepos.domain.provisioning.countries import taxes_of
    from primepos.domain.provisioning.reading import read_shop

    taxes, classes = taxes_of(answers.rates, answers.tax_name, included=answers.included)
    chosen: dict[str, Any] = {"env": PIN, "value": pin} if pin else {"generate": True}
    return read_shop(
        {
            "tenant": {
                "slug": answers.slug,
                "name": answers.name,
                "currency": answers.currency,
                "country": answers.country,
                "zone": answers.zone,
            },
            "taxes": taxes,
            "tax_classes": classes,
            "outlets": [
                {
                    "code": "main",
                    "name": answers.outlet,
                    "address": answers.address,
                    "registers": [{"code": "till-1", "name": "Till 1", "prefix": "T1"}],
                }
            ],
            "staff": [{"code": _OWNER_CODE, "name": answers.owner, "role": "owner", "pin": chosen}],
        }
    )


def _provision(shop: ShopFile) -> Any:
    from primepos.cli.provisioning import Provisioner

    settings = load_settings(component="cli")
    session.use_app(bootstrap.build_app(settings))
    return Provisioner(session.open_app(), shop).apply()


def _finish(slug: str, made: Any, data_dir: Path, *, is_new: bool, as_json: bool) -> None:
    pins = [] if made is None else made.pins
    if as_json:
        emit({"tenant": slug, "is_new": is_new, "data_dir": str(data_dir), "pins": pins}, as_json=True)
        return
    if is_new:
        note(f"The shop {slug!r} is set up in {data_dir}.")
    else:
        note(f"The shop {slug!r} is set up in {data_dir} already; nothing was changed.")
    for each in pins:
        emit({"staff code": each.code, "name": each.name, "PIN": each.pin}, as_json=False)
        note("The PIN is shown this once.")
    tell: Callable[[str], None] = note
    tell(
        "\nWhat next:\n"
        "  primepos till                               open the till\n"
        "  primepos products create SKU --name ... --price ...\n"
        "  primepos import products prices.csv         or take over a price list\n"
        "  primepos users create-staff 2 --name ...    add people at the till\n"
        f"\nKeep a copy of {data_dir / SHOP_FILE} in a safe place: without it no PIN works and no backup can be read."
    )
