"""Tenants: the shops that share this installation."""
