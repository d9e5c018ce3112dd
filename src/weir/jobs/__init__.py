"""Durable jobs: slots of workers, and an outbox for messages that are handed over once."""
