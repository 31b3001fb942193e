"""Tenants: made, shown, set up, suspended; and who may not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from primepos.core.amounts import UnknownCurrency
from primepos.core.context import ANONYMOUS, operator
from primepos.core.db import run_in_transaction
from primepos.core.errors import InvalidInput, PermissionDenied, Unauthenticated
from primepos.core.security import InvalidSlug
from primepos.domain.tenancy import lookup, queries
from primepos.domain.tenancy.errors import SlugTaken, TenantNotFound, TenantSuspended, UnknownZone
from primepos.domain.tenancy.schemas import settings_of
from primepos.domain.tenancy.service import (
    create_tenant,
    current_tenant,
    list_tenants,
    resume_tenant,
    show_tenant,
    suspend_tenant,
    update_settings,
)
from primepos.domain.tenancy.standing import require_active
from tests.factories import rows

ADMIN = operator("tests")


def a_slug() -> str:
    return f"t-{uuid4().hex[:10]}"


def a_tenant(app, **more):
    values = {"slug": a_slug(), "name": "Corner shop", "currency": "EUR", "zone": "Europe/Berlin"} | more
    return app.run(create_tenant, ADMIN, values)


def stored(app, slug):
    return rows(app, "SELECT * FROM tenants WHERE slug = %s", (slug,))


def refusals(app, operation, tenant_id, request_id):
    found = rows(
        app,
        "SELECT error_code FROM audit_events"
        " WHERE outcome = 'refused' AND operation = %s AND request_id = %s AND tenant_id = %s",
        (operation, request_id, tenant_id),
    )
    return [row["error_code"] for row in found]


def test_a_tenant_is_made_with_defaults_and_audited(app):
    slug = a_slug()
    made = app.run(
        create_tenant,
        ADMIN,
        {
            "slug": slug,
            "name": "  Caf\u00e9\u00a0 Mu\u0308ller ",
            "currency": "JPY",
            "zone": "Asia/Tokyo",
            "country": "JP",
        },
        request_id=slug,
    )
    assert (made.slug, made.name, made.currency, made.currency_exponent) == (slug, "Caf\u00e9 M\u00fcller", "JPY", 0)
    assert (made.status, made.zone, made.country, made.day_starts_hour) == ("active", "Asia/Tokyo", "JP", 0)
    assert made.settings.tax_rounding == "per_line"
    assert made.settings.stock_policy == "allow"
    assert made.settings.cash_rounding is None
    trail = rows(
        app, "SELECT operation, outcome, actor_kind, subject FROM system_audit_events WHERE request_id = %s", (slug,)
    )
    assert trail == [
        {"operation": "tenancy.create", "outcome": "done", "actor_kind": "operator", "subject": f"tenant:{slug}"}
    ]


def test_a_tenant_is_made_with_settings_of_its_own(app):
    settings = {
        "tax_rounding": "global",
        "cash_rounding": {"step_minor": 5, "method": "half_up"},
        "barcode_rules": [{"pattern": "2{item:5}{price:5}vc", "decimals": 2, "name": "scale"}],
        "stock_policy": "block",
        "receipt_header": "Corner shop\nMain street 1",
    }
    made = a_tenant(app, settings=settings)
    shown = app.run(show_tenant, ADMIN, {"slug": made.slug})
    assert shown == made
    assert (shown.settings.cash_rounding.step_minor, shown.settings.cash_rounding.method) == (5, "half_up")
    assert shown.settings.barcode_rules[0].pattern == "2{item:5}{price:5}vc"
    assert shown.settings.receipt_header == "Corner shop\nMain street 1"


def test_a_taken_short_name_is_refused_and_nothing_is_made(app):
    made = a_tenant(app)
    with pytest.raises(SlugTaken):
        a_tenant(app, slug=made.slug, name="Another")
    assert [row["name"] for row in stored(app, made.slug)] == ["Corner shop"]


@pytest.mark.parametrize("slug", ["admin", "Shop", "a_b", "-ab", "ab-", "a--b", "123", "\u0430bc", "api"])
def test_a_short_name_that_could_mislead_is_refused(app, slug):
    with pytest.raises(InvalidSlug):
        a_tenant(app, slug=slug)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("currency", "XXX", UnknownCurrency),
        ("zone", "Mars/Olympus", UnknownZone),
        ("zone", "../../etc/passwd", UnknownZone),
        ("zone", "localtime", UnknownZone),
        ("name", "", InvalidInput),
        ("name", "   ", InvalidInput),
        ("name", "nul\x00", InvalidInput),
        ("name", "esc\x1b[31m", InvalidInput),
        ("name", "bidi\u202e", InvalidInput),
        ("name", "x" * 201, InvalidInput),
        ("currency", "eur", InvalidInput),
        ("country", "Germany", InvalidInput),
        ("day_starts_hour", 13, InvalidInput),
        ("settings", {"stock_policy": "maybe"}, InvalidInput),
        ("settings", {"cash_rounding": {"step_minor": 0}}, InvalidInput),
        ("settings", {"barcode_rules": [{"pattern": "2{item:5}"}]}, InvalidInput),
        ("settings", {"unknown": 1}, InvalidInput),
        ("extra", 1, InvalidInput),
    ],
)
def test_what_cannot_be_right_is_refused_and_nothing_is_made(app, field, value, error):
    slug = a_slug()
    with pytest.raises(error):
        a_tenant(app, **{"slug": slug, field: value})
    assert stored(app, slug) == []


@pytest.mark.parametrize("name", ["owner", "manager", "cashier", "clerk", "accountant", "device"])
@pytest.mark.parametrize("operation", [create_tenant, list_tenants, show_tenant, suspend_tenant, resume_tenant])
def test_nobody_inside_a_tenant_touches_the_list_of_tenants(app, shop, name, operation):
    request_id = uuid4().hex
    with pytest.raises(PermissionDenied):
        app.run(operation, shop.people[name], {"slug": shop.slug}, request_id=request_id)
    assert refusals(app, operation.name, shop.tenant_id, request_id) == ["PERMISSION_DENIED"]
    assert [row["status"] for row in stored(app, shop.slug)] == ["active"]


def test_a_stranger_must_sign_in(app, shop):
    for operation in (create_tenant, current_tenant, update_settings):
        with pytest.raises(Unauthenticated):
            app.run(operation, ANONYMOUS, {})


def test_tenants_are_listed_page_by_page(make_app, fresh_database):
    app = make_app(fresh_database)
    slugs = sorted(a_tenant(app).slug for _ in range(5))
    app.run(suspend_tenant, ADMIN, {"slug": slugs[2]})
    found, after, pages = [], None, 0
    while True:
        page = app.run(list_tenants, ADMIN, {"after": after, "limit": 2})
        found += [row.slug for row in page.items]
        pages += 1
        if page.next is None:
            break
        after = page.next
    assert (found, pages) == (slugs, 3)
    suspended = app.run(list_tenants, ADMIN, {"status": "suspended"})
    assert ([row.slug for row in suspended.items], suspended.next) == ([slugs[2]], None)


def test_a_missing_tenant_is_not_found(app):
    for operation in (show_tenant, suspend_tenant, resume_tenant):
        with pytest.raises(TenantNotFound):
            app.run(operation, ADMIN, {"slug": "nobody-here"})
    with pytest.raises(TenantNotFound):
        lookup.tenant_id_of(app.database, "nobody-here")


def test_everybody_sees_their_own_tenant(app, shop, other_shop):
    for name in ("owner", "cashier", "device"):
        assert app.run(current_tenant, shop.people[name]).slug == shop.slug
    assert app.run(current_tenant, other_shop.owner).slug == other_shop.slug


def test_only_what_is_named_is_changed(app, shop, other_shop):
    app.run(update_settings, shop.owner, {"settings": {"receipt_footer": "Bye", "cash_rounding": {"step_minor": 5}}})
    changed = app.run(
        update_settings,
        shop.owner,
        {"name": "New name", "day_starts_hour": 4, "settings": {"stock_policy": "block", "cash_rounding": None}},
    )
    assert (changed.name, changed.day_starts_hour, changed.zone) == ("New name", 4, "Europe/Berlin")
    assert changed.settings.receipt_footer == "Bye"
    assert changed.settings.stock_policy == "block"
    assert changed.settings.cash_rounding is None
    assert app.run(current_tenant, shop.owner) == changed
    assert app.run(current_tenant, other_shop.owner).settings.stock_policy == "allow"


def test_a_wrong_zone_changes_nothing(app, shop):
    before = app.run(current_tenant, shop.owner)
    with pytest.raises(UnknownZone):
        app.run(update_settings, shop.owner, {"zone": "Nowhere/Land", "name": "Other"})
    assert app.run(current_tenant, shop.owner) == before


@pytest.mark.parametrize("name", ["manager", "cashier", "clerk", "accountant", "device"])
def test_only_the_owner_changes_settings(app, shop, name):
    request_id = uuid4().hex
    with pytest.raises(PermissionDenied):
        app.run(update_settings, shop.people[name], {"name": "Mine"}, request_id=request_id)
    assert refusals(app, "tenancy.update_settings", shop.tenant_id, request_id) == ["PERMISSION_DENIED"]
    assert app.run(current_tenant, shop.owner).name != "Mine"


def test_a_tenant_is_suspended_and_resumed(app, shop, other_shop):
    assert app.run(suspend_tenant, ADMIN, {"slug": shop.slug, "reason": "unpaid"}).status == "suspended"
    assert app.run(suspend_tenant, ADMIN, {"slug": shop.slug}).status == "suspended"
    info = run_in_transaction(
        lambda: app.database.tenant(shop.tenant_id), lambda uow: queries.load_tenant(uow, shop.tenant_id)
    )
    with pytest.raises(TenantSuspended):
        require_active(info)
    assert app.run(show_tenant, ADMIN, {"slug": other_shop.slug}).status == "active"
    assert app.run(resume_tenant, ADMIN, {"slug": shop.slug}).status == "active"


def test_a_tenant_is_read_once_and_kept_for_a_few_seconds(app, shop, monkeypatch):
    asked = []
    now = [1000.0]
    monkeypatch.setattr(queries.time, "monotonic", lambda: now[0])

    class Watched:
        database = app.database

        def __init__(self, uow):
            self.uow = uow

        def rows(self, *args):
            asked.append(args)
            return self.uow.rows(*args)

    def load():
        return run_in_transaction(
            lambda: app.database.tenant(shop.tenant_id),
            lambda uow: queries.load_tenant(Watched(uow), shop.tenant_id),
        )

    first = load()
    assert load() is first
    assert len(asked) == 1
    now[0] += 5.1
    assert load() is not first
    assert len(asked) == 2
    assert (first.slug, first.currency.code, settings_of(first).tax_rounding) == (shop.slug, "EUR", "per_line")


def test_a_slug_leads_to_the_operators_identity(app, shop):
    inside = lookup.operator_in(app.database, shop.slug, "root")
    assert (inside.kind, inside.tenant_id, inside.role) == ("operator", shop.tenant_id, "owner")
    outside = lookup.operator_in(app.database, None, "root")
    assert (outside.tenant_id, outside.role) == (None, "saas_admin")


def test_two_tenants_with_one_short_name_cannot_be_made_at_once(app):
    slug = a_slug()

    def make(_):
        try:
            a_tenant(app, slug=slug)
        except SlugTaken:
            return "taken"
        return "made"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(make, range(4)))
    assert outcomes == ["made", "taken", "taken", "taken"]
    assert len(stored(app, slug)) == 1
