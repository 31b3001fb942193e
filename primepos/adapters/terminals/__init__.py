"""Card terminals, each behind :class:`primepos.domain.payments.terminal.CardTerminal`."""
