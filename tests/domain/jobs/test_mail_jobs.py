"""Mail by way of the queue: sent if what it tells of was committed, tried again where that can help."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from primepos.adapters.mail import MailRefused, MailUnavailable, MemoryMailer
from primepos.core.db import apart
from primepos.core.errors import BadConfiguration
from primepos.core.operations import NoPost
from primepos.domain.jobs.mail import SEND_EMAIL, queue_email
from primepos.domain.jobs.queue import TransactionalQueue
from primepos.worker import run_worker
from tests.factories import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App

MAIL = {"to": "owner@brightfruit.shop", "about": "Day closed", "text": "104.50 in the drawer", "key": "01a2-b3c4"}


@pytest.fixture
def alone(make_app: Callable[..., App], fresh_database: str) -> App:
    return make_app(fresh_database, EMAIL_BACKEND="memory", DEFAULT_FROM_EMAIL="till@brightfruit.shop")


def queue(app: App, *, fails: bool = False) -> None:
    def work(uow: UnitOfWork) -> None:
        TransactionalQueue().defer(uow, SEND_EMAIL, **MAIL)
        if fails:
            raise BadConfiguration("after the mail was queued")

    apart(app.database.system_session, work)


def test_an_operation_queues_a_mail_in_its_own_transaction(alone: App) -> None:
    def work(uow: UnitOfWork) -> None:
        context: Any = SimpleNamespace(jobs=TransactionalQueue(), uow=uow)
        queue_email(context, to=MAIL["to"], about=MAIL["about"], text=MAIL["text"])

    apart(alone.database.system_session, work)
    run_worker(alone, once=True)
    (sent,) = alone.mail.mailer.sent
    assert (sent.to, sent.about, sent.text) == (MAIL["to"], MAIL["about"], MAIL["text"])
    assert sent.key


def waiting(app: App) -> list[dict[str, Any]]:
    return rows(app, "SELECT status::text, attempts FROM procrastinate_jobs ORDER BY id")


def test_a_queued_mail_is_sent_once_and_forgotten(alone: App) -> None:
    queue(alone)
    run_worker(alone, once=True)
    mailer = alone.mail.mailer
    assert isinstance(mailer, MemoryMailer)
    assert [(one.to, one.about, one.text, one.key) for one in mailer.sent] == [tuple(MAIL.values())]
    assert waiting(alone) == []


def test_a_mail_of_an_act_that_failed_is_never_sent(alone: App) -> None:
    with pytest.raises(BadConfiguration):
        queue(alone, fails=True)
    assert waiting(alone) == []


class Broken:
    """A mail server that has always the same trouble."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def send(self, **_mail: str) -> None:
        raise self.error


def test_what_may_pass_later_is_tried_again_and_what_never_will_is_kept(alone: App) -> None:
    alone.mail = Broken(MailUnavailable(server="smtp:587", problem="452 mailbox full"))
    queue(alone)
    run_worker(alone, once=True)
    assert waiting(alone) == [{"status": "todo", "attempts": 1}]
    alone.mail = Broken(MailRefused(server="smtp:587", reply="550 no such user"))
    queue(alone)
    run_worker(alone, once=True)
    assert waiting(alone) == [{"status": "todo", "attempts": 1}, {"status": "failed", "attempts": 1}]


def test_an_app_without_mail_says_so() -> None:
    with pytest.raises(BadConfiguration, match="without mail"):
        NoPost().send(to="a@b.shop", about="a", text="b", key="c")
