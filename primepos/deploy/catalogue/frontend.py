"""Checks of the web frontend's file of variables and of what was built from it (FE060-FE063, FE065)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from primepos.core.settings_frontend import API_URL, ORIGIN_NAMES, PUBLIC, USE_REAL_API, frontend_problems
from primepos.core.settings_types import is_loopback
from primepos.deploy.catalogue.environment.judged import refused
from primepos.deploy.check import CRITICAL, HIGH, MEDIUM, Needs, Outcome, check, failed, not_applicable, passed, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from primepos.deploy.target import Target

NO_FILE = "the frontend's production file was not given: --frontend FILE"
NO_BUILD = "the frontend's build was not given: --frontend-build DIR"
_SCRIPTS = ("*.js", "*.mjs", "*.cjs")
_ADDRESS = re.compile(r"https?://(localhost|127\.[0-9.]+|0\.0\.0\.0|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_MAX_BYTES = 20_000_000
_MOST_TOLD = 5


def _by_rule(target: Target, rule: str, seen: str) -> Outcome:
    texts = target.frontend
    if texts is None:
        return skipped(NO_FILE)
    problems = [one for one in frontend_problems(texts, target.examination) if one.rule == rule]
    return refused(target, problems) if problems else passed(seen)


def _said(texts: Mapping[str, str] | None, name: str) -> str:
    return f"{name}={(texts or {}).get(name, '')}"


@check(
    "FE060", HIGH, rule="NEXT_PUBLIC_API_URL is https, ends in /api/v1, and its host is allowed",
    remedy="NEXT_PUBLIC_API_URL=https://api.shop.test/api/v1, then build again: it is part of the build",
    anchor="audit, frontend",
)  # fmt: skip
def frontend_finds_the_api(target: Target) -> Outcome:
    """The address is built into the pages; a wrong one needs another build."""
    return _by_rule(target, "FE060", _said(target.frontend, API_URL))


@check(
    "FE061", HIGH, rule="NEXT_PUBLIC_USE_REAL_API is true", remedy="NEXT_PUBLIC_USE_REAL_API=true, then build again",
    anchor="audit, frontend",
)  # fmt: skip
def frontend_uses_the_api(target: Target) -> Outcome:
    """Otherwise the pages show sample data, and look well."""
    return _by_rule(target, "FE061", _said(target.frontend, USE_REAL_API))


@check(
    "FE062", CRITICAL, rule="Nothing secret is named or stands under NEXT_PUBLIC_",
    remedy="Take it out, build again, and make a new key: every visitor has the old one.",
)  # fmt: skip
def frontend_holds_no_secret(target: Target) -> Outcome:
    """Whatever begins with NEXT_PUBLIC_ is in everybody's browser."""
    public = sum(name.startswith(PUBLIC) for name in target.frontend or {})
    return _by_rule(target, "FE062", f"{public} public variables, none of them secret")


@check(
    "FE063", MEDIUM, rule="The frontend's origin is one of CORS_ALLOWED_ORIGINS",
    remedy="Add the frontend's origin to CORS_ALLOWED_ORIGINS.", anchor="audit, frontend",
)  # fmt: skip
def frontend_may_call(target: Target) -> Outcome:
    """A browser refuses the answer of an API that does not know the page's origin."""
    texts = target.frontend or {}
    named = next((name for name in ORIGIN_NAMES if texts.get(name)), None)
    origin = texts[named] if named else target.examination.raw.get("FRONTEND_URL", "")
    if target.frontend is not None and not origin:
        return not_applicable("neither the frontend's file nor FRONTEND_URL names its origin")
    return _by_rule(target, "FE063", f"{named or 'FRONTEND_URL'} {origin} is allowed")


@check(
    "FE065", HIGH, Needs.STATIC, Needs.FRONTEND_URL,
    rule="The built scripts name the API's host and no address of a developer's machine",
    remedy="Build again with the production file: next build reads .env.production.", anchor="audit, frontend",
)  # fmt: skip
def build_names_the_api(target: Target) -> Outcome:
    """Variables are inlined when the frontend is built: the file may be right and the build old."""
    is_live = target.url is not None and target.frontend_url is not None
    if target.frontend_build is None and not is_live:
        return skipped(NO_BUILD)
    scripts = [] if target.frontend_build is None else list(_built(target.frontend_build))
    if target.frontend_build is not None and not scripts:
        return failed(f"{target.frontend_build.name} holds no script: is it the build?")
    if is_live:
        # It asks the network, which the static gate never does.
        from primepos.deploy.catalogue.frontend_live import live_scripts

        served = live_scripts(target.http)
        if not served:
            return failed(f"{target.frontend_url} loads no script of its own")
        scripts += served
    return _judged(target, scripts)


def _judged(target: Target, scripts: list[tuple[str, str]]) -> Outcome:
    host = _host((target.frontend or {}).get(API_URL, ""))
    hosts = [host] if host else [one for one in target.examination.values["ALLOWED_HOSTS"] if not is_loopback(one)]
    local = [(name, found[0]) for name, text in scripts if (found := _ADDRESS.search(text))]
    told = [f"{name} holds {address}" for name, address in local[:_MOST_TOLD]]
    if not any(one in text for _, text in scripts for one in hosts):
        told.append(f"none of {len(scripts)} scripts names {' or '.join(hosts) or 'a host of ALLOWED_HOSTS'}")
    if told:
        return failed("; ".join(told))
    named = hosts[0] if len(hosts) == 1 else "an allowed host"
    return passed(f"{len(scripts)} scripts, {named} named, no local address")


def _built(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted({file for pattern in _SCRIPTS for file in folder.rglob(pattern) if file.is_file()}):
        yield file.relative_to(folder).as_posix(), _text(file)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        # FE060 speaks of it.
        return None


def _text(file: Path) -> str:
    if file.stat().st_size > _MAX_BYTES:
        return ""
    return file.read_text(encoding="utf-8", errors="replace")
