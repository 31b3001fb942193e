"""Exports of other systems: how to tell them, and what their rows mean."""
