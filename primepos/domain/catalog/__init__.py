"""Products, barcodes, categories, taxes and prices."""
