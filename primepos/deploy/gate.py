"""The gate: every check of the catalogue ends in exactly one status, and the whole in a verdict.

Static checks and those of the database run one after another; those that wait on a network run beside them, eight at a
time. A check that breaks is an ERROR, never a pass. When a target does not answer, the checks that need it are asked
no further.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from primepos import __version__
from primepos.core.errors import ErrorKind, InvalidInput, PrimePOSError
from primepos.core.redaction import printable
from primepos.core.settings import Secret
from primepos.deploy.baseline import apply_baseline, compare, first_seen
from primepos.deploy.check import CRITICAL, Needs, Outcome, Severity, Status, catalogue, failed, skipped
from primepos.deploy.findings import JUDGES_OF_THE_REPORT, NOT_ASKED, Finding, Report, fingerprint
from primepos.deploy.owners import Owners, read_owners
from primepos.deploy.waivers import Waivers, apply_waivers, read_waivers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from primepos.deploy.check import Check, Place
    from primepos.deploy.report.document import Document
    from primepos.deploy.target import Target

AT_A_TIME: Final = 8
EVIDENCE_CAP: Final = 2000
# Shorter ones would turn up inside innocent words.
SECRET_FROM: Final = 8
_WAITS: Final = frozenset({Needs.URL, Needs.FRONTEND_URL, Needs.ACTIVE})
_TARGETS: Final = frozenset({Needs.DATABASE, Needs.URL, Needs.FRONTEND_URL})
_FINGERPRINTED: Final = frozenset({Status.FAIL, Status.ERROR})

_GIVE: Final = {
    Needs.DATABASE: "needs a database: --database",
    Needs.URL: "needs a running deployment: --url URL",
    Needs.FRONTEND_URL: "needs a running frontend: --frontend-url URL beside --url",
    Needs.ACTIVE: "has side effects: --active",
}


_CALLED: Final = {Needs.DATABASE: "database", Needs.URL: "deployment", Needs.FRONTEND_URL: "frontend"}


class UnknownCheck(InvalidInput):
    """No check of the catalogue has this id."""

    code = "UNKNOWN_CHECK"
    template = "No check is called {ids}"
    hint = "`primepos check-deploy list` lists them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to run and how strictly to judge. ``required`` needs make failures of their skipped checks."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    required: frozenset[Needs] = frozenset()
    fail_on: Severity = CRITICAL
    baseline: Document | None = None
    older: Document | None = None


@dataclass(slots=True)
class _Run:
    """The state of one run: which targets have turned out not to answer, by the checks that found out."""

    target: Target
    given: frozenset[Needs]
    selection: Selection
    secrets: tuple[str, ...]
    silent: dict[Needs, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Ended:
    """How one check ended and how long it took."""

    check: Check
    outcome: Outcome
    ms: int


def run(target: Target, selection: Selection | None = None) -> Report:
    """Run the gate. Raises: UnknownCheck; BadUrl; BadOwners, BadConfiguration for files that cannot be read."""
    selection = selection or Selection()
    started = time.perf_counter()
    checks = catalogue()
    _refuse_unknown(checks, selection)
    owners, waivers = read_owners(target), read_waivers(target)
    given = given_to(target)
    state = _Run(target, given, selection, tuple(_secrets(target)))
    # Read before threads share it.
    environment = target.examination.environment.value

    answers = _run_all([one for one in checks if one.id not in JUDGES_OF_THE_REPORT], state)
    found = _settle(answers, selection, waivers, target)
    for check in (one for one in checks if one.id in JUDGES_OF_THE_REPORT):
        target.findings = found
        found = (*found, *_settle([_finding(_run_one(check, state), state)], selection, waivers, target))
    order = {check.id: place for place, check in enumerate(checks)}
    found = tuple(sorted((_owned(one, owners) for one in found), key=lambda one: order[one.check.id]))
    return Report(
        findings=found,
        at=target.now,
        release=__version__,
        commit=target.commit,
        environment=environment,
        given=tuple(need for need in Needs if need in given),
        fail_on=selection.fail_on,
        ms=_ms_since(started),
        comparison=None if selection.older is None else compare(found, selection.older),
    )


def given_to(target: Target) -> frozenset[Needs]:
    """Return what there is to look at."""
    there = {
        Needs.STATIC: True,
        Needs.DATABASE: target.database_url is not None,
        Needs.URL: target.url is not None,
        Needs.FRONTEND_URL: target.frontend_url is not None and target.url is not None,
        Needs.ACTIVE: target.active,
    }
    return frozenset(need for need, given in there.items() if given)


def _refuse_unknown(checks: Iterable[Check], selection: Selection) -> None:
    unknown = (selection.only | selection.skip) - {one.id for one in checks}
    if unknown:
        raise UnknownCheck(ids=", ".join(sorted(unknown)))


def _run_all(checks: list[Check], state: _Run) -> list[Finding]:
    """Run those that wait on a network beside the others; whatever the order they end in, return them all."""
    waiting = [one for one in checks if one.needs & _WAITS & state.given]
    names = {one.id for one in waiting}
    if state.target.url is not None and waiting:
        # Made before threads share it.
        state.target.http  # noqa: B018  made by being looked at
    with ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="check") as pool:
        answers = [pool.submit(_run_one, one, state) for one in waiting]
        done = [_run_one(one, state) for one in checks if one.id not in names]
        ended = {one.check.id: one for one in (*done, *(answer.result() for answer in answers))}
    _agree(checks, ended, state)
    return [_finding(one, state) for one in ended.values()]


def _agree(checks: list[Check], ended: dict[str, _Ended], state: _Run) -> None:
    """Let one check say that a target is silent, the first of the catalogue, however many had asked by then."""
    for need, ids in state.silent.items():
        first = next(one.id for one in checks if one.id in ids)
        told = skipped(f"{_silent(need)}: see {first}")
        for one in ended.values():
            if one.check.id != first and (one.check.id in ids or one.outcome == skipped(_silent(need))):
                one.outcome = told


def _silent(need: Needs) -> str:
    return f"the {_CALLED[need]} does not answer"


def _run_one(check: Check, state: _Run) -> _Ended:
    started = time.perf_counter()
    reason = _why_not(check, state)
    outcome = skipped(reason) if reason else _outcome(check, state)
    return _Ended(check, outcome, _ms_since(started))


def _why_not(check: Check, state: _Run) -> str | None:
    """Say why a check is not run, if it is not."""
    selection = state.selection
    if selection.only and check.id not in selection.only:
        return NOT_ASKED
    if check.id in selection.skip:
        return "left out (--skip)"
    if check.unbuilt is not None:
        return None
    for need in _lacking(check, state.given):
        return _GIVE[need]
    if Needs.STATIC in check.needs:
        return None
    # Asked one by one: other threads add to it meanwhile.
    return next((_silent(need) for need in Needs if need in check.needs and need in state.silent), None)


def _lacking(check: Check, given: frozenset[Needs]) -> list[Needs]:
    if Needs.STATIC in check.needs:
        return []
    return [need for need in Needs if need in check.needs and need not in given]


def _outcome(check: Check, state: _Run) -> Outcome:
    try:
        return check.run(state.target)
    except PrimePOSError as error:
        if error.kind is ErrorKind.UNAVAILABLE:
            return _silence(check, state, str(error))
        # A refusal of ours says what is wrong with what was looked at; it is no bug.
        return Outcome(status=Status.ERROR, evidence=f"cannot be looked at: {error}", remedy=error.hint)
    except (ConnectionError, TimeoutError) as error:
        return _silence(check, state, f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001 - a check that breaks is reported as broken, and the others still run
        return _crash(check, error)


def _silence(check: Check, state: _Run, problem: str) -> Outcome:
    # One that looks at both knows that the deployment answers: others have asked it.
    both = Needs.FRONTEND_URL in check.needs
    silent = frozenset({Needs.FRONTEND_URL}) if both else check.needs & _TARGETS & state.given
    for need in silent:
        state.silent.setdefault(need, set()).add(check.id)
    asked = " and ".join(f"the {_CALLED[need]}" for need in Needs if need in silent) or "what it asks"
    remedy = f"see that {asked} can be reached from here, then run the gate again"
    return Outcome(status=Status.ERROR, evidence=f"no answer: {problem}", remedy=remedy)


def _crash(check: Check, error: Exception) -> Outcome:
    """Say that a check broke and where, in one line: the rest is for whoever mends it."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" ({frame.tb_frame.f_code.co_filename.rpartition('/')[2]}:{frame.tb_lineno})" if frame is not None else ""
    said = (str(error).strip().splitlines() or [""])[0]
    told = f"the check broke: {type(error).__name__}: {said}{where}"
    return Outcome(status=Status.ERROR, evidence=told, remedy=f"report it as a bug of PrimePOS, with {check.id}")


def _required(check: Check, outcome: Outcome, state: _Run) -> Outcome:
    """Make a failure of a skipped check that ``--require`` asks for; one that is not built fails nobody."""
    selection = state.selection
    if outcome.status is not Status.SKIPPED or check.unbuilt is not None:
        return outcome
    if selection.only and check.id not in selection.only:
        return outcome
    lacking = frozenset(_lacking(check, state.given))
    wanted = lacking <= selection.required if lacking else bool(check.needs & selection.required)
    return failed(f"required, but {outcome.evidence}") if wanted else outcome


def _finding(ended: _Ended, state: _Run) -> Finding:
    check, outcome = ended.check, _required(ended.check, ended.outcome, state)
    evidence = _clean(outcome.evidence, state.secrets)
    marked = outcome.status in _FINGERPRINTED
    named = fingerprint(check.id, evidence, outcome.places, lambda place: _line(state.target, place)) if marked else ""
    return Finding(
        check=check,
        status=outcome.status,
        severity=outcome.severity or check.severity,
        evidence=evidence,
        remedy=_clean(outcome.remedy if outcome.remedy is not None else check.remedy, state.secrets),
        ms=ended.ms,
        places=outcome.places,
        fingerprint=named,
    )


def _line(target: Target, place: Place) -> str:
    text = target.text(place.path) if place.line else None
    lines = [] if text is None else text.splitlines()
    return lines[place.line - 1].strip() if place.line and place.line <= len(lines) else ""


def _settle(found: Iterable[Finding], selection: Selection, waivers: Waivers, target: Target) -> tuple[Finding, ...]:
    """Apply waivers and baseline, and say since when each finding is known."""
    olders = [one for one in (selection.older, selection.baseline) if one is not None]
    settled = apply_waivers(first_seen(found, olders, target.today), waivers, target.today)
    return settled if selection.baseline is None else apply_baseline(settled, selection.baseline)


def _owned(one: Finding, owners: Owners) -> Finding:
    due = None
    if one.is_open and one.since is not None:
        due = owners.due(one.check, one.severity, one.since)
    return replace(one, owner=owners.of(one.check), due=due)


def _ms_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _secrets(target: Target) -> Iterator[str]:
    """Yield every secret of the environment, longest first: no check may print one, and here none gets past."""
    values = [*target.examination.values.values(), Secret(target.database_url or "")]
    plain = {secret.reveal() for value in values for secret in _secrets_in(value)}
    texts = plain | {quote(text, safe="") for text in plain}
    yield from sorted((text for text in texts if len(text) >= SECRET_FROM), key=lambda text: (-len(text), text))


def _secrets_in(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
        yield from _password_of(value)
    elif isinstance(value, tuple):
        for each in value:
            yield from _secrets_in(each)


def _password_of(value: Secret) -> Iterator[Secret]:
    from primepos.core.database_url import parse_database_url

    if "://" not in value.reveal():
        return
    try:
        yield parse_database_url(value.reveal()).password
    except ValueError:
        return


def _clean(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    shown = "\n".join(printable(line) for line in text.splitlines())
    return shown if len(shown) <= EVIDENCE_CAP else f"{shown[:EVIDENCE_CAP]}... [{len(shown)} characters]"
