"""Figures over sales."""
