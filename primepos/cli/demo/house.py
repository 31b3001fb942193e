"""Sets the demo shop up once, keeps its PINs, and opens one of its tills.

The PINs are made on each machine (no PIN can be known beforehand) and kept in a private file of the data directory,
since a demo that cannot be signed in to shows nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from primepos import bootstrap
from primepos.cli import session
from primepos.cli.provisioning import Provisioner, load_shop
from primepos.core.embedded import locks
from primepos.core.errors import Conflict, RuleViolation
from primepos.core.settings import Environment, Settings
from primepos.core.settings_keys import write_private
from primepos.domain.tenancy.errors import TenantNotFound
from primepos.till.errors import JournalInUse
from primepos.till.till import Till, open_till

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.clock import Clock
    from primepos.core.context import Identity
    from primepos.core.operations import App

SLUG: Final = "demo"
OUTLET: Final = "quay"
OWNER, MANAGER, CASHIER = "1", "2", "11"
_PINS: Final = "demo-pins.json"
_LOCK: Final = "demo.lock"
_MOST_TILLS: Final = 9
_EACH, _WEIGHED = "120", "45"


class NoPlaceForDemo(RuleViolation):
    """A real shop's data are no place to play in."""

    code = "NO_PLACE_FOR_DEMO"
    template = "This is a {environment} environment; the demo is for development"
    hint = "Give it a directory of its own: PRIMEPOS_ENV=development PRIMEPOS_DATA_DIR=~/primepos-demo primepos demo"


class DemoNotAlone(Conflict):
    """Other tenants live in the demo's database, so it cannot be thrown away as a whole."""

    code = "DEMO_NOT_ALONE"
    template = "Other tenants live in this database too: {tenants}"
    hint = "Use a data directory of its own for the demo: PRIMEPOS_DATA_DIR."


class TillsBusy(Conflict):
    """Every till of the demo is open somewhere."""

    code = "TILLS_BUSY"
    template = "All {count} tills of the demo are in use"


def content(name: str) -> str:
    """Return one of the demo's texts: ``shop.yaml`` or ``day.till``."""
    return resources.files("primepos.cli.demo").joinpath(name).read_text(encoding="utf-8")


def check_place(settings: Settings) -> None:
    """Refuse to play in a real shop's data. Raises NoPlaceForDemo."""
    if settings.environment not in {Environment.DEVELOPMENT, Environment.TEST}:
        raise NoPlaceForDemo(environment=settings.environment.value)


class DemoHouse:
    """The demo's installation: database, tenant, people and tills."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, tell: Callable[[str], None]) -> None:
        """Nothing is started yet; ``tell`` hears what takes its time."""
        check_place(settings)
        self.settings = settings
        self._clock = clock
        self._tell = tell
        self._cluster: Any = None
        self.app: App
        self.owner: Identity
        self.pins: dict[str, str] = {}

    @contextmanager
    def opened(self) -> Iterator[DemoHouse]:
        """Start the database, set the shop up where it is missing, and stop again what was started here."""
        url = self._start()
        database = bootstrap.build_database(self.settings, url)
        try:
            self.app = bootstrap.build_app(self.settings, database=database, clock=self._clock)
            session.use_app(self.app)
            with self._alone():
                self._set_up()
            yield self
        finally:
            session.use_app(None)
            database.dispose()
            if self._cluster is not None:
                self._cluster.leave()

    def _start(self) -> str:
        from primepos.adapters import schema_revision

        if self.settings.uses_embedded_database:
            self._cluster = bootstrap.embedded_cluster(self.settings)
            if self._cluster.status().state == "absent":
                self._tell("Making a database of its own for the demo (PostgreSQL, nothing to install) ...")
            # The demo leaves nothing running behind.
            self._cluster.ensure_running(keep=False)
            self._cluster.create_database(bootstrap.EMBEDDED_DATABASE)
            url: str = self._cluster.owner_url(bootstrap.EMBEDDED_DATABASE)
        else:
            url = bootstrap.migration_url(self.settings)
        if not schema_revision.is_current(url):
            from primepos.adapters import migrations

            self._tell("Building the tables ...")
            migrations.upgrade(url)
        return url if self._cluster is not None else bootstrap.database_url(self.settings)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two that start at once take turns: one sets up, the other finds it done."""
        self.settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = locks.take(self.settings.data_dir / _LOCK)
        assert held is not None, "whoever waits gets it"  # noqa: S101 - narrows the type
        try:
            yield
        finally:
            os.close(held)

    # --- setting up -------------------------------------------------------------------------------------------------

    def _set_up(self) -> None:
        file = self.settings.data_dir / _PINS
        try:
            self.owner = session.operator_identity(self.app, SLUG)
        except TenantNotFound:
            file.unlink(missing_ok=True)
        else:
            if file.is_file():
                self.pins = json.loads(file.read_text(encoding="utf-8"))
                return
        self._tell("Setting up the demo shop: taxes, staff, a till and 45 products ...")
        with resources.as_file(resources.files("primepos.cli.demo").joinpath("shop.yaml")) as path:
            shop = load_shop(path)
        Provisioner(self.app, shop).apply()
        self.owner = session.operator_identity(self.app, SLUG)
        self._fill_shelves()
        self._give_pins([each.code for each in shop.staff])
        write_private(file, json.dumps(self.pins))

    def _fill_shelves(self) -> None:
        """Give every product some stock, unless some has moved already: an earlier run was broken off after this."""
        from primepos.domain.catalog.service import list_products
        from primepos.domain.inventory.service import list_levels, open_stock
        from primepos.domain.outlets.service import list_outlets

        outlet = next(each.id for each in self.run(list_outlets).items if each.code == OUTLET)
        if self.run(list_levels, {"outlet_id": outlet, "limit": 1}).items:
            return
        lines = [
            {"product_id": each.id, "quantity": _WEIGHED if each.sold_by == "weight" else _EACH}
            for each in self.run(list_products, {"limit": 200}).items
            if each.track_stock
        ]
        self.run(open_stock, {"outlet_id": outlet, "lines": lines, "reason": "the demo's first stock"})

    def _give_pins(self, codes: list[str]) -> None:
        from primepos.domain.staff.service import reset_pin

        self.pins = {code: self.run(reset_pin, {"code": code}).pin for code in codes}

    def run(self, operation: Any, data: Any = None) -> Any:
        """Run an operation as the person at this shell, who acts as the demo's owner."""
        return self.app.run(operation, self.owner, data)

    def people(self) -> list[dict[str, str]]:
        """Return who can sign in at the till, with their PINs."""
        from primepos.domain.staff.service import list_staff

        rows = self.run(list_staff, {"limit": 200}).items
        known = [each for each in rows if each.code in self.pins]
        return [
            {"code": each.code, "name": each.name, "role": each.role, "pin": self.pins[each.code]}
            for each in sorted(known, key=lambda row: (len(row.code), row.code))
        ]

    # --- tills ------------------------------------------------------------------------------------------------------

    def open_free_till(self, *, fresh: bool, progress: Callable[[int], None] | None = None) -> Till:
        """Open the first till that nobody has open; with ``fresh``, one without an open shift. More are made as needed.

        Raises:
            TillsBusy: there are nine tills, and none is free.
        """
        for number in range(1, _MOST_TILLS + 1):
            try:
                till = self._open(number, progress)
            except JournalInUse:
                continue
            if not fresh or not _is_in_use(till):
                return till
            till.close()
        raise TillsBusy(count=_MOST_TILLS)

    def _open(self, number: int, progress: Callable[[int], None] | None) -> Till:
        register = self._register(number)
        tenant_id = self.owner.tenant_id
        assert tenant_id is not None, "the demo's owner is in the demo"  # noqa: S101 - narrows the type
        runner = bootstrap.build_local_runner(self.app, register.id, register.outlet_id, tenant_id, register.name)
        return open_till(runner, register.id, data_dir=self.settings.data_dir, clock=self.app.clock, progress=progress)

    def _register(self, number: int) -> Any:
        from primepos.domain.outlets.service import create_register, list_outlets, list_registers

        code = f"till-{number}"
        found = [each for each in self.run(list_registers).items if each.code == code]
        if found:
            return found[0]
        outlet = next(each.id for each in self.run(list_outlets).items if each.code == OUTLET)
        data = {"outlet_id": outlet, "code": code, "name": f"Till {number}", "prefix": f"Q{number}"}
        try:
            return self.run(create_register, data)
        except Conflict:
            return next(each for each in self.run(list_registers).items if each.code == code)

    # --- the end ----------------------------------------------------------------------------------------------------

    def throw_away(self) -> None:
        """Remove the demo with everything that was sold in it.

        Raises:
            DemoNotAlone: other tenants live in its database, or the database is not its own.
        """
        from primepos.domain.outlets.service import list_registers
        from primepos.domain.tenancy.service import list_tenants

        others = [each.slug for each in self.app.run(list_tenants, session.system_identity(self.app)).items]
        if self._cluster is None or others != [SLUG]:
            raise DemoNotAlone(tenants=", ".join(slug for slug in others if slug != SLUG) or "DATABASE_URL names it")
        registers = [
            each.id for archived in (False, True) for each in self.run(list_registers, {"archived": archived}).items
        ]
        self.app.database.dispose()
        self._cluster.drop_database(bootstrap.EMBEDDED_DATABASE)
        for register_id in registers:
            shutil.rmtree(self.settings.data_dir / "till" / str(register_id), ignore_errors=True)
        (self.settings.data_dir / _PINS).unlink(missing_ok=True)


def _is_in_use(till: Till) -> bool:
    return till.journal.open_shift() is not None or till.desk.restore()


def exists(settings: Settings) -> bool:
    """Tell whether the demo was set up in this data directory, without starting anything."""
    return (settings.data_dir / _PINS).is_file()


def log_to_file(settings: Settings) -> None:
    """Write the log beside the journals: lines on stderr would be drawn over the screen."""
    from primepos.core.log import configure_logging

    home = settings.data_dir / "till"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    configure_logging(settings, (home / "till.log").open("a", encoding="utf-8", buffering=1))
