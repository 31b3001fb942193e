"""A page as the HTTP Observatory's rules look at it: what was answered, on which way, and what the page itself says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from typing import Final
from urllib.parse import SplitResult, urlsplit

Headers = tuple[tuple[str, str], ...]

TESTER_ORIGIN: Final = "https://http-observatory.security.mozilla.org"
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, kw_only=True)
class Page:
    """What was answered, as the rules look at it; header names in lower case.

    ``headers`` and ``body`` are the page's after all redirects; ``https_headers`` those of the first answer over HTTPS,
    None where there is no HTTPS. ``route`` is every URL that was met from plain HTTP on, None where nothing listens
    there; ``cors_headers`` what came back for a request with :data:`TESTER_ORIGIN`.
    """

    hostname: str
    headers: Headers
    body: str = ""
    status: int = 200
    is_https: bool = True
    https_headers: Headers | None = ()
    https_verified: bool = True
    route: tuple[str, ...] | None = None
    http_verified: bool = True
    cors_origin: str = TESTER_ORIGIN
    cors_headers: Headers = ()
    preloaded: frozenset[str] = frozenset()

    def values(self, name: str) -> list[str]:
        """Return the values of one header of the page, in order."""
        return [value for each, value in self.headers if each == name]

    @cached_property
    def html(self) -> _Html:
        """The scripts and the policies in ``<meta>`` elements of the page; none where it is no HTML."""
        read = _Html()
        if self.is_html:
            try:
                read.feed(self.body)
                read.close()
            except AssertionError:
                # How the library gives up on a marked section of a word processor; what came before it counts.
                return read
        return read

    @property
    def is_html(self) -> bool:
        """Whether a browser would show it as a page."""
        return (self.values("content-type") or [""])[0].partition(";")[0] in _HTML


def place_of(url: str) -> SplitResult:
    """Return a URL taken apart; what is no URL has no scheme and no host."""
    try:
        place = urlsplit(url)
        # Looked at here, since only looking tells that they cannot be read.
        _ = place.hostname, place.port
    except ValueError:
        return urlsplit("")
    return place


class _Html(HTMLParser):
    """Collects what the rules look at: scripts as (source, integrity), and the policies of ``<meta>`` elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[str, str]] = []
        self._metas: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a script or a policy."""
        given = {name: value or "" for name, value in attrs}
        if tag == "script":
            self.scripts.append((given.get("src", ""), given.get("integrity", "")))
        elif tag == "meta" and given.get("http-equiv", "").strip().lower() == "content-security-policy":
            self._metas.append(("content-security-policy", given.get("content", "")))
        elif tag == "meta" and given.get("name", "").strip().lower() == "referrer":
            self._metas.append(("referrer-policy", given.get("content", "")))

    def policies(self, name: str) -> list[str]:
        """Return what the page itself says for a header of this name."""
        return [content for each, content in self._metas if each == name]
