"""Consent: requests to customers, their grants, withdrawals, and the proof of all three."""
