"""How a report of the gate is written: for people, for programs, for platforms."""
