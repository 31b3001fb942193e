"""``primepos doctor``: what is wrong with an installation, what an error means, and what to send to whoever helps."""
