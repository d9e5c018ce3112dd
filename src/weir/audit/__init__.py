"""The audit trail: the events of each organisation in a sealed chain of its own."""
