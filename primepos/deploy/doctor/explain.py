"""From a line of a log, or a code, to what it means here."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psycopg

from primepos.core.errors import NotFound, PrimePOSError
from primepos.deploy.doctor.ailments import AILMENTS, Ailment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from primepos.deploy.doctor.looking import Findings
    from primepos.deploy.doctor.patient import Patient

MOST: Final = 5
LINES, LINE_CAP = 5_000, 2_000
ENOUGH, ALIKE = 0.72, 0.84
SHORTEST_TYPO: Final = 4
RUNBOOKS: Final = "docs/runbooks"
_CODE: Final = re.compile(
    r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b"
    r"|\b(?:DOC|ENV|SEC|DB|MIG|RND|HTTP|TLS|FE|OPS|QA)[0-9]{2,3}\b"
)
_WORD: Final = re.compile(r"[a-z0-9_]+")
# Fields of a line of our own log that say what happened.
_TOLD: Final = ("event", "msg", "error_code", "detail", "exc_type", "exception", "code")
_EMPTY_WORDS: Final = frozenset(
    ["a", "an", "and", "at", "for", "in", "is", "it", "not", "of", "on", "the", "to", "was", "with"]
)


class NotUnderstood(NotFound):
    """Nothing that the doctor knows looks like this text."""

    code = "NOT_UNDERSTOOD"
    template = "Nothing known looks like this"
    hint = "Give the line of the log with the error itself, or DOC01 to DOC08; `primepos doctor` looks by itself."


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a text means: its cause, what was seen here and now, what to run, and the checks that would find it."""

    code: str
    title: str
    cause: str
    evidence: list[str]
    fix: list[str]
    checks: list[str]
    runbook: str | None = None
    matched: str = ""


def explain(
    text: str,
    patient: Patient,
    *,
    codes: Mapping[str, type[PrimePOSError]],
    checks: Mapping[str, Any],
    most: int = MOST,
) -> list[Explanation]:
    """Return what is meant, the surest first, at most ``most``.

    ``codes`` are the error codes there are, ``checks`` the checks of the gate, by id. Raises: NotUnderstood.
    """
    lines = [_told(line) for line in text.splitlines()[-LINES:] if line.strip()]
    surest: dict[str, tuple[float, str]] = {}
    for line in dict.fromkeys(lines):
        for code, sure in _meant(line, codes, checks):
            if sure > surest.get(code, (0.0, ""))[0]:
                surest[code] = (sure, line)
    ordered = sorted(surest, key=lambda code: (-surest[code][0], code not in AILMENTS, code))[:most]
    if not ordered:
        raise NotUnderstood
    return [_explained(code, surest[code][1], patient, codes, checks) for code in ordered]


def known_codes() -> dict[str, type[PrimePOSError]]:
    """Return every error code with its class, of what has been imported; core's goes first where two share one."""
    pending: list[type[PrimePOSError]] = [PrimePOSError]
    known: set[type[PrimePOSError]] = set()
    while pending:
        error = pending.pop()
        pending += error.__subclasses__()
        known.add(error)
    found: dict[str, type[PrimePOSError]] = {}
    for error in sorted(known, key=lambda one: (".core." not in one.__module__, one.__module__, one.__qualname__)):
        if error.__module__.startswith("primepos."):
            found.setdefault(error.code, error)
    return found


def _meant(line: str, codes: Mapping[str, Any], checks: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield what a line may mean, and how sure that is: 1 for a code, less for words."""
    # A code of one word is a common word inside a sentence: it counts alone.
    for code in _CODE.findall(line) or [line.strip()]:
        if code in AILMENTS or code in codes or code in checks:
            yield code, 1.0 if line.strip() == code else 0.99
    heard = _heard(line)
    for ailment in AILMENTS.values():
        likely = _best(ailment, heard)
        if any(pattern.search(line) for pattern in _patterns(ailment.code)):
            yield ailment.code, 0.95 + 0.04 * likely
        elif likely >= ENOUGH:
            yield ailment.code, 0.9 * likely


def _best(ailment: Ailment, heard: Mapping[str, float]) -> float:
    return max(_share(_words(phrase), heard) for phrase in ailment.phrases) if heard else 0.0


def _heard(line: str) -> dict[str, float]:
    """Return the words of our phrases that a line has, each with how nearly."""
    found: dict[str, float] = {}
    for word in _words(line):
        for known, sure in _close(word):
            found[known] = max(sure, found.get(known, 0.0))
    return found


def _share(wanted: tuple[str, ...], heard: Mapping[str, float]) -> float:
    return sum(heard.get(word, 0.0) for word in wanted) / len(wanted) if wanted else 0.0


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(word for one in AILMENTS.values() for phrase in one.phrases for word in _words(phrase))


@cache
def _patterns(code: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in AILMENTS[code].patterns)


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in _WORD.findall(text.lower()) if word not in _EMPTY_WORDS))


@lru_cache(maxsize=65_536)
def _close(word: str) -> tuple[tuple[str, float], ...]:
    """Return our words that are this one, or nearly (a typing error spares the first letter), and how nearly."""
    known = _vocabulary()
    exact = ((word, 1.0),) if word in known else ()
    if len(word) < SHORTEST_TYPO:
        return exact
    near = [
        one
        for one in known
        if one[0] == word[0] and one != word and abs(len(one) - len(word)) <= 2 and len(one) >= SHORTEST_TYPO
    ]
    rated = ((one, SequenceMatcher(None, word, one).ratio()) for one in near)
    return (*exact, *((one, sure) for one, sure in rated if sure >= ALIKE))


def _told(line: str) -> str:
    """Return what a line says; of one of our own log only the fields that tell what happened."""
    line = line.strip()[:LINE_CAP]
    if line.startswith("{"):
        try:
            fields = json.loads(line)
        except ValueError:
            return line
        if isinstance(fields, dict):
            return " ".join(str(fields[name]) for name in _TOLD if fields.get(name)) or line
    return line


def _explained(
    code: str, line: str, patient: Patient, codes: Mapping[str, type[PrimePOSError]], checks: Mapping[str, Any]
) -> Explanation:
    matched = patient.foreign(line, cap=200)
    if code in AILMENTS:
        return _of_ailment(AILMENTS[code], matched, patient)
    if code in checks:
        one = checks[code]
        return Explanation(
            code=code, title=one.rule, cause=f"This is broken: {one.rule}", evidence=[],
            fix=[one.remedy] if one.remedy else [], checks=[code], matched=matched,
        )  # fmt: skip
    return _of_error(codes[code], matched)


def _of_error(error: type[PrimePOSError], matched: str) -> Explanation:
    """Explain one of our own codes by what its class says."""
    about = " ".join((error.__doc__ or "").split())
    related = [one.code for one in AILMENTS.values() if error.code in one.phrases or _names(one, error.code)]
    fix = [error.hint] if isinstance(error.hint, str) else []
    return Explanation(
        code=error.code,
        title=f"{error.code.replace('_', ' ').capitalize()} ({error.kind.value.replace('_', ' ')})",
        cause=about,
        evidence=[],
        fix=[*fix, *(f"primepos doctor explain {code}" for code in related)],
        checks=[check for code in related for check in AILMENTS[code].checks],
        matched=matched,
    )


def _names(ailment: Ailment, code: str) -> bool:
    return any(pattern.fullmatch(code) for pattern in _patterns(ailment.code))


def _of_ailment(ailment: Ailment, matched: str, patient: Patient) -> Explanation:
    found = _looked(ailment.evidence, patient)
    general = [] if found.cause is None else [f"In general: {ailment.cause}"]
    return Explanation(
        code=ailment.code,
        title=ailment.title,
        cause=patient.shown(found.cause or ailment.cause),
        evidence=[patient.shown(line, cap=600) for line in [*found.lines, *general]],
        fix=list(dict.fromkeys([*(patient.shown(one) for one in found.fix), *ailment.fix])),
        checks=list(ailment.checks),
        runbook=f"{RUNBOOKS}/{ailment.runbook}",
        matched=matched,
    )


def _looked(evidence: Callable[[Patient], Findings], patient: Patient) -> Findings:
    """Look; what breaks on the way is evidence too."""
    from primepos.deploy.doctor.looking import Findings

    try:
        return evidence(patient)
    except PrimePOSError as error:
        return Findings([f"{error.code}: {error.message}"])
    except (psycopg.Error, OSError, ValueError) as error:
        return Findings([f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"])


def lines_of(explanations: Iterable[Explanation]) -> Iterator[str]:
    """Yield explanations as text for people."""
    for at, one in enumerate(explanations):
        if at:
            yield ""
        yield f"{one.code}: {one.title}"
        yield f"  Cause: {one.cause}"
        for head, listed in (("Seen", one.evidence), ("Do", one.fix)):
            for line in listed:
                yield f"  {head + ':':<7}{line}"
        if one.checks:
            yield f"  Checks: {', '.join(one.checks)}"
        if one.runbook:
            yield f"  Runbook: {one.runbook}"
