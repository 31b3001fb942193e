"""What every operation must be, whoever wrote it: documented, permitted by the matrix, refusing what it declares."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import FunctionType
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import primepos.domain
from primepos.core.context import Identity
from primepos.core.errors import ApprovalRequired, ErrorKind, PermissionDenied, PrimePOSError
from primepos.core.ids import new_id
from primepos.core.operations import Operation
from primepos.core.permissions import GRANTS, Decision, Permission, Role, grant_of
from tests.contracts.every_operation import every_operation
from tests.factories import rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from tests.factories import Shop

ALL = every_operation()


@pytest.mark.parametrize("name", ALL)
def test_it_is_documented_and_typed(name: str) -> None:
    operation = ALL[name]
    assert len(operation.summary) > 15
    assert operation.summary.endswith((".", ":", ";")) or "\n" in operation.doc
    assert issubclass(operation.input, msgspec.Struct)
    assert operation.input.__struct_config__.forbid_unknown_fields, "a misspelt field must be an error"
    assert operation.input.__struct_config__.frozen
    assert operation.input.__doc__
    assert isinstance(operation.permission, Permission)
    for error in operation.raises:
        assert issubclass(error, PrimePOSError)
        assert error.code.isupper()
        assert error.__doc__


def test_error_codes_mean_one_thing() -> None:
    kinds: dict[str, set[ErrorKind]] = {}
    for operation in ALL.values():
        for error in operation.raises:
            kinds.setdefault(error.code, set()).add(error.kind)
    assert {code: kind for code, kind in kinds.items() if len(kind) > 1} == {}


def test_a_service_holds_operations_only() -> None:
    for feature in pkgutil.iter_modules(primepos.domain.__path__):
        if not feature.ispkg or importlib.util.find_spec(f"primepos.domain.{feature.name}.service") is None:
            continue
        module = importlib.import_module(f"primepos.domain.{feature.name}.service")
        public = [
            name
            for name, value in vars(module).items()
            if isinstance(value, FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
        ]
        assert public == [], f"{module.__name__} has functions that are no operations"


@pytest.mark.parametrize("role", [role.value for role in Role])
@pytest.mark.parametrize("name", ALL)
def test_the_matrix_decides_before_anything_else(app: App, shop: Shop, name: str, role: str) -> None:
    operation: Operation[Any, Any] = ALL[name]
    identity = Identity(
        kind="user",
        tenant_id=shop.tenant_id,
        role=role,
        actor_id=new_id(),
        name=role,
        outlet_ids=frozenset({shop.outlet_id}),
        register_id=shop.till_id,
    )
    if operation.permission in (Permission.PUBLIC, Permission.SELF):
        return
    decision = grant_of(role, operation.permission).decision
    error: PrimePOSError | None = None
    try:
        app.run(operation, identity, {"no_such_field": 1})
    except PrimePOSError as caught:
        error = caught
    if decision is Decision.DENY:
        assert type(error) is PermissionDenied
    elif decision is Decision.APPROVE:
        assert type(error) is ApprovalRequired
    else:
        assert error is not None
        assert error.kind is ErrorKind.INVALID
    refused = rows(
        app,
        "SELECT count(*) AS n FROM audit_events WHERE tenant_id = %s AND operation = %s AND outcome = 'refused'",
        (shop.tenant_id, name),
    )
    assert refused[0]["n"] == (0 if decision is Decision.ALLOW else 1)


def test_an_unknown_role_may_do_nothing(app: App, shop: Shop) -> None:
    stranger = Identity(kind="user", tenant_id=shop.tenant_id, role="king", actor_id=new_id())
    for operation in ALL.values():
        if operation.permission not in (Permission.PUBLIC, Permission.SELF):
            with pytest.raises(PermissionDenied):
                app.run(operation, stranger, {})


def test_only_devices_deliver_and_saas_admins_hold_no_tenants_data() -> None:
    holders = [role for role in Role if grant_of(role, Permission.SALE_DELIVER).decision is Decision.ALLOW]
    assert holders == [Role.DEVICE]
    assert {permission.value for permission in GRANTS[Role.SAAS_ADMIN]} == {
        "plan:write",
        "tenant:create",
        "tenant:erase",
        "tenant:read",
        "tenant:suspend",
        "usage:read",
    }


@pytest.mark.parametrize("name", ALL)
def test_it_cannot_be_called_past_the_door(name: str) -> None:
    with pytest.raises(TypeError, match=r"run by App\.run"):
        ALL[name](None, None)
    assert inspect.isfunction(ALL[name].handler)
