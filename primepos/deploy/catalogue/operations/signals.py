"""What the installation tells of itself: errors, log lines, metrics, alerts."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from primepos.core.log import sample_line
from primepos.core.settings_types import Secret
from primepos.deploy.alerts import RULES, read_alerts
from primepos.deploy.catalogue.environment.judged import refused
from primepos.deploy.check import HIGH, MEDIUM, Needs, Outcome, Place, check, failed, passed, skipped
from primepos.deploy.surface import production_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from primepos.core.settings import Settings
    from primepos.deploy.target import Target

# What the line of a request can carry.
FIELDS: Mapping[str, object] = {
    "request_id": "01JD8Z", "trace_id": "4bf92f3577b34da6", "span_id": "00f067aa0ba902b7", "method": "GET",
    "route": "/api/v1/sales/{id}", "status": 200, "duration_s": 1, "bytes": 512, "client_ip": "203.0.113.7",
    "tenant_id": "t", "user_id": "u", "role": "cashier", "outlet_id": "o", "error_code": "NOT_FOUND",
    "cf_ray": "8f1-FRA",
}  # fmt: skip
ALWAYS = ("ts", "level", "event", "msg", "env")
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJlLW9mLWEtdG9rZW4"  # noqa: S105  a sample, of nobody
_CARD = "4111 1111 1111 1111"
_DSN = "postgresql://someone:pa55-of-the-sample@db/x"
# Where a secret may turn up, and what would be read if it did.
CANARIES: Mapping[str, tuple[object, str]] = {
    "password": ("canary-password-1", "canary-password-1"), "authorization": (f"Bearer {_TOKEN}", _TOKEN),
    "note": (f"paid with {_CARD}", _CARD), "detail": (f"cannot reach {_DSN}", "pa55-of-the-sample"),
    "nested": ({"pin": "canary-pin-2", "token": "canary-token-3"}, "canary-"),
}  # fmt: skip
FIELD_CAP = 2200

REQUIRED_METRICS = (
    "primepos_http_requests_total", "primepos_http_request_duration_seconds", "primepos_http_requests_in_flight",
    "primepos_db_pool_connections", "primepos_db_query_duration_seconds", "primepos_db_up",
    "primepos_auth_attempts_total", "primepos_authz_denied_total", "primepos_ratelimit_rejected_total",
    "primepos_jobs_total", "primepos_job_oldest_age_seconds", "primepos_job_duration_seconds",
    "primepos_sales_completed_total", "primepos_sale_sync_conflicts_total", "primepos_migration_pending",
    "primepos_build_info", "primepos_backup_last_success_timestamp_seconds",
)  # fmt: skip
METRICS_PATH = "/metrics"
_CLOSED = frozenset({401, 403, 404})
_METRIC_NAME = re.compile(r"primepos_[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NOT_BASE = re.compile(r"_(ms|milliseconds|micros|minutes|hours|days|kb|kilobytes|mb|megabytes|percent)(_|$)")
_PERSONAL = frozenset({"tenant", "tenant_id", "user", "user_id", "email", "client_ip", "ip", "request_id", "path"})

# What must be watched, and by what an alert is known to watch it.
COVERAGE: Mapping[str, re.Pattern[str]] = {
    "5xx answers": re.compile(r"primepos_http_requests_total\{[^}]*status\s*=~?\s*\"5"),
    "latency": re.compile(r"primepos_http_request_duration_seconds"),
    "readiness": re.compile(r"primepos_db_up|\bup\b|probe_success"),
    "queue age": re.compile(r"primepos_job_oldest_age_seconds"),
    "auth abuse": re.compile(r"primepos_(auth_attempts|ratelimit_rejected|authz_denied)_total"),
    "certificate": re.compile(r"probe_ssl_earliest_cert_expiry|cert_expiry|certificate"),
}


@check(
    "OPS073", HIGH, Needs.STATIC, Needs.ACTIVE, rule="Errors go to a tracker; with --active, a test event is accepted",
    remedy="SENTRY_DSN=https://KEY@HOST/PROJECT", anchor="audit, monitoring",
)  # fmt: skip
def errors_have_a_tracker(target: Target) -> Outcome:
    """An error that only the log knows is found by a customer."""
    problems = [one for one in target.examination.problems if one.rule == "ENV021" and one.variable == "SENTRY_DSN"]
    if problems:
        return refused(target, problems) if len(problems) > 1 else failed(f"SENTRY_DSN {problems[0].text}")
    dsn = target.examination.values["SENTRY_DSN"]
    host = urlsplit(dsn.reveal()).hostname
    if not target.active:
        return passed(f"{host} is told; no test event was sent (--active)")
    from primepos.deploy.tracker import send_test_event

    accepted, told = send_test_event(dsn, target.commit)
    return passed(f"{host} accepted event {told}") if accepted else failed(f"{host} refused a test event: {told}")


@check(
    "OPS074", HIGH, rule="Log lines are JSON with the fields that tie them together, and hold no secret",
    remedy="LOG_FORMAT=json", anchor="ASVS 16.2",
)  # fmt: skip
def log_lines_are_whole_and_clean(target: Target) -> Outcome:
    """A sample line is made by the settings of the deployment, with secrets of its own planted in it."""
    problems = [one for one in target.examination.problems if one.rule == "OPS074"]
    if problems:
        return refused(target, problems)
    settings = target.settings or production_settings()
    line = _sample(settings)
    told = list(_faults(line, settings))
    if told:
        return failed("; ".join(told))
    return passed(f"a sample line of {len(line)} characters has {len(ALWAYS) + len(FIELDS)} fields and no secret")


def _sample(settings: Settings) -> str:
    planted = {name: given for name, (given, _) in CANARIES.items()}
    own = {f"field_{number}": one.reveal() for number, one in enumerate(_secrets(settings))}
    text = f"line one\nline two \x1b[31m{'x' * 9000}"
    return sample_line(settings, "gate.sample", text, **FIELDS, **planted, **own)


def _faults(line: str, settings: Settings) -> Iterator[str]:
    try:
        said = json.loads(line)
    except ValueError:
        yield "a line is not JSON"
        return
    if lacking := [name for name in (*ALWAYS, *FIELDS) if name not in said]:
        yield f"a line lacks {', '.join(lacking)}"
    if not _has_offset(str(said.get("ts", ""))):
        yield "ts has no offset from UTC"
    if "\n" in line or "\x1b" in line:
        yield "control characters are not encoded"
    if any(isinstance(text, str) and len(text) > FIELD_CAP for text in said.values()):
        yield "a field is longer than 2 kB"
    seen = [name for name, (_, canary) in CANARIES.items() if canary in line]
    seen += [f"secret {number}" for number, one in enumerate(_secrets(settings), start=1) if one.reveal() in line]
    if seen:
        yield f"secrets were written: {', '.join(seen)}"


def _secrets(settings: Settings) -> list[Secret]:
    named = ("secret_key", "jwt_secret_key", "pin_pepper", "backup_key", "metrics_token", "email_host_password")
    return [one for name in named if isinstance(one := getattr(settings, name), Secret) and one]


def _has_offset(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() is not None
    except ValueError:
        return False


@check(
    "OPS075", HIGH, rule="All metrics exist under names that Prometheus' rules like, and strangers cannot read them",
    remedy="Rename the metric, or close /metrics with METRICS_TOKEN.", anchor="Prometheus naming",
)  # fmt: skip
def metrics_are_named_and_closed(target: Target) -> Outcome:
    """An alert on a metric that does not exist never fires."""
    metrics = declared_metrics()
    told = [f"{name} does not exist" for name in REQUIRED_METRICS if name not in metrics]
    for name, (kind, labels) in metrics.items():
        told += [f"{name} {problem}" for problem in name_problems(name, kind, labels)]
    if told:
        return failed("; ".join(told))
    if target.make_surface is None:
        return skipped(f"{len(metrics)} metrics are well named; whether {METRICS_PATH} is closed needs the API")
    status = target.surface.ask("GET", METRICS_PATH, headers={"x-forwarded-for": "203.0.113.7"}).status
    if status not in _CLOSED:
        return failed(f"{METRICS_PATH} answers {status} to a stranger")
    return passed(f"{len(metrics)} metrics are well named; {METRICS_PATH} answers {status} to a stranger")


def declared_metrics() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return every metric of the application with its type and labels, without a server or a database."""
    from primepos.adapters.telemetry.figures import Figures, FiguresCollector
    from primepos.adapters.telemetry.metrics import Metrics

    class Sample(FiguresCollector):
        """Tells figures of a database that was never asked."""

        def _figures(self) -> Figures:
            return Figures(is_up=True, oldest_job_s=0, pending_migrations=0, last_backup=0)

    made = Metrics()
    families: list[Any] = [*made.registry.collect(), *Sample("", version="", commit="").collect()]
    # Labels of a metric that was never counted are nowhere but in the metric itself.
    own = {getattr(each, "_name", ""): tuple(getattr(each, "_labelnames", ())) for each in vars(made).values()}
    found = {}
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = own.get(family.name) or tuple({label for one in family.samples for label in one.labels} - {"le"})
        found[name] = (family.type, labels)
    return found


def name_problems(name: str, kind: str, labels: Iterable[str]) -> Iterator[str]:
    """Yield what Prometheus' naming rules have against a metric."""
    if not _METRIC_NAME.fullmatch(name):
        yield "is not primepos_ and words in lower case"
    if _NOT_BASE.search(name):
        yield "is not in a base unit (seconds, bytes, ratio)"
    if (kind == "counter") != name.endswith("_total"):
        yield "is a counter without _total" if kind == "counter" else "ends in _total and is no counter"
    if kind == "histogram" and not name.endswith(("_seconds", "_bytes")):
        yield "is a histogram without its unit"
    if personal := sorted(set(labels) & _PERSONAL):
        yield f"has the label {', '.join(personal)}, which never ends"


@check(
    "OPS076", MEDIUM, rule="Alerts watch 5xx answers, latency, readiness, queue age, auth abuse and the certificate",
    remedy=f"Add the rule to {RULES}.", anchor="audit, monitoring",
)  # fmt: skip
def alerts_watch_what_matters(target: Target) -> Outcome:
    """What nobody watches is reported by customers."""
    try:
        alerts = read_alerts(target.root)
    except ValueError as error:
        return failed(str(error), Place(RULES))
    if not alerts:
        return failed("there are no alert rules", Place(RULES))
    unwatched = [what for what, known in COVERAGE.items() if not any(known.search(one.expression) for one in alerts)]
    told = [f"nothing watches {what}" for what in unwatched]
    places = [Place(RULES)] if unwatched else []
    metrics = declared_metrics()
    for alert in alerts:
        if unknown := sorted(alert.metrics - metrics.keys()):
            told.append(f"{alert.name} looks at {', '.join(unknown)}, which nothing measures")
            places.append(Place(alert.path, alert.line))
    if told:
        return failed("; ".join(told), *places)
    return passed(f"{len(alerts)} alerts: {', '.join(COVERAGE)}")
