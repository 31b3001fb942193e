"""Tickets put aside: sales on hold for any register, quotes, layaways with deposits."""
