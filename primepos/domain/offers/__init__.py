"""Offers: price lists, promotions, coupons, and which taxes a customer bears."""
