"""Booking, delivering, reading and voiding sales."""
