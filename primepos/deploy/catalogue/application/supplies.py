"""What the deployment is made of: dependencies, their known holes, their licences, and what should not be there."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from primepos.deploy.check import HIGH, LOW, MEDIUM, Outcome, Place, check, failed, not_applicable, passed, skipped
from primepos.deploy.shown import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from primepos.deploy.target import Target

LOCK: Final = "requirements.lock"
AUDIT: Final = "pip-audit.json"
AUDIT_DAYS: Final = 7
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?(?P<rest>.*)$")
_VERSION = re.compile(r"==\s*(?P<version>[^\s;\\]+)")
_UNSTABLE = re.compile(r"(?:a|b|rc|alpha|beta|dev|pre)\.?\d*", re.IGNORECASE)

# Packages that have never had a stable release: their authors give no other.
NEVER_STABLE: Final = ("opentelemetry-exporter-", "opentelemetry-semantic-conventions", "opentelemetry-instrumentation")

# Licences that allow use and distribution with a program under Apache-2.0; weak copyleft covers its own files only.
ALLOWED: Final = (
    "MIT", "BSD", "Apache", "ISC", "PSF", "Python Software Foundation", "MPL", "Mozilla Public License", "Unlicense",
    "CC0", "Zlib", "0BSD", "HPND", "Public Domain", "PostgreSQL", "LGPL", "Lesser General Public License", "WTFPL",
    "BlueOak", "OFL",
)  # fmt: skip
# Their metadata says nothing that can be read by a program; read by a person.
READ_BY_HAND: Final[Mapping[str, str]] = {}

DEVELOPMENT: Final = (
    "coverage", "faker", "hypothesis", "import-linter", "ipdb", "ipython", "jupyter", "locust", "mypy", "mutmut",
    "pip-audit", "playwright", "pudb", "pytest", "pytest-cov", "pytest-xdist", "ruff", "schemathesis", "squawk-cli",
    "time-machine", "werkzeug",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement of a lock file; ``is_conditional`` where it is for some systems only."""

    line: int
    name: str
    version: str | None
    has_hash: bool
    is_conditional: bool


def locked(text: str) -> Iterator[Pin]:
    """Return each requirement of a lock file, names in their normal form."""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or (stripped.startswith(("#", "-")) and not joined):
            continue
        start = start or number
        joined += " " + stripped.rstrip("\\")
        if stripped.endswith("\\"):
            continue
        found = _PIN.match(joined.strip())
        if found:
            rest = found["rest"]
            version = _VERSION.search(rest)
            pinned = version["version"] if version else None
            yield Pin(start, normal(found["name"]), pinned, "--hash=" in rest, ";" in rest)
        joined, start = "", 0


def normal(name: str) -> str:
    """Return a distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, str]:
    """Return the names and versions of what is installed beside this program, by the names of their folders."""
    found = {}
    for one in metadata.distributions():
        name, _, version = str(getattr(one, "_path", "")).rpartition("/")[2].removesuffix(".dist-info").partition("-")
        if name:
            found[normal(name)] = version
    return found


@check(
    "SEC024",
    HIGH,
    rule="no dependency of the lock file has a known hole, as told by a pip-audit of the last seven days",
    remedy="pip-audit -r requirements.lock --disable-pip -f json -o reports/pip-audit.json; then --reports reports",
    anchor="Enlightn VulnerableDependency",
)
def dependencies_have_no_known_hole(target: Target) -> Outcome:
    """Read the report that was handed in, and see that it is about this lock file."""
    path = None if target.reports is None else target.reports / AUDIT
    if path is None or not path.is_file():
        return skipped(f"no {AUDIT} among the reports (--reports FOLDER)")
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        audited = {normal(one["name"]): one for one in report["dependencies"]}
    except (ValueError, KeyError, TypeError):
        return failed(f"{AUDIT} is no report of pip-audit in JSON")
    wrong = []
    age = target.now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
    if age > timedelta(days=AUDIT_DAYS):
        wrong.append(f"the report is {age.days} days old")
    for name, one in sorted(audited.items()):
        wrong += [f"{name} {one.get('version')}: {_hole(hole)}" for hole in one.get("vulns") or ()]
    unknown = sorted(name for name, one in audited.items() if "skip_reason" in one)
    if unknown:
        wrong.append(f"pip-audit could not look at {listed(unknown, 3)}")
    missing = sorted(pin.name for pin in locked(target.text(LOCK) or "") if not _is_audited(pin, audited))
    if missing:
        wrong.append(f"the report is not about this {LOCK}: {listed(missing, 3)}")
    if wrong:
        return failed(listed(wrong))
    return passed(f"{len(audited)} packages without a known hole, asked {max(age.days, 0)} days ago")


def _is_audited(pin: Pin, audited: Mapping[str, Any]) -> bool:
    one = audited.get(pin.name)
    if one is None:
        # For another system than the one the report was made on.
        return pin.is_conditional
    return "skip_reason" in one or one.get("version") == pin.version


def _hole(hole: Mapping[str, Any]) -> str:
    fixed = ", ".join(hole.get("fix_versions") or ()) or "no release yet"
    return f"{hole.get('id')} (fixed in {fixed})"


@check(
    "SEC025",
    MEDIUM,
    rule="every dependency is pinned to one stable release with its hashes",
    remedy="make lock",
    anchor="Enlightn StableDependency",
)
def dependencies_are_locked(target: Target) -> Outcome:
    """Read the lock files."""
    files = {name: target.text(name) for name in (LOCK, "requirements-embedded.lock")}
    if files[LOCK] is None:
        return failed(f"{LOCK} is not in this project", Place(LOCK))
    wrong, places, count = [], [], 0
    for file, text in files.items():
        for pin in locked(text or ""):
            count += 1
            told = _unlocked(pin)
            if told:
                wrong.append(f"{pin.name} {told}")
                places.append(Place(file, pin.line))
    if wrong:
        return failed(listed(wrong), *places[:5])
    return passed(f"{count} requirements, each one stable release with hashes") if count else failed(f"{LOCK} is empty")


def _unlocked(pin: Pin) -> str | None:
    if pin.version is None:
        return "is not pinned to one version"
    if not pin.has_hash:
        return "has no hash"
    is_unstable = _UNSTABLE.search(pin.version) and not pin.name.startswith(NEVER_STABLE)
    return f"{pin.version} is no stable release" if is_unstable else None


@check(
    "SEC026",
    LOW,
    rule="every dependency has a licence that may be used here",
    remedy="look for another package, or read the licence and put it on the list in catalogue/application/supplies.py",
    anchor="Enlightn License",
)
def licences_are_allowed(target: Target) -> Outcome:
    """Read the licences of what the lock file names and this program runs on."""
    names = {pin.name for pin in locked(target.text(LOCK) or "")}
    if not names:
        return skipped(f"no {LOCK} to read the names from")
    there = installed().keys() & names
    odd = []
    for name in sorted(there):
        said = licence_of(name)
        if name not in READ_BY_HAND and not any(word.lower() in said.lower() for word in ALLOWED):
            odd.append(f"{name}: {said[:60] or 'says nothing'}")
    if odd:
        return failed(listed(odd))
    return passed(
        f"{len(there)} licences read, all on the list; {len(names - there)} locked packages not installed here"
    )


def licence_of(name: str) -> str:
    """Return what the metadata of an installed package says of its licence; empty where it says nothing."""
    said = metadata.metadata(name)
    expression = _field(said, "License-Expression")
    if expression:
        return expression
    classified = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier") or () if one.startswith("License ::")]
    # Some put the whole text there; its first line names it.
    return ", ".join(classified) or _field(said, "License").strip().partition("\n")[0]


def _field(said: metadata.PackageMetadata, name: str) -> str:
    # What the metadata is typed as has no get().
    return said[name] or "" if name in said else ""


@check(
    "SEC027",
    MEDIUM,
    rule="no tool for development is installed where production runs",
    remedy="install with: pip install .  (without the extra test)",
    anchor="Enlightn DevDependency",
)
def no_development_tools(_target: Target) -> Outcome:
    """Look at what is installed beside this process; it says something only where this process runs in production."""
    if os.environ.get("RENDER") != "true" and os.environ.get("PRIMEPOS_ENV") != "production":
        return not_applicable("this is not the production image: `primepos release` looks there")
    found = sorted(installed().keys() & set(DEVELOPMENT))
    return failed(", ".join(found)) if found else passed(f"{len(installed())} packages, none for development")
