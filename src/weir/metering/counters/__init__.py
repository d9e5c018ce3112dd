"""Counters of record in PostgreSQL: budgets, payment intents, and the sums of periods."""
