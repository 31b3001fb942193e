"""Operations on the catalogue: products, variants, units, kits, pictures, labels, categories and taxes."""

from primepos.domain.catalog.service.editing import edit_products
from primepos.domain.catalog.service.images import get_image, remove_image, set_image
from primepos.domain.catalog.service.labels import list_labels, list_sheets, print_labels
from primepos.domain.catalog.service.makeup import create_variants, list_variants, set_kit, set_units
from primepos.domain.catalog.service.products import (
    archive_product,
    create_product,
    get_product,
    list_products,
    look_up_code,
    pull_snapshot,
    search_products,
    set_barcodes,
    unarchive_product,
    update_product,
)
from primepos.domain.catalog.service.taxes import (
    archive_category,
    create_category,
    create_tax,
    create_tax_class,
    list_categories,
    list_tax_classes,
    list_taxes,
    set_class_taxes,
    unarchive_category,
    update_tax,
)

__all__ = [
    "archive_category",
    "archive_product",
    "create_category",
    "create_product",
    "create_tax",
    "create_tax_class",
    "create_variants",
    "edit_products",
    "get_image",
    "get_product",
    "list_categories",
    "list_labels",
    "list_products",
    "list_sheets",
    "list_tax_classes",
    "list_taxes",
    "list_variants",
    "look_up_code",
    "print_labels",
    "pull_snapshot",
    "remove_image",
    "search_products",
    "set_barcodes",
    "set_class_taxes",
    "set_image",
    "set_kit",
    "set_units",
    "unarchive_category",
    "unarchive_product",
    "update_product",
    "update_tax",
]
