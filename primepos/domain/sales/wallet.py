"""What of a sale's money came from value, and what can go back there: all a refund must know of cards and accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from primepos.domain.sales.schemas import SaleOut, SalePayment, TenderIn
from primepos.domain.values.errors import ValueNotFound

if TYPE_CHECKING:
    from primepos.domain.values.finding import Found, SaleEntry

SHOWN = "****"


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a sale did to value, and what came of it back. ``found`` are the accounts that a refund names itself."""

    own: Sequence[SaleEntry] = ()
    later: Sequence[SaleEntry] = ()
    paid_back: Mapping[UUID, int] = field(default_factory=dict)
    found: Found | None = None

    def sources(self, sale: SaleOut) -> list[SalePayment]:
        """Return the payments that came from value, each account once, in their order."""
        once: dict[UUID, SalePayment] = {}
        for each in sale.payments:
            if each.account_id is not None and each.amount > 0:
                once.setdefault(each.account_id, each)
        return list(once.values())

    def left(self, sale: SaleOut, payment: SalePayment) -> int:
        """Return how much, in minor units, can still go back to the account of a payment."""
        account = payment.account_id
        if account is None:
            return 0
        paid = sum(each.amount for each in sale.payments if each.account_id == account and each.amount > 0)
        return paid + self.paid_back.get(account, 0)

    def destination(self, sale: SaleOut, tender: TenderIn) -> SalePayment:
        """Return where a tender of a refund goes: what it names, or what paid with that kind, or the customer's.

        Raises:
            ValueNotFound: there is no such account.
        """
        payment = SalePayment(kind=tender.kind, amount=tender.amount, reference=tender.reference)
        if tender.code is None and tender.account_id is None:
            for each in self.sources(sale):
                if each.kind == tender.kind:
                    return of_account(payment, each.account_id, each.reference)
        if self.found is None:
            raise ValueNotFound
        holding = self.found.named(tender.kind, tender.code, tender.account_id)
        return of_account(payment, holding.id, f"{SHOWN}{holding.tail}" if holding.tail else "")


NO_WALLET = Wallet()


def of_account(
    payment: SalePayment, account_id: UUID | None, shown: str, authorisation_id: UUID | None = None
) -> SalePayment:
    """Return a payment that says which account it moves, and shows the end of a card's code."""
    return SalePayment(
        kind=payment.kind,
        amount=payment.amount,
        reference=payment.reference or shown,
        account_id=account_id,
        authorisation_id=authorisation_id,
        currency=payment.currency,
        foreign_amount=payment.foreign_amount,
        rate=payment.rate,
    )
