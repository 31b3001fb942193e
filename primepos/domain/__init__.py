"""One package a feature; every package holds models, schemas and operations."""
