"""Signing in and out."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Controller

from primepos.api.endpoint import Call, runs
from primepos.domain.accounts import service


def _client_ip(call: Call, _data: Mapping[str, Any]) -> str | None:
    """Return the caller's address, for the throttles; behind a proxy it is what TRUSTED_PROXIES makes of it."""
    return call.client_ip


class AuthController(Controller):
    """Sessions, one's own account, and sign-up."""

    path = "/api/v1/auth"
    tags = ("auth",)

    login = runs(service.login, "POST", "/login", supplied={"client_ip": _client_ip})
    refresh = runs(service.refresh, "POST", "/refresh", supplied={"client_ip": _client_ip})
    logout = runs(service.logout, "POST", "/logout")
    me = runs(service.me, "GET", "/me")
    switch = runs(service.switch_tenant, "POST", "/switch")
    password = runs(service.change_password, "POST", "/password", supplied={"client_ip": _client_ip})
    register = runs(
        service.register, "POST", "/register", status=HTTPStatus.CREATED, supplied={"client_ip": _client_ip}
    )
