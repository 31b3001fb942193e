"""Services that the installation reaches, tried for good: the mail server and the bucket. Only with --active."""

from __future__ import annotations

import secrets
import smtplib
import ssl
import time
from typing import TYPE_CHECKING

from primepos.core.errors import PrimePOSError
from primepos.core.settings_types import EmailBackend
from primepos.deploy.check import MEDIUM, Needs, Outcome, check, failed, not_applicable, passed

if TYPE_CHECKING:
    from primepos.core.settings import Settings
    from primepos.deploy.target import Target

TIMEOUT_S = 10
_UNFIT = "the environment is not fit to start with, so its services cannot be tried"
_BUCKET_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_STORAGE_BUCKET_NAME")
_PAYLOAD = b"A file of `primepos check-deploy --active`; it is removed at once."


@check(
    "OPS083", MEDIUM, Needs.ACTIVE, rule="The mail server answers, encrypts and takes the login",
    remedy="Correct EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS or EMAIL_USE_SSL, or the login.", anchor="audit, appendix B",
)  # fmt: skip
def mail_server_takes_us(target: Target) -> Outcome:
    """No mail is sent: only the greeting, the encryption and the login are tried."""
    settings = target.settings
    if settings is None:
        return failed(_UNFIT)
    if settings.email_backend is not EmailBackend.SMTP or settings.email_host is None:
        return not_applicable(f"mail goes to {settings.email_backend.value}")
    try:
        return _greeted(settings, settings.email_host)
    except smtplib.SMTPAuthenticationError as error:
        return failed(f"{settings.email_host} refused the login ({error.smtp_code})")
    except smtplib.SMTPNotSupportedError as error:
        return failed(f"{settings.email_host} {error}".rstrip("."))
    except ssl.SSLError as error:
        return failed(f"{settings.email_host}: no encrypted connection ({error.reason or type(error).__name__})")
    except (smtplib.SMTPException, OSError) as error:
        return failed(f"{settings.email_host}:{settings.email_port} does not answer as a mail server does"
                      f" ({type(error).__name__})")  # fmt: skip


def _greeted(settings: Settings, host: str) -> Outcome:
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if settings.email_use_ssl:
        server = smtplib.SMTP_SSL(host, settings.email_port, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, settings.email_port, timeout=TIMEOUT_S)
    with server:
        code, greeting = server.ehlo()
        seen = [f"{host}:{settings.email_port} {code} {greeting.split(maxsplit=1)[0].decode('ascii', 'replace')}"]
        if settings.email_use_tls and not settings.email_use_ssl:
            server.starttls(context=context)
            server.ehlo()
        version = getattr(server.sock, "version", lambda: None)()
        if version is None:
            return failed(f"{seen[0]}: the connection is not encrypted")
        seen.append(str(version))
        if settings.email_host_user and settings.email_host_password:
            server.login(settings.email_host_user, settings.email_host_password.reveal())
            seen.append("login taken")
    return passed(", ".join(seen))


@check(
    "OPS084", MEDIUM, Needs.ACTIVE, rule="A file can be put into the bucket, read back and removed",
    remedy="Correct AWS_*, or the policy of the bucket: it needs PutObject, GetObject, ListBucket and DeleteObject.",
    anchor="audit, appendix B",
)  # fmt: skip
def bucket_keeps_a_file(target: Target) -> Outcome:
    """A key without the right to delete keeps every backup for ever; one without put keeps none."""
    settings = target.settings
    if settings is None:
        return failed(_UNFIT)
    if settings.aws_storage_bucket_name is None or settings.aws_access_key_id is None:
        return not_applicable("no bucket is configured")
    from primepos.adapters.storage.s3 import S3Store

    name = f"primepos-gate-{secrets.token_hex(6)}.txt"
    began = time.monotonic()
    try:
        store = S3Store.of(f"s3://{settings.aws_storage_bucket_name}/primepos-gate", settings)
        store.put(name, [_PAYLOAD])
        with store.open(name) as stream:
            same = stream.read() == _PAYLOAD
        store.delete(name)
        left = any(one.name == name for one in store.files())
    except PrimePOSError as error:
        return failed(str(error.message))
    if not same or left:
        return failed(f"{store.where} " + ("gave back other bytes" if not same else "kept the file that was removed"))
    took_ms = round((time.monotonic() - began) * 1000)
    return passed(f"{store.where}: put, read and removed {len(_PAYLOAD)} bytes in {took_ms} ms")
