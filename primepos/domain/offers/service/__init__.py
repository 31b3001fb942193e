"""Operations on offers: price lists, promotions, coupons, mappings of taxes."""

from primepos.domain.offers.service.coupons import (
    block_coupon,
    check_coupon,
    create_coupons,
    hold_coupon,
    list_coupons,
    release_coupon,
)
from primepos.domain.offers.service.lists import (
    archive_price_list,
    ask_price,
    create_price_list,
    list_price_lists,
    set_list_prices,
    show_price_list,
    update_price_list,
)
from primepos.domain.offers.service.promotions import (
    archive_promotion,
    create_promotion,
    list_promotions,
    show_promotion,
    try_promotions,
    update_promotion,
)
from primepos.domain.offers.service.taxes import (
    archive_tax_mapping,
    create_tax_mapping,
    list_tax_mappings,
    pull_offers,
    update_tax_mapping,
)

__all__ = [
    "archive_price_list",
    "archive_promotion",
    "archive_tax_mapping",
    "ask_price",
    "block_coupon",
    "check_coupon",
    "create_coupons",
    "create_price_list",
    "create_promotion",
    "create_tax_mapping",
    "hold_coupon",
    "list_coupons",
    "list_price_lists",
    "list_promotions",
    "list_tax_mappings",
    "pull_offers",
    "release_coupon",
    "set_list_prices",
    "show_price_list",
    "show_promotion",
    "try_promotions",
    "update_price_list",
    "update_promotion",
    "update_tax_mapping",
]
