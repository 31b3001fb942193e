"""The figures of a serving process, in Prometheus' terms.

Names follow Prometheus' rules: base units, one unit a name, ``_total`` on counters. A label never holds a tenant, a
person or anything else that a caller may choose freely: each of its values is a row that is kept for ever.

Several processes behind one port add up, see ``processes``. What the database knows (the queue, the schema, backups) is
read when somebody asks: see ``figures``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, multiprocess
from prometheus_client.exposition import choose_encoder

from primepos.adapters.telemetry.processes import are_shared
from primepos.core.errors import ApprovalRequired, ErrorKind, PrimePOSError
from primepos.core.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.registry import Collector

    from primepos.core.context import Identity
    from primepos.core.operations import App, Operation

# 0.3 is there because the service promises it: 95 of 100 requests within 300 ms.
HTTP_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)
DB_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "unmatched"
_SIGN_INS = frozenset({"accounts.login", "staff.sign_in"})
# A wrong password or PIN, whatever it was given for: signing in, an approval, a change of password.
_WRONG = frozenset({"BAD_CREDENTIALS", "PIN_REFUSED", "WRONG_PASSWORD"})
_SELLING = frozenset({"sales.book", "sales.deliver"})
_CONFLICTS = frozenset({"SALE_CONFLICT", "RECEIPT_NUMBER_CONFLICT"})
_PERMISSIONS = frozenset(each.value for each in Permission)

# When a series began is nobody's question here, and would double their number.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it without


class Metrics:
    """The figures of one process; let it be ``watching`` an App, tell it of requests, ``render`` what is known."""

    def __init__(self) -> None:
        """Make every metric, at zero."""
        self.registry = CollectorRegistry()
        kept: dict[str, Any] = {"registry": self.registry}
        self._requests = Counter(
            "primepos_http_requests_total", "Answered requests.", ("method", "route", "status"), **kept
        )
        self._request_seconds = Histogram(
            "primepos_http_request_duration_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("method", "route"),
            buckets=HTTP_BUCKETS,
            **kept,
        )
        self._in_flight = Gauge(
            "primepos_http_requests_in_flight", "Requests being answered now.", multiprocess_mode="livesum", **kept
        )
        self._pool = Gauge(
            "primepos_db_pool_connections",
            "Database connections of the pool; limit is how many there may be.",
            ("state",),
            multiprocess_mode="livesum",
            **kept,
        )
        self._exchange_seconds = Histogram(
            "primepos_db_query_duration_seconds",
            "Time of one exchange with the database, which may carry several statements.",
            buckets=DB_BUCKETS,
            **kept,
        )
        self._sign_ins = Counter(
            "primepos_auth_attempts_total", "Passwords and PINs that were tried.", ("outcome",), **kept
        )
        self._denied = Counter(
            "primepos_authz_denied_total", "Refusals for want of a permission.", ("permission",), **kept
        )
        self._throttled = Counter("primepos_ratelimit_rejected_total", "Refusals by a throttle.", ("policy",), **kept)
        self._sales = Counter("primepos_sales_completed_total", "Sales booked, each counted once.", **kept)
        self._conflicts = Counter(
            "primepos_sale_sync_conflicts_total", "Sales sent again under a known id or number, different.", **kept
        )
        self._answers: dict[tuple[str, str, int], tuple[Any, Any]] = {}
        for outcome in ("success", "failed", "throttled", "refused"):
            self._sign_ins.labels(outcome)

    @contextmanager
    def watching(self, app: App) -> Iterator[None]:
        """Hear of the App's operations, exchanges and pooled connections while the block runs."""
        app.watch(self.operation_ended)
        app.database.watch(self.exchanged)
        self._pool.labels("limit").set(app.settings.db_pool_size + app.settings.db_max_overflow)
        watch_pool = self._pool_moves if are_shared() else self._pool_asked
        try:
            with watch_pool(app.database.engine):
                yield
        finally:
            app.unwatch(self.operation_ended)
            app.database.unwatch(self.exchanged)

    @contextmanager
    def _pool_asked(self, engine: Any) -> Iterator[None]:
        """Ask the pool when somebody asks for metrics."""

        # By the engine each time: it replaces its pool after a broken connection.
        def in_use() -> float:
            return float(engine.pool.checkedout())

        def idle() -> float:
            return float(engine.pool.checkedin())

        self._pool.labels("in_use").set_function(in_use)
        self._pool.labels("idle").set_function(idle)
        yield

    @contextmanager
    def _pool_moves(self, engine: Any) -> Iterator[None]:
        """Note each connection that comes and goes: another process may be the one that is asked."""
        from sqlalchemy import event

        in_use, idle = self._pool.labels("in_use"), self._pool.labels("idle")

        def checked_out(*_of: object) -> None:
            in_use.set(engine.pool.checkedout())

        def checked_in(*_of: object) -> None:
            # It is on its way back, and still counted as out.
            in_use.set(max(0, engine.pool.checkedout() - 1))
            idle.set(engine.pool.checkedin() + 1)

        event.listen(engine, "checkout", checked_out)
        event.listen(engine, "checkin", checked_in)
        try:
            yield
        finally:
            event.remove(engine, "checkout", checked_out)
            event.remove(engine, "checkin", checked_in)

    def request_began(self) -> None:
        """Count a request that is being answered."""
        self._in_flight.inc()

    def request_ended(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer; ``route`` is the template, None where no route was found; status 0: nobody was answered."""
        self._in_flight.dec()
        key = (method, route or "", status)
        known = self._answers.get(key)
        if known is None:
            # What a caller may choose freely must not become a label.
            verb = method if method in _METHODS else "other"
            place = route or _NO_ROUTE
            known = (self._requests.labels(verb, place, status or "none"), self._request_seconds.labels(verb, place))
            if verb == method:
                self._answers[key] = known
        known[0].inc()
        known[1].observe(seconds)

    def rejected(self, policy: str) -> None:
        """Count a refusal by the throttle of this policy."""
        self._throttled.labels(policy).inc()

    def exchanged(self, statements: Sequence[str], seconds: float) -> None:
        """Count one exchange with the database."""
        del statements
        self._exchange_seconds.observe(seconds)

    def operation_ended(
        self,
        operation: Operation[Any, Any],
        identity: Identity,
        *,
        error: BaseException | None,
        result: object,
        replayed: bool,
        seconds: float,
    ) -> None:
        """Count what an operation came to."""
        del identity, seconds
        name = operation.name
        if error is None:
            if name in _SIGN_INS:
                self._sign_ins.labels("success").inc()
            elif name in _SELLING and not replayed and getattr(result, "kind", None) == "sale":
                self._sales.inc()
        elif isinstance(error, PrimePOSError):
            self._refused(name, operation.permission.value, error)

    def _refused(self, name: str, permission: str, error: PrimePOSError) -> None:
        if error.code in _WRONG:
            self._sign_ins.labels("failed").inc()
        elif error.kind is ErrorKind.THROTTLED:
            if name in _SIGN_INS or error.code == "PIN_THROTTLED":
                self._sign_ins.labels("throttled").inc()
        elif name in _SIGN_INS:
            self._sign_ins.labels("refused").inc()
        elif error.code in _CONFLICTS:
            self._conflicts.inc()
        elif error.kind is ErrorKind.FORBIDDEN and not isinstance(error, ApprovalRequired):
            missing = error.data.get("permission")
            self._denied.labels(missing if missing in _PERMISSIONS else permission).inc()

    def render(self, accept: str, *more: Collector) -> tuple[bytes, str]:
        """Return what is known as a page and its media type; ``more`` are collectors that are asked now."""
        page = CollectorRegistry()
        if are_shared():
            multiprocess.MultiProcessCollector(page)  # type: ignore[no-untyped-call]  # the library leaves it without
        else:
            page.register(self.registry)
        for each in more:
            page.register(each)
        encode, media_type = choose_encoder(accept)
        try:
            return encode(page), media_type
        except FileNotFoundError:
            # The files of processes that have ended were drawn together just now.
            return encode(page), media_type
