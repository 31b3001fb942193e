"""People who sign in by e-mail and password, their memberships and tokens."""
