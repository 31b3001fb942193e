"""The books auditor and other duties of an operator."""
