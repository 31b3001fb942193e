"""The outside world: migrations, printers, mail, files."""
