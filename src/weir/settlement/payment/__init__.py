"""What follows a closing: obligations, exchange rates, netting rounds, payment messages."""
