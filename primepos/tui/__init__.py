"""The Textual faces."""
