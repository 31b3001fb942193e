"""What the doctor looks at for each ailment: now, at this installation, changing nothing it was not allowed to."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psycopg

from primepos.adapters import schema_revision
from primepos.adapters.mail import smtp_mailer
from primepos.core.database_url import parse_database_url
from primepos.core.errors import PrimePOSError
from primepos.core.settings import EmailBackend
from primepos.deploy.catalogue.http import LIVE
from primepos.deploy.catalogue.http_callers import ME, preflight_problem
from primepos.deploy.doctor import steps
from primepos.deploy.doctor.tokens import told_of_token
from primepos.deploy.inspector import APP_ROLE
from primepos.deploy.prober import DeploymentUnreachable

if TYPE_CHECKING:
    from primepos.deploy.doctor.patient import Patient
    from primepos.deploy.doctor.steps import Seen

NO_URL: Final = "Nothing was asked over the network: give --url https://your-api"
NOWHERE: Final = "/api/v1/there-is-nothing-here"
TABLES_SQL: Final = """
SELECT count(*) AS tables, to_regclass('public.sales') IS NULL AS no_sales FROM pg_tables WHERE schemaname = 'public'
"""
APPLIED_SQL: Final = "SELECT count(*) AS applied FROM installation WHERE name LIKE 'migration.%'"
SLOW_S: Final = 5.0


@dataclass(slots=True)
class Findings:
    """What was seen, one line each; ``cause`` and ``fix`` where it was recognised, instead of the general ones."""

    lines: list[str] = field(default_factory=list)
    cause: str | None = None
    fix: list[str] = field(default_factory=list)

    def because(self, cause: str, *fix: str) -> None:
        """Name the cause; the first one found stays."""
        if self.cause is None:
            self.cause = cause
            self.fix = list(fix)


def at_database_url(patient: Patient) -> Findings:
    """Say which part of DATABASE_URL is wrong, or why nobody answers there."""
    found = Findings()
    raw = patient.examination.raw.get("DATABASE_URL")
    source = patient.examination.sources.get("DATABASE_URL", "not set")
    if raw is None and patient.database_url is None:
        found.lines.append(f"DATABASE_URL: {source}")
        if patient.embedded is not None:
            found.lines.append(f"the embedded PostgreSQL is {patient.embedded.state}")
            found.because("No database is named, so the embedded one is used", "primepos db start")
        else:
            found.because(
                "DATABASE_URL is missing", "Set DATABASE_URL=postgresql://user:password@host:5432/name",
                "On Render: fromDatabase with property connectionString",
            )  # fmt: skip
        return found
    if raw is not None:
        try:
            address = parse_database_url(raw)
        except ValueError as error:
            found.lines.append(f"DATABASE_URL (from {source}, {len(raw)} characters) {error}")
            found.because(f"DATABASE_URL {error}", "primepos env explain DATABASE_URL")
            return found
        found.lines.append(f"DATABASE_URL (from {source}): {address.redacted()}")
    _add(found, "database", steps.database(patient) if _answers(patient, found) else None)
    return found


def at_origins(patient: Patient) -> Findings:
    """Send the preflight of each listed origin."""
    origins: tuple[str, ...] = patient.value("CORS_ALLOWED_ORIGINS") or ()
    found = Findings([f"CORS_ALLOWED_ORIGINS: {', '.join(origins) or 'empty'}"])
    if not origins:
        found.because("No origin is allowed to call", "Set CORS_ALLOWED_ORIGINS to the frontend's origin")
    if patient.prober is None:
        found.lines.append(NO_URL)
        return found
    for origin in origins:
        try:
            answer = patient.prober.preflight(origin, ME)
            problem = preflight_problem(patient.prober, origin)
        except DeploymentUnreachable as error:
            found.lines.append(error.message)
            found.because("The API does not answer at all", "primepos doctor explain DOC06")
            break
        allowed = ", ".join(sorted(answer.words("access-control-allow-headers"))) or "none"
        found.lines.append(f"{origin}: {answer.status}, allow-headers: {allowed}; {problem or 'may call'}")
        if problem is not None:
            found.because(f"{origin}: {problem}")
    found.because(
        "Each listed origin may call: the page that is blocked has another one",
        "Compare `Origin` of the blocked request with the list, to the letter: scheme, host, port",
    )
    return found


def at_schema(patient: Patient) -> Findings:
    """Say which database this is, at which revision, and whether it has tables."""
    found = Findings()
    if patient.database is None or not _answers(patient, found):
        return found
    inspector = patient.database
    found.lines.append(f"this is {inspector.where}")
    _add(found, "migrations", steps.schema(patient))
    there = inspector.row(TABLES_SQL)
    applied = _applied(patient)
    found.lines.append(f"{there['tables']} tables, {applied} migrations applied, newest {schema_revision.newest()}")
    if there["no_sales"]:
        found.because(
            f"{inspector.where} has no tables of PrimePOS: it is not the database that was migrated",
            "Compare DATABASE_URL of the release with that of the service", "primepos migrate up",
        )  # fmt: skip
    return found


def at_debug(patient: Patient) -> Findings:
    """Say where DEBUG comes from, and look at a refusal."""
    source = patient.examination.sources.get("DEBUG", "default")
    raw = patient.examination.raw.get("DEBUG")
    found = Findings([f"DEBUG is {patient.value('DEBUG')} (from {source}{'' if raw is None else f', set to {raw!r}'})"])
    if patient.value("DEBUG"):
        found.because(f"DEBUG is on, from {source}", f"Take DEBUG out of {source}")
    if patient.prober is None:
        found.lines.append(NO_URL)
        return found
    try:
        answer = patient.prober.get(NOWHERE)
    except DeploymentUnreachable as error:
        found.lines.append(error.message)
        return found
    traced = "Traceback" in answer.text or 'File "' in answer.text
    kind = answer.header("content-type") or "no content type"
    found.lines.append(f"404 of the service: {answer.status} {kind}, {'WITH' if traced else 'without'} a traceback")
    if traced or kind != "application/problem+json":
        found.because(
            "The service itself shows a traceback" if traced else "Something else than PrimePOS answers for its errors"
        )
    return found


def at_token(patient: Patient) -> Findings:
    """Say what is wrong with the token at hand, and how the service refuses without one."""
    found = Findings()
    if patient.prober is not None:
        try:
            answer = patient.prober.get(ME)
        except DeploymentUnreachable as error:
            found.lines.append(error.message)
        else:
            challenge = answer.header("www-authenticate") or "missing"
            found.lines.append(f"without a token: {answer.status}, WWW-Authenticate: {challenge}")
    if patient.token is None:
        found.lines.append("No token to look at: put it into PRIMEPOS_TOKEN, or give --token-file")
        return found
    cause, fix = told_of_token(patient)
    found.lines.append(f"the token at hand {cause}")
    found.because(f"The token {cause}", *fix)
    return found


def at_probe(patient: Patient) -> Findings:
    """Compare port, address and names with what the platform asks, and ask."""
    value, environ = patient.value, os.environ if patient.environ is None else patient.environ
    on_render = patient.examination.platform.on_render
    found = Findings([f"listens on {value('HOST')}:{value('PORT')}"])
    given = environ.get("PORT")
    if given and str(value("PORT")) != given.strip():
        found.because(f"PORT is {given!r} in the process but {value('PORT')} in the settings", "primepos env check")
    if on_render and value("HOST") in {"127.0.0.1", "localhost", "::1"}:
        found.because("It listens on this machine only", "Take HOST away: 0.0.0.0 is the default on Render")
    found.lines.append(f"answers for {', '.join(value('ALLOWED_HOSTS') or ()) or 'no host'}")
    outside = patient.examination.platform.external_hostname
    if on_render and outside and outside not in (value("ALLOWED_HOSTS") or ()):
        found.because(f"{outside} is not in ALLOWED_HOSTS", "primepos env explain ALLOWED_HOSTS")
    _add(found, "port", steps.port(patient))
    if patient.prober is None:
        found.lines.append(NO_URL)
        return found
    try:
        answer = patient.prober.get(LIVE)
    except DeploymentUnreachable as error:
        found.lines.append(error.message)
        found.because("It does not answer", "Look at the log of the start")
        return found
    found.lines.append(f"{LIVE}: {answer.status} in {answer.seconds * 1000:.0f} ms")
    reasons = {
        answer.status in range(300, 400): f"{LIVE} leads elsewhere ({answer.header('location') or '?'})",
        answer.status == 400: "The name is refused: ALLOWED_HOSTS",
        answer.status == 404: f"{LIVE} is not there: another program answers, or the path is wrong",
        answer.status >= 500: "It answers with an error of the server",
        answer.seconds > SLOW_S: f"It takes longer than {SLOW_S:g} s",
    }
    for told in (text for is_so, text in reasons.items() if is_so):
        found.because(told)
    found.because(
        f"It answers now, {answer.status} in {answer.seconds * 1000:.0f} ms: the platform asks elsewhere, or asked"
        " before it had started",
        "Compare healthCheckPath and the service's names; look at the log of the start",
    )
    return found


def at_bucket(patient: Patient) -> Findings:
    """Say what of AWS_* is missing, and try the bucket where that is allowed."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_STORAGE_BUCKET_NAME", "AWS_S3_REGION_NAME")
    missing = [name for name in names if not patient.value(name)]
    found = Findings([f"bucket {patient.value('AWS_STORAGE_BUCKET_NAME')} in {patient.value('AWS_S3_REGION_NAME')}"])
    if missing:
        found.lines.append(f"not set: {', '.join(missing)}")
        found.because("AWS_* is not complete" if len(missing) < len(names) else "No bucket is set up", *missing)
        return found
    if not patient.active:
        found.lines.append("The bucket was not tried: --active writes, reads and deletes one file")
        return found
    if patient.settings is None:
        found.lines.append("The bucket was not tried: the environment is not fit")
        return found
    from primepos.adapters.storage.opening import open_store

    name = f"doctor-{secrets.token_hex(8)}.txt"
    done = "nothing"
    try:
        store = open_store(f"s3://{patient.value('AWS_STORAGE_BUCKET_NAME')}/doctor", patient.settings)
        store.put(name, [b"primepos doctor"])
        done = "put"
        with store.open(name) as stored:
            stored.read()
        done = "put, get"
        store.delete(name)
        done = "put, get, delete"
    except PrimePOSError as error:
        found.because(f"{error.code} after {done}: {error.message}", error.hint or "Look at the bucket's policy")
    found.lines.append(f"tried: {done} succeeded")
    return found


def at_mail(patient: Patient) -> Findings:
    """Say how mail would go, sign in at the server, and look at what waits for a worker."""
    backend = patient.value("EMAIL_BACKEND")
    found = Findings(
        [f"EMAIL_BACKEND is {backend} (from {patient.examination.sources.get('EMAIL_BACKEND', 'default')})"]
    )
    problems = [one for one in patient.examination.problems if one.variable.startswith(("EMAIL_", "DEFAULT_FROM"))]
    for one in problems:
        found.lines.append(f"{one.variable} {one.text} [{one.rule}]")
        found.because(f"{one.variable} {one.text}", f"primepos env explain {one.variable}")
    if backend is not EmailBackend.SMTP:
        found.because(f"EMAIL_BACKEND is {backend}: no mail leaves this machine", "EMAIL_BACKEND=smtp")
    elif patient.settings is not None:
        try:
            greeting = smtp_mailer(patient.settings, told=found.lines.append).greet()
        except PrimePOSError as error:
            found.lines.append(error.message)
            found.because(error.message, error.hint or "primepos doctor email --to YOU")
        else:
            found.lines.append(f"the mail server greets: {greeting}")
    if patient.database is not None and _answers(patient, found):
        _add(found, "worker", steps.worker(patient))
    return found


def _answers(patient: Patient, found: Findings) -> bool:
    """Whether the database can be reached; what it says otherwise is noted."""
    if patient.database is None:
        return False
    try:
        patient.database.row("SELECT 1 AS one")
    except (PrimePOSError, ValueError) as error:
        told = error.message if isinstance(error, PrimePOSError) else str(error)
        found.lines.append(told)
        found.because(told, "primepos doctor")
        return False
    return True


def _add(found: Findings, name: str, seen: Seen | None) -> None:
    if seen is None:
        return
    found.lines.append(f"{name}: {seen.evidence}")
    if seen.health is steps.Health.BAD:
        found.because(seen.evidence, *([seen.fix] if seen.fix else []))


def _applied(patient: Patient) -> str:
    if patient.database is None:
        return "no"
    try:
        return str(patient.database.row(APPLIED_SQL, role=APP_ROLE)["applied"])
    except psycopg.Error:
        return "an unknown number of"
