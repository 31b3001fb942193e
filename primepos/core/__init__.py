"""Shared kernel; knows no feature and no face."""
