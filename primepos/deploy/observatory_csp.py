"""What MDN's HTTP Observatory reads out of a Content-Security-Policy: its sources, and how good they are.

Several policies narrow each other: a source counts where the policies before allow it too. A directive that only a
later policy has counts as ``'none'``, as it does there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

NONE = "'none'"
UNSAFE_INLINE = "'unsafe-inline'"
STRICT_DYNAMIC = "'strict-dynamic'"
BROAD = frozenset({"ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"})
BROAD_OR_INLINE = BROAD | {UNSAFE_INLINE, "data:"}
INSECURE_SCHEMES = ("http:", "ftp:")
PASSIVE = ("img-src", "media-src")

_SHORTEST_POLICY = 6
_ONLY_IN_HEADERS = ("frame-ancestors", "report-uri", "sandbox")
_MAY_REPEAT = frozenset({"report-uri", "report-to"})
_PINNED = ("'sha256-", "'sha384-", "'sha512-", "'nonce-")


class PolicyInvalid(ValueError):
    """The policy cannot be read: empty, cut short, or with a directive twice."""


@dataclass(slots=True)
class _Source:
    text: str
    policy: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """All policies of a page as one: the sources of each directive, and the directives that repeat harmlessly."""

    directives: Mapping[str, frozenset[str]]
    repeated: frozenset[str] = frozenset()

    def sources(self, *names: str) -> set[str]:
        """Return the sources of the first of these directives that is there; without one, everything is allowed."""
        return next((set(self.directives[name]) for name in names if name in self.directives), {"*"})


def split_policies(values: Iterable[str]) -> list[str]:
    """Return the single policies of header values: a comma separates two."""
    return [one.strip() for value in values for one in value.split(",")]


def parse_policies(policies: Sequence[str]) -> Policy:
    """Read policies as one. Raises :class:`PolicyInvalid`."""
    cleaned = [policy.replace("\r", "").replace("\n", "").strip() for policy in policies]
    if any(len(policy) < _SHORTEST_POLICY for policy in cleaned):
        raise PolicyInvalid("a policy is empty or cut short")
    merged: dict[str, list[_Source]] = {}
    repeated: set[str] = set()
    for number, policy in enumerate(cleaned):
        seen: set[str] = set()
        for entry in policy.split(";"):
            words = entry.lower().split()
            if not words:
                continue
            name, texts = words[0], words[1:]
            if name in seen:
                if name not in _MAY_REPEAT:
                    raise PolicyInvalid(f"{name} is there twice")
                repeated.add(name)
            seen.add(name)
            if not texts and name.endswith("-src"):
                texts = [NONE]
            given = [_Source(text, number, kept=number == 0) for text in texts]
            merged[name] = _merged(given if number == 0 else [*merged.get(name, []), *given])
            if number == 0 and len(cleaned) > 1:
                for source in merged[name]:
                    source.kept = False
    return Policy(
        {name: frozenset(one.text for one in sources) or frozenset({NONE}) for name, sources in merged.items()},
        frozenset(repeated),
    )


def parse_meta(policies: Sequence[str]) -> Policy:
    """Read policies of ``<meta>`` elements: what only a header may say is left out. Raises :class:`PolicyInvalid`."""
    found = parse_policies(policies)
    kept = {name: sources for name, sources in found.directives.items() if name not in _ONLY_IN_HEADERS}
    return Policy(kept, found.repeated)


def is_pinned(sources: Collection[str]) -> bool:
    """Whether a nonce or a hash names what may run: ``'unsafe-inline'`` is then ignored by browsers."""
    return any(source.startswith(_PINNED) for source in sources)


def verdict(headers: Sequence[str], metas: Sequence[str], *, report_only: bool, is_https: bool) -> str:
    """Return the Observatory's word for the policies of a page, from its headers and its ``<meta>`` elements."""
    in_headers, in_metas = split_policies(headers), split_policies(metas)
    try:
        policy = parse_policies([*in_headers, *in_metas])
    except PolicyInvalid:
        return "csp-header-invalid"
    if not _says_anything(in_headers) and not _says_anything(in_metas, in_meta=True):
        return "csp-not-implemented-but-reporting-enabled" if report_only else "csp-not-implemented"
    word = _graded(policy, is_https=is_https)
    return "csp-implemented-but-duplicate-directives" if policy.repeated and word in _FINE else word


def has_frame_ancestors(headers: Sequence[str], metas: Sequence[str]) -> bool:
    """Whether the policies say who may frame the page; invalid ones say nothing."""
    try:
        return "frame-ancestors" in parse_policies([*split_policies(headers), *split_policies(metas)]).directives
    except PolicyInvalid:
        return False


_FINE = frozenset({
    "csp-implemented-with-no-unsafe-default-src-none",
    "csp-implemented-with-no-unsafe",
    "csp-implemented-with-unsafe-inline-in-style-src-only",
    "csp-implemented-with-insecure-scheme-in-passive-content-only",
})  # fmt: skip


def _graded(policy: Policy, *, is_https: bool) -> str:
    """Return how good readable policies are: the first thing that is wrong counts."""
    script, style = policy.sources("script-src", "default-src"), policy.sources("style-src", "default-src")
    objects = policy.sources("object-src", "default-src")
    for sources in (script, style):
        if is_pinned(sources):
            sources.discard(UNSAFE_INLINE)
    if STRICT_DYNAMIC in script:
        if not is_pinned(script):
            return "csp-header-invalid"
        script -= {one for one in script if one.startswith(tuple(BROAD)) or one in {"'self'", UNSAFE_INLINE}}
    if script & BROAD_OR_INLINE or objects & BROAD:
        return "csp-implemented-with-unsafe-inline"
    if is_https and _any_insecure(_active(policy) | script):
        return "csp-implemented-with-insecure-scheme"
    if "'unsafe-eval'" in script | style:
        return "csp-implemented-with-unsafe-eval"
    if is_https and any(_any_insecure(policy.sources(name, "default-src")) for name in PASSIVE):
        return "csp-implemented-with-insecure-scheme-in-passive-content-only"
    if style & BROAD_OR_INLINE:
        return "csp-implemented-with-unsafe-inline-in-style-src-only"
    if policy.directives.get("default-src") == frozenset({NONE}):
        return "csp-implemented-with-no-unsafe-default-src-none"
    return "csp-implemented-with-no-unsafe"


def _active(policy: Policy) -> set[str]:
    found: set[str] = set()
    for name, sources in policy.directives.items():
        if name not in PASSIVE and name != "script-src":
            found |= sources
    return found


def _any_insecure(sources: Iterable[str]) -> bool:
    return any(source.startswith(INSECURE_SCHEMES) for source in sources)


def _says_anything(policies: Sequence[str], *, in_meta: bool = False) -> bool:
    try:
        return bool((parse_meta if in_meta else parse_policies)(policies).directives)
    except PolicyInvalid:
        return False


def _merged(sources: list[_Source]) -> list[_Source]:
    """Return the sources that count, in order: neighbours tell what is said twice and what both sides allow."""
    ordered = sorted(sources, key=lambda one: one.text)
    for before, after in pairwise(ordered):
        if before.policy == after.policy:
            if after.text.startswith(before.text):
                after.kept = False
        elif _covers(before.text, after.text):
            after.kept = True
    return [one for one in ordered if one.kept]


def _covers(wide: str, narrow: str) -> bool:
    """Whether a source allows what another one does: the same, or a directory (it ends with a slash) above it."""
    above, below = wide.split("/"), narrow.split("/")
    if not wide.endswith("/"):
        return [unquote(one) for one in above] == [unquote(one) for one in below]
    above.pop()
    if len(above) + 1 > len(below):
        return False
    return [unquote(one) for one in above] == [unquote(one) for one in below[: len(above)]]
