"""A till prices by the shop's offers with no server there, and the server finds what it charged in order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from primepos.domain.offers.service import update_promotion
from tests.domain.offers.making import a_list, a_promotion
from tests.factories import rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from tests.till.world import World


def flags_and_totals(world: World) -> list[tuple[list[str], int]]:
    found = rows(
        world.app, "SELECT flags, total FROM sales WHERE tenant_id = %s ORDER BY number", (world.shop.tenant_id,)
    )
    return [(row["flags"], row["total"]) for row in found]


def test_a_till_sells_at_list_price_with_promotions_while_the_server_is_away(world: World) -> None:
    world.till.catalogue.pull_offers(world.line, world.shop.outlet_id)
    a_list(world.app, world.shop, "sale", {"sku": "A-1", "amount": "0.80"})
    a_promotion(world.app, world.shop, "3for2", kind="n_for_m", percent="0", count=3, pay=2, goods={"skus": ["B-2"]})
    assert world.till.catalogue.pull_offers(world.line, world.shop.outlet_id)
    assert not world.till.catalogue.pull_offers(world.line, world.shop.outlet_id)
    world.ready()
    world.line.down = True
    world.scan("A-1")
    world.press("3*")
    world.scan("4006381333931")
    assert [(line.price, line.total) for line in world.view.lines] == [("0,80", "0,80"), ("2,50", "5,00")]
    world.press("f12")
    assert world.error == ""
    world.line.down = False
    assert world.till.delivery.flush()
    assert flags_and_totals(world) == [([], 580)]
    stored = rows(
        world.app,
        "SELECT details FROM sale_lines WHERE tenant_id = %s ORDER BY line_no",
        (world.shop.tenant_id,),
    )
    assert stored[0]["details"]["rule"] == "list:sale"
    assert stored[1]["details"]["offers"] == [{"code": "3for2", "name": "3For2", "amount": 250}]


def test_an_open_sale_keeps_the_offers_it_began_with(world: World, clock: FrozenClock) -> None:
    promotion = a_promotion(world.app, world.shop)
    world.till.catalogue.pull_offers(world.line, world.shop.outlet_id)
    world.ready()
    world.scan("B-2")
    app, shop = world.app, world.shop
    app.run(update_promotion, shop.manager, {"id": promotion.id, "percent": "50"})
    world.till.catalogue.pull_offers(world.line, world.shop.outlet_id)
    clock.advance(timedelta(minutes=5))
    world.scan("B-2")
    world.press("f12")
    world.scan("B-2")
    world.press("f12")
    assert world.till.delivery.flush()
    assert flags_and_totals(world) == [(["PROMOTION_DIFFERS"], 450), ([], 125)]


def test_a_till_without_offers_asks_nothing_of_them(world: World) -> None:
    world.ready()
    world.scan("A-1")
    assert world.till.desk.sale.counter is None


def test_offers_are_there_after_a_restart(world: World) -> None:
    a_promotion(world.app, world.shop)
    world.restart()
    world.line.down = True
    assert [each.code for each in world.till.catalogue.offers.promotions] == ["ten"]
