"""HTTP057-HTTP061, HTTP072, HTTP073, HTTP075: the headers of every answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from primepos.deploy.check import HIGH, LOW, MEDIUM, Needs, check, failed, passed
from primepos.deploy.observatory_csp import PolicyInvalid, parse_policies, split_policies
from primepos.deploy.prober import API

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.deploy.check import Outcome
    from primepos.deploy.prober import Answer
    from primepos.deploy.target import Target

NOWHERE = "/api/v1/there-is-nothing-here"
SIGNED_IN_ONLY = "/api/v1/auth/me"
OWN_ID = "check-deploy-7f3a9c"
CLOSED_DIRECTIVES: Final = ("default-src", "object-src", "base-uri", "form-action", "frame-ancestors")
GOOD_REFERRERS: Final = ("no-referrer", "strict-origin", "strict-origin-when-cross-origin")

# Of RFC 9651: a list of strings with parameters, as RateLimit and RateLimit-Policy are.
_STRING = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
_VALUE = rf"(?:-?[0-9]{{1,15}}|{_STRING}|[A-Za-z*][\w:/!#$%&'*+.^`|~-]*|:[A-Za-z0-9+/=]*:)"
_PARAMETER = re.compile(rf"; *([a-z*][a-z0-9_.*-]*)(?:=({_VALUE}))?")
_ITEM = re.compile(rf"({_STRING})((?:{_PARAMETER.pattern})*)")
_VERSIONED = re.compile(r"/\s*[0-9]|[0-9]+\.[0-9]+")
_CHOSEN = re.compile(r"[\x21-\x7e]{8,128}")


def _on_every_answer(target: Target, name: str, is_good: Callable[[Answer], bool]) -> Outcome:
    """Judge a header on an answer that succeeds and on one that does not."""
    bad = []
    for path in (API, NOWHERE):
        answer = target.http.get(path)
        if not is_good(answer):
            bad.append(f"{answer.status} of {path}: {', '.join(answer.values(name))[:200] or 'missing'}")
    return failed(f"{name}: {'; '.join(bad)}") if bad else passed(target.http.get(API).header(name) or name)


@check(
    "HTTP057", HIGH, Needs.URL, rule="X-Content-Type-Options: nosniff, also on refusals",
    remedy="Serve with `primepos serve`; look for a proxy that takes headers away", anchor="Django security.W006",
)  # fmt: skip
def nosniff(target: Target) -> Outcome:
    """Look at the header on 200 and 404."""
    name = "x-content-type-options"
    return _on_every_answer(target, name, lambda answer: [one.lower() for one in answer.values(name)] == ["nosniff"])


@check(
    "HTTP058", MEDIUM, Needs.URL, rule="The policy of content closes all five: " + ", ".join(CLOSED_DIRECTIVES),
    remedy="Serve with `primepos serve`; an API has nothing to load, run or be framed", anchor="ASVS 3.4.3",
)  # fmt: skip
def policy_closes_all(target: Target) -> Outcome:
    """Read the Content-Security-Policy on 200 and 404."""

    def closes(answer: Answer) -> bool:
        try:
            policy = parse_policies(split_policies(answer.values("content-security-policy")))
        except PolicyInvalid:
            return False
        return all(policy.directives.get(name) == frozenset({"'none'"}) for name in CLOSED_DIRECTIVES)

    return _on_every_answer(target, "content-security-policy", closes)


@check(
    "HTTP059", MEDIUM, Needs.URL, rule="Nobody may frame an answer: frame-ancestors 'none', or X-Frame-Options: DENY",
    remedy="Serve with `primepos serve`", anchor="Django security.W019",
)  # fmt: skip
def not_framed(target: Target) -> Outcome:
    """Look for either of the two headers on 200 and 404."""

    def refuses(answer: Answer) -> bool:
        try:
            policy = parse_policies(split_policies(answer.values("content-security-policy"))).directives
        except PolicyInvalid:
            policy = {}
        by_header = [one.strip().lower() for one in answer.values("x-frame-options")] == ["deny"]
        return by_header or policy.get("frame-ancestors") == frozenset({"'none'"})

    return _on_every_answer(target, "x-frame-options", refuses)


@check(
    "HTTP060", MEDIUM, Needs.URL, rule="Referrer-Policy no-referrer or strict-origin*",
    remedy="Serve with `primepos serve`", anchor="Django security.W022, E023",
)  # fmt: skip
def referrer_policy(target: Target) -> Outcome:
    """Look at the last policy of the header on 200 and 404."""
    name = "referrer-policy"

    def is_good(answer: Answer) -> bool:
        return ",".join(answer.values(name)).rpartition(",")[2].strip().lower() in GOOD_REFERRERS

    return _on_every_answer(target, name, is_good)


@check(
    "HTTP061", LOW, Needs.URL, rule="Cross-Origin-Opener-Policy and Cross-Origin-Resource-Policy are same-origin",
    remedy="Serve with `primepos serve`", anchor="Django security.E024",
)  # fmt: skip
def isolated(target: Target) -> Outcome:
    """Look at both headers."""
    answer = target.http.get(API)
    names = ("cross-origin-opener-policy", "cross-origin-resource-policy")
    bad = [f"{name}: {answer.header(name) or 'missing'}" for name in names if answer.values(name) != ["same-origin"]]
    return failed("; ".join(bad)[:300]) if bad else passed("both same-origin")


@check(
    "HTTP072", MEDIUM, Needs.URL, rule="RateLimit and RateLimit-Policy can be read by a program",
    remedy="Serve with `primepos serve`; RATE_LIMIT_API must be set", anchor="draft-ietf-httpapi-ratelimit-headers",
)  # fmt: skip
def rate_limit_fields(target: Target) -> Outcome:
    """Read both fields as structured fields, of an answer that is counted."""
    answer = target.http.get(SIGNED_IN_ONLY)
    read: dict[str, dict[str, dict[str, str]]] = {}
    for name, wanted in (("ratelimit-policy", "q"), ("ratelimit", "r")):
        given = ", ".join(answer.values(name))
        if not given:
            return failed(f"no {name} on {answer.status} of {SIGNED_IN_ONLY}")
        found = structured_items(given)
        if found is None or any(not parameters.get(wanted, "").isdigit() for parameters in found.values()):
            return failed(f"{name}: {given[:200]}")
        read[name] = found
    unnamed = read["ratelimit"].keys() - read["ratelimit-policy"].keys()
    if unnamed:
        return failed(f"ratelimit speaks of {', '.join(sorted(unnamed))}, which is no policy")
    return passed(", ".join(answer.values("ratelimit-policy"))[:200])


@check(
    "HTTP073", LOW, Needs.URL, rule="TRACE is refused, and no header tells a server's version",
    remedy="Take the Server header away at the proxy", anchor="ASVS 13.4.4, 13.4.6",
)  # fmt: skip
def tells_no_version(target: Target) -> Outcome:
    """Ask with TRACE and read Server and X-Powered-By."""
    traced = target.http.ask("TRACE", API)
    if traced.status < 400:
        return failed(f"TRACE answers {traced.status}")
    answer = target.http.get(API)
    for name in ("server", "x-powered-by"):
        value = answer.header(name) or ""
        if _VERSIONED.search(value):
            return failed(f"{name}: {value[:100]}")
    return passed(f"TRACE {traced.status}, Server: {answer.header('server') or 'not sent'}")


@check(
    "HTTP075", MEDIUM, Needs.URL, rule="X-Request-ID comes back: unique, and the caller's own where it is fit",
    remedy="Serve with `primepos serve`; a proxy may put its own in place",
)  # fmt: skip
def request_ids(target: Target) -> Outcome:
    """Ask twice without an id and once with one."""
    prober = target.http
    first = prober.get(API).header("x-request-id") or ""
    second = prober.ask("GET", API, fresh=True).header("x-request-id") or ""
    if not _CHOSEN.fullmatch(first) or first == second:
        return failed(f"X-Request-ID {first[:40] or 'is missing'}{', twice the same' if first == second else ''}")
    kept = prober.get(API, headers={"X-Request-ID": OWN_ID}).header("x-request-id")
    if kept != OWN_ID:
        return failed(f"sent {OWN_ID}, came back {(kept or 'nothing')[:40]}")
    return passed("unique, and the caller's is kept")


def structured_items(value: str) -> dict[str, dict[str, str]] | None:
    """Return the items of a list of strings of RFC 9651 with their parameters, None where it is none."""
    items: dict[str, dict[str, str]] = {}
    at = 0
    while True:
        match = _ITEM.match(value, at)
        if match is None:
            return None
        items[match[1]] = dict(_PARAMETER.findall(match[2]))
        at = match.end()
        if at == len(value):
            return items
        comma = re.compile(r"[ \t]*,[ \t]*").match(value, at)
        if comma is None:
            return None
        at = comma.end()
