"""What the application talks to, and how much it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.settings_names import name_problems
from primepos.core.settings_types import EmailBackend
from primepos.deploy.catalogue.environment.judged import by_rule, refused
from primepos.deploy.check import HIGH, LOW, MEDIUM, Outcome, check, not_applicable, passed

if TYPE_CHECKING:
    from primepos.deploy.target import Target


@check(
    "ENV019", LOW, rule="LOG_LEVEL is not DEBUG, and its old name LOGS_LEVEL does not contradict it",
    remedy="LOG_LEVEL=INFO, and remove LOGS_LEVEL", anchor="Enlightn DebugLog",
)  # fmt: skip
def log_is_quiet(target: Target) -> Outcome:
    """At DEBUG what matters drowns."""
    return by_rule(target, "ENV019", "LOG_LEVEL")


@check(
    "ENV020", HIGH, rule="Mail is complete for smtp with one kind of TLS; console and memory are refused",
    remedy="Set EMAIL_HOST, DEFAULT_FROM_EMAIL and the login, or EMAIL_BACKEND=disabled to go without mail.",
)  # fmt: skip
def mail_is_complete(target: Target) -> Outcome:
    """Somebody who forgot a password waits for a mail that was printed to a log."""
    outcome = by_rule(target, "ENV020", "EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "DEFAULT_FROM_EMAIL")
    off = target.examination.values["EMAIL_BACKEND"] is EmailBackend.DISABLED
    return not_applicable("mail is switched off") if off and outcome.status == "pass" else outcome


@check(
    "ENV021", MEDIUM, rule="SENTRY_DSN is an https address with key and project",
    remedy="SENTRY_DSN=https://KEY@HOST/PROJECT, from the project's settings", anchor="leukeleu-django-checks W006",
)  # fmt: skip
def errors_are_reported(target: Target) -> Outcome:
    """Errors that only a log knows are found by customers."""
    return by_rule(target, "ENV021", "SENTRY_DSN")


@check(
    "ENV022", HIGH, rule="The four AWS_* variables are all set or none, with a region that exists",
    remedy="Set all of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_STORAGE_BUCKET_NAME, AWS_S3_REGION_NAME.",
)  # fmt: skip
def storage_is_complete(target: Target) -> Outcome:
    """Half a configuration fails at the first upload."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_STORAGE_BUCKET_NAME", "AWS_S3_REGION_NAME", "AWS_S3_ENDPOINT_URL")
    return by_rule(target, "ENV022", *names, without="no AWS_* variable is set")


@check(
    "ENV023", MEDIUM, rule="No variable is a mistyped setting", remedy="Correct the name, or remove the variable.",
    anchor="Enlightn EnvVariable",
)  # fmt: skip
def names_are_known(target: Target) -> Outcome:
    """A mistyped variable is silent: its default is used."""
    found = target.examination
    problems = name_problems(found.unknown)
    if problems:
        return refused(target, problems)
    return passed(f"{len(found.raw)} settings, {len(found.unknown)} names of other programs")


@check(
    "ENV026", HIGH, rule="No value has quotes, blanks or line breaks around it, or a host name of documentation in it",
    remedy="Paste the bare value: a platform's form takes quotes literally.",
)  # fmt: skip
def values_are_tidy(target: Target) -> Outcome:
    """A password with a line break at its end is another password."""
    outcome = by_rule(target, "ENV026")
    return passed(f"{len(target.examination.raw)} values") if outcome.status == "pass" else outcome


@check(
    "ENV031", HIGH, rule="Throttle counters are shared when more than one process counts",
    remedy="RATE_LIMIT_STORE=database",
)  # fmt: skip
def counters_are_shared(target: Target) -> Outcome:
    """Counters in memory let an attacker have every limit once for each process."""
    return by_rule(target, "ENV031", "RATE_LIMIT_STORE", "WEB_CONCURRENCY")
