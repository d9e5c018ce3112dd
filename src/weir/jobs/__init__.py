"""Durable jobs: the slot of a worker, and messages handed over once."""
