"""The till's screen: shows the engine's state and sends it keys."""
