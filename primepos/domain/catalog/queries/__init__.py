"""Rows of the catalogue, for this feature and for those above it."""

from primepos.domain.catalog.queries.bulk import product_ids, upsert_products
from primepos.domain.catalog.queries.taxes import (
    ensure_category,
    ensure_tax,
    ensure_tax_class,
    tax_rules_by_class,
)

__all__ = [
    "ensure_category",
    "ensure_tax",
    "ensure_tax_class",
    "product_ids",
    "tax_rules_by_class",
    "upsert_products",
]
