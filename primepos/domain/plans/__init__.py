"""Plans: how much of everything a tenant may have, and how much it uses."""
