"""What a check of the deploy gate is: one declared unit that looks at one thing and says what it saw.

    @check("ENV002", CRITICAL, rule="SECRET_KEY has at least 50 characters", remedy="primepos env generate SECRET_KEY",
           anchor="Django security.W009")
    def secret_key_is_strong(target: Target) -> Outcome:
        ...
        return passed("64 characters, 41 distinct")

A check looks at its :class:`~primepos.deploy.target.Target` only and never changes anything unless it needs ACTIVE. It
returns an outcome; one that raises is reported as ERROR by the gate, not as a pass. Evidence never holds a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Final

from primepos.core.settings_rules import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.deploy.target import Target

CRITICAL, HIGH, MEDIUM, LOW = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW

__all__ = [
    "CRITICAL", "HIGH", "LOW", "MEDIUM", "Area", "Check", "Needs", "Outcome", "Place", "Severity", "Status",
    "catalogue", "check", "failed", "not_applicable", "not_built", "passed", "skipped",
]  # fmt: skip


class Needs(StrEnum):
    """What a check cannot do without. STATIC: the environment, files and the application's own code; no network.

    STATIC beside others means that it runs without them, and looks closer with them.
    """

    STATIC = "static"
    DATABASE = "database"
    URL = "url"
    FRONTEND_URL = "frontend-url"
    ACTIVE = "active"


class Status(StrEnum):
    """How a check ended. Nothing is left out: what did not run is SKIPPED, with the reason."""

    PASS = "pass"  # noqa: S105  not a password
    FAIL = "fail"
    WAIVED = "waived"
    SKIPPED = "skipped"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"


class Area(StrEnum):
    """Which part of the catalogue a check belongs to, by the letters of its id."""

    ENV = "environment"
    SEC = "application"
    DB = "database"
    MIG = "migrations"
    RND = "platform"
    HTTP = "http"
    TLS = "tls"
    FE = "frontend"
    OPS = "operations"
    QA = "quality"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding is: a path relative to the project, and a line counted from 1 where there is one."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check saw. ``severity`` and ``remedy`` replace those of the check where this finding has its own."""

    status: Status
    evidence: str
    places: tuple[Place, ...] = ()
    severity: Severity | None = None
    remedy: str | None = None


def passed(evidence: str) -> Outcome:
    """Say that the rule holds, and by what it was seen."""
    return Outcome(status=Status.PASS, evidence=evidence)


def failed(evidence: str, *places: Place, severity: Severity | None = None, remedy: str | None = None) -> Outcome:
    """Say that the rule is broken, by what and where."""
    return Outcome(status=Status.FAIL, evidence=evidence, places=places, severity=severity, remedy=remedy)


def not_applicable(reason: str) -> Outcome:
    """Say that there is nothing here the rule is about: no frontend, no S3, no cookies."""
    return Outcome(status=Status.NOT_APPLICABLE, evidence=reason)


def skipped(reason: str) -> Outcome:
    """Say that the rule could not be looked at because something was not given."""
    return Outcome(status=Status.SKIPPED, evidence=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the catalogue. ``rule`` is what must hold, ``remedy`` what to do, ``anchor`` where it comes from."""

    id: str
    severity: Severity
    needs: frozenset[Needs]
    rule: str
    remedy: str
    anchor: str
    run: Callable[[Target], Outcome]
    unbuilt: str | None = None

    @property
    def area(self) -> Area:
        """The part of the catalogue it belongs to."""
        return Area[self.id.rstrip("0123456789")]

    @property
    def name(self) -> str:
        """A readable name that stays: the function's."""
        return self.run.__name__


_CHECKS: dict[str, Check] = {}

# One module an area; each registers its checks when it is imported.
AREAS: Final = (
    "environment", "application", "database", "migrations", "platform", "http", "tls", "frontend", "frontend_live",
    "operations", "quality",
)  # fmt: skip
# Checks of the area operations that judge the report itself.
REPORT_CHECKS: Final = ("primepos.deploy.signing", "primepos.deploy.waivers")


def check(
    check_id: str, severity: Severity, *needs: Needs, rule: str, remedy: str, anchor: str = "ours"
) -> Callable[[Callable[[Target], Outcome]], Callable[[Target], Outcome]]:
    """Register the function below as a check; without ``needs`` it is a static one."""

    def register(run: Callable[[Target], Outcome]) -> Callable[[Target], Outcome]:
        _register(
            Check(
                id=check_id,
                severity=severity,
                needs=frozenset(needs or (Needs.STATIC,)),
                rule=rule,
                remedy=remedy,
                anchor=anchor,
                run=run,
            )
        )
        return run

    return register


def not_built(check_id: str, severity: Severity, *needs: Needs, rule: str, reason: str, anchor: str = "ours") -> None:
    """Register a check of the catalogue that does not exist yet, so that every report names it and says why."""

    def unbuilt(_target: Target) -> Outcome:
        return skipped(f"not built: {reason}")

    _register(
        Check(
            id=check_id,
            severity=severity,
            needs=frozenset(needs or (Needs.STATIC,)),
            rule=rule,
            remedy="",
            anchor=anchor,
            run=unbuilt,
            unbuilt=reason,
        )
    )


def _register(made: Check) -> None:
    if made.id in _CHECKS:
        raise ValueError(f"{made.id} is registered twice")
    Area[made.id.rstrip("0123456789")]
    _CHECKS[made.id] = made


def catalogue() -> tuple[Check, ...]:
    """Return every check, by id within its area, the areas in the order of the catalogue."""
    for area in AREAS:
        import_module(f"primepos.deploy.catalogue.{area}")
    for module in REPORT_CHECKS:
        import_module(module)
    order = {name: place for place, name in enumerate(Area.__members__)}
    return tuple(sorted(_CHECKS.values(), key=lambda one: (order[one.area.name], one.id)))


def with_severity(outcome: Outcome, severity: Severity) -> Outcome:
    """Return the same outcome, as bad as ``severity``."""
    return replace(outcome, severity=severity)
