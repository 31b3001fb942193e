"""F9: the answer is lost after the commit, the client asks again, and nothing happens twice.

The proxy cuts the answer at any byte, before the first too, or leaves the client hanging. It keeps what the server
said, so the answer to the second request can be compared with the one that got lost, byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from primepos.api.app import endpoints
from primepos.core.ids import new_id
from tests.factories import TillSeries, assert_books_hold
from tests.faults.proxy import Fault, Proxy
from tests.faults.sellers import SALES, Sellers, assert_exactly_these

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tests.api.test_serve import Served
    from tests.faults.sellers import House

SHIFTS = "/api/v1/shifts"
HANGS_S = 0.3
encode = msgspec.json.Encoder(decimal_format="string").encode
# Every writing route is here or below. Here: asked again with the same id it answers the same, or as declared.
SAFE_TO_REPEAT = {
    "POST /api/v1/sales",
    "POST /api/v1/sales/deliver",
    "POST /api/v1/sales/{id:str}/void",
    "DELETE /api/v1/sales/{id:str}",
    "POST /api/v1/shifts",
    "POST /api/v1/shifts/{id:str}/close",
}
SAYS_THE_END = "says how things are to be, not what to add: again is the same"
TAKEN = "what it makes has a name of its own: again is refused as a duplicate"
FRESH = "makes a new secret: again makes another, and the one that was lost serves nobody"
IN_CASH = "safe by its id, as cash/test_movements.py and test_closings.py show"
BY_ID_TRANSFER = "safe by its id, as inventory/test_transfers.py shows"
BY_ID_COUNT = "safe by its id, as inventory/test_counts.py shows"
BY_ID_ORDER = "safe by its id, as purchasing/test_orders.py shows"
BY_ID_TICKET = "safe by its id, as orders/test_orders.py shows"
OTHERS = {
    "POST /api/v1/erasures/{slug:str}": "safe by its id, as moving/test_erasing.py shows",
    "POST /api/v1/erasures/{slug:str}/{id:str}/agree": SAYS_THE_END,
    "POST /api/v1/erasures/{slug:str}/{id:str}/cancel": SAYS_THE_END,
    "POST /api/v1/erasures/{slug:str}/{id:str}/run": "again is refused: it was done",
    "POST /api/v1/move": SAYS_THE_END,
    "POST /api/v1/arrivals": "again says how many parts are here",
    "PUT /api/v1/arrivals/{slug:str}/parts/{part_no:str}": "safe by its number, as moving/test_moving.py shows",
    "PUT /api/v1/arrivals/{slug:str}/files/{name:str}": SAYS_THE_END,
    "POST /api/v1/arrivals/{slug:str}/finish": "again is refused: it is no longer arriving",
    "DELETE /api/v1/arrivals/{slug:str}": "again is refused: it is no longer there",
    "POST /api/v1/plans": TAKEN,
    "PATCH /api/v1/plans/{code:str}": SAYS_THE_END,
    "PUT /api/v1/plans/of/{slug:str}": SAYS_THE_END,
    "PUT /api/v1/orders/{id:str}": BY_ID_TICKET,
    "POST /api/v1/orders/{id:str}/take": "again by the same register is answered from before",
    "POST /api/v1/orders/{id:str}/cancel": "again with the same reason is answered from before",
    "POST /api/v1/orders/{id:str}/sale": BY_ID_TICKET,
    "POST /api/v1/orders/{id:str}/deposits": BY_ID_TICKET,
    "POST /api/v1/orders/{id:str}/deposits/return": BY_ID_TICKET,
    "POST /api/v1/removed-lines": BY_ID_TICKET,
    "POST /api/v1/shifts/{id:str}/people": SAYS_THE_END,
    "POST /api/v1/shifts/{id:str}/end": SAYS_THE_END,
    "POST /api/v1/shifts/{id:str}/force-close": "again by the same person is answered from before",
    "POST /api/v1/shifts/{id:str}/movements": IN_CASH,
    "POST /api/v1/shifts/{id:str}/drawer-openings": IN_CASH,
    "POST /api/v1/shifts/{id:str}/counts": IN_CASH,
    "POST /api/v1/shifts/{id:str}/adjustments": IN_CASH,
    "POST /api/v1/cash/adjustments/{id:str}/decision": "again by the same person is answered from before",
    "POST /api/v1/cash/safes/{id:str}/deposits": IN_CASH,
    "POST /api/v1/cash/safes/{id:str}/counts": IN_CASH,
    "PUT /api/v1/cash/denominations/{currency:str}": SAYS_THE_END,
    "POST /api/v1/cash/deliver": IN_CASH,
    "POST /api/v1/cash/deliver-closing": "again is answered from before, as a closing is",
    "POST /api/v1/auth/login": "begins another session; the lost one ends by itself",
    "POST /api/v1/auth/refresh": "the same token gets the same successor for ten seconds: tests/domain/accounts",
    "POST /api/v1/auth/logout": "again is refused: the session has ended, which was asked",
    "POST /api/v1/auth/switch": "ends the session it came from: whose answer was lost signs in again",
    "POST /api/v1/auth/password": "again is refused: the old password is no more, the new one signs in",
    "POST /api/v1/auth/register": TAKEN,
    "POST /api/v1/imports": "the same id and file are the same job: tests/domain/importing/test_uploads.py",
    "POST /api/v1/imports/{id:str}/parts": "a part sent again changes nothing: tests/domain/importing/test_uploads.py",
    "PUT /api/v1/imports/mappings/{kind:str}/{header:str}": SAYS_THE_END,
    "PATCH /api/v1/tenant": SAYS_THE_END,
    "POST /api/v1/users": TAKEN,
    "POST /api/v1/users/invitations": FRESH,
    "PUT /api/v1/users/{id:str}/role": SAYS_THE_END,
    "POST /api/v1/users/{id:str}/disable": SAYS_THE_END,
    "POST /api/v1/users/{id:str}/enable": SAYS_THE_END,
    "POST /api/v1/users/{id:str}/password-reset": FRESH,
    "POST /api/v1/staff": TAKEN,
    "POST /api/v1/staff/sign-in": "changes nothing but the count of wrong PINs",
    "PATCH /api/v1/staff/{id:str}": SAYS_THE_END,
    "POST /api/v1/staff/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/staff/{id:str}/unarchive": SAYS_THE_END,
    "PUT /api/v1/staff/{id:str}/pin": SAYS_THE_END,
    "POST /api/v1/staff/{id:str}/pin-reset": FRESH,
    "POST /api/v1/roles": TAKEN,
    "PATCH /api/v1/roles/{id:str}": SAYS_THE_END,
    "DELETE /api/v1/roles/{id:str}": "again is refused: there is no such role, which was asked",
    "POST /api/v1/approvals": "safe by its id, as staff/test_approvals.py shows",
    "POST /api/v1/approvals/{id:str}/grant": "again by the same person is answered the same: staff/test_approvals.py",
    "POST /api/v1/approvals/{id:str}/refuse": "again by the same person is answered the same: staff/test_approvals.py",
    "POST /api/v1/timeclock/in": "safe by its id, as staff/test_clock.py shows",
    "POST /api/v1/timeclock/out": "again is refused: nobody is in, which was asked",
    "POST /api/v1/timeclock/entries": "safe by its id, as staff/test_clock.py shows",
    "POST /api/v1/timeclock/entries/{id:str}/corrections": "safe by its id, as staff/test_clock.py shows",
    "PUT /api/v1/staff/{id:str}/badge": FRESH,
    "DELETE /api/v1/staff/{id:str}/badge": SAYS_THE_END,
    "PUT /api/v1/staff/{id:str}/commission": SAYS_THE_END,
    "POST /api/v1/outlets": TAKEN,
    "PATCH /api/v1/outlets/{id:str}": SAYS_THE_END,
    "POST /api/v1/outlets/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/outlets/{id:str}/unarchive": SAYS_THE_END,
    "POST /api/v1/registers": TAKEN,
    "POST /api/v1/registers/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/registers/{id:str}/unarchive": SAYS_THE_END,
    "POST /api/v1/registers/{id:str}/new-epoch": "again begins one more epoch, empty and harmless",
    "POST /api/v1/devices": FRESH,
    "DELETE /api/v1/devices/{id:str}": "again is refused: nothing is enrolled there, which was asked",
    "POST /api/v1/products": TAKEN,
    "PATCH /api/v1/products/{id:str}": SAYS_THE_END,
    "PUT /api/v1/products/{id:str}/barcodes": SAYS_THE_END,
    "POST /api/v1/products/edit": "with the version of a dry run again is refused: no price is raised twice",
    "POST /api/v1/products/{id:str}/variants": SAYS_THE_END,
    "PUT /api/v1/products/{id:str}/units": SAYS_THE_END,
    "PUT /api/v1/products/{id:str}/kit": SAYS_THE_END,
    "PUT /api/v1/products/{id:str}/image": SAYS_THE_END,
    "DELETE /api/v1/products/{id:str}/image": SAYS_THE_END,
    "POST /api/v1/products/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/products/{id:str}/unarchive": SAYS_THE_END,
    "POST /api/v1/categories": TAKEN,
    "POST /api/v1/categories/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/categories/{id:str}/unarchive": SAYS_THE_END,
    "POST /api/v1/taxes": TAKEN,
    "PATCH /api/v1/taxes/{id:str}": SAYS_THE_END,
    "POST /api/v1/tax-classes": TAKEN,
    "PUT /api/v1/tax-classes/{id:str}/taxes": SAYS_THE_END,
    "POST /api/v1/price-lists": TAKEN,
    "PATCH /api/v1/price-lists/{id:str}": SAYS_THE_END,
    "POST /api/v1/price-lists/{id:str}/archive": SAYS_THE_END,
    "PUT /api/v1/price-lists/{id:str}/prices": SAYS_THE_END,
    "POST /api/v1/promotions": TAKEN,
    "PATCH /api/v1/promotions/{id:str}": SAYS_THE_END,
    "POST /api/v1/promotions/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/coupons": "safe by its id, as offers/test_in_sales.py shows",
    "POST /api/v1/coupons/block": SAYS_THE_END,
    "POST /api/v1/coupons/holds": "safe by its id, as offers/test_in_sales.py shows",
    "DELETE /api/v1/coupons/holds/{id:str}": SAYS_THE_END,
    "POST /api/v1/tax-mappings": TAKEN,
    "PATCH /api/v1/tax-mappings/{id:str}": SAYS_THE_END,
    "POST /api/v1/tax-mappings/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/customers": "safe with an id, as customers/test_profiles.py shows; without, it makes another",
    "PATCH /api/v1/customers/{id:str}": SAYS_THE_END,
    "POST /api/v1/customers/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/customers/{id:str}/unarchive": SAYS_THE_END,
    "POST /api/v1/customers/{id:str}/consents": SAYS_THE_END,
    "POST /api/v1/customers/{id:str}/merge": SAYS_THE_END,
    "POST /api/v1/customers/{id:str}/erase": SAYS_THE_END,
    "POST /api/v1/customers/import": "the same rows again change nothing: customers/test_intake.py",
    "POST /api/v1/customers/groups": TAKEN,
    "PATCH /api/v1/customers/groups/{id:str}": SAYS_THE_END,
    "POST /api/v1/stock/adjust": "safe with an id, as inventory/test_documents.py shows; without, a delta moves again",
    "POST /api/v1/stock/receive": "safe with an id, as inventory/test_documents.py shows; without, it receives again",
    "POST /api/v1/sales/{id:str}/refunds": "safe by its id, as returns/test_refunds.py shows",
    "POST /api/v1/sales/{id:str}/exchanges": "safe by its id, as returns/test_exchanges.py shows",
    "POST /api/v1/sales/returns": "safe by its id, as returns/test_without_receipt.py shows",
    "POST /api/v1/fiscal/closings": "again closes what is new since, which is nothing",
    "POST /api/v1/stock/lots": "safe by its id, as inventory/test_lots.py shows; without, a serial is in stock already",
    "POST /api/v1/stock/lots/write-off": "safe by its id, as inventory/test_lots.py shows",
    "POST /api/v1/stock/revalue": "safe with an id; without, it says how things are to be",
    "PUT /api/v1/stock/reasons/{code:str}": SAYS_THE_END,
    "PUT /api/v1/stock/reorder": SAYS_THE_END,
    "PUT /api/v1/stock/policy": SAYS_THE_END,
    "POST /api/v1/stock/allotments": "safe by its id, as inventory/test_allotments.py shows",
    "POST /api/v1/stock/allotments/release": "safe by its id, as inventory/test_allotments.py shows",
    "POST /api/v1/stock/transfers": BY_ID_TRANSFER,
    "POST /api/v1/stock/transfers/{transfer:str}/ship": BY_ID_TRANSFER,
    "POST /api/v1/stock/transfers/{transfer:str}/receive": BY_ID_TRANSFER,
    "POST /api/v1/stock/transfers/{transfer:str}/close": BY_ID_TRANSFER,
    "POST /api/v1/stock/transfers/{id:str}/cancel": SAYS_THE_END,
    "POST /api/v1/stock/counts": BY_ID_COUNT,
    "POST /api/v1/stock/counts/{count:str}/entries": BY_ID_COUNT,
    "POST /api/v1/stock/counts/{count:str}/recount": BY_ID_COUNT,
    "POST /api/v1/stock/counts/{id:str}/approve": SAYS_THE_END,
    "POST /api/v1/stock/counts/{id:str}/cancel": SAYS_THE_END,
    "POST /api/v1/suppliers": TAKEN,
    "PATCH /api/v1/suppliers/{id:str}": SAYS_THE_END,
    "POST /api/v1/suppliers/{id:str}/archive": SAYS_THE_END,
    "POST /api/v1/suppliers/{id:str}/unarchive": SAYS_THE_END,
    "PUT /api/v1/suppliers/{supplier:str}/items/{product:str}": SAYS_THE_END,
    "DELETE /api/v1/suppliers/{supplier:str}/items/{product:str}": SAYS_THE_END,
    "POST /api/v1/purchases": BY_ID_ORDER,
    "PATCH /api/v1/purchases/{id:str}": SAYS_THE_END,
    "POST /api/v1/purchases/{id:str}/approve": SAYS_THE_END,
    "POST /api/v1/purchases/{id:str}/send": SAYS_THE_END,
    "POST /api/v1/purchases/{id:str}/cancel": SAYS_THE_END,
    "POST /api/v1/purchases/{id:str}/close": SAYS_THE_END,
    "POST /api/v1/purchases/{order:str}/receipts": BY_ID_ORDER,
    "POST /api/v1/purchases/{order:str}/returns": BY_ID_ORDER,
    "POST /api/v1/purchases/returns/{id:str}/credit": "the same amount again is the same; another is refused",
    "POST /api/v1/sales/{id:str}/payments": "safe by its id, as values/test_paying.py shows",
    "POST /api/v1/accounts/{id:str}/payments": "safe by its id, as values/test_paying.py shows",
    "PUT /api/v1/accounts/{id:str}/limit": SAYS_THE_END,
    "POST /api/v1/gift-cards": "safe by its id, the code included, as values/test_cards.py shows",
    "POST /api/v1/gift-cards/{id:str}/code": "changes nothing: again tells the same",
    "POST /api/v1/gift-cards/{id:str}/block": SAYS_THE_END,
    "POST /api/v1/gift-cards/{id:str}/unblock": SAYS_THE_END,
    "POST /api/v1/gift-cards/{id:str}/adjustments": "safe by its id, as values/test_cards.py shows",
    "POST /api/v1/values/store-credit": "safe by its id, as values/test_races.py shows",
    "POST /api/v1/values/points": "safe by its id, as values/test_races.py shows",
    "POST /api/v1/values/accounts": "safe by its id, as values/test_races.py shows",
    "POST /api/v1/values/authorisations": "safe by its id, as values/test_authorisations.py shows",
    "POST /api/v1/values/authorisations/{id:str}/release": SAYS_THE_END,
    "POST /api/v1/values/allotments": "safe by its id, as values/test_authorisations.py shows",
    "POST /api/v1/values/tidy": "again finds nothing to do",
    "POST /api/v1/stock/opening": "again is refused: what has moved cannot be opened",
}


def test_every_writing_route_has_an_answer_to_being_asked_again() -> None:
    writing = {f"{endpoint.method} {path}" for path, _, endpoint in endpoints() if not endpoint.operation.reads}
    assert writing == SAFE_TO_REPEAT | OTHERS.keys()
    assert not SAFE_TO_REPEAT & OTHERS.keys()


@dataclass(frozen=True)
class Asked:
    """A request that can be sent any number of times."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def send(self, http: httpx.Client, **more: Any) -> httpx.Response:
        # Closing, so that the end of the answer is the end of the connection.
        headers = {**self.headers, "Content-Type": "application/json", "Connection": "close"}
        return http.request(self.method, self.path, content=self.body, headers=headers, **more)


class Line:
    """The client's line to the server, through the proxy."""

    def __init__(self, proxy: Proxy, http: httpx.Client) -> None:
        self.proxy = proxy
        self.http = http

    def lose(self, asked: Asked, fault: Fault) -> tuple[int, bytes]:
        """Send a request whose answer gets lost; return the status and body that the server gave."""
        self.proxy.next(fault)
        with pytest.raises(httpx.TransportError):
            asked.send(self.http, timeout=HANGS_S if fault.half_open else 20).raise_for_status()
        head, _, body = self.proxy.heard().partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def ask(self, asked: Asked) -> tuple[int, bytes]:
        """Send a request over a sound line."""
        answer = asked.send(self.http)
        self.proxy.heard()
        return answer.status_code, answer.content


@pytest.fixture(scope="module")
def line(served: Served) -> Iterator[Line]:
    with Proxy(served.url) as proxy, httpx.Client(base_url=proxy.url, timeout=20) as http:
        yield Line(proxy, http)


@pytest.fixture(scope="module")
def home(make_house: Callable[[], House]) -> Iterator[House]:
    """A shop for all the examples of the properties; after the last its books must hold."""
    made = make_house()
    yield made
    assert_books_hold(made.app, made.shop)


@pytest.fixture(scope="module")
def quiet(make_house: Callable[[], House]) -> Iterator[House]:
    """A shop whose till has no shift."""
    made = make_house()
    yield made
    assert_books_hold(made.app, made.shop)


@pytest.fixture(scope="module")
def till(home: House, served: Served) -> TillSeries:
    """The shop's till with an open shift."""
    shift = {"id": str(new_id()), "register_id": str(home.shop.till_id), "opening_float": 0}
    opened = served.http.post(SHIFTS, json=shift, headers=home.manager)
    assert opened.status_code == 201
    return TillSeries(home.shop, opened.json()["id"], datetime.now(UTC))


# Less than the shortest answer has, so the answer is never whole.
CUTS = st.builds(Fault, cut_answer_at=st.integers(0, 900))
HANGING = Fault(cut_answer_at=0, half_open=True)
lossy = settings(max_examples=20, deadline=None)


def book(home: House) -> Asked:
    return Asked("POST", SALES, home.manager, encode(home.body(0, 1)))


def a_booked_sale(home: House, line: Line) -> str:
    status, answer = line.ask(book(home))
    assert status == 201
    return msgspec.json.decode(answer)["id"]


def void(home: House, sale_id: str) -> Asked:
    body = encode({"id": str(new_id()), "reason": "typo"})
    return Asked("POST", f"{SALES}/{sale_id}/void", home.manager, body)


def assert_done_once(home: House, line: Line, asked: Asked, fault: Fault, *, status: int, more: int) -> None:
    """Lose the answer, ask again twice: the same bytes each time, and ``more`` rows than before."""
    before = len(home.booked())
    first = line.lose(asked, fault)
    assert first[0] == status, first
    assert line.ask(asked) == first
    assert line.ask(asked) == first
    assert len(home.booked()) == before + more


@lossy
@example(fault=HANGING)
@given(fault=CUTS)
def test_a_booking_whose_answer_was_lost_is_told_again_to_the_byte(home: House, line: Line, fault: Fault) -> None:
    assert_done_once(home, line, book(home), fault, status=201, more=1)


@lossy
@example(fault=HANGING)
@given(fault=CUTS)
def test_a_delivery_whose_answer_was_lost_is_told_again_to_the_byte(
    home: House, line: Line, till: TillSeries, fault: Fault
) -> None:
    asked = Asked("POST", f"{SALES}/deliver", home.device, encode(till.sell()))
    assert_done_once(home, line, asked, fault, status=201, more=1)


@lossy
@example(fault=HANGING)
@given(fault=CUTS)
def test_a_void_whose_answer_was_lost_is_told_again_to_the_byte(home: House, line: Line, fault: Fault) -> None:
    asked = void(home, a_booked_sale(home, line))
    assert_done_once(home, line, asked, fault, status=201, more=1)


@lossy
@example(fault=HANGING)
@given(fault=CUTS)
def test_a_deletion_whose_answer_was_lost_is_told_again_to_the_byte(home: House, line: Line, fault: Fault) -> None:
    asked = Asked("DELETE", f"{SALES}/{a_booked_sale(home, line)}", home.manager)
    assert_done_once(home, line, asked, fault, status=200, more=1)


@lossy
@example(at_opening=HANGING, at_closing=HANGING)
@given(at_opening=CUTS, at_closing=CUTS)
def test_a_shift_opens_and_closes_once_however_often_it_is_asked(
    quiet: House, line: Line, at_opening: Fault, at_closing: Fault
) -> None:
    shift_id = str(new_id())
    shift = {"id": shift_id, "register_id": str(quiet.shop.till_id), "opening_float": 5000}
    opening = Asked("POST", SHIFTS, quiet.manager, encode(shift))
    first = line.lose(opening, at_opening)
    assert first[0] == 201
    assert line.ask(opening) == first
    closing = Asked("POST", f"{SHIFTS}/{shift_id}/close", quiet.manager, b'{"counted": 4990}')
    status, closed = line.lose(closing, at_closing)
    assert (status, msgspec.json.decode(closed)["difference"]) == (200, -10)
    assert line.ask(closing) == (status, closed)
    assert line.ask(closing) == (status, closed)
    # Closing is final: another count is refused.
    recount = Asked("POST", f"{SHIFTS}/{shift_id}/close", quiet.manager, b'{"counted": 5000}')
    status, refused = line.ask(recount)
    assert (status, msgspec.json.decode(refused)["code"]) == (409, "SHIFT_CLOSED")
    assert line.ask(Asked("GET", f"{SHIFTS}/{shift_id}", quiet.manager)) == (200, closed)


@lossy
@given(cut=st.integers(0, 700))
def test_a_booking_whose_request_was_torn_is_booked_by_the_next(home: House, line: Line, cut: int) -> None:
    asked = book(home)
    before = len(home.booked())
    line.proxy.next(Fault(cut_request_at=cut))
    with pytest.raises(httpx.TransportError):
        asked.send(line.http)
    line.proxy.heard()
    assert len(home.booked()) == before
    status, _ = first = line.ask(asked)
    assert status == 201
    assert line.ask(asked) == first
    assert len(home.booked()) == before + 1


def bad_weather(rng: Random) -> Fault:
    """Draw what happens to a connection; none lives for ever, or four lucky ones would prove nothing."""
    delayed = partial(Fault, delay_s=rng.choice((0.0, 0.0, 0.05)))
    kind = rng.randrange(6)
    if kind == 0:
        return delayed(refuse=True)
    if kind == 1:
        return delayed(cut_request_at=rng.randrange(700))
    if kind <= 3:
        return delayed(cut_answer_at=rng.randrange(2000))
    return delayed(cut_answer_at=rng.randrange(2000, 20000))


def test_four_tills_on_a_line_that_cuts_tears_and_delays_book_every_sale_once(
    served: Served, house: House, rng: Random
) -> None:
    with Proxy(served.url, weather=bad_weather, rng=rng) as proxy, Sellers(proxy.url, house, rng) as sellers:
        sellers.wait_for(120)
    assert not sellers.problems
    assert sellers.heard["201"] < sum(sellers.heard.values())
    assert_exactly_these(house, sellers.acknowledged)
