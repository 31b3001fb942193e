"""Run the command line in this process, against the App of the tests."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from primepos.cli import session
from primepos.cli.main import app as root
from primepos.cli.main import run


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def refusal(self) -> dict[str, Any]:
        """What it printed on stderr with ``--json``."""
        assert self.out == ""
        found: dict[str, Any] = json.loads(self.err)
        return found


class _Piped(io.TextIOWrapper):
    def isatty(self) -> bool:
        return False


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[..., Ran]:
    """Run ``primepos ARGS`` without a terminal; ``given`` is its stdin."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("PRIMEPOS_TOKEN", "PRIMEPOS_TENANT", "PRIMEPOS_PASSWORD", "PRIMEPOS_PIN"):
        monkeypatch.delenv(name, raising=False)

    def call(*args: str, given: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", _Piped(io.BytesIO(given.encode()), encoding="utf-8"))
        capsys.readouterr()
        code = run(root, args)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture
def in_app(app: Any) -> Iterator[Any]:
    """Let commands run on the App of this test."""
    session.use_app(app)
    yield app
    session.use_app(None)


@pytest.fixture
def in_shop(in_app: Any, shop: Any, command: Callable[..., Ran]) -> Callable[..., Ran]:
    """Run a command inside this test's shop: ``--tenant`` is added."""

    def call(*args: str, given: str = "") -> Ran:
        return command(*args, "--tenant", shop.slug, given=given)

    return call
