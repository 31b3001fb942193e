"""Reading the trail: newest first, filtered, page by page, of one's own tenant only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.audit.queries import InvalidCursor
from primepos.domain.audit.service import list_audit
from primepos.domain.staff.service import create_staff
from primepos.domain.tenancy.service import update_settings
from tests.factories import rows

START = datetime(2026, 1, 1, 8, tzinfo=UTC)


def write(app, shop, *moments, **more):
    """Put rows into the trail as they would have been written at these moments."""
    uow = app.database.system_session()
    values = {
        "operation": "sales.void",
        "outcome": "done",
        "actor_name": "Kim",
        "subject": None,
        "request_id": "r",
    } | more
    for number, moment in enumerate(moments):
        uow.run(
            "INSERT INTO audit_events"
            " (tenant_id, at, operation, outcome, actor_kind, actor_name, subject, data, request_id)"
            " VALUES (%s, %s, %s, %s, 'staff', %s, %s, %s::jsonb, %s)",
            (
                shop.tenant_id,
                moment,
                values["operation"],
                values["outcome"],
                values["actor_name"],
                values["subject"],
                f'{{"n": {number}}}',
                values["request_id"],
            ),
        )
    uow.commit()
    uow.close()


def read_all(app, shop, **filters):
    found, after, pages = [], None, 0
    while True:
        page = app.run(list_audit, shop.owner, {**filters, "after": after})
        found += page.items
        pages += 1
        if page.next is None:
            return found, pages
        after = page.next


def test_acts_and_refusals_are_shown_newest_first(app, shop):
    app.run(update_settings, shop.owner, {"name": "New"}, request_id="first")
    with pytest.raises(PermissionDenied):
        app.run(update_settings, shop.cashier, {"name": "Mine"}, request_id="second")
    page = app.run(list_audit, shop.owner, {})
    assert [
        (row.operation, row.outcome, row.error_code, row.actor_name, row.role, row.request_id) for row in page.items
    ] == [
        ("tenancy.update_settings", "refused", "PERMISSION_DENIED", "Cashier", "cashier", "second"),
        ("tenancy.update_settings", "done", None, "Owner", "owner", "first"),
    ]
    assert page.items[1].data == {"changed": ["name"]}
    assert page.next is None
    assert app.run(list_audit, shop.owner, {}) == page


def test_pages_join_without_gap_or_double_also_within_one_moment(app, shop):
    same = [START] * 5
    write(
        app,
        shop,
        *(START - timedelta(minutes=n) for n in range(1, 4)),
        *same,
        *(START + timedelta(minutes=n) for n in range(1, 4)),
    )
    for limit in (1, 2, 3, 4, 11, 12):
        found, _ = read_all(app, shop, limit=limit)
        assert [row.data["n"] for row in found] == [10, 9, 8, 7, 6, 5, 4, 3, 0, 1, 2]


def test_rows_that_arrive_between_pages_do_not_disturb_them(app, shop):
    write(app, shop, *(START + timedelta(seconds=n) for n in range(4)))
    first = app.run(list_audit, shop.owner, {"limit": 2})
    write(app, shop, START + timedelta(hours=1))
    second = app.run(list_audit, shop.owner, {"limit": 2, "after": first.next})
    assert [row.data["n"] for row in (*first.items, *second.items)] == [3, 2, 1, 0]


def test_a_place_in_the_list_tells_nothing_about_other_tenants(app, shop):
    write(app, shop, START, START, START)
    page = app.run(list_audit, shop.owner, {"limit": 2})
    assert page.next == "2026-01-01T08:00:00+00:00~2"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"operation": "sales.void"}, ["void", "other"]),
        ({"operation": "sales."}, ["refund", "void", "other"]),
        ({"operation": "sale."}, []),
        ({"outcome": "refused"}, ["refund"]),
        ({"subject": "sale:1"}, ["void"]),
        ({"request_id": "q"}, ["stock"]),
        ({"since": "2026-01-01T10:00:00+02:00"}, ["stock", "refund", "void"]),
        ({"until": "2026-01-01T08:00:00Z"}, ["other"]),
        ({"since": "2026-01-01T08:00:00Z", "until": "2026-01-01T09:00:00Z"}, ["void"]),
        ({"actor_id": "00000000-0000-0000-0000-000000000000"}, []),
        ({"register_id": "00000000-0000-0000-0000-000000000000"}, []),
    ],
)
def test_the_trail_is_filtered(app, shop, filters, expected):
    write(app, shop, START - timedelta(hours=1), actor_name="other")
    write(app, shop, START, actor_name="void", subject="sale:1")
    write(app, shop, START + timedelta(hours=1), actor_name="refund", operation="sales.refund", outcome="refused")
    write(app, shop, START + timedelta(hours=2), actor_name="stock", operation="stock.adjust", request_id="q")
    assert [row.actor_name for row in read_all(app, shop, **filters)[0]] == expected


def test_a_tenant_sees_its_own_trail_only(app, shop, other_shop):
    write(app, shop, START)
    write(app, other_shop, START, START)
    assert len(read_all(app, shop)[0]) == 1
    assert len(read_all(app, other_shop)[0]) == 2


@pytest.mark.parametrize("name", ["manager", "cashier", "clerk", "device"])
def test_only_owner_and_accountant_read_it_and_a_try_is_in_it(app, shop, name):
    request_id = uuid4().hex
    with pytest.raises(PermissionDenied):
        app.run(list_audit, shop.people[name], {}, request_id=request_id)
    found, _ = read_all(app, shop, request_id=request_id)
    assert [(row.operation, row.error_code) for row in found] == [("audit.list", "PERMISSION_DENIED")]
    assert app.run(list_audit, shop.accountant, {}).items == found


@pytest.mark.parametrize(
    "after", ["", "x", "2026-01-01T08:00:00~1", "2026-01-01T08:00:00+00:00~-1", "~", "2026-01-01~1"]
)
def test_a_made_up_place_is_refused(app, shop, after):
    with pytest.raises(InvalidCursor):
        app.run(list_audit, shop.owner, {"after": after})


@pytest.mark.parametrize(
    "data",
    [{"limit": 0}, {"limit": 201}, {"outcome": "maybe"}, {"operation": "DROP TABLE"}, {"since": "2026-01-01T00:00:00"}],
)
def test_shapeless_filters_are_refused(app, shop, data):
    with pytest.raises(InvalidInput):
        app.run(list_audit, shop.owner, data)


def test_the_trail_can_be_neither_changed_nor_removed(app, shop):
    app.run(create_staff, shop.owner, {"code": "kim", "name": "Kim"})
    before = rows(app, "SELECT * FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,))
    for statement in ("UPDATE audit_events SET actor_name = 'x'", "DELETE FROM audit_events"):
        for open_unit in (lambda: app.database.tenant(shop.tenant_id), app.database.system_session):
            uow = open_unit()
            # The installation may delete, but only in a transaction that names the tenant that it erases.
            with pytest.raises(Exception, match=r"permission denied|app\.erasing|invalid input syntax"):
                uow.run(statement)
            uow.close()
    assert rows(app, "SELECT * FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,)) == before
