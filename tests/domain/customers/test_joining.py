"""What a customer bought; two records made one; a person erased; everything about one."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import msgspec
import pytest

from primepos.core.context import Identity
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.customers import standing
from primepos.domain.customers.errors import (
    CustomerConflict,
    CustomerErased,
    CustomerHeld,
    CustomerMerged,
    CustomerNotFound,
    SameCustomer,
)
from primepos.domain.customers.queries import subject_of
from primepos.domain.customers.service import (
    archive_customer,
    create_customer,
    create_group,
    customer_data,
    customer_history,
    erase_customer,
    get_customer,
    list_consents,
    list_customers,
    merge_customers,
    record_consent,
    search_customers,
    update_customer,
)
from primepos.domain.customers.standing import standing_of
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.service import book_sale, void_sale
from tests.domain.inner_room import in_room
from tests.factories import assert_books_hold, basket, rows


def make(app, shop, **data):
    return app.run(create_customer, shop.owner, {"name": "Ana", **data})


def found(app, shop, query):
    return [each.id for each in app.run(search_customers, shop.owner, {"query": query}).items]


def buy(app, shop, customer_id):
    return app.run(book_sale, shop.cashier, basket(shop, customer_id=customer_id))


def who(app, shop, customer_id):
    return in_room(app, shop.owner, lambda ctx: standing_of(ctx.uow, ctx.tenant_id, customer_id))


def test_history_is_pages_of_sales_newest_first_with_totals_of_what_stands(app, shop, other_shop, belongs):
    ana = make(app, shop)
    empty = app.run(customer_history, shop.cashier, {"id": ana.id})
    assert (empty.items, empty.next) == ([], None)
    assert (empty.totals.visits, empty.totals.spent, empty.totals.last_seen) == (0, 0, None)
    sales = [buy(app, shop, ana.id) for _ in range(3)]
    buy(app, shop, make(app, shop).id)
    back = app.run(
        refund_sale,
        shop.owner,
        {"id": new_id(), "sale_id": sales[1].id, "lines": [{"line_no": 2}], "reason": "stale bread"},
    )
    belongs(back.id, ana.id)
    void = app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": sales[2].id, "reason": "typo"})
    belongs(void.id, ana.id)

    first = app.run(customer_history, shop.accountant, {"id": ana.id, "limit": 3})
    rest = app.run(customer_history, shop.accountant, {"id": ana.id, "limit": 3, "after": first.next})

    assert [(each.id, each.total, each.is_voided) for each in first.items] == [
        (back.id, -250, False),
        (sales[2].id, 450, True),
        (sales[1].id, 450, False),
    ]
    assert ([each.id for each in rest.items], rest.next) == ([sales[0].id], None)
    totals = first.totals
    assert (totals.visits, totals.spent, totals.currency, totals.last_seen) == (2, 650, "EUR", back.sold_at)
    assert rest.totals == totals
    with pytest.raises(CustomerNotFound):
        app.run(customer_history, other_shop.owner, {"id": ana.id})
    with pytest.raises(PermissionDenied):
        app.run(customer_history, shop.clerk, {"id": ana.id})


def test_whoever_works_in_one_outlet_sees_what_was_bought_there(app, shop):
    ana = make(app, shop)
    buy(app, shop, ana.id)
    elsewhere = Identity(
        kind="staff", tenant_id=shop.tenant_id, role="cashier", actor_id=new_id(), outlet_ids=frozenset({uuid4()})
    )
    seen = app.run(customer_history, elsewhere, {"id": ana.id})
    assert (seen.items, seen.totals.spent) == ([], 450)


def test_a_merged_record_is_found_through_the_one_that_stays(app, shop):
    app.run(create_group, shop.owner, {"code": "vip", "name": "VIP"})
    app.run(create_group, shop.owner, {"code": "staff", "name": "Staff"})
    gone = make(
        app, shop, name="A. Muller", email="a@example.org", phone="0171 1234567", groups=["vip"], company="Muller Ltd",
        tax_exempt=True, exemption_number="EX-1",
    )  # fmt: skip
    kept = make(app, shop, name="Ana Müller", email="ana@example.org", groups=["staff"])
    sale = buy(app, shop, gone.id)
    app.run(record_consent, shop.owner, {"id": gone.id, "purpose": "email", "given": True, "how": "paper"})
    app.run(record_consent, shop.owner, {"id": kept.id, "purpose": "sms", "given": True, "how": "web"})

    one = app.run(merge_customers, shop.cashier, {"id": gone.id, "into": kept.id})

    assert (one.id, one.name, one.email) == (kept.id, "Ana Müller", "ana@example.org")
    assert (one.phone, one.company, one.groups) == ("01711234567", "Muller Ltd", ["staff", "vip"])
    assert (one.tax_exempt, one.exemption_number) == (True, "EX-1")
    assert (one.consents, one.merged_from) == (["email", "sms"], [gone.id])
    assert app.run(get_customer, shop.owner, {"id": gone.id}) == one
    assert app.run(get_customer, shop.owner, {"number": gone.number}) == one
    assert found(app, shop, "a@example.org") == found(app, shop, gone.number) == [kept.id]
    assert found(app, shop, "a") == [kept.id]
    assert [each.id for each in app.run(list_customers, shop.owner).items] == [kept.id]
    history = app.run(customer_history, shop.owner, {"id": kept.id})
    assert ([each.id for each in history.items], history.totals.spent) == ([sale.id], 378)
    assert app.run(customer_history, shop.owner, {"id": gone.id}) == history
    assert rows(app, "SELECT customer_id FROM sales WHERE id = %s", (sale.id,)) == [{"customer_id": gone.id}]
    trail = rows(
        app,
        "SELECT subject, data FROM audit_events WHERE tenant_id = %s AND operation = 'customers.merge'",
        (shop.tenant_id,),
    )
    fields = ["company", "exempt_until", "exemption_number", "phone", "tax_exempt"]
    assert trail == [{"subject": subject_of(kept.id), "data": {"merged": str(gone.id), "fields": fields}}]
    # Again is the same, and nothing is written to what is no more.
    assert app.run(merge_customers, shop.cashier, {"id": gone.id, "into": kept.id}) == one
    with pytest.raises(CustomerMerged) as caught:
        app.run(update_customer, shop.owner, {"id": gone.id, "name": "X"})
    assert caught.value.data == {"into": str(kept.id)}
    standing = who(app, shop, gone.id)
    assert (standing.id, standing.ids, standing.groups) == (kept.id, (kept.id, gone.id), ("staff", "vip"))


def test_chains_of_merges_end_at_the_last_and_go_in_no_circle(app, shop):
    a, b, c = (make(app, shop, name=name) for name in ("Ana", "Bo", "Cleo"))
    app.run(merge_customers, shop.owner, {"id": a.id, "into": b.id})
    app.run(merge_customers, shop.owner, {"id": b.id, "into": c.id})
    assert app.run(get_customer, shop.owner, {"id": a.id}).id == c.id
    assert who(app, shop, a.id).ids == (c.id, *sorted([a.id, b.id]))
    for gone, into in ((c.id, a.id), (c.id, b.id), (a.id, b.id)):
        with pytest.raises(CustomerMerged):
            app.run(merge_customers, shop.owner, {"id": gone, "into": into})
    with pytest.raises(SameCustomer):
        app.run(merge_customers, shop.owner, {"id": c.id, "into": c.id})
    for gone, into in ((c.id, uuid4()), (uuid4(), c.id)):
        with pytest.raises(CustomerNotFound):
            app.run(merge_customers, shop.owner, {"id": gone, "into": into})
    pointers = rows(app, "SELECT id, merged_into FROM customers WHERE tenant_id = %s", (shop.tenant_id,))
    assert {row["id"]: row["merged_into"] for row in pointers} == {a.id: c.id, b.id: c.id, c.id: None}


PERSON = {
    "name": "Zacharias Quint",
    "company": "Quintessence",
    "email": "zac@quint.example",
    "phone": "0171 7654321",
    "address": "Quintus street",
    "tax_number": "TAXQUINT",
    "born_on": "1971-02-03",
    "notes": "Quint likes tea",
    "language": "de",
}


def test_an_erased_person_is_gone_from_every_table_and_the_sales_stay(app, shop):
    made = {"id": new_id(), **PERSON}
    gone = app.run(create_customer, shop.owner, made)
    other = make(app, shop, name="Z. Quint", email="z@quint.example")
    app.run(record_consent, shop.owner, {"id": gone.id, "purpose": "email", "given": True, "how": "paper"})
    app.run(merge_customers, shop.owner, {"id": other.id, "into": gone.id})
    sales = [buy(app, shop, gone.id), buy(app, shop, other.id)]
    before = rows(app, "SELECT encode(hash, 'hex') AS hash FROM sales WHERE id = %s", (sales[0].id,))
    with pytest.raises(PermissionDenied):
        app.run(erase_customer, shop.manager, {"id": gone.id, "confirm": True})
    with pytest.raises(InvalidInput):
        app.run(erase_customer, shop.owner, {"id": gone.id, "confirm": False})

    # Whichever of the records is named, it is the person that goes.
    done = app.run(erase_customer, shop.owner, {"id": other.id, "confirm": True})

    assert (done.id, done.records, done.sales) == (gone.id, 2, 2)
    assert app.run(erase_customer, shop.owner, {"id": gone.id, "confirm": True}) == done
    held = ""
    for table in ("customers", "customer_words", "customer_group_members", "customer_consents", "audit_events"):
        held += str(rows(app, f"SELECT t::text AS row FROM {table} t WHERE tenant_id = %s", (shop.tenant_id,)))
    assert "uint" not in held
    stored = rows(app, "SELECT * FROM customers WHERE tenant_id = %s", (shop.tenant_id,))
    kept = {"tenant_id", "id", "name", "created_at", "updated_at", "archived_at", "erased_at", "version",
            "merged_into", "tax_exempt", "source"}  # fmt: skip
    assert [{name for name, value in row.items() if value is not None} - kept for row in stored] == [set(), set()]
    assert [(row["name"], row["tax_exempt"]) for row in stored] == [("", False)] * 2
    shown = app.run(get_customer, shop.owner, {"id": other.id})
    assert (shown.id, shown.number, shown.name, shown.email, shown.born_on) == (gone.id, "", "", None, None)
    assert shown.erased_at == done.erased_at
    consents = app.run(list_consents, shop.owner, {"id": gone.id}).items
    assert [(each.purpose, each.given, each.how) for each in consents] == [("email", True, "paper")]
    for query in ("quint", "zac@quint.example", "0171 7654321", gone.number):
        assert found(app, shop, query) == []
    assert app.run(list_customers, shop.owner, {"archived": True}).items == []
    history = app.run(customer_history, shop.owner, {"id": gone.id})
    assert {each.id for each in history.items} == {each.id for each in sales}
    assert rows(app, "SELECT encode(hash, 'hex') AS hash FROM sales WHERE id = %s", (sales[0].id,)) == before
    assert_books_hold(app, shop)
    # Nothing brings them back.
    with pytest.raises(CustomerErased):
        app.run(update_customer, shop.owner, {"id": gone.id, "name": "Back"})
    with pytest.raises(CustomerErased):
        app.run(archive_customer, shop.owner, {"id": gone.id})
    with pytest.raises(CustomerErased):
        app.run(merge_customers, shop.owner, {"id": make(app, shop).id, "into": gone.id})
    with pytest.raises(CustomerConflict):
        app.run(create_customer, shop.owner, made)
    # Their number is free again.
    assert make(app, shop, number=gone.number).number == gone.number


def test_whoever_has_something_open_is_not_erased(app, shop, belongs, monkeypatch):
    monkeypatch.setattr(standing, "_HOLDS", {})
    standing.register_hold(
        "an account is not settled",
        "SELECT FROM sales WHERE tenant_id = %(tenant)s AND customer_id = ANY(%(ids)s::uuid[]) AND total > 0",
    )
    standing.register_hold("never", "SELECT WHERE false")
    owing, other = make(app, shop), make(app, shop, name="Bo")
    sale = buy(app, shop, owing.id)
    app.run(merge_customers, shop.owner, {"id": owing.id, "into": other.id})
    with pytest.raises(CustomerHeld) as caught:
        app.run(erase_customer, shop.owner, {"id": other.id, "confirm": True})
    assert caught.value.data == {"what": "an account is not settled"}
    assert app.run(get_customer, shop.owner, {"id": other.id}).name == "Bo"
    belongs(sale.id, None)
    assert app.run(erase_customer, shop.owner, {"id": other.id, "confirm": True}).records == 2
    with pytest.raises(CustomerNotFound):
        app.run(erase_customer, shop.owner, {"id": uuid4(), "confirm": True})


def test_everything_about_a_person_is_given_as_json(app, shop, other_shop):
    ana = app.run(create_customer, shop.owner, PERSON)
    old = make(app, shop, name="Old", email="old@quint.example")
    app.run(record_consent, shop.owner, {"id": old.id, "purpose": "post", "given": True, "how": "paper"})
    app.run(merge_customers, shop.owner, {"id": old.id, "into": ana.id})
    sale = buy(app, shop, old.id)
    told = app.run(customer_data, shop.owner, {"id": old.id})
    given = msgspec.json.decode(msgspec.json.encode(told))
    assert given["customer"]["email"] == "zac@quint.example"
    assert [each["email"] for each in given["merged"]] == ["old@quint.example"]
    assert [each["purpose"] for each in given["consents"]] == ["post"]
    assert (given["totals"]["visits"], given["totals"]["spent"], given["sales_left_out"]) == (1, 450, 0)
    assert given["sales"][0]["sale"]["receipt"] == sale.receipt
    assert given["sales"][0]["lines"] == [
        {"sku": "A-1", "name": "Apple", "quantity": "2.000", "total": 200},
        {"sku": "B-2", "name": "Bread", "quantity": "1.000", "total": 250},
    ]
    assert [each["operation"] for each in given["changes"]] == [
        "customers.create", "customers.create", "customers.consent", "customers.merge",
    ]  # fmt: skip
    with pytest.raises(CustomerNotFound):
        app.run(customer_data, other_shop.owner, {"id": ana.id})


def test_standing_says_the_age_and_whether_an_exemption_holds(app, shop):
    made = app.run(
        create_customer,
        shop.owner,
        {"name": "A", "born_on": "2008-02-29", "tax_exempt": True, "exempt_until": "2026-03-02", "price_list": "w"},
    )
    seen = who(app, shop, made.id)
    assert (seen.age(date(2026, 2, 28)), seen.age(date(2026, 3, 1)), seen.price_list) == (17, 18, "w")
    assert (seen.is_tax_exempt(date(2026, 3, 2)), seen.is_tax_exempt(date(2026, 3, 3))) == (True, False)
    assert (seen.is_archived, seen.is_erased, seen.number) == (False, False, "1")
    with pytest.raises(CustomerNotFound):
        who(app, shop, uuid4())
