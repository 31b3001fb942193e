"""What goes wrong most, by code: the words it shows itself by, its cause, and what to do. DOC01-DOC08.

``evidence`` looks now, at this installation, and may know the cause better than the general one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from primepos.deploy.doctor import looking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from primepos.deploy.doctor.looking import Findings
    from primepos.deploy.doctor.patient import Patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """One ailment. ``phrases`` are what logs and people say; ``patterns`` are sure signs (regular expressions)."""

    code: str
    title: str
    phrases: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    cause: str
    fix: tuple[str, ...]
    checks: tuple[str, ...]
    runbook: str
    evidence: Callable[[Patient], Findings] = field(repr=False)


_ALL: Final = (
    Ailment(
        code="DOC01",
        title="Invalid DATABASE_URL",
        phrases=(
            "Invalid DATABASE_URL",
            "could not parse database url",
            "DATABASE_URL is not set",
            "bad database url scheme",
            "could not translate host name to address",
            "password authentication failed for user",
            "database does not exist",
            "no pg_hba.conf entry for host",
        ),
        patterns=(r"DATABASE_URL", r"could not translate host name", r"invalid (?:dsn|connection option|port number)"),
        cause=(
            "The variable is missing, is no PostgreSQL URL, names no database, or its password has characters"
            " that end a part of a URL too early (@ : / # ? must be written as %40 %3A %2F %23 %3F)."
        ),
        fix=("primepos env explain DATABASE_URL", "primepos doctor"),
        checks=("ENV009", "ENV010", "ENV011", "DB020"),
        runbook="doc01-database-url.md",
        evidence=looking.at_database_url,
    ),
    Ailment(
        code="DOC02",
        title="CSRF token missing, or the browser blocks a call",
        phrases=(
            "CSRF token missing",
            "CSRF verification failed",
            "blocked by CORS policy",
            "No Access-Control-Allow-Origin header is present",
            "preflight request doesn't pass access control check",
            "ORIGIN_NOT_ALLOWED",
        ),
        patterns=(r"\bCSRF\b", r"\bCORS\b", r"Access-Control-", r"ORIGIN_NOT_ALLOWED"),
        cause=(
            "The API is asked with a bearer token and sets no cookies, so it has no CSRF token to miss: the "
            "page's origin is not listed in CORS_ALLOWED_ORIGINS, or a proxy takes the CORS headers away."
        ),
        fix=("primepos env explain CORS_ALLOWED_ORIGINS", "primepos check-deploy --only HTTP063 --url URL"),
        checks=("HTTP062", "HTTP063", "ENV014", "FE063", "FE064"),
        runbook="doc02-csrf.md",
        evidence=looking.at_origins,
    ),
    Ailment(
        code="DOC03",
        title="No migrations to apply, yet a table is missing",
        phrases=(
            "No migrations to apply",
            "Nothing to do: the schema is up to date",
            "relation does not exist",
            "undefined table",
            "migrations pending",
            "table is missing after migration",
        ),
        patterns=(r"relation \"?[\w.]+\"? does not exist", r"No migrations to apply", r"migrations_pending"),
        cause=(
            '"No migrations to apply" means that this database is at the newest revision, not that migrations'
            " were left out. If tables are missing where you look, another database was migrated than the one"
            " that is served."
        ),
        fix=(
            "primepos migrate status",
            "primepos migrate verify",
            "Compare the host and the name with DATABASE_URL of the service",
        ),
        checks=("MIG030", "MIG031", "MIG032", "DB024"),
        runbook="doc03-no-migrations.md",
        evidence=looking.at_schema,
    ),
    Ailment(
        code="DOC04",
        title="DEBUG discloses the inside",
        phrases=(
            "DEBUG disclosure",
            "DEBUG is True in production",
            "traceback shown to visitors",
            "stack trace in response",
        ),
        patterns=(r"\bDEBUG\s*(?:=|is)\s*(?:True|1|on)\b", r"DEBUG disclosure"),
        cause=(
            "DEBUG is on where everybody can reach it, or something in front of PrimePOS answers with its own"
            " error pages."
        ),
        fix=(
            "Set DEBUG=False, or take it away: that is the default",
            "primepos check-deploy --only ENV004 HTTP065 --url URL",
        ),
        checks=("ENV004", "HTTP065", "HTTP066", "SEC021"),
        runbook="doc04-debug.md",
        evidence=looking.at_debug,
    ),
    Ailment(
        code="DOC05",
        title="401 Unauthorized",
        phrases=(
            "401 on API",
            "401 Unauthorized",
            "Missing Authorization header",
            "TOKEN_INVALID",
            "TOKEN_EXPIRED",
            "SESSION_ENDED",
            "invalid_token",
            "Signature verification failed",
            "UNAUTHENTICATED sign in first",
        ),
        patterns=(
            r"\b401 Unauthori[sz]ed",
            r'HTTP/[0-9.]+"? 401\b',
            r"\bstatus\W{1,3}401\b",
            r"TOKEN_(?:INVALID|EXPIRED)",
            r"SESSION_ENDED",
            r"\bUNAUTHENTICATED\b",
            r"invalid_token",
        ),
        cause=(
            "No token was sent, it was sent otherwise than as `Authorization: Bearer TOKEN`, it is signed by "
            "another key, its time is over, or its session was ended."
        ),
        fix=(
            "Put the token into PRIMEPOS_TOKEN and run `primepos doctor explain DOC05` again: it says which it is",
            "After a change of JWT_SECRET_KEY list the old one in JWT_SECRET_KEY_FALLBACKS",
        ),
        checks=("HTTP067", "ENV016", "ENV018", "SEC020"),
        runbook="doc05-401.md",
        evidence=looking.at_token,
    ),
    Ailment(
        code="DOC06",
        title="Health check times out",
        phrases=(
            "Health check timeout",
            "health check failed",
            "Timed out after waiting for internal health check",
            "No open ports detected",
            "port scan timeout reached",
            "service unhealthy restarting",
            "HOST_NOT_ALLOWED",
        ),
        patterns=(r"health ?check", r"No open ports", r"port scan timeout", r"HOST_NOT_ALLOWED", r"PORT_TAKEN"),
        cause=(
            "The server listens on another port than $PORT or on this machine only, refuses the name the "
            "platform asks for, answers elsewhere or with a redirection, or takes longer than 5 seconds."
        ),
        fix=(
            "startCommand: primepos serve",
            "healthCheckPath: /health/",
            "primepos check-deploy --only HTTP050 RND042 RND044 --url URL",
        ),
        checks=("HTTP050", "RND042", "RND044", "ENV008", "ENV027"),
        runbook="doc06-health-timeout.md",
        evidence=looking.at_probe,
    ),
    Ailment(
        code="DOC07",
        title="403 on uploads",
        phrases=(
            "403 on uploads",
            "AccessDenied when calling the PutObject operation",
            "SignatureDoesNotMatch",
            "upload forbidden by bucket policy",
            "NoSuchBucket",
            "InvalidAccessKeyId",
        ),
        patterns=(r"AccessDenied", r"SignatureDoesNotMatch", r"InvalidAccessKeyId", r"NoSuchBucket", r"PutObject"),
        cause=(
            "AWS_* is not complete, the key or its secret is wrong, the bucket is in another region, or the "
            "bucket's policy does not let this key write."
        ),
        fix=(
            "primepos env explain AWS_S3_REGION_NAME",
            "primepos doctor explain DOC07 --active writes, reads and deletes a file",
        ),
        checks=("ENV022", "OPS084"),
        runbook="doc07-uploads-403.md",
        evidence=looking.at_bucket,
    ),
    Ailment(
        code="DOC08",
        title="Email is not sent",
        phrases=(
            "Email not sending",
            "e-mail does not arrive",
            "smtplib SMTPAuthenticationError",
            "SMTP connection timed out",
            "MAIL_SIGN_IN_REFUSED",
            "MAIL_UNAVAILABLE",
            "Username and Password not accepted",
            "STARTTLS extension not supported",
        ),
        patterns=(r"\bSMTP", r"\bMAIL_(?:UNAVAILABLE|NOT_SECURED|SIGN_IN_REFUSED|REFUSED|DISABLED)\b", r"\bsmtplib\b"),
        cause=(
            "EMAIL_* is not complete or prints to the console, the port does not speak the chosen TLS, the "
            "login is refused, or no worker runs the jobs that send."
        ),
        fix=("primepos env explain EMAIL_BACKEND", "primepos doctor email --to YOU", "primepos worker"),
        checks=("ENV020", "OPS078", "OPS083"),
        runbook="doc08-email.md",
        evidence=looking.at_mail,
    ),
)

AILMENTS: Final[Mapping[str, Ailment]] = {one.code: one for one in _ALL}
