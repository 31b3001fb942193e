"""Sales, refunds and voids over one balance at the same moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.service import book_sale, void_sale
from primepos.domain.tenancy.service import update_settings
from tests.domain.values.test_in_sales import back, book, sound
from tests.domain.values.test_races import at_once, wide_app  # noqa: F401 - a fixture
from tests.domain.values.value_world import POINTS, a_card, a_customer, an_account, balance, entries
from tests.factories import a_shop, basket, counts, rows

if TYPE_CHECKING:
    from primepos.core.operations import App


def codes(answers: list[object]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in answers:
        name = each.code if isinstance(each, PrimePOSError) else "done"
        found[name] = found.get(name, 0) + 1
    return found


def test_of_eight_sales_a_card_pays_for_as_many_as_it_can(wide_app: App) -> None:  # noqa: F811 - the fixture
    shop = a_shop(wide_app)
    card = a_card(wide_app, shop, 450 * 3 + 449)
    tender = {"kind": "gift_card", "code": card.code, "amount": 450}
    assert codes(at_once([lambda: book(wide_app, shop, tender)] * 8)) == {"done": 3, "VALUE_SHORT": 5}
    assert (balance(wide_app, card.account_id), counts(wide_app, shop)["sales"]) == ((449, 0), 3)
    sound(wide_app, shop)


def test_twins_of_a_sale_that_takes_everything_are_one_sale(wide_app: App) -> None:  # noqa: F811 - the fixture
    shop = a_shop(wide_app)
    card = a_card(wide_app, shop, 450)
    asked = basket(shop, tenders=[{"kind": "gift_card", "code": card.code, "amount": 450}])
    answers = at_once([lambda: wide_app.run(book_sale, shop.cashier, asked)] * 8)
    assert len({msgspec.json.encode(each) for each in answers}) == 1
    assert entries(wide_app, card.account_id) == [("issue", 450, 450), ("sale", -450, 0)]
    sound(wide_app, shop)


def test_two_cards_named_in_either_order_never_block_each_other(wide_app: App) -> None:  # noqa: F811 - the fixture
    shop = a_shop(wide_app)
    pair = [a_card(wide_app, shop, 450 * 8) for _ in range(2)]

    def sell(turn: int) -> object:
        first, second = pair[turn % 2], pair[1 - turn % 2]
        tenders = [{"kind": "gift_card", "code": first.code, "amount": 200}]
        return book(wide_app, shop, *tenders, {"kind": "gift_card", "code": second.code, "amount": 250})

    answers = at_once([lambda turn=turn: [sell(turn) for _ in range(2)] for turn in range(8)])
    assert codes(answers) == {"done": 8}
    assert [balance(wide_app, each.account_id)[0] for each in pair] == [0, 0]
    sound(wide_app, shop)


def test_a_card_is_spent_or_taken_back_never_both(wide_app: App) -> None:  # noqa: F811 - the fixture
    shop = a_shop(wide_app)
    for undo in (
        lambda sale: back(wide_app, shop, sale.id),
        lambda sale: wide_app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": sale.id, "reason": "mistake"}),
    ):
        card = new_id()
        sold = [{"kind": "gift_card", "card_id": card, "amount": 450}]
        sale = book(wide_app, shop, {"kind": "cash", "amount": 450}, lines=[], values=sold)
        tender = {"kind": "gift_card", "account_id": card, "amount": 450}
        answers = at_once([lambda: undo(sale)] * 2 + [lambda: book(wide_app, shop, tender)] * 2)  # noqa: B023
        done = [each for each in answers if not isinstance(each, PrimePOSError)]
        assert len(done) == 1, codes(answers)
        assert balance(wide_app, card) == (0, 0)
    sound(wide_app, shop)


def test_lines_that_come_back_at_once_take_their_points_once(wide_app: App) -> None:  # noqa: F811 - the fixture
    shop = a_shop(wide_app)
    wide_app.run(update_settings, shop.owner, {"settings": {"points": {**POINTS, "earn": 7, "per_minor": 100}}})
    ada = a_customer(wide_app, shop)
    an_account(wide_app, shop, ada)
    sale = book(
        wide_app, shop, {"kind": "account", "amount": 300}, {"kind": "cash", "amount": 150}, by="owner", customer_id=ada
    )
    part = {"sale_id": sale.id, "lines": [{"line_no": 1, "quantity": "1"}], "reason": "too many"}
    rest = {"sale_id": sale.id, "lines": [{"line_no": 2}], "reason": "too hard"}
    answers = at_once(
        [lambda: wide_app.run(refund_sale, shop.owner, {"id": new_id(), **part})] * 4
        + [lambda: wide_app.run(refund_sale, shop.owner, {"id": new_id(), **rest})] * 4
    )
    assert codes(answers) == {"done": 3, "RETURN_EXCEEDS_SOLD": 5}
    found = rows(wide_app, "SELECT kind, balance FROM value_accounts WHERE customer_id = %s ORDER BY kind", (ada,))
    assert [(each["kind"], each["balance"]) for each in found] == [("account", 0), ("points", 0)]
    sound(wide_app, shop)
