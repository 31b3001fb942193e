"""Where the till stands: shop, outlet, register, currency and rules, asked of the server when the till starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from primepos.core.amounts import currency
from primepos.domain.payments.settlement import cash_rule
from primepos.till.figures import Figures, locale_of

if TYPE_CHECKING:
    from primepos.pricing.lines import Rounding
    from primepos.pricing.rounding import CashRule
    from primepos.till.runner import Runner


@dataclass(frozen=True, slots=True)
class Place:
    """What a till must know of where it stands; frozen while it runs."""

    shop: str
    slug: str
    outlet_id: UUID
    outlet: str
    address: str
    register_id: UUID
    register: str
    prefix: str
    epoch: int
    next_number: int
    zone: str
    day_starts_hour: int
    figures: Figures
    rounding: Rounding
    cash_rule: CashRule | None
    receipt_header: str
    receipt_footer: str
    difference_limit: int | None = None
    held_at_close: str = "carry"

    @property
    def currency(self) -> str:
        """The ISO 4217 code that everything here is priced in."""
        return self.figures.currency.code


def ask_place(runner: Runner, register_id: UUID) -> Place:
    """Return the place of a register, as the server has it.

    Raises: what ``tenancy.current``, ``registers.get`` and ``outlets.get`` refuse with.
    """
    tenant: Any = runner.run("tenancy.current")
    register: Any = runner.run("registers.get", {"id": register_id})
    outlet: Any = runner.run("outlets.get", {"id": register.outlet_id})
    settings = tenant.settings
    rounding = settings.cash_rounding
    return Place(
        shop=tenant.name,
        slug=tenant.slug,
        outlet_id=outlet.id,
        outlet=outlet.name,
        address=outlet.address,
        register_id=register.id,
        register=register.name,
        prefix=register.prefix,
        epoch=register.epoch,
        next_number=register.next_number,
        zone=tenant.zone,
        day_starts_hour=tenant.day_starts_hour,
        figures=Figures(currency(tenant.currency), locale_of(tenant.country)),
        rounding=settings.tax_rounding,
        cash_rule=cash_rule({"cash_rounding": {"step_minor": rounding.step_minor, "method": rounding.method}})
        if rounding
        else None,
        receipt_header=settings.receipt_header,
        receipt_footer=settings.receipt_footer,
        difference_limit=settings.difference_limit,
        held_at_close=settings.held_at_close,
    )
