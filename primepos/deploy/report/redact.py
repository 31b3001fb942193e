"""``--redact``: a report to show around, with hosts and addresses replaced by names that stay the same in it."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.deploy.findings import Report
    from primepos.deploy.target import Target

_AFTER_SCHEME: Final = re.compile(r"(?<=://)(?:[^\s/@\"']*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)")
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# What may be an address; the library decides.
_ADDRESS: Final = re.compile(
    r"(?<![\w:.])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)(?![\w])"
)
# Words that name nobody.
_HARMLESS: Final = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "::1", "::"})  # noqa: S104 - compared, not bound


class _Names:
    """Gives each host and address a name, in the order in which they are met."""

    def __init__(self, hosts: set[str]) -> None:
        self._given: dict[str, str] = {}
        longest = sorted(
            (host for host in hosts if host and host not in _HARMLESS), key=lambda host: (-len(host), host)
        )
        self._known = (
            re.compile(
                "(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]+\\.)*(?:"
                + "|".join(map(re.escape, longest))
                + ")(?![A-Za-z0-9_-])",
                re.IGNORECASE,
            )
            if longest
            else None
        )

    def hide(self, text: str) -> str:
        """Return the text with names for hosts, addresses and mailboxes."""
        text = _MAIL.sub(lambda match: self._name("mailbox", match[0]), text)
        if self._known is not None:
            text = self._known.sub(lambda match: self._name("host", match[0]), text)
        text = _AFTER_SCHEME.sub(self._after_scheme, text)
        return _ADDRESS.sub(self._address, text)

    def _after_scheme(self, match: re.Match[str]) -> str:
        host = match["host"]
        return match[0].removesuffix(host) + self._name("host", host)

    def _address(self, match: re.Match[str]) -> str:
        found = match[0].rstrip(":.")
        try:
            ip_address(found)
        except ValueError:
            return match[0]
        return self._name("address", found) + match[0][len(found) :]

    def _name(self, kind: str, found: str) -> str:
        if found in _HARMLESS or re.fullmatch(r"(host|address|mailbox)-[0-9]+", found):
            return found
        number = 1 + sum(name.startswith(kind) for name in self._given.values())
        return self._given.setdefault(found.lower(), f"{kind}-{number}")


def redacted(report: Report, target: Target) -> Report:
    """Return the same report without host names, addresses and mailboxes; its digest stays that of the open one."""
    names = _Names(set(_hosts(target)))
    findings = tuple(
        replace(
            one,
            evidence=names.hide(one.evidence),
            remedy=names.hide(one.remedy),
            set_aside=None
            if one.set_aside is None
            else replace(one.set_aside, reason=names.hide(one.set_aside.reason)),
        )
        for one in report.findings
    )
    return replace(report, findings=findings)


def _hosts(target: Target) -> Iterator[str]:
    """Yield the hosts that the environment and the command line name."""
    from primepos.core.database_url import parse_database_url

    values = target.examination.values
    raw = target.examination.raw
    yield from values["ALLOWED_HOSTS"] or ()
    yield target.examination.platform.external_hostname
    for name in ("EMAIL_HOST", "DB_HOST"):
        yield raw.get(name, "")
    named = [target.url, target.frontend_url, *(raw.get(name) for name in ("PUBLIC_BASE_URL", "FRONTEND_URL"))]
    origins = values["CORS_ALLOWED_ORIGINS"] or ()
    for url in (*named, *origins, *(target.environ.get(name) for name in ("SENTRY_DSN", "AWS_S3_ENDPOINT_URL"))):
        try:
            yield urlsplit(url or "").hostname or ""
        except ValueError:
            continue
    for url in (target.database_url, raw.get("DATABASE_URL"), raw.get("MIGRATION_DATABASE_URL")):
        try:
            yield parse_database_url(url).host if url else ""
        except ValueError:
            continue
