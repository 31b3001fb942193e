"""People at the till: code, PIN and role."""
