"""Plans: no more than the plan has room for, by two at once neither; sales always; and what is used, counted once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from primepos.core.context import operator
from primepos.core.errors import PermissionDenied
from primepos.domain.accounts.service import create_user, disable_user, enable_user
from primepos.domain.catalog.service import archive_product, create_product, unarchive_product
from primepos.domain.outlets.service import (
    archive_outlet,
    create_outlet,
    create_register,
    unarchive_outlet,
)
from primepos.domain.plans.errors import PlanArchived, PlanInThePast, PlanNotFound, PlanTaken, QuotaExceeded
from primepos.domain.plans.metering import month_used
from primepos.domain.plans.service import (
    assign_plan,
    create_plan,
    list_plans,
    plan_history,
    read_usage,
    update_plan,
)
from primepos.domain.sales.service import book_sale, void_sale
from primepos.domain.staff.service import archive_staff, create_staff, unarchive_staff
from primepos.domain.tenancy.errors import TenantNotFound
from tests.factories import a_shift, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.operations import App
    from tests.factories import Shop

ADMIN = operator("tests")


def a_plan(app: App, shop: Shop | None = None, **limits: Any) -> str:
    """Make a plan, and give it to a shop."""
    code = f"p{uuid4().hex[:10]}"
    app.run(create_plan, ADMIN, {"code": code, "name": "Small", **limits})
    if shop is not None:
        app.run(assign_plan, ADMIN, {"slug": shop.slug, "plan": code})
    return code


def how_many(app: App, shop: Shop, table: str) -> int:
    return rows(app, f"SELECT count(*) AS n FROM {table} WHERE tenant_id = %s", (shop.tenant_id,))[0]["n"]


def an_outlet(app: App, shop: Shop) -> Any:
    return app.run(create_outlet, shop.owner, {"code": uuid4().hex[:8], "name": "Another"})


def a_till(app: App, shop: Shop) -> Any:
    return app.run(
        create_register, shop.owner, {"outlet_id": shop.outlet_id, "code": uuid4().hex[:8], "name": "Another"}
    )


def a_person(app: App, shop: Shop) -> Any:
    return app.run(create_staff, shop.owner, {"code": str(uuid4().int)[:8], "name": "New", "role": "cashier"})


def an_article(app: App, shop: Shop) -> Any:
    data = {"sku": uuid4().hex, "name": "New", "unit_price": "1", "tax_class_id": shop.tax_class_id}
    return app.run(create_product, shop.owner, data)


ADDING: dict[str, tuple[Callable[[App, Shop], Any], str]] = {
    "outlets": (an_outlet, "outlets"),
    "registers": (a_till, "registers"),
    "users": (a_person, "staff"),
    "products": (an_article, "products"),
}


@pytest.mark.parametrize("what", list(ADDING))
def test_one_more_than_the_plan_has_room_for_is_refused_with_limit_and_use(app: App, shop: Shop, what: str) -> None:
    add, table = ADDING[what]
    before = {each.what: each.used for each in app.run(read_usage, shop.owner, {}).now}[what]
    code = a_plan(app, shop, **{what: before + 1})
    add(app, shop)
    held = how_many(app, shop, table)
    with pytest.raises(QuotaExceeded) as refused:
        add(app, shop)
    assert {name: refused.value.data[name] for name in ("plan", "limit", "used")} == {
        "plan": code,
        "limit": before + 1,
        "used": before + 2,
    }
    assert how_many(app, shop, table) == held


@pytest.mark.parametrize("what", list(ADDING))
def test_of_two_that_add_at_once_at_the_last_place_one_wins(app: App, shop: Shop, what: str) -> None:
    add, table = ADDING[what]
    before = {each.what: each.used for each in app.run(read_usage, shop.owner, {}).now}[what]
    a_plan(app, shop, **{what: before + 1})
    held = how_many(app, shop, table)

    def one(_number: int) -> str:
        try:
            add(app, shop)
        except QuotaExceeded as error:
            return error.code
        return "added"

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(one, range(4))) == ["QUOTA_EXCEEDED"] * 3 + ["added"]
    # An outlet brings its server's register; that is no till and counts for nothing.
    assert how_many(app, shop, table) == held + 1


def test_what_is_archived_gives_its_place_and_takes_one_again(app: App, shop: Shop) -> None:
    first = an_outlet(app, shop)
    person = a_person(app, shop)
    a_plan(app, shop, outlets=2, products=3, users=1)
    app.run(archive_outlet, shop.owner, {"id": first.id})
    an_outlet(app, shop)
    with pytest.raises(QuotaExceeded):
        app.run(unarchive_outlet, shop.owner, {"id": first.id})
    app.run(archive_product, shop.owner, {"id": shop.products[2]})
    an_article(app, shop)
    with pytest.raises(QuotaExceeded):
        app.run(unarchive_product, shop.owner, {"id": shop.products[2]})
    app.run(archive_staff, shop.owner, {"staff_id": person.id})
    a_person(app, shop)
    with pytest.raises(QuotaExceeded):
        app.run(unarchive_staff, shop.owner, {"staff_id": person.id})


def test_people_with_a_password_count_and_those_shut_out_do_not(app: App, shop: Shop) -> None:
    a_plan(app, shop, users=1)
    mail = f"{uuid4().hex}@example.com"
    made = app.run(create_user, shop.owner, {"email": mail, "name": "One", "role": "cashier"})
    another = {"email": f"{uuid4().hex}@example.com", "name": "Two", "role": "cashier"}
    with pytest.raises(QuotaExceeded):
        app.run(create_user, shop.owner, another)
    app.run(disable_user, shop.owner, {"user_id": made.user.id})
    app.run(create_user, shop.owner, another)
    with pytest.raises(QuotaExceeded):
        app.run(enable_user, shop.owner, {"user_id": made.user.id})


def test_a_sale_beyond_the_plan_is_booked_and_shown(app: App, shop: Shop) -> None:
    a_shift(app, shop)
    a_plan(app, shop, sales_a_month=1)
    sold = [app.run(book_sale, shop.cashier, basket(shop)) for _ in range(3)]
    app.run(void_sale, shop.owner, {"id": uuid4(), "sale_id": sold[0].id, "reason": "wrong"})
    asked = {"since": "2026-03", "until": "2026-03"}
    used = app.run(read_usage, shop.owner, asked).months
    # The plan began today, after that month: nothing was promised for it.
    assert [(each.month, each.sales, each.lines, each.others, each.over) for each in used] == [("2026-03", 3, 6, 1, 0)]
    assert app.run(read_usage, shop.owner, asked).months == used


def test_a_month_is_held_against_the_plan_of_its_end() -> None:
    history = [
        {"starts_on": date(2026, 3, 10), "plan": "small", "sales_a_month": 2},
        {"starts_on": date(2026, 1, 1), "plan": "large", "sales_a_month": None},
    ]
    row = {"sales": 5, "lines": 9, "others": 0}
    assert [
        (each.plan, each.limit, each.over)
        for each in (month_used({"month": month, **row}, history) for month in ("2025-12", "2026-02", "2026-03"))
    ] == [(None, None, 0), ("large", None, 0), ("small", 2, 3)]


def test_plans_are_made_changed_and_given_with_their_history(app: App, shop: Shop) -> None:
    first, second = a_plan(app, shop, outlets=1), a_plan(app)
    with pytest.raises(PlanTaken):
        app.run(create_plan, ADMIN, {"code": first, "name": "Again"})
    today = app.run(plan_history, ADMIN, {"slug": shop.slug}).items[0].starts_on
    later = today + timedelta(days=30)
    given = app.run(assign_plan, ADMIN, {"slug": shop.slug, "plan": second, "starts_on": later})
    assert [(each.starts_on, each.plan, each.set_by) for each in given.items] == [
        (later, second, "tests"),
        (today, first, "tests"),
    ]
    with pytest.raises(QuotaExceeded):
        an_outlet(app, shop)
    assert app.run(update_plan, ADMIN, {"code": first, "outlets": None}).outlets is None
    an_outlet(app, shop)
    with pytest.raises(PlanInThePast):
        app.run(assign_plan, ADMIN, {"slug": shop.slug, "plan": second, "starts_on": today - timedelta(days=1)})
    app.run(update_plan, ADMIN, {"code": second, "archived": True})
    with pytest.raises(PlanArchived):
        app.run(assign_plan, ADMIN, {"slug": shop.slug, "plan": second})
    with pytest.raises(PlanNotFound):
        app.run(assign_plan, ADMIN, {"slug": shop.slug, "plan": "none"})
    with pytest.raises(PlanNotFound):
        app.run(update_plan, ADMIN, {"code": "none", "name": "None"})
    for asked in (assign_plan, plan_history):
        data = {"slug": "no-such-shop"} | ({"plan": first} if asked is assign_plan else {})
        with pytest.raises(TenantNotFound):
            app.run(asked, ADMIN, data)
    assert {first, second} <= {each.code for each in app.run(list_plans, ADMIN, {}).items}


def test_a_tenant_reads_its_own_use_and_no_other_and_makes_no_plans(app: App, shop: Shop, other_shop: Shop) -> None:
    assert app.run(read_usage, shop.owner, {"slug": shop.slug}) == app.run(read_usage, ADMIN, {"slug": shop.slug})
    with pytest.raises(TenantNotFound):
        app.run(read_usage, shop.owner, {"slug": other_shop.slug})
    with pytest.raises(TenantNotFound):
        app.run(read_usage, ADMIN, {})
    for who in (shop.owner, shop.manager, shop.accountant):
        with pytest.raises(PermissionDenied):
            app.run(assign_plan, who, {"slug": shop.slug, "plan": "x"})
    with pytest.raises(PermissionDenied):
        app.run(read_usage, shop.cashier, {})
