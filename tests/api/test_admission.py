"""More calls than can be served: a few wait, the urgent first, and the rest hear at once to come again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from primepos.api.admission import Admission, Urgency, urgency_of
from primepos.api.app import build_app, endpoints
from primepos.api.endpoint import DOOR_KEY
from primepos.api.errors import AtCapacity
from primepos.core.ids import new_id
from tests.api.conftest import a_sale
from tests.factories import assert_books_hold, counts

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 1000.0
TYPE = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"


async def settled(true: Callable[[], bool]) -> None:
    """Let everything else run until something is true."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.001)


async def crowd(admission: Admission, urgency: Urgency, count: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.ensure_future(admission.enter(urgency, LONG)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_as_many_run_as_there_are_places_and_each_place_given_back_is_taken() -> None:
    async def scenario() -> None:
        admission = Admission(2)
        await admission.enter(Urgency.BULK, LONG)
        await admission.enter(Urgency.BULK, LONG)
        (waiter,) = await crowd(admission, Urgency.BULK, 1)
        assert (admission.running, admission.waiting, waiter.done()) == (2, 1, False)
        admission.leave()
        await waiter
        assert (admission.running, admission.waiting) == (2, 0)
        admission.leave()
        admission.leave()
        assert admission.running == 0

    asyncio.run(scenario())


def test_a_sale_goes_before_a_report_that_has_waited_longer() -> None:
    async def scenario() -> None:
        admission = Admission(1)
        await admission.enter(Urgency.ORDINARY, LONG)
        (report,) = await crowd(admission, Urgency.BULK, 1)
        (lookup,) = await crowd(admission, Urgency.ORDINARY, 1)
        (first,) = await crowd(admission, Urgency.SALE, 1)
        (second,) = await crowd(admission, Urgency.SALE, 1)
        order = []
        for task, name in ((report, "report"), (lookup, "lookup"), (first, "first"), (second, "second")):
            task.add_done_callback(lambda _, name=name: order.append(name))
        for waiting in (3, 2, 1, 0):
            admission.leave()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert admission.waiting == waiting
        assert order == ["first", "second", "lookup", "report"]

    asyncio.run(scenario())


def test_reports_are_sent_away_first_and_sales_last() -> None:
    async def scenario() -> None:
        admission = Admission(1)
        await admission.enter(Urgency.SALE, LONG)
        tasks: list[asyncio.Task[None]] = []
        for urgency in Urgency:
            room = urgency.value - admission.waiting
            tasks += await crowd(admission, urgency, room)
            assert admission.waiting == urgency.value
            for each in Urgency:
                if each <= urgency:
                    with pytest.raises(AtCapacity):
                        await admission.enter(each, LONG)
        assert [each.name for each in Urgency] == ["BULK", "ORDINARY", "SALE"]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert admission.waiting == 0

    asyncio.run(scenario())


def test_nobody_waits_longer_than_makes_sense() -> None:
    async def scenario() -> None:
        admission = Admission(1)
        await admission.enter(Urgency.SALE, LONG)
        with pytest.raises(AtCapacity):
            await admission.enter(Urgency.SALE, 0)
        assert (admission.running, admission.waiting) == (1, 0)

    asyncio.run(scenario())


def test_no_place_is_lost_when_requests_are_called_off() -> None:
    async def scenario() -> None:
        admission = Admission(1)
        await admission.enter(Urgency.SALE, LONG)
        called_off, waits = await crowd(admission, Urgency.SALE, 2)
        called_off.cancel()
        # In the same breath: the one called off has not heard of it when the place becomes free.
        admission.leave()
        await waits
        assert (admission.running, admission.waiting) == (1, 0)
        (granted,) = await crowd(admission, Urgency.SALE, 1)
        admission.leave()
        granted.cancel()
        await asyncio.gather(granted, return_exceptions=True)
        assert (admission.running, admission.waiting) == (0, 0)

    asyncio.run(scenario())


def test_selling_is_urgent_and_lists_and_reports_are_not() -> None:
    found: dict[Urgency, set[str]] = {each: set() for each in Urgency}
    for _, _, endpoint in endpoints():
        assert endpoint.urgency is urgency_of(endpoint.operation)
        found[endpoint.urgency].add(endpoint.operation.name)
    assert found[Urgency.SALE] == {
        "sales.book",
        "sales.deliver",
        "sales.void",
        "cash.open_shift",
        "cash.close_shift",
        "staff.sign_in",
        "accounts.refresh",
    }
    assert {"sales.list", "reporting.sales", "audit.list", "cash.list_shifts"} <= found[Urgency.BULK]
    assert {"sales.get", "accounts.login", "catalog.lookup"} <= found[Urgency.ORDINARY]


def test_while_sales_hang_reports_are_refused_sales_wait_and_the_process_lives(
    make_app, database_url, shop, people
) -> None:
    app = make_app(database_url, DB_POOL_SIZE="2")
    api = build_app(app, resolve=people)
    admission: Admission = getattr(api.state, DOOR_KEY).admission

    async def scenario(lock: psycopg.Connection[Any]) -> None:
        transport = httpx.ASGITransport(app=api)  # type: ignore[arg-type]  # typed for another framework's messages
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=90) as http:

            def sell() -> asyncio.Task[httpx.Response]:
                body = a_sale(shop, sale_id=str(new_id()))
                return asyncio.ensure_future(http.post("/api/v1/sales", json=body, headers=manager))

            def look() -> asyncio.Task[httpx.Response]:
                return asyncio.ensure_future(http.get("/api/v1/sales", headers=manager))

            manager = people.headers(shop.manager)
            sales = [sell(), sell()]
            await settled(lambda: admission.running == 2)
            lists = [look() for _ in range(8)]
            await settled(lambda: admission.waiting == 8)
            refused = await look()
            assert (refused.status_code, refused.json()["code"]) == (503, "AT_CAPACITY")
            assert (refused.json()["type"], refused.headers["retry-after"]) == (TYPE, "5")
            assert refused.headers["x-request-id"] == refused.json()["request_id"]
            sales.append(sell())
            await settled(lambda: admission.waiting == 9)
            assert (await http.get("/health/")).status_code == 200
            assert counts(app, shop)["sales"] == 0
            lock.rollback()
            assert [answer.status_code for answer in await asyncio.gather(*sales)] == [201] * 3
            assert [answer.status_code for answer in await asyncio.gather(*lists)] == [200] * 8
            assert (admission.running, admission.waiting) == (0, 0)

    with psycopg.connect(database_url) as lock:
        lock.execute("SET LOCAL ROLE primepos_system")
        lock.execute("SELECT 1 FROM registers WHERE id = %s FOR UPDATE", (shop.server_id,))
        asyncio.run(scenario(lock))
    assert counts(app, shop)["sales"] == 3
    assert_books_hold(app, shop)
