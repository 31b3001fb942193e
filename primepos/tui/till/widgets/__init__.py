"""What the till's screens are made of."""
