"""Where settings come from: the process, a named file, a shop's secrets file, `.env`, in that order."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from primepos.core.errors import BadConfiguration
from primepos.core.settings_keys import SHOP_FILE, exposed
from primepos.core.settings_registry import ALIASES, BY_NAME
from primepos.core.settings_rules import Problem, Severity
from primepos.core.settings_types import TRUE_WORDS, Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

PROCESS, SHOP_SOURCE, DOTENV_SOURCE = "process", "shop.env", ".env"
DOTENV = ".env"

_READS_DOTENV = frozenset({Environment.DEVELOPMENT, Environment.TEST})


@dataclass(frozen=True, slots=True)
class Platform:
    """What the platform says about this process; empty texts elsewhere than on Render."""

    on_render: bool = False
    external_hostname: str = ""
    release: str = ""
    instance: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The texts that were set, before anything is read into them; ``unknown`` are names no registry entry has."""

    raw: dict[str, str]
    sources: dict[str, str]
    unknown: tuple[str, ...]
    environment: Environment
    data_dir: Path
    platform: Platform
    problems: tuple[Problem, ...]


def gather(environ: Mapping[str, str] | None, env_file: Path | None) -> Gathered:
    """Collect what was set and decide the environment and the data directory.

    ``.env`` of the working directory counts only for the process's own variables (``environ`` None), only in
    development and test, and only when no ``env_file`` is named. Raises BadConfiguration for an unreadable file.
    """
    process = {name: text for name, text in (os.environ if environ is None else environ).items() if text}
    raw: dict[str, str] = {}
    sources: dict[str, str] = {}
    _add(raw, sources, process, PROCESS)
    if env_file is not None:
        _add(raw, sources, read_env_file(env_file), f"env file {env_file.name}")
    platform = _platform(process)
    problems: list[Problem] = []
    dotenv = Path.cwd() / DOTENV
    may_dotenv = environ is None and env_file is None and not platform.on_render and dotenv.is_file()
    shop_file = _data_dir(raw) / SHOP_FILE
    if (
        raw.get("PRIMEPOS_ENV", "shop").strip().lower() == Environment.SHOP
        and not platform.on_render
        and shop_file.is_file()
    ):
        may_dotenv = False
        _add(raw, sources, {"PRIMEPOS_ENV": "shop"}, SHOP_SOURCE)
        _add(raw, sources, read_env_file(shop_file), SHOP_SOURCE)
        if exposed(shop_file):
            text = f"stands in {shop_file}, which others may read: chmod 600 it"
            problems.append(Problem("SECRET_KEY", "ENV025", Severity.CRITICAL, text))
    environment = _environment(raw, platform, problems)
    if may_dotenv and environment in _READS_DOTENV:
        named = "PRIMEPOS_ENV" in raw
        _add(raw, sources, read_env_file(dotenv), DOTENV_SOURCE)
        environment = environment if named else _environment(raw, platform, problems)
        if environment not in _READS_DOTENV:
            text = f"is {environment.value} in .env, which is read in development and test only: set it for the process"
            problems.append(Problem("PRIMEPOS_ENV", "ENV005", Severity.CRITICAL, text))
    known = {name: text for name, text in raw.items() if name in BY_NAME or name in ALIASES}
    unknown = tuple(sorted(raw.keys() - known.keys()))
    return Gathered(known, sources, unknown, environment, _data_dir(known), platform, tuple(problems))


def read_env_file(path: Path) -> dict[str, str]:
    """Read NAME=value lines (quotes, comments and ``export`` as in a shell; no interpolation).

    Raises BadConfiguration when the file is missing, unreadable or not UTF-8.
    """
    # Costs a few milliseconds that a process without any file does not pay.
    from dotenv import dotenv_values

    try:
        with path.open(encoding="utf-8-sig") as file:
            pairs = dotenv_values(stream=file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadConfiguration(f"The settings file {path} cannot be read: {reason}") from error
    return {name: text for name, text in pairs.items() if text}


def default_data_dir() -> Path:
    """Return the directory of the user's PrimePOS data on this system."""
    # Needed only where PRIMEPOS_DATA_DIR is not set.
    from platformdirs import user_data_path

    return user_data_path("primepos", appauthor=False)


def _add(raw: dict[str, str], sources: dict[str, str], more: Mapping[str, str], source: str) -> None:
    for name, text in more.items():
        if name not in raw:
            raw[name] = text
            sources[name] = source


def _data_dir(raw: Mapping[str, str]) -> Path:
    named = raw.get("PRIMEPOS_DATA_DIR", "")
    return Path(named.strip()).expanduser().absolute() if named.strip() else default_data_dir()


def _platform(process: Mapping[str, str]) -> Platform:
    return Platform(
        on_render=process.get("RENDER", "").strip().lower() in TRUE_WORDS,
        external_hostname=process.get("RENDER_EXTERNAL_HOSTNAME", "").strip().lower(),
        release=process.get("RENDER_GIT_COMMIT", "").strip(),
        instance=process.get("RENDER_INSTANCE_ID", "").strip(),
        service=process.get("RENDER_SERVICE_NAME", "").strip(),
    )


def _environment(raw: Mapping[str, str], platform: Platform, problems: list[Problem]) -> Environment:
    """Decide the environment; an unknown word is a problem and counts as the strictest."""
    text = raw.get("PRIMEPOS_ENV", "").strip().lower()
    if not text:
        return Environment.PRODUCTION if platform.on_render else Environment.DEVELOPMENT
    try:
        return Environment(text)
    except ValueError:
        told = f"{text!r} is none of {', '.join(Environment)} (judged as production)"
        problems.append(Problem("PRIMEPOS_ENV", "ENV005", Severity.CRITICAL, told))
        return Environment.PRODUCTION
