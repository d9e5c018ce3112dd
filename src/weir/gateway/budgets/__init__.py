"""Budgets of subscriptions, leased from the counters of record, and bounds on calls in flight."""
