"""A whole shop from one file."""
