"""Giving a shop everything it has, as tables that any program can read."""
