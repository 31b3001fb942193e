"""Every operation with another tenant's ids: not found, and nothing of the other tenant seen or changed.

The table below must name every operation that takes an id; a new one fails here until it says how it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import pytest

from primepos.bootstrap import build_app
from primepos.core.clock import FrozenClock
from primepos.core.errors import ErrorKind, PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.cash.service import close_shift, move_cash, propose_adjustment
from primepos.domain.catalog.service import create_category
from primepos.domain.customers.service import create_customer, create_group
from primepos.domain.importing.service import submit_import
from primepos.domain.inventory.service import open_count, request_transfer
from primepos.domain.offers.service import (
    create_coupons,
    create_price_list,
    create_promotion,
    create_tax_mapping,
    hold_coupon,
)
from primepos.domain.orders.service import save_order
from primepos.domain.outlets.service import create_outlet
from primepos.domain.purchasing.service import (
    approve_order,
    create_order,
    create_supplier,
    receive_order,
    return_to_supplier,
    send_order,
)
from primepos.domain.sales.service import book_sale, deliver_sale
from primepos.domain.schema import GLOBAL_TABLES, METADATA
from primepos.domain.staff.service import ask_approval, clock_in, create_role, create_staff
from primepos.domain.values.service import authorise, issue_card
from tests.conftest import NOON
from tests.contracts.every_operation import every_operation
from tests.factories import Shop, TillSeries, a_shift, a_shop, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.db import Database
    from primepos.core.operations import App
    from primepos.core.settings import Settings

ALL = every_operation()
# A picture of one pixel, as JSON carries it.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Theirs:
    """Another tenant with one of everything."""

    def __init__(self, app: App, shop: Shop) -> None:
        """Fill the shop."""
        self.shop = shop
        self.product = shop.products[0]
        self.closed_shift = a_shift(app, shop)
        dropped = {"id": new_id(), "shift_id": self.closed_shift, "kind": "drop", "amount": 100, "reason": "full"}
        app.run(move_cash, shop.owner, dropped)
        app.run(close_shift, shop.cashier, {"shift_id": self.closed_shift, "counted": 9_000})
        proposed = {"id": new_id(), "shift_id": self.closed_shift, "counted": 9_900, "reason": "miscounted"}
        self.adjustment = app.run(propose_adjustment, shop.cashier, proposed).id
        self.shift = a_shift(app, shop)
        self.sale = app.run(book_sale, shop.cashier, basket(shop)).id
        put_aside = {"id": new_id(), "outlet_id": shop.outlet_id, "lines": [{"sku": "B-2"}]}
        self.ticket = app.run(save_order, shop.owner, put_aside).id
        self.delivered = TillSeries(shop, self.shift, NOON).sell()
        app.run(deliver_sale, shop.device, self.delivered)
        self.upload = new_id()
        announced = {"id": self.upload, "kind": "products", "file_name": "theirs.csv", "parts": 2}
        app.run(submit_import, shop.owner, announced)
        self.category = app.run(create_category, shop.owner, {"name": "Theirs"}).id
        self.customer = app.run(create_customer, shop.owner, {"name": "Theirs", "number": "555"}).id
        self.group = app.run(create_group, shop.owner, {"code": "theirs", "name": "Theirs"}).id
        self.staff = app.run(
            create_staff, shop.owner, {"code": "42", "name": "Their cashier", "role": "cashier", "pin": "4711"}
        ).id
        app.run(create_role, shop.owner, {"name": "theirs", "title": "Their role"})
        act = {"permission": "sale:void", "amount": 100}
        asked = {"id": new_id(), "operation": "sales.void", "acts": [act]}
        self.approval = app.run(ask_approval, shop.cashier, asked).id
        self.entry = app.run(clock_in, shop.device, {"id": new_id(), "code": "42", "pin": "4711"}).id

        goods = [{"product_id": self.product, "quantity": "4"}]
        depot = app.run(create_outlet, shop.owner, {"code": "depot", "name": "Their depot", "kind": "warehouse"}).id
        self.count = app.run(open_count, shop.owner, {"id": new_id(), "outlet_id": shop.outlet_id}).id
        asked = {"id": new_id(), "from_outlet_id": shop.outlet_id, "to_outlet_id": depot, "lines": goods}
        self.transfer = app.run(request_transfer, shop.owner, asked).id
        self.supplier = app.run(create_supplier, shop.owner, {"code": "s", "name": "Their supplier"}).id
        ordered = {"id": new_id(), "supplier_id": self.supplier, "outlet_id": shop.outlet_id}
        lines = [{**goods[0], "cost": "1"}]
        self.order = app.run(create_order, shop.owner, {**ordered, "lines": lines}).id
        for step in (approve_order, send_order):
            app.run(step, shop.owner, {"id": self.order})
        app.run(receive_order, shop.owner, {"id": new_id(), "order_id": self.order})
        back = {"id": new_id(), "order_id": self.order, "lines": goods, "reason": "Theirs"}
        self.returned = app.run(return_to_supplier, shop.owner, back).id
        self.price_list = app.run(create_price_list, shop.owner, {"code": "theirs", "name": "Theirs"}).id
        self.tax_mapping = app.run(create_tax_mapping, shop.owner, {"code": "theirs", "name": "Theirs"}).id
        self.promotion = app.run(
            create_promotion,
            shop.owner,
            {"code": "theirs", "name": "Theirs", "kind": "percent", "percent": "5", "needs_coupon": True},
        ).id
        coupons = {"id": new_id(), "promotion_id": self.promotion, "codes": ["THEIRS"]}
        app.run(create_coupons, shop.owner, coupons)
        self.hold = app.run(
            hold_coupon, shop.cashier, {"id": new_id(), "outlet_id": shop.outlet_id, "code": "THEIRS"}
        ).id

        self.gift_card = app.run(issue_card, shop.owner, {"id": new_id(), "amount": 500, "reason": "theirs"}).account_id
        kept = {"id": new_id(), "account_id": self.gift_card, "amount": 100}
        self.held = app.run(authorise, shop.cashier, kept).id


def _goods(theirs: Theirs) -> dict[str, Any]:
    return {"product_id": theirs.product, "quantity": "1"}


def _deliver(mine: Shop, theirs: Theirs) -> dict[str, Any]:
    return msgspec.to_builtins(theirs.delivered)


# How each operation is asked for what is another tenant's. A list answers with nothing instead of refusing.
ASKED: dict[str, Callable[[Shop, Theirs], dict[str, Any]]] = {
    "accounts.adjust": lambda _, t: {"id": new_id(), "customer_id": t.customer, "amount": -1, "reason": "theft"},
    "accounts.ageing": lambda _, t: {"customer_id": t.customer},
    "accounts.open_sales": lambda _, t: {"customer_id": t.customer},
    "accounts.pay": lambda m, t: {
        "id": new_id(),
        "customer_id": t.customer,
        "outlet_id": m.outlet_id,
        "amount": 1,
        "tenders": [{"kind": "cash", "amount": 1}],
    },
    "accounts.set_limit": lambda _, t: {"customer_id": t.customer, "limit": 99},
    "accounts.statement": lambda _, t: {"customer_id": t.customer},
    "giftcards.adjust": lambda _, t: {"id": new_id(), "account_id": t.gift_card, "amount": -1, "reason": "theft"},
    "giftcards.block": lambda _, t: {"account_id": t.gift_card, "reason": "theft"},
    "giftcards.issue": lambda _, t: {"id": new_id(), "amount": 1, "reason": "theft", "customer_id": t.customer},
    "giftcards.tell_code": lambda _, t: {"account_id": t.gift_card},
    "giftcards.unblock": lambda _, t: {"account_id": t.gift_card, "reason": "theft"},
    "points.adjust": lambda _, t: {"id": new_id(), "customer_id": t.customer, "amount": 1, "reason": "theft"},
    "sales.pay": lambda _, t: {"id": new_id(), "sale_id": t.sale, "tenders": [{"kind": "cash", "amount": 1}]},
    "sales.settlement": lambda _, t: {"id": t.sale},
    "storecredit.adjust": lambda _, t: {"id": new_id(), "customer_id": t.customer, "amount": 1, "reason": "theft"},
    "values.allot": lambda _, t: {
        "id": new_id(),
        "register_id": t.shop.till_id,
        "kind": "gift_card",
        "amount": 1,
        "expires_at": NOON.isoformat(),
    },
    "values.allotments": lambda _, t: {"register_id": t.shop.till_id},
    "values.authorise": lambda _, t: {"id": new_id(), "account_id": t.gift_card, "amount": 1},
    "values.entries": lambda _, t: {"account_id": t.gift_card},
    "values.of_customer": lambda _, t: {"customer_id": t.customer},
    "values.release": lambda _, t: {"id": t.held},
    "orders.cancel": lambda _, t: {"id": t.ticket, "version": 1, "reason": "x"},
    "orders.get": lambda _, t: {"id": t.ticket},
    "orders.list": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "orders.list_removed": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "orders.pay_deposit": lambda _, t: {
        "id": t.ticket,
        "sale_id": new_id(),
        "amount": 1,
        "tenders": [{"kind": "cash", "amount": 1}],
    },
    "orders.report_removed": lambda _, t: {
        "outlet_id": t.shop.outlet_id,
        "items": [{"id": new_id(), "ticket_id": new_id(), "at": NOON, "act": "line_removed"}],
    },
    "orders.return_deposit": lambda _, t: {"id": t.ticket, "sale_id": new_id(), "reason": "x"},
    "orders.save": lambda s, t: {
        "id": t.ticket,
        "outlet_id": t.shop.outlet_id,
        "lines": [{"sku": "B-2"}],
        "version": 1,
    },
    "orders.sell": lambda _, t: {
        "id": t.ticket,
        "version": 1,
        "sale_id": new_id(),
        "tenders": [{"kind": "cash", "amount": 250}],
    },
    "orders.take_over": lambda _, t: {"id": t.ticket, "version": 1},
    "audit.list": lambda _, t: {"actor_id": t.shop.owner.actor_id},
    "cash.bank_deposit": lambda _, t: {"id": new_id(), "outlet_id": t.shop.outlet_id, "amount": 1, "reason": "theft"},
    "cash.close_shift": lambda _, t: {"shift_id": t.shift, "counted": 0},
    "cash.count": lambda _, t: {"id": new_id(), "shift_id": t.shift, "counted": 0},
    "cash.count_safe": lambda _, t: {"id": new_id(), "outlet_id": t.shop.outlet_id, "counted": 0, "reason": "theft"},
    "cash.decide_adjustment": lambda _, t: {"id": t.adjustment, "confirm": True},
    "cash.deliver": lambda m, t: {
        "id": new_id(),
        "shift_id": t.shift,
        "kind": "paid_out",
        "amount": 1,
        "reason": "theft",
        "at": NOON,
        "actor_id": m.cashier.actor_id,
        "actor": "Mine",
    },
    "cash.deliver_closing": lambda m, t: {
        "shift_id": t.shift,
        "counted": 0,
        "actor_id": m.cashier.actor_id,
        "actor": "Mine",
    },
    "cash.end_shift": lambda _, t: {"shift_id": t.shift},
    "cash.force_close_shift": lambda _, t: {"shift_id": t.shift, "reason": "theft"},
    "cash.join_shift": lambda _, t: {"shift_id": t.shift},
    "cash.list_adjustments": lambda _, t: {"shift_id": t.closed_shift},
    "cash.list_movements": lambda _, t: {"shift_id": t.closed_shift},
    "cash.list_safe_entries": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "cash.list_safes": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "cash.list_variances": lambda _, t: {"shift_id": t.closed_shift},
    "cash.move": lambda _, t: {"id": new_id(), "shift_id": t.shift, "kind": "drop", "amount": 1, "reason": "theft"},
    "cash.open_drawer": lambda _, t: {"id": new_id(), "shift_id": t.shift, "reason": "theft"},
    "cash.preflight": lambda _, t: {"shift_id": t.shift},
    "cash.propose_adjustment": lambda _, t: {
        "id": new_id(),
        "shift_id": t.closed_shift,
        "counted": 5,
        "reason": "theft",
    },
    "cash.list_shifts": lambda _, t: {"register_id": t.shop.till_id},
    "cash.open_shift": lambda _, t: {"id": new_id(), "register_id": t.shop.till_id, "opening_float": 0},
    "cash.shift_figures": lambda _, t: {"shift_id": t.shift},
    "cash.show_shift": lambda _, t: {"shift_id": t.shift},
    "catalog.archive_category": lambda _, t: {"id": t.category},
    "catalog.archive_product": lambda _, t: {"id": t.product},
    "catalog.create_product": lambda _, t: {
        "sku": "N",
        "name": "N",
        "unit_price": "1",
        "tax_class_id": t.shop.tax_class_id,
    },
    "catalog.create_variants": lambda _, t: {"product_id": t.product, "options": [{"name": "size", "values": ["S"]}]},
    "catalog.edit_products": lambda _, t: {"choice": {"ids": [t.product]}, "change": {"unit_price": "9"}},
    "catalog.image": lambda _, t: {"id": t.product},
    "catalog.labels": lambda _, t: {"items": [{"product_id": t.product}]},
    "catalog.list_variants": lambda _, t: {"id": t.product},
    "catalog.print_labels": lambda _, t: {"items": [{"product_id": t.product}]},
    "catalog.remove_image": lambda _, t: {"id": t.product},
    "catalog.set_image": lambda _, t: {"product_id": t.product, "content": PIXEL},
    "catalog.set_kit": lambda m, t: {"product_id": m.products[0], "components": [{"product_id": t.product}]},
    "catalog.set_units": lambda _, t: {"product_id": t.product, "units": [{"code": "case", "factor": "6"}]},
    "catalog.create_tax_class": lambda _, t: {"code": "n", "name": "N", "tax_ids": [t.shop.tax_id]},
    "catalog.get_product": lambda _, t: {"id": t.product},
    "catalog.list_products": lambda _, t: {"category_id": t.category},
    "catalog.set_barcodes": lambda _, t: {"product_id": t.product, "barcodes": []},
    "catalog.set_class_taxes": lambda _, t: {"tax_class_id": t.shop.tax_class_id, "tax_ids": []},
    "catalog.unarchive_category": lambda _, t: {"id": t.category},
    "catalog.unarchive_product": lambda _, t: {"id": t.product},
    "catalog.update_product": lambda _, t: {"id": t.product, "name": "Mine now"},
    "catalog.update_tax": lambda _, t: {"id": t.shop.tax_id, "amount": "99"},
    "coupons.create": lambda _, t: {"id": new_id(), "promotion_id": t.promotion, "count": 1},
    "coupons.list": lambda _, t: {"promotion_id": t.promotion},
    "coupons.check": lambda _, t: {"code": "THEIRS", "customer_id": t.customer},
    "coupons.hold": lambda m, _: {"id": new_id(), "outlet_id": m.outlet_id, "code": "THEIRS"},
    "coupons.release": lambda _, t: {"id": t.hold},
    "customers.archive": lambda _, t: {"id": t.customer},
    "customers.consent": lambda _, t: {"id": t.customer, "purpose": "email", "given": True, "how": "web"},
    "customers.consents": lambda _, t: {"id": t.customer},
    "customers.data": lambda _, t: {"id": t.customer},
    "customers.erase": lambda _, t: {"id": t.customer, "confirm": True},
    "customers.get": lambda _, t: {"id": t.customer},
    "customers.history": lambda _, t: {"id": t.customer},
    "customers.merge": lambda _, t: {"id": new_id(), "into": t.customer},
    "customers.unarchive": lambda _, t: {"id": t.customer},
    "customers.update": lambda _, t: {"id": t.customer, "name": "Mine now"},
    "customers.update_group": lambda _, t: {"id": t.group, "name": "Mine now"},
    "devices.enrol": lambda _, t: {"register_id": t.shop.till_id},
    "devices.list": lambda _, t: {"after": UUID(int=0)},
    "devices.revoke": lambda _, t: {"register_id": t.shop.till_id},
    "fiscal.sales": lambda _, t: {"register_id": t.shop.server_id, "epoch": 1, "up_to": 9},
    "inventory.add_counted": lambda _, t: {"id": new_id(), "count_id": t.count, "lines": [_goods(t)]},
    "importing.add_part": lambda _, t: {"id": t.upload, "part_no": 1, "content": "eA=="},
    "importing.refused_rows": lambda _, t: {"id": t.upload},
    "importing.run_upload": lambda _, t: {"id": t.upload},
    "inventory.adjust": lambda m, t: {
        "outlet_id": m.outlet_id,
        "lines": [{"product_id": t.product, "delta": "5"}],
        "reason": "theft",
    },
    "inventory.allot": lambda _, t: {"id": new_id(), "register_id": t.shop.till_id, "lines": [_goods(t)]},
    "inventory.approve_count": lambda _, t: {"id": t.count},
    "inventory.cancel_count": lambda _, t: {"id": t.count},
    "inventory.cancel_transfer": lambda _, t: {"id": t.transfer},
    "inventory.close_transfer": lambda _, t: {"id": new_id(), "transfer_id": t.transfer, "missing": "lost"},
    "inventory.explain": lambda m, t: {"product_id": t.product, "outlet_id": m.outlet_id},
    "inventory.get_count": lambda _, t: {"id": t.count},
    "inventory.get_transfer": lambda _, t: {"id": t.transfer},
    "inventory.list_allotments": lambda _, t: {"register_id": t.shop.till_id},
    "inventory.list_costs": lambda _, t: {"product_id": t.product},
    "inventory.list_count_lines": lambda _, t: {"id": t.count},
    "inventory.list_counts": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "inventory.list_in_transit": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "inventory.list_low": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "inventory.list_transfers": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "inventory.open_count": lambda m, t: {"id": new_id(), "outlet_id": m.outlet_id, "product_ids": [t.product]},
    "inventory.receive_transfer": lambda _, t: {"id": new_id(), "transfer_id": t.transfer},
    "inventory.recount": lambda _, t: {"id": new_id(), "count_id": t.count, "product_ids": [t.product]},
    "inventory.release": lambda _, t: {"id": new_id(), "register_id": t.shop.till_id},
    "inventory.request_transfer": lambda m, t: {
        "id": new_id(),
        "from_outlet_id": t.shop.outlet_id,
        "to_outlet_id": m.outlet_id,
        "lines": [_goods(t)],
    },
    "inventory.revalue": lambda m, t: {
        "outlet_id": m.outlet_id,
        "lines": [{"product_id": t.product, "unit_cost": "1"}],
        "reason": "theft",
    },
    "inventory.set_policy": lambda _, t: {"product_id": t.product, "policy": "block"},
    "inventory.set_reorder": lambda m, t: {"outlet_id": m.outlet_id, "product_id": t.product, "minimum": "1"},
    "inventory.ship_transfer": lambda _, t: {"id": new_id(), "transfer_id": t.transfer},
    "inventory.show_policy": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "inventory.kit_availability": lambda m, t: {"outlet_id": m.outlet_id, "product_id": t.product},
    "inventory.list_lots": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "inventory.receive_lots": lambda m, t: {
        "outlet_id": m.outlet_id,
        "lines": [{"product_id": t.product, "lot": "L"}],
    },
    "inventory.trace_lot": lambda _, t: {"product_id": t.product, "lot": "L"},
    "inventory.write_off_lots": lambda _, t: {
        "outlet_id": t.shop.outlet_id,
        "lines": [{"product_id": t.product, "lot": "L"}],
        "reason": "gone",
    },
    "inventory.list_levels": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "inventory.list_movements": lambda _, t: {"product_id": t.product},
    "inventory.open_stock": lambda m, t: {
        "outlet_id": m.outlet_id,
        "lines": [{"product_id": t.product, "quantity": "5"}],
        "reason": "theft",
    },
    "inventory.receive": lambda m, t: {
        "outlet_id": m.outlet_id,
        "lines": [{"product_id": t.product, "quantity": "5"}],
        "reason": "theft",
    },
    "offers.snapshot": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "jobs.show": lambda _, t: {"id": t.upload},
    "outlets.archive": lambda _, t: {"id": t.shop.outlet_id},
    "outlets.get": lambda _, t: {"id": t.shop.outlet_id},
    "outlets.unarchive": lambda _, t: {"id": t.shop.outlet_id},
    "outlets.update": lambda _, t: {"id": t.shop.outlet_id, "name": "Mine now"},
    "purchasing.approve_order": lambda _, t: {"id": t.order},
    "purchasing.archive_supplier": lambda _, t: {"id": t.supplier},
    "purchasing.cancel_order": lambda _, t: {"id": t.order},
    "purchasing.close_order": lambda _, t: {"id": t.order},
    "purchasing.create_order": lambda m, t: {
        "id": new_id(),
        "supplier_id": t.supplier,
        "outlet_id": m.outlet_id,
        "lines": [{"product_id": m.products[0], "quantity": "1", "cost": "1"}],
    },
    "purchasing.credit_return": lambda _, t: {"id": t.returned, "amount": 1},
    "purchasing.get_order": lambda _, t: {"id": t.order},
    "purchasing.get_return": lambda _, t: {"id": t.returned},
    "purchasing.get_supplier": lambda _, t: {"id": t.supplier},
    "purchasing.list_items": lambda _, t: {"supplier_id": t.supplier},
    "purchasing.list_orders": lambda _, t: {"supplier_id": t.supplier},
    "purchasing.list_receipts": lambda _, t: {"order_id": t.order},
    "purchasing.list_returns": lambda _, t: {"order_id": t.order},
    "purchasing.receive_order": lambda _, t: {"id": new_id(), "order_id": t.order},
    "purchasing.remove_item": lambda _, t: {"supplier_id": t.supplier, "product_id": t.product},
    "purchasing.return_goods": lambda _, t: {
        "id": new_id(),
        "order_id": t.order,
        "lines": [_goods(t)],
        "reason": "theft",
    },
    "purchasing.send_order": lambda _, t: {"id": t.order},
    "purchasing.set_item": lambda _, t: {"supplier_id": t.supplier, "product_id": t.product, "cost": "1"},
    "purchasing.suggest": lambda _, t: {"supplier_id": t.supplier},
    "purchasing.unarchive_supplier": lambda _, t: {"id": t.supplier},
    "purchasing.update_order": lambda _, t: {"id": t.order, "note": "theft"},
    "purchasing.update_supplier": lambda _, t: {"id": t.supplier, "name": "Mine now"},
    "pricelists.archive": lambda _, t: {"id": t.price_list},
    "pricelists.create": lambda _, t: {"code": "n", "name": "N", "terms": {"outlet_ids": [t.shop.outlet_id]}},
    "pricelists.price_at": lambda m, t: {"outlet_id": m.outlet_id, "product_id": t.product},
    "pricelists.set_prices": lambda _, t: {
        "price_list_id": t.price_list,
        "prices": [{"product_id": t.product, "amount": "1"}],
    },
    "pricelists.show": lambda _, t: {"id": t.price_list},
    "pricelists.update": lambda _, t: {"id": t.price_list, "name": "Mine now"},
    "promotions.archive": lambda _, t: {"id": t.promotion},
    "promotions.create": lambda _, t: {
        "code": "n",
        "name": "N",
        "kind": "percent",
        "percent": "5",
        "goods": {"product_ids": [t.product]},
    },
    "promotions.show": lambda _, t: {"id": t.promotion},
    "promotions.try": lambda m, t: {"outlet_id": m.outlet_id, "lines": [{"product_id": t.product}]},
    "promotions.update": lambda _, t: {"id": t.promotion, "name": "Mine now"},
    "taxmappings.archive": lambda _, t: {"id": t.tax_mapping},
    "taxmappings.create": lambda _, t: {
        "code": "n",
        "name": "N",
        "rules": [{"from_class_id": t.shop.tax_class_id}],
    },
    "taxmappings.update": lambda _, t: {"id": t.tax_mapping, "name": "Mine now"},
    "registers.archive": lambda _, t: {"id": t.shop.till_id},
    "registers.create": lambda _, t: {"outlet_id": t.shop.outlet_id, "code": "n", "name": "N"},
    "registers.get": lambda _, t: {"id": t.shop.till_id},
    "registers.list": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "registers.new_epoch": lambda _, t: {"id": t.shop.till_id, "reason": "theft"},
    "registers.unarchive": lambda _, t: {"id": t.shop.till_id},
    "reporting.margin": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "reporting.sales": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "reporting.summarise_day": lambda _, t: {"outlet_id": t.shop.outlet_id, "business_date": "2026-03-02"},
    "sales.book": lambda m, t: basket(m, outlet_id=t.shop.outlet_id),
    "sales.deliver": _deliver,
    "sales.get": lambda _, t: {"id": t.sale},
    "sales.list": lambda _, t: {"outlet_id": t.shop.outlet_id, "shift_id": t.shift},
    "sales.exchange": lambda m, t: {
        "id": new_id(),
        "sale_id": t.sale,
        "returns": [{"line_no": 1}],
        "lines": [{"product_id": m.products[0]}],
        "reason": "theft",
    },
    "sales.return_goods": lambda _, t: {
        "id": new_id(),
        "outlet_id": t.shop.outlet_id,
        "lines": [{"product_id": t.product}],
        "reason": "theft",
    },
    "sales.refund": lambda _, t: {"id": new_id(), "sale_id": t.sale, "reason": "theft"},
    "sales.refundable": lambda _, t: {"id": t.sale},
    "sales.void": lambda _, t: {"id": new_id(), "sale_id": t.sale, "reason": "theft"},
    "approvals.get": lambda _, t: {"id": t.approval},
    "approvals.grant": lambda _, t: {"id": t.approval},
    "approvals.refuse": lambda _, t: {"id": t.approval},
    "roles.create": lambda _, t: {
        "name": "thief",
        "title": "T",
        "grants": [{"permission": "sale:void", "decision": "allow", "outlet_ids": [t.shop.outlet_id]}],
    },
    "roles.update": lambda _, t: {
        "name": "theirs",
        "grants": [{"permission": "sale:void", "decision": "allow", "outlet_ids": [t.shop.outlet_id]}],
    },
    "staff.commission": lambda _, t: {"since": "2026-03-02", "until": "2026-03-02", "staff_id": t.staff},
    "staff.rates": lambda _, t: {"staff_id": t.staff},
    "staff.report": lambda _, t: {"since": "2026-03-02", "until": "2026-03-02", "outlet_id": t.shop.outlet_id},
    "staff.set_badge": lambda _, t: {"staff_id": t.staff, "badge": "0099887766"},
    "staff.set_commission": lambda _, t: {"staff_id": t.staff, "percent": "100"},
    "staff.take_badge": lambda _, t: {"staff_id": t.staff},
    "timeclock.add": lambda _, t: {
        "id": new_id(),
        "staff_id": t.staff,
        "in_at": "2026-03-02T08:00:00Z",
        "out_at": "2026-03-02T09:00:00Z",
        "reason": "theft",
    },
    "timeclock.clock_in": lambda _, t: {"id": new_id(), "code": "42", "pin": "4711", "register_id": t.shop.till_id},
    "timeclock.clock_out": lambda _, t: {"code": "42", "pin": "4711", "register_id": t.shop.till_id},
    "timeclock.correct": lambda _, t: {"id": new_id(), "entry_id": t.entry, "reason": "theft"},
    "timeclock.hours": lambda _, t: {"since": "2026-03-02", "until": "2026-03-02", "staff_id": t.staff},
    "timeclock.list": lambda _, t: {"since": "2026-03-02", "until": "2026-03-02", "staff_id": t.staff},
    "staff.archive": lambda _, t: {"staff_id": t.staff},
    "staff.create": lambda _, t: {
        "code": "77",
        "name": "N",
        "role": "cashier",
        "outlet_ids": [t.shop.outlet_id],
    },
    "staff.list": lambda _, t: {"outlet_id": t.shop.outlet_id},
    "staff.reset_pin": lambda _, t: {"staff_id": t.staff},
    "staff.set_pin": lambda _, t: {"staff_id": t.staff, "pin": "8642"},
    "staff.sign_in": lambda _, t: {"code": "42", "pin": "4711", "register_id": t.shop.till_id},
    "staff.unarchive": lambda _, t: {"staff_id": t.staff},
    "staff.update": lambda _, t: {"staff_id": t.staff, "name": "Mine now"},
    "users.disable": lambda _, t: {"user_id": t.shop.owner.actor_id},
    "users.enable": lambda _, t: {"user_id": t.shop.owner.actor_id},
    "users.reset_password": lambda _, t: {"user_id": t.shop.owner.actor_id},
    "users.set_role": lambda _, t: {"user_id": t.shop.owner.actor_id, "role": "cashier"},
}
# Asked by the till itself, not by a person.
AS_DEVICE = {
    "cash.deliver",
    "cash.deliver_closing",
    "sales.deliver",
    "staff.sign_in",
    "timeclock.clock_in",
    "timeclock.clock_out",
}
# These take an id that is the caller's own to choose, or none of a tenant's.
NO_FOREIGN_ID: set[str] = {
    "erasing.agree",
    "erasing.ask",
    "erasing.cancel",
    "erasing.run",
    "moving.open_arrival",
    "approvals.ask",
    "customers.create",
    "importing.submit",
    "users.create",
    "users.invite",
    # Settings name categories that earn no points; another tenant's is a category nobody has.
    "provisioning.apply",
    "provisioning.plan",
    "tenancy.create",
    "tenancy.update_settings",
}


def takes_ids(shape: Any) -> bool:
    """Tell whether a type holds a UUID somewhere."""
    return "UUID" in str([field.type for field in msgspec.structs.fields(shape)]) or any(
        takes_ids(inner) for field in msgspec.structs.fields(shape) for inner in _structs_in(field.type)
    )


def _structs_in(kind: Any) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [found for part in getattr(kind, "__args__", ()) for found in _structs_in(part)]


# One statement: a hundred tables are looked at four times for each operation.
_EVERYTHING = " UNION ALL ".join(
    f"SELECT '{table}' AS part, t::text AS row FROM {table} t WHERE tenant_id = %(tenant)s"
    for table in sorted(METADATA.tables)
    if table not in GLOBAL_TABLES and table != "audit_events"
)


def everything_of(app: App, tenant_id: int) -> list[tuple[str, str]]:
    """Every row of a tenant, as text; the trail is left out, refusals are written there."""
    return sorted((row["part"], row["row"]) for row in rows(app, _EVERYTHING, {"tenant": tenant_id}))


@pytest.fixture(scope="module")
def theirs(settings: Settings, database: Database) -> Theirs:
    """Another tenant, the same for every operation: none may change it."""
    app = build_app(settings, database=database, clock=FrozenClock(NOON))
    return Theirs(app, a_shop(app))


def test_every_operation_that_takes_ids_is_asked_here() -> None:
    with_ids = {name for name, operation in ALL.items() if takes_ids(operation.input)}
    assert with_ids - set(ASKED) - NO_FOREIGN_ID == set()
    assert set(ASKED) - set(ALL) == set()


@pytest.mark.parametrize("name", [name for name in ASKED if name in ALL])
def test_what_is_another_tenants_is_not_found_and_not_changed(app: App, shop: Shop, theirs: Theirs, name: str) -> None:
    other_shop = theirs.shop
    mine, before = everything_of(app, shop.tenant_id), everything_of(app, other_shop.tenant_id)
    identity = shop.device if name in AS_DEVICE else shop.owner
    answer, refusal = None, None
    try:
        answer = app.run(ALL[name], identity, ASKED[name](shop, theirs))
    except PrimePOSError as error:
        refusal = error
    if refusal is None:
        listed = getattr(answer, "items", None)
        assert (listed if listed is not None else answer.rows) == []
    else:
        assert refusal.kind in (ErrorKind.NOT_FOUND, ErrorKind.INVALID, ErrorKind.UNAUTHENTICATED), refusal
        said = f"{refusal} {refusal.data}"
        assert other_shop.slug not in said
        assert "Their" not in said
    assert everything_of(app, other_shop.tenant_id) == before
    after = everything_of(app, shop.tenant_id)
    assert after == mine


def test_ids_are_never_small_numbers() -> None:
    for operation in ALL.values():
        for field in msgspec.structs.fields(operation.output) if _is_struct(operation.output) else ():
            if field.name.endswith("_id") or field.name == "id":
                assert "int" not in str(field.type) or field.name == "tenant_id", (operation.name, field.name)
            assert field.name != "tenant_id", f"{operation.name} shows the tenant's number"


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not UUID
