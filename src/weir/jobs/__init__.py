"""Durable jobs: their steps, the worker slots that hold them, and an outbox of messages."""
