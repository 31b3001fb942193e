"""Value that the shop owes or is owed: gift cards, store credit, customer accounts, points, in one ledger."""
