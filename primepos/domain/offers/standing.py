"""How one coupon stands for one customer at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from primepos.domain.offers.asking import CouponState, Question, ask_offers, offers_from
from primepos.domain.offers.errors import CouponNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.core.context import Context
    from primepos.pricing.occasions import Occasion

_NOWHERE = UUID(int=0)


def standing_of(ctx: Context, code: str, customer: UUID | None, at: datetime) -> tuple[CouponState, Occasion]:
    """Return a coupon as it stands and who wants to use it. Raises: ``COUPON_NOT_FOUND``."""
    asked = Question(_NOWHERE, at, customer=customer, coupons=(code,))
    with ctx.uow.pipeline() as pipe:
        cursor = ask_offers(pipe, ctx.tenant_id, asked)
    found = offers_from(cursor, asked, ctx.tenant.zone)
    if not found.coupons:
        raise CouponNotFound(coupon=code)
    return found.coupons[0], found.occasion
