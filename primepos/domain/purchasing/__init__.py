"""Suppliers, what is ordered from them, what arrives and what goes back."""
