"""What the tests of observability share: servers that listen, and a process that forgets what it was told to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from primepos.adapters.telemetry import starting
from primepos.core import observing
from tests.observability.sinks import a_sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.observability.sinks import Sink


@pytest.fixture(scope="session")
def sentry_sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with a_sink(tmp_path_factory.mktemp("tls")) as sink:
        yield sink


@pytest.fixture
def tracker(sentry_sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """Sentry, empty; nothing is sent there any more when the test is over."""
    assert sentry_sink.ca_file is not None
    monkeypatch.setenv("SSL_CERT_FILE", str(sentry_sink.ca_file))
    while not sentry_sink.arrived.empty():
        sentry_sink.arrived.get()
    sentry_sink.raw.clear()
    yield sentry_sink
    import sentry_sdk

    sentry_sdk.get_client().close(timeout=2)
    sentry_sdk.init(default_integrations=False, auto_enabling_integrations=False)


@pytest.fixture(autouse=True)
def _silent_again() -> Iterator[None]:
    yield
    observing.trace_with(None)
    starting._State.flush = ()
