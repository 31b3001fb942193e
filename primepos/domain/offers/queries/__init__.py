"""Reading and changing offers."""
