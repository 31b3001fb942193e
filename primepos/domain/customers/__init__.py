"""Customers: who they are, what they agreed to, what they bought."""
