"""Checks of this area of the catalogue."""
