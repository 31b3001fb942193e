"""Servers that stand for Sentry and for a trace collector: they keep what they are sent, as it came over the wire."""

from __future__ import annotations

import gzip
import json
import queue
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 60


class Sink:
    """What arrived, in order: path, headers, body."""

    def __init__(self, url: str, ca_file: Path | None = None) -> None:
        self.url = url
        self.ca_file = ca_file
        self.arrived: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()
        self.raw: list[bytes] = []

    def next(self) -> tuple[str, dict[str, str], bytes]:
        """Return the next request; waits for it."""
        return self.arrived.get(timeout=PATIENCE_S)

    @property
    def dsn(self) -> str:
        """The DSN of project 42 here."""
        return self.url.replace("://", "://publickeycanary5f2b@") + "/42"

    def event(self, kind: str = "event") -> dict[str, Any]:
        """Return the next event of a kind, out of its envelope."""
        while True:
            path, _, body = self.next()
            assert path == "/api/42/envelope/"
            for header, payload in envelope(body):
                if header["type"] == kind:
                    return payload


def envelope(body: bytes) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield header and payload of every item of a Sentry envelope: lines of JSON, payloads of a told length."""
    first, _, rest = body.partition(b"\n")
    assert "event_id" in json.loads(first) or "sent_at" in json.loads(first)
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        length = header.get("length", len(rest.partition(b"\n")[0]))
        payload, rest = rest[:length], rest[length:].lstrip(b"\n")
        yield header, json.loads(payload)


@contextmanager
def a_sink(tls_dir: Path | None = None) -> Iterator[Sink]:
    """Run a server on a free port; with ``tls_dir`` it speaks TLS with a certificate of its own authority."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sink.raw.append(body)
            sink.arrived.put((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_of: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme, ca_file = "http", None
    if tls_dir is not None:
        scheme, ca_file = "https", _certificate(tls_dir)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca_file, tls_dir / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sink = Sink(f"{scheme}://127.0.0.1:{server.server_address[1]}", ca_file)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "cert.pem"
