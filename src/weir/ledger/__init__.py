"""Balanced postings that are never changed: the platform's books."""
