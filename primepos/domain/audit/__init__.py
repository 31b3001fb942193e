"""The trail of who did, or was refused, what and when."""
