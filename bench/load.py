#!/usr/bin/env python3
"""Small closed-loop HTTP/1.1 load client, standard library only. Prints one JSON object.

    load.py --url http://127.0.0.1:8000/api/sales --body sale.json -c 16 -d 10 --token "$TOKEN"

The URL and the body may hold placeholders, filled anew for every request:
    {{int:LOW:HIGH}}  a random integer        {{uuid}}  a random UUID
    {{word}}          a word of --words       {{prefix:N}}  its first N letters
A run warms up first (--warmup, not counted). Only loopback addresses are loaded unless
--allow-remote is given. Latency is measured from the first byte sent to the last byte read;
connections are kept alive and reopened when the server closes them (counted as "reconnects").
With -c N the client keeps N requests in flight; --rate R makes it open-loop at R requests/s in all
and measures from the planned start, so a slow server cannot hide its queue (no coordinated omission).
"""

import argparse
import asyncio
import ipaddress
import json
import random
import re
import socket
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from urllib.parse import quote, urlsplit

WORDS = "apple banana bread butter cheese coffee cream garlic lemon milk onion paper pasta rice sugar tea water wine blue red".split()
MARK = re.compile(r"\{\{(\w+)((?::\d+)*)\}\}")


def compile_template(text, words, quoted=False):
    """Turn a template into a function that returns bytes."""
    parts = []
    pos = 0
    for m in MARK.finditer(text):
        parts.append(text[pos : m.start()])
        args = [int(a) for a in m[2].split(":")[1:]]
        match m[1]:
            case "int":
                parts.append(lambda a=args: str(random.randint(a[0], a[1])))
            case "uuid":
                parts.append(lambda: str(uuid.uuid4()))
            case "word":
                parts.append(lambda: random.choice(words))
            case "prefix":
                parts.append(lambda a=args: random.choice(words)[: a[0]])
            case other:
                sys.exit(f"unknown placeholder {other}")
        pos = m.end()
    parts.append(text[pos:])
    if len(parts) == 1:
        fixed = text.encode()
        return lambda: fixed
    fill = quote if quoted else str
    return lambda: "".join(p if isinstance(p, str) else fill(p()) for p in parts).encode()


class Worker:
    def __init__(self, host, port, make):
        self.host, self.port, self.make = host, port, make
        self.reader = self.writer = None
        self.reconnects = -1

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reconnects += 1

    async def request(self):
        payload = self.make()
        for attempt in (0, 1):
            if self.writer is None:
                await self.connect()
            try:
                self.writer.write(payload)
                head = await self.reader.readuntil(b"\r\n\r\n")
                break
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
                if attempt:
                    raise
        low = head.lower()
        status = int(head[9:12])
        close = b"\r\nconnection: close" in low
        at = low.find(b"\r\ncontent-length:")
        if at >= 0:
            body = await self.reader.readexactly(int(low[at + 17 : low.index(b"\r\n", at + 17)]))
        elif b"\r\ntransfer-encoding: chunked" in low:
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
        else:
            body, close = await self.reader.read(), True
        if close:
            self.close()
        return status, body

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None


async def main(a):
    url = urlsplit(a.url)
    host, port = url.hostname, url.port or 80
    if not a.allow_remote and not ipaddress.ip_address(socket.gethostbyname(host)).is_loopback:
        sys.exit("refusing to load an address that is not loopback")
    words = Path(a.words).read_text().split() if a.words else WORDS
    path = compile_template(url.path + (f"?{url.query}" if url.query else ""), words, quoted=True)
    text = (
        Path(a.body[1:] if a.body.startswith("@") else a.body).read_text()
        if a.body and not a.body.lstrip().startswith("{")
        else a.body
    )
    body = compile_template(text, words) if text else None
    method = a.method or ("POST" if body else "GET")
    fixed = f"Host: {host}:{port}\r\nAccept: application/json\r\n" + "".join(f"{h}\r\n" for h in a.header)
    if body:
        fixed += "Content-Type: application/json\r\n"
    tokens = [f"Authorization: Bearer {t}\r\n" for t in a.token] or [""]

    def make():
        b = body() if body else b""
        extra = f"Idempotency-Key: {uuid.uuid4()}\r\n" if a.idempotency else ""
        length = f"Content-Length: {len(b)}\r\n" if body else ""
        return b"".join(
            (
                method.encode(),
                b" ",
                path(),
                b" HTTP/1.1\r\n",
                (fixed + random.choice(tokens) + extra + length + "\r\n").encode(),
                b,
            )
        )

    status, lat, errors, sample = Counter(), [], Counter(), {}
    start = time.perf_counter() + a.warmup
    end = start + a.duration
    workers = [Worker(host, port, make) for _ in range(a.concurrency)]

    async def loop(w, i):
        step = a.concurrency / a.rate if a.rate else 0
        due = time.perf_counter() + (i / a.rate if a.rate else 0)
        while (now := time.perf_counter()) < end:
            if step:
                if due > now:
                    await asyncio.sleep(due - now)
                begin, due = due, due + step
            else:
                begin = now
            try:
                code, content = await w.request()
            except Exception as exc:
                errors[type(exc).__name__] += 1
                w.close()
                await asyncio.sleep(0.01)
                continue
            done = time.perf_counter()
            if begin >= start and done <= end:
                status[code] += 1
                lat.append(done - begin)
            if code not in sample:
                sample[code] = content[:300].decode("utf-8", "replace")

    cpu = time.process_time()
    await asyncio.gather(*(loop(w, i) for i, w in enumerate(workers)))
    cpu = time.process_time() - cpu
    for w in workers:
        w.close()
    lat.sort()
    pick = lambda q: round(lat[min(len(lat) - 1, int(len(lat) * q))] * 1000, 2) if lat else None
    good = sum(n for c, n in status.items() if 200 <= c < 300)
    print(
        json.dumps(
            {
                "label": a.label,
                "concurrency": a.concurrency,
                "duration_s": a.duration,
                "requests": len(lat),
                "ok": good,
                "rps": round(good / a.duration, 1),
                "ms": {"p50": pick(0.5), "p90": pick(0.9), "p99": pick(0.99), "p999": pick(0.999), "max": pick(1)},
                "status": {str(k): v for k, v in status.items()},
                "errors": dict(errors),
                "reconnects": sum(max(0, w.reconnects) for w in workers),
                "client_cpu_ms_per_request": round(cpu / max(1, len(lat)) * 1000, 3),
                **({"sample": sample} if a.show or good < len(lat) else {}),
            }
        )
    )
    return 0 if good and good == len(lat) else 1


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--url", required=True)
    p.add_argument("--body", help="JSON text, or a file that holds it")
    p.add_argument("--method")
    p.add_argument("--token", action="append", default=[], help="bearer token; repeat to spread over several")
    p.add_argument("--header", action="append", default=[], help='"Name: value"')
    p.add_argument("--idempotency", action="store_true", help="send a fresh Idempotency-Key header")
    p.add_argument("--words", help="file with words for {{word}} and {{prefix:N}}")
    p.add_argument("-c", "--concurrency", type=int, default=16)
    p.add_argument("-d", "--duration", type=float, default=10)
    p.add_argument("--warmup", type=float, default=1)
    p.add_argument("--rate", type=float, help="open loop: requests per second in all")
    p.add_argument("--label", default="")
    p.add_argument("--show", action="store_true", help="print one response body per status")
    p.add_argument("--allow-remote", action="store_true")
    args = p.parse_args()
    try:
        import uvloop

        runner = uvloop.run
    except ImportError:
        runner = asyncio.run
    sys.exit(runner(main(args)))
