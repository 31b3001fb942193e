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
# And one that says anything beyond that: whose it is, packs, lots, value, notes, why it costs what it does.
FORMAT_OF_MORE = "primepos-sale-3"
GENESIS = "0" * 64
THOUSANDTH = Decimal("0.001")
TEN_THOUSANDTH = Decimal("0.0001")
MILLIONTH = Decimal("0.000001")

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted", decimal_format="string").encode


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
    value: int = 0,
    customer_id: UUID | None = None,
    salesperson_id: UUID | None = None,
    note: str = "",
) -> str:
    """Return the SHA-256 (hex) of everything a sale says, apart from its place in the chain.

    Quantities are written with three places, unit prices with four, rates with six, moments in UTC to the
    microsecond: equal values give equal bytes wherever they come from.
    """
    more = [
        None if customer_id is None else str(customer_id),
        None if salesperson_id is None else str(salesperson_id),
        note,
        value,
        [_more_of_line(line) for line in lines],
        [_more_of_payment(each) for each in payments],
    ]
    says_more = more != [None, None, "", 0, [_PLAIN_LINE] * len(lines), [_PLAIN_PAYMENT] * len(payments)]
    values: list[object] = [
        FORMAT_OF_MORE if says_more else FORMAT_OF_RETURNS if returns else FORMAT,
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
    if returns or says_more:
        values.append(
            [[each.line_no, str(each.of_sale_id), each.of_line_no, f"{each.quantity:.3f}"] for each in returns]
        )
    if says_more:
        values.append(more)
    return hashlib.sha256(_encode(values)).hexdigest()


_PLAIN_LINE: list[object] = ["goods", "", "1.000", "", "", None]
_PLAIN_PAYMENT: list[object] = [None, None, None, None, None]


def _more_of_line(line: SaleLine) -> list[object]:
    if line.details is None and line.kind == "goods" and not (line.unit or line.lot or line.note) and line.factor == 1:
        return _PLAIN_LINE
    details = None if line.details is None else msgspec.json.decode(_encode_sorted(line.details))
    return [line.kind, line.unit, f"{line.factor:.3f}", line.lot, line.note, details]


def _more_of_payment(payment: SalePayment) -> list[object]:
    account, held, rate = payment.account_id, payment.authorisation_id, payment.rate
    if (account, held, rate, payment.currency, payment.foreign_amount) == (None,) * 5:
        return _PLAIN_PAYMENT
    return [
        None if account is None else str(account),
        None if held is None else str(held),
        payment.currency,
        payment.foreign_amount,
        None if rate is None else f"{rate:.10f}",
    ]


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
        returns=sale.returns,
        value=sale.value,
        customer_id=sale.customer_id,
        salesperson_id=sale.salesperson_id,
        note=sale.note,
    )
