"""Work for later, queued in the transaction that asks for it."""
