"""How acts on price lists, promotions, coupons and tax mappings can be refused."""

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, NotFound, RuleViolation


class PriceListNotFound(NotFound):
    """No such price list in this tenant."""

    code = "PRICE_LIST_NOT_FOUND"
    template = "No price list {price_list}"


class PromotionNotFound(NotFound):
    """No such promotion in this tenant."""

    code = "PROMOTION_NOT_FOUND"
    template = "No promotion {promotion}"


class CouponNotFound(NotFound):
    """No coupon has this code."""

    code = "COUPON_NOT_FOUND"
    template = "No coupon {coupon}"


class CouponHoldNotFound(NotFound):
    """No such use of a coupon is or was held."""

    code = "COUPON_HOLD_NOT_FOUND"
    template = "No coupon is held under this id"


class TaxMappingNotFound(NotFound):
    """No such mapping of taxes in this tenant."""

    code = "TAX_MAPPING_NOT_FOUND"
    template = "No tax mapping {tax_mapping}"


class DuplicatePriceList(Conflict):
    """Another price list of the tenant, perhaps an archived one, has this code."""

    code = "DUPLICATE_PRICE_LIST"
    template = "Another price list has this code"


class DuplicatePromotion(Conflict):
    """Another promotion of the tenant, perhaps an archived one, has this code."""

    code = "DUPLICATE_PROMOTION"
    template = "Another promotion has this code"


class DuplicateTaxMapping(Conflict):
    """Another mapping of the tenant, perhaps an archived one, has this code."""

    code = "DUPLICATE_TAX_MAPPING"
    template = "Another tax mapping has this code"


class DuplicateCoupon(Conflict):
    """Another coupon of the tenant has this code."""

    code = "DUPLICATE_COUPON"
    template = "Another coupon has this code"


class CouponConflict(Conflict):
    """Other coupons were made, or another coupon held, under this id."""

    code = "COUPON_CONFLICT"
    template = "This id was used for something else"


class CouponRefused(RuleViolation):
    """A coupon cannot be used: it is used up, held by somebody, over, blocked, another customer's, or its promotion is.

    ``reason`` is ``used_up``, ``not_yet``, ``over``, ``blocked``, ``other_customer`` or ``promotion_over``.
    """

    code = "COUPON_REFUSED"
    template = "Coupon {coupon} cannot be used: {problem}"


class CouponGivesNothing(RuleViolation):
    """A coupon is good, and takes nothing off these goods: it was not used."""

    code = "COUPON_GIVES_NOTHING"
    template = "Coupon {coupon} takes nothing off these goods; leave it out"


register_constraint("price_lists_tenant_id_code_key", DuplicatePriceList)
register_constraint("promotions_tenant_id_code_key", DuplicatePromotion)
register_constraint("tax_mappings_tenant_id_code_key", DuplicateTaxMapping)
register_constraint("coupons_tenant_id_code_key", DuplicateCoupon)
