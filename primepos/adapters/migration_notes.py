"""What a migration says of itself: its labels, and which rules it asks to be let off, where, why and until when.

In a revision the labels are lines of its docstring (``Phase: expand``), in an SQL file comments. An allowance stands
above the statement it is for, in the SQL or as a comment of the Python around it:

    -- primepos: allow MIG040 until=2026-12-31 reason=nobody has sold by weight since 0.3.0
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from primepos import __version__

PHASES: Final = ("expand", "migrate", "contract")

_NOTE: Final = re.compile(r"(?:--|#)\s*primepos:\s*(?P<word>[\w-]+)(?P<rest>.*)$", re.MULTILINE)
_RULES: Final = re.compile(r"\s*(?P<rules>MIG\d{3}(?:\s*,\s*MIG\d{3})*)?(?P<rest>.*)")
_UNTIL: Final = re.compile(r"\buntil=(?P<until>\S+)")
_REASON: Final = re.compile(r"\breason=(?P<quote>[\"']?)(?P<reason>.*?)(?P=quote)\s*$")
_VERSION: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Allowance:
    """A rule that one statement may break; ``line`` counts from 1. ``fault`` says why it does not count."""

    rule: str
    line: int
    until: date | None
    reason: str
    fault: str | None

    def fault_on(self, today: date) -> str | None:
        """Return why the allowance does not hold on that day, None when it does."""
        if self.fault is None and self.until is not None and self.until < today:
            return f"the allowance ended on {self.until.isoformat()}"
        return self.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a file says of itself as a whole; empty where it says nothing."""

    phase: str = ""
    release: str = ""
    unused_since: str = ""
    irreversible: str = ""
    transactional: bool = True


def labels_of(docstring: str) -> Labels:
    """Return the labels in the docstring of a revision."""
    told = {}
    for line in docstring.splitlines():
        name, colon, value = line.strip().partition(":")
        if colon:
            told[name.lower()] = value.strip()
    return Labels(
        phase=told.get("phase", ""),
        release=told.get("release", ""),
        unused_since=told.get("unused since", ""),
        irreversible=told.get("irreversible", ""),
    )


def labels_in(sql: str) -> Labels:
    """Return the labels in the comments of an SQL file."""
    told = {match["word"]: match["rest"].strip() for match in _NOTE.finditer(sql)}
    irreversible = _REASON.search(told.get("irreversible", ""))
    return Labels(
        phase=told.get("phase", ""),
        release=told.get("release", ""),
        unused_since=told.get("unused-since", ""),
        irreversible=irreversible["reason"] if irreversible else "",
        transactional="no-transaction" not in told,
    )


def allowances_in(text: str, first_line: int = 1) -> list[Allowance]:
    """Return what is asked for in the comments of a text, which begins at ``first_line`` of its file."""
    found = []
    for note in _NOTE.finditer(text):
        if note["word"] == "allow":
            line = first_line + text.count("\n", 0, note.start())
            found += _allowances(note["rest"], line)
    return found


def _allowances(text: str, line: int) -> list[Allowance]:
    parts = _RULES.match(text)
    rules = re.findall(r"MIG\d{3}", parts["rules"] or "") if parts else []
    until, fault = _end(text)
    said = _REASON.search(text)
    reason = said["reason"].strip() if said else ""
    if not reason:
        fault = "the allowance gives no reason"
    if not rules:
        return [Allowance("", line, until, reason, "the allowance names no rule")]
    return [Allowance(rule, line, until, reason, fault) for rule in rules]


def _end(text: str) -> tuple[date | None, str | None]:
    said = _UNTIL.search(text)
    if said is None:
        return None, "the allowance has no end: until=YYYY-MM-DD"
    try:
        return date.fromisoformat(said["until"]), None
    except ValueError:
        return None, f"the allowance ends at no date: {said['until'][:20]}"


def version(text: str) -> tuple[int, int, int] | None:
    """Return a release as numbers, so that releases compare; None for what is none."""
    found = _VERSION.match(text.strip())
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def ships_in(labels: Labels) -> tuple[int, int, int] | None:
    """Return the release a migration ships in: the one it names, else this one."""
    return version(labels.release or __version__)
