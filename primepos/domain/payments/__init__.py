"""Tenders of a sale."""
