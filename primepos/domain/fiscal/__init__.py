"""Closings of days, months and years over the sealed series, and an export that proves itself without the database."""
