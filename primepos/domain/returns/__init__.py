"""Goods that come back: by receipt, in exchange, without a receipt."""
