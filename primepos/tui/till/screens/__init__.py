"""One screen for each thing the till can be doing."""
