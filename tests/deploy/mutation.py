"""Break one thing in the good deployment and see which static checks mind: exactly the ones that are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.deploy.blueprint import parse_blueprint
from primepos.deploy.check import Area, Needs, Status, catalogue
from tests.deploy.world import a_target

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from primepos.deploy.check import Outcome
    from primepos.deploy.target import Target

# Their own tests break what these read: files under version control, the installed packages, the API.
OF_FILES = frozenset({"ENV024", "ENV025", "QA084", "QA085"})
AREAS = (Area.ENV, Area.RND, Area.FE, Area.OPS)
FINE = frozenset({Status.PASS, Status.NOT_APPLICABLE})


def outcomes(target: Target, areas: Collection[Area] = AREAS) -> dict[str, Outcome]:
    """Run every static check of some areas; the ones that only look at files, and those of a report, are left out."""
    return {
        one.id: one.run(target)
        for one in catalogue()
        if one.area in areas and Needs.STATIC in one.needs and one.id not in {*OF_FILES, "OPS081", "OPS082"}
    }


def blueprint_text(folder: Path, *edits: tuple[str, str]) -> str:
    """Return the good render.yaml with each text replaced; the first place of each counts, and it must exist."""
    text = (folder / "render.yaml").read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def with_blueprint(folder: Path, text: str, environ: Mapping[str, str | None] | None = None) -> Target:
    """Return the good deployment with another render.yaml, without writing it."""
    target = a_target(folder, environ)
    target.__dict__["blueprint"] = parse_blueprint(text)
    return target


def changed(before: Mapping[str, Outcome], after: Mapping[str, Outcome]) -> dict[str, Status]:
    """Return the checks whose status is another one now."""
    assert before.keys() == after.keys()
    return {name: after[name].status for name in after if after[name].status != before[name].status}
