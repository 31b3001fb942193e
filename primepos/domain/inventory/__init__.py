"""Stock levels and the ledger of every movement."""
