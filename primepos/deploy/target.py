"""What the deploy gate looks at. Everything is read once, when the first check asks for it, and shared by the rest."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primepos.core.settings import Environment, Examination, Settings, examine
from primepos.core.settings_rules import Problem, Severity
from primepos.core.settings_sources import read_env_file
from primepos.core.settings_types import TRUE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from primepos.deploy.blueprint import Blueprint
    from primepos.deploy.inspector import Inspector
    from primepos.deploy.prober import Prober
    from primepos.deploy.surface import Surface

GIT_TIMEOUT_S = 10

_DEPLOYED = (Environment.STAGING, Environment.PRODUCTION)


@dataclass(kw_only=True)
class Target:
    """One deployment under judgement. What was not given is None, and checks that need it are skipped by the gate.

    ``root`` is the project's directory; ``environ`` the variables the deployment will run with; ``make_surface`` gives
    what the HTTP API says of itself (a face provides it: this floor does not know the API).
    """

    root: Path
    environ: Mapping[str, str]
    env_file: Path | None = None
    frontend_env: Path | None = None
    frontend_build: Path | None = None
    make_surface: Callable[[Settings], Surface] | None = None
    database_url: str | None = None
    url: str | None = None
    frontend_url: str | None = None
    active: bool = False
    reports: Path | None = None
    signoff_required: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    # What the other checks found (Finding, which knows checks and so cannot be known here), for the two that judge the
    # report itself; the gate sets it before it runs them.
    findings: tuple[Any, ...] | None = None

    @property
    def today(self) -> date:
        """The date of the judgement, UTC."""
        return self.now.date()

    def path(self, relative: str) -> Path:
        """Return a file of the project."""
        return self.root / relative

    def text(self, relative: str) -> str | None:
        """Return a file of the project as text, None where there is none."""
        path = self.path(relative)
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None

    @cached_property
    def examination(self) -> Examination:
        """The environment as ``primepos serve`` would read it, with everything that is wrong with it.

        One that does not say where it is meant for, or is meant for less than staging, is judged as production: with
        development's defaults an empty environment would pass.
        """
        named = self._named_environment()
        if named in _DEPLOYED or (named and named not in set(Environment)):
            return examine(self.environ, env_file=self.env_file, component="serve", make_keys=False)
        if not named and self.environ.get("RENDER", "").strip().lower() in TRUE_WORDS:
            return examine(self.environ, env_file=self.env_file, component="serve", make_keys=False)
        judged = {**self.environ, "PRIMEPOS_ENV": Environment.PRODUCTION.value}
        found = examine(judged, env_file=self.env_file, component="serve", make_keys=False)
        told = f"is {named}: judged as production" if named else "is not set: judged as production"
        raw = {name: text for name, text in found.raw.items() if name != "PRIMEPOS_ENV"}
        return replace(
            found,
            raw={**raw, "PRIMEPOS_ENV": named} if named else raw,
            sources={name: source for name, source in found.sources.items() if named or name != "PRIMEPOS_ENV"},
            problems=(Problem("PRIMEPOS_ENV", "ENV005", Severity.CRITICAL, told, fatal=False), *found.problems),
        )

    @cached_property
    def settings(self) -> Settings | None:
        """The settings, or None where the environment is not fit to start with."""
        if self.examination.fatal:
            return None
        return self.examination.settings()

    @cached_property
    def frontend(self) -> Mapping[str, str] | None:
        """The variables of the frontend's production file, None without one."""
        return None if self.frontend_env is None else read_env_file(self.frontend_env)

    @cached_property
    def blueprint(self) -> Blueprint:
        """``render.yaml``, with the line of everything in it."""
        from primepos.deploy.blueprint import read_blueprint

        return read_blueprint(self.path("render.yaml"))

    @cached_property
    def surface(self) -> Surface:
        """What the API says of itself. Raises: :class:`LookupError` where no face provided it."""
        from primepos.deploy.surface import production_settings

        if self.make_surface is None:
            raise LookupError("no API was given to look at")
        return self.make_surface(self.settings or production_settings())

    @cached_property
    def database(self) -> Inspector:
        """A read-only look into the database. Raises: :class:`LookupError` without ``database_url``."""
        from primepos.deploy.inspector import Inspector

        if self.database_url is None:
            raise LookupError("no database was given")
        return Inspector(self.database_url, self.examination)

    @cached_property
    def http(self) -> Prober:
        """Asks the running deployment. Raises: :class:`LookupError` without ``url``."""
        from primepos.deploy.prober import Prober

        if self.url is None:
            raise LookupError("no URL was given")
        return Prober(self.url, self.frontend_url)

    @cached_property
    def commit(self) -> str | None:
        """The commit that is checked: the platform's word, else the checkout's; None outside both."""
        named = self.environ.get("RENDER_GIT_COMMIT")
        return named or (self._git("rev-parse", "HEAD") or "").strip() or None

    @cached_property
    def tracked(self) -> tuple[str, ...] | None:
        """The files under version control, relative to ``root``; None where there is no repository."""
        listed = self._git("ls-files", "-z")
        return None if listed is None else tuple(one for one in listed.split("\0") if one)

    @cached_property
    def edited(self) -> tuple[str, ...]:
        """The files under version control that are not as they were committed; none where there is no repository."""
        listed = self._git("diff", "--name-only", "-z", "HEAD", "--")
        return tuple(one for one in (listed or "").split("\0") if one)

    def same_but(self, commit: str, folder: str) -> bool:
        """Whether the checked commit and another of this repository differ in nothing but what is in ``folder``."""
        changed = self._git("diff", "--name-only", "-z", commit, self.commit or "HEAD", "--")
        return changed is not None and all(one.startswith(f"{folder}/") for one in changed.split("\0") if one)

    def close(self) -> None:
        """Let connections go."""
        for name in ("database", "http"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def _named_environment(self) -> str:
        text = self.environ.get("PRIMEPOS_ENV", "")
        if not text and self.env_file is not None:
            text = read_env_file(self.env_file).get("PRIMEPOS_ENV", "")
        return text.strip().lower()

    def _git(self, *arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(self.root), *arguments],  # noqa: S607  the git of the PATH is the one meant
                check=True, capture_output=True, text=True, timeout=GIT_TIMEOUT_S,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout
