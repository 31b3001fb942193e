"""Where a finding is shown: platforms that annotate files want a file of the repository for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from primepos.deploy.check import Area, Place

if TYPE_CHECKING:
    from primepos.deploy.findings import Finding
    from primepos.deploy.target import Target

# Where the thing that is wrong is declared; the environment itself is in no file.
_DECLARED_IN: Final = {
    Area.ENV: ".env.example",
    Area.FE: ".env.example",
    Area.MIG: "migrations",
    Area.QA: "pyproject.toml",
}
_ELSE: Final = "render.yaml"
_VARIABLE: Final = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\bDEBUG\b|\bPORT\b|\bHOST\b")


def places_of(one: Finding, target: Target) -> tuple[Place, ...]:
    """Return where the finding is, at least one place; of a variable, its line in ``.env.example``."""
    if one.places:
        return one.places
    file = _DECLARED_IN.get(one.check.area, _ELSE)
    if file != ".env.example":
        return (Place(file),)
    return (Place(file, _line_of_variable(one, target.text(file) or "")),)


def _line_of_variable(one: Finding, text: str) -> int | None:
    for name in _VARIABLE.findall(f"{one.evidence} {one.check.rule}"):
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip("# ").startswith(f"{name}="):
                return number
    return None
