"""Bringing in what other systems exported."""
