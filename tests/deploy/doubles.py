"""Checks that end as told, in place of the catalogue's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.deploy import gate
from primepos.deploy.check import Check, Needs, Outcome, Severity, failed, passed

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def a_check(
    check_id: str,
    outcome: Outcome | Exception | Callable[[Any], Outcome] | None = None,
    *needs: Needs,
    severity: Severity = Severity.HIGH,
    unbuilt: str | None = None,
) -> Check:
    """Return a check that ends with ``outcome``, raises it, or asks it."""

    def double(target: Any) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        if callable(outcome):
            return outcome(target)
        return outcome or passed("fine")

    return Check(
        id=check_id,
        severity=severity,
        needs=frozenset(needs or (Needs.STATIC,)),
        rule=f"the rule of {check_id}",
        remedy=f"mend {check_id}",
        anchor="ours",
        run=double,
        unbuilt=unbuilt,
    )


def a_catalogue(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    """Let the gate run these checks and no others."""
    monkeypatch.setattr(gate, "catalogue", lambda: checks)


def by_id(report: Any) -> dict[str, Any]:
    """Return the findings of a report by the ids of their checks."""
    return {one.check.id: one for one in report.findings}


WRONG = failed("it is wrong")
