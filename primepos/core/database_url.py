"""PostgreSQL addresses: take a URL apart, say what is wrong with one without showing it, build one from parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode

from primepos.core.settings_types import Secret, is_loopback

DEFAULT_PORT = 5432
SCHEMES = ("postgresql", "postgres")

_PORT_MAX = 65535
_RAW_IN_USERINFO = "@:/?#[] "
_OPTIONS = frozenset(
    [
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "passfile",
        "require_auth",
        "channel_binding",
        "connect_timeout",
        "client_encoding",
        "options",
        "application_name",
        "fallback_application_name",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "replication",
        "gssencmode",
        "sslmode",
        "requiressl",
        "sslnegotiation",
        "sslcompression",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcertmode",
        "sslrootcert",
        "sslcrl",
        "sslcrldir",
        "sslsni",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "krbsrvname",
        "gsslib",
        "gssdelegation",
        "service",
        "target_session_attrs",
        "load_balance_hosts",
    ]
)
_SECRET_OPTIONS = frozenset({"password", "sslpassword", "sslkey"})
_HOST_AND_PORT = re.compile(r"(\[[^]]*\]|[^:\[\]]*)(:[0-9]*)?")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a database is and who asks; ``host`` may be a socket directory (it then starts with ``/``)."""

    user: str
    password: Secret
    host: str
    port: int
    name: str
    options: tuple[tuple[str, str], ...] = field(default=())

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine: loopback, a socket, or no host at all."""
        return not self.host or self.host.startswith("/") or is_loopback(self.host)

    @property
    def is_public(self) -> bool:
        """Whether the host is reached over a network that others share: a dotted name that is not local."""
        return not self.is_local and "." in self.host

    @property
    def sslmode(self) -> str | None:
        """The sslmode the URL itself asks for, if any."""
        return dict(self.options).get("sslmode")

    def with_option(self, name: str, value: str) -> DatabaseAddress:
        """Return the same address with one more option; one that is there already stays."""
        if name in dict(self.options):
            return self
        return DatabaseAddress(
            self.user, self.password, self.host, self.port, self.name, (*self.options, (name, value))
        )

    def url(self) -> str:
        """Return the libpq URL, password included and everything percent-encoded."""
        return self._url(quote(self.password.reveal(), safe="") if self.password else "")

    def redacted(self) -> str:
        """Return the URL with stars for the password: safe to print."""
        shown = tuple((name, "***" if name in _SECRET_OPTIONS else value) for name, value in self.options)
        stars = DatabaseAddress(self.user, self.password, self.host, self.port, self.name, shown)
        return stars._url("***" if self.password else "")

    def _url(self, password: str) -> str:
        who = quote(self.user, safe="") + (f":{password}" if password else "")
        options = self.options
        host, port = self.host, f":{self.port}"
        if host.startswith("/"):
            # A socket directory cannot stand between @ and /, so libpq takes it from the query.
            options, host, port = (("host", host), ("port", str(self.port)), *options), "", ""
        elif ":" in host:
            host = f"[{host}]"
        query = urlencode(options, quote_via=quote) if options else ""
        return (
            f"postgresql://{who}{'@' if who else ''}{host}{port}/{quote(self.name, safe='')}"
            f"{'?' if query else ''}{query}"
        )


def parse_database_url(text: str) -> DatabaseAddress:
    """Take a PostgreSQL URL apart.

    Raises ValueError saying which part is missing or unescaped; no sentence repeats the password.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        raise ValueError("is not a URL: it should look like postgresql://user:password@host:5432/name")
    if scheme.lower() not in SCHEMES:
        raise ValueError(_scheme_problem(scheme.lower()))
    userinfo, place = _split_userinfo(rest)
    user, _, password = userinfo.partition(":")
    place, _, query = place.partition("?")
    authority, _, name = place.partition("/")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not options.keys() <= _OPTIONS:
        raise ValueError("has an option after '?' that PostgreSQL does not know (or an unescaped '?' in the password)")
    host, port_text = _split_port(authority)
    host = unquote(options.pop("host", "") or host)
    port_text = options.pop("port", "") or port_text
    if port_text and not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text) <= _PORT_MAX):
        raise ValueError("has a port that is not a number from 1 to 65535 (or an unescaped ':' in the password)")
    name = unquote(name) or options.pop("dbname", "")
    if not name:
        raise ValueError("names no database: add /name at the end")
    if "/" in name:
        raise ValueError("has more than one '/' after the host (write / as %2F)")
    user = unquote(user) or options.pop("user", "")
    secret = Secret(unquote(password) or options.pop("password", ""))
    return DatabaseAddress(user, secret, host, int(port_text or DEFAULT_PORT), name, tuple(options.items()))


def _scheme_problem(scheme: str) -> str:
    if scheme.startswith("sqlite"):
        return "names SQLite; PrimePOS keeps its books in PostgreSQL only"
    if scheme.startswith("postgres") and "+" in scheme:
        return "has a driver in its scheme; write postgresql:// alone"
    return "does not start with postgresql:// or postgres://"


def _split_userinfo(rest: str) -> tuple[str, str]:
    """Return what stands before and after the @ that ends user and password.

    Raises ValueError when user or password hold characters that end a part of a URL too early.
    """
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    before_query = rest.partition("?")[0]
    if "@" not in before_query and _HOST_AND_PORT.fullmatch(authority):
        return "", rest
    at = rest.rfind("@") if "@" not in before_query else before_query.rfind("@")
    if at < 0:
        return "", rest
    userinfo, place = rest[:at], rest[at + 1 :]
    user, _, password = userinfo.partition(":")
    raw = {character for character in user + password if character in _RAW_IN_USERINFO}
    if _ESCAPE.search(userinfo):
        raw.add("%")
    if raw:
        written = ", ".join(f"{character!r} as %{ord(character):02X}" for character in sorted(raw))
        raise ValueError(
            f"has unescaped characters in user or password: write {written} "
            "(so it reads postgresql://***:***@host:5432/name)"
        )
    return userinfo, place


def _split_port(authority: str) -> tuple[str, str]:
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        return host, port.lstrip(":")
    host, _, port = authority.partition(":")
    return host, port
