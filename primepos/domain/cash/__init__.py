"""Shifts: float, count, difference."""
