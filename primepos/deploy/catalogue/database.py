"""Checks of the area; see `primepos/deploy/check.py`."""
