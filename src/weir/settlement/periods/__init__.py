"""Periods: their notation, the segments a closing counts, and holds on expiry of records."""
