"""What is written down for the day when something breaks: runbooks, the way back, whom to call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from primepos.core.redaction import is_secret_name
from primepos.core.settings_rules import placeholder_prefix
from primepos.deploy.alerts import DOCTOR_CODES, RULES, RUNBOOKS, missing_headings, read_alerts, runbook_path
from primepos.deploy.check import HIGH, LOW, MEDIUM, Outcome, Place, check, failed, passed
from primepos.deploy.evidence import CONTACTS, EVIDENCE, EvidenceUnreadable, day_of, newest, read_evidence
from primepos.deploy.secrets_in_text import looks_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from primepos.deploy.target import Target

GUIDE = "docs/guides/deploy-to-render.md"
DRILL_DAYS = 90
# Whose absence is felt at three in the morning.
CONTACT_ROLES = ("on_call", "platform", "database", "domain_registrar", "mail", "security", "product")
_ROLLBACK = re.compile(r"^#{1,6}\s.*(roll.?back|go(ing)? back)", re.IGNORECASE | re.MULTILINE)
_MOST_TOLD = 6


@check(
    "OPS070", MEDIUM, rule="Every alert and doctor code has a runbook: how to detect, mitigate, verify and go back",
    remedy=f"Write {RUNBOOKS}/NAME.md with the headings Detect, Mitigate, Verify, Rollback.",
    anchor="audit, monitoring",
)  # fmt: skip
def alerts_have_runbooks(target: Target) -> Outcome:
    """Whoever is woken by an alert has not written it."""
    try:
        alerts = read_alerts(target.root)
    except ValueError as error:
        return failed(str(error), Place(RULES))
    told: list[tuple[Place, str]] = []
    if not alerts:
        told.append((Place(RULES), "there are no alert rules"))
    for alert in alerts:
        file = runbook_path(target.root, alert.runbook)
        if file is None:
            named = f"names {alert.runbook}, which does not exist" if alert.runbook else "names no runbook"
            told.append((Place(alert.path, alert.line), f"{alert.name} {named}"))
    books = sorted(target.path(RUNBOOKS).glob("*.md"))
    pages = {book.name: book.read_text(encoding="utf-8") for book in books if book.stem.lower() not in _INDEXES}
    for name, text in pages.items():
        if lacking := missing_headings(text):
            told.append((Place(f"{RUNBOOKS}/{name}"), f"{name} lacks {', '.join(lacking)}"))
    everything = "\n".join(pages.values())
    unknown = [code for code in DOCTOR_CODES if code not in everything]
    if unknown:
        told.append((Place(RUNBOOKS), f"no runbook is about {', '.join(unknown)}"))
    if told:
        return failed(_some(told), *(place for place, _ in told))
    return passed(f"{len(alerts)} alerts and {len(DOCTOR_CODES)} doctor codes, {len(pages)} runbooks")


_INDEXES = frozenset({"readme", "index"})


def _some(told: list[tuple[Place, str]]) -> str:
    more = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    return "; ".join([text for _, text in told[:_MOST_TOLD]] + more)


@check(
    "OPS071", HIGH, rule=f"The way back is documented, and was practised within {DRILL_DAYS} days",
    remedy=f'Hold a rollback drill ({GUIDE}) and add a [[drill]] with kind = "rollback" to {EVIDENCE}.',
    anchor="audit, contacts and documentation",
)  # fmt: skip
def rollback_was_practised(target: Target) -> Outcome:
    """The first time is never the night it is needed."""
    guide = target.text(GUIDE)
    if guide is None or not _ROLLBACK.search(guide):
        return failed(f"{GUIDE} has no heading about the rollback", Place(GUIDE))
    try:
        found = read_evidence(target.root, EVIDENCE)
    except EvidenceUnreadable as error:
        return failed(str(error), Place(EVIDENCE))
    drill = newest((found or {}).get("drill"), "rollback")
    if drill is None:
        return failed(f"{EVIDENCE} names no rollback drill that passed", Place(EVIDENCE))
    held = day_of(drill["held_on"])
    age = (target.today - held).days if held else DRILL_DAYS + 1
    if age > DRILL_DAYS:
        return failed(f"the last rollback drill was held on {held}, {age} days ago", Place(EVIDENCE))
    if age < 0:
        return failed(f"the rollback drill of {held} lies in the future", Place(EVIDENCE))
    return passed(f"documented in {GUIDE}, practised on {held}, {age} days ago")


@check(
    "OPS072", LOW, rule=f"{CONTACTS} says for each role who answers and where the access is kept",
    remedy=f"Fill in {CONTACTS}: who, how to reach them, where the login is kept; never the login itself.",
    anchor="audit, contacts and documentation",
)  # fmt: skip
def contacts_are_filled_in(target: Target) -> Outcome:
    """The registrar's password is in somebody's head, and that head is on holiday."""
    try:
        found = read_evidence(target.root, CONTACTS)
    except EvidenceUnreadable as error:
        return failed(str(error), Place(CONTACTS))
    if found is None:
        return failed(f"there is no {CONTACTS}", Place(CONTACTS))
    told = [*_unfilled(found), *_credentials(found)]
    if told:
        return failed("; ".join(told), Place(CONTACTS))
    return passed(f"{len(CONTACT_ROLES)} roles, each with a person and a place")


def _unfilled(found: Mapping[str, Any]) -> Iterator[str]:
    for role in CONTACT_ROLES:
        said = found.get(role)
        if not isinstance(said, dict):
            yield f"{role} is missing"
        elif lacking := [part for part in ("who", "reach", "access") if not _filled(said.get(part))]:
            yield f"{role} lacks {', '.join(lacking)}"


def _filled(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and placeholder_prefix(text.strip()) is None


def _credentials(found: Mapping[str, Any]) -> Iterator[str]:
    """Say where a credential itself stands, without repeating it."""
    for role, said in found.items():
        for part, text in said.items() if isinstance(said, dict) else ():
            if is_secret_name(part) or (isinstance(text, str) and looks_secret(text)):
                yield f"{role}.{part} looks like a credential: say where it is kept instead"
