"""Who the command line acts as, and the App it acts through.

By default a person at this shell acts as the tenant's owner (or, outside a tenant, as saas_admin): whoever can read the
server's settings holds the database anyway, and the audit trail names them. ``PRIMEPOS_TOKEN`` (an access token from
signing in) makes the command act as that person instead, with that person's permissions.

Another person's consent is given beside a command in the environment: ``PRIMEPOS_APPROVAL`` is the id of what they
agreed to, ``PRIMEPOS_APPROVER`` and ``PRIMEPOS_APPROVER_PIN`` (or ``PRIMEPOS_APPROVER_BADGE``) theirs on the spot.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from primepos import bootstrap
from primepos.core.context import Approval, Identity, operator
from primepos.core.errors import ApprovalRequired, InvalidInput
from primepos.core.settings import load_settings
from primepos.domain.accounts.errors import NotAMember
from primepos.domain.tenancy.lookup import operator_in
from primepos.domain.tenancy.service import list_tenants

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from primepos.core.operations import App, Operation

In = TypeVar("In")
Out = TypeVar("Out")
_opened: list[App] = []
# What works for customers by itself, and so must not do it on another environment's database.
_SERVING = frozenset({"serve", "worker", "jobs"})


class WhichTenant(InvalidInput):
    """There are several tenants, or none, and the command was not told which."""

    code = "WHICH_TENANT"
    template = "Say which tenant with --tenant or PRIMEPOS_TENANT: {tenants}"


def open_app(env_file: Path | None = None, *, component: str = "cli") -> App:
    """Return this process's App, made at first use from the environment.

    Raises:
        BadConfiguration: naming every problem of the environment at once.
    """
    if not _opened:
        from primepos.adapters.telemetry.starting import start_telemetry
        from primepos.core.log import configure_logging

        settings = load_settings(env_file=env_file, component=component)
        configure_logging(settings)
        start_telemetry(settings)
        if component in _SERVING:
            bootstrap.refuse_foreign_database(settings)
        _opened.append(bootstrap.build_app(settings))
    return _opened[0]


def use_app(app: App | None) -> None:
    """Put an App in place of the environment's, or forget it; for tests and the demo."""
    _opened.clear()
    if app is not None:
        _opened.append(app)


def operator_identity(app: App, tenant: str | None) -> Identity:
    """Return who acts inside a tenant; without a name, the only tenant there is.

    Raises:
        WhichTenant: there is not exactly one. TenantNotFound: there is none of this name. NotAMember: the token of
            PRIMEPOS_TOKEN is for another tenant.
    """
    token = os.environ.get("PRIMEPOS_TOKEN")
    if token:
        bearer = _bearer(app, token)
        if tenant is not None and operator_in(app.database, tenant, bearer.name).tenant_id != bearer.tenant_id:
            raise NotAMember(slug=tenant)
        return bearer
    name = bootstrap.operator_name()
    if tenant is None:
        page = app.run(list_tenants, operator(name), {"limit": 20})
        if len(page.items) != 1:
            if not page.items:
                raise WhichTenant(
                    "There is no shop here yet", hint="`primepos init` sets one up, `primepos demo` shows one."
                )
            raise WhichTenant(tenants=", ".join(each.slug for each in page.items))
        tenant = page.items[0].slug
    return operator_in(app.database, tenant, name)


def system_identity(app: App) -> Identity:
    """Return who acts across tenants."""
    token = os.environ.get("PRIMEPOS_TOKEN")
    return _bearer(app, token) if token else operator(bootstrap.operator_name())


def run_in_tenant(
    operation: Operation[In, Out],
    data: Mapping[str, Any] | None,
    *,
    tenant: str | None,
    env_file: Path | None = None,
) -> Out:
    """Run one operation inside a tenant."""
    app = open_app(env_file)
    return run_with_consent(app, operation, operator_identity(app, tenant), data)


def run_in_system(
    operation: Operation[In, Out], data: Mapping[str, Any] | None, *, env_file: Path | None = None
) -> Out:
    """Run one operation across tenants."""
    app = open_app(env_file)
    return app.run(operation, system_identity(app), data)


def run_with_consent(
    app: App, operation: Operation[In, Out], identity: Identity, data: Mapping[str, Any] | None
) -> Out:
    """Run an operation with the consent that stands beside the command, if there is any.

    What a command only looks up on its way is looked up without it, as long as that is allowed.
    """
    consent = given_consent()
    if consent is None or not operation.reads:
        return app.run(operation, identity, data, approval=consent)
    try:
        return app.run(operation, identity, data)
    except ApprovalRequired:
        return app.run(operation, identity, data, approval=consent)


def given_consent() -> Approval | None:
    """Return another person's consent from the environment; None without. Raises ``INVALID_INPUT``."""
    asked, badge = os.environ.get("PRIMEPOS_APPROVAL"), os.environ.get("PRIMEPOS_APPROVER_BADGE")
    code, pin = os.environ.get("PRIMEPOS_APPROVER"), os.environ.get("PRIMEPOS_APPROVER_PIN")
    if asked:
        try:
            return Approval(id=UUID(asked))
        except ValueError:
            raise InvalidInput("PRIMEPOS_APPROVAL: expected the id of an approval") from None
    if badge:
        return Approval(badge=badge)
    return Approval(staff_code=code, pin=pin) if code and pin else None


def _bearer(app: App, token: str) -> Identity:
    from primepos.core.tokens import read_access
    from primepos.domain.accounts.identities import resolve_identity

    return resolve_identity(app.database, read_access(token, app.settings, app.clock), app.clock)
