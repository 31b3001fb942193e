"""Clients that sell over HTTP and do not give up: an answer lost or refused for now is asked for again, the same."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Self

import httpx

from primepos.core.ids import new_id
from tests.factories import assert_books_hold, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.operations import App
    from tests.factories import Shop

SALES = "/api/v1/sales"
PATIENCE = 1000
ANSWER_TIMEOUT_S = 20


@dataclass
class House:
    """A shop whose people have tokens: ``manager`` and ``device`` are headers."""

    app: App
    shop: Shop
    manager: dict[str, str]
    device: dict[str, str] = field(default_factory=dict)

    def body(self, *products: int, paid: int = 2000, sale_id: UUID | None = None) -> dict[str, Any]:
        """Return the body of a booking of one piece of each product, by place in the catalogue; an apple by default."""
        return {
            "id": str(sale_id or new_id()),
            "outlet_id": str(self.shop.outlet_id),
            "lines": [{"product_id": str(self.shop.products[place])} for place in products or (0,)],
            "tenders": [{"kind": "cash", "amount": paid}],
        }

    def booked(self) -> list[dict[str, Any]]:
        """Return what is booked, in the order of its series."""
        return rows(
            self.app,
            "SELECT id, kind, number, receipt, total, encode(hash, 'hex') AS hash FROM sales"
            " WHERE tenant_id = %s ORDER BY register_id, epoch, number",
            (self.shop.tenant_id,),
        )


class Sellers:
    """Threads that sell until the block ends. What was acknowledged is kept, and how often each status was heard."""

    def __init__(
        self, url: str, house: House, rng: Random, *, tills: int = 4, body: Callable[[], dict[str, Any]] | None = None
    ) -> None:
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.heard: Counter[str] = Counter()
        self.problems: list[BaseException] = []
        self._url, self._house, self._body = url, house, body or house.body
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(Random(rng.random()),), daemon=True) for _ in range(tills)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def wait_until(self, happened: Callable[[], bool], *, timeout_s: float = 120) -> None:
        """Wait until something is true of what was heard so far."""
        with self._changed:
            assert self._changed.wait_for(lambda: happened() or bool(self.problems), timeout_s), self.heard
        assert not self.problems, self.problems

    def wait_for(self, more: int, *, timeout_s: float = 120) -> None:
        """Wait until so many further sales were acknowledged."""
        wanted = len(self.acknowledged) + more
        self.wait_until(lambda: len(self.acknowledged) >= wanted, timeout_s=timeout_s)

    def _run(self, rng: Random) -> None:
        try:
            with httpx.Client(base_url=self._url, timeout=ANSWER_TIMEOUT_S, headers=self._house.manager) as http:
                while not self._stopping.is_set():
                    self._sell(http, self._body(), rng)
        except BaseException as error:  # noqa: BLE001  told to the test, which runs in another thread
            with self._changed:
                self.problems.append(error)
                self._changed.notify_all()

    def _sell(self, http: httpx.Client, body: dict[str, Any], rng: Random) -> None:
        for _ in range(PATIENCE):
            try:
                answer = http.post(SALES, json=body)
            except httpx.TransportError as error:
                self._note(type(error).__name__)
            else:
                if answer.status_code == 201:
                    self._note("201", answer.json())
                    return
                assert answer.status_code == 503, answer.text
                assert answer.headers["retry-after"] == "5"
                self._note(f"503 {answer.json()['code']}")
            threading.Event().wait(rng.uniform(0.005, 0.05))
        raise AssertionError(f"never told whether it was booked: {json.dumps(body)}")

    def _note(self, what: str, sale: dict[str, Any] | None = None) -> None:
        with self._changed:
            self.heard[what] += 1
            if sale is not None:
                assert sale["id"] not in self.acknowledged
                self.acknowledged[sale["id"]] = sale
            self._changed.notify_all()


def assert_exactly_these(house: House, acknowledged: dict[str, dict[str, Any]]) -> None:
    """See that what was acknowledged is booked once, as told, that nothing else is, and that the books hold."""
    told = [
        (sale["id"], sale["number"], sale["receipt"], sale["total"], sale["hash"]) for sale in acknowledged.values()
    ]
    kept = [(str(each["id"]), each["number"], each["receipt"], each["total"], each["hash"]) for each in house.booked()]
    assert sorted(told) == sorted(kept)
    assert [number for _, number, *_ in kept] == list(range(1, len(kept) + 1))
    assert_books_hold(house.app, house.shop)
