"""Payment after a closing: exchange rates, netting, rounds and payment messages."""
