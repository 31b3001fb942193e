"""Customers: made, read, changed, found, archived; what is sealed, what the trail says."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.core.security import InvalidEmail
from primepos.domain.customers.errors import (
    CustomerConflict,
    CustomerGroupNotFound,
    CustomerNotFound,
    CustomerNumberTaken,
    DuplicateCustomerGroup,
    InvalidPhone,
    StaleCustomer,
)
from primepos.domain.customers.service import (
    archive_customer,
    create_customer,
    create_group,
    get_customer,
    list_consents,
    list_customers,
    list_groups,
    record_consent,
    search_customers,
    unarchive_customer,
    update_customer,
    update_group,
)
from tests.domain.inner_room import count
from tests.factories import rows

ANA = {
    "name": "  Ana   Müller ",
    "company": "Café Ŝtefánia",
    "email": "Ana.Mueller@Example.ORG",
    "phone": "0171 / 123 45 67",
    "address": "Main street 1\n10115 Berlin",
    "tax_number": "DE 123",
    "born_on": "2008-02-29",
    "notes": "likes tea",
    "language": "de",
}


def found(app, who, query):
    return [(each.number, each.exact) for each in app.run(search_customers, who, {"query": query}).items]


def trail(app, shop, operation):
    return rows(
        app,
        "SELECT subject, data FROM audit_events"
        " WHERE tenant_id = %s AND operation = %s AND outcome = 'done' ORDER BY id",
        (shop.tenant_id, operation),
    )


def test_a_customer_is_made_with_the_next_number_and_shown_whole(app, shop):
    made = app.run(create_customer, shop.cashier, ANA)
    assert (made.number, made.name, made.company, made.version) == ("1", "Ana Müller", "Café Ŝtefánia", 1)
    assert (made.email, made.phone) == ("ana.mueller@example.org", "01711234567")
    assert (made.address, made.born_on, made.language) == ("Main street 1\n10115 Berlin", date(2008, 2, 29), "de")
    assert (made.groups, made.consents, made.merged_from, made.erased_at) == ([], [], [], None)
    assert app.run(get_customer, shop.accountant, {"id": made.id}) == made
    assert app.run(get_customer, shop.cashier, {"number": "1"}) == made
    assert app.run(create_customer, shop.cashier, {"name": "Bo"}).number == "2"


def test_numbers_that_are_given_are_passed_by(app, shop):
    app.run(create_customer, shop.cashier, {"name": "A", "number": "41"})
    app.run(create_customer, shop.cashier, {"name": "B", "number": "0099"})
    app.run(create_customer, shop.cashier, {"name": "C", "number": "VIP-7"})
    assert app.run(create_customer, shop.cashier, {"name": "D"}).number == "42"
    with pytest.raises(CustomerNumberTaken):
        app.run(create_customer, shop.cashier, {"name": "E", "number": "41"})
    bo = app.run(create_customer, shop.cashier, {"name": "Bo"})
    moved = app.run(update_customer, shop.cashier, {"id": bo.id, "number": "100"})
    assert moved.number == "100"
    assert app.run(create_customer, shop.cashier, {"name": "F"}).number == "101"
    with pytest.raises(CustomerNumberTaken):
        app.run(update_customer, shop.cashier, {"id": bo.id, "number": "VIP-7"})
    assert app.run(get_customer, shop.cashier, {"id": bo.id}) == moved


def test_the_same_customer_sent_twice_is_made_once_and_another_under_its_id_is_refused(app, shop, other_shop):
    data = {**ANA, "id": new_id()}
    first = app.run(create_customer, shop.cashier, data)
    assert app.run(create_customer, shop.manager, data) == first
    with pytest.raises(CustomerConflict):
        app.run(create_customer, shop.cashier, {**data, "phone": "0171 1234568"})
    assert count(app, "customers", shop.tenant_id) == 1
    # Ids are the tenant's own: nobody learns that another one has it.
    assert app.run(create_customer, other_shop.cashier, data).id == first.id


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"email": "nobody"}, InvalidEmail),
        ({"phone": "call me"}, InvalidPhone),
        ({"phone": "1234567890123456"}, InvalidPhone),
        ({"born_on": "1492-01-01"}, InvalidInput),
        ({"number": "a b"}, InvalidInput),
        ({"exempt_until": "2030-01-01"}, InvalidInput),
        ({"groups": ["none"]}, CustomerGroupNotFound),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_kept(app, shop, change, refusal):
    with pytest.raises(refusal) as caught:
        app.run(create_customer, shop.owner, {"name": "Ana", **change})
    assert count(app, "customers", shop.tenant_id) == 0
    assert "nobody" not in str(caught.value)


def test_email_and_phone_are_in_no_column_no_trail_and_no_error(app, shop):
    made = app.run(create_customer, shop.cashier, ANA)
    app.run(update_customer, shop.cashier, {"id": made.id, "email": "other@example.org", "notes": None})
    stored = str(rows(app, "SELECT c::text AS row FROM customers c WHERE tenant_id = %s", (shop.tenant_id,)))
    stored += str(rows(app, "SELECT word FROM customer_words WHERE tenant_id = %s", (shop.tenant_id,)))
    written = str(rows(app, "SELECT a::text AS row FROM audit_events a WHERE tenant_id = %s", (shop.tenant_id,)))
    for told in (stored, written):
        for secret in ("example.org", "1234567", b"example.org".hex(), b"1234567".hex()):
            assert secret not in told
    assert "Müller" not in written
    assert trail(app, shop, "customers.update")[0] == {
        "subject": f"customer:{made.id}",
        "data": {"fields": ["email", "notes"]},
    }


def test_the_same_address_hashes_apart_in_two_shops_and_is_sealed_apart_in_two_rows(app, shop, other_shop):
    for who in (shop.cashier, shop.cashier, other_shop.cashier):
        app.run(create_customer, who, ANA)
    seen = rows(
        app,
        "SELECT tenant_id, email_sealed, email_hash, phone_hash FROM customers WHERE tenant_id = ANY(%s)",
        ([shop.tenant_id, other_shop.tenant_id],),
    )
    assert len({bytes(row["email_sealed"]) for row in seen}) == 3
    assert len({bytes(row["email_hash"]) for row in seen}) == 2
    assert len({bytes(row["phone_hash"]) for row in seen}) == 2


def test_an_update_changes_what_is_given_empties_what_is_null_and_notices_others(app, shop):
    made = app.run(create_customer, shop.cashier, ANA)
    changed = app.run(
        update_customer,
        shop.cashier,
        {"id": made.id, "version": 1, "name": "Ana Schulz", "phone": None, "company": None},
    )
    assert (changed.name, changed.phone, changed.company, changed.email) == ("Ana Schulz", None, None, made.email)
    assert changed.version == 2
    with pytest.raises(StaleCustomer) as caught:
        app.run(update_customer, shop.cashier, {"id": made.id, "version": 1, "name": "Late"})
    assert caught.value.data == {"version": 2}
    assert app.run(update_customer, shop.cashier, {"id": made.id, "version": 2, "name": "Ana Schulz"}) == changed
    assert found(app, shop.cashier, "schulz") == [("1", False)]
    assert found(app, shop.cashier, "muller") == []
    with pytest.raises(CustomerNotFound):
        app.run(update_customer, shop.cashier, {"id": uuid4(), "name": "X"})


def test_prices_and_exemptions_are_given_by_those_who_may(app, shop):
    group = app.run(create_group, shop.manager, {"code": "staff", "name": "Staff"})
    with pytest.raises(PermissionDenied):
        app.run(create_customer, shop.cashier, {"name": "Friend", "groups": ["staff"]})
    with pytest.raises(PermissionDenied):
        app.run(create_customer, shop.cashier, {"name": "Friend", "price_list": "wholesale"})
    with pytest.raises(ApprovalRequired):
        app.run(create_customer, shop.manager, {"name": "Friend", "tax_exempt": True})
    assert count(app, "customers", shop.tenant_id) == 0
    made = app.run(
        create_customer,
        shop.owner,
        {
            "name": "School",
            "groups": ["staff"],
            "price_list": "wholesale",
            "tax_exempt": True,
            "exemption_number": "EX-1",
            "exempt_until": "2026-12-31",
        },
    )
    assert (made.groups, made.price_list, made.exemption_number) == (["staff"], "wholesale", "EX-1")
    # What is theirs already nobody needs leave for.
    same = {"id": made.id, "groups": ["staff"], "tax_exempt": True, "notes": "pays late"}
    assert app.run(update_customer, shop.cashier, same).notes == "pays late"
    with pytest.raises(PermissionDenied):
        app.run(update_customer, shop.cashier, {"id": made.id, "groups": []})
    ended = app.run(update_customer, shop.owner, {"id": made.id, "tax_exempt": False, "groups": []})
    assert (ended.tax_exempt, ended.exemption_number, ended.exempt_until, ended.groups) == (False, None, None, [])
    app.run(update_group, shop.manager, {"id": group.id, "archived": True})
    with pytest.raises(CustomerGroupNotFound):
        app.run(update_customer, shop.owner, {"id": made.id, "groups": ["staff"]})


def test_groups_are_made_renamed_and_archived(app, shop):
    group = app.run(create_group, shop.manager, {"code": "vip", "name": " Very  good "})
    assert (group.code, group.name) == ("vip", "Very good")
    with pytest.raises(DuplicateCustomerGroup):
        app.run(create_group, shop.owner, {"code": "vip", "name": "Again"})
    with pytest.raises(PermissionDenied):
        app.run(create_group, shop.cashier, {"code": "mine", "name": "Mine"})
    made = app.run(create_customer, shop.owner, {"name": "Ana", "groups": ["vip"]})
    assert [each.id for each in app.run(list_customers, shop.cashier, {"group": "vip"}).items] == [made.id]
    archived = app.run(update_group, shop.manager, {"id": group.id, "name": "Old", "archived": True})
    assert archived.archived_at is not None
    assert app.run(list_groups, shop.cashier).items == []
    assert [each.name for each in app.run(list_groups, shop.cashier, {"archived": True}).items] == ["Old"]
    assert app.run(get_customer, shop.cashier, {"id": made.id}).groups == []
    app.run(update_group, shop.manager, {"id": group.id, "archived": False})
    assert app.run(get_customer, shop.cashier, {"id": made.id}).groups == ["vip"]
    with pytest.raises(CustomerGroupNotFound):
        app.run(update_group, shop.manager, {"id": uuid4(), "name": "X"})
    with pytest.raises(CustomerGroupNotFound):
        app.run(list_customers, shop.cashier, {"group": "nope"})


def test_search_finds_by_number_email_phone_and_beginnings_of_words_best_first(app, shop, other_shop):
    app.run(create_customer, shop.cashier, {**ANA, "number": "123"})
    app.run(create_customer, shop.cashier, {"name": "Muller 123", "number": "7"})
    app.run(create_customer, shop.cashier, {"name": "Łukasz Ørsted", "number": "8", "phone": "+49 (0) 171 1234567"})
    app.run(create_customer, other_shop.cashier, {**ANA, "number": "123"})
    who = shop.cashier
    assert found(app, who, "123") == [("123", True), ("7", False)]
    assert found(app, who, "  ANA.mueller@example.org ") == [("123", True)]
    assert found(app, who, "+49 171 1234567") == [("123", True), ("8", True)]
    assert found(app, who, "01711234567") == [("123", True), ("8", True)]
    assert found(app, who, "+43 171 1234567") == [("123", True)]
    assert found(app, who, "MÜLL") == [("7", False), ("123", False)]
    assert found(app, who, "mul an") == [("123", False)]
    assert found(app, who, "stefania cafe") == [("123", False)]
    assert found(app, who, "lukasz orst") == [("8", False)]
    assert found(app, who, "uller") == []
    assert found(app, who, "nobody@example.org") == []
    assert found(app, who, "  ") == []
    assert found(app, who, "%") == []


def test_archived_customers_are_in_no_search_and_come_back(app, shop):
    made = app.run(create_customer, shop.cashier, ANA)
    archived = app.run(archive_customer, shop.cashier, {"id": made.id})
    assert archived.archived_at is not None
    assert app.run(archive_customer, shop.cashier, {"id": made.id}) == archived
    assert found(app, shop.cashier, "ana") == found(app, shop.cashier, "1") == []
    app.run(update_customer, shop.cashier, {"id": made.id, "name": "Anna"})
    assert found(app, shop.cashier, "anna") == []
    assert app.run(list_customers, shop.cashier).items == []
    assert [each.name for each in app.run(list_customers, shop.cashier, {"archived": True}).items] == ["Anna"]
    assert app.run(unarchive_customer, shop.cashier, {"id": made.id}).archived_at is None
    assert found(app, shop.cashier, "anna") == [("1", False)]


def test_lists_are_pages_by_name(app, shop):
    for name in ("Cleo", "Ana", "Bo", "Ana"):
        app.run(create_customer, shop.cashier, {"name": name})
    seen, after = [], None
    while True:
        page = app.run(list_customers, shop.accountant, {"limit": 3, "after": after})
        seen += [each.name for each in page.items]
        after = page.next
        if after is None:
            break
    assert seen == ["Ana", "Ana", "Bo", "Cleo"]
    with pytest.raises(InvalidInput):
        app.run(list_customers, shop.owner, {"after": "!"})


def test_consent_is_a_history_of_which_the_latest_word_counts(app, shop, clock):
    made = app.run(create_customer, shop.cashier, ANA)
    agree = {"id": made.id, "purpose": "email", "given": True, "how": "paper"}
    assert app.run(record_consent, shop.cashier, agree).consents == ["email"]
    assert app.run(record_consent, shop.cashier, agree).consents == ["email"]
    app.run(record_consent, shop.manager, {**agree, "purpose": "sms"})
    gone = app.run(record_consent, shop.manager, {**agree, "given": False, "how": "phone"})
    assert gone.consents == ["sms"]
    told = app.run(list_consents, shop.cashier, {"id": made.id}).items
    assert [(each.purpose, each.given, each.how, each.by) for each in told] == [
        ("email", True, "paper", "Cashier"),
        ("sms", True, "paper", "Manager"),
        ("email", False, "phone", "Manager"),
    ]
    assert {each.at for each in told} == {clock.now()}
    with pytest.raises(CustomerNotFound):
        app.run(record_consent, shop.cashier, {**agree, "id": uuid4()})
    with pytest.raises(InvalidInput):
        app.run(record_consent, shop.cashier, {**agree, "how": "Mrs Miller told me"})
