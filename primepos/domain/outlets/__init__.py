"""Outlets and their registers."""
