"""Applies a shop's document: reads the file, shows the plan, makes tenant, shop and people be as it says."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.cli import session
from primepos.cli.output import cell_text, emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.provisioning.comparing import Present, changes_of, problems_of, user_changes
from primepos.domain.provisioning.reading import BadShopFile, read_shop
from primepos.domain.provisioning.schemas import Change, Count, MadePin, PlanOut, ShopFile, given_settings, plan_of
from primepos.domain.provisioning.service import apply_shop, export_shop, plan_shop
from primepos.domain.tenancy.errors import TenantNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from primepos.core.context import Identity
    from primepos.core.operations import App
    from primepos.domain.accounts.schemas import UserOut

_MOST_BYTES = 64 * 1024 * 1024
_CSV_COLUMNS = ("sku", "name", "unit_price", "tax_class", "category", "sold_by", "track_stock", "barcodes")


@dataclass(slots=True)
class Applied:
    """What applying did: changes, PINs and temporary passwords, each shown this once."""

    changes: list[Change] = field(default_factory=list)
    pins: list[MadePin] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)


# --- the file --------------------------------------------------------------------------------------------------------


def load_shop(file: Path, environ: Mapping[str, str] | None = None) -> ShopFile:
    """Read a YAML or JSON file as a shop; PINs come from the variables it names, products from the CSV it names.

    Raises:
        BadShopFile: naming everything that is wrong. InvalidInput: it is no YAML, or too large.
    """
    environ = os.environ if environ is None else environ
    data = _read_yaml(file)
    if isinstance(data, dict) and isinstance(data.get("products"), dict):
        data = {**data, "products": _read_products(file, data["products"])}
    shop = read_shop(data)
    return msgspec.structs.replace(shop, staff=[_with_pin(each, environ) for each in shop.staff])


def _read_yaml(file: Path) -> Any:
    import yaml

    with file.open("rb") as stream:
        raw = stream.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise InvalidInput(f"{file.name} is larger than 64 MiB")
    try:
        # Every value stays text: 1.10 must not become a float, NO not false and 007 not 7.
        return yaml.load(raw.decode("utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes text only
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InvalidInput(f"{file.name} is neither YAML nor JSON: {cell_text(reason)}") from None


def _read_products(file: Path, named: dict[str, Any]) -> list[dict[str, Any]]:
    """Read ``products: {csv: FILE}``, beside the document; barcodes are separated by blanks."""
    if set(named) != {"csv"} or not isinstance(named["csv"], str):
        raise BadShopFile([{"field": "products", "problem": "must be a list, or {csv: FILE}"}])
    path = file.parent / named["csv"]
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{named['csv']} cannot be read: {error.__class__.__name__}"
        raise BadShopFile([{"field": "products.csv", "problem": problem}]) from None
    reader = csv.DictReader(io.StringIO(text))
    unknown = [name for name in reader.fieldnames or () if name not in _CSV_COLUMNS]
    if unknown or not reader.fieldnames:
        problem = f"column {', '.join(unknown) or 'names are missing'}: may be {', '.join(_CSV_COLUMNS)}"
        raise BadShopFile([{"field": "products.csv", "problem": problem}])
    rows = []
    for row in reader:
        filled: dict[str, Any] = {name: value for name, value in row.items() if name is not None and value}
        if "barcodes" in filled:
            filled["barcodes"] = filled["barcodes"].split()
        rows.append(filled)
    return rows


def _with_pin(person: Any, environ: Mapping[str, str]) -> Any:
    if person.pin is None or person.pin.env is None:
        return person
    pin = msgspec.structs.replace(person.pin, value=environ.get(person.pin.env) or None)
    return msgspec.structs.replace(person, pin=pin)


def written_shop(app: App, slug: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Return a tenant as a document with its people, and what a document cannot say, by kind. Raises TenantNotFound."""
    from primepos.domain.accounts.schemas import GIVEN_ROLES
    from primepos.domain.accounts.service import list_users
    from primepos.domain.outlets.service import list_outlets

    who = session.operator_identity(app, slug)
    found: dict[str, Any] = msgspec.to_builtins(app.run(export_shop, who, {}), str_keys=True)
    left_out = found.pop("left_out", {})
    codes = {each.id: each.code for each in app.run(list_outlets, who, {}).items}
    users: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = app.run(list_users, who, {"limit": 200, "after": after})
        for each in page.items:
            if each.is_disabled or each.role not in GIVEN_ROLES:
                continue
            outlets = [codes[one] for one in each.outlet_ids or () if one in codes]
            users.append(
                {
                    "email": each.email,
                    "name": each.name,
                    "role": each.role,
                    **({"outlets": outlets} if outlets else {}),
                }
            )
        after = page.next
        if after is None:
            break
    return {**found, "users": users}, left_out


# --- plan and apply --------------------------------------------------------------------------------------------------


class Provisioner:
    """One document and one installation."""

    def __init__(self, app: App, shop: ShopFile) -> None:
        """Nothing is read yet."""
        self.app = app
        self.shop = shop

    def plan(self) -> PlanOut:
        """Return what applying would do; reads only.

        Raises:
            BadShopFile: naming everything that stands in the way.
        """
        tenant = self._tenant()
        if tenant is None:
            empty = Present()
            problems = problems_of(empty, self.shop)
            if problems:
                raise BadShopFile(problems)
            changes = changes_of(empty, self.shop)
            return plan_of([*changes, *user_changes([], self.shop.users, {})])
        found = self.app.run(plan_shop, tenant, {"shop": self.shop})
        return _joined(found, self._user_changes(tenant))

    def apply(self) -> Applied:
        """Make tenant, shop and people be as the document says.

        A new tenant is made first, then everything of it in one transaction, then people are let in one by one: they
        belong to the whole installation. What was interrupted is finished by applying the file again.
        """
        tenant = self._tenant()
        made: list[Change] = []
        if tenant is None:
            self._create_tenant()
            made.append(Change(kind="tenant", name=self.shop.tenant.slug, action="created"))
            tenant = self._tenant()
            if tenant is None:
                raise TenantNotFound(slug=self.shop.tenant.slug)
        done = self.app.run(apply_shop, tenant, {"shop": self.shop})
        applied = Applied(changes=[*made, *done.changes], pins=list(done.pins))
        self._let_in(tenant, applied)
        return applied

    def _tenant(self) -> Identity | None:
        try:
            return session.operator_identity(self.app, self.shop.tenant.slug)
        except TenantNotFound:
            return None

    def _create_tenant(self) -> None:
        from primepos.domain.tenancy.service import create_tenant

        wanted = self.shop.tenant
        data = {
            "slug": wanted.slug,
            "name": wanted.name,
            "currency": wanted.currency,
            "zone": wanted.zone,
            "country": wanted.country,
            "day_starts_hour": wanted.day_starts_hour,
            "settings": {name: msgspec.to_builtins(value) for name, value in given_settings(wanted.settings).items()},
        }
        self.app.run(create_tenant, session.system_identity(self.app), data)

    # --- people -----------------------------------------------------------------------------------------------------

    def _user_changes(self, tenant: Identity) -> list[Change]:
        if not self.shop.users:
            return []
        return user_changes(
            self._users(tenant), self.shop.users, {id_: code for code, id_ in self._outlets(tenant).items()}
        )

    def _users(self, tenant: Identity) -> list[UserOut]:
        from primepos.domain.accounts.service import list_users

        found: list[UserOut] = []
        after: str | None = None
        while True:
            page = self.app.run(list_users, tenant, {"limit": 200, "after": after})
            found += page.items
            if page.next is None:
                return found
            after = page.next

    def _outlets(self, tenant: Identity) -> dict[str, Any]:
        from primepos.domain.outlets.service import list_outlets

        return {
            each.code: each.id
            for archived in (False, True)
            for each in self.app.run(list_outlets, tenant, {"archived": archived}).items
        }

    def _let_in(self, tenant: Identity, applied: Applied) -> None:
        from primepos.domain.accounts.service import create_user, set_role

        outlets = self._outlets(tenant) if self.shop.users else {}
        for change, wanted in zip(self._user_changes(tenant), self.shop.users, strict=True):
            ids = None if wanted.outlets is None else [outlets[code] for code in wanted.outlets]
            if change.action == "created":
                data = {"email": wanted.email, "name": wanted.name, "role": wanted.role, "outlet_ids": ids}
                made = self.app.run(create_user, tenant, data)
                if made.temporary_password is not None:
                    applied.passwords[made.user.email] = made.temporary_password
            elif change.action == "changed":
                self.app.run(set_role, tenant, {"email": wanted.email, "role": wanted.role, "outlet_ids": ids})
            if change.action != "unchanged":
                applied.changes.append(change)


def _joined(plan: PlanOut, users: list[Change]) -> PlanOut:
    more = plan_of(users)
    return PlanOut(changes=[*plan.changes, *more.changes], counts={**plan.counts, **more.counts})


# --- what people see -------------------------------------------------------------------------------------------------


def show_plan(plan: PlanOut) -> None:
    """Print a plan: each thing that is new or differs, and counts."""
    rows = [
        {
            "what": f"{'+' if each.action == 'created' else '~'} {each.kind.replace('_', ' ')}",
            "name": each.name,
            "change": "; ".join(
                f"{name}: {_shown(values[0])} -> {_shown(values[1])}" for name, values in each.fields.items()
            ),
        }
        for each in plan.changes
    ]
    if rows:
        emit(rows, as_json=False, columns=("what", "name", "change"))
    total = Count(
        created=sum(each.created for each in plan.counts.values()),
        changed=sum(each.changed for each in plan.counts.values()),
        unchanged=sum(each.unchanged for each in plan.counts.values()),
    )
    if plan.is_empty:
        note(f"Nothing to change: all {total.unchanged} things are as the file says.")
    else:
        note(f"{total.created} to create, {total.changed} to change, {total.unchanged} unchanged.")


def _shown(value: str | None) -> str:
    return "none" if value is None else value or "''"


def show_secrets(applied: Applied) -> None:
    """Print PINs and temporary passwords, this once."""
    if applied.pins:
        emit([{"code": each.code, "name": each.name, "pin": each.pin} for each in applied.pins], as_json=False)
        note("These PINs are shown this once.")
    if applied.passwords:
        emit([{"email": email, "password": text} for email, text in applied.passwords.items()], as_json=False)
        note("These passwords are shown this once, work for a day, and serve to choose another.")
