"""``primepos giftcards``: issue, look up, block and correct gift cards; what the shop owes on them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from primepos.cli.holdings import customer_of, day, in_major, plain, show_page, sure
from primepos.cli.naming import Workplace, id_of, required_id
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.ids import new_id
from primepos.domain.values.service import (
    adjust_card,
    adjust_credit,
    allot,
    authorise,
    block_card,
    issue_card,
    liabilities,
    list_allotments,
    list_cards,
    list_entries,
    release,
    show_card,
    tell_code,
    tidy,
    unblock_card,
)

CardArgument = Annotated[str, typer.Argument(metavar="CARD", help="The card's code, or its id.")]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the entry.")]
LimitOption = Annotated[int, typer.Option(min=1, max=200, help="At most this many.")]
AfterOption = Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")]
_COLUMNS = ("tail", "balance", "available", "state", "expires_on", "opened_at", "account_id")
_ENTRIES = ("entry_no", "at", "cause", "amount", "balance", "receipt", "reason", "actor")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Issue, look up and block gift cards."
)


@app.command(
    epilog=examples(
        "primepos giftcards issue 25.00 --reason 'prize of the raffle'",
        "primepos giftcards issue 50 --code GIFT-2026-0001 --expires 2029-12-31 --reason 'printed card'",
    )
)
def issue(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What is on it, in currency units.")],
    *,
    reason: ReasonOption,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="What is printed on it; made if left out.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="DATE", help="The last day it is good.")] = None,
    card_id: Annotated[
        str | None, typer.Option("--id", metavar="UUID", help="Your id for the card: again with it is safe.")
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Issue a card that nobody pays for; its code is shown once. A card that is sold is a line of a sale."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {
        "id": new_id() if card_id is None else required_id("ID", card_id),
        "amount": place.minor("AMOUNT", amount),
        "reason": reason,
        "code": code,
        "expires_on": day("--expires", expires),
    }
    made = place.run(issue_card, data)
    emit(made if as_json else {**plain(made), "balance": place.major(made.balance)}, as_json=as_json)
    if made.code is not None:
        note("The code is stored nowhere: print or write it down now.")


@app.command(epilog=examples("primepos giftcards show GIFT-2026-0001", "primepos giftcards show 'A1B2 C3D4' --json"))
def show(
    card: CardArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what is on a card."""
    place = Workplace(tenant, env_file)
    found = place.run(show_card, {"code": card})
    emit(found if as_json else in_major(place, found), as_json=as_json)


@app.command(
    name="list",
    epilog=examples("primepos giftcards list --in-use", "primepos giftcards list --tail 7XQ2 --json"),
)
def list_(
    *,
    tail: Annotated[str | None, typer.Option(metavar="TEXT", help="The last places of the code.")] = None,
    state: Annotated[Literal["active", "blocked", "closed"] | None, typer.Option(help="Only these.")] = None,
    in_use: Annotated[bool, typer.Option("--in-use", help="Only those with money on them.")] = False,
    limit: LimitOption = 50,
    after: AfterOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List cards, the newest first; of a code only the end is known."""
    place = Workplace(tenant, env_file)
    page = place.run(list_cards, {"tail": tail, "state": state, "in_use": in_use, "limit": limit, "after": after})
    show_page(place, page, _COLUMNS, as_json=as_json, as_csv=as_csv)


@app.command(epilog=examples("primepos giftcards entries 0190b5c4-...  --json"))
def entries(
    card: CardArgument,
    *,
    limit: LimitOption = 50,
    after: Annotated[int | None, typer.Option(metavar="N", help="Go on after this entry.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what made the balance of a card (or of any account, by its id), newest first."""
    place = Workplace(tenant, env_file)
    page = place.run(list_entries, {"account_id": _card(place, card), "limit": limit, "after": after})
    show_page(place, page, _ENTRIES, as_json=as_json, as_csv=as_csv)


@app.command(epilog=examples("primepos giftcards code 0190b5c4-..."))
def code(
    card_id: Annotated[str, typer.Argument(metavar="ID", help="The card's id, as the sale's line has it.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell the code of a card that was sold without a printed one, to print it; for a day."""
    place = Workplace(tenant, env_file)
    emit(place.run(tell_code, {"account_id": required_id("ID", card_id)}), as_json=as_json)


@app.command(epilog=examples("primepos giftcards block GIFT-2026-0001 --reason 'reported stolen'"))
def block(
    card: CardArgument,
    *,
    reason: ReasonOption,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let nothing be taken from a card any more."""
    place = Workplace(tenant, env_file)
    found = place.run(block_card, {"account_id": _card(place, card), "reason": reason})
    emit(found if as_json else in_major(place, found), as_json=as_json)


@app.command(epilog=examples("primepos giftcards unblock GIFT-2026-0001 --reason 'found again'"))
def unblock(
    card: CardArgument,
    *,
    reason: ReasonOption,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a blocked card be used again."""
    place = Workplace(tenant, env_file)
    found = place.run(unblock_card, {"account_id": _card(place, card), "reason": reason})
    emit(found if as_json else in_major(place, found), as_json=as_json)


@app.command(epilog=examples("primepos giftcards adjust GIFT-2026-0001 --by -5.00 --reason 'typed twice' --yes"))
def adjust(
    card: CardArgument,
    *,
    by: Annotated[str, typer.Option(metavar="AMOUNT", help="More, or with a minus less, in currency units.")],
    reason: ReasonOption,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a card's balance right, with a reason; never below zero."""
    place = Workplace(tenant, env_file)
    amount = place.minor("--by", by)
    account_id = _card(place, card)
    confirm_destruction(f"The card will have {by} more on it.", yes)
    done = place.run(adjust_card, {"id": new_id(), "account_id": account_id, "amount": amount, "reason": reason})
    emit(done if as_json else in_major(place, done), as_json=as_json)


@app.command(epilog=examples("primepos giftcards owed", "primepos giftcards owed --json | jq '.rows'"))
def owed(
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what the shop owes on cards, credit and points, and what customers owe it."""
    place = Workplace(tenant, env_file)
    found = place.run(liabilities, {})
    emit(found if as_json else [in_major(place, row) for row in found.rows], as_json=as_json)


@app.command(epilog=examples("primepos giftcards credit 1001 --by 20.00 --reason 'broken on the way' --yes"))
def credit(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's number or id.")],
    *,
    by: Annotated[str, typer.Option(metavar="AMOUNT", help="More, or with a minus less, in currency units.")],
    reason: ReasonOption,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a customer store credit, or take some away, with a reason."""
    place = Workplace(tenant, env_file)
    data = {"id": new_id(), "amount": place.minor("--by", by), "reason": reason}
    data["customer_id"] = customer_of(place, customer)
    confirm_destruction(f"The store credit of customer {customer} will change by {by}.", yes)
    done = place.run(adjust_credit, data)
    emit(done if as_json else in_major(place, done), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos giftcards hold 20.00 --card GIFT-2026-0001",
        "primepos giftcards hold 20.00 --customer 1001 --kind store_credit --json",
    )
)
def hold(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, in currency units.")],
    *,
    card: Annotated[str | None, typer.Option(metavar="CODE", help="From this card.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER", help="From what this customer has.")] = None,
    kind: Annotated[Literal["store_credit", "account", "points"] | None, typer.Option(help="Of what.")] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Keep so much for one sale, for a quarter of an hour; the sale names the id that is shown."""
    place = Workplace(tenant, env_file)
    data: dict[str, Any] = {"id": new_id(), "amount": place.minor("AMOUNT", amount), "code": card, "kind": kind}
    data["customer_id"] = None if customer is None else customer_of(place, customer)
    kept = place.run(authorise, data)
    emit(kept if as_json else in_major(place, kept), as_json=as_json)


@app.command(name="release", epilog=examples("primepos giftcards release 0190b5c4-..."))
def release_(
    authorisation: Annotated[str, typer.Argument(metavar="ID", help="What `hold` has shown.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give back what was kept for a sale that is not going to be."""
    place = Workplace(tenant, env_file)
    emit(place.run(release, {"id": required_id("ID", authorisation)}), as_json=as_json)


@app.command(
    name="allot",
    epilog=examples("primepos giftcards allot T1 gift_card 200.00 --until 2026-12-31T22:00:00+01:00"),
)
def allot_(
    register: Annotated[str, typer.Argument(metavar="REGISTER", help="Its receipt prefix or code.")],
    kind: Annotated[
        Literal["gift_card", "store_credit", "account", "points"], typer.Argument(metavar="KIND", help="Of what.")
    ],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In currency units, or points; 0 takes it away.")],
    *,
    until: Annotated[str, typer.Option(metavar="MOMENT", help="Until when, with its offset from UTC.")],
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how much of a kind a register may take while the server is away; what it takes beyond that is flagged."""
    place = Workplace(tenant, env_file)
    by = sure("AMOUNT", amount) if kind == "points" else place.minor("AMOUNT", amount)
    data = {"id": new_id(), "register_id": place.register(register).id, "kind": kind, "amount": by}
    done = place.run(allot, {**data, "expires_at": until})
    emit(done if as_json else in_major(place, done), as_json=as_json)


@app.command(epilog=examples("primepos giftcards allotments"))
def allotments(
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List what registers may take while the server is away, and what of it is drawn."""
    place = Workplace(tenant, env_file)
    found = place.run(list_allotments, {})
    emit(found if as_json else [in_major(place, row) for row in found.items], as_json=as_json)


@app.command(name="tidy", epilog=examples("primepos giftcards tidy"))
def tidy_(
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let go what was kept and never used, close expired cards, let old points lapse; nightly by itself."""
    emit(Workplace(tenant, env_file).run(tidy, {}), as_json=as_json)


def _card(place: Workplace, text: str) -> Any:
    """Return the id of a card given by its id or its code."""
    return id_of(text) or place.run(show_card, {"code": text}).account_id
