"""Sales made up for the journal's tests: what they hold matters little, that they add up matters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from primepos.core.ids import new_id
from primepos.domain.sales.chain import GENESIS
from primepos.domain.sales.schemas import DeliverSale, LineTax, SaleLine, SalePayment, SaleTax
from primepos.till.runner import Actor, Person

REGISTER = UUID("018f0000-0000-7000-8000-000000000001")
SHIFT = UUID("018f0000-0000-7000-8000-000000000002")
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ANNA = Person(staff_id=UUID("018f0000-0000-7000-8000-000000000003"), code="7", name="Anna", role="cashier")
ACTOR = Actor(person=ANNA).encoded()


def a_sale(total: int = 119, *, name: str = "Apple", sale_id: UUID | None = None) -> DeliverSale:
    """Return an unsealed sale of one line at 19 percent included, paid in cash."""
    tax = total * 19 // 119
    return DeliverSale(
        id=sale_id or new_id(),
        register_id=REGISTER,
        shift_id=SHIFT,
        epoch=1,
        number=1,
        business_date=date(2026, 3, 2),
        sold_at=AT,
        cashier_id=ANNA.staff_id,
        cashier="Anna",
        currency="EUR",
        lines=[
            SaleLine(
                product_id=None,
                sku="A-1",
                name=name,
                quantity=Decimal("1.000"),
                unit_price=Decimal(total).scaleb(-2).quantize(Decimal("0.0001")),
                discount=0,
                base=total - tax,
                tax=tax,
                total=total,
                taxes=[LineTax(code="std", rate=Decimal(19), amount=tax)],
            )
        ],
        taxes=[SaleTax(code="std", name="VAT 19%", rate=Decimal(19), base=total - tax, amount=tax)],
        payments=[SalePayment(kind="cash", amount=total)],
        base=total - tax,
        tax=tax,
        rounding=0,
        total=total,
        prev_hash=GENESIS,
        hash=GENESIS,
    )
