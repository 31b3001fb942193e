"""A support bundle: what somebody who helps needs to see, in one file, without a single secret in it.

Every text goes through one place, :func:`_Bundle.add`, which blanks names of secrets, shapes of secrets and the very
secrets of this installation; what cannot be collected is said, and the rest is there all the same.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import zipfile
from collections import deque
from datetime import UTC, datetime
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psycopg

from primepos import __version__
from primepos.adapters import schema_revision
from primepos.adapters.database_report import database_report
from primepos.core.database_url import parse_database_url
from primepos.core.errors import PrimePOSError
from primepos.core.settings import Secret
from primepos.core.settings_registry import REGISTRY
from primepos.deploy.doctor import steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primepos.core.settings_registry import Variable
    from primepos.deploy.doctor.patient import Patient

LAST_LINES: Final = 2000
LINE_CAP: Final = 4000
FILE_CAP: Final = 2_000_000
_FIXED: Final = (1980, 1, 1, 0, 0, 0)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a bundle; ``problem`` says why it holds less than it should."""

    name: str
    size: int
    problem: str | None = None


def write_bundle(
    output: Path,
    patient: Patient,
    *,
    log_file: Path | None = None,
    check_report: Callable[[], Any] | None = None,
    anonymous: bool = False,
) -> list[Part]:
    """Write the bundle (mode 0600) and return what is in it; ``check_report`` gives the gate's report.

    ``anonymous`` replaces the names of hosts and the database as well. Raises OSError where it cannot be written.
    """
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
        bundle = _Bundle(zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED), patient, anonymous=anonymous)
        with bundle.archive:
            bundle.collect("versions.json", _versions)
            bundle.collect("settings.json", lambda: _settings(patient))
            bundle.collect("diagnosis.json", lambda: steps.diagnose(patient))
            bundle.collect("schema.json", lambda: _schema(patient))
            bundle.collect("database.json", lambda: _figures(patient))
            if check_report is not None:
                bundle.collect("check-deploy.json", check_report)
            if log_file is not None:
                bundle.collect("log.txt", lambda: _last_lines(log_file))
            bundle.add("README.txt", _about(bundle.parts))
    return bundle.parts


class _Bundle:
    """The file that is being written."""

    def __init__(self, archive: zipfile.ZipFile, patient: Patient, *, anonymous: bool) -> None:
        self.archive = archive
        self.parts: list[Part] = []
        self._patient, self._anonymous = patient, anonymous

    def collect(self, name: str, give: Callable[[], Any]) -> None:
        """Add what ``give`` returns; what breaks on the way is written in its place."""
        problem = None
        try:
            found = give()
        except PrimePOSError as error:
            problem = f"{error.code}: {error.message}"
            found = {"problem": problem}
        except (psycopg.Error, OSError, ValueError, LookupError) as error:
            problem = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            found = {"problem": problem}
        self.add(name, found, problem=problem)

    def add(self, name: str, content: Any, *, problem: str | None = None) -> None:
        """Write one file, cleaned."""
        if isinstance(content, list) and all(isinstance(line, str) for line in content):
            text = "\n".join(self._clean(line) for line in content)
        elif isinstance(content, str):
            text = "\n".join(self._clean(line) for line in content.splitlines())
        else:
            text = json.dumps(self._value(msgspec.to_builtins(content, enc_hook=str)), indent=1, ensure_ascii=False)
        data = text.encode("utf-8", "replace")[:FILE_CAP] + b"\n"
        entry = zipfile.ZipInfo(name, _FIXED)
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        self.archive.writestr(entry, data)
        told = None if problem is None else self._clean(problem)
        self.parts.append(Part(name=name, size=len(data), problem=told))

    def _clean(self, text: str) -> str:
        return self._patient.foreign(text, anonymous=self._anonymous, cap=LINE_CAP)

    def _value(self, value: Any, name: str = "") -> Any:
        """Return JSON-ready data with every text cleaned, and fields of a secret's name blanked."""
        if isinstance(value, dict):
            return {self._clean(str(key)): self._value(each, str(key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(each) for each in value]
        if isinstance(value, str):
            cleaned = self._patient.redactor.value(value, name=name)
            return self._clean(cleaned) if isinstance(cleaned, str) else cleaned
        return value


def _versions() -> dict[str, Any]:
    installed = {one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"]}
    return {
        "primepos": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "packages": dict(sorted(installed.items(), key=lambda one: one[0].lower())),
    }


def _settings(patient: Patient) -> dict[str, Any]:
    """Return every setting by where it comes from; secrets as length and digest, problems beside them."""
    found = patient.examination
    return {
        "environment": found.environment.value,
        "settings": {
            one.name: {"from": found.sources.get(one.name, "default"), "is": _shown(one, found.values.get(one.name))}
            for one in REGISTRY
        },
        "unknown": [name for name in found.unknown if name.startswith("PRIMEPOS")],
        "problems": [problem.as_dict() for problem in found.problems],
    }


def _shown(variable: Variable, value: Any) -> Any:
    if isinstance(value, Secret):
        if not value:
            return ""
        if variable.kind == "PostgreSQL URL":
            try:
                return parse_database_url(value.reveal()).redacted()
            except ValueError:
                return "malformed"
        return " ".join(f"{name} {part}" for name, part in value.fingerprint().items())
    if isinstance(value, tuple):
        return [_shown(variable, each) for each in value]
    return value if value is None or isinstance(value, bool | int) else str(value)


def _schema(patient: Patient) -> dict[str, Any]:
    seen = steps.schema(patient)
    return {"newest_here": schema_revision.newest(), "health": seen.health.value, "seen": seen.evidence}


def _figures(patient: Patient) -> Any:
    if patient.database_url is None:
        raise LookupError("there is no database to look at")
    return database_report(patient.database_url)


def _last_lines(log_file: Path) -> list[str]:
    with log_file.open(encoding="utf-8", errors="replace") as log:
        return [line.rstrip("\n") for line in deque(log, LAST_LINES)]


def _about(parts: list[Part]) -> str:
    lines = [
        f"PrimePOS {__version__}: support bundle of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Secrets are replaced by [redacted]; settings show the length and the first digits of a digest instead.",
        "Look through it before you send it: a log may name people.",
        "",
    ]
    lines += [f"{one.name}: {one.size} bytes" + (f" ({one.problem})" if one.problem else "") for one in parts]
    return "\n".join(lines)
