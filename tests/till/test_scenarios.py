"""The canonical scenarios of a till, driven key by key; each asserts how many keys it takes."""

from __future__ import annotations

from tests.factories import rows
from tests.till.world import MANAGER, MANAGER_PIN, World

BREAD = "4006381333931"


def sold(till: World):
    """Deliver what the journal holds and return the sales the server has, by number."""
    till.till.delivery.flush()
    return rows(
        till.app,
        "SELECT id, kind, number, total, rounding, flags, cashier FROM sales WHERE tenant_id = %s ORDER BY number",
        (till.shop.tenant_id,),
    )


def payments(till: World):
    till.till.delivery.flush()
    return [
        (each["kind"], each["amount"])
        for each in rows(
            till.app,
            "SELECT p.kind, p.amount FROM payments p JOIN sales s ON s.tenant_id = p.tenant_id AND s.id = p.sale_id"
            " WHERE p.tenant_id = %s ORDER BY s.number, p.amount DESC",
            (till.shop.tenant_id,),
        )
    ]


def test_01_three_items_in_exact_cash(till):
    for code in ("A-1", BREAD, "C-3"):
        till.scan(code)
    assert till.lines == [("Apple", "1", "1,00"), ("Bread", "1", "2,50"), ("Cheese", "1", "9,99")]
    assert till.total == "13,49 €"
    assert till.press("f12") == 1
    assert till.view.mode.value == "receipt"
    assert payments(till) == [("cash", 1349)]
    assert [(each["number"], each["total"], each["flags"]) for each in sold(till)] == [(1, 1349, [])]


def test_02_three_items_twenty_in_cash_and_change(till):
    for code in ("A-1", BREAD, "C-3"):
        till.scan(code)
    assert till.press("enter", "20", "enter") == 4
    assert till.view.change == "6,51 €"
    assert payments(till) == [("cash", 2000), ("change", -651)]
    assert till.till.desk.shown_receipt[-6:-4] == [
        "Cash                               20,00",
        "Change" + " " * 30 + "6,51",
    ]


def test_03_six_of_one_item(till):
    assert till.press("6*") == 2
    till.scan(BREAD)
    assert till.lines == [("Bread", "6", "15,00")]


def test_04_ten_percent_off_the_ticket_needs_a_manager(till):
    till.scan("C-3")
    assert till.press("f6", "10", "enter") == 4
    assert till.till.engine.box.title == "Manager's approval"
    assert till.till.engine.box.lines == ["10 % off the ticket"]
    till.approve()
    assert till.total == "8,99 €"
    assert till.view.discount == "-1,00"


def test_04b_a_line_discount_within_the_limit_takes_three_keys(till):
    till.scan("C-3")
    assert till.press("5%") == 2
    assert till.lines == [("Cheese", "1", "9,49")]
    assert till.press("10%") == 3
    assert till.till.engine.box.title == "Manager's approval"
    till.approve()
    assert till.lines == [("Cheese", "1", "8,99")]


def test_05_another_price_for_the_last_line(till):
    till.scan("A-1")
    till.scan("C-3")
    assert till.press("f5", "4.50", "enter") == 6
    till.approve()
    assert till.lines == [("Apple", "1", "1,00"), ("Cheese", "1", "4,50")]
    till.press("f12")
    assert [each["flags"] for each in sold(till)] == [["PRICE_DIFFERS"]]


def test_06_removing_the_last_line(till):
    till.scan("A-1")
    till.scan("C-3")
    assert till.press("delete") == 1
    assert till.lines == [("Apple", "1", "1,00")]
    (event,) = till.till.journal.reductions()
    assert (event.who, event.reduces, b'"sku":"C-3"' in event.event) == ("7", True, True)


def test_09_thirty_by_card_and_the_rest_in_cash(till):
    till.press("4*", "C-3", "enter")
    assert till.total == "39,96 €"
    assert till.press("enter", "30c", "enter") == 5
    assert payments(till) == [("card", 3000), ("cash", 996)]


def test_11_a_weighed_label_is_one_scan(app, shop, world):
    from primepos.core.operations import OPERATIONS

    rule = {"pattern": "2{item:6}{weight:5}c", "decimals": 3, "name": "scale"}
    app.run(OPERATIONS["tenancy.update_settings"], shop.owner, {"settings": {"barcode_rules": [rule]}})
    app.run(
        OPERATIONS["catalog.create_product"],
        shop.owner,
        {
            "sku": "HAM",
            "name": "Ham",
            "unit_price": "19.90",
            "sold_by": "weight",
            "barcodes": [{"code": "2100001000004"}],
        },
    )
    world.restart()
    world.ready()
    world.scan("2100001027506")
    assert world.lines == [("Ham", "2,75", "54,73")]


def test_12_closing_the_shift_is_blind_for_a_cashier(till):
    till.scan("A-1")
    till.press("f12")
    till.press("escape")
    assert till.press("ctrl+e", "101", "enter", "enter") == 6
    text = "\n".join(till.till.engine.box.lines)
    assert till.till.engine.box.title == "Z report"
    assert "Z REPORT 1" in text
    assert "Expected" not in text
    assert till.view.mode.value == "no_shift"
    (shift,) = rows(
        till.app,
        "SELECT expected, counted, difference, z_number FROM shifts s JOIN registers r ON r.id = s.register_id"
        " WHERE s.tenant_id = %s AND r.kind = 'till'",
        (till.shop.tenant_id,),
    )
    assert shift == {"expected": 10100, "counted": 10100, "difference": 0, "z_number": 1}


def test_voiding_the_last_sale_writes_a_counter_record_in_the_same_shift(till):
    till.scan("A-1")
    till.press("f12")
    till.press("ctrl+x", "wrong item", "enter")
    assert till.till.engine.box.lines == [f"Void {till.shop.till_prefix}-000001 of 1,00 €: wrong item"]
    till.approve(MANAGER, MANAGER_PIN)
    found = sold(till)
    assert [(each["kind"], each["number"], each["total"]) for each in found] == [("sale", 1, 100), ("void", 2, -100)]
    assert till.till.journal.verify() == 2
    assert "*** VOID ***" in "\n".join(till.till.desk.shown_receipt)
    till.press("ctrl+x")
    assert till.error == "There is no sale in this shift that can be voided"
