"""The seal on every sale: a hash chain over values, one chain per register and epoch.

The body is the SHA-256 of a canonical JSON array of the sale's values. The only ids in it are those that an export
carries and a till knows before the server does: of the sale, its shift, its products, the sale it voids. The link is
the SHA-256 of ``previous hash | series | number | body``, all as text: it covers the number although a server-numbered
sale learns its number only inside the database, where the same formula is written in SQL.

Anyone with an export can work both out again; see ``docs/journal.md``.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from primepos.domain.sales.schemas import DeliverSale, ReturnedLine, SaleLine, SalePayment, SaleTax

FORMAT = "primepos-sale-1"
# What takes goods back says of which lines, too; nothing else about it differs.
FORMAT_OF_RETURNS = "primepos-sale-2"
GENESIS = "0" * 64
THOUSANDTH = Decimal("0.001")
TEN_THOUSANDTH = Decimal("0.0001")
MILLIONTH = Decimal("0.000001")

_encode = msgspec.json.Encoder().encode


def series_name(prefix: str, epoch: int) -> str:
    """Return the name of a register's series, ``PREFIX/EPOCH``."""
    return f"{prefix}/{epoch}"


def receipt_number(prefix: str, number: int) -> str:
    """Return the number as printed: the register's prefix, a hyphen, at least six digits."""
    return f"{prefix}-{number:06d}"


def body_hash(
    *,
    sale_id: UUID,
    kind: str,
    void_of: UUID | None,
    reason: str | None,
    shift_id: UUID,
    business_date: date,
    sold_at: datetime,
    cashier: str,
    currency: str,
    lines: Sequence[SaleLine],
    taxes: Sequence[SaleTax],
    payments: Sequence[SalePayment],
    base: int,
    tax: int,
    rounding: int,
    total: int,
    returns: Sequence[ReturnedLine] = (),
) -> str:
    """Return the SHA-256 (hex) of everything a sale says, apart from its place in the chain.

    Quantities are written with three places, unit prices with four, rates with six, moments in UTC to the
    microsecond: equal values give equal bytes wherever they come from.
    """
    values: list[object] = [
        FORMAT_OF_RETURNS if returns else FORMAT,
        str(sale_id),
        kind,
        None if void_of is None else str(void_of),
        reason,
        str(shift_id),
        business_date.isoformat(),
        sold_at.astimezone(UTC).isoformat(timespec="microseconds"),
        cashier,
        currency,
        [
            [
                None if line.product_id is None else str(line.product_id),
                line.sku,
                line.name,
                f"{line.quantity:.3f}",
                f"{line.unit_price:.4f}",
                line.discount,
                line.base,
                line.tax,
                line.total,
                [[each.code, f"{each.rate:.6f}", each.amount] for each in line.taxes],
            ]
            for line in lines
        ],
        [[each.code, each.name, f"{each.rate:.6f}", each.base, each.amount] for each in taxes],
        [[each.kind, each.amount, each.reference] for each in payments],
        base,
        tax,
        rounding,
        total,
    ]
    if returns:
        values.append(
            [[each.line_no, str(each.of_sale_id), each.of_line_no, f"{each.quantity:.3f}"] for each in returns]
        )
    return hashlib.sha256(_encode(values)).hexdigest()


def link_hash(prev_hash: str, series: str, number: int, body: str) -> str:
    """Return the hash (hex) of one link; ``prev_hash`` of the first is :data:`GENESIS`."""
    return hashlib.sha256(f"{prev_hash}|{series}|{number}|{body}".encode()).hexdigest()


def body_of(sale: DeliverSale) -> str:
    """Return the body hash of a sale as a till delivers it."""
    return body_hash(
        sale_id=sale.id,
        kind=sale.kind,
        void_of=sale.void_of,
        reason=sale.reason,
        shift_id=sale.shift_id,
        business_date=sale.business_date,
        sold_at=sale.sold_at,
        cashier=sale.cashier,
        currency=sale.currency,
        lines=sale.lines,
        taxes=sale.taxes,
        payments=sale.payments,
        base=sale.base,
        tax=sale.tax,
        rounding=sale.rounding,
        total=sale.total,
    )
