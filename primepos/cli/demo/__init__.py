"""The demo shop: what it sells, how it is set up, and a day at its till."""
