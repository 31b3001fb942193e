"""Whole tenants: moved to another server, erased, and opened to support by their owner."""
