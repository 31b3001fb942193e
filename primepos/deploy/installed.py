"""Whether installed packages fit together: what `pip check` says, without starting pip."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


def conflicts(root: str) -> tuple[list[str], int]:
    """Return what is missing or of a wrong version among all that a package needs, and how many were looked at."""
    wrong: list[str] = []
    seen: set[tuple[str, str]] = set()
    waiting = [(root, "")]
    while waiting:
        name, extra = waiting.pop()
        key = (canonicalize_name(name), extra)
        if key in seen:
            continue
        seen.add(key)
        try:
            needs = _installed(name)[1]
        except PackageNotFoundError:
            # Only the root: the others were found before they got here.
            return [f"{name} is not installed"], 0
        for text in needs:
            waiting += _judged(name, text, extra, wrong)
    return sorted(wrong), len({name for name, _ in seen})


def _judged(name: str, text: str, extra: str, wrong: list[str]) -> list[tuple[str, str]]:
    """Note what is wrong with one requirement; return what has to be looked at because of it."""
    if not extra and "extra ==" in text:
        return []
    try:
        need = Requirement(text)
    except InvalidRequirement:
        wrong.append(f"{name} has a requirement that cannot be read: {text}")
        return []
    if need.marker is not None and not need.marker.evaluate({"extra": extra}):
        return []
    try:
        found = _installed(need.name)[0]
    except PackageNotFoundError:
        wrong.append(f"{name} needs {need.name}, which is not installed")
        return []
    if not need.specifier.contains(found, prereleases=True):
        wrong.append(f"{name} needs {need.name} {need.specifier}, {found} is installed")
    return [(need.name, one) for one in ("", *need.extras)]


@cache
def _installed(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the version of a package and what it requires. Raises PackageNotFoundError."""
    found = distribution(name)
    text = found.read_text("METADATA")
    if text is None:
        return found.version, tuple(found.requires or ())
    # Read as a mail, as the library does it, the description after the headers takes most of the time.
    headers = text.partition("\n\n")[0].replace("\n ", " ").splitlines()
    given = [(key, value.strip()) for key, _, value in (line.partition(":") for line in headers)]
    version = next((value for key, value in given if key == "Version"), found.version)
    return version, tuple(value for key, value in given if key == "Requires-Dist")
