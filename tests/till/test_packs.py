"""Packs and kits at the till: found by their code, sold as what they are, delivered so that stock is right."""

from __future__ import annotations

from decimal import Decimal

from primepos.domain.catalog.service import create_product, set_barcodes, set_kit, set_units
from tests.factories import assert_books_hold, rows

PACK = "4006381333948"


def test_a_pack_is_scanned_at_its_price_and_a_kit_takes_its_parts(world):
    app, shop = world.app, world.shop
    apple, bread = shop.products[:2]
    units = [{"code": "six-pack", "factor": "6", "unit_price": "4.99"}]
    app.run(set_units, shop.owner, {"product_id": apple, "units": units})
    app.run(set_barcodes, shop.owner, {"product_id": apple, "barcodes": [{"code": PACK, "quantity": "6"}]})
    box = app.run(create_product, shop.owner, {"sku": "BOX", "name": "Box", "unit_price": "3.00"})
    parts = [{"product_id": apple, "quantity": "2"}, {"product_id": bread}]
    app.run(set_kit, shop.owner, {"product_id": box.id, "components": parts})
    world.till.catalogue.pull(world.line)
    world.ready()

    world.scan(PACK)
    world.scan(PACK)
    world.scan("A-1")
    world.scan("BOX")
    assert [(line.price, line.total) for line in world.view.lines] == [
        ("4,99", "9,98"),
        ("1,00", "1,00"),
        ("3,00", "3,00"),
    ]
    world.press("f12")
    assert world.error == ""
    assert world.till.delivery.flush()

    assert rows(app, "SELECT flags FROM sales WHERE tenant_id = %s", (shop.tenant_id,)) == [{"flags": []}]
    sold = rows(
        app,
        "SELECT unit, factor, quantity FROM sale_lines WHERE tenant_id = %s ORDER BY line_no",
        (shop.tenant_id,),
    )
    assert [(row["unit"], row["factor"], row["quantity"]) for row in sold] == [
        ("six-pack", 6, 2),
        ("", 1, 1),
        ("", 1, 1),
    ]
    left = rows(app, "SELECT product_id, quantity FROM stock_levels WHERE tenant_id = %s", (shop.tenant_id,))
    assert {row["product_id"]: row["quantity"] for row in left} == {apple: Decimal(-15), bread: Decimal(-1)}
    assert_books_hold(app, shop)
