"""Goodput under overload: the same server at 1, 5 and 20 times the clients, in one run; 20 times gives 0.9 of the peak.

    python -m bench.overload --clients 8 --seconds 6

Four of five clients sell, one of five asks for reports and lists. Nobody rests and nobody heeds Retry-After: whoever is
refused comes again at once, as a client written without care does. What counts is how many sales are booked a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import world as w
from bench.booking import Server, people, server_environment, sign_in, start_server
from primepos.core.ids import new_id

TIMES = (1, 5, 20)
GATE = 0.9
READS = ("/api/v1/sales", "/api/v1/reports/sales?group_by=day", "/api/v1/stock/levels")
# Rest after a refusal. It is no patience; it keeps the client from being what is measured.
PAUSE_S = 0.01
PICK = random.Random(5)


@dataclass
class Heard:
    """What clients heard while it counted: by kind and status, and how long each took."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)

    def note(self, kind: str, status: int, seconds: float) -> None:
        """Note one answer."""
        self.counts[kind, status] += 1
        self.seconds.setdefault((kind, status), []).append(seconds)


async def client(port: int, token: str, heard: Heard, counted: tuple[float, float], *, sells: bool) -> None:
    """Ask without rest until the end of what is counted."""
    start, end = counted
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    while (began := time.perf_counter()) < end:
        try:
            if reader is None or writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if sells:
                numbers = [PICK.randint(low, low + 499) for low in range(1, 2500, 500)]
                body = json.dumps(w.basket_of(numbers, new_id(), PICK.randint(1, 2)), default=str)
                ask = f"POST /api/v1/sales HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
                writer.write(f"{ask}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            else:
                writer.write(f"GET {PICK.choice(READS)} HTTP/1.1\r\n{head}\r\n".encode())
            status, closes = await _answer(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            if began >= start:
                heard.errors[type(error).__name__] += 1
            reader = writer = None
            await asyncio.sleep(PAUSE_S)
            continue
        now = time.perf_counter()
        # By when it was answered: at one second's wait, sales asked for before the start are a good part of all.
        if start <= now <= end:
            heard.note("sale" if sells else "read", status, now - began)
        if closes:
            writer.close()
            reader = writer = None
        if status == 503:
            await asyncio.sleep(PAUSE_S)
    if writer is not None:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    at = head.index(b"content-length:") + len(b"content-length:")
    await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
    return int(head[9:12]), b"connection: close" in head


async def run(server: Server, tokens: list[str], clients: int, seconds: float, heard: Heard) -> float:
    """Load the server with so many clients, one second of it not counted; return the CPU seconds it used then."""
    start = time.perf_counter() + 1
    counted = start, start + seconds
    asking = asyncio.gather(
        *(client(server.port, tokens[n % len(tokens)], heard, counted, sells=n % 5 != 4) for n in range(clients))
    )
    await asyncio.sleep(start - time.perf_counter())
    before = cpu_of(server.process.pid)
    await asyncio.sleep(counted[1] - time.perf_counter())
    used = cpu_of(server.process.pid) - before
    await asking
    return used


def cpu_of(process: int) -> float:
    """Return the CPU seconds a process has used, by Linux' count of hundredths."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def summary(heard: Heard, seconds: float, cpu_s: float) -> dict[str, Any]:
    """Return the figures of one load. The server's CPU for each sale counts what refusing the others cost as well."""
    sold, refused = heard.seconds.get(("sale", 201), []), []
    for (_, status), each in heard.seconds.items():
        if status == 503:
            refused += each
    refused.sort()
    sold.sort()
    return {
        "goodput": round(len(sold) / seconds, 1),
        "cpu_ms_a_sale": round(cpu_s / len(sold) * 1000, 2) if sold else None,
        "sale_p50_ms": round(median(sold) * 1000, 1) if sold else None,
        "sale_p99_ms": round(sold[int(len(sold) * 0.99)] * 1000, 1) if sold else None,
        "refused": len(refused),
        "refused_p50_ms": round(median(refused) * 1000, 1) if refused else None,
        "refused_p99_ms": round(refused[int(len(refused) * 0.99)] * 1000, 1) if refused else None,
        "heard": {f"{kind} {status}": count for (kind, status), count in sorted(heard.counts.items())},
        "errors": dict(heard.errors),
    }


def measure(base: Path, *, clients: int, seconds: float, rounds: int) -> dict[int, list[dict[str, Any]]]:
    """Return the figures of each load, a row for each round; the loads take turns."""
    world = w.build(base)
    w.settle(world)
    people(world, "manager")
    environment = server_environment(world, base)
    server = start_server(environment)
    found: dict[int, list[dict[str, Any]]] = {times: [] for times in TIMES}
    try:
        tokens = sign_in(server.port)
        for n in range(rounds):
            for times in TIMES:
                print(f"round {n + 1} of {rounds}, {clients * times} clients", file=sys.stderr)
                heard = Heard()
                cpu_s = asyncio.run(run(server, tokens, clients * times, seconds, heard))
                found[times].append(summary(heard, seconds, cpu_s))
    finally:
        server.stop()
    return found


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8, help="how many are once the load")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="primepos-overload-") as base:
        found = measure(Path(base), clients=asked.clients, seconds=asked.seconds, rounds=asked.rounds)
    for times, rows in found.items():
        for row in rows:
            print(f"{times:>3} x {asked.clients} clients  {json.dumps(row)}")
    goodput = {times: median(row["goodput"] for row in rows) for times, rows in found.items()}
    share = goodput[TIMES[-1]] / max(goodput.values())
    holds = share >= GATE
    cpu = {times: median(row["cpu_ms_a_sale"] or 0 for row in rows) for times, rows in found.items()}
    print(f"CPU (ms a sale, median) {cpu}")
    print(f"goodput (sales/s, median) {goodput}")
    print(f"{'holds' if holds else 'FAILS':6}goodput at {TIMES[-1]} times / peak {share:.2f} >= {GATE}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
