"""Mail to the world outside: by SMTP, to the console, into memory, or not at all.

Sending waits on a network, so nothing sends inside a transaction: an operation queues a job, and the job sends.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, make_msgid, parseaddr
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from primepos.core.errors import BadConfiguration, InvalidInput, RuleViolation, Unavailable
from primepos.core.redaction import Redactor, printable
from primepos.core.settings import EmailBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from primepos.core.settings import Secret, Settings

TIMEOUT_S = 10
REPLY_CAP = 200
SUBMISSION_PORT, TLS_PORT = 587, 465
_TEMPORARY: Final = range(400, 500)


class MailUnavailable(Unavailable):
    """The mail server does not answer, or asks to be tried again later."""

    code = "MAIL_UNAVAILABLE"
    template = "The mail server {server} does not answer: {problem}"


class MailNotSecured(BadConfiguration):
    """The connection to the mail server cannot be secured: it offers no STARTTLS, or its certificate is not good."""

    code = "MAIL_NOT_SECURED"
    template = "The connection to {server} cannot be secured: {problem}"
    hint = "587 speaks STARTTLS (EMAIL_USE_TLS), 465 TLS from the first byte (EMAIL_USE_SSL)."


class MailSignInRefused(BadConfiguration):
    """The mail server does not take the login: EMAIL_HOST_USER or EMAIL_HOST_PASSWORD is wrong, or it wants none."""

    code = "MAIL_SIGN_IN_REFUSED"
    template = "The mail server {server} refuses the login: {reply}"


class MailRefused(RuleViolation):
    """The mail server refuses this mail for good: its sender, its recipient or its content."""

    code = "MAIL_REFUSED"
    template = "The mail server {server} refuses the mail: {reply}"


class MailDisabled(BadConfiguration):
    """Mail is switched off (EMAIL_BACKEND)."""

    code = "MAIL_DISABLED"
    template = "Mail is switched off"
    hint = "Set EMAIL_BACKEND=smtp and EMAIL_HOST."


class BadMail(InvalidInput):
    """A mail that cannot be written: no address, or a line break where none may be."""

    code = "BAD_MAIL"
    template = "The mail cannot be written: {problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail in plain text to one recipient. ``about`` is its subject; the same ``key`` makes it the same mail."""

    to: str
    about: str
    text: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a mail: its Message-ID, and what the server said when it took it."""

    message_id: str
    reply: str


class Mailer(Protocol):
    """Sends mail."""

    def send(self, mail: Mail) -> Sent:
        """Hand a mail over. Raises: MailUnavailable when trying again later may help; the others are final."""
        ...


class SmtpMailer:
    """Sends by SMTP, over TLS from the first byte, after STARTTLS, or (on this machine only) in the clear."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        user: str | None = None,
        password: Secret | None = None,
        starttls: bool = True,
        tls: bool = False,
        timeout_s: float = TIMEOUT_S,
        ca_file: Path | None = None,
        told: Callable[[str], None] | None = None,
    ) -> None:
        """Send as ``sender``; ``told`` hears of each step, in words without secrets."""
        self.server = f"{host}:{port}"
        self._host, self._port, self._sender = host, port, sender
        self._user, self._password = user, password
        self._starttls, self._tls, self._timeout_s, self._ca_file = starttls, tls, timeout_s, ca_file
        self._told = told or (lambda _step: None)

    def send(self, mail: Mail) -> Sent:
        """Send one mail. Raises: MailUnavailable, MailNotSecured, MailSignInRefused, MailRefused, BadMail."""
        message = written(mail, self._sender)
        with self._signed_in() as connection, self._refusals():
            connection.ehlo_or_helo_if_needed()
            sender, recipient = parseaddr(self._sender)[1], parseaddr(mail.to)[1]
            code, reply = connection.mail(sender)
            self._expect(code, reply, "MAIL FROM")
            code, reply = connection.rcpt(recipient)
            self._expect(code, reply, "RCPT TO")
            code, reply = connection.data(message.as_bytes(policy=SMTP))
            self._expect(code, reply, "DATA")
            said = _shown(reply)
        self._told(f"taken: {said}")
        return Sent(message["Message-ID"], said)

    def greet(self) -> str:
        """Sign in and leave again without sending anything; return the server's greeting.

        Raises: MailUnavailable, MailNotSecured, MailSignInRefused.
        """
        with self._signed_in() as connection:
            return _shown(connection.ehlo_resp or connection.helo_resp or b"").partition("\n")[0]

    @contextmanager
    def _signed_in(self) -> Iterator[smtplib.SMTP]:
        with self._refusals():
            connection = self._connected()
        try:
            with self._refusals():
                self._secure(connection)
                self._sign_in(connection)
            yield connection
        finally:
            try:
                connection.quit()
            except (smtplib.SMTPException, OSError):
                connection.close()

    def _connected(self) -> smtplib.SMTP:
        if self._tls:
            made: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout_s, context=self._context()
            )
        else:
            made = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        made.ehlo_or_helo_if_needed()
        self._told(f"connected to {self.server}{' over TLS' if self._tls else ''}")
        return made

    def _secure(self, connection: smtplib.SMTP) -> None:
        if self._tls or not self._starttls:
            return
        if not connection.has_extn("starttls"):
            raise MailNotSecured(server=self.server, problem="it offers no STARTTLS")
        connection.starttls(context=self._context())
        connection.ehlo()
        self._told("STARTTLS: secured")

    def _sign_in(self, connection: smtplib.SMTP) -> None:
        if not self._user or self._password is None:
            return
        if not connection.has_extn("auth"):
            raise MailSignInRefused(server=self.server, reply="it offers no sign-in here")
        connection.login(self._user, self._password.reveal())
        self._told("signed in")

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(cafile=self._ca_file)
        return context

    def _expect(self, code: int, reply: bytes, command: str) -> None:
        if code not in range(200, 300):
            raise smtplib.SMTPResponseException(code, f"{command}: {_shown(reply)}".encode())

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Turn what goes wrong on the way into what a job can decide by: try again, or give up."""
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            raise self._answered(error, MailSignInRefused) from None
        except smtplib.SMTPResponseException as error:
            raise self._answered(error, MailRefused) from None
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(server=self.server, reply=_shown(str(error))) from None
        except ssl.SSLError as error:
            problem = getattr(error, "verify_message", "") or (error.reason or "TLS broke").replace("_", " ").lower()
            raise MailNotSecured(server=self.server, problem=problem) from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnavailable(server=self.server, problem=_trouble(error, self._timeout_s)) from None

    def _answered(
        self, error: smtplib.SMTPResponseException, final: type[MailSignInRefused | MailRefused]
    ) -> MailUnavailable | MailSignInRefused | MailRefused:
        reply = f"{error.smtp_code} {_shown(error.smtp_error)}"
        if error.smtp_code in _TEMPORARY:
            return MailUnavailable(server=self.server, problem=reply)
        return final(server=self.server, reply=reply)


class ConsoleMailer:
    """Prints mails, for development."""

    def __init__(self, sender: str, stream: TextIO | None = None) -> None:
        """Print to ``stream``, standard error where none is given."""
        self._sender, self._stream = sender, stream

    def send(self, mail: Mail) -> Sent:
        """Print one mail. Raises: BadMail."""
        message = written(mail, self._sender)
        shown = [f"{name}: {printable(str(value))}" for name, value in message.items()]
        text = "\n".join(printable(line) for line in mail.text.splitlines())
        print("\n".join([*shown, "", text, "-" * 20]), file=self._stream or sys.stderr)
        return Sent(message["Message-ID"], "printed")


@dataclass(slots=True)
class MemoryMailer:
    """Keeps mails, for tests; the newest is last."""

    sender: str = "test@localhost"
    sent: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail) -> Sent:
        """Keep one mail. Raises: BadMail."""
        message = written(mail, self.sender)
        self.sent.append(mail)
        return Sent(message["Message-ID"], "kept")


class DisabledMailer:
    """Sends nothing."""

    def send(self, mail: Mail) -> Sent:
        """Refuse. Raises: MailDisabled."""
        del mail
        raise MailDisabled


def build_mailer(settings: Settings, *, told: Callable[[str], None] | None = None) -> Mailer:
    """Return what sends mail for an installation with these settings. Raises: MailDisabled without EMAIL_HOST."""
    match settings.email_backend:
        case EmailBackend.SMTP:
            return smtp_mailer(settings, told=told)
        case EmailBackend.CONSOLE:
            return ConsoleMailer(settings.default_from_email)
        case EmailBackend.MEMORY:
            return MemoryMailer(settings.default_from_email)
        case EmailBackend.DISABLED:
            return DisabledMailer()


def smtp_mailer(settings: Settings, *, told: Callable[[str], None] | None = None) -> SmtpMailer:
    """Return the SMTP mailer of these settings, whatever EMAIL_BACKEND is. Raises: MailDisabled without EMAIL_HOST."""
    if not settings.email_host:
        raise MailDisabled
    return SmtpMailer(
        settings.email_host,
        settings.email_port,
        sender=settings.default_from_email,
        user=settings.email_host_user,
        password=settings.email_host_password,
        starttls=settings.email_use_tls,
        tls=settings.email_use_ssl,
        told=told,
    )


def written(mail: Mail, sender: str) -> EmailMessage:
    """Return a mail as it goes over the wire. Raises: BadMail, for a line break in an address or a subject too."""
    name, address = parseaddr(mail.to)
    domain = address.rpartition("@")[2]
    if "@" not in address or not domain or any(character in mail.to for character in "\r\n,"):
        raise BadMail(problem="the recipient is no mail address")
    if not address.isascii():
        raise BadMail(problem="the recipient's address has other than ASCII letters")
    message = EmailMessage()
    try:
        message["From"] = sender
        message["To"] = formataddr((name, address)) if name else address
        message["Subject"] = mail.about
    except ValueError:
        raise BadMail(problem="the subject or an address has a line break") from None
    message["Date"] = format_datetime(datetime.now(UTC))
    ours = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    message["Message-ID"] = make_msgid(domain=ours) if mail.key is None else f"<{mail.key}@{ours}>"
    # What is sent by a machine asks for no holiday notes.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _shown(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return Redactor().text(" ".join(text.split()), cap=REPLY_CAP)


def _trouble(error: BaseException, timeout_s: float) -> str:
    match error:
        case _ if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            return f"no answer within {timeout_s:g} s"
        case socket.gaierror():
            return "the name is not known"
        case ConnectionRefusedError():
            return "the connection is refused"
        case smtplib.SMTPServerDisconnected():
            return "it broke the connection off"
        case OSError(strerror=str() as told):
            return told.lower()
        case _:
            return type(error).__name__
