"""The rules of MDN's HTTP Observatory, restated as pure functions: what a page answered in, its score out.

The score begins at 100. Penalties are taken off; bonuses count only where the penalties alone leave 90 or more. Each
rule gives one :class:`Finding`, so a report can say which header costs what. Algorithm version 6 of the Observatory.

Two things are left out on purpose, both to the page's disadvantage: there is no list of preloaded hosts (give
``preloaded``), and without the Public Suffix List a script counts as the page's own only where one of the two hosts
lies under the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from primepos.deploy import observatory_csp as csp
from primepos.deploy.observatory_page import Page, place_of
from primepos.deploy.observatory_points import BEST, MINIMUM_FOR_BONUS, POINTS, grade, is_scored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

SIX_MONTHS_S = 15_552_000

_PRIVATE_REFERRER = frozenset({"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"})
_LEAKY_REFERRER = frozenset({"origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"})
_EMBEDDER = frozenset({"require-corp", "credentialless", "unsafe-none"})
_OPENER = frozenset({"same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"})
_NOT_OURS = frozenset({"heroku-session-affinity"})
_TOKEN = re.compile(
    r"([A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]*)(?:\s*;\s*[a-z*][a-z0-9_.*-]*(?:=(?:\"[^\"]*\"|[\w.:/-]+))?)*"
)
_ONE_HOP = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of a page, and the points that gives or takes."""

    rule: str
    result: str

    @property
    def points(self) -> int:
        """What it adds; negative is a penalty."""
        return POINTS[self.result]


@dataclass(frozen=True, slots=True)
class Score:
    """The points of a page, never below 0, its grade, and how they came about."""

    points: int
    grade: str
    findings: tuple[Finding, ...]

    def breakdown(self) -> str:
        """Say what added and what took points, the worst first."""
        moved = sorted((one for one in self.findings if one.points), key=lambda one: one.points)
        return ", ".join(f"{one.result} {one.points:+d}" for one in moved) or "nothing added, nothing taken"


def score(page: Page) -> Score:
    """Return the score of a page. Raises ValueError for a status that the Observatory does not score."""
    if not is_scored(page.status):
        raise ValueError(f"a page with status {page.status} is not scored")
    findings = tuple(Finding(name, rule(page)) for name, rule in RULES.items())
    least = BEST + sum(one.points for one in findings if one.points < 0)
    total = BEST + sum(one.points for one in findings) if least >= MINIMUM_FOR_BONUS else least
    return Score(*grade(total), findings)


def content_security_policy(page: Page) -> str:
    """Judge what the page may load, run, embed and submit to."""
    return csp.verdict(
        page.values("content-security-policy"),
        page.html.policies("content-security-policy"),
        report_only=bool(page.values("content-security-policy-report-only")),
        is_https=page.is_https,
    )


def cookies(page: Page) -> str:
    """Judge the flags of every cookie; the worst one counts."""
    raw = page.values("set-cookie")
    # A browser keeps the last one of a name and place.
    kept = {(cookie.name, cookie.place): cookie for cookie in map(_cookie, raw)}
    seen = [cookie for cookie in kept.values() if cookie.name and cookie.name not in _NOT_OURS]
    if not seen:
        return "cookies-not-found"
    by_hsts = strict_transport_security(page) in {"hsts-preloaded", "hsts-implemented-max-age-at-least-six-months"}
    found = [result for cookie in seen for result in _cookie_faults(cookie, by_hsts=by_hsts)]
    found += ["cookies-samesite-flag-invalid" for cookie in map(_cookie, raw) if cookie.same_site == "invalid"]
    if found:
        return max(found, key=_COOKIE_FAULTS.index)
    same_site = all(cookie.same_site for cookie in seen)
    return f"cookies-secure-with-httponly-sessions{'-and-samesite' if same_site else ''}"


def cross_origin_resource_sharing(page: Page) -> str:
    """Judge whether any page may read this one with its visitor's credentials."""
    answered = dict(reversed(page.cors_headers))
    allowed = answered.get("access-control-allow-origin", "")
    if not allowed:
        result = "not-implemented"
    elif allowed.strip() == "*":
        result = "implemented-with-public-access"
    elif allowed == page.cors_origin and answered.get("access-control-allow-credentials", "").strip().lower() == "true":
        result = "implemented-with-universal-access"
    else:
        result = "implemented-with-restricted-access"
    return f"cross-origin-resource-sharing-{result}"


def redirection(page: Page) -> str:
    """Judge the way from plain HTTP: at once to HTTPS, on the same host."""
    if page.route is None:
        return "redirection-not-needed-no-http"
    if not page.http_verified:
        return "redirection-invalid-cert"
    route = [place_of(each) for each in page.route]
    if all(_is_preloaded(each.hostname or "", page.preloaded) for each in route):
        return "redirection-all-redirects-preloaded"
    if len(route) < _ONE_HOP:
        return "redirection-missing"
    if route[-1].scheme != "https":
        return "redirection-not-to-https"
    if route[1].scheme == "http":
        return "redirection-not-to-https-on-initial-redirection"
    if route[0].scheme == "http" and route[0].hostname != route[1].hostname:
        return "redirection-off-host-from-http"
    return "redirection-to-https"


def referrer_policy(page: Page) -> str:
    """Judge what other sites learn of where a visitor comes from; the last policy that is known counts."""
    given = [*page.values("referrer-policy"), *page.html.policies("referrer-policy")]
    if not given:
        return "referrer-policy-not-implemented"
    named = [word.strip().lower() for word in ",".join(given).split(",")]
    known = [word for word in named if word in _PRIVATE_REFERRER | _LEAKY_REFERRER]
    if not known:
        return "referrer-policy-header-invalid"
    return f"referrer-policy-{'private' if known[-1] in _PRIVATE_REFERRER else 'unsafe'}"


def strict_transport_security(page: Page) -> str:
    """Judge how long browsers keep to HTTPS."""
    if page.https_headers is None:
        return "hsts-not-implemented-no-https"
    if _is_preloaded(page.hostname, page.preloaded):
        return "hsts-preloaded"
    if not page.https_verified:
        return "hsts-invalid-cert"
    given = [value for name, value in page.https_headers if name == "strict-transport-security"]
    if not given:
        return "hsts-not-implemented"
    max_age = hsts_max_age(given[0])
    if max_age is None:
        return "hsts-header-invalid"
    return f"hsts-implemented-max-age-{'at-least' if max_age >= SIX_MONTHS_S else 'less-than'}-six-months"


def hsts_max_age(value: str) -> int | None:
    """Return the seconds of a Strict-Transport-Security header, None where it cannot be read."""
    if "," in value:
        # Two headers, joined on the way.
        return None
    found = [part.strip().lower()[8:] for part in value.split(";") if part.strip().lower().startswith("max-age=")]
    number = re.match(r"\s*(\d{1,128})", found[-1]) if found else None
    return None if number is None else int(number[1])


def subresource_integrity(page: Page) -> str:
    """Judge whether scripts of other hosts are pinned by a hash and loaded over HTTPS; the worst one counts."""
    if not page.is_html:
        return "sri-not-implemented-response-not-html"
    if not page.html.scripts:
        return "sri-not-implemented-but-no-scripts-loaded"
    worst, foreign, pinned_own = "", False, False
    for source, integrity in page.html.scripts:
        if not source:
            continue
        own, secure = _script_place(source, page)
        if own:
            pinned_own = pinned_own or bool(integrity and secure)
            continue
        foreign = True
        fault = _script_fault(integrity=bool(integrity), secure=secure)
        if fault and (not worst or _SCRIPT_FAULTS.index(fault) > _SCRIPT_FAULTS.index(worst)):
            worst = fault
    if worst:
        return worst
    if pinned_own:
        return "sri-implemented-and-all-scripts-loaded-securely"
    if foreign:
        return "sri-implemented-and-external-scripts-loaded-securely"
    return "sri-not-implemented-but-all-scripts-loaded-from-secure-origin"


def x_content_type_options(page: Page) -> str:
    """Judge whether browsers may guess what a file is."""
    given = page.values("x-content-type-options")
    if not given or not given[0]:
        return "x-content-type-options-not-implemented"
    return f"x-content-type-options-{'nosniff' if given[0].strip().lower() == 'nosniff' else 'header-invalid'}"


def x_frame_options(page: Page) -> str:
    """Judge whether other sites may frame the page; a policy's frame-ancestors goes before the header."""
    if csp.has_frame_ancestors(page.values("content-security-policy"), page.html.policies("content-security-policy")):
        return "x-frame-options-implemented-via-csp"
    given = (page.values("x-frame-options") or [""])[0].strip().lower()
    if not given:
        return "x-frame-options-not-implemented"
    if given in {"deny", "sameorigin"}:
        return "x-frame-options-sameorigin-or-deny"
    return f"x-frame-options-{'allow-from-origin' if given.startswith('allow-from') else 'header-invalid'}"


def cross_origin_resource_policy(page: Page) -> str:
    """Judge who may load the page as an image or a script."""
    given = page.values("cross-origin-resource-policy")
    if not given or not given[0]:
        return "corp-not-implemented"
    word = ", ".join(given).strip().lower()
    known = word in {"same-site", "same-origin", "cross-origin"}
    return f"corp-implemented-with-{word}" if known else "corp-header-invalid"


def cross_origin_embedder_policy(page: Page) -> str:
    """Judge what the page itself loads from other hosts."""
    return _token_rule("coep", page.values("cross-origin-embedder-policy"), _EMBEDDER)


def cross_origin_opener_policy(page: Page) -> str:
    """Judge whether pages that open this one keep a hold on it."""
    return _token_rule("coop", page.values("cross-origin-opener-policy"), _OPENER)


RULES: Final[Mapping[str, Callable[[Page], str]]] = {
    "content-security-policy": content_security_policy,
    "cookies": cookies,
    "cross-origin-embedder-policy": cross_origin_embedder_policy,
    "cross-origin-opener-policy": cross_origin_opener_policy,
    "cross-origin-resource-sharing": cross_origin_resource_sharing,
    "redirection": redirection,
    "referrer-policy": referrer_policy,
    "strict-transport-security": strict_transport_security,
    "subresource-integrity": subresource_integrity,
    "x-content-type-options": x_content_type_options,
    "x-frame-options": x_frame_options,
    "cross-origin-resource-policy": cross_origin_resource_policy,
}

# From bad to worse.
_COOKIE_FAULTS = (
    "cookies-without-secure-flag-but-protected-by-hsts",
    "cookies-without-secure-flag",
    "cookies-session-without-secure-flag-but-protected-by-hsts",
    "cookies-samesite-flag-invalid",
    "cookies-anticsrf-without-samesite-flag",
    "cookies-session-without-httponly-flag",
    "cookies-session-without-secure-flag",
)
_SCRIPT_FAULTS = (
    "sri-implemented-but-external-scripts-not-loaded-securely",
    "sri-not-implemented-but-external-scripts-loaded-securely",
    "sri-not-implemented-and-external-scripts-not-loaded-securely",
)


@dataclass(frozen=True, slots=True)
class _Cookie:
    name: str
    place: tuple[str, str]
    secure: bool
    http_only: bool
    same_site: str


def _cookie(header: str) -> _Cookie:
    first, *rest = header.split(";")
    flags = {name.strip().lower(): value.strip().lower() for name, _, value in (part.partition("=") for part in rest)}
    same_site = flags.get("samesite")
    if same_site is not None and same_site not in {"lax", "strict", "none"}:
        same_site = "invalid"
    place = flags.get("domain", ""), flags.get("path", "")
    return _Cookie(first.partition("=")[0].strip(), place, "secure" in flags, "httponly" in flags, same_site or "")


def _cookie_faults(cookie: _Cookie, *, by_hsts: bool) -> Iterable[str]:
    name = cookie.name.lower()
    is_session = "login" in name or "sess" in name
    if not cookie.secure:
        protected = "-but-protected-by-hsts" if by_hsts else ""
        if cookie.same_site == "none":
            yield "cookies-samesite-flag-invalid"
        yield f"cookies-without-secure-flag{protected}"
        if is_session:
            yield f"cookies-session-without-secure-flag{protected}"
    if "csrf" in name and cookie.same_site in {"", "invalid"}:
        yield "cookies-anticsrf-without-samesite-flag"
    if is_session and not cookie.http_only:
        yield "cookies-session-without-httponly-flag"


def _script_place(source: str, page: Page) -> tuple[bool, bool]:
    """Return whether a script is the page's own, and whether it is loaded over HTTPS."""
    if source.startswith("//"):
        # Loaded by whatever the page was loaded by: never its own, never safe.
        return False, False
    if not re.match(r"https?://", source):
        return True, page.is_https
    place = place_of(source)
    host, own = place.hostname or "", page.hostname
    return host == own or host.endswith(f".{own}") or own.endswith(f".{host}"), place.scheme == "https"


def _script_fault(*, integrity: bool, secure: bool) -> str | None:
    if integrity:
        return None if secure else "sri-implemented-but-external-scripts-not-loaded-securely"
    return (
        f"sri-not-implemented-{'but' if secure else 'and'}-external-scripts-{'' if secure else 'not-'}loaded-securely"
    )


def _token_rule(prefix: str, given: Sequence[str], known: frozenset[str]) -> str:
    """Judge a header that is one token of RFC 9651, with parameters or without; its case matters."""
    if not given:
        return f"{prefix}-not-implemented"
    token = _TOKEN.fullmatch(given[0].strip())
    if len(given) > 1 or token is None or token[1] not in known:
        return f"{prefix}-header-invalid"
    return f"{prefix}-implemented-with-{token[1]}"


def _is_preloaded(hostname: str, preloaded: frozenset[str]) -> bool:
    names = hostname.split(".")
    return any(".".join(names[at:]) in preloaded for at in range(len(names)))
