"""Periods: which are closed when, from which segments, and opened again."""
