"""Deploy checks and the gate."""
