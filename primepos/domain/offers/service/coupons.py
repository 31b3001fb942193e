"""Operations on coupons."""

from __future__ import annotations

import hashlib

import msgspec

from primepos.core.context import Context
from primepos.core.errors import PermissionDenied
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.offers import ledger
from primepos.domain.offers.asking import PROBLEMS, typed_code, why_not
from primepos.domain.offers.coupon_codes import make_codes
from primepos.domain.offers.errors import (
    CouponConflict,
    CouponHoldNotFound,
    CouponNotFound,
    CouponRefused,
    DuplicateCoupon,
    PromotionNotFound,
)
from primepos.domain.offers.queries import coupons, promotions, shared
from primepos.domain.offers.schemas import (
    BlockCoupon,
    CheckCoupon,
    CouponChecked,
    CouponHeld,
    CouponOut,
    CouponPage,
    CouponsMade,
    CreateCoupons,
    HoldCoupon,
    ListCoupons,
    ReleaseCoupon,
)
from primepos.domain.offers.standing import standing_of
from primepos.domain.outlets.errors import OutletNotFound


@operation(
    "coupons.create",
    permission=Permission.PROMOTION_WRITE,
    raises=(PromotionNotFound, CustomerNotFound, DuplicateCoupon, CouponConflict),
)
def create_coupons(ctx: Context, data: CreateCoupons) -> CouponsMade:
    """Make coupons that call a promotion: with codes of their own that nobody can guess, or with the codes given.

    Safe to repeat: the same ``id`` with the same content answers with the same coupons. Raises:
    ``PROMOTION_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``, ``DUPLICATE_COUPON``, ``COUPON_CONFLICT``.
    """
    now = ctx.clock.now()
    fingerprint = hashlib.sha256(msgspec.json.encode(data)).digest()
    shared.lock_offers(ctx)
    known = coupons.known_batch(ctx, data.id)
    if known is not None:
        if known != fingerprint:
            raise CouponConflict
        ctx.note(f"coupons {data.id}", replayed=True)
    else:
        promotion = promotions.get_promotion(ctx, data.promotion_id)
        shared.require_customer(ctx, data.customer_id)
        codes = list(data.codes) or make_codes(data.count, data.prefix, lambda made: coupons.codes_taken(ctx, made))
        coupons.add_batch(ctx, data.id, data.promotion_id, fingerprint, len(codes), now)
        values = {
            "promotion": data.promotion_id,
            "customer": data.customer_id,
            "most_uses": data.most_uses,
            "valid_from": data.valid_from,
            "valid_to": data.valid_to,
        }
        coupons.add_coupons(ctx, data.id, codes, values)
        ctx.note(f"coupons {data.id}", promotion=promotion.code, count=len(codes), most_uses=data.most_uses)
    return CouponsMade(id=data.id, promotion_id=data.promotion_id, items=coupons.coupons_of_batch(ctx, data.id, now))


@operation("coupons.list", permission=Permission.PROMOTION_WRITE, reads=True)
def list_coupons(ctx: Context, data: ListCoupons) -> CouponPage:
    """List coupons by code with what is left of them, a page at a time; of one promotion or customer if asked."""
    found, more = coupons.list_coupons(
        ctx,
        ctx.clock.now(),
        promotion=data.promotion_id,
        customer=data.customer_id,
        after=data.after,
        limit=data.limit,
    )
    return CouponPage(items=found, next=more)


@operation("coupons.check", permission=Permission.SALE_CREATE, raises=(CouponNotFound, CustomerNotFound), reads=True)
def check_coupon(ctx: Context, data: CheckCoupon) -> CouponChecked:
    """Say whether a coupon could be used now, and why not. Raises: ``COUPON_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``."""
    now, code = ctx.clock.now(), typed_code(data.code)
    shared.require_customer(ctx, data.customer_id)
    state, occasion = standing_of(ctx, code, data.customer_id, now)
    reason = why_not(state, occasion, now)
    return CouponChecked(
        coupon=coupons.get_coupon(ctx, code, now),
        usable=reason is None,
        reason=reason,
        problem=None if reason is None else PROBLEMS[reason],
    )


@operation("coupons.block", permission=Permission.PROMOTION_WRITE, raises=(CouponNotFound,))
def block_coupon(ctx: Context, data: BlockCoupon) -> CouponOut:
    """Block a coupon, or let a blocked one be used again; what was used stays used. Raises: ``COUPON_NOT_FOUND``."""
    now, code = ctx.clock.now(), typed_code(data.code)
    found = coupons.get_coupon(ctx, code, now)
    ctx.note(f"coupon {code}", blocked=data.blocked, reason=data.reason)
    if (found.blocked_at is not None) != data.blocked:
        coupons.block_coupon(ctx, found.id, now if data.blocked else None, data.reason if data.blocked else None)
    return coupons.get_coupon(ctx, code, now)


@operation(
    "coupons.hold",
    permission=Permission.SALE_CREATE,
    raises=(CouponNotFound, CouponRefused, CouponConflict, OutletNotFound, CustomerNotFound),
)
def hold_coupon(ctx: Context, data: HoldCoupon) -> CouponHeld:
    """Keep one use of a coupon for a ticket that is being rung up; after 15 minutes it is free again.

    The sale captures it by ``id``. Safe to repeat with the same ``id``. Raises: ``COUPON_NOT_FOUND``,
    ``COUPON_REFUSED``, ``COUPON_CONFLICT``, ``OUTLET_NOT_FOUND``, ``CUSTOMER_NOT_FOUND``.
    """
    now, code = ctx.clock.now(), typed_code(data.code)
    shared.require_outlet(ctx, data.outlet_id)
    shared.require_customer(ctx, data.customer_id)
    known = coupons.known_hold(ctx, data.id)
    if known is not None:
        if (known["code"], known["outlet_id"], known["customer_id"]) != (code, data.outlet_id, data.customer_id):
            raise CouponConflict
        ctx.note(f"coupon {code}", hold=str(data.id), replayed=True)
        return _held(data.id, known)
    state, occasion = standing_of(ctx, code, data.customer_id, now)
    reason = why_not(state, occasion, now)
    if reason is None:
        expires = ledger.hold(ctx, data.id, state.id, outlet=data.outlet_id, customer=data.customer_id, at=now)
        if expires is not None:
            ctx.note(f"coupon {code}", hold=str(data.id))
            return CouponHeld(id=data.id, code=code, promotion=state.promotion, state="held", expires_at=expires)
        reason = "used_up"
    raise CouponRefused(coupon=code, reason=reason, problem=PROBLEMS[reason])


@operation("coupons.release", permission=Permission.SALE_CREATE, raises=(CouponHoldNotFound, PermissionDenied))
def release_coupon(ctx: Context, data: ReleaseCoupon) -> CouponHeld:
    """Give a held use of a coupon back; one that a sale captured stays. Again changes nothing.

    Raises: ``COUPON_HOLD_NOT_FOUND``.
    """
    known = coupons.known_hold(ctx, data.id)
    if known is None or not ctx.identity.may_use_outlet(known["outlet_id"]):
        raise CouponHoldNotFound
    ledger.release(ctx, data.id, ctx.clock.now())
    ctx.note(f"coupon {known['code']}", released=str(data.id))
    return _held(data.id, coupons.known_hold(ctx, data.id) or known)


def _held(hold_id: object, known: dict[str, object]) -> CouponHeld:
    return msgspec.convert(
        {"id": hold_id, **{name: known[name] for name in ("code", "promotion", "state", "expires_at")}}, CouponHeld
    )
