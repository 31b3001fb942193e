"""How the value of a setting may be shown: secrets as fingerprints, database addresses without their password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.database_url import parse_database_url
from primepos.core.redaction import Redactor
from primepos.core.settings_types import Secret

if TYPE_CHECKING:
    from primepos.core.settings import Examination
    from primepos.core.settings_registry import Variable

DERIVED = frozenset({"generated", "derived from SECRET_KEY"})


def shown_value(variable: Variable, found: Examination) -> str:
    """Return a value as it may be seen; empty where there is none, or where this process made it up."""
    value = found.values[variable.name]
    if value is None or found.sources.get(variable.name) in DERIVED:
        return ""
    if isinstance(value, Secret):
        return _fingerprint(variable, value)
    if isinstance(value, tuple):
        return ",".join(_fingerprint(variable, item) if isinstance(item, Secret) else str(item) for item in value)
    return Redactor().text(str(value))


def shown_source(variable: Variable, found: Examination) -> str:
    """Return where a value comes from: the process, a file, the default, or nowhere."""
    return found.sources.get(variable.name, "default" if found.values[variable.name] is not None else "not set")


def _fingerprint(variable: Variable, secret: Secret) -> str:
    if not secret:
        return ""
    if variable.kind == "PostgreSQL URL":
        try:
            return parse_database_url(secret.reveal()).redacted()
        except ValueError:
            return "malformed"
    return " ".join(f"{what}={part}" for what, part in secret.fingerprint().items())
