"""The alert rules and the runbooks of a project, as files: what fires, what it looks at, what to read then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES: Final = "deploy/observability"
RUNBOOKS: Final = "docs/runbooks"
DOCTOR_CODES: Final = tuple(f"DOC{number:02}" for number in range(1, 9))
HEADINGS: Final = ("detect", "mitigate", "verify", "rollback")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_NAME = re.compile(r"\bprimepos_[a-z0-9_]+")
# What Prometheus makes of a histogram, beside the histogram.
_PARTS = ("_bucket", "_sum", "_count")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule: its name, what it computes, the runbook it names, and the file it stands in."""

    name: str
    expression: str
    runbook: str
    severity: str
    path: str
    line: int | None

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics of ours that it looks at, by the name they are declared under."""
        return frozenset(_declared(name) for name in _NAME.findall(self.expression))


def read_alerts(root: Path) -> tuple[Alert, ...]:
    """Return every alert of the rule files. Raises ValueError for one that is no YAML."""
    return tuple(alert for path in sorted((root / RULES).rglob("*.y*ml")) for alert in _in_file(root, path))


def _in_file(root: Path, path: Path) -> Iterator[Alert]:
    text = path.read_text(encoding="utf-8")
    try:
        # Several checks ask; reading the rules takes longer than judging them.
        said = _loaded(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path.relative_to(root).as_posix()} is not YAML: {str(error).splitlines()[0]}") from error
    recorded: dict[str, str] = {}
    groups = said.get("groups") if isinstance(said, dict) else None
    rules = [rule for group in groups or () for rule in group.get("rules", ())]
    recorded = {rule["record"]: str(rule.get("expr", "")) for rule in rules if "record" in rule}
    for rule in rules:
        if "alert" not in rule:
            continue
        notes = rule.get("annotations") or {}
        at = text.find(f"alert: {rule['alert']}")
        yield Alert(
            name=str(rule["alert"]),
            expression=_expanded(str(rule.get("expr", "")), recorded),
            runbook=str(notes.get("runbook_url") or notes.get("runbook") or ""),
            severity=str((rule.get("labels") or {}).get("severity", "")),
            path=path.relative_to(root).as_posix(),
            line=text.count("\n", 0, at) + 1 if at >= 0 else None,
        )


@lru_cache(maxsize=8)
def _loaded(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - one of the two safe loaders


def _expanded(expression: str, recorded: dict[str, str]) -> str:
    """Return an expression with what recording rules stand for after it."""
    used = [inner for name, inner in recorded.items() if name in expression]
    return " ".join([expression, *used])


def _declared(name: str) -> str:
    return next((name.removesuffix(part) for part in _PARTS if name.endswith(part)), name)


def runbook_path(root: Path, named: str) -> Path | None:
    """Return the file that an alert's runbook names (a path or an address of one), None where it is not there."""
    if not named:
        return None
    file = root / RUNBOOKS / f"{Path(named.partition('#')[0].rstrip('/')).stem}.md"
    return file if file.is_file() else None


def missing_headings(text: str) -> list[str]:
    """Return the parts that a runbook lacks: how to see it, to end it, to know that it has ended, to go back."""
    found = [heading.lower() for heading in _HEADING.findall(text)]
    return [wanted for wanted in HEADINGS if not any(heading.startswith(wanted) for heading in found)]
