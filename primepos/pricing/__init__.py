"""Pure pricing: taxes, discounts, rounding and barcodes, without I/O."""
