"""Files about the environment: the example is complete, and no real one is under version control."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from primepos.core.settings_frontend import PUBLIC
from primepos.core.settings_registry import BY_NAME
from primepos.core.settings_sources import read_env_file
from primepos.deploy.catalogue.environment.judged import EXAMPLE
from primepos.deploy.check import CRITICAL, MEDIUM, Outcome, Place, check, failed, passed, skipped
from primepos.deploy.secrets_in_text import secrets_in

if TYPE_CHECKING:
    from primepos.deploy.target import Target

_LISTED = re.compile(r"^(?:# )?([A-Z][A-Z0-9_]+)=", re.MULTILINE)
_SAMPLES = (".example", ".sample", ".template", ".dist")
_KEY_FILES = (".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk")
_KEY_NAMES = frozenset({"id_rsa", "id_ed25519", "id_ecdsa", ".netrc", ".pgpass", "credentials", "shop.env"})
_CONFIG = frozenset(
    {
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".json",
        ".properties",
        ".env",
        ".example",
        ".sh",
        ".tf",
        ".tfvars",
    }
)
_CONFIG_NAMES = frozenset({"Dockerfile", "Procfile", "Makefile", ".npmrc", ".pypirc", ".envrc"})
_MAX_BYTES = 262_144
_MOST_TOLD = 10


@check(
    "ENV024", MEDIUM, rule=".env.example and the registry of settings list the same names",
    remedy="python scripts/docs.py", anchor="Enlightn EnvExample",
)  # fmt: skip
def example_is_complete(target: Target) -> Outcome:
    """What the example does not name, nobody sets."""
    text = target.text(EXAMPLE)
    if text is None:
        return failed(f"there is no {EXAMPLE}", Place(EXAMPLE))
    listed = set(_LISTED.findall(text))
    told = [
        *(f"{name} is missing" for name in BY_NAME if name not in listed),
        *(f"{name} is no setting" for name in sorted(listed - set(BY_NAME))),
    ]
    if told:
        return failed("; ".join(told[:_MOST_TOLD]), Place(EXAMPLE))
    return passed(f"{len(listed)} names, all of them settings")


@check(
    "ENV025", CRITICAL, rule="No .env or key file is under version control, and no secret stands in a tracked one",
    remedy="git rm --cached FILE, add it to .gitignore, and make a new key: the old one stays in the history.",
    anchor="Enlightn EnvAccess, ASVS 13.3.1",
)  # fmt: skip
def nothing_secret_is_tracked(target: Target) -> Outcome:
    """Whoever has a clone has the key, for ever."""
    told_already = [one for one in target.examination.problems if one.rule == "ENV025"]
    if told_already:
        return failed("; ".join(f"{one.variable} {one.text}" for one in told_already))
    if target.tracked is None:
        return skipped("this is no checkout of a repository")
    found: list[tuple[Place, str]] = []
    read = 0
    for name in target.tracked:
        path = PurePosixPath(name)
        if _is_secret_file(target, path):
            found.append((Place(name), "is under version control"))
        elif path.suffix in _CONFIG or path.name in _CONFIG_NAMES or path.name.startswith(".env"):
            read += 1
            found += [(Place(name, line), kind) for line, kind in secrets_in(_text(target, name))]
    if found:
        told = "; ".join(f"{place} {kind}" for place, kind in found[:_MOST_TOLD])
        return failed(told, *(place for place, _ in found))
    return passed(f"{len(target.tracked)} tracked files, {read} of configuration, no secret")


def _is_secret_file(target: Target, path: PurePosixPath) -> bool:
    name = path.name.lower()
    if name.endswith(_SAMPLES):
        return False
    if name == ".env" or name.startswith(".env.") or name.endswith(".env"):
        return not _is_public(target, path)
    return name.endswith(_KEY_FILES) or name in _KEY_NAMES


def _is_public(target: Target, path: PurePosixPath) -> bool:
    """Whether a file holds nothing but what a frontend gives to every browser anyway."""
    file = target.path(str(path))
    if not file.is_file():
        return False
    names = read_env_file(file)
    return bool(names) and all(name.startswith(PUBLIC) for name in names)


def _text(target: Target, name: str) -> str:
    path = target.path(name)
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")
