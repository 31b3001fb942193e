"""Booking a sale, measured beside its yardsticks in interleaved rounds."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import psycopg

from bench import world as w
from primepos.bootstrap import build_app, build_database
from primepos.core.context import Identity
from primepos.core.ids import new_id
from primepos.core.settings import load_settings
from primepos.domain.sales import posting
from primepos.domain.sales.service import book_sale

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.operations import App

HERE = Path(__file__).parent
CLIENTS = 8
WORK = random.Random(11)


@dataclass
class Row:
    """One variant: sales a second of each round, and what else was seen."""

    name: str
    rates: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    refused: int = 0

    def rate(self) -> float:
        """Return the median rate."""
        return statistics.median(self.rates) if self.rates else 0.0


def numbers() -> list[int]:
    """Return five different products, as the pgbench script picks them."""
    return [WORK.randint(low, low + 499) for low in range(1, 2500, 500)]


def pgbench(world: w.World, url: str, script: Path, seconds: float, clients: int, *, options: str = "") -> float:
    """Run a script with pgbench for some seconds and return its transactions a second."""
    environment = {**os.environ, "PGOPTIONS": options, "PGPASSWORD": psycopg.conninfo.conninfo_to_dict(url)["password"]}
    parts = psycopg.conninfo.conninfo_to_dict(url)
    command = [world.tool("pgbench"), "-n", "-M", "prepared", "-f", str(script), "-c", str(clients), "-j", "2"]
    command += ["-T", str(max(1, round(seconds))), "-h", str(parts["host"]), "-p", str(parts["port"])]
    command += ["-U", str(parts["user"]), str(parts["dbname"])]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if found is None or "number of failed transactions: 0" not in done.stdout:
        sys.exit(f"pgbench failed: {done.stdout}\n{done.stderr}")
    return float(found[1])


def an_app(world: w.World) -> App:
    """Return an App on the measured database."""
    settings = load_settings({"PRIMEPOS_ENV": "test", "DATABASE_URL": world.shop_url})
    return build_app(settings, database=build_database(settings))


def a_cashier(tenant: int) -> Identity:
    """Return who books in process."""
    return Identity(kind="user", tenant_id=tenant, role="cashier", actor_id=uuid4(), name="bench")


def one_thread(book: Callable[[], None], seconds: float) -> tuple[float, float]:
    """Book in one thread for some seconds; return sales a second and CPU milliseconds a sale."""
    count, cpu, start = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - start < seconds:
        book()
        count += 1
    took = time.perf_counter() - start
    return count / took, (time.process_time() - cpu) / count * 1000


class Prepared:
    """Postings captured from real bookings, to be sent again by psycopg alone under other sale ids."""

    def __init__(self, app: App, world: w.World) -> None:
        """Capture 200 postings and open a plain connection."""
        self.parameters: list[dict[str, Any]] = []
        kept = posting.parameters

        def keep(entry: posting.Posting) -> dict[str, Any]:
            made = kept(entry)
            self.parameters.append(made)
            return made

        posting.parameters = keep
        try:
            for n in range(200):
                app.run(book_sale, a_cashier(1 + n % 4), w.basket_of(numbers(), new_id(), 1 + n % 2))
        finally:
            posting.parameters = kept
        uow = app.database.tenant(1)
        self.preamble, self.limits = uow._preamble()  # noqa: SLF001  the same words, measured without the rest
        self.audit = (
            "INSERT INTO audit_events (tenant_id, operation, outcome, actor_kind, actor_name, role, subject, data,"
            " request_id) VALUES (%s, 'sales.book', 'done', 'user', 'bench', 'cashier', %s, '{}', 'bench')"
        )
        self.connection = psycopg.connect(world.shop_url)
        self.next = 0

    def book(self) -> None:
        """Send begin, preamble, the shipped statement, audit row and commit: two round trips, no PrimePOS."""
        parameters = dict(self.parameters[self.next % len(self.parameters)])
        self.next += 1
        parameters["id"] = new_id()
        limits = (self.limits[0], str(parameters["tenant"]), *self.limits[2:])
        with self.connection.pipeline():
            self.connection.cursor().execute(self.preamble, limits, prepare=True)
            cursor = psycopg.RawCursor(self.connection)
            values = [parameters[name] for name in posting._BOOK_NAMES]  # noqa: SLF001  the shipped statement as it is sent
            cursor.execute(posting.BOOK, values, prepare=True)
            booked = cursor.fetchone()
        if booked is None:
            sys.exit("the statement booked nothing")
        with self.connection.pipeline():
            subject = f"sale:{parameters['id']}"
            self.connection.cursor().execute(self.audit, (parameters["tenant"], subject), prepare=True)
            self.connection.commit()


class Server:
    """A server process on loopback, started for the run and ended with it."""

    def __init__(
        self, command: list[str], environment: dict[str, str], port: int, probe: str, cwd: Path | None = None
    ) -> None:
        """Start and wait until the probe answers anything."""
        self.port = port
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            cwd=cwd,
            stdout=subprocess.DEVNULL,
            stderr=(said := tempfile.TemporaryFile()),  # noqa: SIM115  lives as long as the server
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urlopen(f"http://127.0.0.1:{port}{probe}", timeout=2)
            except URLError as error:
                if hasattr(error, "code"):
                    return
                time.sleep(0.1)
            except OSError:
                time.sleep(0.1)
            else:
                return
        self.stop()
        said.seek(0)
        sys.exit(f"{' '.join(command)} did not answer: {said.read().decode(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """End the whole process group."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(15)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def load(url: str, body: Path, tokens: list[str], seconds: float, words: Path | None = None) -> dict[str, Any]:
    """Run the load client and return what it says."""
    command = [sys.executable, str(HERE / "load.py"), "--url", url, "--body", str(body), "-c", str(CLIENTS)]
    command += ["-d", str(seconds), "--warmup", "1"]
    command += [part for token in tokens for part in ("--token", token)]
    if words is not None:
        command += ["--words", str(words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        sys.exit(f"the load client failed: {done.stderr}")
    return dict(json.loads(done.stdout))


PASSWORD = "bench password 4711"  # noqa: S105  of people who exist for minutes


def people(world: w.World, role: str = "cashier") -> None:
    """Give each tenant somebody of a role who can sign in."""
    from primepos.core.security import hash_password

    with psycopg.connect(world.shop_url) as connection:
        connection.execute("SET LOCAL ROLE primepos_system")
        for tenant in range(1, w.TENANTS + 1):
            user = uuid4()
            connection.execute(
                "INSERT INTO users (id, email, name, password_hash, tokens_valid_from)"
                " VALUES (%s, %s, 'bench', %s, now() - interval '1 hour')",
                (user, f"bench{tenant}@bench.test", hash_password(PASSWORD)),
            )
            connection.execute(
                "INSERT INTO memberships (tenant_id, user_id, role) VALUES (%s, %s, %s)", (tenant, user, role)
            )
        connection.commit()


def server_environment(world: w.World, base: Path) -> dict[str, str]:
    """Return what ``primepos serve`` is told: the pool it has by default, and a limit that nobody reaches."""
    secret = secrets.token_urlsafe(48)
    return {
        "PRIMEPOS_ENV": "test",
        "DATABASE_URL": world.shop_url,
        "PRIMEPOS_DATA_DIR": str(base / "data"),
        "SECRET_KEY": secret,
        "JWT_SECRET_KEY": secret,
        "ALLOWED_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "RATE_LIMIT_API": "1000000/hour",
    }


def start_server(environment: dict[str, str]) -> Server:
    """Start ``primepos serve`` on a free port."""
    port = free_port()
    return Server([sys.executable, "-m", "primepos", "serve", "--port", str(port)], environment, port, "/health/")


def sign_in(port: int) -> list[str]:
    """Sign the person of each tenant in and return their tokens."""
    tokens = []
    for tenant in range(1, w.TENANTS + 1):
        body = json.dumps({"email": f"bench{tenant}@bench.test", "password": PASSWORD}).encode()
        request = Request(f"http://127.0.0.1:{port}/api/v1/auth/login", body, {"Content-Type": "application/json"})
        with urlopen(request) as answer:  # noqa: S310  loopback
            tokens.append(json.load(answer)["access_token"])
    return tokens


def serve(world: w.World, base: Path) -> tuple[Server, list[str]]:
    """Start ``primepos serve`` and sign one cashier of each tenant in."""
    people(world)
    server = start_server(server_environment(world, base))
    return server, sign_in(server.port)


def sale_template(base: Path) -> tuple[Path, Path]:
    """Write the request body and the words it picks products from."""
    words = base / "products.txt"
    words.write_text(" ".join(str(w.product_id(n)) for n in range(1, w.PRODUCTS + 1)))
    body = base / "sale.txt"
    lines = ",".join('{"product_id":"{{word}}","quantity":"1"}' for _ in range(5))
    body.write_text(
        '{"id":"{{uuid}}","outlet_id":"00000000-0000-7001-8000-00000000000{{int:1:2}}","lines":['
        + lines
        + '],"tenders":[{"kind":"cash","amount":10000}]}'
    )
    return body, words


def django(world: w.World, base: Path) -> tuple[Server, str] | None:
    """Start the Django baseline in an environment of its own; None when it cannot be installed."""
    home = HERE.parent / ".venv-bench"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        requirements = str(HERE / "drf_baseline" / "requirements.txt")
        done = subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", requirements], check=False)
        if done.returncode:
            return None
    parts = psycopg.conninfo.conninfo_to_dict(world.cluster.owner_url("bench_django"))
    environment = {
        "DATABASE_NAME": str(parts["dbname"]),
        "DATABASE_USER": str(parts["user"]),
        "DATABASE_PASSWORD": str(parts["password"]),
        "DATABASE_HOST": str(parts["host"]),
        "DATABASE_PORT": str(parts["port"]),
        "DJANGO_SETTINGS_MODULE": "shop.settings",
    }
    folder = HERE / "drf_baseline"
    everything = {**os.environ, **environment}
    manage = [str(python), "manage.py"]
    subprocess.run([*manage, "migrate", "-v", "0"], cwd=folder, env=everything, check=True)
    seeded = subprocess.run(
        [*manage, "seed", "--products", "10000"], cwd=folder, env=everything, check=True, capture_output=True, text=True
    )
    token = json.loads(seeded.stdout)["token"]
    port = free_port()
    command = [str(home / "bin" / "gunicorn"), "shop.wsgi", "-w", "2", "-b", f"127.0.0.1:{port}"]
    del base
    return Server(command, environment, port, "/api/products/", folder), token


def children_cpu() -> float:
    """Return the CPU seconds of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rows_per_sale(world: w.World, run: Callable[[], None]) -> dict[str, tuple[float, float]]:
    """Return rows inserted and updated per sale in each table while ``run`` books."""
    before, sales = w.tuples(world), w.sales_booked(world)
    run()
    after, booked = w.tuples(world), w.sales_booked(world) - sales
    return {
        table: tuple((after[table][n] - before[table][n]) / booked for n in (0, 1))  # type: ignore[misc]
        for table in w.TABLES
    }


def book_some(app: App) -> None:
    """Book two hundred sales and let the connection go, so that the server counts its rows."""
    for _ in range(200):
        app.run(book_sale, a_cashier(1), w.basket_of(numbers(), new_id(), 1))
    app.database.dispose()


def measure(base: Path, *, rounds: int, seconds: float, with_django: bool) -> dict[str, Any]:
    """Run everything and return the figures."""
    world = w.build(base)
    app = an_app(world)
    for sql in ("setup.sql",):
        url = world.cluster.admin_url("bench_yardstick")
        subprocess.run(
            [world.tool("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-f", str(HERE / "yardstick" / sql), url], check=True
        )
    prepared = Prepared(app, world)
    # The server counts rows when a connection ends or idles, so what was captured from is closed before counting.
    app.database.dispose()
    body, words = sale_template(base)
    server, tokens = serve(world, base)
    baseline = django(world, base) if with_django else None
    same = Row("pgbench, same rows")
    yard = Row("pgbench, yardstick")
    plain = Row("psycopg, same statement")
    inside = Row("in process, 1 thread")
    http = Row(f"HTTP, {CLIENTS} clients")
    drf = Row("Django REST, 2 sync workers")
    series = Row(f"HTTP, {CLIENTS} clients, one series")
    one_series = base / "one.txt"
    one_series.write_text(body.read_text().replace("00000000000{{int:1:2}}", "000000000001"))

    shape = {
        "pgbench": rows_per_sale(world, lambda: pgbench(world, world.shop_url, HERE / "same_rows.sql", 1, CLIENTS)),
        "PrimePOS": rows_per_sale(world, lambda: book_some(app)),
    }

    w.settle(world)

    def book_inside() -> None:
        tenant = WORK.randint(1, 4)
        app.run(book_sale, cashiers[tenant], w.basket_of(numbers(), new_id(), WORK.randint(1, 2)))

    cashiers = {tenant: a_cashier(tenant) for tenant in range(1, 5)}
    try:
        for n in range(rounds):
            print(f"round {n + 1} of {rounds}", file=sys.stderr)
            same.rates.append(pgbench(world, world.shop_url, HERE / "same_rows.sql", seconds, CLIENTS))
            said = load(f"http://127.0.0.1:{server.port}/api/v1/sales", body, tokens, seconds, words)
            _note(http, said)
            if baseline is not None:
                django_server, token = baseline
                url = f"http://127.0.0.1:{django_server.port}/api/sales/"
                _note(drf, load(url, HERE / "drf_baseline" / "sale.json", [token], seconds))
            for row, book in ((plain, prepared.book), (inside, book_inside)):
                rate, cpu = one_thread(book, seconds)
                row.rates.append(rate)
                row.cpu_ms.append(cpu)
            yardstick_url = world.cluster.admin_url("bench_yardstick")
            options = "-c search_path=bench -c role=bench_app"
            yard.rates.append(
                pgbench(
                    world, yardstick_url, HERE / "yardstick" / "pgbench_sale.sql", seconds, CLIENTS, options=options
                )
            )
            said = load(f"http://127.0.0.1:{server.port}/api/v1/sales", one_series, tokens[:1], seconds, words)
            _note(series, said)
    finally:
        server.stop()
        if baseline is not None:
            baseline[0].stop()
        prepared.connection.close()
        app.database.dispose()
    rows = [same, yard, plain, inside, http, series, drf]
    return _judged(rows, shape)


def _note(row: Row, said: dict[str, Any]) -> None:
    row.rates.append(said["rps"])
    row.refused += said["requests"] - said["ok"] + sum(said["errors"].values())
    if said["ms"]["p50"] is not None:
        row.p50_ms.append(said["ms"]["p50"])
        row.p99_ms.append(said["ms"]["p99"])


def _ratio(top: list[float], bottom: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(top, bottom, strict=True)) if top and bottom else 0.0


def _judged(rows: list[Row], shape: dict[str, dict[str, tuple[float, float]]]) -> dict[str, Any]:
    same, _, plain, inside, http, series, drf = rows
    equal = shape["pgbench"] == shape["PrimePOS"]
    gates = [
        ("rows per sale equal in both", equal, True, "=="),
        ("HTTP / pgbench same rows", _ratio(http.rates, same.rates), 0.35, ">="),
        ("HTTP / Django REST", _ratio(http.rates, drf.rates), 6.0, ">="),
        ("in process / psycopg, CPU a sale", _ratio(inside.cpu_ms, plain.cpu_ms), 3.0, "<="),
        ("HTTP refused", float(http.refused), 0.0, "=="),
        ("one series refused", float(series.refused), 0.0, "=="),
    ]
    return {
        "rows": [
            {
                "name": row.name,
                "per_second": round(row.rate(), 1),
                "of_pgbench": round(_ratio(row.rates, same.rates), 3),
                "p50_ms": round(statistics.median(row.p50_ms), 2) if row.p50_ms else None,
                "p99_ms": round(statistics.median(row.p99_ms), 2) if row.p99_ms else None,
                "cpu_ms": round(statistics.median(row.cpu_ms), 3) if row.cpu_ms else None,
                "refused": row.refused,
            }
            for row in rows
            if row.rates
        ],
        "tuples": shape,
        "gates": [
            {"name": name, "value": value if isinstance(value, bool) else round(value, 3), "gate": gate, "how": how}
            for name, value, gate, how in gates
            if not (name == "HTTP / Django REST" and not drf.rates)
        ],
    }
