"""A till on a real server for tests: staff with PINs, keys one by one, a server that can be away."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from primepos.bootstrap import build_local_runner
from primepos.core.db import run_in_transaction
from primepos.core.errors import Unavailable
from primepos.core.security import hash_pin
from primepos.domain.staff.models import StaffMember
from primepos.till.till import Till, open_till

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primepos.core.clock import Clock
    from primepos.core.operations import App
    from tests.factories import Shop

CASHIER, CASHIER_PIN = "7", "8264"
MANAGER, MANAGER_PIN = "1", "9153"
KEYS = {"+": "plus", "-": "minus", "%": "percent_sign", "*": "asterisk", ".": "full_stop", "?": "question_mark"}


class Line:
    """The way from the till to the server: counts calls, and can be cut before or after the server has acted."""

    def __init__(self, runner: Any) -> None:
        self.runner = runner
        self.calls: list[str] = []
        self.down = False
        self.lose_answers_of: set[str] = set()
        self.refuse: Callable[[str, Any], Exception | None] = lambda _name, _data: None

    def run(self, operation: str, data: Any = None, *, person: Any = None) -> Any:
        self.calls.append(operation)
        if self.down:
            raise Unavailable
        error = self.refuse(operation, data)
        if error is not None:
            raise error
        answer = self.runner.run(operation, data, person=person)
        if operation in self.lose_answers_of:
            raise Unavailable
        return answer


@dataclass
class World:
    """A till and all around it."""

    app: App
    shop: Shop
    line: Line
    data_dir: Path
    clock: Clock
    tills: list[Till] = field(default_factory=list)
    till: Till = field(init=False)

    def __post_init__(self) -> None:
        self.till = self.open()

    def open(self) -> Till:
        """Open the till of the shop, as after a start of the program."""
        opened = open_till(self.line, self.shop.till_id, data_dir=self.data_dir, clock=self.clock)
        self.tills.append(opened)
        return opened

    def restart(self) -> None:
        """Stop the till and start it again."""
        self.till.close()
        self.till = self.open()

    def press(self, *keys: str) -> int:
        """Press keys: ``enter``, ``f12``, ``delete`` by name, anything else is typed; return how many that were."""
        count = 0
        for key in keys:
            named = len(key) > 1 and (
                key in NAMED or key.startswith(("f1", "f2", "f3", "f5", "f6", "f7", "f8", "f9", "ctrl+"))
            )
            for sign in [key] if named else key:
                command = self.till.keyboard.press(sign, None if named else sign)
                count += 1
                if command is not None:
                    self.till.engine.handle(command)
        return count

    def scan(self, code: str) -> None:
        """What a scanner does: type a code and end with Enter."""
        self.press(code, "enter")

    def sign_in(self, code: str = CASHIER, pin: str = CASHIER_PIN) -> None:
        self.press(code, "enter", pin, "enter")

    def ready(self, opening: str = "100") -> World:
        """Sign in as the cashier and open a shift."""
        self.sign_in()
        self.press(opening, "enter")
        assert self.error == "", self.error
        return self

    def approve(self, code: str = MANAGER, pin: str = MANAGER_PIN) -> None:
        self.press(code, "enter", pin, "enter")

    @property
    def view(self) -> Any:
        return self.till.engine.view()

    @property
    def error(self) -> str:
        """The message that stands over the screen, empty if none."""
        box = self.till.engine.box
        return " ".join(box.lines) if box is not None and box.kind == "error" else ""

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        return [(line.name, line.quantity, line.total) for line in self.view.lines]

    @property
    def total(self) -> str:
        return self.view.total

    def close(self) -> None:
        for each in self.tills:
            each.close()


NAMED = {"enter", "escape", "delete", "backspace", "up", "down"}


@cache
def _hashed(pin: str, pepper: Any) -> str:
    """Hashing is slow on purpose: once for a run is enough."""
    return hash_pin(pin, pepper)


def a_world(app: App, shop: Shop, data_dir: Path, clock: Clock) -> World:
    """Return a till of ``shop`` with a cashier (7) and a manager (1), signed out."""
    pepper = app.settings.pin_pepper

    def work(uow: Any) -> None:
        for code, name, role, pin in (
            (CASHIER, "Anna", "cashier", CASHIER_PIN),
            (MANAGER, "Mo", "manager", MANAGER_PIN),
        ):
            uow.session.add(
                StaffMember(
                    tenant_id=shop.tenant_id,
                    code=code,
                    name=name,
                    role=role,
                    pin_hash=_hashed(pin, pepper),
                )
            )
        uow.commit()

    run_in_transaction(app.database.system_session, work)
    runner = build_local_runner(app, shop.till_id, shop.outlet_id, shop.tenant_id, "Till 1")
    return World(app, shop, Line(runner), data_dir, clock)
