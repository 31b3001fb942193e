"""Backups of the whole database: dumped in one snapshot, sealed by a key, restored beside what is in service."""
