"""One controller a feature; no logic."""
