"""Mail, judged by a server that is not ours."""

from __future__ import annotations

import io
import socket
import ssl
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from primepos.adapters.mail import (
    BadMail,
    ConsoleMailer,
    DisabledMailer,
    Mail,
    MailDisabled,
    MailNotSecured,
    MailRefused,
    MailSignInRefused,
    MailUnavailable,
    MemoryMailer,
    SmtpMailer,
    build_mailer,
    written,
)
from primepos.core.settings import Secret, load_settings
from tests.deploy.live import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "till@brightfruit.shop", "mW5rT8yU2iO6pA9s"
MAIL = Mail(to="owner@brightfruit.shop", about="Grüße", text="Alles gut: 3 € übrig.\n")


class Inbox:
    """What a mail server took, and what it refuses."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], Any, bool]] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the name the library calls
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name the library calls
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, message, session.ssl is not None))
        return self.answers.get("DATA", "250 taken as 42")

    def authenticate(self, server, session, envelope, mechanism, given):
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=right, handled=right or None)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def mail_server(inbox: Inbox, context: ssl.SSLContext | None = None, **more: Any) -> Iterator[int]:
    """An SMTP server on loopback, with STARTTLS and a login where there is a context."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {"authenticator": inbox.authenticate, "auth_required": True} if context else {}
    controller = Controller(
        inbox, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=context is not None,
        **{**given, **more},
    )  # fmt: skip
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mailer(port: int, authority: Authority | None = None, **more: Any) -> SmtpMailer:
    chosen: dict[str, Any] = {"sender": f"Till <{USER}>", "user": USER, "password": Secret(PASSWORD), "timeout_s": 30}
    return SmtpMailer("localhost", port, ca_file=authority.file if authority else None, **{**chosen, **more})


def test_a_mail_goes_out_signed_in_and_over_starttls(authority):
    inbox, steps = Inbox(), []
    with mail_server(inbox, authority.issue("localhost")) as port:
        sent = mailer(port, authority, told=steps.append).send(MAIL)
    ((sender, recipients, message, was_secured),) = inbox.taken
    assert (sender, recipients, was_secured) == (USER, ["owner@brightfruit.shop"], True)
    assert (message["Subject"], message["To"], message["From"]) == ("Grüße", "owner@brightfruit.shop", f"Till <{USER}>")
    assert message.get_content().splitlines() == MAIL.text.splitlines()
    assert message["Message-ID"] == sent.message_id
    assert sent.message_id.endswith("@brightfruit.shop>")
    assert sent.reply == "taken as 42"
    assert steps == [f"connected to localhost:{port}", "STARTTLS: secured", "signed in", "taken: taken as 42"]


def test_signing_in_can_be_tried_without_sending(authority):
    inbox = Inbox()
    with mail_server(inbox, authority.issue("localhost")) as port:
        assert mailer(port, authority).greet()
    assert inbox.taken == []


def test_a_wrong_password_is_told_as_such_and_shown_nowhere(authority):
    inbox = Inbox()
    with mail_server(inbox, authority.issue("localhost")) as port, pytest.raises(MailSignInRefused) as refused:
        mailer(port, authority, password=Secret("wR0ng-and-secret")).send(MAIL)
    assert inbox.taken == []
    assert "535" in refused.value.message
    assert "wR0ng" not in refused.value.message + str(refused.value.data) + repr(refused.value)


def test_nothing_is_sent_where_the_connection_cannot_be_secured(authority):
    inbox = Inbox()
    with mail_server(inbox) as port, pytest.raises(MailNotSecured, match="offers no STARTTLS"):
        mailer(port).send(MAIL)
    unknown = pytest.raises(MailNotSecured, match="unable to get local issuer certificate")
    with mail_server(inbox, authority.issue("localhost")) as port, unknown:
        mailer(port).send(MAIL)
    with mail_server(inbox, authority.issue("other.shop")) as port, pytest.raises(MailNotSecured, match="mismatch"):
        mailer(port, authority).send(MAIL)
    assert inbox.taken == []


def test_what_may_pass_later_and_what_never_will_are_told_apart():
    inbox = Inbox()
    inbox.answers = {"full@brightfruit.shop": "452 mailbox full", "gone@brightfruit.shop": "550 no such user"}
    plain = {"starttls": False, "user": None, "password": None}
    with mail_server(inbox) as port:
        with pytest.raises(MailUnavailable, match="452 RCPT TO: mailbox full"):
            mailer(port, **plain).send(Mail(to="full@brightfruit.shop", about="a", text="b"))
        with pytest.raises(MailRefused, match="550 RCPT TO: no such user"):
            mailer(port, **plain).send(Mail(to="gone@brightfruit.shop", about="a", text="b"))
        inbox.answers = {"DATA": "554 looks like spam"}
        with pytest.raises(MailRefused, match="554 DATA: looks like spam"):
            mailer(port, **plain).send(MAIL)


def test_a_server_that_is_not_there_or_says_nothing_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(MailUnavailable, match=r"no answer within 0\.2 s"):
            mailer(silent.getsockname()[1], timeout_s=0.2).send(MAIL)
        port = silent.getsockname()[1]
    with pytest.raises(MailUnavailable, match="the connection is refused"):
        mailer(port).send(MAIL)
    with pytest.raises(MailUnavailable, match="the name is not known"):
        SmtpMailer("no-such-host.invalid", 587, sender=USER).send(MAIL)


def test_the_same_key_makes_the_same_mail():
    ids = {written(Mail(to="a@b.shop", about="a", text="b", key="01a2"), USER)["Message-ID"] for _ in range(2)}
    assert ids == {"<01a2@brightfruit.shop>"}
    others = {written(Mail(to="a@b.shop", about="a", text="b"), USER)["Message-ID"] for _ in range(2)}
    assert len(others) == 2


@pytest.mark.parametrize(
    "mail",
    [
        Mail(to="nobody", about="a", text="b"),
        Mail(to="", about="a", text="b"),
        Mail(to="grüße@b.shop", about="a", text="b"),
        Mail(to="a@b.shop\r\nBcc: c@d.shop", about="a", text="b"),
        Mail(to="a@b.shop, c@d.shop", about="a", text="b"),
        Mail(to="a@b.shop", about="a\r\nBcc: c@d.shop", text="b"),
    ],
)
def test_no_header_can_be_smuggled_in(mail):
    kept = MemoryMailer()
    with pytest.raises(BadMail):
        kept.send(mail)
    assert kept.sent == []


def test_the_console_shows_what_would_be_sent_and_obeys_nothing_in_it():
    stream = io.StringIO()
    ConsoleMailer(USER, stream).send(Mail(to="a@b.shop", about="Code", text="1234\x1b[2J\nsecond"))
    shown = stream.getvalue()
    assert "To: a@b.shop" in shown
    assert "1234\\x1b[2J\nsecond" in shown


def test_settings_choose_how_mail_goes(tmp_path):
    def chosen(**variables: str) -> Any:
        given = {"PRIMEPOS_ENV": "test", "PRIMEPOS_DATA_DIR": str(tmp_path), **variables}
        return build_mailer(load_settings(given, component="cli"))

    assert isinstance(chosen(EMAIL_BACKEND="console"), ConsoleMailer)
    assert isinstance(chosen(EMAIL_BACKEND="memory"), MemoryMailer)
    assert isinstance(chosen(EMAIL_BACKEND="disabled"), DisabledMailer)
    smtp = chosen(EMAIL_BACKEND="smtp", EMAIL_HOST="smtp.brightfruit.shop", DEFAULT_FROM_EMAIL=USER)
    assert smtp.server == "smtp.brightfruit.shop:587"
    with pytest.raises(MailDisabled):
        DisabledMailer().send(MAIL)
