"""Measurements of PrimePOS beside yardsticks of the same run."""
