"""What a server shows when TLS begins: its certificate, who vouches for it, and which versions it still takes."""

from __future__ import annotations

import os
import socket
import ssl
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

Place = tuple[str, int]

# OpenSSL's numbers: not yet valid, expired; and the flag by which it does not look at the dates.
_NOT_IN_TIME: Final = frozenset({9, 10})
_NO_CHECK_TIME: Final = 0x200000

_HANDSHAKE, _SERVER_HELLO = 22, 2
_OLD_VERSIONS = {(3, 0): "SSL 3.0", (3, 1): "TLS 1.0", (3, 2): "TLS 1.1"}
# What servers of that time understood: ECDHE and RSA key exchange with AES and 3DES.
_OLD_CIPHERS = bytes.fromhex("c013c014c009c00a0033003900160035002f000a00ff")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate. ``problem`` says why it is not trusted for its host, dates aside; None: it is."""

    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    in_time: bool
    problem: str | None
    version: str

    @property
    def is_good(self) -> bool:
        """Whether a browser would take it now."""
        return self.problem is None and self.in_time


def unverified() -> ssl.SSLContext:
    """Return a context for asking whoever answers: nothing secret is ever sent, and the certificate is judged apart."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def look_at(place: Place, target: Place, timeout_s: float, ca_file: Path | None = None) -> Certificate:
    """Return what the server at ``target`` shows for the host of ``place``. Raises OSError where it shows nothing."""
    in_time = True
    problem: str | None = None
    try:
        shown, version = _shake_hands(_trusting(_extra(ca_file)), place[0], target, timeout_s)
    except ssl.SSLCertVerificationError as error:
        in_time, problem = error.verify_code not in _NOT_IN_TIME, error.verify_message
        if not in_time:
            problem = _problem_but_dates(place, target, timeout_s, ca_file)
        shown, version = _as_it_is(place[0], target, timeout_s)
    return Certificate(
        issuer=_name(shown["issuer"]),
        names=tuple(value for kind, value in shown.get("subjectAltName", ()) if kind in {"DNS", "IP Address"}),
        begins=_moment(shown["notBefore"]),
        ends=_moment(shown["notAfter"]),
        in_time=in_time,
        problem=problem,
        version=version,
    )


def oldest_taken(host: str, target: Place, timeout_s: float) -> str | None:
    """Return the version a server chooses that is offered at most TLS 1.1, None where it refuses.

    The greeting is written by hand: this machine's OpenSSL is often built so that it cannot offer one that old.
    Raises OSError where nobody answers.
    """
    with socket.create_connection(target, timeout_s) as sock:
        sock.sendall(_old_hello(host))
        try:
            head = _received(sock, 11)
        except ConnectionError:
            # Breaking off is a refusal as well as an alert.
            return None
    if head[0] != _HANDSHAKE or head[5] != _SERVER_HELLO:
        return None
    return _OLD_VERSIONS.get((head[9], head[10]), f"version {head[9]}.{head[10]}")


def _extra(ca_file: Path | None) -> str | None:
    return str(ca_file) if ca_file is not None else os.environ.get("SSL_CERT_FILE") or None


@cache
def _trusting(extra: str | None, *, at_any_time: bool = False) -> ssl.SSLContext:
    """Return a context that trusts this system's authorities and those of one more file; reading them takes long."""
    context = ssl.create_default_context()
    if extra is not None:
        context.load_verify_locations(cafile=extra)
    if at_any_time:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def _problem_but_dates(place: Place, target: Place, timeout_s: float, ca_file: Path | None) -> str | None:
    """Return what else is wrong with a certificate that is out of date."""
    try:
        _shake_hands(_trusting(_extra(ca_file), at_any_time=True), place[0], target, timeout_s)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return None


def _as_it_is(host: str, target: Place, timeout_s: float) -> tuple[dict[str, Any], str]:
    """Return a certificate that nobody vouches for: Python shows only what is trusted, so it vouches for itself."""
    with (
        socket.create_connection(target, timeout_s) as sock,
        unverified().wrap_socket(sock, server_hostname=host) as wrapped,
    ):
        raw = wrapped.getpeercert(binary_form=True) or b""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=raw)
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME) | ssl.VERIFY_X509_PARTIAL_CHAIN
    return _shake_hands(context, host, target, timeout_s)


def _shake_hands(context: ssl.SSLContext, host: str, target: Place, timeout_s: float) -> tuple[dict[str, Any], str]:
    with (
        socket.create_connection(target, timeout_s) as sock,
        context.wrap_socket(sock, server_hostname=host) as wrapped,
    ):
        shown: dict[str, Any] = dict(wrapped.getpeercert() or {})
        return shown, wrapped.version() or "?"


def _name(parts: Any) -> str:
    """Return the organisation and the common name of an issuer."""
    fields = {key: value for part in parts for key, value in part}
    told = dict.fromkeys(fields[key] for key in ("organizationName", "commonName") if key in fields)
    return ", ".join(told) or "nobody"


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _received(sock: socket.socket, count: int) -> bytes:
    """Return the next bytes. Raises ConnectionError where it ends before; an alert is shorter and filled up."""
    got = b""
    while len(got) < count:
        part = sock.recv(count - len(got))
        if not part:
            if got and got[0] != _HANDSHAKE:
                return got.ljust(count, b"\0")
            raise ConnectionError("broken off")
        got += part
        if got[0] != _HANDSHAKE:
            return got.ljust(count, b"\0")
    return got


def _old_hello(host: str) -> bytes:
    """Return a greeting that offers TLS 1.1 at most (RFC 4346), naming the host (RFC 6066)."""
    extensions = struct.pack("!HHHHH", 10, 8, 6, 23, 24) + struct.pack("!H", 25)
    extensions += struct.pack("!HHBB", 11, 2, 1, 0)
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        name = host.encode("idna")
        extensions += struct.pack("!HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    body = b"\x03\x02" + os.urandom(32) + b"\0"
    body += struct.pack("!H", len(_OLD_CIPHERS)) + _OLD_CIPHERS + b"\x01\0"
    body += struct.pack("!H", len(extensions)) + extensions
    hello = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack("!H", len(hello)) + hello
