"""Restart two servers in turn under load, and count the sales that fail. The gate is none.

    python -m bench.rolling --seconds 120 --every 5

Every sale is asked for once, over a balancer that repeats nothing. A server is ended by SIGTERM, waited for, and
started anew, while the other one serves alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import world as w
from bench.balancer import Balancer
from bench.booking import Server, numbers, people, server_environment, sign_in, start_server
from primepos.core.ids import new_id

SALES = "/api/v1/sales"
ENDS_WITHIN_S = 60


class Till(threading.Thread):
    """Sells over one connection after the other, and never asks twice."""

    def __init__(self, url: str, token: str, stopping: threading.Event, pause_s: float) -> None:
        """Sell at ``url`` until ``stopping``."""
        super().__init__(daemon=True)
        self._address = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._stopping = stopping
        self._pause_s = pause_s
        self.heard: Counter[str] = Counter()
        self.slowest_s = 0.0

    def run(self) -> None:
        """Sell."""
        line: http.client.HTTPConnection | None = None
        while not self._stopping.is_set():
            line = line or http.client.HTTPConnection(str(self._address.hostname), self._address.port, timeout=30)
            body = json.dumps(w.basket_of(numbers(), new_id(), 1), default=str)
            started = time.perf_counter()
            try:
                line.request("POST", SALES, body, self._headers)
                answer = line.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.heard[type(error).__name__] += 1
                line.close()
                line = None
            else:
                self.heard[str(answer.status)] += 1
                if answer.will_close:
                    line.close()
                    line = None
            self.slowest_s = max(self.slowest_s, time.perf_counter() - started)
            self._stopping.wait(self._pause_s)


def restart(balancer: Balancer, server: Server, environment: dict[str, str]) -> Server:
    """End a server as a platform does, start another, and wait until it is sent requests."""
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(ENDS_WITHIN_S)
    if code:
        sys.exit(f"a server left with {code}")
    balancer.remove(_url(server))
    fresh = start_server(environment)
    balancer.add(_url(fresh))
    balancer.wait_until_ready(_url(fresh))
    return fresh


def _url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


def measure(base: Path, *, seconds: float, every: float, tills: int, pause_s: float) -> dict[str, Any]:
    """Roll for some seconds and return what was heard."""
    world = w.build(base)
    w.settle(world)
    people(world)
    environment = server_environment(world, base)
    restarts, stopping = 0, threading.Event()
    running = [start_server(environment) for _ in range(2)]
    try:
        tokens = sign_in(running[0].port)
        with Balancer() as balancer:
            for server in running:
                balancer.add(_url(server))
                balancer.wait_until_ready(_url(server))
            selling = [Till(balancer.url, tokens[n % len(tokens)], stopping, pause_s) for n in range(tills)]
            started = time.perf_counter()
            for till in selling:
                till.start()
            while (passed := time.perf_counter() - started) < seconds:
                due = (restarts + 1) * every
                if passed < due:
                    time.sleep(min(due, seconds) - passed)
                    continue
                running.append(restart(balancer, running.pop(0), environment))
                restarts += 1
            stopping.set()
            for till in selling:
                till.join(60)
    finally:
        for server in running:
            server.stop()
    heard = sum((till.heard for till in selling), Counter())
    return {
        "restarts": restarts,
        "sales": heard["201"],
        "failed": sum(heard.values()) - heard["201"],
        "booked": w.sales_booked(world),
        "heard": dict(heard),
        "slowest_s": round(max(till.slowest_s for till in selling), 3),
    }


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--every", type=float, default=5, help="seconds between restarts; a slow start makes it longer")
    parser.add_argument("--tills", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds a till rests between two sales")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="primepos-rolling-") as base:
        found = measure(Path(base), seconds=asked.seconds, every=asked.every, tills=asked.tills, pause_s=asked.pause)
    print(json.dumps(found))
    holds = found["failed"] == 0 and found["restarts"] > 0 and found["booked"] == found["sales"]
    print(f"{'holds' if holds else 'FAILS':6}failed sales {found['failed']} == 0")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
