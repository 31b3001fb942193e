"""Customers of another system taken in, again and again; fields sealed anew under a new key."""

from __future__ import annotations

import pytest

from primepos.core.errors import PermissionDenied
from primepos.core.sealed_fields import FieldKeyMissing
from primepos.domain.customers.errors import InvalidPhone
from primepos.domain.customers.service import (
    create_customer,
    erase_customer,
    get_customer,
    list_consents,
    list_customers,
    list_groups,
    load_customers,
    merge_customers,
    record_consent,
    reseal_customers,
    search_customers,
    update_customer,
)
from tests.domain.inner_room import count
from tests.factories import a_shop

ROWS = [
    {"key": "1", "number": "100", "name": "Ana", "email": "ana@example.org", "groups": ["vip"], "consents": ["email"]},
    {"key": "2", "name": "Bo", "email": "bo@example.org", "tax_exempt": True, "exemption_number": "EX"},
    {"key": "3", "name": "Cleo", "phone": "0171 1234567", "price_list": "w"},
]


def load(app, shop, rows, **more):
    return app.run(load_customers, shop.owner, {"source": "oldtill", "rows": rows, **more})


def told(done):
    return done.created, done.updated, done.unchanged, [(each.index, each.code) for each in done.refused]


def of(app, shop, number):
    return app.run(get_customer, shop.owner, {"number": number})


def test_rows_become_customers_once_however_often_they_come(app, shop):
    assert told(load(app, shop, ROWS, dry_run=True)) == (3, 0, 0, [])
    assert count(app, "customers", shop.tenant_id) == 0
    assert told(load(app, shop, ROWS)) == (3, 0, 0, [])
    before = app.run(list_customers, shop.owner)
    assert [(each.number, each.name) for each in before.items] == [("100", "Ana"), ("101", "Bo"), ("102", "Cleo")]
    assert [each.code for each in app.run(list_groups, shop.owner).items] == ["vip"]
    ana = of(app, shop, "100")
    assert (ana.groups, ana.consents, ana.email) == (["vip"], ["email"], "ana@example.org")
    assert [each.how for each in app.run(list_consents, shop.owner, {"id": ana.id}).items] == ["import"]
    for dry in (True, False):
        assert told(load(app, shop, ROWS, dry_run=dry)) == (0, 0, 3, [])
    assert app.run(list_customers, shop.owner) == before
    assert of(app, shop, "100").version == 1
    assert [each.number for each in app.run(search_customers, shop.owner, {"query": "01711234567"}).items] == ["102"]


def test_known_customers_are_brought_in_line_and_empty_cells_change_nothing(app, shop):
    known = app.run(
        create_customer, shop.owner, {"name": "Old Ana", "number": "100", "notes": "kept", "phone": "0301234"}
    )
    bo = app.run(create_customer, shop.owner, {"name": "Bo", "email": "bo@example.org"})
    assert told(load(app, shop, ROWS, dry_run=True)) == told(load(app, shop, ROWS)) == (1, 2, 0, [])
    ana = of(app, shop, "100")
    assert (ana.id, ana.name, ana.notes, ana.phone, ana.email) == (
        known.id,
        "Ana",
        "kept",
        "0301234",
        "ana@example.org",
    )
    assert app.run(get_customer, shop.owner, {"id": bo.id}).exemption_number == "EX"
    # Cleo moved, and is known by her key.
    moved = [{**ROWS[2], "name": "Cleo Ray"}]
    assert told(load(app, shop, moved)) == (0, 1, 0, [])
    assert told(load(app, shop, moved)) == (0, 0, 1, [])


def test_what_was_withdrawn_here_no_file_brings_back(app, shop):
    load(app, shop, ROWS)
    ana = of(app, shop, "100")
    app.run(record_consent, shop.owner, {"id": ana.id, "purpose": "email", "given": False, "how": "phone"})
    load(app, shop, ROWS)
    assert of(app, shop, "100").consents == []


def test_nobody_who_was_erased_or_merged_comes_back_with_an_old_file(app, shop):
    load(app, shop, ROWS)
    ana, bo, cleo = (of(app, shop, number) for number in ("100", "101", "102"))
    app.run(erase_customer, shop.owner, {"id": ana.id, "confirm": True})
    app.run(merge_customers, shop.owner, {"id": bo.id, "into": cleo.id})
    assert told(load(app, shop, ROWS)) == (0, 0, 2, [(0, "CUSTOMER_ERASED")])
    assert count(app, "customers", shop.tenant_id) == 3


def test_rows_that_cannot_be_told_apart_are_refused_and_keep_no_other_out(app, shop):
    for name in ("Mum", "Dad"):
        app.run(create_customer, shop.owner, {"name": name, "email": "home@example.org"})
    load(app, shop, [{"key": "9", "name": "Nine", "number": "9"}])
    given = [
        {"key": "a", "name": "Home", "email": "home@example.org"},
        {"key": "b", "name": "B", "number": "50"},
        {"key": "c", "name": "C", "number": "50"},
        {"key": "b", "name": "B again", "number": "51"},
        {"key": "9", "name": "Nine", "number": "1"},
    ]
    assert told(load(app, shop, given)) == (
        1,
        0,
        0,
        [(0, "EMAIL_AMBIGUOUS"), (2, "CUSTOMER_REPEATED"), (3, "CUSTOMER_REPEATED"), (4, "CUSTOMER_NUMBER_TAKEN")],
    )
    assert of(app, shop, "50").name == "B"


def test_only_the_owner_takes_in_a_file(app, shop):
    with pytest.raises(PermissionDenied):
        app.run(load_customers, shop.manager, {"source": "x", "rows": ROWS})
    with pytest.raises(InvalidPhone):
        load(app, shop, [{"key": "1", "name": "X", "phone": "none"}])


OLD, NEW = "A" * 43, "B" * 43


@pytest.fixture
def keyed(make_app, database_url):
    """Make an App with these field keys on the worker's database."""
    return lambda keys: make_app(database_url, FIELD_ENCRYPTION_KEYS=keys)


def test_a_key_is_rotated_without_anybody_noticing(keyed):
    old = keyed(OLD)
    shop = a_shop(old)
    made = [
        old.run(create_customer, shop.owner, {"name": f"C{n}", "email": f"c{n}@example.org", "phone": f"030 12345{n}0"})
        for n in range(3)
    ]
    none = old.run(create_customer, shop.owner, {"name": "None"})

    both = keyed(f"{NEW},{OLD}")
    assert both.run(get_customer, shop.owner, {"id": made[0].id}) == made[0]
    by_email = both.run(search_customers, shop.owner, {"query": "c1@example.org"}).items
    assert [each.id for each in by_email] == [made[1].id]
    fresh = both.run(create_customer, shop.owner, {"name": "New", "email": "c9@example.org"})
    with pytest.raises(FieldKeyMissing):
        old.run(get_customer, shop.owner, {"id": fresh.id})
    first = both.run(reseal_customers, shop.owner, {"limit": 2})
    assert (first.customers, first.more) == (2, True)
    done = both.run(reseal_customers, shop.owner, {"limit": 2})
    assert (done.customers, done.more) == (1, False)
    assert both.run(reseal_customers, shop.owner).customers == 0

    new = keyed(NEW)
    assert [new.run(get_customer, shop.owner, {"id": each.id}) for each in (*made, none)] == [*made, none]
    for query in ("c0@example.org", "+49 30 1234500"):
        found = new.run(search_customers, shop.owner, {"query": query}).items
        assert [each.id for each in found] == [made[0].id]
    changed = new.run(update_customer, shop.owner, {"id": made[0].id, "version": 1, "notes": "still version 1"})
    assert changed.version == 2


def test_a_key_that_was_thrown_away_too_early_is_told_and_nothing_is_changed(keyed):
    old, new = keyed(OLD), keyed(NEW)
    shop = a_shop(old)
    made = old.run(create_customer, shop.owner, {"name": "Ana", "email": "ana@example.org"})
    with pytest.raises(FieldKeyMissing):
        new.run(reseal_customers, shop.owner)
    with pytest.raises(FieldKeyMissing):
        new.run(update_customer, shop.owner, {"id": made.id, "name": "X"})
    assert old.run(get_customer, shop.owner, {"id": made.id}) == made
