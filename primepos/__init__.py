"""PrimePOS: a point of sale with three faces over one tenant-scoped core."""

__version__ = "0.1.0"
